"""The models that draw control charts, run in this process on tables made by a test.

dbt compiles them once; then each set of series costs some hundredths of a second, so that properties can be
tried on many.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from pipelines.settings import DBT_PROJECT

SEEDS = (
    "dim_rule_set",
    "subgroup_constant",
    "crossings_limit",
    "reporting_grace",
    "spc_in_control_rate",
    "points_band",
    "rebase_criterion",
    "rag_margin",
)
# In the order in which they refer to each other.
MODELS = (
    "int_spc__changed_series",
    "int_spc__charts",
    "int_spc__phase_bounds",
    "int_spc__point_events",
    "int_spc__target_spans",
    "int_spc__observations",
    "int_spc__phases",
    "int_spc__sides",
    "int_spc__bridged_runs",
    "int_spc__bridged_trends",
    "int_spc__zone_tests",
    "int_spc__points",
    "fct_spc_phase",
    "int_spc__summaries",
    "fct_spc_point",
    "fct_spc_status",
)
CHANCE_MODELS = (
    "int_spc__ends",
    "int_spc__chances",
    "int_spc__change_points",
    "fct_signal_rank",
    "fct_false_alarm",
    "fct_rag_change",
    "fct_rag_noise",
    "fct_rebase_suggestion",
    "fct_time_to_signal",
)
VIEWS = ("int_spc__sides", "int_spc__chances", "fct_spc_point")
# Kept from night to night, and so not in the schema of one night's working tables.
KEPT_BETWEEN = ("int_spc__points", "int_spc__summaries", "int_spc__ends", "int_spc__change_points")
POINT_COLUMNS = {
    "series_id": "varchar",
    "measure_id": "varchar",
    "organisation_code": "varchar",
    "unit_code": "varchar",
    "stratum": "varchar",
    "period_start": "date",
    "period_end": "date",
    "value": "double",
    "numerator": "double",
    "denominator": "double",
    "subgroup_size": "bigint",
    "subgroup_mean": "double",
    "subgroup_sd": "double",
    "is_latest": "boolean",
    "is_withdrawn": "boolean",
}
MEASURE_COLUMNS = {
    "measure_id": "varchar",
    "chart_type": "varchar",
    "rule_set_id": "varchar",
    "improvement_direction": "varchar",
    "frequency": "varchar",
    "multiplier": "double",
    "unit_of_measure": "varchar",
    "is_latest": "boolean",
}
EVENT_COLUMNS = {
    "series_id": "varchar",
    "period_start": "date",
    "event": "varchar",
    "reason": "varchar",
}
TARGET_COLUMNS = {
    "measure_id": "varchar",
    "organisation_code": "varchar",
    "valid_from": "date",
    "valid_to": "date",
    "target": "double",
    "is_latest": "boolean",
    "is_withdrawn": "boolean",
}
FIRST_YEAR = 2020


def month(number: int) -> date:
    """First day of a month, counted from 0."""
    return date(FIRST_YEAR + number // 12, number % 12 + 1, 1)


@dataclass
class Inputs:
    """Tables that the models read; each series is a measure of its own."""

    points: list[dict[str, Any]] = field(default_factory=list)
    measures: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        name: str,
        points: Sequence[float | dict[str, Any] | None],
        *,
        chart: str = "i",
        rule_set: str = "mdc",
        direction: str = "increase",
        target: float | None = None,
        multiplier: float = 1.0,
        events: list[tuple[int, str]] | None = None,
        **measure: Any,
    ) -> None:
        """A monthly series. Points are values or rows; `events` are (month, event)."""
        for number, point in enumerate(points):
            row = point if isinstance(point, dict) else {"value": point}
            self.points.append(
                {"series_id": name, "measure_id": name, "organisation_code": "RQ1", "stratum": "all"}
                | {"period_start": month(number), "is_latest": True, "is_withdrawn": False}
                | row
            )
        self.measures.append(
            {
                "measure_id": name,
                "chart_type": chart,
                "rule_set_id": rule_set,
                "improvement_direction": direction,
                "frequency": "month",
                "multiplier": multiplier,
                "is_latest": True,
            }
            | measure
        )
        for number, event in events or []:
            self.events.append({"series_id": name, "period_start": month(number), "event": event})
        if target is not None:
            self.targets.append(
                {"measure_id": name, "valid_from": date(1990, 1, 1), "valid_to": date(9999, 12, 31)}
                | {"target": target, "is_latest": True, "is_withdrawn": False}
            )


@dataclass(frozen=True)
class Charts:
    """What the models made of the inputs, as data frames in the order of series and period.

    The frames are untyped, because pandas' types take every selection for something else.
    """

    points: Any
    phases: Any
    status: Any

    def series(self, name: str) -> Any:
        return self.points[self.points["series_id"] == name].reset_index(drop=True)


def compiled_models(folder: Path, models: Sequence[str] = MODELS) -> dict[str, str]:
    """SQL of these models by name, compiled against the warehouse that dbt's environment variables name.

    Where that one has a watermark of charts (see `macros/spc_changed.sql`), it is the SQL of a night in which
    some series have changed. Raises RuntimeError when dbt cannot compile it.
    """
    target = folder / "target"
    flags = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--quiet"]
    outcome = dbtRunner().invoke(["compile", "--select", *models, *flags, "--target-path", str(target)])
    DuckDBConnectionManager.close_all_connections()
    if not outcome.success:
        raise RuntimeError(f"dbt cannot compile the models of control charts: {outcome.exception}")
    compiled = {path.stem: path.read_text("utf-8") for path in (target / "compiled").rglob("*.sql")}
    return {name: _without_catalog(compiled[name]) for name in models}


def kept_models() -> list[str]:
    """The models that keep charts from night to night, as the macro lists them."""
    macro = (DBT_PROJECT / "macros" / "spc_changed.sql").read_text("utf-8")
    (body,) = re.findall(r"macro spc_kept_models\(\).*?endmacro", macro, re.DOTALL)
    return re.findall(r"'(\w+)'", body)


def compiled_nights(folder: Path, models: Sequence[str] = MODELS) -> tuple[dict[str, str], dict[str, str]]:
    """SQL of a night that charts everything, and of one in which some series have changed.

    The folder becomes the home of the warehouse that dbt looks at, and of the lake.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, path in {"QI_LAKE": "lake", "QI_BUILD": ".", "QI_WAREHOUSE": "warehouse.duckdb"}.items():
            patch.setenv(name, str(folder / path))
        night = compiled_models(folder, models)
        kept = pd.DataFrame({"model_name": kept_models(), "load_id": "L0000001"})
        with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
            connection.register("kept", kept)
            connection.execute("create schema if not exists intermediate")
            connection.execute("create table intermediate.build_watermark as from kept")
            connection.execute(
                "create table intermediate.int_loads__standing "
                "(load_id varchar, extract varchar, has_rows boolean, taken_back_by_load_id varchar)"
            )
        partial = compiled_models(folder, models)
    # Where dbt does not know of the watermark, the second night would be a full one too.
    same = {name for name in models if night[name] == partial[name]}
    differing = {"int_spc__charts", "int_spc__observations", "int_spc__change_points", "fct_time_to_signal"}
    assert not same & differing
    return night, partial


