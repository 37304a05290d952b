"""Every verdict is the one that Great Expectations gives when it is asked in its usual, slower way."""

from typing import Any

import great_expectations as gx
import pyarrow as pa
import pytest
from great_expectations.data_context.types.base import ProgressBarsConfig

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_rules import EXPECTATIONS, Rule, Subject
from pipelines.gates.suite import Columns, Tally, build_suite
from tests.unit.gate_cases import CONTRACTS, good_case, plant, row_rules, small_rule

# Success, rows judged, rows that fail, and their positions.
Verdict = tuple[bool, int, int, list[int]]

TABLE = pa.table(
    {
        "amount": pa.array([1.0, 2.0, None, 4.0, -1.0, 2.0, None]),
        "other": pa.array([1.0, 3.0, 5.0, 4.0, None, 1.0, None]),
        "word": pa.array(["one", "two", "three", None, "?", "two", None]),
    }
)
PAIR = {"column_A": "amount", "column_B": "other"}
RANGE = {"min_value": 1, "max_value": 3}

# Arguments with which an expectation fails on the table above, and with which it holds.
ARGUMENTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "expect_column_values_to_not_be_null": ({"column": "word"}, {"column": "word", "mostly": 0.5}),
    "expect_column_values_to_be_null": ({"column": "word"}, {"column": "word", "mostly": 0.1}),
    "expect_column_values_to_be_in_set": (
        {"column": "word", "value_set": ["one", "two"]},
        {"column": "amount", "value_set": [-1, 1, 2, 4]},
    ),
    "expect_column_values_to_not_be_in_set": (
        {"column": "amount", "value_set": [2]},
        {"column": "word", "value_set": ["four"]},
    ),
    "expect_column_values_to_be_between": (
        {"column": "amount"} | RANGE,
        {"column": "amount", "min_value": -1, "max_value": 4},
    ),
    "expect_column_values_to_be_unique": ({"column": "word"}, {"column": "word", "mostly": 0.5}),
    "expect_column_values_to_match_regex": (
        {"column": "word", "regex": "^[a-z]+$"},
        {"column": "word", "regex": "."},
    ),
    "expect_column_values_to_not_match_regex": (
        {"column": "word", "regex": "^t"},
        {"column": "word", "regex": "^z"},
    ),
    "expect_column_value_lengths_to_be_between": (
        {"column": "word"} | RANGE,
        {"column": "word", "max_value": 5},
    ),
    "expect_column_pair_values_to_be_equal": (PAIR, PAIR | {"mostly": 0.1}),
    "expect_column_pair_values_a_to_be_greater_than_b": (
        PAIR | {"or_equal": True, "ignore_row_if": "either_value_is_missing"},
        PAIR | {"mostly": 0.1, "ignore_row_if": "either_value_is_missing"},
    ),
    "expect_compound_columns_to_be_unique": (
        {"column_list": ["amount", "word"]},
        {"column_list": ["amount", "other", "word"], "ignore_row_if": "any_value_is_missing"},
    ),
    "expect_table_row_count_to_be_between": (RANGE, {"min_value": 1}),
    "expect_column_to_exist": ({"column": "absent"}, {"column": "word"}),
    "expect_column_unique_value_count_to_be_between": (
        {"column": "word"} | RANGE,
        {"column": "amount", "min_value": 4},
    ),
    "expect_column_proportion_of_unique_values_to_be_between": (
        {"column": "word", "min_value": 0.9},
        {"column": "word", "max_value": 0.9},
    ),
    "expect_column_proportion_of_non_null_values_to_be_between": (
        {"column": "word", "min_value": 0.9},
        {"column": "word", "max_value": 0.9},
    ),
    "expect_column_min_to_be_between": (
        {"column": "amount", "min_value": 0},
        {"column": "amount", "min_value": -1},
    ),
    "expect_column_max_to_be_between": (
        {"column": "amount", "max_value": 3},
        {"column": "amount", "max_value": 4},
    ),
    "expect_column_mean_to_be_between": (
        {"column": "amount", "min_value": 3},
        {"column": "amount", "max_value": 3},
    ),
    "expect_column_sum_to_be_between": (
        {"column": "amount", "min_value": 9},
        {"column": "amount", "max_value": 9},
    ),
}
CONDITIONS = [{"word": ["two", "?", "one"]}, {"amount": "missing"}]


