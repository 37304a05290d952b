"""One file through its gate into the lake: read, make pseudonyms, judge, commit."""

import logging
import tempfile
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, partial
from pathlib import Path

import pyarrow as pa

from pipelines.extracts.adapters.cml_dimensions import is_dimension_table
from pipelines.extracts.contract import Contract, lake_schema
from pipelines.extracts.contract_columns import Lookup
from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.read import OpenExtract, open_extract, open_provided
from pipelines.extracts.recognise import Table
from pipelines.extracts.records import Records
from pipelines.extracts.standard_rules import PERSONAL_DATA
from pipelines.extracts.unpack import listed, look_inside
from pipelines.gates.gate import RuleResult, Sorted, Verdict, judge_slices
from pipelines.gates.history import Past
from pipelines.gates.keys import Positions
from pipelines.gates.personal_data import pseudonymise
from pipelines.gates.units import units_of
from pipelines.intake.inbox import Changing, Delivery
from pipelines.intake.past import Profiles, find_past, read_profiles
from pipelines.intake.plan import Repeat, Stranger, Task, tables_text
from pipelines.lake.layout import GATE_RESULTS, QUARANTINED_ROWS, UNITS, Lake
from pipelines.lake.ledger import (
    LedgerRow,
    files_with_personal_data,
    next_load_id,
    withdrawn_load_ids,
)
from pipelines.lake.lookups import latest_rows, records_taken_by_others
from pipelines.lake.write import StagedLoad, archive_file, commit_load, file_sha256, forget_file
from pipelines.room import require_room

LOGGER = logging.getLogger(__name__)
PUBLISHED_ON = "published_on"
# Smaller files are read without a look at the disk. A larger one takes about so many times its size, because
# its cells and its records lie in a database beside each other for a while.
LARGE_BYTES = 64 * 1024**2
ROOM_TO_READ = 3


@dataclass
class Night:
    """What one run knows while it takes files in; `ledger` grows with every committed load.

    `lookups`: what was read from the lake, with the number of loads that its extract had then. `tell` is told
    how far the file at hand has come.
    """

    lake: Lake
    contracts: dict[str, Contract]
    pseudonym_key: bytes
    run_id: str
    now: datetime
    code_version: str
    mappings_sha256: str
    ledger: list[LedgerRow]
    results: list[tuple[str, RuleResult]]
    lookups: dict[str, tuple[int, pa.Table]] = field(default_factory=dict)
    tell: Callable[[str], None] = lambda text: None

    @cached_property
    def profiles(self) -> Profiles:
        """What the lake's profiles say of every load, read when a file is first judged."""
        return read_profiles(self.lake, self.contracts)

    def commit(self, row: LedgerRow, tables: dict[Path, pa.Table]) -> LedgerRow:
        committed = commit_load(self.lake, row, tables)
        self.ledger.append(committed)
        return committed

    def commit_staged(self, staged: StagedLoad, row: LedgerRow) -> LedgerRow:
        committed = staged.commit(row)
        self.ledger.append(committed)
        return committed

    def row(self, delivery: Delivery, **values: object) -> LedgerRow:
        """A ledger row for this delivery with zero counts, changed by `values`."""
        defaults: dict[str, object] = {
            "load_id": next_load_id(self.lake),
            "run_id": self.run_id,
            "extract": None,
            "mapping": None,
            "source_system": None,
            "file_path": delivery.relative,
            "file_name": delivery.path.name,
            "file_sha256": delivery.sha256,
            "file_bytes": delivery.size,
            "file_mtime_ns": delivery.mtime_ns,
            "edition": None,
            "published_on": None,
            "received_at": delivery.received_at,
            "loaded_at": self.now,
            "verdict": "accepted",
            "reason": "",
            "rows_received": 0,
            "rows_accepted": 0,
            "rows_quarantined": 0,
            "rows_refused": 0,
            "rows_ignored": 0,
            "records_accepted": 0,
            "records_quarantined": 0,
            "retry_of": None,
            "is_synthetic": delivery.is_synthetic,
            "mapping_sha256": None,
            "contract_sha256": None,
            "code_version": self.code_version,
            "lake_files": "{}",
        }
        return LedgerRow(**(defaults | values))  # pyright: ignore[reportArgumentType]


