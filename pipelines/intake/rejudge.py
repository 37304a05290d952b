"""Loads judged again because the rules have changed, from the rows that lie in the lake.

A load keeps a digest of the rules that judged it. When today's digest differs, its records, those accepted
and those in quarantine, are judged again; no file is read. What follows:

- nothing but results differ: they are noted under a load of their own (`rejudged`), and the rows stay;
- rows in quarantine pass now: they are `released`, as when what they waited for has come;
- accepted rows fail now, or the codes of quarantined ones differ: a new load takes the place of the old one,
  which is withdrawn. What was reported before that moment stays.

What could not be read stays in quarantine with its code. A file that was refused has no rows in the lake; it
is looked at again where it lies.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.extracts.add_up import SOURCE_UNIT
from pipelines.extracts.contract import Contract, lake_schema
from pipelines.extracts.contract_columns import JOINT, ColumnType
from pipelines.extracts.read import OpenExtract
from pipelines.extracts.readers.line_numbers import Malformed
from pipelines.extracts.records import SLICE_RECORDS, Records, engine
from pipelines.gates.gate import Sorted, Verdict, judge_slices
from pipelines.intake.load import (
    Night,
    commit_verdict,
    find_lookups,
    find_taken,
    judged_by,
    keep_units,
    lake_rows,
    later_row,
    note_results,
    past_of,
    record_error,
    record_withdrawal,
    stage,
)
from pipelines.intake.retry import release_events
from pipelines.lake.layout import FIRST_LOAD, PART, UNITS, Lake, load_folder
from pipelines.lake.ledger import LedgerRow, next_load_id, withdrawn_load_ids
from pipelines.lake.lookups import quarantined_units
from pipelines.lake.write import StagedLoad

LOGGER = logging.getLogger(__name__)

MALFORMED = "ROW_MALFORMED"
UNREADABLE = "_UNREADABLE"


@dataclass(frozen=True)
class Rejudged:
    """What today's rules make of a load. Counts are lines of its file.

    `now_failing` were accepted, `now_passing` in quarantine. `needs_reread`: columns that today's contract
    requires and the lake does not have, so that only the file itself can be judged.
    """

    load: LedgerRow
    is_refused: bool = False
    now_failing: int = 0
    now_passing: int = 0
    recoded: int = 0
    needs_reread: tuple[str, ...] = ()
    new_load_id: str | None = None

    @property
    def is_replaced(self) -> bool:
        """Whether a new load has to take the place of the old one."""
        return self.is_refused or self.now_failing > 0 or self.recoded > 0

    @property
    def in_words(self) -> str:
        """One plain line; never a value of a row."""
        name = f"{self.load.place} → {self.load.extract} ({self.load.load_id})"
        if self.needs_reread:
            return f"{name}: not judged again; `qi run --reread` is needed for {', '.join(self.needs_reread)}"
        if self.is_refused:
            return f"{name}: refused by today's rules"
        changes = [f"{self.now_failing} accepted rows fail"] if self.now_failing else []
        changes += [f"{self.now_passing} quarantined rows pass"] if self.now_passing else []
        changes += [f"{self.recoded} stay in quarantine for other reasons"] if self.recoded else []
        return f"{name}: {', '.join(changes) or 'nothing changes'}"


def due_loads(night: Night) -> list[LedgerRow]:
    """Standing loads that other rules than today's have judged last, in the order in which they entered."""
    taken_back = withdrawn_load_ids(night.ledger)
    judged: dict[str, str | None] = {}
    for row in night.ledger:
        if row.verdict in ("accepted", "rejudged") or (row.verdict == "released" and row.gate_sha256):
            judged[row.retry_of or row.load_id] = row.gate_sha256
    rank = {extract: place for place, extract in enumerate(night.contracts)}
    due = [
        row
        for row in night.ledger
        if row.verdict == "accepted"
        and row.load_id not in taken_back
        and row.extract in night.contracts
        and judged[row.load_id] != night.contracts[row.extract].gate_sha256
    ]
    return sorted(due, key=lambda row: (rank[row.extract or ""], row.received_at, row.load_id))


def rejudge(night: Night, progress: Callable[[str], None], *, is_dry: bool = False) -> list[Rejudged]:
    """Judge every load again that is due. With `is_dry` nothing is written. Twice in a row changes nothing.

    When our own software fails on a load, that is noted and the others go on.
    """
    due = due_loads(night)
    if due:
        progress(f"rules have changed: {len(due)} loads are judged again from the lake")
    found = []
    for number, load in enumerate(due, start=1):
        try:
            outcome = _rejudge(load, night, is_dry=is_dry)
        except (OSError, MemoryError):
            raise
        except Exception as fault:
            if is_dry:
                raise
            record_error(later_row(load, night), fault, night)
            continue
        found.append(outcome)
        if outcome.is_replaced or outcome.now_passing or outcome.needs_reread or number % 100 == 0:
            progress(f"[{number}/{len(due)}] {outcome.in_words}")
    return found


