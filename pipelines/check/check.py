"""Judging files as the night would, without loading them.

Belongs here: running the night's own steps (recognise, read, gate) on a lake that is thrown away, and
what they said of each file. Does not belong here: how that is shown (`text`, `sheets`, `page`).

No cell of a file is kept: what is said of a row is its line, its column, the rule and the remedy.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from pathlib import Path

import duckdb

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_rules import Action
from pipelines.extracts.mapping import Mapping
from pipelines.gates.gate import RuleResult
from pipelines.intake.inbox import Changing, Delivery, Unsettled, find_deliveries, look_at
from pipelines.intake.load import Night, record_error, record_repeat, record_withdrawal, take_in, task_row
from pipelines.intake.night import load_rules
from pipelines.intake.plan import Failure, Plan, Planner, Scope, Task, rules_digest
from pipelines.intake.pseudonym_key import kept_key
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import LedgerRow, read_ledger
from pipelines.lake.scratch import scratch_lake
from pipelines.progress import heartbeat
from pipelines.room import NoRoom
from pipelines.settings import Settings
from pipelines.version import code_version

LOGGER = logging.getLogger(__name__)
QUARANTINE_SHARE = "QUARANTINE_SHARE"


class Verdict(IntEnum):
    """What the night would do with a file; the number is the exit status of `qi check`."""

    LOADS = 0
    LOADS_IN_PART = 1
    REFUSED = 2
    NOT_JUDGED = 3


@dataclass(frozen=True)
class FailedLine:
    """One line of a file that fails a rule. `column`: the extract's; `file_column`: as the file calls it."""

    line: int
    code: str
    column: str | None
    file_column: str | None


@dataclass(frozen=True)
class ExtractCheck:
    """What the gate says of a file for one extract.

    `results` are the rules that failed; `lines` every line that would wait in quarantine, with each of its
    reasons; `rows_waiting` those that only lack something which may still arrive. `not_checked` names
    extracts that rows refer to and that are not there to be compared with. Where there is no lake
    (`has_lake`), what rows only wait for may well be loaded elsewhere, so it is no fault of the file.
    """

    row: LedgerRow
    results: list[RuleResult]
    lines: list[FailedLine]
    rows_waiting: int
    not_checked: list[str]
    has_lake: bool
    file_columns: dict[str, str]

    @property
    def title(self) -> str:
        """The extract, and the table it was read from where the file holds several."""
        source = f", from {self.row.file_table}" if self.row.file_table else ""
        return f"{self.row.extract}{source}"

    @property
    def verdict(self) -> Verdict:
        if self.row.verdict == "error":
            return Verdict.NOT_JUDGED
        if self.row.verdict == "refused":
            return Verdict.REFUSED
        at_fault = self.row.rows_quarantined - (0 if self.has_lake else self.rows_waiting)
        return Verdict.LOADS_IN_PART if at_fault else Verdict.LOADS


@dataclass(frozen=True)
class FileCheck:
    """What the night would make of one file. `reason`: why it has no extracts, or nothing new."""

    name: str
    size: int
    mapping: str | None
    extracts: list[ExtractCheck]
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Check:
    """Every file, in the order of its name. `compared_with`: the home whose lake was looked up, if any."""

    files: list[FileCheck]
    as_of: datetime
    compared_with: Path | None

    @property
    def verdict(self) -> Verdict:
        """The worst of all files."""
        return max((file.verdict for file in self.files), default=Verdict.LOADS)


class UnknownMapping(ValueError):
    """There is no mapping of the name that was asked for."""


def check(
    settings: Settings,
    paths: Sequence[Path],
    mapping_name: str | None,
    now: datetime,
    progress: Callable[[str], None],
) -> Check:
    """Judge files, and all files below folders, as if they were received at `now` (or on the date of their
    folder, where that is a date). Files that refer to each other may be checked together.

    Raises:
        UnknownMapping: there is no mapping `mapping_name`.
    """
    contracts, mappings = load_rules()
    if mapping_name is not None:
        mappings = _only(mapping_name, mappings)
    home = Lake(settings.lake_path)
    with heartbeat(progress) as begin:
        deliveries, unsettled = _find(settings, paths, now, begin)
        known = read_ledger(home) if home.ledger.is_dir() else []
        has_lake = bool(known)
        # What is checked is judged as if it came for the first time.
        files = {delivery.sha256: delivery.path for delivery in deliveries}
        ledger = [row for row in known if row.file_sha256 not in files]
        last = known[-1].load_id if known else None
        with scratch_lake(home, contracts, ledger, files, last) as lake:
            night = _night(settings, lake, ledger, contracts, mappings, now)
            plan = Planner(mappings, contracts, ledger, Scope(), now).plan(deliveries)
            night.tell = begin.detail
            extracts = [_check_task(task, night, has_lake, begin) for task in plan.tasks]
            found = _of_plan(plan, extracts, deliveries, night)
    found += [FileCheck(file.relative, 0, None, [], Verdict.REFUSED, file.reason) for file in unsettled]
    return Check(sorted(found, key=lambda file: file.name), now, settings.home_path if has_lake else None)


