"""The intake of one run: look at the inbox, judge what is new, release what was waiting.

Everything it decides is in the ledger when it ends, so it can be killed and run again at any time.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from pipelines.extracts.contract import Contract, lake_schema, load_contracts
from pipelines.extracts.mapping import Mapping, load_mappings
from pipelines.faults import Stopped, is_of_the_machine
from pipelines.gates.gate import RuleResult
from pipelines.intake.clock import moment, warning
from pipelines.intake.inbox import (
    STILL_CHANGING,
    Changing,
    Delivery,
    Unsettled,
    archived_deliveries,
    empty_hint,
    find_deliveries,
    forget_copies,
)
from pipelines.intake.load import (
    Night,
    has_changed,
    record_error,
    record_repeat,
    record_stranger,
    record_withdrawal,
    take_in,
    task_row,
)
from pipelines.intake.plan import Failure, Planner, Scope, Task, rules_digest
from pipelines.intake.pseudonym_key import pseudonym_key
from pipelines.intake.rejudge import Rejudged, rejudge
from pipelines.intake.retry import retry_quarantine
from pipelines.lake.durable import write_text
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import Content, LedgerRow, prepare, read_ledger, recover, withdrawn_load_ids
from pipelines.lake.seal import seal_old
from pipelines.lake.verify import require_whole
from pipelines.progress import heartbeat
from pipelines.room import NoRoom, temporary_files_in
from pipelines.settings import CONTRACTS, MAPPINGS, Settings
from pipelines.version import code_version

LOGGER = logging.getLogger(__name__)
Progress = Callable[[str], None]
Stamps = tuple[tuple[str, int, int], ...]
UNSETTLED_NAME = "unsettled.json"


class InboxGone(Stopped):
    """There is no folder to take files from."""


@dataclass(frozen=True)
class IntakeReport:
    """What one run took in. `loads`: the ledger rows it wrote; `results`: (load_id, rule result);
    `unsettled`: files left for the next run; `errors`: files our own software failed on."""

    loads: list[LedgerRow]
    results: list[tuple[str, RuleResult]]
    unsettled: list[Unsettled]
    errors: list[LedgerRow]
    settled: int
    files: int


def load_rules() -> tuple[dict[str, Contract], list[Mapping]]:
    """The contracts, in the order in which extracts are judged, and the mappings; read again when a file of
    them has changed."""
    return _read_rules(CONTRACTS, MAPPINGS, _stamps(CONTRACTS), _stamps(MAPPINGS))


@lru_cache(maxsize=1)
def _read_rules(contracts: Path, mappings: Path, *_: Stamps) -> tuple[dict[str, Contract], list[Mapping]]:
    known = load_contracts(contracts)
    return known, load_mappings(mappings, known)


def _stamps(folder: Path) -> Stamps:
    stats = {path.name: path.stat() for path in sorted(folder.glob("*.yml"))}
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats.items())


def lake_schemas(contracts: dict[str, Contract]) -> dict[str, pa.Schema]:
    """The schema of every extract's rows in the lake."""
    return {extract: lake_schema(contract) for extract, contract in contracts.items()}


def read_night(settings: Settings, run_id: str) -> tuple[Night, list[Mapping]]:
    """What the lake knows now, without changing it."""
    contracts, mappings = load_rules()
    lake = Lake(settings.lake_path)
    ledger = read_ledger(lake)
    night = Night(
        lake=lake,
        contracts=contracts,
        pseudonym_key=pseudonym_key(settings),
        run_id=run_id,
        now=moment(settings, ledger),
        code_version=code_version(),
        mappings_sha256=rules_digest(mappings),
        ledger=ledger,
        results=[],
    )
    return night, mappings


def open_night(settings: Settings, run_id: str) -> tuple[Night, list[Mapping]]:
    """Make the lake ready (a killed run's leftovers removed) and read what it knows."""
    lake = Lake(settings.lake_path)
    prepare(lake, lake_schemas(load_rules()[0]))
    seal_old(lake)
    for leftover in recover(lake):
        LOGGER.warning("Removed what an interrupted run left behind: %s", leftover)
    return read_night(settings, run_id)


def take_in_inbox(settings: Settings, run_id: str, scope: Scope, progress: Progress) -> IntakeReport:
    """Take in every file of the inbox that is not settled. `progress` gets one line a file, and more while a
    file takes long."""
    with temporary_files_in(settings.temporary_path):
        return _take_in_inbox(settings, run_id, scope, progress)


