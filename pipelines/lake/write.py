"""Committing one load: archive, rows, verdicts, and last the ledger row that makes it count."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.lake.durable import move_into_place, parquet_writer, remove_tree, sync, write_parquet
from pipelines.lake.layout import PART, Lake, load_folder
from pipelines.lake.ledger import LedgerRow


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


SEAL = "_sha256"
"""A text beside a row that commits something, with hashes of files that no ledger row has: its own, and of a
release those of what it showed. In the form of `sha256sum`, with paths relative to the lake; the underscore
makes engines that read the folder as a table pass it by."""


def write_seal(folder: Path, hashes: dict[str, str]) -> None:
    """Write down hashes in a folder that is then moved into place. `hashes`: path -> SHA-256."""
    lines = (f"{sha256}  {path}\n" for path, sha256 in hashes.items())
    (folder / SEAL).write_text("".join(lines), encoding="utf-8", newline="")


class StagedLoad:
    """A load that is being written, aside: what it holds does not count before `commit`.

    Each table is one file, written in the pieces in which its rows come; a piece is a row group. As a context
    it forgets what was not committed.
    """

    def __init__(self, lake: Lake, load_id: str) -> None:
        self._lake = lake
        self._folder = lake.staging / load_id
        self._load_id = load_id
        self._writers: dict[Path, pq.ParquetWriter] = {}
        remove_tree(self._folder)

    def __enter__(self) -> "StagedLoad":
        return self

    def __exit__(self, *fault: object) -> None:
        self.forget()

    def add(self, parent: Path, table: pa.Table) -> None:
        """Add rows to a table of the load; `parent` is the table's folder, as `Lake` names it."""
        if table.num_rows == 0:
            return
        relative = load_folder(parent, self._load_id).relative_to(self._lake.root)
        if relative not in self._writers:
            self._writers[relative] = parquet_writer(self._folder / relative / PART, table.schema)
        self._writers[relative].write_table(table)

    def forget(self) -> None:
        """Remove all rows added so far."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}
        remove_tree(self._folder)

    def commit(self, row: LedgerRow) -> LedgerRow:
        """Put every table into place, and then the ledger row, which then has the hashes of the files."""
        files = {}
        for relative, writer in self._writers.items():
            writer.close()
            part = self._folder / relative / PART
            sync(part)
            files[(relative / PART).as_posix()] = file_sha256(part)
        for relative in self._writers:
            move_into_place(self._folder / relative, self._lake.root / relative)
        row = replace(row, lake_files=json.dumps(files, sort_keys=True))
        committed = load_folder(self._lake.ledger, self._load_id)
        ledger_part = self._folder / "ledger" / PART
        write_parquet(row.to_table(), ledger_part)
        relative = (committed / PART).relative_to(self._lake.root).as_posix()
        write_seal(ledger_part.parent, {relative: file_sha256(ledger_part)})
        move_into_place(ledger_part.parent, committed)
        self._writers = {}
        return row


def commit_load(lake: Lake, row: LedgerRow, tables: dict[Path, pa.Table]) -> LedgerRow:
    """Write a load's tables and then its ledger row. `tables`: folder of the table (as `Lake` names
    it) -> rows; empty tables are not written. Returns the row with the hashes of its files."""
    with StagedLoad(lake, row.load_id) as staged:
        for parent, table in tables.items():
            staged.add(parent, table)
        return staged.commit(row)
