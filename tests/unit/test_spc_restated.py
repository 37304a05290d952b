"""Charts of awkward series against a restatement in plain Python (`tests/restated.py`)."""

import os
from datetime import date
from fractions import Fraction
from math import isnan
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.restated import (
    RULES,
    Point,
    assurance_icon,
    chart_of,
    last_of,
    longest_run_limit,
    runs_about,
    variation_icon,
)
from tests.restated_lines import RATIOS
from tests.spc_models import Inputs, month

SERIES_AT_ONCE = 60
FEWEST, MOST = 1, 36
MARKS = {
    "outside": "is_outside",
    "shift": "is_shift",
    "trend": "is_trend",
    "two_in_three": "is_two_in_three",
    "four_in_five": "is_four_in_five",
    "alternating": "is_alternating",
    "hugging": "is_hugging",
    "avoiding": "is_avoiding",
}

# Flat stretches, ties, jumps and gaps; a factor makes all of a series huge, tiny or negative.
VALUE = st.one_of(
    st.none(), st.sampled_from([0.0, 1.0, 1.0, 2.0, 2.5, 7.0, 40.0]), st.integers(-9, 9).map(float)
)
FACTOR = st.sampled_from([1.0, -1.0, 1e12, 1e-9, 0.1, 100.3])
DIRECTION = st.sampled_from(["increase", "decrease", "neutral"])


@st.composite
def _ramps(draw: Any) -> list[float]:
    """Stretches that rise, fall or stand, so that trends and shifts are met."""
    values: list[float] = [float(draw(st.integers(-3, 3)))]
    for step, length in draw(st.lists(st.tuples(st.integers(-1, 1), st.integers(1, 9)), max_size=5)):
        values += [values[-1] + step * (place + 1) for place in range(length)]
    return values[:MOST]


@st.composite
def _zigzags(draw: Any) -> list[float]:
    """Values that turn at every point, near the centre or far from it."""
    sizes = draw(st.lists(st.sampled_from([1.0, 1.5, 4.0]), min_size=14, max_size=MOST))
    return [size * (-1) ** place for place, size in enumerate(sizes)]


VALUES = st.one_of(
    st.lists(VALUE, min_size=FEWEST, max_size=MOST),
    st.lists(st.integers(-99, 99).map(float), min_size=FEWEST, max_size=MOST),
    _ramps(),
    _zigzags(),
    st.just([5.0] * 20),
)


@st.composite
def _setting(draw: Any, length: int, rule_sets: list[str]) -> dict[str, Any]:
    """Months with gaps, and what happened in them; direction, targets and rules."""
    months = sorted(draw(st.sets(st.integers(0, MOST + 6), min_size=length, max_size=length)))
    places = st.sampled_from([*months, -1, months[-1] + 1])
    return {
        "months": months,
        "rebases": draw(st.lists(places, max_size=2, unique=True)),
        "freezes": draw(st.lists(places, max_size=2, unique=True)),
        "excluded": draw(st.lists(st.sampled_from(months), max_size=3, unique=True)),
        "rule_set": draw(st.sampled_from(rule_sets)),
        "direction": draw(DIRECTION),
        "target_from": draw(st.lists(places, max_size=2, unique=True)),
        "targets": draw(
            st.lists(st.sampled_from([-40.0, 0.0, 0.5, 5.0, 7.66, 40.0]), min_size=2, max_size=2)
        ),
    }


@st.composite
def _values(draw: Any) -> dict[str, Any]:
    chart = draw(st.sampled_from(["i", "i", "i", "run", "mr", "t"]))
    values, factor = draw(VALUES), draw(FACTOR)
    if chart == "t":
        values = [None if value is None else abs(value) + 0.5 for value in values]
        factor = abs(factor)
    case = draw(_setting(len(values), [*RULES]))
    rows = [{"value": None if value is None else value * factor} for value in values]
    targets = [target * factor for target in case["targets"]]
    return case | {"chart": chart, "rows": rows, "targets": targets, "scale": factor}


