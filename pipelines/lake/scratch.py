"""A lake that is thrown away: links to what the real one has accepted, so that the steps of the night can be
run on a file and nothing of them reaches the real one."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.extracts.contract import Contract, lake_schema
from pipelines.lake.layout import Lake, load_folder
from pipelines.lake.ledger import LedgerRow, prepare


@contextmanager
def scratch_lake(
    lake: Lake,
    contracts: dict[str, Contract],
    ledger: list[LedgerRow],
    archived: dict[str, Path],
    last_load: str | None,
) -> Iterator[Lake]:
    """A lake that knows the accepted rows of the loads in `ledger` and is gone afterwards.

    `archived`: hash -> file that its archive has already, so that it is not copied. Its loads are numbered
    after `last_load`. Only the user may read it. Cost: one link a load.
    """
    with tempfile.TemporaryDirectory(prefix="qi_scratch_") as folder:
        scratch = Lake(Path(folder))
        prepare(scratch, {name: lake_schema(contract) for name, contract in contracts.items()})
        for sha256, path in archived.items():
            _link(path.absolute(), scratch.archive / sha256)
        if last_load is not None:
            load_folder(scratch.ledger, last_load).mkdir()
        for row in ledger:
            if row.extract in contracts and row.records_accepted:
                source = load_folder(lake.accepted(row.extract), row.load_id)
                _link(source, load_folder(scratch.accepted(row.extract), row.load_id))
        yield scratch


def _link(source: Path, target: Path) -> None:
    """A symbolic link, or a copy where the system has none for ordinary users (Windows)."""
    try:
        target.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, target)
