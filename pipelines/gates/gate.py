"""May an extract enter: every rule of its contract, and what follows for the file and its rows.

Belongs here: turning outcomes of rules into the fate of rows and file. Does not belong here: how a rule is
run (`suite.py`), what its columns are made of (`derive.py`), and where rows are kept (`pipelines.lake`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_columns import JOINT
from pipelines.extracts.contract_rules import Action, Rule, Subject
from pipelines.extracts.control_totals import RELATIVE_TOLERANCE, ControlTotal
from pipelines.extracts.read import Delivered, Extracted, OpenExtract
from pipelines.extracts.records import Records, records_of
from pipelines.gates.arrow import compute
from pipelines.gates.derive import rule_table
from pipelines.gates.faults import GateError
from pipelines.gates.history import NO_PAST, Past, look_back
from pipelines.gates.keys import Positions, find
from pipelines.gates.units import of_whole_units, whole_units
from pipelines.gates.whole import NOBODY, FindTaken, WholeFile, look_at_whole

if TYPE_CHECKING:
    from pipelines.gates.suite import Columns, Outcome

PLACES_NAMED = 5

ROW_CODES = pa.schema([("source_row", pa.int64()), ("code", pa.string()), ("column_name", pa.string())])


@dataclass(frozen=True)
class RuleResult:
    """How one rule went. Rows are records of the extract, or lines or totals where the rule is about those.

    `message` names counts and lines of the file, never what a cell holds.
    """

    code: str
    column_name: str | None
    category: str
    action: str
    is_passed: bool
    rows_checked: int
    rows_failed: int
    message: str
    reason: str
    owner: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the gate decided on a file. `rows_*` count lines of the file and add up to those received.

    `is_screened`: the text of the rows has been screened for personal data, whatever came of it. `profile`:
    what the file looks like as a whole (`pipelines.lake.layout.PROFILES`), None where its rows were not
    judged.
    """

    is_refused: bool
    reason: str
    results: list[RuleResult]
    rows_accepted: int
    rows_quarantined: int
    rows_refused: int
    rows_ignored: int
    records_accepted: int
    records_quarantined: int
    is_screened: bool
    profile: pa.Table | None


@dataclass(frozen=True)
class Sorted:
    """What became of some of a file's records, provided that the file is not refused in the end.

    `accepted` and `quarantined` hold records with the columns delivered, the latter also `codes` (sorted,
    joined by `|`).
    `row_codes` has each reason for which a line is in quarantine: source_row, code, column_name.
    """

    accepted: pa.Table
    quarantined: pa.Table
    row_codes: pa.Table


@dataclass(frozen=True, kw_only=True)
class Judgement(Verdict):
    """A verdict, with what became of all records: columns as in `Sorted`, none of a refused file."""

    accepted: pa.Table
    quarantined: pa.Table
    row_codes: pa.Table


def judge(
    extracted: Extracted,
    contract: Contract,
    lookups: dict[str, pa.Table],
    *,
    received_on: date,
    taken_keys: pa.Table | None = None,
    past: Past = NO_PAST,
) -> Judgement:
    """Judge a file whose rows are in memory by its contract.

    Args:
        extracted: what the reader made of the file, with pseudonyms in place of personal identifiers.
        contract: the extract's contract.
        lookups: for each lookup of the contract its key columns and those taken, one row a key.
        received_on: the day the file was received; ages of dates are counted to it.
        taken_keys: keys (columns of the grain) that another file of the same date brought with other content.
        past: what is known of earlier loads.

    A line is accepted or quarantined with all its records. When a rule refuses the file nothing is accepted
    and nothing quarantined. Without its columns or without rows no other rule is run.

    Raises:
        GateError: a rule could not be evaluated, which says nothing about the data.
    """
    nothing = _kept_columns(extracted.table).slice(0, 0)
    kept = [
        Sorted(nothing, nothing.append_column("codes", pa.array([], pa.string())), ROW_CODES.empty_table())
    ]
    with records_of(extracted.table) as records:
        facts = {each.name: getattr(extracted, each.name) for each in fields(Delivered)}
        file = OpenExtract(records=records, **facts)
        find_taken = None if taken_keys is None else partial(_among, contract.grain, taken_keys)
        verdict = judge_slices(
            file, contract, lookups, kept.append, received_on=received_on, find_taken=find_taken, past=past
        )
    if verdict.is_refused:
        kept = kept[:1]
    together = pa.concat_tables([part.row_codes for part in kept])
    return Judgement(
        **{each.name: getattr(verdict, each.name) for each in fields(Verdict)},
        accepted=pa.concat_tables([part.accepted for part in kept]),
        quarantined=pa.concat_tables([part.quarantined for part in kept]),
        row_codes=together.sort_by([(name, "ascending") for name in ROW_CODES.names]),
    )


