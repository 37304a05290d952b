"""Control charts of many series: against one pass over the same Parquet, pandas and pyqicharts.

Tools that work series by series get a sample of the series, because their time grows with the number of
series and would be hours; what is shown and compared is the time for all, extrapolated.

`QI_BENCHMARK_SERIES` asks for other numbers of series than the usual ones, separated by spaces.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.measure import WHOLE, Run, Watch, report, run
from tests.spc_models import (
    CHANCE_MODELS,
    EVENT_COLUMNS,
    MEASURE_COLUMNS,
    MODELS,
    TARGET_COLUMNS,
    compiled_nights,
    kept_models,
    kind_of,
    read_seeds,
    relation_of,
    renew,
    tell_changed,
)

POINTS_A_SERIES = 80
THREADS = 2
MEMORY = "4GB"
MOST_MB = 6 * 1024
# A series of as many points in the best peer's best case: NHSRplotthedots, 2.9 s for 60,000 points.
PEER_MS_A_SERIES = 2.9 * POINTS_A_SERIES / 60
TIMES_AS_LONG_AS_ONE_PASS = 8
TIMES_AS_FAST_AS_PANDAS = 3
TIMES_AS_FAST_AS_PYQICHARTS = 20
SHARE_OF_A_FULL_NIGHT = 0.05
# With fewer series a hundredth of the work is less than what differs from run to run.
ENOUGH_SERIES = 10_000
SAMPLE_FOR_PANDAS = 2_000
SAMPLE_FOR_PYQICHARTS = 200
CHARTS, CHANCE = "charts", "chance, suggestions and colours"
CHANGED, UNCHANGED = "1% changed: all of it", "nothing changed: all of it"
NAMED = "points with their names, as the mart has them"
SIZES = [int(size) for size in os.environ.get("QI_BENCHMARK_SERIES", "1000 10000 100000 250000").split()]


def write_series(path: Path, count: int) -> None:
    """Synthetic monthly series, one a unit, in the columns that the models read."""
    with duckdb.connect(config={"threads": THREADS}) as connection:
        connection.execute("select setseed(0.5)")
        connection.execute(
            f"""
            copy (
                select
                    md5(series::varchar) as series_id,
                    'M' || (series % 500)::varchar as measure_id,
                    'RQ1' as organisation_code,
                    'WARD-' || (series // 500)::varchar as unit_code,
                    'all' as stratum,
                    (date '2018-01-01' + to_months(place::int))::date as period_start,
                    (date '2018-01-31' + to_months(place::int))::date as period_end,
                    round(50 + 5 * (random() + random() + random() + random() - 2), 1) as value,
                    null::double as numerator,
                    null::double as denominator,
                    null::bigint as subgroup_size,
                    null::double as subgroup_mean,
                    null::double as subgroup_sd,
                    true as is_latest,
                    false as is_withdrawn
                from range({count}) as all_series(series)
                cross join range({POINTS_A_SERIES}) as all_places(place)
            ) to '{path}' (format parquet)
            """
        )


def _open(folder: Path, points: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        str(folder / "warehouse.duckdb"),
        config={
            "threads": THREADS,
            "memory_limit": MEMORY,
            "preserve_insertion_order": False,
            "storage_compatibility_version": "v1.3.0",
        },
    )
    connection.execute(f"create view fct_measure_point as from read_parquet('{points}')")
    return connection


def draw_charts(
    watch: Watch, night: dict[str, str], partial: dict[str, str], points: Path, folder: Path
) -> dict[str, Any]:
    """All charts and what is made of them, then those of every hundredth series anew, as a night would, and
    then of none."""
    connection = _open(folder, points)
    read_seeds(connection)
    connection.execute(f"create view core.fct_measure_point as from read_parquet('{points}')")
    _give_measures(connection)
    with watch.stage(WHOLE):
        for stage, models in ((CHARTS, MODELS), (CHANCE, CHANCE_MODELS)):
            for name in models:
                with watch.stage(stage):
                    connection.execute(f"create {kind_of(name)} {relation_of(name)} as {night[name]}")
    (counts,) = connection.execute(
        "select count(*), count(case when signal <> 'common_cause' then 1 end) from spc.fct_spc_point"
    ).fetchall()
    with watch.stage(NAMED):
        connection.execute("create table named as from spc.fct_spc_point")
    connection.execute("drop table named")
    # In a night the points lie in the warehouse, and are not read from a file of all of them.
    connection.execute("create table points as from core.fct_measure_point")
    connection.execute("create or replace view core.fct_measure_point as from points")
    kept = kept_models()
    for load_id, stage, below in (("L0000002", CHANGED, "028f5c28"), ("L0000003", UNCHANGED, "")):
        connection.execute("insert into intermediate.int_loads__standing values (?)", [load_id])
        tell_changed(
            connection, f"select distinct series_id from core.fct_measure_point where series_id < '{below}'"
        )
        with watch.stage(stage):
            for name in [*MODELS[1:], *CHANCE_MODELS]:
                renew(connection, name, partial[name], name in kept)
    (again,) = connection.execute("select count(*) from spc.fct_spc_point").fetchall()
    return {"points": counts[0], "signals": counts[1], "points_again": again[0]}


def _give_measures(connection: duckdb.DuckDBPyConnection) -> None:
    """500 measures with targets, each of a project that has two PDSA cycles."""
    measures = pd.DataFrame(
        {
            "measure_id": [f"M{number}" for number in range(500)],
            "chart_type": "i",
            "rule_set_id": None,
            "improvement_direction": "increase",
            "frequency": "month",
            "multiplier": 1.0,
            "unit_of_measure": None,
            "is_latest": True,
        }
    )
    assert list(measures) == list(MEASURE_COLUMNS)
    typed = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in MEASURE_COLUMNS.items())
    connection.execute(
        f"create table core.dim_measure as select {typed}, 'P' || measure_id as project_id, "
        "'outcome' as family, false as is_withdrawn from measures"
    )
    for table, columns in (("fct_measure_event", EVENT_COLUMNS), ("dim_target", TARGET_COLUMNS)):
        typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        connection.execute(f"create table core.{table} ({typed})")
    connection.execute("alter table core.fct_measure_event add column event_id varchar")
    connection.execute(
        "insert into core.dim_target by name select measure_id, date '2000-01-01' as valid_from, "
        "date '9999-12-31' as valid_to, 52 as target, true as is_latest, false as is_withdrawn from measures"
    )
    connection.execute(
        "create table core.dim_project as select project_id, 'model for improvement' as method, "
        "date '2019-01-01' as chartered_on, date '2019-02-01' as started_on, true as is_latest, "
        "false as is_withdrawn from core.dim_measure"
    )
    connection.execute(
        """
        create table core.fct_pdsa_cycle as
        select
            project_id || cycle as cycle_id,
            project_id,
            date '2019-03-01' as started_on,
            date '2019-03-20' as studied_on,
            date '2019-03-31' as completed_on,
            'adapt' as decision
        from core.dim_measure
        cross join range(2) as cycles(cycle)
        """
    )
    for table in ("int_projects__versioned", "int_pdsa_cycles__versioned"):
        connection.execute(
            f"create table intermediate.{table} "
            "(project_id varchar, load_id varchar, reinstated_by_load_id varchar)"
        )


def pass_once(watch: Watch, points: Path, folder: Path) -> int:
    """Read the same file, one average over a window, write it back."""
    connection = _open(folder, points)
    with watch.stage(WHOLE):
        connection.execute(
            f"""
            copy (
                select *, avg(value) over (
                    partition by series_id order by period_start rows between 6 preceding and current row
                ) as average
                from fct_measure_point
            ) to '{folder / "averages.parquet"}' (format parquet)
            """
        )
    return 1


def rules_in_pandas(watch: Watch, points: Path, folder: Path) -> int:
    """Mean, limits, outside, shift, trend and two of three, series by series, as one would in a notebook."""
    frame = pd.read_parquet(points, columns=["series_id", "period_start", "value"])
    with watch.stage(WHOLE):
        charts = [_chart(series) for _, series in frame.groupby("series_id", sort=False)]
        signals = pd.concat(charts)
        signals.to_parquet(folder / "signals.parquet")
    return len(signals)


def _chart(series: pd.DataFrame) -> pd.DataFrame:
    series = series.sort_values("period_start")
    values = series["value"].to_numpy()
    mean, width = values.mean(), 2.66 * np.abs(np.diff(values)).mean()
    side = np.sign(values - mean)
    near = np.where(np.abs(values - mean) > width * 2 / 3, 2 * side, side)
    seven: Any = pd.Series(side).rolling(7).sum()
    steps: Any = pd.Series(np.sign(np.diff(values, prepend=np.nan))).rolling(6).sum()
    triple = pd.DataFrame({0: near, 1: np.roll(near, 1), 2: np.roll(near, 2)})
    twice = ((triple.abs() == 2).sum(axis=1) >= 2) & (np.sign(triple).sum(axis=1).abs() == 3)
    return series.assign(
        centre_line=mean,
        lower_limit=mean - width,
        upper_limit=mean + width,
        is_outside=np.abs(values - mean) > width,
        is_shift=(seven.abs() == 7).to_numpy(),
        is_trend=(steps.abs() == 6).to_numpy(),
        is_two_in_three=twice.to_numpy(),
    )


def pyqicharts_tables(watch: Watch, points: Path, folder: Path) -> int:
    """The table of an XmR chart with its signals for each series, drawing nothing."""
    # Only the group `benchmark` of the project's dependencies brings it, and so not every check of types.
    qic_table = import_module("pyqicharts").qic_table
    frame = pd.read_parquet(points, columns=["series_id", "period_start", "value"])
    with watch.stage(WHOLE):
        charts = [
            qic_table(
                series.reset_index(drop=True),
                x="period_start",
                y="value",
                chart="i",
                improvement="high is good",
                shift_points=7,
                trend_points=7,
                target=52,
            )
            for _, series in frame.groupby("series_id", sort=False)
        ]
        signals = pd.concat(charts)
        signals.to_parquet(folder / "signals.parquet")
    return len(signals)


@pytest.fixture(scope="module")
def sql(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str]]:
    """The models of a full night, and of a night in which some series have changed."""
    return compiled_nights(tmp_path_factory.mktemp("spc"), (*MODELS, *CHANCE_MODELS))


@pytest.mark.parametrize("count", SIZES)
def test_charts_against_one_pass_and_other_tools(
    count: int, sql: tuple[dict[str, str], dict[str, str]], tmp_path: Path
):
    points = tmp_path / "points.parquet"
    write_series(points, count)
    drawn = run(draw_charts, *sql, points, folder=tmp_path / "charts")
    once = run(pass_once, points, folder=tmp_path / "once")
    runs = {f"{count:,} series x {POINTS_A_SERIES} points": drawn, "one pass over the same file": once}
    for peer, task, most in (
        ("pandas", rules_in_pandas, SAMPLE_FOR_PANDAS),
        ("pyqicharts", pyqicharts_tables, SAMPLE_FOR_PYQICHARTS),
    ):
        sample = min(count, most)
        some = tmp_path / f"{peer}.parquet"
        write_series(some, sample)
        done = run(task, some, folder=tmp_path / peer)
        name = f"{peer}, series by series" + (f", from {sample:,} of them" if sample < count else "")
        runs[name] = Run({WHOLE: done.whole * count / sample}, done.peak_mb, done.answer)
    charts, changed = drawn.seconds[CHARTS], drawn.seconds[CHANGED]
    # Beyond what every night does: its statements, and the tables that tell of all series on the day.
    beyond = changed - drawn.seconds[UNCHANGED]
    written = charts + drawn.seconds[NAMED]
    report(f"Control charts of {count:,} series", runs, written / once.whole, TIMES_AS_LONG_AS_ONE_PASS)
    print(f"{'milliseconds a series':<58}{1000 * charts / count:>10.3f}")
    print(
        f"{'times as fast as the best figure of a peer':<58}{PEER_MS_A_SERIES * count / 1000 / charts:>10.1f}"
    )
    print(f"{'1% changed, share of a full night':<58}{changed / drawn.whole:>10.3f}")
    print(f"{'the same beyond a night without changes':<58}{beyond / drawn.whole:>10.3f}")
    assert drawn.answer["points"] == drawn.answer["points_again"] == count * POINTS_A_SERIES
    assert 0 < drawn.answer["signals"] < count * POINTS_A_SERIES
    assert drawn.peak_mb < MOST_MB
    if count >= ENOUGH_SERIES:
        assert written < TIMES_AS_LONG_AS_ONE_PASS * once.whole
        assert beyond < SHARE_OF_A_FULL_NIGHT * drawn.whole
        _assert_quicker(runs, "pandas", TIMES_AS_FAST_AS_PANDAS, charts)
    _assert_quicker(runs, "pyqicharts", TIMES_AS_FAST_AS_PYQICHARTS, charts)


def _assert_quicker(runs: dict[str, Run], peer: str, times: float, charts: float) -> None:
    for name, done in runs.items():
        if name.startswith(peer):
            assert done.whole > times * charts, name
