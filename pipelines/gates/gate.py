"""May an extract enter: every rule of its contract, and what follows for the file and its rows.

Belongs here: turning outcomes of rules into the fate of rows and file. Does not belong here: how a rule is
run (`suite.py`), what its columns are made of (`derive.py`), and where rows are kept (`pipelines.lake`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_columns import JOINT
from pipelines.extracts.contract_rules import Action, Rule, Subject
from pipelines.extracts.control_totals import RELATIVE_TOLERANCE, ControlTotal
from pipelines.extracts.read import Extracted
from pipelines.gates.arrow import compute
from pipelines.gates.derive import rule_table
from pipelines.gates.faults import GateError
from pipelines.gates.keys import Positions, find
from pipelines.gates.units import of_whole_units

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


@dataclass(frozen=True)
class Judgement:
    """What the gate decided. `rows_*` count lines of the file and add up to those received.

    `is_screened`: the text of the rows has been screened for personal data, whatever came of it.
    `accepted` and `quarantined` hold records with the columns delivered, the latter also `codes` (sorted,
    joined by `|`).
    `row_codes` has each reason for which a line is in quarantine: source_row, code, column_name.
    `units` as in `Extracted`.
    """

    is_refused: bool
    reason: str
    accepted: pa.Table
    quarantined: pa.Table
    row_codes: pa.Table
    results: list[RuleResult]
    rows_accepted: int
    rows_quarantined: int
    rows_refused: int
    rows_ignored: int
    is_screened: bool
    units: pa.Table | None = None


def judge(
    extracted: Extracted,
    contract: Contract,
    lookups: dict[str, pa.Table],
    *,
    received_on: date,
    taken_keys: pa.Table | None = None,
) -> Judgement:
    """Judge a file's rows by its contract.

    Args:
        extracted: what the reader made of the file, with pseudonyms in place of personal identifiers.
        contract: the extract's contract.
        lookups: for each lookup of the contract its key columns and those taken, one row a key.
        received_on: the day the file was received; ages of dates are counted to it.
        taken_keys: keys (columns of the grain) that another file of the same date brought with other content.

    A line is accepted or quarantined with all its records. When a rule refuses the file nothing is accepted
    and nothing quarantined. Without its columns or without rows no other rule is run.

    Raises:
        GateError: a rule could not be evaluated, which says nothing about the data.
    """
    findings = _run(Subject.COLUMNS, _delivered(extracted), contract)
    if _refusing(findings):
        return _refused(findings, extracted, is_screened=False)
    table = rule_table(extracted.table, contract, lookups, received_on=received_on, taken_keys=taken_keys)
    findings += _run(Subject.CONTROL_TOTALS, _control_totals(extracted.control_totals), contract)
    findings += _run(Subject.SOURCE_ROWS, _source_rows(extracted), contract)
    findings += _run(Subject.RECORDS, table, contract)
    row_codes = _row_codes(findings, extracted)
    findings += _run(Subject.QUARANTINE, _share_in_doubt(findings, extracted), contract)
    if _refusing(findings):
        return _refused(findings, extracted, is_screened=True)
    return _split(findings, row_codes, extracted)


@dataclass(frozen=True)
class _Finding:
    """The result of a rule, and the lines of the file in which it failed (one for each failing record)."""

    rule: Rule
    result: RuleResult
    source_rows: Positions


def _run(subject: Subject, table: pa.Table, contract: Contract) -> list[_Finding]:
    # Great Expectations takes seconds to import.
    from pipelines.gates.suite import run_rules

    rules = [rule for rule in contract.all_rules if rule.about == subject]
    findings = []
    for outcome in run_rules(rules, table):
        rule = outcome.rule
        failing = _failing_lines(table, outcome.positions)
        where = _where(table, outcome.positions, failing)
        result = RuleResult(
            code=rule.code,
            column_name=contract.column_name_of(rule),
            category=rule.category,
            action=rule.action,
            is_passed=outcome.is_passed,
            rows_checked=outcome.rows_checked,
            rows_failed=outcome.rows_failed,
            message=_message(subject, outcome.is_passed, outcome.rows_checked, outcome.rows_failed, where),
            reason=rule.reason,
            owner=rule.owner,
            remedy=rule.remedy,
        )
        findings.append(_Finding(rule, result, failing))
    return findings


def _failing_lines(table: pa.Table, positions: Positions) -> Positions:
    """The lines of the file that failing rows come from, none where a table is not about lines."""
    if "source_row" not in table.column_names:
        return np.empty(0, dtype=np.int64)
    return table.column("source_row").to_numpy()[positions]


def _where(table: pa.Table, positions: Positions, failing: Positions) -> str:
    if failing.size:
        return f"; first in line {', '.join(map(str, np.unique(failing)[:PLACES_NAMED]))}"
    if positions.size and "total" in table.column_names:
        names = table.column("total").take(pa.array(positions[:PLACES_NAMED])).to_pylist()
        return f": {', '.join(map(str, names))}"
    return ""


def _message(subject: Subject, is_passed: bool, checked: int, failed: int, where: str) -> str:
    if subject == Subject.COLUMNS:
        return "The file passes." if is_passed else "The file fails."
    if subject == Subject.QUARANTINE:
        return "Few enough rows are in doubt." if is_passed else "Too many rows are in doubt."
    things = "totals" if subject == Subject.CONTROL_TOTALS else "rows"
    if failed == 0:
        return f"All of {checked} {things} pass." if is_passed else "The file fails."
    return f"{failed} of {checked} {things} fail{where}."


def _refusing(findings: Sequence[_Finding]) -> list[RuleResult]:
    results = [finding.result for finding in findings]
    return [result for result in results if not result.is_passed and result.action == Action.REFUSE_FILE]


def _delivered(extracted: Extracted) -> pa.Table:
    """The columns the file really has: a reader fills in empty ones for those it lacks."""
    return extracted.table.drop_columns(
        [name for name in extracted.missing_columns if name in extracted.table.column_names]
    )


def _control_totals(totals: Sequence[ControlTotal]) -> pa.Table:
    """The name of each total and whether it reconciles; null where the rows have no sum."""
    published = np.array([total.published for total in totals], dtype=np.float64)
    summed = np.array([total.summed for total in totals], dtype=np.float64)
    reconciles = np.isclose(summed, published, rtol=RELATIVE_TOLERANCE, atol=RELATIVE_TOLERANCE)
    return pa.table(
        {
            "total": pa.array([total.name for total in totals], pa.string()),
            "reconciles": pa.array(reconciles, mask=np.isnan(published) | np.isnan(summed)),
        }
    )


def _source_rows(extracted: Extracted) -> pa.Table:
    """Every line that gave records or could not be read as a row."""
    read = extracted.table.column("source_row").unique().to_numpy()
    malformed = np.array([line for line, _ in extracted.malformed_rows], dtype=np.int64)
    return pa.table(
        {
            "source_row": np.concatenate([read, malformed]),
            "is_malformed": np.repeat([False, True], [read.size, malformed.size]),
        }
    )


def _row_codes(findings: Sequence[_Finding], extracted: Extracted) -> pa.Table:
    """Each reason for which a line goes into quarantine, once; lines that were added up go together."""
    parts = [
        pa.table(
            {
                "source_row": finding.source_rows,
                "code": pa.repeat(finding.rule.code, finding.source_rows.size),
                "column_name": pa.repeat(
                    pa.scalar(finding.result.column_name, pa.string()), finding.source_rows.size
                ),
            },
            schema=ROW_CODES,
        )
        for finding in findings
        if finding.rule.action == Action.QUARANTINE_ROW and finding.source_rows.size
    ]
    together = pa.concat_tables([ROW_CODES.empty_table(), *parts])
    whole = of_whole_units(together, extracted.units)
    distinct = whole.group_by(ROW_CODES.names).aggregate([])
    return distinct.sort_by([(name, "ascending") for name in ROW_CODES.names])


def _share_in_doubt(findings: Sequence[_Finding], extracted: Extracted) -> pa.Table:
    """The share of lines that would be quarantined for more than waiting.

    A file that arrives before what it refers to is not in doubt, and refusing it would lose the wait.
    """
    judged = extracted.rows_received - sum(extracted.rows_ignored.values())
    codes = _row_codes([finding for finding in findings if not finding.rule.retry], extracted)
    in_doubt = len(codes.column("source_row").unique())
    return pa.table({"quarantined_share": pa.array([in_doubt / judged if judged else None], pa.float64())})


def _refused(findings: Sequence[_Finding], extracted: Extracted, *, is_screened: bool) -> Judgement:
    ignored = sum(extracted.rows_ignored.values())
    nothing = _kept_columns(extracted.table).slice(0, 0)
    causes = [
        f"{result.code}{f' ({result.column_name})' if result.column_name else ''}: "
        f"{result.message} {result.reason}"
        for result in _refusing(findings)
    ]
    return Judgement(
        is_refused=True,
        reason=" ".join(causes),
        accepted=nothing,
        quarantined=nothing.append_column("codes", pa.array([], pa.string())),
        row_codes=ROW_CODES.empty_table(),
        results=[finding.result for finding in findings],
        rows_accepted=0,
        rows_quarantined=0,
        rows_refused=extracted.rows_received - ignored,
        rows_ignored=ignored,
        is_screened=is_screened,
    )


def _split(findings: Sequence[_Finding], row_codes: pa.Table, extracted: Extracted) -> Judgement:
    records = _kept_columns(extracted.table)
    codes = _codes_by_line(row_codes)
    place = find([records.column("source_row")], [codes.column("source_row")])
    is_quarantined = place >= 0
    accepted = records.filter(pa.array(~is_quarantined))
    quarantined = records.filter(pa.array(is_quarantined))
    quarantined = quarantined.append_column(
        "codes", codes.column("codes").take(pa.array(place[is_quarantined]))
    )
    ignored = sum(extracted.rows_ignored.values())
    rows_accepted = extracted.rows_received - ignored - codes.num_rows
    if len(accepted.column("source_row").unique()) > rows_accepted:
        # More lines gave records than the reader says it received.
        raise GateError("CONSERVATION")
    return Judgement(
        is_refused=False,
        reason=_account(rows_accepted, codes.num_rows, row_codes),
        accepted=accepted,
        quarantined=quarantined,
        row_codes=row_codes,
        results=[finding.result for finding in findings],
        rows_accepted=rows_accepted,
        rows_quarantined=codes.num_rows,
        rows_refused=0,
        rows_ignored=ignored,
        is_screened=True,
        units=extracted.units,
    )


def _kept_columns(table: pa.Table) -> pa.Table:
    return table.select([name for name in table.column_names if not name.endswith(f"{JOINT}unparsed")])


def _codes_by_line(row_codes: pa.Table) -> pa.Table:
    """One row a quarantined line: source_row and all its codes as one text, sorted."""
    distinct = row_codes.group_by(["source_row", "code"]).aggregate([])
    ordered = distinct.sort_by([("source_row", "ascending"), ("code", "ascending")])
    listed = ordered.group_by("source_row", use_threads=False).aggregate([("code", "list")])
    joined = compute("binary_join", listed.column("code_list"), "|")
    return pa.table({"source_row": listed.column("source_row"), "codes": joined})


def _account(rows_accepted: int, rows_quarantined: int, row_codes: pa.Table) -> str:
    if rows_quarantined == 0:
        return f"All {rows_accepted} rows accepted."
    counts = row_codes.group_by("code").aggregate([("source_row", "count_distinct")]).sort_by("code")
    by_code = ", ".join(f"{row['code']} {row['source_row_count_distinct']}" for row in counts.to_pylist())
    return f"{rows_accepted} rows accepted, {rows_quarantined} in quarantine ({by_code})."