def _take_in_inbox(settings: Settings, run_id: str, scope: Scope, progress: Progress) -> IntakeReport:
    if not settings.inbox_path.is_dir():
        what = "is a file and no folder" if settings.inbox_path.exists() else "is not there"
        raise InboxGone(f"The inbox {settings.inbox_path} {what}. Make it, mount it, or set QI_INBOX.")
    night, mappings = open_night(settings, run_id)
    before = len(night.ledger)
    if text := warning(settings, night.now):
        progress(text)
    require_whole(night.lake, night.ledger, settings.known_good_file)
    _finish_replacements(night)
    deliveries, unsettled = find_deliveries(settings.inbox_path, night.ledger, night.now)
    if hint := empty_hint(settings.inbox_path, night.ledger):
        progress(hint)
    if scope.reread:
        wanted = [row for row in night.ledger if scope.covers(row.received_at)]
        deliveries += archived_deliveries(night.lake, wanted, deliveries)
    plan = Planner(mappings, night.contracts, night.ledger, scope, night.now).plan(deliveries)
    progress(
        f"inbox: {len(deliveries)} files, {plan.settled} already settled, "
        f"{len(plan.tasks)} loads to judge, {len(plan.strangers)} files not recognised"
    )
    for failure in plan.failures:
        _note_failure(failure, night, unsettled, progress)
    for stranger in plan.strangers:
        progress(_line(record_stranger(stranger, night)))
    with heartbeat(progress) as work:
        night.tell = work.detail
        for number, task in enumerate(plan.tasks, start=1):
            place = f"[{number}/{len(plan.tasks)}]"
            work(f"{place} {task.place} → {task.extract} ({task.delivery.size / 1e6:,.1f} MB)")
            outcome = _take_in_safely(task, night)
            if isinstance(outcome, Unsettled):
                unsettled.append(outcome)
            else:
                progress(f"{place} {_line(outcome)}")
    for repeat in plan.repeats:
        for row in record_repeat(repeat, night):
            progress(_line(row))
    rejudge(night, progress)
    for row in retry_quarantine(night):
        progress(_line(row))
    forget_copies(night.lake)
    _note_unsettled(settings, unsettled, progress)
    loads = night.ledger[before:]
    return IntakeReport(
        loads=loads,
        results=night.results,
        unsettled=unsettled,
        errors=[row for row in loads if row.verdict == "error"],
        settled=plan.settled,
        files=len(deliveries),
    )


def unfinished_replacements(ledger: list[LedgerRow]) -> list[tuple[LedgerRow, LedgerRow]]:
    """Loads that a later reading of the same bytes replaces, and that reading, where a killed run came no
    further than it."""
    found = []
    taken_back = withdrawn_load_ids(ledger)
    standing: dict[Content, LedgerRow] = {}
    for row in ledger:
        if row.retry_of is not None or row.verdict not in ("accepted", "refused"):
            continue
        replaced = standing.pop(row.content, None)
        if replaced is not None:
            found.append((replaced, row))
        if row.verdict == "accepted" and row.load_id not in taken_back:
            standing[row.content] = row
    return found


def _finish_replacements(night: Night) -> None:
    for replaced, by in unfinished_replacements(night.ledger):
        _record_replacement(replaced, by, night)


def _record_replacement(replaced: LedgerRow, by: LedgerRow, night: Night) -> None:
    record_withdrawal(replaced, f"Read again as load {by.load_id}.", night)


def _note_unsettled(settings: Settings, unsettled: list[Unsettled], progress: Progress) -> None:
    """Tell of files left for the next run now, and keep the list for the summary."""
    for file in unsettled:
        progress(f"{file.relative}: left for the next run. {file.reason}")
    text = json.dumps([[file.relative, file.reason] for file in unsettled])
    write_text(text, settings.build_path / UNSETTLED_NAME)


def read_unsettled(settings: Settings) -> list[tuple[str, str]]:
    """What the last intake left for the next run: (path, reason)."""
    path = settings.build_path / UNSETTLED_NAME
    if not path.exists():
        return []
    return [(name, reason) for name, reason in json.loads(path.read_text(encoding="utf-8"))]