@st.composite
def _counts(draw: Any) -> dict[str, Any]:
    chart = draw(st.sampled_from(["p", "pp", "u", "up", "c", "g", "ip"]))
    sizes = st.sampled_from(
        [None, 0.0, 1.0, 3.0, 250.0, 251.0, 1e6] if draw(st.booleans()) else [100.0, 120.0]
    )
    shares = draw(st.sampled_from([[0, 1, 2], list(range(101)), [98, 99, 100], [40, 50, 60]]))
    pairs = draw(st.lists(st.tuples(st.sampled_from(shares), sizes), min_size=FEWEST, max_size=MOST))
    rows = []
    for share, size in pairs:
        if chart in RATIOS:
            count = (
                int(size * share / 100)
                if size and chart in ("p", "pp")
                else share
                if size
                else 3
                if size is None
                else 0
            )
            rows.append({"numerator": count, "denominator": size})
        else:
            rows.append({"value": share})
    return draw(_setting(len(rows), [*RULES])) | {"chart": chart, "rows": rows, "scale": 1.0}


@st.composite
def _subgroups(draw: Any) -> dict[str, Any]:
    chart = draw(st.sampled_from(["xbar", "s"]))
    sizes = st.sampled_from(draw(st.sampled_from([[5], [1, 5], [1, 2, 3, 12], [2], [4, 1500]])))
    groups = draw(
        st.lists(
            st.tuples(st.integers(-9, 9), sizes, st.sampled_from([0.5, 1.0, 2.0, 7.0])),
            min_size=FEWEST,
            max_size=MOST,
        )
    )
    rows = [
        {"subgroup_mean": float(mean), "value": float(mean), "subgroup_size": size}
        | {"subgroup_sd": spread if size > 1 else None}
        for mean, size, spread in groups
    ]
    return draw(_setting(len(rows), [*RULES])) | {"chart": chart, "rows": rows, "scale": 1.0}