def take_in(task: Task, night: Night) -> LedgerRow:
    """Read, judge and commit one file for one extract. Returns its ledger row.

    A fault of the file is a verdict; a fault of our software is raised. Raises Changing, with nothing
    committed, when the file is not the one that was hashed.
    """
    contract = night.contracts[task.extract]
    row = task_row(task, night)
    _require_room(task, night)
    night.tell("reading it")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(_open(task, contract))
        except UnreadableFile as fault:
            _make_sure_of(task.delivery)
            return _refuse_unreadable(fault, row, contract, night)
        row = replace(
            row,
            edition=file.edition,
            published_on=file.published_on,
            encoding=file.encoding,
            delimiter=file.delimiter,
        )
        staged = stack.enter_context(StagedLoad(night.lake, row.load_id))
        file_date = file.published_on or task.delivery.received_at.date()
        records = with_published_on(file.records, file_date)
        records = pseudonymise(records, contract, night.pseudonym_key)
        verdict = judge_slices(
            replace(file, records=records),
            contract,
            find_lookups(contract, night),
            partial(stage, staged=staged, units=file.units, contract=contract, row=row, lake=night.lake),
            received_on=task.delivery.received_at.date(),
            find_taken=partial(find_taken, contract=contract, load=row, file_date=file_date, night=night),
            past=past_of(row, contract, night),
            watch=lambda judged: night.tell(f"{judged:,} of {records.count:,} records judged"),
        )
        if names := unread_tables(task):
            verdict = replace(verdict, results=[*verdict.results, _tables_not_read(names, contract)])
        if verdict.is_refused:
            staged.forget()
        else:
            keep_units(file.units, staged, night.lake)
        night.tell("keeping it")
        withheld = task.delivery.sha256 in files_with_personal_data(night.ledger)
        if verdict.is_screened and PERSONAL_DATA not in failed_codes(verdict) and not withheld:
            _archive(task.delivery, night)
        else:
            _make_sure_of(task.delivery)
            if verdict.is_screened:
                forget_file(night.lake, task.delivery.sha256)
        return commit_verdict(verdict, staged, row, contract, night)


def unread_tables(task: Task) -> list[str]:
    """Tables of a zip file that no mapping fits, beside known ones; told with the first of these."""
    tables = task.all_tables or (Table(task.mapping, task.table),)
    is_first = task.table == tables[0].name and task.extract == task.mapping.extracts[0]
    if task.table is None or not is_first:
        return []
    known = {table.name for table in tables}
    names = [content.name for content in look_inside(task.delivery.path) if content.name not in known]
    has_dimensions = any(table.mapping.definition.adapter == "cml_dimensions" for table in tables)
    return [name for name in names if not (has_dimensions and is_dimension_table(name))]


def _tables_not_read(names: list[str], contract: Contract) -> RuleResult:
    return RuleResult(
        code="TABLE_NOT_READ",
        column_name=None,
        category="completeness",
        action="warn",
        is_passed=False,
        rows_checked=0,
        rows_failed=0,
        message=f"The zip file also holds tables that no mapping fits: {listed(names)}.",
        reason="What is delivered beside a known table may have been meant to be loaded.",
        owner=contract.owner,
        remedy="If it holds data, correct its name or header, or write a mapping for it (`qi onboard`).",
    )


def _require_room(task: Task, night: Night) -> None:
    """Make sure of the room that a large file takes while it is read, and when it is kept.

    Raises:
        NoRoom
    """
    size = task.delivery.size
    if task.is_provided or size < LARGE_BYTES:
        return
    require_room(Path(tempfile.gettempdir()), ROOM_TO_READ * size, "Reading the file")
    require_room(night.lake.root, size, "A copy of the file as received")


def _open(task: Task, contract: Contract) -> AbstractContextManager[OpenExtract]:
    if task.is_provided:
        return open_provided(task.mapping, task.extract, contract)
    return open_extract(task.delivery.path, task.mapping, task.extract, contract, task.table)


def stage(
    part: Sorted,
    *,
    staged: StagedLoad,
    units: pa.Table | None,
    contract: Contract,
    row: LedgerRow,
    lake: Lake,
) -> None:
    """Write what became of a slice."""
    staged.add(lake.accepted(contract.extract), lake_rows(part.accepted, contract, row.received_at))
    staged.add(lake.quarantine(contract.extract), lake_rows(part.quarantined, contract, row.received_at))
    staged.add(lake.quarantined_rows, _row_codes(part.row_codes, units, contract, row.load_id))


def keep_units(units: pa.Table | None, staged: StagedLoad, lake: Lake) -> None:
    """Keep which lines of a load go together, so that changed rules can judge them together again."""
    if units is not None:
        staged.add(lake.units, units.cast(UNITS))


def _make_sure_of(delivery: Delivery) -> None:
    """Raise Changing when a file is no longer the one that was hashed."""
    if has_changed(delivery):
        raise Changing(delivery.relative)


def _archive(delivery: Delivery, night: Night) -> None:
    """Keep the file as received, having made sure that it is still the one that was hashed and read."""
    kept = archive_file(night.lake, delivery.path, delivery.sha256)
    if file_sha256(kept) != delivery.sha256:
        kept.unlink()
        raise Changing(delivery.relative)


