"""The simulation of series in control: exact where an exact count exists, and the seed is what it gives."""

from collections import defaultdict
from dataclasses import replace
from math import comb, sqrt

import numpy as np
import pytest
from scipy.stats import norm, poisson

from pipelines.metrics.charts import DRAW, charted
from pipelines.metrics.in_control import (
    RATES,
    STRENGTHS,
    lengths_for,
    read_rates,
    simulate,
    write_rates,
)
from pipelines.metrics.rule_sets import read_rule_sets
from pipelines.metrics.signals import Rules, runs_limits

RULE_SETS = {rules.rule_set_id: rules for rules in read_rule_sets()}
SEED_RATES = {(rate.rule_set_id, rate.chart_type, rate.points): rate for rate in read_rates(RATES)}


def chance_of_a_runs_signal(points: int) -> float:
    """Exact: of all sequences with as many points above as below their median, the share with a run longer,
    or crossings fewer, than the limits. By counting over (last side, run so far, crossings, points above)."""
    (longest_allowed,), (needed,) = runs_limits(np.array([points]))
    quiet: dict[tuple[int, int, int, int], int] = {(1, 1, 0, 1): 1, (0, 1, 0, 0): 1}
    for _ in range(points - 1):
        following: dict[tuple[int, int, int, int], int] = defaultdict(int)
        for (side, run, crossings, above), ways in quiet.items():
            if run < longest_allowed:
                following[side, run + 1, crossings, above + side] += ways
            following[1 - side, 1, crossings + 1, above + 1 - side] += ways
        quiet = following
    kept = sum(
        ways
        for (_, _, crossings, above), ways in quiet.items()
        if above == points // 2 and crossings >= needed
    )
    return 1 - kept / comb(points, points // 2)


@pytest.mark.parametrize("points", [10, 16, 20, 24, 30, 40, 60])
def test_a_run_chart_signals_as_often_as_counting_says(points):
    rate = SEED_RATES["anhoej", "run", points]
    assert rate.any_point_rate == pytest.approx(chance_of_a_runs_signal(points), abs=4 * rate.any_point_se)


def test_the_seed_has_every_rule_set_chart_and_length():
    lengths = lengths_for(list(RULE_SETS.values()))
    expected = {(rule, chart, points) for rule in RULE_SETS for chart in DRAW for points in lengths}
    assert SEED_RATES.keys() == expected, "`qi simulate` writes it anew"
    assert {rate.series_simulated for rate in SEED_RATES.values()} == {20_000}


@pytest.mark.parametrize("chart_type", sorted(DRAW))
def test_a_small_simulation_agrees_with_the_seed(chart_type):
    series = 1_000
    for rate in simulate(list(RULE_SETS.values()), [chart_type], (13, 30), series, seed=7):
        kept = SEED_RATES[rate.rule_set_id, chart_type, rate.points]
        for name in ("any_point", "end"):
            small, large = getattr(rate, f"{name}_rate"), getattr(kept, f"{name}_rate")
            # The error of the small one as the large one knows it: its own is 0 where it found nothing.
            share = max(large, 1 / series)
            error = sqrt(share * (1 - share) / series + getattr(kept, f"{name}_se") ** 2)
            assert abs(small - large) <= 4.5 * error + 2 / series, (rate.rule_set_id, rate.points, name)


def test_the_same_seed_gives_the_same_rates_and_they_are_read_as_written(tmp_path):
    rules = [RULE_SETS["mdc"], RULE_SETS["nelson"]]
    made = [list(simulate(rules, ["i", "xbar"], (8, 20), 300, seed=3)) for _ in range(2)]
    assert made[0] == made[1]
    path = tmp_path / "rates.csv"
    assert write_rates(iter(made[0]), path) == 8
    assert sorted(read_rates(path), key=str) == sorted(made[0], key=str)


def test_rates_are_ordered_as_they_must_be():
    for rate in SEED_RATES.values():
        by_strength = [getattr(rate, f"strength_{least:.1f}_rate".replace(".", "_")) for least in STRENGTHS]
        assert by_strength == sorted(by_strength, reverse=True)
        assert rate.end_rate <= rate.any_point_rate
        assert by_strength[0] <= rate.end_rate + 1.1 / rate.series_simulated


def test_no_limits_are_drawn_below_the_minimum_and_only_rules_without_a_distance_signal():
    rules = Rules("late", minimum_points=13, shift_length=7)
    ten = list(simulate([rules, replace(rules, rule_set_id="never", shift_length=0)], ["i"], (10,), 2_000))
    assert [rate.any_point_rate > 0 for rate in ten] == [True, False]


@pytest.mark.parametrize(
    ("chart_type", "chance"),
    [
        ("i", 2 * norm.sf(3)),
        ("ip", 2 * norm.sf(3)),
        ("xbar", 2 * norm.sf(3)),
        ("c", poisson.sf(19, 10) + poisson.cdf(0, 10)),
        ("u", poisson.sf(19, 10) + poisson.cdf(0, 10)),
    ],
)
def test_limits_from_many_points_are_those_of_the_known_process(chart_type, chance):
    random = np.random.default_rng(5)
    chart = charted(chart_type, DRAW[chart_type](random, 480, 1_000), Rules("one"), random)
    assert np.mean(np.abs(chart.distance) > 3) == pytest.approx(chance, abs=0.0006)
