"""What the mart says about chance, computed again from its own points by numpy and scipy."""

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binom, false_discovery_control

from pipelines.metrics.charts import Charted
from pipelines.metrics.rule_sets import read_rule_sets
from pipelines.metrics.signals import point_signals
from pipelines.metrics.strength import strength_at_end

RULE_SETS = {rules.rule_set_id: rules for rules in read_rule_sets()}
CHECKED = ("outside", "shift", "trend", "two_in_three", "four_in_five", "alternating", "hugging", "avoiding")


SYMMETRIC = ("i", "p", "pp", "u", "up", "c")


@pytest.fixture(scope="module")
def whole_phases(demo_night) -> dict[tuple[str, str], tuple[Charted, list[tuple]]]:
    """The last phase of every chart with limits alike on both sides that no event and no gap in the values
    touches: its points placed by the published lines, and what SQL says of them."""
    home, _ = demo_night
    flags = ", ".join(f"points.is_{name}" for name in CHECKED)
    phases = defaultdict(list)
    for series, rule_set, *point in home.ask(
        f"""
        select series_id, rule_set_id, points.value, points.centre_line,
            greatest(
                (points.upper_limit - points.centre_line) / 3, (points.centre_line - points.lower_limit) / 3,
                (points.upper_near_limit - points.centre_line) / 2,
                (points.centre_line - points.lower_near_limit) / 2
            ), {flags}
        from spc.fct_spc_point as points
        inner join spc.fct_spc_phase as phases using (series_id, rule_set_id, phase)
        inner join spc.fct_spc_status as status using (series_id, rule_set_id)
        where phase = status.last_phase and list_contains({list(SYMMETRIC)}, points.chart_type)
            and phases.points = phases.points_with_value and phases.excluded_points = 0
            and not phases.is_constant
        order by points.period_start
        """
    ):
        phases[series, rule_set].append(point)
    return {key: (placed(points), points) for key, points in phases.items()}


def placed(points: list[tuple]) -> Charted:
    """`points`: value, centre line, sigma. A limit that is clipped is nearer, so the widest tells sigma."""
    values, centre, sigma = (np.array([[row[at]] for row in points], dtype=float) for at in range(3))
    off = values - centre
    off[np.abs(off) <= 1e-12 * np.abs(values).max()] = 0
    return Charted(values, off / sigma, np.sign(off).astype(np.int8))


def test_the_rules_in_sql_mark_what_the_rules_in_numpy_mark(whole_phases):
    assert len(whole_phases) > 200
    marked = Counter()
    for (series, rule_set), (chart, points) in whole_phases.items():
        marks = point_signals(chart.values, chart.distance, chart.side, RULE_SETS[rule_set])
        for at, name in enumerate(CHECKED):
            expected = marks.get(name, np.zeros(chart.values.shape, dtype=bool))[:, 0].tolist()
            assert [point[3 + at] for point in points] == expected, (series, rule_set, name)
            marked[name] += sum(expected)
    assert {"outside", "shift", "trend", "two_in_three"} <= {name for name, times in marked.items() if times}


def test_the_strength_in_sql_is_that_in_numpy(demo_night, whole_phases):
    home, _ = demo_night
    ranked = {
        (series, rule_set): strength
        for series, rule_set, strength in home.ask(
            "select series_id, rule_set_id, strength from spc.fct_signal_rank"
        )
    }
    checked = 0
    for key, (chart, _) in whole_phases.items():
        rules = RULE_SETS[key[1]]
        marks = point_signals(chart.values, chart.distance, chart.side, rules)
        (strength,) = strength_at_end(chart, rules, marks)
        assert ranked.get(key, 0) == pytest.approx(strength, rel=1e-5), key
        checked += strength > 0
    assert checked > 20


def test_false_discovery_rates_are_those_of_scipy(demo_night):
    home, _ = demo_night
    found = defaultdict(list)
    for rule_set, judged, p_value, rate in home.ask(
        "select rule_set_id, series_judged, p_value, false_discovery_rate from spc.fct_signal_rank "
        "order by rule_set_id, signal_rank"
    ):
        found[rule_set, judged].append((p_value, rate))
    assert found
    for (_, judged), signals in found.items():
        p_values = [p_value for p_value, _ in signals] + [1.0] * (judged - len(signals))
        expected = false_discovery_control(p_values)[: len(signals)]
        assert [rate for _, rate in signals] == pytest.approx(expected.tolist())


