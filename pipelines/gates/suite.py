"""Rules run by Great Expectations: a suite from rules, a validation, and the positions of rows that fail.

This is the only module that knows Great Expectations. Importing it takes seconds, so it is imported where a
file is judged and not before. Results hold values of failing rows: nothing of them leaves this module but
counts and positions.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.exceptions.exceptions import GreatExpectationsError
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.row_conditions import (
    AndCondition,
    Column,
    Condition,
    OrCondition,
)
from great_expectations.validator.validator import Validator

from pipelines.extracts.contract_rules import Action, Rule
from pipelines.extracts.contract_rules import Condition as RuleCondition
from pipelines.gates.faults import GateError
from pipelines.gates.keys import Positions

# Great Expectations copies the whole frame for each expectation, so that wide frames of many rows are slow;
# and each validation costs some milliseconds, so that many narrow ones are slow for few rows.
CELLS_PER_BATCH = 1_000_000

SEVERITY = {Action.REFUSE_FILE: "critical", Action.QUARANTINE_ROW: "warning", Action.WARN: "info"}

# Without index columns the complete result lists positions; the query it could add repeats them as text.
RESULT_FORMAT = {"result_format": "COMPLETE", "return_unexpected_index_query": False}

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Outcome:
    """How one rule went: rows it looked at, rows that failed, and the positions of these in its table."""

    rule: Rule
    is_passed: bool
    rows_checked: int
    rows_failed: int
    positions: Positions


def run_rules(rules: Sequence[Rule], table: pa.Table) -> list[Outcome]:
    """Validate a table against rules, one outcome a rule, in their order.

    Raises:
        GateError: Great Expectations could not evaluate a rule.
    """
    with _quiet_library():
        context = _silent_context()
        return [
            outcome
            for group in _groups(rules, table.num_rows)
            for outcome in _run_group(group, table, context)
        ]


def build_suite(rules: Sequence[Rule]) -> gx.ExpectationSuite:
    """The rules as an expectation suite; `meta` of each expectation has its code and position."""
    expectations = [_expectation(rule, position) for position, rule in enumerate(rules)]
    return gx.ExpectationSuite(name="rules", expectations=expectations)


def _expectation(rule: Rule, position: int) -> Expectation:
    class_name = "".join(part.capitalize() for part in rule.expectation.split("_"))
    arguments = {name: _plain(value) for name, value in rule.arguments.items()}
    if rule.where:
        arguments["row_condition"] = _any_of([_all_of(condition) for condition in rule.where])
    return getattr(gx.expectations, class_name)(
        **arguments,
        severity=SEVERITY[rule.action],
        notes=rule.reason,
        meta={"code": rule.code, "position": position, "category": rule.category, "action": rule.action},
    )


def _any_of(conditions: list[Condition]) -> Condition:
    return conditions[0] if len(conditions) == 1 else OrCondition(conditions=conditions)


def _all_of(condition: RuleCondition) -> Condition:
    parts: list[Condition] = []
    for name, wanted in condition.items():
        if wanted == "present":
            parts.append(Column(name).is_not_null())
        elif wanted == "missing":
            parts.append(Column(name).is_null())
        else:
            parts.append(Column(name).is_in(_plain(wanted)))
    return parts[0] if len(parts) == 1 else AndCondition(conditions=parts)


def _plain(value: Any) -> Any:
    """A value of a contract as it stands in a frame: see `_frame`."""
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return (value - datetime(1970, 1, 1)).total_seconds()
    if isinstance(value, date):
        return float((value - EPOCH).days)
    return value


def _frame(table: pa.Table) -> pd.DataFrame:
    """The table for Great Expectations: text as text, everything else as floating point, empty as NaN.

    Dates become days and timestamps seconds since 1970, because Great Expectations compares dates other than
    those in nanoseconds one by one, and nanoseconds end in 2262, before the dates that mean "for ever".
    """
    columns = {name: _series(table.column(name)) for name in table.column_names}
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), copy=False)


def _series(column: pa.ChunkedArray) -> Any:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.to_pandas()
    if pa.types.is_date(column.type):
        column = column.cast(pa.date32()).cast(pa.int32())
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64()).to_numpy() / 1e6
    return pc.fill_null(column.cast(pa.float64()), float("nan")).to_numpy()


def _groups(rules: Sequence[Rule], row_count: int) -> Iterator[list[Rule]]:
    """Rules that may share a frame: consecutive, and together not more cells than a batch may have."""
    group: list[Rule] = []
    columns: set[str] = set()
    for rule in rules:
        wider = columns | set(rule.columns_needed)
        if group and len(wider) * row_count > CELLS_PER_BATCH:
            yield group
            group, wider = [], set(rule.columns_needed)
        group.append(rule)
        columns = wider
    if group:
        yield group


def _run_group(rules: list[Rule], table: pa.Table, context: AbstractDataContext) -> list[Outcome]:
    needed = dict.fromkeys(name for rule in rules for name in rule.columns_needed)
    frame = _frame(table.select([name for name in needed if name in table.column_names]))
    # Batches of a data source are hashed twice and kept; a validator on an engine of its own does neither.
    engine = PandasExecutionEngine(batch_data_dict={"table": frame})
    validator = Validator(execution_engine=engine, data_context=context)
    try:
        results = validator.graph_validate(
            configurations=build_suite(rules).expectation_configurations,
            runtime_configuration={"result_format": RESULT_FORMAT},
        )
    except (GreatExpectationsError, ArithmeticError, LookupError, TypeError, ValueError):
        # The message of such an error may hold values of the file.
        raise GateError(rules[0].code) from None
    by_position = {_position(result): result for result in results}
    return [_outcome(rule, by_position[position]) for position, rule in enumerate(rules)]


def _position(result: ExpectationValidationResult) -> int:
    """Which rule of the suite a result belongs to; results come in an order of their own."""
    configuration = result.expectation_config
    return -1 if configuration is None or configuration.meta is None else configuration.meta["position"]


def _outcome(rule: Rule, result: ExpectationValidationResult) -> Outcome:
    exception_info = result.exception_info or {"raised_exception": False}
    if exception_info.get("raised_exception") is not False:
        raise GateError(rule.code)
    details = result.result or {}
    checked = details.get("element_count", 0) - details.get("missing_count", 0)
    positions = np.array(details.get("unexpected_index_list") or [], dtype=np.int64)
    return Outcome(
        rule=rule,
        is_passed=bool(result.success),
        rows_checked=int(checked),
        rows_failed=int(details.get("unexpected_count", 0)),
        positions=positions,
    )


def _silent_context() -> AbstractDataContext:
    """An ephemeral context: no file is written, no bar drawn, no usage statistics sent."""
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


@contextmanager
def _quiet_library() -> Iterator[None]:
    """Keep the library's own log, which may repeat values, from every handler of ours."""
    logger = logging.getLogger("great_expectations")
    silence, propagate = logging.NullHandler(), logger.propagate
    logger.addHandler(silence)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = propagate
        logger.removeHandler(silence)