def has_changed(delivery: Delivery) -> bool:
    """Whether a file is gone, or no longer holds the bytes that were hashed."""
    try:
        return file_sha256(delivery.path) != delivery.sha256
    except FileNotFoundError:
        return True


def task_row(task: Task, night: Night) -> LedgerRow:
    """A ledger row for this task with zero counts."""
    return night.row(
        task.delivery,
        extract=task.extract,
        mapping=task.mapping.name,
        source_system=task.mapping.source_system,
        mapping_sha256=task.mapping.sha256,
        file_table=task.table,
        file_mappings=tables_text(task.all_tables),
        **judged_by(night.contracts[task.extract]),
    )


def judged_by(contract: Contract) -> dict[str, str]:
    """What a ledger row says of the rules that judged it."""
    return {"contract_sha256": contract.sha256, "gate_sha256": contract.gate_sha256}


def past_of(load: LedgerRow, contract: Contract, night: Night) -> Past:
    """What is known of the loads that came before this one."""
    return find_past(load, contract, night.ledger, night.lake, night.profiles)


def commit_verdict(
    verdict: Verdict, staged: StagedLoad, row: LedgerRow, contract: Contract, night: Night
) -> LedgerRow:
    """Commit what the gate decided: what is staged, rule results and the ledger row."""
    rows = {
        "rows_accepted": verdict.rows_accepted,
        "rows_quarantined": verdict.rows_quarantined,
        "rows_refused": verdict.rows_refused,
        "rows_ignored": verdict.rows_ignored,
    }
    row = replace(
        row,
        verdict="refused" if verdict.is_refused else row.verdict,
        reason=verdict.reason,
        rows_received=sum(rows.values()),
        records_accepted=verdict.records_accepted,
        records_quarantined=verdict.records_quarantined,
        **rows,
    )
    note_results(verdict, staged, row, contract, night)
    if verdict.profile is not None:
        staged.add(night.lake.profiles, verdict.profile)
        night.profiles.add(row.load_id, verdict.profile, contract)
    return night.commit_staged(staged, row)


def note_results(
    verdict: Verdict, staged: StagedLoad, row: LedgerRow, contract: Contract, night: Night
) -> None:
    """Add the outcome of every rule to a load, and to what the run reports."""
    night.results.extend((row.load_id, result) for result in verdict.results)
    staged.add(night.lake.gate_results, _result_rows(contract.extract, verdict.results))


def lake_rows(table: pa.Table, contract: Contract, received_at: datetime) -> pa.Table:
    """Judged records in the shape the lake keeps them (with `codes`, where they are quarantined)."""
    schema = lake_schema(contract)
    if "codes" in table.column_names:
        schema = schema.append(pa.field("codes", pa.string()))
    stamps = pa.repeat(pa.scalar(received_at, pa.timestamp("us")), table.num_rows)
    table = table.append_column("received_at", stamps)
    return table.select(schema.names).cast(schema)


def with_published_on(records: Records, file_date: date) -> Records:
    """Fill `published_on`: the row's own date, else the file's."""
    day = f"date '{file_date.isoformat()}'"
    value = f"coalesce({PUBLISHED_ON}, {day})" if PUBLISHED_ON in records.schema.names else day
    return records.changed(pa.field(PUBLISHED_ON, pa.date32()), value)


def find_lookups(contract: Contract, night: Night) -> dict[str, pa.Table]:
    """For each lookup of the contract, the last accepted row of every key in the lake."""
    return {lookup.name: _find_lookup(lookup, night) for lookup in contract.lookups}


def _find_lookup(lookup: Lookup, night: Night) -> pa.Table:
    """Read from the lake, or kept from earlier in the night when its extract has had no load since:
    reading takes the longer the more loads there ever were."""
    loads = sum(row.extract == lookup.extract for row in night.ledger)
    key = repr(lookup)
    if night.lookups.get(key, (-1,))[0] != loads:
        rows = latest_rows(
            night.lake,
            lookup.extract,
            list(lookup.on.values()),
            list(lookup.take),
            withdrawn_load_ids(night.ledger),
            lookup.first_by,
        )
        night.lookups[key] = (loads, rows)
    return night.lookups[key][1]


def find_taken(
    records: Records, *, contract: Contract, load: LedgerRow, file_date: date, night: Night
) -> Positions:
    """Numbers of the records whose key another file of the same date as `load`'s has already brought with
    other content. `file_date`: the day the file was published."""
    taken_back = withdrawn_load_ids(night.ledger)
    rivals = [
        row.load_id
        for row in night.ledger
        if row.extract == contract.extract
        and row.records_accepted
        and row.content != load.content
        and row.load_id not in taken_back
        and (row.published_on or row.received_at.date()) == file_date
        and row.received_at.date() == load.received_at.date()
    ]
    return records_taken_by_others(
        night.lake, contract.extract, list(contract.grain), list(contract.column_names), records, rivals
    )