def _take_in_safely(task: Task, night: Night) -> LedgerRow | Unsettled:
    """Take one file in; when our own software fails on it, note that and let the others go on."""
    try:
        row = take_in(task, night)
    except Exception as fault:
        unsettled = _left_for_later(fault, task.delivery)
        return unsettled or record_error(task_row(task, night), fault, night)
    if task.replaces is not None:
        replaced = next(load for load in night.ledger if load.load_id == task.replaces)
        _record_replacement(replaced, row, night)
    return row


def _note_failure(failure: Failure, night: Night, unsettled: list[Unsettled], progress: Progress) -> None:
    """Note a file that our own software could not even recognise."""
    later = _left_for_later(failure.fault, failure.delivery)
    if later:
        unsettled.append(later)
    else:
        progress(_line(record_error(night.row(failure.delivery), failure.fault, night)))


def _left_for_later(fault: Exception, delivery: Delivery) -> Unsettled | None:
    """What a failure on a file means: the file for the next run when it changed meanwhile or would not fit,
    None when our own software failed. A machine in trouble (disk, memory) is no matter of one file: raised
    again."""
    if isinstance(fault, NoRoom):
        return Unsettled(delivery.relative, str(fault))
    if isinstance(fault, Changing) or has_changed(delivery):
        return Unsettled(delivery.relative, STILL_CHANGING)
    if is_of_the_machine(fault):
        raise fault
    return None


def reinstate(settings: Settings, load_id: str, run_id: str) -> LedgerRow:
    """Take in again, from the archive, the file of a load that was taken back by hand. Returns its new load.

    Raises KeyError when there is no such load, or when its file is not kept.
    """
    night, mappings = open_night(settings, run_id)
    withdrawn = {row.retry_of for row in night.ledger if row.verdict == "withdrawn"}
    found = [row for row in night.ledger if row.load_id == load_id and load_id in withdrawn and row.extract]
    later = [row for row in night.ledger if row.load_id > load_id and row.retry_of is None]
    if not found or any(row.content == found[0].content for row in later):
        raise KeyError(
            f"There is no load {load_id} that was taken back and not read again. `qi loads` lists all."
        )
    (load,) = found
    mapping = {each.name: each for each in mappings}.get(load.mapping or "")
    deliveries = archived_deliveries(night.lake, found, [])
    if mapping is None or not deliveries or load.extract is None:
        raise KeyError(f"The file of load {load_id} or its mapping {load.mapping} is not kept any more.")
    row = take_in(Task(deliveries[0], mapping, load.extract, table=load.file_table), night)
    forget_copies(night.lake)
    return row


def withdraw(settings: Settings, load_id: str, reason: str, run_id: str) -> LedgerRow:
    """Take a load back. Raises KeyError when there is no accepted load of that name."""
    night, _ = open_night(settings, run_id)
    found = [
        row for row in night.ledger if row.load_id == load_id and row.verdict in ("accepted", "released")
    ]
    if not found:
        raise KeyError(f"There is no accepted load {load_id}. `qi loads` lists them.")
    if any(row.retry_of == load_id and row.verdict == "withdrawn" for row in night.ledger):
        raise KeyError(f"Load {load_id} has been taken back already.")
    return record_withdrawal(found[0], reason, night)


def rejudge_lake(
    settings: Settings, run_id: str, progress: Progress, *, is_dry: bool = False
) -> list[Rejudged]:
    """Judge loads again that other rules than today's have judged; see `pipelines.intake.rejudge`."""
    with temporary_files_in(settings.temporary_path):
        night, _ = open_night(settings, run_id)
        _finish_replacements(night)
        return rejudge(night, progress, is_dry=is_dry)


def _line(row: LedgerRow) -> str:
    """One plain line on a load; never a value of a row."""
    name = f"{row.place} → {row.extract}" if row.extract else row.place
    if row.verdict in ("unrecognised", "error", "refused"):
        return f"{name}: {row.verdict.upper()} {row.reason}"
    if row.verdict == "repeated":
        return f"{name}: {row.reason} Nothing loaded."
    if row.verdict == "rejudged":
        return f"{name}: {row.reason}"
    if row.verdict == "released":
        return f"{name}: {row.rows_accepted} rows released from quarantine"
    counts = [f"{row.rows_received} rows", f"{row.rows_accepted} accepted"]
    counts += [f"{row.rows_quarantined} quarantined"] if row.rows_quarantined else []
    counts += [f"{row.rows_ignored} ignored"] if row.rows_ignored else []
    return f"{name}: {', '.join(counts)}"