def renew(connection: duckdb.DuckDBPyConnection, name: str, sql: str, is_kept: bool) -> None:
    """What dbt does with a model: replace it, or take out the changed series and add them."""
    relation = relation_of(name)
    if is_kept:
        key = "series_no" if name == "int_spc__points" else "series_id"
        changed = f"select {key} from working.int_spc__changed_series"
        connection.execute(f"delete from {relation} where {key} in ({changed})")
        connection.execute(f"insert into {relation} {sql}")
    elif kind_of(name) == "table":
        connection.execute(f"create or replace table {relation} as {sql}")


def tell_changed(connection: duckdb.DuckDBPyConnection, series: str, values: Sequence[Any] = ()) -> None:
    """Make the table of the series that changed from a query for their ids."""
    connection.execute(
        "create or replace table working.int_spc__changed_series as select series_id, "
        f"cast('0x' || substr(md5(series_id), 1, 15) as bigint) as series_no from ({series})",
        values,
    )


def relation_of(name: str) -> str:
    """Schema and name of a model's table."""
    if name.startswith("fct_"):
        return f"spc.{name}"
    return f"intermediate.{name}" if name in KEPT_BETWEEN else f"working.{name}"


def kind_of(name: str) -> str:
    """Whether a model is a table or a view."""
    return "view" if name in VIEWS else "table"


