"""A file judged in slices of any size is judged as at once."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.extracts import records
from pipelines.extracts.contract import Contract
from pipelines.extracts.read import ControlTotal
from pipelines.extracts.readers.line_numbers import Malformed
from pipelines.extracts.records import records_of
from pipelines.gates.gate import Judgement, judge
from tests.unit.gate_cases import (
    CONTRACTS,
    RECEIVED_ON,
    extracted,
    good_case,
    plant,
    quarantining,
    small_contract,
    small_rule,
)

FEW_NOTES = {"expectation": "expect_column_values_to_be_null", "with": {"column": "note", "mostly": 0.5}}
ONCE = {"expectation": "expect_column_values_to_be_unique", "with": {"column": "amount"}}
SMALL_SUM = {"expectation": "expect_column_sum_to_be_between", "with": {"column": "amount", "max_value": 20}}
CONTRACT = small_contract(
    rules=[
        small_rule(),
        small_rule(code="NOTES_MANY", action="refuse_file") | FEW_NOTES,
        small_rule(code="AMOUNT_TWICE") | ONCE,
        small_rule(code="SUM_LARGE", action="warn") | SMALL_SUM,
    ]
)

AMOUNTS = st.sampled_from([-1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, None])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "thing_id": st.sampled_from(["A", "B", "C", "D", "E", "F", None]),
            "group": st.sampled_from(["x", None]),
            "amount": AMOUNTS,
            "note": st.sampled_from([None, None, None, "seen"]),
        }
    ),
    min_size=1,
    max_size=12,
)


def same(one: Judgement, other: Judgement) -> None:
    assert one == replace(other, accepted=one.accepted, quarantined=one.quarantined, row_codes=one.row_codes)
    for name in ("accepted", "quarantined", "row_codes"):
        assert getattr(one, name).equals(getattr(other, name))


def judged(file: Any, contract: Contract, size: int, lookups: dict[str, pa.Table], **facts: Any) -> Judgement:
    with patch.object(records, "SLICE_RECORDS", size):
        return judge(file, contract, lookups, received_on=RECEIVED_ON, **facts)


@settings(deadline=None, max_examples=25)
@given(ROWS, st.data(), st.integers(1, 6), st.booleans())
def test_slices_of_any_size_are_judged_as_the_whole(
    rows: list[dict[str, Any]], data: st.DataObject, size: int, is_lenient: bool
) -> None:
    steps = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    lines = np.cumsum(steps) + 2
    file = extracted(
        CONTRACT,
        rows,
        source_rows=lines.tolist(),
        rows_received=len(set(lines)) + 2,
        rows_ignored={"total row": 1},
        malformed_rows=Malformed.of([(1000, "fields")]),
        control_totals=[ControlTotal("amount", 1.0, data.draw(st.sampled_from([1.0, None, 2.0])))],
    )
    contract = CONTRACT.model_copy(update={"max_quarantined_share": 1.0 if is_lenient else 0.4})
    taken = file.table.select(["thing_id", "group"]).slice(0, data.draw(st.integers(0, 2)))
    same(
        judged(file, contract, size, {}, taken_keys=taken),
        judged(file, contract, 1_000_000, {}, taken_keys=taken),
    )


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=list(CONTRACTS))
def test_planted_faults_are_judged_alike_in_slices(contract: Contract) -> None:
    rules = quarantining(contract)
    case = good_case(contract, 2 * len(rules) + 1)
    for position, rule in enumerate(rules):
        plant(case, rule, 2 * position + 1)
    lenient = contract.model_copy(update={"max_quarantined_share": 1.0})
    facts: dict[str, Any] = {"lookups": case.lookups(), "taken_keys": case.taken_keys()}
    whole = judged(case.extracted(), lenient, 1_000_000, **facts)
    assert whole.records_quarantined >= len(rules)
    same(judged(case.extracted(), lenient, len(rules), **facts), whole)


def slices(lines: list[int], size: int) -> Iterator[tuple[int, list[int]]]:
    with records_of(pa.table({"source_row": pa.array(lines, pa.int64())})) as found:
        for first, table in found.slices(size):
            yield first, table.column("source_row").to_pylist()


@settings(deadline=None)
@given(st.lists(st.integers(0, 2), max_size=15), st.integers(1, 16))
def test_slices_hold_every_record_once_and_whole_lines(steps: list[int], size: int) -> None:
    lines = np.cumsum(steps).tolist()
    parts = list(slices(lines, size))
    assert [line for _, part in parts for line in part] == lines
    assert [first for first, _ in parts] == np.cumsum([0, *(len(part) for _, part in parts)]).tolist()[:-1]
    kept = [set(part) for _, part in parts]
    assert sum(map(len, kept)) == len(set(lines))
    longest = max((lines.count(line) for line in lines), default=0)
    assert all(len(part) <= max(size, 2 * longest) for _, part in parts)