once = settings(
    # `make fuzz` draws other series every time.
    max_examples=int(os.environ.get("QI_FUZZ_CHARTS", "3")),
    derandomize="QI_FUZZ_CHARTS" not in os.environ,
    deadline=None,
    # A failing batch names its series; making it smaller takes minutes.
    phases=[Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)


def _add(inputs: Inputs, name: str, case: dict[str, Any]) -> None:
    # Months before the first stand for a day before the series begins.
    events = [(day + 1, kind) for kind in ("rebase", "freeze") for day in case[f"{kind}s"]]
    events += [(day + 1, "exclude") for day in case["excluded"]]
    measure = {"chart": case["chart"], "rule_set": case["rule_set"], "direction": case["direction"]}
    inputs.add(name, [], events=events, **measure)
    for day, row in zip(case["months"], case["rows"], strict=True):
        inputs.points.append(
            {"series_id": name, "measure_id": name, "organisation_code": "RQ1", "stratum": "all"}
            | {"period_start": month(day + 1), "is_latest": True, "is_withdrawn": False}
            | row
        )
    begun = sorted(case["target_from"])
    ends = [month(day + 1) for day in begun[1:]] + [date(9999, 12, 31)]
    for day, end, target in zip(begun, ends, case["targets"], strict=False):
        inputs.targets.append(
            {"measure_id": name, "valid_from": month(day + 1), "valid_to": end, "target": target}
            | {"is_latest": True, "is_withdrawn": False}
        )


def _restated(case: dict[str, Any]) -> list[Point]:
    points = []
    for day, row in zip(case["months"], case["rows"], strict=True):
        point = Point(day, None, is_excluded=day in case["excluded"])
        if "subgroup_size" in row:
            point.size, point.spread = row["subgroup_size"], row["subgroup_sd"]
        value = row.get("value", row.get("numerator"))
        if "denominator" in row:
            point.size = Fraction(row["denominator"] or 1)
            value = Fraction(value) / point.size if row["denominator"] else None
        point.value = None if value is None else Fraction(value)
        points.append(point)
    chart_of(points, case["chart"], case["rule_set"], case["direction"], case["rebases"], case["freezes"])
    return points


def _target_on(case: dict[str, Any], day: int) -> float | None:
    begun = [start for start in sorted(case["target_from"]) if start <= day]
    return case["targets"][len(begun) - 1] if begun else None


def _same(ours: Any, theirs: float | None, scale: float) -> bool:
    if theirs is None or ours is None or isnan(ours):
        return theirs is None and (ours is None or isnan(ours))
    return ours == pytest.approx(theirs, rel=1e-9, abs=1e-11 * scale)


def _compare_point(row: Any, point: Point, case: dict[str, Any], scale: float) -> None:
    told = f"{case} at {point.time}"
    assert row["phase"] == point.phase, told
    assert _same(row["centre_line"], point.centre, scale), told
    for sigmas, word in ((3, "limit"), (2, "near_limit")):
        lower, upper = point.lines[sigmas]
        assert _same(row[f"lower_{word}"], lower, scale), told
        assert _same(row[f"upper_{word}"], upper, scale), told
    found = {rule for rule, column in MARKS.items() if row[column]}
    assert found == set(point.sides), told
    for rule in {"outside", "shift", "trend", "two_in_three"} & found:
        assert row[f"{rule}_side"] == point.sides[rule], told
    if point.side:
        assert row["run_length"] == point.run_length, told
    said = (row["signal"], row["point_type"], row["is_conflicting"])
    assert said == (point.signal, point.point_type, point.is_conflicting), told


def _compare(spc_models: Any, cases: list[dict[str, Any]]) -> None:
    inputs = Inputs()
    for number, case in enumerate(cases):
        _add(inputs, f"S{number:02}", case)
    charts = spc_models.run(inputs)
    ours = dict(tuple(charts.points.groupby("series_id")))
    phases = charts.phases.set_index(["series_id", "phase"])
    status = charts.status.set_index("series_id")
    for number, case in enumerate(cases):
        _compare_series(f"S{number:02}", case, ours, phases, status)


def _compare_series(name: str, case: dict[str, Any], ours: Any, phases: Any, status: Any) -> None:
    row = status.loc[name]
    if row["chart_type"] != case["chart"]:
        # Nothing to draw it by: no denominator, or no subgroup of two.
        assert "asked_chart_impossible" in row["warnings"], case
        return
    points = _restated(case)
    scale = max((abs(float(p.number)) for p in points if p.number is not None), default=1.0)
    scale = scale**3.6 if case["chart"] == "t" else scale
    for point, of_point in zip(points, ours[name].to_dict("records"), strict=True):
        _compare_point(of_point, point, case, scale)
    last = last_of(points, case["rule_set"])
    assert row["variation_icon"] == variation_icon(last, case["direction"]), case
    target = _target_on(case, last.time) if last else None
    assert row["assurance_icon"] == assurance_icon(last, case["direction"], target), case
    if case["rule_set"].startswith("anhoej"):
        for phase in {point.phase for point in points}:
            _compare_runs(phases.loc[(name, phase)], [p for p in points if p.phase == phase], case)


def _compare_runs(row: Any, part: list[Point], case: dict[str, Any]) -> None:
    useful, longest, crossings = runs_about([point for point in part if not point.is_excluded])
    assert row["useful_points"] == useful, case
    if useful:
        assert (row["longest_run"], row["crossings"]) == (longest, crossings), case
        assert row["longest_run_limit"] == longest_run_limit(useful), case


@once
@given(cases=st.lists(_values(), min_size=SERIES_AT_ONCE, max_size=SERIES_AT_ONCE))
def test_charts_of_values_are_those_of_the_restatement(spc_models, cases):
    _compare(spc_models, cases)


@once
@given(cases=st.lists(_counts(), min_size=SERIES_AT_ONCE, max_size=SERIES_AT_ONCE))
def test_charts_of_counts_are_those_of_the_restatement(spc_models, cases):
    _compare(spc_models, cases)


@once
@given(cases=st.lists(_subgroups(), min_size=SERIES_AT_ONCE, max_size=SERIES_AT_ONCE))
def test_charts_of_subgroups_are_those_of_the_restatement(spc_models, cases):
    _compare(spc_models, cases)


UNBEARABLE: dict[str, tuple[str, list[Any]]] = {
    "shares above 1": ("p", [{"value": 4.0, "numerator": 12.0, "denominator": 3.0}] * 15),
    "shares above 1 by value": ("p", [{"value": value, "denominator": 3.0} for value in [4.0, 5.0] * 8]),
    "negative shares": ("pp", [{"value": -2.0, "numerator": -6.0, "denominator": 3.0}] * 15),
    "negative rates": ("u", [{"value": -2.0, "numerator": -6.0, "denominator": 3.0}] * 15),
    "negative rates by value": ("up", [{"value": value, "denominator": 3.0} for value in [-2.0, -3.0] * 8]),
    "negative counts": ("c", [-1.0, -2.0] * 8),
    "negative gaps": ("g", [-0.5, -0.25] * 8),
    "no time between": ("t", [0.0, 3.0, -4.0] * 5),
    "no denominators": ("p", [{"numerator": 3.0, "denominator": size} for size in (0.0, None, -1.0)] * 5),
    "a subgroup of none": ("s", [{"value": 5.0, "subgroup_size": 0, "subgroup_sd": 1.0}] * 15),
    "subgroups of none and some": (
        "xbar",
        [{"value": 5.0, "subgroup_size": size, "subgroup_sd": 1.0} for size in (0, -2, 1, 3)] * 5,
    ),
    "no number": ("i", [None] * 15),
    "the largest numbers": ("i", [1.7e308, -1.7e308] * 8),
    "a square too large": ("auto", [1e200, -1e200] * 8),
    "the smallest numbers": ("i", [5e-324, 1e-320] * 8),
    "large and small": ("i", [1e12, 1e-9] * 8),
    "large denominators": ("p", [{"numerator": 1e300, "denominator": 1.7e308}] * 15),
}


@pytest.mark.parametrize("rule_set", ["mdc", "pbi", "nelson", "anhoej_screened"])
def test_a_series_that_no_chart_can_bear_stops_none(spc_models, rule_set):
    inputs = Inputs()
    for name, (chart, points) in UNBEARABLE.items():
        inputs.add(name, points, chart=chart, rule_set=rule_set, target=1.0)
    inputs.add("sound", [4.0, 6.0] * 8, rule_set=rule_set)
    charts = spc_models.run(inputs)
    assert set(charts.status["series_id"]) == {*UNBEARABLE, "sound"}
    sound = charts.series("sound")
    assert sound["centre_line"].to_list() == pytest.approx([5.0] * 16)
    status = charts.status.set_index("series_id")
    for name in ("negative counts", "negative gaps", "negative shares", "negative rates", "shares above 1"):
        assert status.loc[name, "chart_type"] == "i", name
        assert "asked_chart_impossible" in status.loc[name, "warnings"], name
    for name in ("shares above 1 by value", "negative rates by value", "no denominators", "no number"):
        assert charts.series(name)["upper_limit"].isna().all(), name
        assert "no_limits" in status.loc[name, "warnings"], name


@pytest.mark.parametrize(
    ("rule_set", "icon", "shown", "since"),
    # PowerBI-SPC passes over the points on the centre line too, so that those below are a shift.
    [
        ("ptd", "common_cause", 14, None),
        ("mdc", "improvement_high", 13, 13),
        ("pbi", "improvement_high", 13, 0),
    ],
)
def test_a_last_period_without_a_value_is_shown_or_passed_over(spc_models, rule_set, icon, shown, since):
    """NHSRplotthedots draws the icon of the last date, whose missing value is common cause."""
    inputs = Inputs()
    inputs.add("S", [*[1.0, 2.0] * 6, 1.0, 9.0, None], rule_set=rule_set)
    status = spc_models.run(inputs).status.iloc[0]
    assert status["variation_icon"] == icon
    assert status["last_period_start"] == pd.Timestamp(month(shown))
    begun = status["signalling_since"]
    assert pd.isna(begun) if since is None else begun == pd.Timestamp(month(since))


@pytest.mark.parametrize("chart", ["p", "pp", "u", "up"])
def test_a_share_that_never_varies_passes_on_its_target(spc_models, chart):
    """Counts that are always all, or none, have no moving range in z-scores."""
    inputs = Inputs()
    share = 1.0 if chart in ("p", "pp") else 0.0
    rows = [{"numerator": share * size, "denominator": size} for size in [40.0, 50.0, 60.0] * 5]
    inputs.add("S", rows, chart=chart, direction="increase", target=share)
    status = spc_models.run(inputs).status.iloc[0]
    assert (status["assurance_icon"], status["warnings"]) == ("pass", "constant, stale")


@pytest.mark.parametrize("chart", ["p", "u", "c", "xbar"])
def test_counts_that_are_the_same_each_time_still_vary_by_chance(spc_models, chart):
    inputs = Inputs()
    row = {"numerator": 5.0, "denominator": 10.0} if chart in ("p", "u") else {"value": 5.0}
    subgroup = {"subgroup_size": 4, "subgroup_mean": 5.0, "subgroup_sd": 2.0, "value": 5.0}
    inputs.add(
        "S",
        [subgroup if chart == "xbar" else row] * 15,
        chart=chart,
        target=0.45 if "value" not in row else 4.5,
    )
    status = spc_models.run(inputs).status.iloc[0]
    assert (status["assurance_icon"], status["warnings"]) == ("hit_or_miss", "constant, stale")


@pytest.mark.parametrize(("target", "direction"), [(3.312, "increase"), (-0.412, "decrease")])
def test_a_target_on_a_limit_is_hit_or_miss(spc_models, target, direction):
    """Mean 1.45, mean moving range 0.7: limits of -0.412 and 3.312, which no sum of doubles gives exactly."""
    inputs = Inputs()
    inputs.add("S", [1.1, 1.8] * 7, direction=direction, target=target)
    assert spc_models.run(inputs).status.iloc[0]["assurance_icon"] == "hit_or_miss"


def test_a_subgroup_of_one_makes_sizes_differ(spc_models):
    """Pooled then: the root of (4 x 9 + 4 x 16) / 8 (Montgomery 6.31), and not the mean of 3 and 4."""
    inputs = Inputs()
    sizes = [
        {"subgroup_size": 1},
        {"subgroup_size": 5, "subgroup_sd": 3.0},
        {"subgroup_size": 5, "subgroup_sd": 4.0},
    ]
    inputs.add("S", [row | {"value": 1.0} for row in sizes], chart="s", rule_set="anhoej")
    inputs.add("left out", [row | {"value": 1.0} for row in sizes], chart="s", rule_set="pbi")
    charts = spc_models.run(inputs)
    assert charts.series("S")["centre_line"].to_list() == pytest.approx([12.5**0.5] * 3)
    assert charts.series("left out")["centre_line"].to_list() == pytest.approx([3.5] * 3)


def test_what_is_not_there_has_no_line_and_no_run(spc_models):
    inputs = Inputs()
    inputs.add("one moving range", [4.0], chart="mr", rule_set="anhoej")
    inputs.add("excluded", [1.0, 2.0] * 8, events=[(2, "exclude"), (4, "exclude")])
    charts = spc_models.run(inputs)
    assert charts.series("one moving range")["centre_line"].isna().all()
    assert charts.series("excluded").loc[[2, 4], "run_length"].to_list() == [0, 0]


def test_eight_beyond_one_sigma_lie_on_both_sides(spc_models):
    """Nelson 1984, test 8: only the last eight of ten, of which the last is on the other side."""
    quiet = [0.0, 0.1] * 60
    inputs = Inputs()
    inputs.add("S", [*quiet, *[0.2] * 9, -0.2], rule_set="nelson", events=[(119, "freeze")])
    points = spc_models.run(inputs).series("S")
    assert points.index[points["is_avoiding"]].to_list() == list(range(122, 130))


def test_a_share_of_none_has_limits_in_powerbi_however_few_points_say_so(spc_models):
    inputs = Inputs()
    for rule_set in ("pbi", "anhoej"):
        inputs.add(rule_set, [{"numerator": 0.0, "denominator": 9.0}], chart="pp", rule_set=rule_set)
    charts = spc_models.run(inputs)
    assert charts.series("pbi")[["lower_limit", "upper_limit"]].iloc[0].to_list() == [0.0, 0.0]
    assert charts.series("anhoej")["upper_limit"].isna().all()


def test_a_trend_of_distances_is_told_on_their_chart(spc_models):
    """Of values that rise by as much each time, the distances stand still; of squares they rise."""
    inputs = Inputs()
    inputs.add("line", [float(number) for number in range(15)], chart="mr")
    inputs.add("square", [float(number**2) for number in range(15)], chart="mr")
    charts = spc_models.run(inputs)
    assert not charts.series("line")["is_trend"].any()
    assert charts.series("square")["is_trend"].to_list() == [False, *[True] * 14]