def _among(grain: Sequence[str], keys: pa.Table, records: Records) -> Positions:
    table = records.table()
    return np.flatnonzero(find(*([each.column(name) for name in grain] for each in (table, keys))) >= 0)


def judge_slices(
    file: OpenExtract,
    contract: Contract,
    lookups: dict[str, pa.Table],
    keep: Callable[[Sorted], None],
    *,
    received_on: date,
    find_taken: FindTaken | None = None,
    past: Past = NO_PAST,
    watch: Callable[[int], None] = lambda records: None,
) -> Verdict:
    """Judge a file of any size by its contract, slice by slice, in bounded memory; else as `judge`.

    Args:
        keep: is given the records of each slice as soon as they are judged; what it was given counts only if
            the verdict, which comes last, does not refuse the file.
        find_taken: finds the records whose key another file of the same date brought with other content.
        watch: is told how many records have been judged, after each slice.
    """
    rules = {subject: [rule for rule in contract.all_rules if rule.about == subject] for subject in Subject}

    def run(subject: Subject, table: pa.Table) -> _Panel:
        panel = _Panel(subject, rules[subject], contract)
        panel.add(table)
        return panel

    columns = run(Subject.COLUMNS, _delivered(file))
    if columns.is_refusing:
        return _refused([columns], file, is_screened=False)
    history = look_back(file.records, contract, lookups, received_on, past)
    whole = look_at_whole(file.records, contract, find_taken).with_flags(history.flags)
    totals = run(Subject.CONTROL_TOTALS, _control_totals(file.control_totals))
    by_line = _Panel(Subject.SOURCE_ROWS, rules[Subject.SOURCE_ROWS], contract)
    by_record = _Panel(Subject.RECORDS, rules[Subject.RECORDS], contract, history.remarks)
    make_table = partial(rule_table, contract=contract, lookups=lookups, received_on=received_on)
    by_record.look_ahead(file.records, whole, make_table)
    counts = _Counts()
    for first, records in file.records.slices():
        flags = whole.of_slice(first, records.num_rows)
        lines = by_line.add(
            _source_rows(records.column("source_row").unique().to_numpy(), is_malformed=False)
        )
        table = make_table(records, flags=flags, rules=by_record.rules_by_slice)
        found = _codes_of([*lines, *by_record.add(table, first)], file.units)
        keep(counts.sorted(records, found))
        watch(first + records.num_rows)
    for malformed in file.malformed_rows.lines.slices():
        found = _codes_of(by_line.add(_source_rows(malformed, is_malformed=True)), file.units)
        keep(counts.sorted(file.records.schema.empty_table(), found))
    panels = [columns, totals, by_line, by_record, run(Subject.HISTORY, history.facts)]
    panels.append(run(Subject.QUARANTINE, _share_in_doubt(counts.lines_in_doubt, file)))
    if any(panel.is_refusing for panel in panels):
        return _refused(panels, file, is_screened=True)
    return _accepted(panels, counts, file, history.profile)


@dataclass(frozen=True)
class _Failing:
    """The lines of the file in which a rule failed, one for each failing record."""

    rule: Rule
    column_name: str | None
    source_rows: Positions