def _night(
    settings: Settings,
    lake: Lake,
    ledger: list[LedgerRow],
    contracts: dict[str, Contract],
    mappings: list[Mapping],
    now: datetime,
) -> Night:
    """What the night's steps know, on the scratch lake."""
    return Night(
        lake=lake,
        contracts=dict(contracts),
        # Pseudonyms of a check meet those of the lake only when they are made with the same key.
        pseudonym_key=kept_key(settings) or secrets.token_bytes(32),
        run_id="check",
        now=now,
        code_version=code_version(),
        mappings_sha256=rules_digest(mappings),
        ledger=ledger,
        results=[],
    )


def _only(name: str, mappings: list[Mapping]) -> list[Mapping]:
    """The mappings, changed so that every file has the name of one of them and no other's."""
    if name not in {mapping.name for mapping in mappings}:
        raise UnknownMapping(
            f"There is no mapping {name}. There are: {', '.join(mapping.name for mapping in mappings)}."
        )
    return [
        replace(
            mapping,
            definition=mapping.definition.model_copy(update={"file": ("*",) if mapping.name == name else ()}),
        )
        for mapping in mappings
    ]


def _find(
    settings: Settings, paths: Sequence[Path], now: datetime, begin: Callable[[str], None]
) -> tuple[list[Delivery], list[Unsettled]]:
    found: dict[Path, Delivery] = {}
    unsettled: dict[str, Unsettled] = {}
    for path in paths:
        begin(f"{path}: taking its fingerprint")
        if path.is_dir():
            deliveries, left = find_deliveries(path.resolve(), [], now)
            seen = [
                replace(each, relative=(path / each.relative).as_posix()) for each in [*deliveries, *left]
            ]
        else:
            # A dated folder says when its files were received, also when it is not on the command line.
            inbox, full = settings.inbox_path, path.absolute()
            name = full.relative_to(inbox) if full.is_relative_to(inbox) else path
            seen = [look_at(path, name.as_posix(), path.parent, now)]
        for each in seen:
            if isinstance(each, Delivery):
                found[each.path.resolve()] = each
            else:
                unsettled[each.relative] = each
    return list(found.values()), list(unsettled.values())


def _check_task(
    task: Task, night: Night, has_lake: bool, begin: Callable[[str], None]
) -> tuple[Task, ExtractCheck]:
    """Take a file in on the scratch lake and collect what was said of it."""
    contract = night.contracts[task.extract]
    absent = [] if has_lake else _absent(contract, night)
    night.contracts[task.extract] = _not_comparing(contract, absent)
    begin(f"{task.place} ({task.delivery.size / 1e6:,.1f} MB): judging it as {task.extract}")
    before = len(night.results)
    row = _take_in(task, night)
    results = [result for _, result in night.results[before:] if not result.is_passed]
    lines_of = row
    if {result.code for result in results if result.action == Action.REFUSE_FILE} == {QUARANTINE_SHARE}:
        lines_of = _all_in_doubt(task, night)
    columns = _file_columns(task.mapping, task.extract, contract)
    lines = _failed_lines(night.lake, lines_of, columns)
    retryable = {rule.code for rule in contract.all_rules if rule.retry}
    for_good = {line.line for line in lines if line.code not in retryable}
    waiting = {line.line for line in lines} - for_good if row.verdict != "refused" else set()
    night.contracts[task.extract] = contract
    return task, ExtractCheck(row, results, lines, len(waiting), sorted(set(absent)), has_lake, columns)