def failed_codes(verdict: Verdict) -> list[str]:
    return [result.code for result in verdict.results if not result.is_passed]


def _refuse_unreadable(fault: UnreadableFile, row: LedgerRow, contract: Contract, night: Night) -> LedgerRow:
    result = RuleResult(
        code=fault.code,
        column_name=None,
        category="conformance",
        action="refuse_file",
        is_passed=False,
        rows_checked=0,
        rows_failed=0,
        message=f"{fault.message} ({fault.place})",
        reason="A file that cannot be read as its layout says cannot be judged row by row.",
        owner=contract.owner,
        remedy=fault.remedy,
    )
    night.results.append((row.load_id, result))
    return night.commit(
        replace(row, verdict="refused", reason=f"{fault.code}: {result.message} {fault.remedy}"),
        {night.lake.gate_results: _result_rows(contract.extract, [result])},
    )


def record_stranger(stranger: Stranger, night: Night) -> LedgerRow:
    """Note a file that no mapping fits."""
    row = night.row(
        stranger.delivery,
        verdict="unrecognised",
        reason=stranger.reason,
        mapping_sha256=night.mappings_sha256,
    )
    return night.commit(row, {})


def record_repeat(repeat: Repeat, night: Night) -> list[LedgerRow]:
    """Note a file whose bytes are already known: its rows are ignored, once for each table and extract."""
    firsts = {
        row.content: row
        for row in night.ledger
        if row.file_sha256 == repeat.delivery.sha256 and row.verdict in ("accepted", "refused")
    }
    return [
        night.commit(
            night.row(
                repeat.delivery,
                extract=first.extract,
                mapping=first.mapping,
                source_system=first.source_system,
                edition=first.edition,
                published_on=first.published_on,
                verdict="repeated",
                reason=f"Same bytes as {first.place} (load {first.load_id}).",
                rows_received=first.rows_received,
                rows_ignored=first.rows_received,
                mapping_sha256=first.mapping_sha256,
                contract_sha256=first.contract_sha256,
                file_table=first.file_table,
                file_mappings=first.file_mappings,
            ),
            {},
        )
        for first in firsts.values()
    ]


def record_withdrawal(load: LedgerRow, reason: str, night: Night) -> LedgerRow:
    """Take a load back: from now on its rows no longer count; what was reported before stays."""
    return night.commit(replace(later_row(load, night), verdict="withdrawn", reason=reason), {})


def later_row(load: LedgerRow, night: Night) -> LedgerRow:
    """A ledger row for what happens tonight to an earlier load, with zero counts."""
    return replace(
        load,
        load_id=next_load_id(night.lake),
        run_id=night.run_id,
        loaded_at=night.now,
        retry_of=load.load_id,
        lake_files="{}",
        rows_received=0,
        rows_accepted=0,
        rows_quarantined=0,
        rows_refused=0,
        rows_ignored=0,
        records_accepted=0,
        records_quarantined=0,
    )


def record_error(row: LedgerRow, fault: Exception, night: Night) -> LedgerRow:
    """Note in log and ledger that our own software failed on a file; every later run tries it again.

    `row`: the file's ledger row with zero counts.
    """
    # An error's own text may quote a row, so only its kind and its place are logged.
    place = "".join(traceback.format_tb(fault.__traceback__))
    kind = type(fault).__name__
    LOGGER.error("%s in our own software on %s (%s)\n%s", kind, row.place, row.extract, place)
    reason = f"{kind} in our own software; the file is not judged and is tried again."
    return night.commit(replace(row, verdict="error", reason=reason), {})


def _result_rows(extract: str, results: list[RuleResult]) -> pa.Table:
    names = [name for name in GATE_RESULTS.names if name != "extract"]
    rows = [{"extract": extract} | {name: getattr(result, name) for name in names} for result in results]
    return pa.Table.from_pylist(rows, schema=GATE_RESULTS)


def _row_codes(codes: pa.Table, units: pa.Table | None, contract: Contract, load_id: str) -> pa.Table:
    count = codes.num_rows
    return pa.table(
        {
            "extract": pa.repeat(contract.extract, count),
            "origin_load_id": pa.repeat(load_id, count),
            "source_row": codes.column("source_row"),
            "source_unit": units_of(codes.column("source_row").to_numpy(), units),
            "code": codes.column("code"),
            "column_name": codes.column("column_name"),
            "event": pa.repeat("quarantined", count),
        },
        schema=QUARANTINED_ROWS,
    )
