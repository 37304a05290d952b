"""Charts of awkward series against a restatement in plain Python (`tests/restated.py`)."""

from fractions import Fraction
from math import isnan
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.restated import RULES, Point, counts, individuals, longest_run_limit, runs_about
from tests.spc_models import Inputs, month

SERIES_AT_ONCE = 60
FEWEST, MOST = 1, 36

# Flat stretches, ties, jumps and gaps; a factor makes all of a series huge, tiny or negative.
VALUE = st.one_of(
    st.none(), st.sampled_from([0.0, 1.0, 1.0, 2.0, 2.5, 7.0, 40.0]), st.integers(-9, 9).map(float)
)
FACTOR = st.sampled_from([1.0, -1.0, 1e12, 1e-9, 0.1, 100.3])


@st.composite
def _ramps(draw: Any) -> list[float]:
    """Stretches that rise, fall or stand, so that trends and shifts are met."""
    values: list[float] = [float(draw(st.integers(-3, 3)))]
    for step, length in draw(st.lists(st.tuples(st.integers(-1, 1), st.integers(1, 9)), max_size=5)):
        values += [values[-1] + step * (place + 1) for place in range(length)]
    return values[:MOST]


@st.composite
def _series(draw: Any) -> dict[str, Any]:
    values = draw(st.one_of(st.lists(VALUE, min_size=FEWEST, max_size=MOST), _ramps(), st.just([5.0] * 20)))
    factor = draw(FACTOR)
    months = sorted(draw(st.sets(st.integers(0, MOST + 6), min_size=len(values), max_size=len(values))))
    places = st.sampled_from([*months, -1, months[-1] + 1])
    return {
        "values": [None if value is None else value * factor for value in values],
        "months": months,
        "rebases": draw(st.lists(places, max_size=2, unique=True)),
        "freezes": draw(st.lists(places, max_size=2, unique=True)),
        "excluded": draw(st.lists(st.sampled_from(months), max_size=3, unique=True)),
        "rule_set": draw(st.sampled_from([*RULES])),
        "direction": draw(st.sampled_from(["increase", "decrease", "neutral"])),
    }


once = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)


def _add(inputs: Inputs, name: str, case: dict[str, Any], rows: list[dict[str, Any]], **measure: Any) -> None:
    events = [(day, kind) for kind in ("rebase", "freeze") for day in case[f"{kind}s"]]
    events += [(day, "exclude") for day in case["excluded"]]
    # Months before the first stand for a day before the series begins.
    shifted = [(day + 1, kind) for day, kind in events]
    inputs.add(name, [], events=shifted, **measure)
    for day, row in zip(case["months"], rows, strict=True):
        inputs.points.append(
            {"series_id": name, "measure_id": name, "organisation_code": "RQ1", "stratum": "all"}
            | {"period_start": month(day + 1), "is_latest": True, "is_withdrawn": False}
            | row
        )


def _same(ours: Any, theirs: float | None, scale: float) -> bool:
    if theirs is None or ours is None or isnan(ours):
        return theirs is None and (ours is None or isnan(ours))
    return ours == pytest.approx(theirs, rel=1e-9, abs=1e-11 * scale)


@once
@given(cases=st.lists(_series(), min_size=SERIES_AT_ONCE, max_size=SERIES_AT_ONCE))
def test_charts_of_individuals_are_those_of_the_restatement(spc_models, cases):
    inputs = Inputs()
    for number, case in enumerate(cases):
        rows = [{"value": value} for value in case["values"]]
        measure = {"rule_set": case["rule_set"], "direction": case["direction"]}
        _add(inputs, f"S{number:02}", case, rows, **measure)
    charts = spc_models.run(inputs)
    ours = dict(tuple(charts.points.groupby("series_id")))
    for number, case in enumerate(cases):
        points = [
            Point(day, None if value is None else Fraction(value), is_excluded=day in case["excluded"])
            for day, value in zip(case["months"], case["values"], strict=True)
        ]
        individuals(points, case["rule_set"], case["direction"], case["rebases"], case["freezes"])
        scale = max((abs(value) for value in case["values"] if value is not None), default=1.0)
        for point, (_, row) in zip(points, ours[f"S{number:02}"].iterrows(), strict=True):
            told = f"{case} at {point.time}"
            assert row["phase"] == point.phase, told
            assert _same(row["centre_line"], point.centre, scale), told
            assert _same(row["lower_limit"], point.lower, scale), told
            assert _same(row["upper_limit"], point.upper, scale), told
            flags = (row["is_outside"], row["is_shift"], row["is_trend"], row["is_two_in_three"])
            wanted = (point.is_outside, point.is_shift, point.is_trend, point.is_two_in_three)
            assert flags == wanted, told
            assert (row["signal"], row["point_type"]) == (point.signal, point.point_type), told