def _rejudge(load: LedgerRow, night: Night, *, is_dry: bool) -> Rejudged:
    contract = night.contracts[load.extract or ""]
    lacking = _lacking(load, contract, night.lake)
    if lacking:
        return Rejudged(load, needs_reread=lacking)
    retries = [
        row.load_id for row in night.ledger if row.retry_of == load.load_id and row.verdict == "released"
    ]
    new = replace(
        load,
        load_id=next_load_id(night.lake),
        run_id=night.run_id,
        loaded_at=night.now,
        code_version=night.code_version,
        lake_files="{}",
        **judged_by(contract),
    )
    with _open_load(load, contract, night.lake) as file, StagedLoad(night.lake, new.load_id) as staged:
        codes = _Codes(file.records.connection, load, retries, night.lake)

        def keep(part: Sorted) -> None:
            stage(part, staged=staged, units=file.units, contract=contract, row=new, lake=night.lake)
            codes.add(part)

        verdict = judge_slices(
            file,
            contract,
            find_lookups(contract, night),
            keep,
            received_on=load.received_at.date(),
            find_taken=partial(
                find_taken,
                contract=contract,
                load=load,
                file_date=load.published_on or load.received_at.date(),
                night=night,
            ),
            past=past_of(load, contract, night),
        )
        now_failing, now_passing, recoded = codes.compare()
        outcome = Rejudged(
            load,
            is_refused=verdict.is_refused,
            now_failing=now_failing,
            now_passing=now_passing,
            recoded=recoded,
        )
        if is_dry:
            return outcome
        if outcome.is_replaced:
            if verdict.is_refused:
                staged.forget()
            else:
                keep_units(file.units, staged, night.lake)
            row = commit_verdict(verdict, staged, new, contract, night)
            record_withdrawal(load, f"Judged again by today's rules as load {row.load_id}.", night)
            return replace(outcome, new_load_id=row.load_id)
        staged.forget()
        row = _note(load, verdict, codes, file.units, contract, night)
    return replace(outcome, new_load_id=row.load_id)


def _lacking(load: LedgerRow, contract: Contract, lake: Lake) -> tuple[str, ...]:
    """Columns that every row needs and that the load's rows in the lake do not have."""
    parts = _parts_of(load, contract, lake)
    if not parts:
        return ()
    there: set[str] = set()
    for part in parts:
        there |= set(pq.read_schema(part).names)
    return tuple(column.name for column in contract.columns if column.required and column.name not in there)


def _parts_of(load: LedgerRow, contract: Contract, lake: Lake) -> list[str]:
    folders = (lake.accepted(contract.extract), lake.quarantine(contract.extract))
    parts = [load_folder(folder, load.load_id) / PART for folder in folders]
    return [str(part) for part in parts if part.exists()]


class _Codes:
    """For which reasons lines of a load were in quarantine, and are by today's rules: in the load's own
    database, so that memory does not grow with their number."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, load: LedgerRow, retries: list[str], lake: Lake
    ) -> None:
        events = [
            load_folder(lake.quarantined_rows, each) / PART for each in (FIRST_LOAD, load.load_id, *retries)
        ]
        self._connection = connection
        connection.execute(
            """
            create table before as
            with events as (from read_parquet(?) where origin_load_id = ?)
            select source_row, string_agg(distinct code, '|' order by code) as codes
            from events where event = 'quarantined'
                and source_row not in (select source_row from events where event = 'released')
            group by source_row
            """,
            [[str(part) for part in events if part.exists()], load.load_id],
        )
        connection.execute("create table found (source_row bigint, code varchar)")

    def add(self, part: Sorted) -> None:
        """Add what today's rules say of a slice."""
        self._connection.register("part_codes", part.row_codes)
        self._connection.execute("insert into found select distinct source_row, code from part_codes")
        self._connection.unregister("part_codes")

    def compare(self) -> tuple[int, int, int]:
        """Numbers of lines that are in quarantine now and were not, that were and pass now, and that stay for
        other reasons. Afterwards the lines that pass are known (`passing`)."""
        self._connection.execute(
            "create table after as select source_row, string_agg(distinct code, '|' order by code) as codes "
            "from found group by source_row"
        )
        self._connection.execute(
            "create table passing as select source_row from before anti join after using (source_row)"
        )
        (counts,) = self._connection.execute(
            "select (select count(*) from after anti join before using (source_row)), "
            "(select count(*) from passing), (select count(*) from after join before using (source_row) "
            "where after.codes <> before.codes)"
        ).fetchall()
        return counts

    def passing(self) -> Iterator[np.ndarray]:
        """The lines that pass now, in order, many at a time."""
        query = "select source_row from passing order by source_row"
        for part in _parts(self._connection.execute(query)):
            yield part.column("source_row").to_numpy()

    def passing_records(self, load: LedgerRow, contract: Contract, lake: Lake) -> Iterator[pa.Table]:
        """The records in quarantine of the lines that pass now, in order, many at a time."""
        schema = lake_schema(contract)
        schema = schema.remove(schema.get_field_index("received_at"))
        folder = lake.quarantine(contract.extract)
        parts = [load_folder(folder, each) / PART for each in (FIRST_LOAD, load.load_id)]
        columns = ", ".join(f'"{name}"' for name in schema.names)
        found = self._connection.execute(
            f"select {columns} from read_parquet(?, union_by_name = true) "
            "where source_row in (select source_row from passing) order by source_row",
            [[str(part) for part in parts if part.exists()]],
        )
        return (part.cast(schema) for part in _parts(found))