def of_the_library(rules: list[Rule], table: pa.Table) -> dict[str, Verdict]:
    """Verdicts of a validation of the whole suite over the whole table, by rule."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("tables").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch(
        {"dataframe": Columns(table).frame(table.column_names)}
    )
    validation = batch.validate(build_suite(rules), result_format="COMPLETE")
    verdicts = {}
    for result in validation.results:
        configuration, details = result.expectation_config, result.result
        assert configuration is not None
        assert configuration.meta is not None
        checked = details.get("element_count", 0) - details.get("missing_count", 0)
        verdicts[_name(configuration.meta["code"], configuration.kwargs)] = (
            bool(result.success),
            checked,
            details.get("unexpected_count", 0),
            details.get("unexpected_index_list") or [],
        )
    return verdicts


def of_the_gate(rules: list[Rule], table: pa.Table, slice_rows: int = 1_000_000) -> dict[str, Verdict]:
    """Verdicts of the gate, over the table in slices as far as a rule can be judged in slices."""
    verdicts = {}
    for rule, expectation in zip(rules, build_suite(rules).expectations, strict=True):
        step = table.num_rows if rule.form.needs_all_rows else slice_rows
        tally, failing = Tally(rule), []
        for first in range(0, max(table.num_rows, 1), max(step, 1)):
            failing += (tally.add(Columns(table.slice(first, step))) + first).tolist()
        outcome = tally.outcome()
        name = _name(rule.code, expectation.configuration.kwargs)
        verdicts[name] = (outcome.is_passed, outcome.rows_checked, outcome.rows_failed, failing)
    return verdicts


def _name(code: str, kwargs: dict[str, Any]) -> str:
    """A rule's code and arguments: some codes stand for several columns."""
    arguments = sorted((name, repr(value)) for name, value in kwargs.items() if name != "batch_id")
    return f"{code} {arguments}"


def rules_of(expectation: str) -> list[Rule]:
    """The expectation as a rule that fails and as one that holds, each also with conditions on rows."""
    documents = [
        small_rule(code=code, expectation=expectation, action="warn") | {"with": arguments}
        for code, arguments in zip(["FAILS", "HOLDS"], ARGUMENTS[expectation], strict=True)
    ]
    if EXPECTATIONS[expectation].judges == "rows":
        documents += [document | {"where": CONDITIONS} for document in documents]
    return [Rule.model_validate(document) for document in documents]


@pytest.mark.parametrize("expectation", EXPECTATIONS)
def test_every_expectation_is_judged_as_the_library_judges_it(expectation: str) -> None:
    rules = rules_of(expectation)
    verdicts = of_the_gate(rules, TABLE)
    assert verdicts == of_the_library(rules, TABLE)
    for slice_rows in (1, 2, 3):
        assert of_the_gate(rules, TABLE, slice_rows) == verdicts
    assert len(verdicts) == len(rules)
    successes = [is_passed for is_passed, *_ in verdicts.values()]
    assert successes[:2] == [False, True]


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=list(CONTRACTS))
def test_every_contract_is_judged_as_the_library_judges_it(contract: Contract) -> None:
    planted = [rule for rule in row_rules(contract) if "mostly" not in rule.arguments]
    case = good_case(contract, 2 * len(planted) + 1)
    for position, rule in enumerate(planted):
        plant(case, rule, 2 * position + 1)
    table = case.rule_table()
    rules = [rule for rule in contract.all_rules if rule.about == Subject.RECORDS]
    verdicts = of_the_gate(rules, table)
    assert verdicts == of_the_library(rules, table)
    assert len(verdicts) == len(rules)
    assert sum(failed > 0 for _, _, failed, _ in verdicts.values()) >= len(planted)


def test_what_is_prepared_for_one_table_holds_for_the_next() -> None:
    rules = [rule for expectation in EXPECTATIONS for rule in rules_of(expectation)]
    first = of_the_gate(rules, TABLE)
    for part in (TABLE.slice(0, 2), TABLE.slice(2), TABLE.slice(0, 0)):
        of_the_gate(rules, part)
    assert of_the_gate(rules, TABLE) == first
    assert of_the_gate(rules, TABLE.slice(1, 4)) == of_the_library(rules, TABLE.slice(1, 4))