def test_the_chance_of_so_many_signals_is_the_binomial_one(demo_night):
    home, _ = demo_night
    rows = home.ask(
        "select series, flagged, expected_by_chance, probability_of_so_many from spc.fct_false_alarm"
    )
    assert len(rows) > 20
    for series, flagged, expected, probability in rows:
        assert probability == pytest.approx(binom.sf(flagged - 1, series, expected / series), rel=1e-5)
    ((judged, chosen),) = home.ask(
        "select (select sum(series) from spc.fct_false_alarm where level_name = 'portfolio' "
        "and points_band = 'all' and signal_scope = 'last point'), (select count(*) from spc.fct_spc_status "
        "where last_period_start is not null)"
    )
    assert judged == chosen


def test_suggested_places_are_the_likeliest_of_all_splits(demo_night):
    home, _ = demo_night
    suggested = home.ask(
        "select series_id, phase, suggested_period_start, mean_before, mean_after, log_likelihood_ratio "
        "from spc.fct_rebase_suggestion order by series_id limit 40"
    )
    assert len(suggested) > 5
    for series, phase, start, before, after, ratio in suggested:
        points = home.ask(
            "select period_start, value from spc.fct_spc_point where is_chosen and value is not null "
            f"and place_in_phase is not null and series_id = '{series}' and phase = {phase} order by 1"
        )
        values = np.array([value for _, value in points])
        sigma = np.abs(np.diff(values)).mean() / 1.128
        splits = range(8, len(values) - 7)
        distances = [
            (values[at:].mean() - values[:at].mean()) / (sigma * np.sqrt(1 / at + 1 / (len(values) - at)))
            for at in splits
        ]
        best = splits[int(np.argmax(np.abs(distances)))]
        assert points[best][0] == start
        assert (values[:best].mean(), values[best:].mean()) == pytest.approx((before, after))
        assert np.max(np.square(distances)) / 2 == pytest.approx(ratio)


def test_no_suggestion_is_applied(demo_night):
    home, _ = demo_night
    assert home.ask(
        "select count(*) from spc.fct_rebase_suggestion as suggestions "
        "inner join spc.fct_spc_phase as phases using (series_id, rule_set_id) "
        "where phases.first_period_start = suggestions.suggested_period_start"
    ) == [(0,)]


def colour_of(value: float, target: float, direction: str) -> str:
    missed_by = target - value if direction == "increase" else value - target
    if missed_by <= 0:
        return "green"
    return "amber" if missed_by <= 0.05 * abs(target) else "red"


def test_colours_change_where_the_points_say(demo_night):
    home, _ = demo_night
    changes = set()
    by_series = defaultdict(list)
    for series, start, value, target, direction in home.ask(
        "select series_id, points.period_start, points.value, points.target, improvement_direction "
        "from spc.fct_spc_point as points inner join core.dim_measure as measures using (measure_id) "
        "where is_chosen and place_in_phase is not null and points.value is not null and measures.is_latest "
        "and improvement_direction <> 'neutral' order by 1, 2"
    ):
        colour = None if target is None else colour_of(value, target, direction)
        by_series[series].append((start, colour))
    for series, colours in by_series.items():
        changes |= {
            (series, start, colour)
            for (_, last), (start, colour) in pairwise(colours)
            if last and colour and last != colour
        }
    assert len(changes) > 100
    assert changes == set(home.ask("select series_id, period_start, colour from spc.fct_rag_change"))


def test_the_first_release_published_every_icon_it_shows(demo_night):
    home, _ = demo_night
    columns = "series_id, rule_set_id, chart_type, variation_icon, assurance_icon, last_period_start"
    shown = home.ask(f"select {columns} from spc.fct_spc_status order by all")
    assert shown
    assert shown == home.ask(f"select {columns} from spc.fct_published_icon where is_shown order by all")
