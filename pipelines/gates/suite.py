"""Rules run by Great Expectations: a suite from rules, a verdict a rule, and the positions of rows that fail.

A table may come in slices. What Great Expectations counts in each (rows, empty ones, failing ones) is added
up, and its verdict is taken once, on the sums; so a threshold such as `mostly` holds for the whole table.

This is the only module that knows Great Expectations. Importing it takes seconds, so it is imported where a
file is judged and not before. Results hold values of failing rows: nothing of them leaves this module but
counts and positions.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from great_expectations.exceptions.exceptions import GreatExpectationsError
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.row_conditions import (
    AndCondition,
    Column,
    Condition,
    OrCondition,
)
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.metrics_calculator import MetricsCalculator
from great_expectations.validator.validation_graph import MetricEdge, ValidationGraph

from pipelines.extracts.contract_rules import Action, Rule
from pipelines.extracts.contract_rules import Condition as RuleCondition
from pipelines.gates.faults import GateError
from pipelines.gates.keys import Positions

SEVERITY = {Action.REFUSE_FILE: "critical", Action.QUARANTINE_ROW: "warning", Action.WARN: "info"}

# A verdict takes counts. Only where rows fail are their positions asked for, and never their values: without
# index columns the complete result lists positions, and the query it could add repeats them as text.
VERDICT = {"result_format": {"result_format": "BASIC", "exclude_unexpected_values": True}}
COUNTS = {"result_format": "BOOLEAN_ONLY"}
POSITIONS = {"result_format": {"result_format": "COMPLETE", "return_unexpected_index_query": False}}
POSITIONS_METRIC = "unexpected_index_list"

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Outcome:
    """How one rule went: rows it looked at, and rows that failed."""

    rule: Rule
    is_passed: bool
    rows_checked: int
    rows_failed: int


class Tally:
    """One rule over the slices of a table: `add` each of them, then ask for the `outcome`."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._sums: dict[str, Any] = {}

    def add(self, table: "Columns") -> Positions:
        """Judge the next slice. Returns the positions in it of rows that fail.

        Raises:
            GateError: Great Expectations could not evaluate the rule.
            ValueError: the rule is about all rows at once, and this is not the first slice.
        """
        with _ours(self.rule):
            prepared = _prepared(self.rule)
            counts, positions = _look(self.rule, prepared, table)
            if self._sums and self.rule.form.needs_all_rows:
                raise ValueError(self.rule.code)
            self._sums = {
                name: self._sums[name] + count if self._sums else count for name, count in counts.items()
            }
            return positions

    def outcome(self) -> "Outcome":
        """The verdict on everything added."""
        with _ours(self.rule):
            return _verdict(self.rule, _prepared(self.rule), self._sums)


def build_suite(rules: Sequence[Rule]) -> gx.ExpectationSuite:
    """The rules as an expectation suite; `meta` of each expectation has its code, category and action."""
    return gx.ExpectationSuite(name="rules", expectations=[_expectation(rule) for rule in rules])