class _Panel:
    """The rules on one subject over all slices of a file."""

    def __init__(
        self,
        subject: Subject,
        rules: Sequence[Rule],
        contract: Contract,
        remarks: dict[str, str] | None = None,
    ) -> None:
        # Great Expectations takes seconds to import.
        from pipelines.gates.suite import Tally

        self._subject = subject
        self._contract = contract
        self._remarks = remarks or {}
        self._tallies = [Tally(rule) for rule in rules]
        self._places: dict[int, str] = {}
        self._first_lines: dict[int, Positions] = {}
        self._ahead: dict[int, Positions] = {}

    @property
    def rules_by_slice(self) -> list[Rule]:
        """The rules that are judged slice by slice."""
        return [tally.rule for at, tally in enumerate(self._tallies) if at not in self._ahead]

    def look_ahead(self, records: Records, whole: WholeFile, make_table: Callable[..., pa.Table]) -> None:
        """Judge the rules that need all records at once, over no more columns than they name."""
        apart = {at: tally for at, tally in enumerate(self._tallies) if tally.rule.form.needs_all_rows}
        rules = [tally.rule for tally in apart.values()]
        if not rules:
            return
        parts = [
            make_table(each, flags=whole.of_slice(first, each.num_rows), rules=rules)
            for first, each in records.slices()
        ]
        table = pa.concat_tables(parts)
        columns = _rule_columns(table)
        self._ahead = {at: tally.add(columns) for at, tally in apart.items()}

    def add(self, table: pa.Table, first: int = 0) -> list[_Failing]:
        """Judge the next slice, whose first row is number `first`. Returns where rules fail in it."""
        columns = _rule_columns(table)
        found = []
        for at, tally in enumerate(self._tallies):
            if at in self._ahead:
                start, end = np.searchsorted(self._ahead[at], [first, first + table.num_rows])
                positions = self._ahead[at][start:end] - first
            else:
                positions = tally.add(columns)
            if positions.size:
                failing = _failing_lines(table, positions)
                self._note_places(at, table, positions, failing)
                found.append(_Failing(tally.rule, self._contract.column_name_of(tally.rule), failing))
        return found

    def _note_places(self, at: int, table: pa.Table, positions: Positions, failing: Positions) -> None:
        if failing.size:
            noted = np.concatenate([self._first_lines.get(at, NOBODY), failing])
            self._first_lines[at] = np.unique(noted)[:PLACES_NAMED]
            self._places[at] = f"; first in line {', '.join(map(str, self._first_lines[at]))}"
        elif "name" in table.column_names:
            named = table.take(pa.array(positions[:PLACES_NAMED]))
            names = named.column("name").to_pylist()
            if self._subject == Subject.HISTORY:
                fact = self._tallies[at].rule.columns[0]
                values = named.column(fact).to_pylist()
                names = [f"{name} ({fact} {value:.2f})" for name, value in zip(names, values, strict=True)]
            self._places[at] = f": {', '.join(names)}"

    @cached_property
    def results(self) -> list[RuleResult]:
        """How each rule went, once everything is added."""
        return [
            self._result(tally.outcome(), self._places.get(at, "")) for at, tally in enumerate(self._tallies)
        ]

    def _result(self, outcome: "Outcome", where: str) -> RuleResult:
        rule = outcome.rule
        remark = self._remarks.get(rule.columns[0], "") if outcome.rows_failed and rule.columns else ""
        return RuleResult(
            code=rule.code,
            column_name=self._contract.column_name_of(rule),
            category=rule.category,
            action=rule.action,
            is_passed=outcome.is_passed,
            rows_checked=outcome.rows_checked,
            rows_failed=outcome.rows_failed,
            message=_message(
                self._subject, outcome.is_passed, outcome.rows_checked, outcome.rows_failed, where
            )
            + (f" {remark}." if remark else ""),
            reason=rule.reason,
            owner=rule.owner,
            remedy=rule.remedy,
        )

    @property
    def refusing(self) -> list[RuleResult]:
        """The results that refuse the file."""
        return [each for each in self.results if not each.is_passed and each.action == Action.REFUSE_FILE]

    @property
    def is_refusing(self) -> bool:
        return bool(self.refusing)


def _rule_columns(table: pa.Table) -> "Columns":
    from pipelines.gates.suite import Columns

    return Columns(table)


