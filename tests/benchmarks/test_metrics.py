"""Metrics of 250 organisations, 50,000 projects and a million members, and of a night that changes little."""

import os
import re
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from pipelines.metrics.calculate import interrupted_series, results
from pipelines.settings import DBT_PROJECT
from tests.benchmarks.measure import WHOLE, Watch, report, run

ORGANISATIONS, PROJECTS, MEMBERS = 250, 50_000, 1_000_000
UNITS = 40 * ORGANISATIONS
POINTS_A_PROJECT = 24
BOARD_MEASURES = 5
MOST_MB = 3 * 1024
SHARE_OF_A_FIRST_NIGHT = 0.5
VIEWS = (
    "int_metrics__projects",
    "int_metrics__counts",
    "int_metrics__maturity_counts",
    "int_metrics__unit_counts",
    "int_metrics__primary_points",
)
READ = {
    "metric": "working.metric",
    "counts": "working.int_metrics__counts",
    "maturity_counts": "working.int_metrics__maturity_counts",
    "unit_counts": "working.int_metrics__unit_counts",
    "assessments": "core.fct_maturity_assessment",
    "posts": "core.fct_leadership_post",
    "ties": "core.fct_collaboration_tie",
    "benefits": "core.fct_benefit",
    "staff": "core.fct_workforce_month",
    "projects": "working.int_metrics__projects",
    "cycles": "core.fct_pdsa_cycle",
    "project_months": "core.fct_project_month",
    "signals": "spc.fct_time_to_signal",
    "points": "core.fct_measure_point",
    "measures": "core.dim_measure",
    "clock": "staging.stg_tonight__clock",
}