def read_seeds(connection: duckdb.DuckDBPyConnection) -> None:
    """The schemas that the models use, and in them the seeds and tonight's clock."""
    for schema in ("core", "spc", "working", "staging", "intermediate"):
        connection.execute(f"create schema if not exists {schema}")
    for name in SEEDS:
        (path,) = (DBT_PROJECT / "seeds").rglob(f"{name}.csv")
        schema = "core" if name == "reporting_grace" else "spc"
        connection.execute(f"create table {schema}.{name} as from read_csv('{path}')")
    connection.execute("create table staging.stg_tonight__clock as select date '2026-11-20' as as_of_date")
    connection.execute("create table intermediate.int_loads__standing (load_id varchar)")


class SpcModels:
    """Compiled models, and a database to run them in."""

    def __init__(self, folder: Path) -> None:
        self._night, self._partial = compiled_nights(folder)
        self._connection = duckdb.connect()
        self._connection.execute("set threads = 1")
        read_seeds(self._connection)

    def run(self, inputs: Inputs) -> Charts:
        """Draw the charts of the inputs."""
        self._give_all(inputs)
        for name in MODELS:
            self._connection.execute(f"drop {kind_of(name)} if exists {relation_of(name)}")
            self._connection.execute(f"create {kind_of(name)} {relation_of(name)} as {self._night[name]}")
        return self._charts()

    def run_next(self, inputs: Inputs, changed: Sequence[str]) -> Charts:
        """Draw the charts of these series anew after the last run, as a night does in which they changed."""
        self._give_all(inputs)
        tell_changed(self._connection, "select unnest(?::varchar[]) as series_id", [list(changed)])
        kept = kept_models()
        for name in MODELS[1:]:
            renew(self._connection, name, self._partial[name], name in kept)
        return self._charts()

    @contextmanager
    def rules(self, rule_set_id: str, **changes: Any) -> Iterator[None]:
        """A rule set with other numbers, for a while."""
        self._connection.execute("create or replace temp table rules_as_delivered as from spc.dim_rule_set")
        sets = ", ".join(f"{column} = ?" for column in changes)
        self._connection.execute(
            f"update spc.dim_rule_set set {sets} where rule_set_id = ?", [*changes.values(), rule_set_id]
        )
        yield
        self._connection.execute("create or replace table spc.dim_rule_set as from rules_as_delivered")

    def _give_all(self, inputs: Inputs) -> None:
        self._give("core.fct_measure_point", POINT_COLUMNS, inputs.points)
        self._give("core.dim_measure", MEASURE_COLUMNS, inputs.measures)
        self._give("core.fct_measure_event", EVENT_COLUMNS, inputs.events)
        self._give("core.dim_target", TARGET_COLUMNS, inputs.targets)

    def _charts(self) -> Charts:
        return Charts(
            self._take("spc.fct_spc_point", "series_id, rule_set_id, period_start"),
            self._take("spc.fct_spc_phase", "series_id, rule_set_id, phase"),
            self._take("spc.fct_spc_status", "series_id, rule_set_id"),
        )

    def _give(self, table: str, columns: dict[str, str], rows: list[dict[str, Any]]) -> None:
        frame = pd.DataFrame(rows, columns=list(columns))
        self._connection.register("given", frame)
        typed = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in columns.items())
        self._connection.execute(f"create or replace table {table} as select {typed} from given")
        self._connection.unregister("given")

    def _take(self, table: str, order: str) -> Any:
        return self._connection.execute(f"select * from {table} order by {order}").df()


def _without_catalog(sql: str) -> str:
    """dbt names the warehouse's file in every relation; here there is none."""
    return re.sub(r'"warehouse"\."', '"', sql)