def _parts(answer: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """A query's answer, many rows at a time."""
    reader = answer.fetch_record_batch(SLICE_RECORDS)
    return (pa.Table.from_batches([batch]) for batch in reader)


def _units(load: LedgerRow, lake: Lake) -> pa.Table | None:
    """Lines that go together because their records were added up; of a load of an older lake only those in
    quarantine."""
    kept = load_folder(lake.units, load.load_id) / PART
    if kept.exists():
        return pq.ParquetFile(kept).read()
    part = load_folder(lake.quarantined_rows, load.load_id) / PART
    return quarantined_units(lake, load.load_id) if part.exists() else None


@contextmanager
def _open_load(load: LedgerRow, contract: Contract, lake: Lake) -> Iterator[OpenExtract]:
    """A load's records as a reader would hand them over, those in quarantine among them."""
    with engine(load.file_bytes) as connection:
        units = _units(load, lake)
        records, malformed = _records(connection, load, contract, lake, units)
        yield OpenExtract(
            extract=contract.extract,
            records=records,
            rows_received=load.rows_received,
            rows_ignored={"ignored when the file was read": load.rows_ignored},
            malformed_rows=malformed,
            units=units,
            edition=load.edition,
            published_on=load.published_on,
        )


def _records(
    connection: duckdb.DuckDBPyConnection,
    load: LedgerRow,
    contract: Contract,
    lake: Lake,
    units: pa.Table | None,
) -> tuple[Records, Malformed]:
    """The load's records in the order of lines, those of a unit together, with `<column>__unparsed` for what
    could not be read then, and the lines that could not be read at all."""
    schema = lake_schema(contract)
    schema = schema.remove(schema.get_field_index("received_at"))
    typed = [column.name for column in contract.columns if column.type != ColumnType.STRING]
    first = [load_folder(lake.accepted(contract.extract), FIRST_LOAD) / PART]
    rows = [str(part) for part in first] + _parts_of(load, contract, lake)
    events = load_folder(lake.quarantined_rows, load.load_id) / PART
    if not events.exists():
        events = load_folder(lake.quarantined_rows, FIRST_LOAD) / PART
    connection.execute(
        "create table events as select source_row, code, column_name from read_parquet(?)", [str(events)]
    )
    flags = "".join(
        f", source_row in (select source_row from events where code = '{name.upper()}{UNREADABLE}') "
        f'as "{name}{JOINT}unparsed"'
        for name in typed
    )
    columns = ", ".join(f'"{name}"' for name in schema.names)
    connection.register("units", UNITS.empty_table() if units is None else units)
    connection.execute(
        f"create table typed as select {columns}{flags}, "
        f"coalesce({SOURCE_UNIT}, source_row) as {SOURCE_UNIT} "
        "from read_parquet(?, union_by_name = true) left join units using (source_row) "
        f"order by {SOURCE_UNIT}, source_row",
        [rows],
    )
    lines = connection.execute(
        "select distinct source_row from events where code = ? order by source_row", [MALFORMED]
    ).fetchnumpy()["source_row"]
    malformed = Malformed()
    malformed.lines.add(np.asarray(lines, dtype=np.int64))
    fields = [*schema, *(pa.field(f"{name}{JOINT}unparsed", pa.bool_()) for name in typed)]
    fields.append(pa.field(SOURCE_UNIT, pa.int64()))
    return Records.of_typed(connection, pa.schema(fields)), malformed


def _note(
    load: LedgerRow, verdict: Verdict, codes: _Codes, units: pa.Table | None, contract: Contract, night: Night
) -> LedgerRow:
    """Note the results, and release what passes now."""
    row = replace(later_row(load, night), code_version=night.code_version, **judged_by(contract))
    with StagedLoad(night.lake, row.load_id) as staged:
        records = lines = 0
        for part in codes.passing_records(load, contract, night.lake):
            staged.add(night.lake.accepted(contract.extract), lake_rows(part, contract, load.received_at))
            records += part.num_rows
        for part in codes.passing():
            staged.add(night.lake.quarantined_rows, release_events(part, units, contract, load))
            lines += len(part)
        if lines:
            row = replace(
                row,
                verdict="released",
                reason=f"Rows of load {load.load_id} that were in quarantine and pass today's rules.",
                rows_received=lines,
                rows_accepted=lines,
                records_accepted=records,
            )
        else:
            reason = "Judged again by today's rules; every row stays what it was."
            row = replace(row, verdict="rejudged", reason=reason)
        note_results(verdict, staged, row, contract, night)
        return night.commit_staged(staged, row)