class _Counts:
    """Sorts records into accepted and quarantined, and counts them and their lines over all slices."""

    def __init__(self) -> None:
        self.lines_with_accepted = 0
        self.lines_quarantined = 0
        self.lines_in_doubt = 0
        self.records_accepted = 0
        self.records_quarantined = 0
        self.lines_by_code: Counter[str] = Counter()

    def sorted(self, records: pa.Table, found: "_Codes") -> Sorted:
        """What becomes of the records of a slice; no line may be in two slices."""
        kept = _kept_columns(records)
        codes = _codes_by_line(found.row_codes)
        lines = kept.column("source_row").to_numpy()
        quarantined_lines = codes.column("source_row").to_numpy()
        place = np.searchsorted(quarantined_lines, lines)
        place[place == quarantined_lines.size] = 0
        is_quarantined = (
            quarantined_lines[place] == lines if quarantined_lines.size else np.zeros(lines.size, np.bool_)
        )
        accepted = kept.filter(pa.array(~is_quarantined))
        quarantined = kept.filter(pa.array(is_quarantined)).append_column(
            "codes", codes.column("codes").take(pa.array(place[is_quarantined]))
        )
        self.lines_with_accepted += len(accepted.column("source_row").unique())
        self.lines_quarantined += codes.num_rows
        self.lines_in_doubt += found.lines_in_doubt
        self.records_accepted += accepted.num_rows
        self.records_quarantined += quarantined.num_rows
        by_code = found.row_codes.group_by("code").aggregate([("source_row", "count_distinct")])
        for row in by_code.to_pylist():
            self.lines_by_code[row["code"]] += row["source_row_count_distinct"]
        return Sorted(accepted, quarantined, found.row_codes)


def _failing_lines(table: pa.Table, positions: Positions) -> Positions:
    """The lines of the file that failing rows come from, none where a table is not about lines."""
    if "source_row" not in table.column_names:
        return np.empty(0, dtype=np.int64)
    return table.column("source_row").to_numpy()[positions]


def _message(subject: Subject, is_passed: bool, checked: int, failed: int, where: str) -> str:
    if subject == Subject.COLUMNS:
        return "The file passes." if is_passed else "The file fails."
    if subject == Subject.QUARANTINE:
        return "Few enough rows are in doubt." if is_passed else "Too many rows are in doubt."
    if subject == Subject.HISTORY:
        return f"Not as before{where}." if failed else "Nothing stands out."
    things = "totals" if subject == Subject.CONTROL_TOTALS else "rows"
    if failed == 0:
        return f"All of {checked} {things} pass." if is_passed else "The file fails."
    return f"{failed} of {checked} {things} fail{where}."


def _delivered(file: OpenExtract) -> pa.Table:
    """The columns the file really has (a reader fills in empty ones for those it lacks), without content."""
    names = [name for name in file.records.schema.names if name not in file.missing_columns]
    return pa.table({name: pa.nulls(file.records.count) for name in names})


def _control_totals(totals: Sequence[ControlTotal]) -> pa.Table:
    """The name of each total and whether it reconciles; null where the rows have no sum."""
    published = np.array([total.published for total in totals], dtype=np.float64)
    summed = np.array([total.summed for total in totals], dtype=np.float64)
    reconciles = np.isclose(summed, published, rtol=RELATIVE_TOLERANCE, atol=RELATIVE_TOLERANCE)
    return pa.table(
        {
            "name": pa.array([total.name for total in totals], pa.string()),
            "reconciles": pa.array(reconciles, mask=np.isnan(published) | np.isnan(summed)),
        }
    )


def _source_rows(lines: Positions, *, is_malformed: bool) -> pa.Table:
    """Lines that gave records, or lines that could not be read as a row."""
    return pa.table({"source_row": lines, "is_malformed": np.full(lines.size, is_malformed)})


@dataclass(frozen=True)
class _Codes:
    """Why lines of a slice go into quarantine, and how many of them for more than waiting.

    A file that arrives before what it refers to is not in doubt, and refusing it would lose the wait.
    """

    row_codes: pa.Table
    lines_in_doubt: int


def _codes_of(found: Sequence[_Failing], units: pa.Table | None) -> _Codes:
    quarantining = [failing for failing in found if failing.rule.action == Action.QUARANTINE_ROW]
    in_doubt = [failing.source_rows for failing in quarantining if failing.rule.casts_doubt]
    _, lines_in_doubt = whole_units(np.unique(np.concatenate([NOBODY, *in_doubt])), units)
    return _Codes(_row_codes(quarantining, units), np.unique(lines_in_doubt).size)


