"""Committing one load: archive, rows, verdicts, and last the ledger row that makes it count."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from pipelines.lake.durable import move_into_place, remove_tree, write_parquet
from pipelines.lake.layout import PART, Lake, load_folder
from pipelines.lake.ledger import LedgerRow

CHUNK_BYTES = 1 << 20


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read in chunks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def archive_file(lake: Lake, path: Path, sha256: str) -> Path:
    """Keep the file as received, under the hash of its bytes; twice the same bytes are kept once.

    The archive may hold what the lake's rows do not (staff identifiers before they are made
    pseudonyms), so only its owner may read it.
    """
    target = lake.archive / sha256
    if not target.exists():
        lake.staging.mkdir(parents=True, exist_ok=True)
        staged = lake.staging / sha256
        staged.touch(mode=0o600)
        shutil.copyfile(path, staged)
        staged.chmod(0o600)
        move_into_place(staged, target)
    return target


def forget_file(lake: Lake, sha256: str) -> None:
    """Take a file out of the archive, where it came as long as only harmless parts of it had been read."""
    (lake.archive / sha256).unlink(missing_ok=True)


def commit_load(lake: Lake, row: LedgerRow, tables: dict[Path, pa.Table]) -> LedgerRow:
    """Write a load's tables and then its ledger row. `tables`: folder of the table (as `Lake` names
    it) -> rows; empty tables are not written. Returns the row with the hashes of its files."""
    remove_tree(lake.staging / row.load_id)
    staged: list[tuple[Path, Path]] = []
    files = {}
    for parent, table in tables.items():
        if table.num_rows == 0:
            continue
        relative = load_folder(parent, row.load_id).relative_to(lake.root)
        part = lake.staging / row.load_id / relative / PART
        write_parquet(table, part)
        files[(relative / PART).as_posix()] = file_sha256(part)
        staged.append((part.parent, lake.root / relative))
    for source, target in staged:
        move_into_place(source, target)
    row = replace(row, lake_files=json.dumps(files, sort_keys=True))
    ledger_part = lake.staging / row.load_id / "ledger" / PART
    write_parquet(row.to_table(), ledger_part)
    move_into_place(ledger_part.parent, load_folder(lake.ledger, row.load_id))
    return row
