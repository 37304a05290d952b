"""Metrics in the published demo mart: questions answered from them, counted again from the registers."""

from collections import defaultdict

import duckdb
import pytest

from pipelines.mart.cookbook import read_questions

SQL = {int(question.title.split(".")[0]): question.sql for question in read_questions()}
FROM_METRICS = (3, 4, 9, 12, 13, 15, 16, 17, 18, 19, 20, 23, 24, 26)
EVERY_METRIC = "(from maturity.fct_metric union all by name from outcomes.fct_metric)"
CATALOGUE = "(from maturity.dim_metric union all by name from outcomes.dim_metric)"


@pytest.fixture(scope="module")
def mart(demo_night):
    home, _ = demo_night
    with duckdb.connect(str(home.path / "mart" / "qi_mart.duckdb"), read_only=True) as connection:
        yield connection


def asked(mart: duckdb.DuckDBPyConnection, question: int) -> list[dict]:
    return mart.sql(SQL[question]).to_arrow_table().to_pylist()


def test_all_25_questions_are_there_and_the_one_about_claims():
    assert sorted(SQL) == list(range(1, 27))


def test_each_of_the_27_claims_has_a_number_and_a_question(mart):
    claims = defaultdict(list)
    for row in asked(mart, 26):
        claims[row["claim"]].append(row)
    assert sorted(claims) == list(range(1, 28))
    for claim, metrics in claims.items():
        assert any(metric["shown"] and metric["organisations"] for metric in metrics), claim
        assert all(int(metric["question"]) in SQL for metric in metrics)
    catalogued = mart.execute(f"select count(*) from {CATALOGUE}").fetchone()
    assert catalogued == (len(asked(mart, 26)),)


def test_executives_who_sponsor_are_those_the_register_names(mart):
    named = mart.execute(
        "select sponsor_id from core.fct_project where is_active union all "
        "select person_id from core.bridge_project_member as member join core.fct_project as project "
        "using (project_id) where is_active and role = 'sponsor' and left_on is null"
    ).fetchall()
    posts = mart.execute(
        "select organisation_code, holder_id from core.fct_leadership_post "
        "where post_level = 'executive' and ended_on is null and holder_id is not null"
    ).fetchall()
    expected = defaultdict(lambda: [0, 0])
    for organisation, holder in posts:
        expected[organisation][0] += (holder,) in named
        expected[organisation][1] += 1
    rows = mart.execute(
        "select organisation_code, numerator, denominator from maturity.fct_metric "
        "where metric_id = 'M31' and organisation_code is not null"
    ).fetchall()
    assert {code: [part, whole] for code, part, whole in rows} == expected
    assert any(part for part, _ in expected.values())


def test_numbers_of_units_add_up_to_those_of_their_organisation(mart):
    """Where nothing is withheld or rounded: visits of the board, and days lost over a year."""
    whole, of_units = (
        dict(
            mart.execute(
                "select organisation_code, sum(numerator) from maturity.fct_metric where metric_id = 'M15' "
                f"and organisation_code is not null and unit_code is {has_unit} "
                "group by all having sum(numerator) > 0"
            ).fetchall()
        )
        for has_unit in ("null", "not null")
    )
    assert whole == of_units
    assert whole
    lost = mart.execute(
        "select sum(numerator), sum(denominator) from outcomes.fct_metric "
        "where metric_id = 'O13' and unit_code is not null and not is_suppressed"
    ).fetchone()
    again = mart.execute(
        "select sum(sick_days), sum(available_days) from core.fct_workforce_month, "
        "(select max(as_of_date) as today from ops.release) where unit_code is not null "
        "and month < date_trunc('month', today) and month >= date_trunc('month', today) - interval 12 month"
    ).fetchone()
    assert lost == pytest.approx(again)


