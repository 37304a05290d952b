"""The closed forms of `macros/chance.sql`, rendered and asked of DuckDB, against scipy."""

from math import sqrt

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from jinja2 import Environment
from scipy.special import gammaln
from scipy.stats import binom, norm, t

from pipelines.metrics.charts import DRAW, charted
from pipelines.metrics.in_control import RATES, STRENGTHS, read_rates
from pipelines.metrics.rule_sets import read_rule_sets
from pipelines.metrics.signals import point_signals
from pipelines.metrics.strength import strength_at_end
from pipelines.settings import DBT_PROJECT

MACROS = Environment(extensions=["jinja2.ext.do"]).from_string(
    (DBT_PROJECT / "macros" / "chance.sql").read_text(encoding="utf-8")
)


def asked(macro: str, *arguments: str, rows: str) -> np.ndarray:
    """The macro's expression over the rows of a query."""
    expression = getattr(MACROS.module, macro)(*arguments)
    with duckdb.connect() as connection:
        return np.array(connection.execute(f"select {expression} from ({rows})").fetchall())[:, 0]


def test_the_normal_tail_is_as_close_as_its_source_says():
    found = asked("normal_tail", "z", rows="select range / 10e0 as z from range(0, 301)")
    expected = norm.sf(np.arange(301) / 10)
    assert found == pytest.approx(expected, rel=1.3e-7)


def test_the_logarithm_of_a_factorial_is_exact_to_nine_digits():
    found = asked("ln_factorial", "n", rows="select range as n from range(0, 400)")
    assert found == pytest.approx(gammaln(np.arange(400) + 1), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("trials", "chance"), [(1, 0.3), (30, 0.02), (900, 0.4), (250_000, 0.016)])
def test_binomial_probabilities_are_those_of_scipy(trials, chance):
    middle = int(trials * chance)
    first, last = max(middle - 200, 0), min(middle + 200, trials)
    found = asked(
        "binomial_probability",
        "hits",
        str(trials),
        f"{chance}e0",
        rows=f"select range as hits from range({first}, {last + 1})",
    )
    expected = binom.pmf(np.arange(first, last + 1), trials, chance)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-300)


@pytest.mark.parametrize("degrees", [9, 20, 60])
def test_a_t_becomes_the_normal_distance_that_is_as_unlikely(degrees):
    found = asked("normal_of_t", "z", str(degrees), rows="select range / 4e0 as z from range(0, 29)")
    expected = norm.isf(t.sf(np.arange(29) / 4, degrees))
    assert found == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("points", [17, 30, 90])
def test_a_stable_phase_looks_like_a_change_no_more_often_than_its_p_value_says(points):
    """The p-value of a suggested rebase, for 20,000 stable series of normal values."""
    values = np.random.default_rng(points).standard_normal((points, 20_000))
    sigma = np.abs(np.diff(values, axis=0)).mean(axis=0) / 1.128
    before = np.arange(8, points - 7)
    totals = np.cumsum(values, axis=0)
    lower = totals[before - 1] / before[:, None]
    upper = (totals[-1] - totals[before - 1]) / (points - before)[:, None]
    errors = sigma * np.sqrt(1 / before + 1 / (points - before))[:, None]
    farthest = (np.abs(upper - lower) / errors).max(axis=0)
    macros = MACROS.module.__dict__
    degrees = macros["spc_moving_range_degrees"](str(points))
    distance = macros["normal_of_t"]("t", degrees)
    with duckdb.connect() as connection:
        series = pa.table({"t": farthest})
        connection.register("series", series)
        tail = macros["normal_tail"]("distance")
        rows = connection.execute(
            f"select {tail} from (select {distance} as distance from series)"
        ).fetchall()
    p_values = 2 * len(before) * np.array(rows)[:, 0]
    for level in (0.05, 0.01, 0.001):
        assert np.mean(p_values <= level) <= level
    assert np.mean(p_values <= 0.05) > 0.005


@pytest.mark.parametrize(("rule_set", "points"), [("ptd", 13), ("ptd", 60), ("mdc", 24)])
def test_stable_series_signal_strongly_no_more_often_than_their_p_values_say(rule_set, points):
    """P-values of 100,000 other series than those that the rates were counted from."""
    (rules,) = [rules for rules in read_rule_sets() if rules.rule_set_id == rule_set]
    (rate,) = [
        rate
        for rate in read_rates(RATES)
        if (rate.rule_set_id, rate.chart_type, rate.points) == (rule_set, "i", points)
    ]
    random = np.random.default_rng(20261126)
    chart = charted("i", DRAW["i"](random, points, 100_000), rules, random)
    strengths = strength_at_end(chart, rules, point_signals(chart.values, chart.distance, chart.side, rules))
    rates = ", ".join(f"{value}::double as {name}" for name, value in vars(rate).items() if "_rate" in name)
    with duckdb.connect() as connection:
        connection.register("signals", pa.table({"strength": strengths[strengths > 0]}))
        chance = MACROS.module.__dict__["spc_chance_of_strength"]("strength", STRENGTHS)
        p_values = np.array(
            connection.execute(f"select {chance} from (select *, {rates} from signals)").fetchall()
        )[:, 0]
    for level in (0.01, 0.003, 0.001, 0.0003, 0.0001):
        expected = 100_000 * level
        assert np.count_nonzero(p_values <= level) <= 1.35 * expected + 4 * sqrt(expected)
