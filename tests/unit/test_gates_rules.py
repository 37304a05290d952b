"""Every rule of every contract finds a fault planted for it, and nothing in the rows beside it."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_rules import Rule
from pipelines.gates.gate import judge
from pipelines.gates.suite import Columns, Tally
from tests.unit.gate_cases import (
    CONTRACTS,
    FIRST_LINE,
    RECEIVED_ON,
    good_case,
    plant,
    quarantining,
    row_rules,
)

EVERY_CONTRACT = pytest.mark.parametrize("contract", CONTRACTS.values(), ids=list(CONTRACTS))
# Rules that every contract gets from its shape are tried one by one where there are most of them, and in all
# contracts together with the others (`test_faulty_rows_go_into_quarantine_and_good_ones_enter`).
EVERY_ROW_RULE = pytest.mark.parametrize(
    ("contract", "rule"),
    [
        pytest.param(contract, rule, id=f"{contract.extract}-{rule.code}-{contract.column_name_of(rule)}")
        for contract in CONTRACTS.values()
        for rule in row_rules(contract)
        if rule in contract.rules or contract.extract == "measure_points"
    ],
)


@EVERY_CONTRACT
def test_good_rows_pass_every_rule(contract: Contract) -> None:
    case = good_case(contract, 3)
    judgement = judge(case.extracted(), contract, case.lookups(), received_on=RECEIVED_ON)
    assert [(result.code, result.column_name) for result in judgement.results if result.rows_failed] == []
    assert all(result.is_passed for result in judgement.results)
    assert judgement.accepted.num_rows == 3
    assert judgement.reason == "All 3 rows accepted."


@EVERY_ROW_RULE
def test_a_planted_fault_is_found_where_it_is(contract: Contract, rule: Rule) -> None:
    case = good_case(contract, 4)
    rows = [0, 1, 2, 3] if "mostly" in rule.arguments else [2]
    broken = sorted({row for index in rows for row in plant(case, rule, index)})
    table = case.rule_table()
    tally = Tally(rule)
    positions = tally.add(Columns(table))
    outcome = tally.outcome()
    assert not outcome.is_passed
    assert positions.tolist() == broken
    assert outcome.rows_failed == len(broken)


def test_numbers_and_times_that_no_double_holds_exactly_are_judged() -> None:
    far = datetime(9999, 12, 31, 23, 59, 59, 999_999)
    times = pa.array([far, None, far], pa.timestamp("us"))
    table = pa.table({"size": [2**63 - 1, None, 1], "seen_at": times})
    frame = Columns(table).frame(["size", "seen_at"])
    assert frame["size"].to_list()[::2] == [2.0**63, 1.0]
    assert frame["seen_at"][0] == pytest.approx(far.replace(tzinfo=UTC).timestamp())


@EVERY_CONTRACT
def test_faulty_rows_go_into_quarantine_and_good_ones_enter(contract: Contract) -> None:
    rules = quarantining(contract)
    case = good_case(contract, 2 * len(rules) + 1)
    planted = {
        (FIRST_LINE + row, rule.code)
        for position, rule in enumerate(rules)
        for row in plant(case, rule, 2 * position + 1)
    }
    lenient = contract.model_copy(update={"max_quarantined_share": 1.0})
    judgement = judge(
        case.extracted(), lenient, case.lookups(), received_on=RECEIVED_ON, taken_keys=case.taken_keys()
    )
    found = {(row["source_row"], row["code"]) for row in judgement.row_codes.to_pylist()}
    assert planted <= found
    faulty = {line for line, _ in planted}
    accepted = set(judgement.accepted.column("source_row").to_pylist())
    quarantined = set(judgement.quarantined.column("source_row").to_pylist())
    assert quarantined == faulty
    assert accepted == set(range(FIRST_LINE, FIRST_LINE + len(case.rows))) - faulty
    for row in judgement.quarantined.to_pylist():
        codes = row["codes"].split("|")
        assert codes == sorted(code for line, code in found if line == row["source_row"])
