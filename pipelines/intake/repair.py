"""Making a damaged file of the lake anew: the archived file is judged again as it was then, on a lake that
knows what was known then. What comes out takes the file's place only when it has the very hash that the
ledger holds."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

from pipelines.extracts.mapping import Mapping
from pipelines.intake.inbox import MAPPING_FOLDER, Delivery
from pipelines.intake.load import Night, take_in
from pipelines.intake.plan import Task
from pipelines.lake.durable import move_into_place
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import LedgerRow
from pipelines.lake.scratch import scratch_lake
from pipelines.lake.verify import Damage
from pipelines.lake.write import file_sha256


def repair(damage: Damage, night: Night, mappings: list[Mapping]) -> str | None:
    """Put a damaged file of a load back. Returns None, or why that is not possible."""
    (load,) = [row for row in night.ledger if row.load_id == damage.load_id]
    wanted = json.loads(load.lake_files).get(damage.path)
    mapping = {each.name: each for each in mappings}.get(load.mapping or "")
    kept = night.lake.archive / load.file_sha256
    if wanted is None or load.retry_of is not None:
        return "It was not made of one file alone, so it has to come from a backup."
    if mapping is None:
        return f"Its mapping {load.mapping} is no longer there."
    if not kept.exists() or file_sha256(kept) != load.file_sha256:
        return "The archive does not have the file as received any more."
    before = [row for row in night.ledger if row.load_id < load.load_id]
    last = before[-1].load_id if before else None
    with scratch_lake(night.lake, night.contracts, before, {load.file_sha256: kept}, last) as scratch:
        made = _take_in_again(load, mapping, kept, replace(night, lake=scratch, ledger=before, lookups={}))
        if json.loads(made.lake_files).get(damage.path) != wanted:
            return (
                "Judged again it comes out differently, because rules or code have changed since. Run "
                f"`qi verify --repair` with version {load.code_version}, or put it back from a backup."
            )
        _put_back(scratch.root / damage.path, night.lake, damage.path)
    return None


def _take_in_again(load: LedgerRow, mapping: Mapping, kept: Path, night: Night) -> LedgerRow:
    path = night.lake.staging / "as_received" / load.file_path
    is_provided = load.file_path.startswith(MAPPING_FOLDER)
    path.parent.mkdir(parents=True)
    shutil.copyfile(kept, path)
    if is_provided:
        # The rows stand in the mapping, and its lines are read from this very copy.
        mapping = replace(mapping, path=path)
    delivery = Delivery(
        path,
        load.file_path,
        load.file_bytes,
        load.file_mtime_ns,
        load.file_sha256,
        load.received_at,
        load.is_synthetic,
    )
    assert load.extract is not None
    again = replace(night, now=load.loaded_at, run_id=load.run_id, results=[])
    return take_in(Task(delivery, mapping, load.extract, is_provided, table=load.file_table), again)


def _put_back(made: Path, lake: Lake, path: str) -> None:
    staged = lake.staging / "repaired" / path
    staged.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made, staged)
    move_into_place(staged, lake.root / path)