def _expectation(rule: Rule) -> Expectation:
    class_name = "".join(part.capitalize() for part in rule.expectation.split("_"))
    arguments = {name: _plain(value) for name, value in rule.arguments.items()}
    if rule.where:
        arguments["row_condition"] = _any_of([_all_of(condition) for condition in rule.where])
    return getattr(gx.expectations, class_name)(
        **arguments,
        severity=SEVERITY[rule.action],
        notes=rule.reason,
        meta={"code": rule.code, "category": rule.category, "action": rule.action},
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
            # Great Expectations takes no truth values here; in a frame they are numbers, see `Columns`.
            values = [float(each) if isinstance(each, bool) else each for each in _plain(wanted)]
            parts.append(Column(name).is_in(values))
    return parts[0] if len(parts) == 1 else AndCondition(conditions=parts)


def _plain(value: Any) -> Any:
    """A value of a contract as it stands in a frame: see `Columns`."""
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return (value - datetime(1970, 1, 1)).total_seconds()
    if isinstance(value, date):
        return float((value - EPOCH).days)
    return value


class Columns:
    """A table as Great Expectations gets it: text as text, everything else as floating point, empty as NaN.

    Dates become days and timestamps seconds since 1970, because Great Expectations compares dates other than
    those in nanoseconds one by one, and nanoseconds end in 2262, before the dates that mean "for ever".
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._converted: dict[str, Any] = {}

    def frame(self, names: Iterable[str]) -> pd.DataFrame:
        """Columns of the table, as far as it has them."""
        present = [name for name in names if name in self._table.column_names]
        for name in present:
            if name not in self._converted:
                self._converted[name] = _series(self._table.column(name))
        columns = {name: self._converted[name] for name in present}
        return pd.DataFrame(columns, index=pd.RangeIndex(self._table.num_rows), copy=False)


def _series(column: pa.ChunkedArray) -> Any:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.to_pandas()
    if pa.types.is_date(column.type):
        column = column.cast(pa.date32()).cast(pa.int32())
    if pa.types.is_timestamp(column.type):
        return _doubles(column.cast(pa.timestamp("us")).cast(pa.int64())).to_numpy() / 1e6
    return pc.fill_null(_doubles(column), float("nan")).to_numpy()


def _doubles(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole numbers beyond 2 to the 53 are rounded, as bounds are; a safe cast would stop at them."""
    return column.cast(pa.float64(), safe=False)


@dataclass(frozen=True)
class _Prepared:
    """An expectation, and what Great Expectations has to compute for its verdict.

    counts: by name, the metrics that the verdict takes. edges: these with all that they are computed from.
    """

    expectation: Expectation
    engine: PandasExecutionEngine
    counts: dict[str, MetricConfiguration]
    edges: list[MetricEdge]

    @cached_property
    def positions(self) -> MetricConfiguration | None:
        """The metric that lists failing rows; None for an expectation on the whole table."""
        listed = self.expectation.get_validation_dependencies(self.engine, POSITIONS).metric_configurations
        found = [metric for name, metric in listed.items() if name.endswith(POSITIONS_METRIC)]
        # Building the graph also tells the metric what it is computed from.
        MetricsCalculator(self.engine).build_metric_dependency_graph(found)
        return next(iter(found), None)

    @cached_property
    def count_of_failing(self) -> str:
        """The metric that counts what `positions` lists."""
        assert self.positions is not None
        return self.positions.metric_name.removesuffix(POSITIONS_METRIC) + "unexpected_count"


# The library's own validator works out anew for every table what each expectation needs, which takes several
# times as long as judging a small file. Here that is done once a rule and kept for all files of the process;
# a test holds the outcomes against those of the validator.
_PREPARED: dict[str, _Prepared] = {}


def _prepared(rule: Rule) -> _Prepared:
    key = repr(rule)
    if key not in _PREPARED:
        _PREPARED[key] = _prepare(build_suite([rule]).expectations[0])
    return _PREPARED[key]


def _prepare(expectation: Expectation) -> _Prepared:
    engine = PandasExecutionEngine()
    counts = expectation.get_validation_dependencies(engine, COUNTS).metric_configurations
    graph = MetricsCalculator(engine).build_metric_dependency_graph(list(counts.values()))
    return _Prepared(expectation, engine, counts, graph.edges)


def _look(rule: Rule, prepared: _Prepared, table: Columns) -> tuple[dict[str, Any], Positions]:
    """What the verdict takes from a table, by name, and the positions of failing rows."""
    # The library copies the whole frame for each expectation, so it gets only the columns that are needed.
    engine = PandasExecutionEngine(batch_data_dict={"table": table.frame(rule.columns_needed)})
    graph = ValidationGraph(engine, prepared.edges)
    metrics, _ = graph.resolve({"catch_exceptions": False}, show_progress_bars=False)
    counts = {name: metrics[metric.id] for name, metric in prepared.counts.items()}
    positions = []
    if prepared.positions is not None and counts[prepared.count_of_failing]:
        positions = engine.resolve_metrics([prepared.positions], metrics)[prepared.positions.id]
    return counts, np.array(positions, dtype=np.int64)


def _verdict(rule: Rule, prepared: _Prepared, counts: dict[str, Any]) -> Outcome:
    verdict = _validate(prepared, counts)
    details = verdict["result"]
    return Outcome(
        rule=rule,
        is_passed=bool(verdict["success"]),
        rows_checked=int(details.get("element_count", 0) - details.get("missing_count", 0)),
        rows_failed=int(details.get("unexpected_count", 0)),
    )


def _validate(prepared: _Prepared, counts: dict[str, Any]) -> dict[str, Any]:
    verdict = prepared.expectation._validate(
        metrics=counts, runtime_configuration=VERDICT, execution_engine=prepared.engine
    )
    return {"success": verdict["success"], "result": verdict.get("result", {})}


@contextmanager
def _ours(rule: Rule) -> Iterator[None]:
    """Make a failure of the library one of the gate: its message may hold values of the file."""
    try:
        with _quiet_library():
            yield
    except (GreatExpectationsError, ArithmeticError, LookupError, TypeError, ValueError):
        raise GateError(rule.code) from None


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
