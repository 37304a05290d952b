"""The cookbook's questions 5, 6, 7, 8 and 10: their answers, computed again from the mart's points."""

from collections import defaultdict
from datetime import date

import duckdb
import numpy as np
import pytest
from scipy.stats import CensoredData, ecdf

from pipelines.mart.cookbook import read_questions

SQL = {int(question.title.split(".")[0]): question.sql for question in read_questions()}
MARGIN = 0.05


@pytest.fixture(scope="module")
def mart(demo_night):
    home, _ = demo_night
    with duckdb.connect(str(home.path / "mart" / "qi_mart.duckdb"), read_only=True) as connection:
        yield connection


def asked(mart: duckdb.DuckDBPyConnection, question: int) -> list[dict]:
    return mart.sql(SQL[question]).to_arrow_table().to_pylist()


def begun(mart: duckdb.DuckDBPyConnection) -> dict[str, date]:
    return dict(
        mart.execute("select project_id, coalesce(started_on, chartered_on) from core.fct_project").fetchall()
    )


def charts_of_family(mart: duckdb.DuckDBPyConnection, family: str) -> dict[tuple, list[tuple]]:
    """Project, measure, organisation, unit, stratum -> its charted points: start, end, type."""
    found = defaultdict(list)
    for project, measure, organisation, unit, stratum, *point in mart.execute(
        "select project_id, measure_name, points.organisation_code, unit_code, stratum, period_start, "
        "period_end, point_type from spc.fct_spc_point as points "
        "inner join core.dim_measure as measures using (measure_id) "
        "where measures.is_latest and family = ? and project_id is not null and is_chosen "
        "and points.value is not null order by period_start",
        [family],
    ).fetchall():
        found[project, measure, organisation, unit, stratum].append(tuple(point))
    return found


def test_question_5_lists_every_watched_outcome_measure_and_no_improvement_that_no_point_shows(mart):
    starts = begun(mart)
    shown = defaultdict(list)
    for (project, measure, organisation, unit, stratum), points in charts_of_family(mart, "outcome").items():
        since = [point for point in points if starts[project] and point[1] >= starts[project]]
        if since and stratum == "all":
            marked = [start for start, _, kind in since if kind == "improvement"]
            shown[project, measure, organisation, unit].append(min(marked, default=None))
    rows = asked(mart, 5)
    assert len(rows) == sum(map(len, shown.values()))
    assert {row["has_improved"] for row in rows} == {True, False}
    for row in rows:
        firsts = shown[row["project_id"], row["measure_name"], row["organisation_code"], row["unit_code"]]
        if row["has_improved"]:
            assert row["improved_since"] in firsts
        else:
            assert row["improved_since"] is None


def test_question_6_lists_what_is_red_and_common_cause(mart):
    expected = {
        (measure, organisation, unit, stratum)
        for measure, organisation, unit, stratum, value, target, direction in mart.execute(
            "select measure_id, organisation_code, unit_code, stratum, last_value, target, "
            "improvement_direction from spc.fct_spc_status inner join core.dim_measure as measures "
            "using (measure_id) where measures.is_latest and is_chosen and not is_stale "
            "and target is not null and variation_icon = 'common_cause' and has_runs_signal is not true"
        ).fetchall()
        if direction != "neutral"
        and (target - value if direction == "increase" else value - target) > MARGIN * abs(target)
    }
    rows = asked(mart, 6)
    assert len(expected) > 3
    names = ("measure_id", "organisation_code", "unit_code", "stratum")
    assert {tuple(row[name] for name in names) for row in rows} == expected


def test_question_7_lists_the_targets_out_of_reach_and_how_far_they_are(mart):
    rows = asked(mart, 7)
    ((failing,),) = mart.execute(
        "select count(*) from spc.fct_spc_status where is_chosen and not is_stale and assurance_icon = 'fail'"
    ).fetchall()
    assert len(rows) == failing > 0
    for row in rows:
        if row["sigmas_to_target"] is None:
            continue
        # The target lies beyond the limits, and the mean has to move further than to the target itself.
        assert row["sigmas_to_target"] > 3 - 1e-9
        assert abs(row["change_needed"]) > abs(row["target"] - row["centre_line"])


def test_question_8_counts_the_periods_of_concern_since_the_project_began(mart):
    met = {
        project
        for (project,) in mart.execute(
            "select project_id from core.fct_project where outcome in ('met', 'partly_met')"
        ).fetchall()
    }
    starts = begun(mart)
    expected = defaultdict(list)
    for (project, measure, organisation, unit, stratum), points in charts_of_family(
        mart, "balancing"
    ).items():
        if project in met and stratum == "all":
            kinds = [kind for start, _, kind in points if starts[project] and start >= starts[project]]
            expected[project, measure, organisation, unit].append(kinds.count("concern"))
    found = defaultdict(list)
    for row in asked(mart, 8):
        key = (row["project_id"], row["measure_name"], row["organisation_code"], row["unit_code"])
        found[key].append(row["concern_periods"])
        assert row["has_harm"] == (row["concern_periods"] > 0)
    assert len(found) > 3
    assert {key: sorted(counts) for key, counts in found.items()} == {
        key: sorted(counts) for key, counts in expected.items()
    }


def test_question_10_has_the_median_of_kaplan_and_meier(mart):
    by_method = defaultdict(list)
    for method, chartered, signalled, observed in mart.execute(
        "select coalesce(any_value(method), 'not recorded'), min(chartered_on), min(signalled_on), "
        "max(observed_until) from spc.fct_time_to_signal where family = 'outcome' "
        "and chartered_on is not null group by project_id"
    ).fetchall():
        days = max(((signalled or observed) - chartered).days, 0)
        by_method[method].append((days, signalled is not None))
    rows = asked(mart, 10)
    assert {row["method"] for row in rows} == by_method.keys()
    for row in rows:
        watched = by_method[row["method"]]
        assert row["projects"] == len(watched)
        assert row["signalled"] == sum(has_signal for _, has_signal in watched)
        right = [days for days, has_signal in watched if not has_signal]
        survival = ecdf(CensoredData([days for days, has_signal in watched if has_signal], right=right)).sf
        below = survival.quantiles[np.asarray(survival.probabilities) <= 0.5 + 1e-9]
        assert row["median_days"] == (below[0] if len(below) else None)
