"""The lake of one check: a temporary copy by links of what the home's lake has accepted, so that the
night's own steps can be run on a file and nothing of them reaches the home."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.extracts.contract import Contract, lake_schema
from pipelines.intake.inbox import Delivery
from pipelines.lake.layout import Lake, load_folder
from pipelines.lake.ledger import LedgerRow, prepare, read_ledger


@contextmanager
def scratch_lake(
    home: Lake, contracts: dict[str, Contract], deliveries: Iterable[Delivery]
) -> Iterator[tuple[Lake, list[LedgerRow]]]:
    """A lake that is gone afterwards, and its ledger: all that `home` has accepted except the files that
    are checked, which are judged as if they came for the first time.

    Only the user may read it. Cost: one link a load.
    """
    with tempfile.TemporaryDirectory(prefix="qi_check_") as folder:
        lake = Lake(Path(folder))
        prepare(lake, {name: lake_schema(contract) for name, contract in contracts.items()})
        checked = {delivery.sha256: delivery.path for delivery in deliveries}
        for sha256, path in checked.items():
            # The archive has the file already, so nothing is copied.
            _link(path.absolute(), lake.archive / sha256)
        known = read_ledger(home) if home.ledger.is_dir() else []
        if known:
            # New loads are numbered after all that there are.
            load_folder(lake.ledger, known[-1].load_id).mkdir(exist_ok=True)
        ledger = [row for row in known if row.file_sha256 not in checked]
        for row in ledger:
            if row.extract in contracts and row.records_accepted:
                source = load_folder(home.accepted(row.extract), row.load_id)
                _link(source, load_folder(lake.accepted(row.extract), row.load_id))
        yield lake, ledger


def _link(source: Path, target: Path) -> None:
    """A symbolic link, or a copy where the system has none for ordinary users (Windows)."""
    try:
        target.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, target)
