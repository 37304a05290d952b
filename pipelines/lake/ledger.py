"""What the lake knows of every file and attempt, read back for the next run.

The ledger is one Parquet row a load, written last. Reading it is all a run needs to decide what to
do, so a run that was killed at any instant needs no other memory.
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.extracts.standard_rules import PERSONAL_DATA
from pipelines.faults import Stopped
from pipelines.lake.durable import move_into_place, remove_tree, write_parquet
from pipelines.lake.layout import (
    FIRST_LOAD,
    FIRST_RELEASE,
    GATE_RESULTS,
    LEDGER,
    PART,
    PROFILES,
    PUBLISHED_ICONS,
    PUBLISHED_METRICS,
    QUARANTINED_ROWS,
    RELEASES,
    UNITS,
    Lake,
    load_folder,
    load_name,
    load_number,
    release_part,
)


class LedgerUnreadable(Stopped):
    """A row of the ledger cannot be read; the message names its file and what to do."""


BY_HAND = "by hand"
"""The run of what an engineer does by a command of `qi`."""
Content = tuple[str, str | None, str | None]
"""Bytes by their hash, the extract they feed, and the table in them where they hold several."""


@dataclass(frozen=True)
class LedgerRow:
    """One load: what one attempt at one file (for one extract) came to. Counts are source rows.

    `contract_sha256` is the hash of the contract's file, `gate_sha256` that of the rules in it alone.
    `encoding` and `delimiter` are those that a text was read with. Of a zip file with several known tables,
    `file_table` is the one that was loaded, `file_mappings` a list of all, each with the mapping it fits.
    """

    load_id: str
    run_id: str
    extract: str | None
    mapping: str | None
    source_system: str | None
    file_path: str
    file_name: str
    file_sha256: str
    file_bytes: int
    file_mtime_ns: int
    edition: str | None
    published_on: date | None
    received_at: datetime
    loaded_at: datetime
    verdict: str
    reason: str
    rows_received: int
    rows_accepted: int
    rows_quarantined: int
    rows_refused: int
    rows_ignored: int
    records_accepted: int
    records_quarantined: int
    retry_of: str | None
    is_synthetic: bool
    mapping_sha256: str | None
    contract_sha256: str | None
    code_version: str
    lake_files: str
    gate_sha256: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    file_table: str | None = None
    file_mappings: str | None = None

    @property
    def is_conserved(self) -> bool:
        parts = self.rows_accepted + self.rows_quarantined + self.rows_refused + self.rows_ignored
        return parts == self.rows_received

    @property
    def content(self) -> Content:
        """What was loaded, whatever its path: the same content loads once."""
        return (self.file_sha256, self.extract, self.file_table)

    @property
    def place(self) -> str:
        """The file as messages name it, with the table where it holds several."""
        return f"{self.file_path} ({self.file_table})" if self.file_table else self.file_path

    @property
    def rules_sha256(self) -> tuple[str | None, str | None]:
        return (self.mapping_sha256, self.contract_sha256)

    def to_table(self) -> pa.Table:
        return pa.Table.from_pylist([{name: getattr(self, name) for name in LEDGER.names}], schema=LEDGER)


def prepare(lake: Lake, schemas: dict[str, pa.Schema]) -> None:
    """Make the lake's folders, and for every table a zero-row file with its present schema, so
    that a reader's glob always matches. `schemas`: extract -> schema of its accepted rows."""
    lake.archive.mkdir(parents=True, exist_ok=True)
    lake.archive.chmod(0o700)
    for path, schema in _schema_files(lake, schemas).items():
        _keep_schema_file(schema, path)


def is_prepared(lake: Lake, schemas: dict[str, pa.Schema]) -> bool:
    """Whether `prepare` would change nothing."""
    return not unprepared(lake, schemas)


def unprepared(lake: Lake, schemas: dict[str, pa.Schema]) -> list[Path]:
    """The zero-row files that are missing, or are not what they should be."""
    return [path for path, schema in _schema_files(lake, schemas).items() if not _has_schema(path, schema)]


def _schema_files(lake: Lake, schemas: dict[str, pa.Schema]) -> dict[Path, pa.Schema]:
    codes = pa.field("codes", pa.string())
    folders = {
        lake.ledger: LEDGER,
        lake.gate_results: GATE_RESULTS,
        lake.quarantined_rows: QUARANTINED_ROWS,
        lake.profiles: PROFILES,
        lake.units: UNITS,
        **{lake.accepted(extract): schema for extract, schema in schemas.items()},
        **{lake.quarantine(extract): schema.append(codes) for extract, schema in schemas.items()},
    }
    files = {load_folder(folder, FIRST_LOAD) / PART: schema for folder, schema in folders.items()}
    return files | {
        release_part(lake.releases, FIRST_RELEASE): RELEASES,
        release_part(lake.published_icons, FIRST_RELEASE): PUBLISHED_ICONS,
        release_part(lake.published_metrics, FIRST_RELEASE): PUBLISHED_METRICS,
    }