def test_no_unit_is_withheld_alone_beside_a_total_that_is_shown(mart):
    """Else the organisation's number less those of the other units would give it away."""
    alone = mart.execute(
        "select metric_id, organisation_code, measure_id, period_end, stratum from "
        f"{EVERY_METRIC} join {CATALOGUE} using (metric_id) "
        "where unit_code is not null and (counts_people or metric_id in ('O13', 'O16', 'O25')) group by all "
        "having count(*) filter (suppression_reason in ('small_number', 'secondary')) = 1 and count(*) > 1"
    ).fetchall()
    assert alone == []
    counted = mart.execute(
        f"select metric_id, count(*), count(value) from {EVERY_METRIC} where unit_code is not null "
        "group by all"
    ).fetchall()
    found = {metric_id: rows for metric_id, *rows in counted}
    assert {"M03", "M04", "M08", "M10", "M15", "M26", "O13", "O14", "O16", "O24", "O25"} <= found.keys()
    assert found["O13"][1] > 20


@pytest.mark.parametrize("question", FROM_METRICS)
def test_a_question_has_an_answer(mart, question):
    rows = asked(mart, question)
    assert rows
    assert any(value is not None for row in rows for value in list(row.values())[2:])


def test_question_3_counts_every_chartered_project_that_is_due(mart):
    as_of = mart.execute("select max(as_of_date) from ops.release").fetchone()
    assert as_of is not None
    expected: dict[tuple, list] = defaultdict(lambda: [0, 0])
    for organisation, chartered, due, outcome in mart.execute(
        "select organisation_code, chartered_on, coalesce(due_on, chartered_on + 365), outcome "
        "from core.fct_project where status <> 'proposed' and chartered_on is not null"
    ).fetchall():
        if due <= as_of[0]:
            year = chartered.year - (chartered.month < 4)
            for place in (organisation, None):
                expected[place, year][0] += outcome == "met"
                expected[place, year][1] += 1
    found = {(row["organisation_code"], row["cohort_from_april"]): row for row in asked(mart, 3)}
    for place, (met, due) in expected.items():
        assert found[place]["due"] == due
        if due >= 5:
            assert found[place]["met_of_chartered"] == pytest.approx(met / due, abs=5e-4)
            assert found[place]["chartered_lower"] <= met / due <= found[place]["chartered_upper"]
        else:
            assert found[place]["met_of_chartered"] is None


def test_maturity_of_other_organisations_is_withheld(mart):
    assert {row["organisation_code"] for row in asked(mart, 15) + asked(mart, 16)} == {"ZZA"}
    withheld = mart.execute(
        "select count(*), count(value), count(numerator), count(lower) from maturity.fct_metric "
        "where metric_id in ('M01', 'M02', 'M19', 'M25') and organisation_code <> 'ZZA'"
    ).fetchone()
    assert withheld is not None
    assert withheld[0] > 0
    assert withheld[1:] == (0, 0, 0)


def test_a_wave_that_few_answered_shows_no_network(mart):
    rows = [row for row in asked(mart, 23) if row["wave"] == "2025"]
    assert rows
    for row in rows:
        assert row["withheld_because"] is not None
        assert row["reciprocity"] is row["density"] is row["collaborate_share"] is None


def test_no_published_count_of_people_is_small_or_unrounded(mart):
    found = mart.execute(
        "select count(*), count(*) filter (where numerator % 5 <> 0 or denominator % 5 <> 0 "
        "or numerator between 1 and 7 and numerator <> 5), "
        "count(*) filter (where organisation_code is null) "
        "from (from maturity.fct_metric union all by name from outcomes.fct_metric) "
        "where numerator is not null and metric_id in ("
        "select metric_id from maturity.dim_metric where counts_people "
        "union all select metric_id from outcomes.dim_metric where counts_people)"
    ).fetchone()
    assert found is not None
    assert found[0] > 50
    assert found[1:] == (0, 0)


def test_the_first_release_published_every_result_it_shows(mart):
    shown = mart.execute(
        "select metric_result_id, value from (from maturity.fct_metric union all by name "
        "from outcomes.fct_metric) order by all"
    ).fetchall()
    kept = mart.execute(
        "select metric_result_id, value from ops.fct_published_metric where is_shown order by all"
    ).fetchall()
    assert len(shown) > 1000
    assert shown == kept