def compiled_views(folder: Path) -> dict[str, str]:
    """SQL of the views that metrics read, without the name of the file that dbt compiled them for."""
    target = folder / "target"
    os.environ |= {
        "QI_LAKE": str(folder),
        "QI_BUILD": str(folder),
        "QI_WAREHOUSE": str(folder / "warehouse.duckdb"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    flags = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--quiet"]
    outcome = dbtRunner().invoke(["compile", "--select", *VIEWS, *flags, "--target-path", str(target)])
    DuckDBConnectionManager.close_all_connections()
    assert outcome.success, outcome.exception
    found = {path.stem: path.read_text("utf-8") for path in (target / "compiled").rglob("*.sql")}
    return {name: re.sub(r'"warehouse"\."', '"', found[name]) for name in VIEWS}


def empty_like(connection: duckdb.DuckDBPyConnection, mart: Path) -> None:
    """Every published table of a small mart, without rows."""
    connection.execute(f"attach '{mart}' as small (read_only)")
    for schema, table in connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'small'"
    ).fetchall():
        connection.execute(f"create schema if not exists {schema}")
        connection.execute(f"create table {schema}.{table} as from small.{schema}.{table} limit 0")
    connection.execute("detach small")


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Synthetic rows of the tables that metrics read."""
    connection.execute("select setseed(0.5)")
    for schema in ("staging", "working"):
        connection.execute(f"create schema {schema}")
    connection.execute(
        "create table staging.stg_tonight__clock as select date '2026-11-21' as as_of_date, 'run' as run_id, "
        "'O1' as own_organisation_code, 'R0000001' as release_id"
    )
    connection.execute(
        f"create table working.metric as from read_csv('{DBT_PROJECT / 'seeds/metrics/metric.csv'}')"
    )
    insert = "insert into {} by name select * from ({})"
    rows = {
        "core.dim_organisation": f"""
            select 'O' || n as organisation_code, 'acute' as organisation_type, true as is_latest,
                false as is_withdrawn from range({ORGANISATIONS}) as made(n)""",
        "core.dim_unit": f"""
            select 'O' || (n % {ORGANISATIONS}) as organisation_code, 'U' || n as unit_code,
            'D' as parent_unit_code,
                'D' || (n % 7) as directorate, true as is_latest, false as is_withdrawn
            from range({UNITS}) as made(n)""",
        "core.fct_project": f"""
            select 'P' || n as project_id, 'O' || (n % {ORGANISATIONS}) as organisation_code,
            'U' || (n % {UNITS})
                as unit_code, 'D' || (n % 7) as directorate, 'Method ' || (n % 5) as method,
                'frontline' as origin,
                ['none', 'little_i', 'big_i'][1 + (n * 7) % 3] as involvement,
                date '2021-01-01' + (n % 2000)::int as involvement_recorded_on,
                date '2021-01-01' + (n % 2000)::int as chartered_on,
                date '2021-01-01' + (n % 2000)::int as started_on,
                date '2021-01-01' + (n % 2000 + 300)::int as due_on,
                case when n % 3 > 0 then date '2021-01-01' + (n % 2000 + 200)::int end as closed_on,
                case when n % 3 > 0 then 'completed' else 'active' end as status,
                case when n % 3 > 0 then if(random() < 0.4, 'met', 'not_met') end as outcome,
                'safe' as quality_domain, 'C' || (n % 5000) as coach_id, n % 3 = 0 as is_active,
                true as has_outcome_measure, true as has_process_measure, n % 2 = 0 as has_balancing_measure,
                true as has_coach, n % 4 > 0 as has_sponsor, n % 10 = 0 as is_cross_organisation
            from range({PROJECTS}) as made(n)""",
        "core.bridge_project_member": f"""
            select 'B' || n as project_member_id, 'P' || (n % {PROJECTS}) as project_id,
            'X' || (n % 400000) as
                person_id, 'O' || (n % {ORGANISATIONS}) as organisation_code, date '2023-06-01' as joined_on
            from range({MEMBERS}) as made(n)""",
        "core.fct_training": f"""
            select 'T' || n as training_id, 'X' || n as person_id, ['awareness',
            'foundation'][1 + n % 2] as level,
                'O' || (n % {ORGANISATIONS}) as organisation_code, 'U' || (n % {UNITS}) as unit_code,
                date '2023-01-01' + (n % 300)::int as completed_on
            from range(400000) as made(n)""",
        "core.fct_pdsa_cycle": f"""
            select 'K' || n as cycle_id, 'P' || (n % {PROJECTS}) as project_id,
            date '2024-01-01' + (n % 1000)::int
                as started_on, n % 2 = 0 as has_prediction, n % 3 > 0 as has_data, true as has_study,
                n % 5 > 0 as has_decision, n % 5 as fidelity
            from range({5 * PROJECTS}) as made(n)""",
        "core.fct_project_month": f"""
            select 'P' || (n % {PROJECTS}) as project_id,
            cast(date '2026-01-01' + to_months((n // {PROJECTS})::int)
                as date) as month_start, true as is_open, n % 2 as pdsa_cycles_started
            from range({10 * PROJECTS}) as made(n)""",
        "core.dim_measure": f"""
            select 'M' || n as measure_id, 'P' || n as project_id, 'outcome' as family,
            'improvement' as purpose,
                'increase' as improvement_direction, true as is_latest, false as is_withdrawn
            from range({PROJECTS}) as made(n)""",
        "spc.fct_spc_point": f"""
            select md5((n // {POINTS_A_PROJECT})::varchar) as series_id, 'M' || (n // {POINTS_A_PROJECT}) as
                measure_id, 'all' as stratum, true as is_chosen, false as is_excluded,
                'common_cause' as point_type,
                50 + 10 * random() as value,
                cast(date '2021-01-01' + ((n // {POINTS_A_PROJECT}) % 2000)::int
                    + to_months((n % {POINTS_A_PROJECT})::int - 10) as date) as period_start
            from range({POINTS_A_PROJECT * PROJECTS}) as made(n)""",
        "spc.fct_time_to_signal": f"""
            select 'P' || n as project_id, 'O' || (n % {ORGANISATIONS}) as organisation_code,
            'outcome' as family,
                'Method ' || (n % 5) as method, date '2022-01-01' as chartered_on, date '2023-01-01'
                + (random() * 300)::int as observed_until, if(random() < 0.4, date '2022-06-01'
                + (random() * 300)::int, null) as signalled_on
            from range({PROJECTS}) as made(n)""",
        "core.fct_measure_point": f"""
            select 'M' || (n // 60) as measure_id, 'O' || ((n // 60) % {ORGANISATIONS}) as organisation_code,
                'quintile_' || (1 + n % 5) as stratum,
                cast(date '2022-04-15' + to_years(((n // 5) % 4)::int) as date)
                as period_start, (100 + 200 * random())::int as numerator, 1000 as denominator,
                true as is_latest,
                false as is_withdrawn
            from range({60 * PROJECTS // 10}) as made(n)""",
        "core.fct_workforce_month": f"""
            select 'W' || n as workforce_month_id, 'O' || (n % {ORGANISATIONS}) as organisation_code,
                'U' || (n % {UNITS}) as unit_code, 'all' as staff_group,
                cast(date '2026-10-01' - to_months((n // {UNITS})::int) as date) as month,
                5 + n % 60 as headcount, 4.5 + n % 60 as wte, n % 90 as sick_days,
                27 * (5 + n % 60) as available_days, 6 + n % 60 as headcount_year_before,
                4 + n % 60 as stayed_headcount
            from range({12 * UNITS}) as made(n)
            union all by name
            select 'WO' || n as workforce_month_id, 'O' || (n % {ORGANISATIONS}) as organisation_code,
                'Group ' || (n // {ORGANISATIONS} % 6) as staff_group,
                cast(date '2026-10-01' - to_months((n // {6 * ORGANISATIONS})::int) as date) as month,
                400 as headcount, 370.5 as wte, 500 as sick_days, 11000 as available_days,
                390 as headcount_year_before, 350 as stayed_headcount
            from range({6 * 24 * ORGANISATIONS}) as made(n)""",
        "core.fct_support_role": f"""
            select 'S' || n as support_role_id, 'O' || (n % {ORGANISATIONS}) as organisation_code,
                'U' || (n % {UNITS}) as unit_code,
                ['qi_time', 'huddle', 'foundation'][1 + n // {UNITS} % 3] as role,
                cast(date '2026-10-01' - to_months((n // {3 * UNITS})::int) as date) as month,
                20 as wte, 3 + n % 20 as needed, 16 as held, 20 as planned, 12.5 as hours_used
            from range({3 * 6 * UNITS}) as made(n)""",
        "core.fct_survey_result": f"""
            select 'A' || n as survey_result_id, 'O' || (n % {ORGANISATIONS}) as organisation_code,
                'U' || (n % {UNITS}) as unit_code, 'Concept ' || (n // {UNITS} % 6) as concept,
                'all' as breakdown, cast(date '2023-10-01' + to_years((n // {6 * UNITS})::int) as date)
                as period_start, 3 + n % 30 as numerator, 40 as denominator
            from range({3 * 6 * UNITS}) as made(n)""",
        "core.fct_leadership_post": f"""
            select 'L' || n as leadership_post_id, 'O' || (n % {ORGANISATIONS}) as organisation_code,
                'P' || (n // {ORGANISATIONS} % 16) as post_id, 'X' || n as holder_id,
                ['executive', 'non_executive', 'director'][1 + n // {ORGANISATIONS} % 3] as post_level,
                'substantive' as holding, date '2019-01-01' + (n % 1500)::int as started_on,
                case when n % 2 = 0 then date '2024-01-01' + (n % 900)::int end as ended_on
            from range({32 * ORGANISATIONS}) as made(n)""",
        "core.fct_experience_event": f"""
            select 'E' || n as event_id, 'O' || (n % {ORGANISATIONS}) as organisation_code,
                'U' || (n % {UNITS}) as unit_code, 'board_visit' as kind, 'board' as attendee_group,
                'held' as status, date '2025-11-01' + (n % 360)::int as held_on, 1 + n % 2 as attended
            from range({3 * UNITS}) as made(n)""",
        "core.fct_maturity_assessment": f"""
            select 'O' || (n % {ORGANISATIONS}) as organisation_code, 'Part ' || (n // {ORGANISATIONS} % 5)
                as component, 'Item ' || (n // {5 * ORGANISATIONS} % 4) as item_code,
                ['executive', 'frontline'][1 + n // {20 * ORGANISATIONS} % 2] as assessor_group,
                cast(date '2024-03-01' + to_years((n // {40 * ORGANISATIONS})::int) as date) as assessed_on,
                1 + n % 5 as level_rank
            from range({120 * ORGANISATIONS}) as made(n)""",
        "core.fct_benefit": f"""
            select 'G' || n as benefit_id, 'P' || n as project_id,
                ['forecast', 'validated'][1 + n % 2] as stage,
                'O' || (n % {ORGANISATIONS}) as payer_organisation_code,
                'O' || ((n + n % 3) % {ORGANISATIONS}) as receiver_organisation_code,
                date '2025-04-01' as period_start, 1000 + n % 700 as amount_low, 2000 + n % 900 as amount_high
            from range({PROJECTS // 5}) as made(n)""",
        "core.fct_collaboration_tie": f"""
            select '2026' as wave, 'O' || (n % {ORGANISATIONS}) as organisation_code,
                'U' || (n % {UNITS}) as unit_code, 'O' || (n % {ORGANISATIONS}) as to_organisation_code,
                'U' || ((n + {ORGANISATIONS} * (1 + n // {UNITS})) % {UNITS}) as to_unit_code,
                'collaborates' as tie, date '2026-06-01' as surveyed_on, 5 as invited, 4 as answered
            from range({3 * UNITS}) as made(n)""",
        "core.fct_expected_point": f"""
            select 'M' || (n % {PROJECTS}) as measure_id, if(n % 9 = 0, 'missing', 'received') as status,
                date '2026-06-01' + (n % 170)::int as due_on
            from range({6 * PROJECTS}) as made(n)""",
        "core.fct_governance_item": f"""
            select 'O' || (n % {ORGANISATIONS}) as organisation_code, 'board' as forum,
                ['planning', 'control', 'improvement', 'assurance'][1 + n % 4] as function, 15 as minutes,
                date '2025-11-05' + (n % 350)::int as met_on
            from range({120 * ORGANISATIONS}) as made(n)""",
    }
    # Measures for assurance, of units and of whole organisations.
    board = {
        "core.dim_measure": f"""
            select 'BOARD' || n as measure_id, 'outcome' as family, 'assurance' as purpose,
                'increase' as improvement_direction, true as is_latest, false as is_withdrawn
            from range({BOARD_MEASURES}) as made(n)""",
        "core.fct_measure_point": f"""
            select 'BOARD' || (n % {BOARD_MEASURES}) as measure_id,
                'O' || (n // {BOARD_MEASURES} % {ORGANISATIONS}) as organisation_code,
                case when n // {BOARD_MEASURES} >= {12 * ORGANISATIONS} then
                    'U' || (n // {BOARD_MEASURES} % {UNITS}) end as unit_code, 'all' as stratum,
                cast(date '2026-10-01' - to_months((n % 12)::int) as date) as period_start,
                (20 + 30 * random())::int as numerator, 400 as denominator, true as is_latest,
                false as is_withdrawn
            from range({12 * BOARD_MEASURES * (UNITS + ORGANISATIONS)}) as made(n)""",
    }
    for table, query in (*rows.items(), *board.items()):
        connection.execute(insert.format(table, query))


def two_nights(watch: Watch, mart: Path, folder: Path) -> tuple[int, int]:
    """The first night, then one in which a project of one organisation closes. Returns the rows of each."""
    with duckdb.connect(
        str(folder / "large.duckdb"), config={"threads": 2, "memory_limit": "1GB"}
    ) as connection:
        views = compiled_views(folder)
        empty_like(connection, mart)
        fill(connection)
        for name in VIEWS:
            connection.execute(f"create view working.{name} as {views[name]}")

        def night(kept: str | None, kept_series: str | None):
            relations = {name: connection.query(f"select * from {table}") for name, table in READ.items()}
            points = connection.query("select * from working.int_metrics__primary_points")
            return results(connection, relations, kept), interrupted_series(connection, points, kept_series)

        with watch.stage(WHOLE), watch.stage("first night"):
            first, first_series = night(None, None)
        connection.register("made", first)
        connection.execute("create table kept as from made")
        connection.register("made_series", first_series)
        connection.execute("create table kept_series as from made_series")
        connection.execute("update core.fct_project set outcome = 'met' where project_id = 'P1'")
        with watch.stage(WHOLE), watch.stage("one project changed"):
            second, second_series = night("kept", "kept_series")
        assert second_series.num_rows == 0
        return first.num_rows + first_series.num_rows, second.num_rows


def test_metrics_of_a_region_take_a_minute_at_most_and_again_only_where_they_changed(tmp_path, small_home):
    mart = small_home.path / "mart" / "qi_mart.duckdb"
    measured = run(two_nights, mart, folder=tmp_path / "nights")
    seconds = measured.seconds
    ratio = seconds["one project changed"] / seconds["first night"]
    report("metrics of 50,000 projects", {"two nights": measured}, ratio, SHARE_OF_A_FIRST_NIGHT)
    first, second = measured.answer
    assert first > PROJECTS
    assert second < first / 20
    assert ratio < SHARE_OF_A_FIRST_NIGHT
    assert measured.peak_mb < MOST_MB