def _row_codes(found: Sequence[_Failing], units: pa.Table | None) -> pa.Table:
    """Each reason for which a line goes into quarantine, once; lines that were added up go together."""
    parts = [
        pa.table(
            {
                "source_row": failing.source_rows,
                "code": pa.repeat(failing.rule.code, failing.source_rows.size),
                "column_name": pa.repeat(
                    pa.scalar(failing.column_name, pa.string()), failing.source_rows.size
                ),
            },
            schema=ROW_CODES,
        )
        for failing in found
    ]
    together = pa.concat_tables([ROW_CODES.empty_table(), *parts])
    whole = of_whole_units(together, units)
    distinct = whole.group_by(ROW_CODES.names).aggregate([])
    return distinct.sort_by([(name, "ascending") for name in ROW_CODES.names])


def _share_in_doubt(lines_in_doubt: int, file: OpenExtract) -> pa.Table:
    """The share of lines that would be quarantined for more than waiting."""
    judged = file.rows_received - sum(file.rows_ignored.values())
    return pa.table(
        {"quarantined_share": pa.array([lines_in_doubt / judged if judged else None], pa.float64())}
    )


def _refused(panels: Sequence[_Panel], file: OpenExtract, *, is_screened: bool) -> Verdict:
    ignored = sum(file.rows_ignored.values())
    causes = [
        f"{result.code}{f' ({result.column_name})' if result.column_name else ''}: "
        f"{result.message} {result.reason}"
        for panel in panels
        for result in panel.refusing
    ]
    return Verdict(
        is_refused=True,
        reason=" ".join(causes),
        results=[result for panel in panels for result in panel.results],
        rows_accepted=0,
        rows_quarantined=0,
        rows_refused=file.rows_received - ignored,
        rows_ignored=ignored,
        records_accepted=0,
        records_quarantined=0,
        is_screened=is_screened,
        profile=None,
    )


def _accepted(panels: Sequence[_Panel], counts: _Counts, file: OpenExtract, profile: pa.Table) -> Verdict:
    ignored = sum(file.rows_ignored.values())
    rows_accepted = file.rows_received - ignored - counts.lines_quarantined
    if counts.lines_with_accepted > rows_accepted:
        # More lines gave records than the reader says it received.
        raise GateError("CONSERVATION")
    return Verdict(
        is_refused=False,
        reason=_account(rows_accepted, counts),
        results=[result for panel in panels for result in panel.results],
        rows_accepted=rows_accepted,
        rows_quarantined=counts.lines_quarantined,
        rows_refused=0,
        rows_ignored=ignored,
        records_accepted=counts.records_accepted,
        records_quarantined=counts.records_quarantined,
        is_screened=True,
        profile=profile,
    )


def _kept_columns(table: pa.Table) -> pa.Table:
    return table.select([name for name in table.column_names if not name.endswith(f"{JOINT}unparsed")])


def _codes_by_line(row_codes: pa.Table) -> pa.Table:
    """One row a quarantined line: source_row and all its codes as one text, sorted."""
    distinct = row_codes.group_by(["source_row", "code"]).aggregate([])
    ordered = distinct.sort_by([("source_row", "ascending"), ("code", "ascending")])
    # Grouping by line alone would give the lines of a large table in no certain order.
    lines = ordered.column("source_row").to_numpy()
    starts = np.flatnonzero(np.diff(lines, prepend=-1))
    offsets = pa.array(np.append(starts, len(lines)), pa.int32())
    listed = pa.ListArray.from_arrays(offsets, ordered.column("code").combine_chunks())
    return pa.table({"source_row": lines[starts], "codes": compute("binary_join", listed, "|")})


def _account(rows_accepted: int, counts: _Counts) -> str:
    if counts.lines_quarantined == 0:
        return f"All {rows_accepted} rows accepted."
    by_code = ", ".join(f"{code} {lines}" for code, lines in sorted(counts.lines_by_code.items()))
    return f"{rows_accepted} rows accepted, {counts.lines_quarantined} in quarantine ({by_code})."