def _take_in(task: Task, night: Night) -> LedgerRow:
    try:
        return take_in(task, night)
    except (Changing, NoRoom, OSError, MemoryError):
        raise
    except Exception as fault:
        return record_error(task_row(task, night), fault, night)


def _all_in_doubt(task: Task, night: Night) -> LedgerRow:
    """Judge a file again that was refused only because too many of its lines are in doubt, so that each
    of them can be listed; nothing of it counts."""
    contract = night.contracts[task.extract]
    night.contracts[task.extract] = contract.model_copy(update={"max_quarantined_share": 1.0})
    row = _take_in(task, night)
    record_withdrawal(row, "Only to list its lines.", night)
    return row


def _absent(contract: Contract, night: Night) -> list[str]:
    """Extracts that this one refers to and of which nothing is known."""
    known = {row.extract for row in night.ledger if row.records_accepted}
    return [lookup.extract for lookup in contract.lookups if lookup.extract not in known]


def _not_comparing(contract: Contract, absent: list[str]) -> Contract:
    """The contract without the rules that would fail every row only because nothing is there to compare."""
    lookups = tuple(
        lookup.model_copy(update={"reference": False, "life": None}) if lookup.extract in absent else lookup
        for lookup in contract.lookups
    )
    return contract.model_copy(update={"lookups": lookups})


def _file_columns(mapping: Mapping, extract: str, contract: Contract) -> dict[str, str]:
    """The extract's column -> the columns of the file that it is read from."""
    feed = mapping.definition.extracts.get(extract)
    names = {}
    for column in contract.column_names:
        sources = [] if feed is None else [feed.columns, *(record.columns for record in feed.records)]
        found = [name for each in sources if column in each for name in sorted(each[column].columns)]
        names[column] = ", ".join(dict.fromkeys(found))
    return names


def in_file(columns: str | None, file_columns: dict[str, str]) -> str | None:
    """The names that the file has for an extract's columns (`a, b`), None where the file has none."""
    found = [file_columns.get(name, "") for name in (columns or "").split(", ")]
    return ", ".join(dict.fromkeys(name for name in found if name)) or None


def _failed_lines(lake: Lake, row: LedgerRow, file_columns: dict[str, str]) -> list[FailedLine]:
    folder = lake.quarantined_rows / f"load_id={row.load_id}"
    if not folder.is_dir():
        return []
    rows = duckdb.execute(
        "select source_row, code, column_name from read_parquet(?) order by all", [f"{folder}/*.parquet"]
    ).fetchall()
    return [FailedLine(line, code, column, in_file(column, file_columns)) for line, code, column in rows]


def _of_plan(
    plan: Plan, extracts: list[tuple[Task, ExtractCheck]], deliveries: list[Delivery], night: Night
) -> list[FileCheck]:
    sizes = {delivery.relative: delivery.size for delivery in deliveries}
    files = [
        FileCheck(each.delivery.relative, each.delivery.size, None, [], Verdict.REFUSED, each.reason)
        for each in plan.strangers
    ]
    files += [_not_recognised_by_us(failure) for failure in plan.failures]
    for repeat in plan.repeats:
        reason = " ".join(dict.fromkeys(row.reason for row in record_repeat(repeat, night)))
        name, size = repeat.delivery.relative, repeat.delivery.size
        files.append(FileCheck(name, size, repeat.mapping.name, [], Verdict.LOADS, f"{reason} Nothing new."))
    by_file: dict[str, list[tuple[Task, ExtractCheck]]] = {}
    for task, found in extracts:
        # What a mapping brings itself is of interest only when it is at fault.
        if task.delivery.relative in sizes or found.verdict != Verdict.LOADS:
            by_file.setdefault(task.delivery.relative, []).append((task, found))
    for name, both in by_file.items():
        found = [each for _, each in both]
        verdict = max(each.verdict for each in found)
        names = ", ".join(dict.fromkeys(task.mapping.name for task, _ in both))
        files.append(FileCheck(name, both[0][0].delivery.size, names, found, verdict))
    return files


def _not_recognised_by_us(failure: Failure) -> FileCheck:
    kind = type(failure.fault).__name__
    LOGGER.error("%s in our own software on %s", kind, failure.delivery.relative)
    reason = f"{kind} in our own software; the file is not judged."
    return FileCheck(failure.delivery.relative, failure.delivery.size, None, [], Verdict.NOT_JUDGED, reason)