@st.composite
def _counts(draw: Any) -> dict[str, Any]:
    chart = draw(st.sampled_from(["p", "pp", "u", "up", "c", "g"]))
    size = st.sampled_from([None, 0.0, 1.0, 3.0, 250.0, 1e6])
    rows = draw(st.lists(st.tuples(st.integers(0, 100), size), min_size=FEWEST, max_size=MOST))
    months = list(range(len(rows)))
    return {
        "chart": chart,
        "rows": [(share, size if chart in ("p", "pp", "u", "up") else 1.0) for share, size in rows],
        "months": months,
        "rebases": draw(st.lists(st.sampled_from(months), max_size=1)),
        "freezes": draw(st.lists(st.sampled_from(months), max_size=1)),
        "excluded": draw(st.lists(st.sampled_from(months), max_size=2, unique=True)),
    }


def _counted(chart: str, share: int, size: float | None) -> int | None:
    """A whole number of events; of a proportion no more than its denominator."""
    if not size:
        return 3 if size is None else 0
    return int(size * share / 100) if chart in ("p", "pp") else share


@once
@given(cases=st.lists(_counts(), min_size=SERIES_AT_ONCE, max_size=SERIES_AT_ONCE))
def test_charts_of_counts_are_those_of_the_restatement(spc_models, cases):
    inputs = Inputs()
    for number, case in enumerate(cases):
        is_ratio = case["chart"] in ("p", "pp", "u", "up")
        rows = []
        for share, size in case["rows"]:
            count = _counted(case["chart"], share, size)
            rows.append({"numerator": count, "denominator": size} if is_ratio else {"value": count})
        _add(inputs, f"S{number:02}", case, rows, chart=case["chart"], rule_set="anhoej")
    charts = spc_models.run(inputs)
    ours = dict(tuple(charts.points.groupby("series_id")))
    phases = charts.phases.set_index(["series_id", "phase"])
    for number, case in enumerate(cases):
        points = []
        for day, (share, size) in zip(case["months"], case["rows"], strict=True):
            count = _counted(case["chart"], share, size)
            value = Fraction(count) if size and count is not None else None
            points.append(Point(day, value, Fraction(size or 1), day in case["excluded"]))
        if all(point.value is None for point in points):
            continue
        counts(points, case["chart"], case["rebases"], case["freezes"])
        name = f"S{number:02}"
        for point, (_, row) in zip(points, ours[name].iterrows(), strict=True):
            told = f"{case} at {point.time}"
            assert _same(row["centre_line"], point.centre, 1.0), told
            assert _same(row["lower_limit"], point.lower, 1.0), told
            assert _same(row["upper_limit"], point.upper, 1.0), told
        for phase in {point.phase for point in points}:
            counted = [p for p in points if p.phase == phase and not p.is_excluded]
            centre = next(p.centre for p in points if p.phase == phase)
            if centre is None:
                continue
            values = [None if p.value is None else float(p.value / p.size) for p in counted]
            useful, longest, crossings = runs_about(
                values, centre, 1e-12 * max(map(abs, filter(None, values)), default=0)
            )
            row = phases.loc[(name, phase)]
            assert row["useful_points"] == useful, case
            if useful:
                assert (row["longest_run"], row["crossings"]) == (longest, crossings), case
                assert row["longest_run_limit"] == longest_run_limit(useful), case


UNBEARABLE: dict[str, tuple[str, list[Any]]] = {
    "shares above 1": ("p", [{"value": 4.0, "numerator": 12.0, "denominator": 3.0}] * 15),
    "shares above 1 by value": ("p", [{"value": 4.0, "denominator": 3.0}] * 15),
    "negative shares": ("pp", [{"value": -2.0, "numerator": -6.0, "denominator": 3.0}] * 15),
    "negative rates": ("u", [{"value": -2.0, "numerator": -6.0, "denominator": 3.0}] * 15),
    "negative rates by value": ("up", [{"value": -2.0, "denominator": 3.0}] * 15),
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