def _has_schema(path: Path, schema: pa.Schema) -> bool:
    if not path.exists():
        return False
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return False
    return metadata.num_rows == 0 and metadata.schema.to_arrow_schema().equals(schema)


def _keep_schema_file(schema: pa.Schema, path: Path) -> None:
    if _has_schema(path, schema):
        return
    staged = path.with_name(path.name + ".part")
    write_parquet(schema.empty_table(), staged)
    move_into_place(staged, path)


def recover(lake: Lake) -> list[str]:
    """Undo what a killed run left half written. Loads are numbered in turn by one writer, so only
    the number after the last committed one can be uncommitted. Returns what was removed."""
    remove_tree(lake.staging)
    orphan = next_load_id(lake)
    removed = []
    parents = [lake.gate_results, lake.quarantined_rows, lake.profiles, lake.units]
    for area in ("accepted", "quarantine"):
        if (lake.root / area).is_dir():
            parents.extend(sorted((lake.root / area).iterdir()))
    for parent in parents:
        folder = load_folder(parent, orphan)
        if folder.exists():
            remove_tree(folder)
            removed.append(folder.relative_to(lake.root).as_posix())
    return removed


def next_load_id(lake: Lake) -> str:
    """The number for the next load: one more than the last committed."""
    if not lake.ledger.is_dir():
        return load_name(1)
    numbers = [load_number(folder.name.removeprefix("load_id=")) for folder in lake.ledger.iterdir()]
    return load_name(max(numbers, default=0) + 1)


_Stamp = tuple[str, int, int]
"""A row of the ledger as a file: path, time of writing, size. A committed row is not written again."""
_read_before: dict[_Stamp, list[LedgerRow]] = {}


def read_ledger(lake: Lake) -> list[LedgerRow]:
    """Every load ever committed, oldest first. A process reads each row from the disk once.

    Raises LedgerUnreadable, naming the damaged rows.
    """
    stamps = [_stamp(part) for part in lake.ledger.glob(f"*/{PART}")]
    new = [stamp for stamp in stamps if stamp not in _read_before]
    if new:
        rows = _read_rows(lake, [path for path, _, _ in new])
        by_folder = {load_folder(lake.ledger, row.load_id).name: row for row in rows}
        for stamp in new:
            found = by_folder.get(Path(stamp[0]).parent.name)
            _read_before[stamp] = [found] if found else []
    committed = [row for stamp in stamps for row in _read_before[stamp]]
    return sorted(committed, key=lambda row: row.load_id)


def _stamp(part: Path) -> _Stamp:
    state = part.stat()
    return str(part), state.st_mtime_ns, state.st_size


def _read_rows(lake: Lake, parts: list[str]) -> list[LedgerRow]:
    columns = ", ".join(LEDGER.names)
    try:
        with duckdb.connect() as connection:
            # A lake written before a column came has no such column until the next night prepares it.
            connection.register("present", LEDGER.empty_table())
            rows = connection.execute(
                f"select load_id, {columns} from (from read_parquet(?, hive_partitioning = true, "
                "hive_types_autocast = false, union_by_name = true) union all by name from present)",
                [parts],
            ).fetchall()
    except duckdb.Error as fault:
        damaged = unreadable_rows(lake)
        if not damaged:
            raise
        raise LedgerUnreadable(
            f"{', '.join(damaged)} cannot be read, and without it nobody knows what that load was. Put it "
            "back from a backup of the lake, and run again."
        ) from fault
    return [LedgerRow(*row) for row in rows]


def unreadable_rows(lake: Lake) -> list[str]:
    """Paths of ledger rows that are there and cannot be read, or of loads whose row is gone."""
    found = []
    for folder in sorted(lake.ledger.iterdir()):
        part = folder / PART
        try:
            is_good = part.exists() and pq.read_table(part).num_rows == (not folder.name.endswith(FIRST_LOAD))
        except (pa.ArrowException, OSError):
            is_good = False
        if not is_good:
            found.append(f"lake/{part.relative_to(lake.root).as_posix()}")
    return found


def files_with_personal_data(rows: list[LedgerRow]) -> set[str]:
    """Hashes of files that the archive must not keep: one of their tables was refused for personal data, and
    has not been judged otherwise since."""
    latest = {
        row.content: row for row in rows if row.retry_of is None and row.verdict in ("accepted", "refused")
    }
    found = (row for row in latest.values() if row.verdict == "refused")
    return {row.file_sha256 for row in found if f"{PERSONAL_DATA} (" in row.reason}


def withdrawn_load_ids(rows: list[LedgerRow]) -> set[str]:
    """Loads that were taken back, and what was released of them: their rows no longer count."""
    origins = {row.retry_of for row in rows if row.verdict == "withdrawn" and row.retry_of}
    return origins | {row.load_id for row in rows if row.verdict == "released" and row.retry_of in origins}
