"""What follows from rules for a file and its rows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from traceback import format_exception
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.extracts.contract import Contract
from pipelines.extracts.control_totals import ControlTotal
from pipelines.extracts.readers.line_numbers import Malformed
from pipelines.gates.faults import GateError
from pipelines.gates.gate import Judgement, RuleResult, judge
from tests.unit.gate_cases import (
    CONTRACTS,
    NHS_NUMBER,
    RECEIVED_ON,
    extracted,
    good_case,
    small_contract,
    small_rule,
)

SMALL = small_contract()


def things(*ids: str, **values: Any) -> list[dict[str, Any]]:
    return [{"thing_id": each, "amount": 1.0} | values for each in ids]


def judged(rows: Sequence[dict[str, Any]], contract: Contract = SMALL, **facts: Any) -> Judgement:
    unparsed, source_rows = facts.pop("unparsed", set()), facts.pop("source_rows", None)
    taken_keys = facts.pop("taken_keys", None)
    file = extracted(contract, rows, unparsed, source_rows, **facts)
    judgement = judge(file, contract, {}, received_on=RECEIVED_ON, taken_keys=taken_keys)
    counted = (
        judgement.rows_accepted + judgement.rows_quarantined + judgement.rows_refused + judgement.rows_ignored
    )
    assert counted == file.rows_received
    return judgement


def result_of(judgement: Judgement, code: str) -> RuleResult:
    (result,) = [result for result in judgement.results if result.code == code]
    return result


def codes(judgement: Judgement) -> dict[int, str]:
    table = judgement.quarantined
    return dict(zip(table.column("source_row").to_pylist(), table.column("codes").to_pylist(), strict=True))


def lines(table: pa.Table) -> list[int]:
    return table.column("source_row").to_pylist()


def assert_refused(judgement: Judgement, code: str) -> None:
    assert judgement.is_refused
    assert judgement.reason.startswith(code)
    assert not result_of(judgement, code).is_passed
    assert judgement.accepted.num_rows == judgement.quarantined.num_rows == judgement.row_codes.num_rows == 0
    assert judgement.rows_accepted == judgement.rows_quarantined == 0
    assert judgement.accepted.column_names == [*SMALL.column_names, "source_row"]
    assert judgement.quarantined.column_names == [*SMALL.column_names, "source_row", "codes"]


def test_every_rule_has_one_result_whether_passed_or_not() -> None:
    judgement = judged(things("A", "B"))
    expected = {(rule.code, SMALL.column_name_of(rule)) for rule in SMALL.all_rules}
    assert {(result.code, result.column_name) for result in judgement.results} == expected
    assert len(judgement.results) == len(expected)
    assert all(result.is_passed for result in judgement.results)


def test_a_file_without_rows_is_refused_and_no_other_rule_is_run() -> None:
    judgement = judged([])
    assert_refused(judgement, "NO_ROWS")
    assert {result.code for result in judgement.results} == {"NO_ROWS", "COLUMN_MISSING"}


def test_a_file_of_ignored_and_malformed_lines_only_has_no_rows() -> None:
    judgement = judged(
        [],
        rows_received=3,
        rows_ignored={"total row": 1},
        malformed_rows=Malformed.of([(2, "fields"), (3, "fields")]),
    )
    assert_refused(judgement, "NO_ROWS")
    assert (judgement.rows_refused, judgement.rows_ignored) == (2, 1)


def test_a_file_without_a_required_column_is_refused() -> None:
    judgement = judged(things("A", "B"), missing_columns=["thing_id"])
    assert_refused(judgement, "COLUMN_MISSING")
    assert result_of(judgement, "COLUMN_MISSING").column_name == "thing_id"
    assert judgement.rows_refused == 2


def test_a_file_without_an_optional_column_enters() -> None:
    assert judged(things("A"), missing_columns=["amount"]).rows_accepted == 1


@pytest.mark.parametrize(
    ("summed", "is_refused"),
    [(100.0, False), (100.0 + 1e-9, False), (99.0, True), (None, False)],
)
def test_a_total_that_differs_from_its_rows_refuses_the_file(summed: float | None, is_refused: bool) -> None:
    totals = [ControlTotal("amount", 100.0, summed), ControlTotal("other", 0.0, 0.0)]
    judgement = judged(things("A"), control_totals=totals)
    assert judgement.is_refused == is_refused
    if is_refused:
        assert_refused(judgement, "CONTROL_TOTAL")
        assert result_of(judgement, "CONTROL_TOTAL").message == "1 of 2 totals fail: amount."


def test_malformed_lines_go_into_quarantine() -> None:
    judgement = judged(
        things("A", "B"), rows_received=3, malformed_rows=Malformed.of([(9, "three fields for two")])
    )
    assert judgement.rows_quarantined == 1
    assert judgement.row_codes.to_pylist() == [
        {"source_row": 9, "code": "ROW_MALFORMED", "column_name": None}
    ]
    assert result_of(judgement, "ROW_MALFORMED").message == "1 of 3 rows fail; first in line 9."
    assert judgement.quarantined.num_rows == 0
    assert lines(judgement.accepted) == [2, 3]


def test_a_file_with_too_many_rows_in_doubt_is_refused() -> None:
    half = judged(things("A", "B") + things("C", "D", amount=-1.0))
    assert (half.rows_accepted, half.rows_quarantined) == (2, 2)
    judgement = judged(things("A") + things("B", "C", amount=-1.0))
    assert_refused(judgement, "QUARANTINE_SHARE")
    assert judgement.rows_refused == 3
    assert result_of(judgement, "AMOUNT_NEGATIVE").rows_failed == 2


def test_a_file_that_only_waits_for_what_it_refers_to_is_kept() -> None:
    contract = CONTRACTS["units"]
    case = good_case(contract, 3)
    for row in range(3):
        case.overrides[row, "organisation"] = None
    judgement = judge(case.extracted(), contract, case.lookups(), received_on=RECEIVED_ON)
    assert not judgement.is_refused
    assert codes(judgement) == dict.fromkeys([2, 3, 4], "UNKNOWN_ORGANISATION")


def test_ignored_lines_do_not_dilute_the_share_in_doubt() -> None:
    rows = things("A") + things("B", "C", amount=-1.0)
    assert judged(rows, rows_received=9, rows_ignored={"total row": 6}).is_refused


def test_personal_data_in_free_text_refuse_the_file() -> None:
    judgement = judged(things("A", "B") + things("C", note=f"call about {NHS_NUMBER}"))
    assert_refused(judgement, "PERSONAL_DATA")
    result = result_of(judgement, "PERSONAL_DATA")
    assert (result.column_name, result.rows_failed) == ("note", 1)
    assert result.message == "1 of 1 rows fail; first in line 4."
    assert NHS_NUMBER not in str(judgement)


def test_a_row_rule_may_refuse_the_file_or_only_warn() -> None:
    rows = things("A", "B") + things("C", amount=-1.0)
    refused = judged(rows, small_contract(rules=[small_rule(action="refuse_file")]))
    assert_refused(refused, "AMOUNT_NEGATIVE")
    warned = judged(rows, small_contract(rules=[small_rule(action="warn")]))
    assert not warned.is_refused
    assert lines(warned.accepted) == [2, 3, 4]
    assert warned.row_codes.num_rows == 0
    result = result_of(warned, "AMOUNT_NEGATIVE")
    assert (result.is_passed, result.rows_failed, result.rows_checked) == (False, 1, 3)


def test_a_rule_on_the_whole_file_may_refuse_it() -> None:
    rule = small_rule(expectation="expect_column_mean_to_be_between", action="refuse_file")
    assert_refused(judged(things("A", amount=-3.0), small_contract(rules=[rule])), "AMOUNT_NEGATIVE")
    assert not judged(things("A"), small_contract(rules=[rule])).is_refused


def test_a_line_enters_with_all_its_records_or_not_at_all() -> None:
    rows = things("A", "B") + things("C") + things("D", amount=-1.0) + things("E", "F")
    judgement = judged(rows, source_rows=[2, 2, 3, 3, 4, 4])
    assert lines(judgement.accepted) == [2, 2, 4, 4]
    assert judgement.quarantined.column("thing_id").to_pylist() == ["C", "D"]
    assert judgement.quarantined.column("codes").to_pylist() == ["AMOUNT_NEGATIVE", "AMOUNT_NEGATIVE"]
    assert judgement.row_codes.num_rows == 1
    assert (judgement.rows_accepted, judgement.rows_quarantined) == (2, 1)


def test_lines_without_records_count_as_accepted() -> None:
    judgement = judged(things("A"), rows_received=4, rows_ignored={"blank": 1})
    assert (judgement.rows_accepted, judgement.rows_ignored) == (3, 1)


def test_a_repeated_row_enters_once_and_the_first_is_kept() -> None:
    rows = things("A", "B", "B", "B", "C", "D")
    judgement = judged(rows, source_rows=[2, 8, 3, 5, 6, 7])
    assert codes(judgement) == {8: "DUPLICATE_ROW", 5: "DUPLICATE_ROW"}
    assert sorted(lines(judgement.accepted)) == [2, 3, 6, 7]


def test_rows_that_contradict_each_other_all_go_into_quarantine() -> None:
    rows = [*things("A", "A"), *things("A", amount=2.0), *things("B", "C", "D")]
    judgement = judged(rows)
    assert codes(judgement) == {2: "DUPLICATE_KEY", 3: "DUPLICATE_KEY", 4: "DUPLICATE_KEY"}


def test_an_empty_part_of_a_key_is_a_value_like_any_other() -> None:
    rows = [*things("A"), *things("A", group="x"), *things("A", amount=2.0), *things("B", "C")]
    assert codes(judged(rows)) == {2: "DUPLICATE_KEY", 4: "DUPLICATE_KEY"}


def test_a_key_that_another_file_brought_goes_into_quarantine() -> None:
    taken = pa.table({"thing_id": ["B", "Z"], "group": pa.nulls(2, pa.string())})
    judgement = judged(things("A", "B", "C"), taken_keys=taken)
    assert codes(judgement) == {3: "DUPLICATE_BETWEEN_FILES"}
    assert result_of(judgement, "DUPLICATE_BETWEEN_FILES").column_name == "thing_id, group"


def test_infinite_and_absurd_numbers_and_not_a_number_are_unreadable() -> None:
    fine = [
        *things("A", "B", "C", "G", "H"),
        *things("D", amount=None),
        *things("E", amount=-0.0),
        *things("F", amount=1e100),
    ]
    absurd = [float("inf"), float("nan"), 1e101, 1e308, 1e-101, 5e-324]
    rows = [
        *fine,
        *(row for number, amount in enumerate(absurd) for row in things(f"Z{number}", amount=amount)),
    ]
    first = 2 + len(fine)
    assert codes(judged(rows)) == dict.fromkeys(range(first, first + len(absurd)), "AMOUNT_UNREADABLE")


@pytest.mark.parametrize("total", ["total", "TOTAL", " Total ", "Grand total", "Total:"])
def test_total_rows_are_told_from_data(total: str) -> None:
    judgement = judged(things("Totally different", total, "Subtotals", "B"))
    assert codes(judgement) == {3: "TOTAL_ROW"}


def test_further_columns_of_a_reader_stay_with_their_rows() -> None:
    file = extracted(SMALL, things("A", "B"))
    dated = file.table.append_column("published_on", pa.array([RECEIVED_ON, None], pa.date32()))
    judgement = judge(replace(file, table=dated), SMALL, {}, received_on=RECEIVED_ON)
    assert judgement.accepted.column_names == [*SMALL.column_names, "source_row", "published_on"]


def test_codes_of_a_row_are_sorted_and_joined() -> None:
    judgement = judged([*things("A", "B", "C"), {"thing_id": None, "amount": -1.0}])
    assert codes(judgement) == {5: "AMOUNT_NEGATIVE|THING_ID_MISSING"}
    assert judgement.reason == "3 rows accepted, 1 in quarantine (AMOUNT_NEGATIVE 1, THING_ID_MISSING 1)."


@pytest.mark.parametrize("column", ["thing_id", "note"])
def test_a_rule_that_cannot_be_run_is_an_error_and_no_verdict(
    column: str, caplog: pytest.LogCaptureFixture
) -> None:
    marker = "SEC" + "RET"
    broken = small_contract(rules=[small_rule(**{"with": {"column": column, "min_value": 0}})])
    with pytest.raises(GateError, match="AMOUNT_NEGATIVE") as raised:
        judged(things(f"{marker}-1", f"{marker}-2", note=f"{marker}-3"), broken)
    assert raised.value.code == "AMOUNT_NEGATIVE"
    assert marker not in "".join(format_exception(raised.value))
    assert caplog.text == ""


def test_a_reader_that_miscounts_is_an_error() -> None:
    with pytest.raises(GateError, match="CONSERVATION"):
        judge(extracted(SMALL, things("A", "B"), rows_received=1), SMALL, {}, received_on=RECEIVED_ON)


def test_no_file_is_left_behind_and_nothing_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    judged(things("A", "B"))
    assert list(tmp_path.iterdir()) == []
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=list(CONTRACTS))
def test_nothing_the_gate_says_repeats_what_a_cell_holds(
    contract: Contract, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    marked = {"string": "MARKER", "integer": -77777701, "number": -77777702.25, "boolean": True}
    row = {column.name: marked.get(column.type) for column in contract.columns}
    rows = [row | {contract.grain[0]: f"MARKER {line}"} for line in range(3)]
    lookups = {
        lookup.name: pa.table(
            {
                name: pa.array([], CONTRACTS[lookup.extract].column(name).arrow_type)
                for name in dict.fromkeys([*lookup.on.values(), *lookup.take])
            }
        )
        for lookup in contract.lookups
    }
    file = extracted(contract, rows, control_totals=[ControlTotal("t", 77777703.0, 77777704.0)])
    judgement = judge(file, contract, lookups, received_on=RECEIVED_ON)
    said = " ".join([judgement.reason, caplog.text, *capfd.readouterr(), *map(repr, judgement.results)])
    assert "MARKER" not in said
    assert "777777" not in said


def test_thousands_of_lines_here_and_there_are_quarantined_each_for_itself() -> None:
    """Lines with gaps between them: a library that groups them must not change their order."""
    is_bad = np.random.default_rng(1).random(10_000) < 0.45
    rows = [{"thing_id": f"T{at}", "amount": -1.0 if bad else 1.0} for at, bad in enumerate(is_bad)]
    judgement = judged(rows)
    assert lines(judgement.quarantined) == (np.flatnonzero(is_bad) + 2).tolist()
    assert lines(judgement.accepted) == (np.flatnonzero(~is_bad) + 2).tolist()
