"""What holds for every series, whatever its numbers."""

import random
from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.spc_models import Inputs, SpcModels, month

LINES = ["centre_line", "lower_limit", "upper_limit", "lower_near_limit", "upper_near_limit"]
FLAGS = ["is_outside", "is_shift", "is_trend", "is_two_in_three", "signal", "run_length"]
RULE_SETS = ["mdc", "ptd", "anhoej_screened", "pbi", "nelson", "western_electric"]
MIRROR = {"improvement": "concern", "concern": "improvement"}

# Halves, so that shifting and doubling them is exact.
VALUES = st.one_of(st.none(), st.integers(-40, 40).map(lambda half: half / 2))
SERIES = st.lists(VALUES, min_size=3, max_size=40).filter(lambda values: any(v is not None for v in values))
SEVERAL = st.lists(st.tuples(SERIES, st.sampled_from(RULE_SETS)), min_size=8, max_size=8)

# Each example draws eight series and runs all models, so a few examples are many series.
few = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _inputs(drawn: list, direction: str = "increase", change=lambda value: value) -> Inputs:
    inputs = Inputs()
    for number, (values, rule_set) in enumerate(drawn):
        changed = [None if value is None else change(value) for value in values]
        inputs.add(f"S{number}", changed, rule_set=rule_set, direction=direction, target=change(3.0))
    return inputs


def _same_numbers(left: pd.DataFrame, right: pd.DataFrame) -> None:
    for line in left:
        assert left[line].astype(float).to_list() == pytest.approx(
            right[line].astype(float).to_list(), rel=1e-9, abs=1e-9, nan_ok=True
        )


@few
@given(drawn=SEVERAL, factor=st.sampled_from([0.25, 0.5, 2.0, 8.0]), offset=st.integers(-100, 100))
def test_shifting_and_scaling_values_shifts_and_scales_limits(spc_models, drawn, factor, offset):
    plain = spc_models.run(_inputs(drawn))
    moved = spc_models.run(_inputs(drawn, change=lambda value: factor * value + offset))
    _same_numbers(factor * plain.points[LINES] + offset, moved.points[LINES])
    assert plain.points[FLAGS].equals(moved.points[FLAGS])
    assert plain.status["assurance_icon"].equals(moved.status["assurance_icon"])


@few
@given(drawn=SEVERAL, seed=st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(spc_models, drawn, seed):
    inputs = _inputs(drawn)
    plain = spc_models.run(inputs)
    for rows in (inputs.points, inputs.measures, inputs.targets):
        random.Random(seed).shuffle(rows)
    again = spc_models.run(inputs)
    pd.testing.assert_frame_equal(plain.points, again.points, check_exact=True)
    pd.testing.assert_frame_equal(plain.status, again.status, check_exact=True)


@few
@given(drawn=SEVERAL, data=st.data())
def test_splitting_the_points_over_loads_gives_the_same_charts(spc_models, drawn, data):
    """Each night brings some of the points, and only the series that they belong to are charted anew."""
    inputs = _inputs(drawn)
    at_once = spc_models.run(inputs)
    loads = data.draw(st.lists(st.integers(0, 3), min_size=len(inputs.points), max_size=len(inputs.points)))
    came = Inputs(measures=inputs.measures, targets=inputs.targets)
    spc_models.run(came)
    for load in sorted(set(loads)):
        night = [point for point, its_load in zip(inputs.points, loads, strict=True) if its_load == load]
        came.points += night
        by_loads = spc_models.run_next(came, sorted({point["series_id"] for point in night}))
    pd.testing.assert_frame_equal(at_once.points, by_loads.points, check_exact=True)
    pd.testing.assert_frame_equal(at_once.phases, by_loads.phases, check_exact=True)
    pd.testing.assert_frame_equal(at_once.status, by_loads.status, check_exact=True)


@few
@given(drawn=SEVERAL, more=st.integers(-40, 40), frozen_after=st.integers(2, 12))
def test_a_new_point_never_changes_a_frozen_phase(spc_models, drawn, more, frozen_after):
    def frozen(extra: list[float]) -> pd.DataFrame:
        inputs = Inputs()
        for number, (values, rule_set) in enumerate(drawn):
            long_enough = [*values, *([1.0] * (frozen_after + 1))]
            events = [(frozen_after, "freeze")]
            inputs.add(f"S{number}", [*long_enough, *extra], rule_set=rule_set, events=events)
        points = spc_models.run(inputs).points
        return points.groupby("series_id")[LINES].first()

    _same_numbers(frozen([]), frozen([more / 2]))


@few
@given(drawn=SEVERAL)
def test_a_mirrored_direction_mirrors_what_points_mean(spc_models, drawn):
    """Where a point breaks rules in both directions, improvement may win in both, and does so by design."""
    up = spc_models.run(_inputs(drawn))
    down = spc_models.run(_inputs(drawn, direction="decrease"))
    clear = ~up.points["is_conflicting"]
    assert up.points["point_type"].replace(MIRROR)[clear].equals(down.points["point_type"][clear])
    judged = up.status["assurance_icon"].isin(["pass", "fail"])
    assert (up.status["assurance_icon"][judged] != down.status["assurance_icon"][judged]).all() or (
        up.status["warnings"][judged].str.contains("constant").any()
    )


@few
@given(drawn=SEVERAL)
def test_values_turned_over_turn_the_icons_over(spc_models, drawn):
    up = spc_models.run(_inputs(drawn))
    down = spc_models.run(_inputs(drawn, direction="decrease", change=lambda value: -value))
    assert up.points["signal"].equals(down.points["signal"])
    assert up.points["point_type"].equals(down.points["point_type"])
    swapped = down.status["variation_icon"].str.replace("low", "HIGH").str.replace("high", "low").str.lower()
    assert up.status["variation_icon"].equals(swapped)
    assert up.status["assurance_icon"].equals(down.status["assurance_icon"])


def test_a_phase_goes_on_where_the_next_begins(spc_models: SpcModels):
    inputs = Inputs()
    values = [10.0, 12.0, 11.0, 13.0, 30.0, 31.0, 32.0, 30.0]
    inputs.add("S", values, rule_set="ptd", events=[(4, "rebase"), (5, "freeze"), (1, "exclude")])
    charts = spc_models.run(inputs)
    points = charts.series("S")
    assert points["phase"].to_list() == [1] * 4 + [2] * 4
    assert points["is_baseline"].to_list() == [True, False, True, True, True, True, False, False]
    assert points["centre_line"].to_list() == [pytest.approx(34 / 3)] * 4 + [30.5] * 4
    assert charts.phases["baseline_until"].dt.date.to_list() == [month(3), month(5)]


def test_rule_sets_stand_side_by_side(spc_models: SpcModels):
    """Six points on one side: a shift for the rule set computed beside, and not for the chosen one."""
    inputs = Inputs()
    inputs.add("S", [10, 12, 8, 11, 9, 12, 8, 9, 11, 9, 13, 13.5, 13, 13.2, 13.1, 13.4])
    with spc_models.rules("ptd", is_computed_for_all=True, shift_length=6):
        charts = spc_models.run(inputs)
    points = charts.points.groupby(["rule_set_id", "is_chosen"])["is_shift"].sum()
    assert points.to_dict() == {("mdc", True): 0, ("ptd", False): 6}
    status = charts.status.set_index("rule_set_id")
    assert status["is_chosen"].to_dict() == {"mdc": True, "ptd": False}
    assert status["variation_icon"].to_dict() == {"mdc": "common_cause", "ptd": "improvement_high"}
    assert charts.phases["rule_set_id"].to_list() == ["mdc", "ptd"]
    assert spc_models.run(inputs).points["rule_set_id"].unique().tolist() == ["mdc"]


def test_a_rule_set_may_clip_percentages(spc_models: SpcModels):
    """Of single values and of rates per hundred; a centre line stays where it is, and so do other units."""
    high, low = [99.0, 100.0, 91.0, 100.0, 98.0] * 3, [1.0, 0.0, 9.0, 0.0, 2.0] * 3
    shares: list[float | dict[str, Any] | None] = [{"numerator": n, "denominator": 100.0} for n in high]
    inputs = Inputs()
    inputs.add("high", high, unit_of_measure="percent")
    inputs.add("low", low, unit_of_measure="percent")
    inputs.add("shares", shares, chart="ip", multiplier=100.0, unit_of_measure="percent")
    inputs.add("days", low, unit_of_measure="days")
    plain = spc_models.run(inputs).points.groupby("series_id").first()
    with spc_models.rules("mdc", is_individuals_clipped=True):
        clipped = spc_models.run(inputs).points.groupby("series_id").first()
    assert (plain["upper_limit"] > 100).to_dict() == {
        "days": False,
        "high": True,
        "low": False,
        "shares": True,
    }
    assert (plain["lower_limit"] < 0).to_dict() == {"days": True, "high": False, "low": True, "shares": False}
    assert clipped["upper_limit"][["high", "shares"]].to_list() == [100, 100]
    assert clipped["lower_limit"]["low"] == 0
    assert clipped["centre_line"].equals(plain["centre_line"])
    assert clipped.loc["days"].equals(plain.loc["days"])


def test_rows_that_do_not_count_are_no_gaps(spc_models: SpcModels):
    inputs = Inputs()
    # Between two phases a month is missing; months without a value or without weight have a row.
    for name, rule_set in (("BREAK", "mdc"), ("BRIDGE", "pbi")):
        points = [{"value": None if number == 4 else float(number % 5)} for number in range(30)]
        events = [(2, "exclude"), (20, "exclude"), (12, "rebase")]
        inputs.add(name, points, rule_set=rule_set, events=events)
    inputs.points = [point for point in inputs.points if point["period_start"] != month(11)]
    charts = spc_models.run(inputs)
    for name in ("BREAK", "BRIDGE"):
        points = charts.series(name)
        gaps = points.loc[points["periods_missing_before"] > 0, ["period_start", "periods_missing_before"]]
        assert [(day.date(), missing) for day, missing in gaps.itertuples(index=False)] == [(month(12), 1)]
    assert charts.phases["periods_missing"].to_list() == [0, 1, 0, 1]
    assert charts.status["warnings"].str.contains("gaps").all()


def test_a_moving_range_chart_misses_no_value_at_its_first_point(spc_models: SpcModels):
    inputs = Inputs()
    inputs.add("MR", [float(number % 7) for number in range(20)], chart="mr")
    (row,) = spc_models.run(inputs).status.to_dict("records")
    assert row["points_with_value"] == 20
    assert "missing_values" not in (row["warnings"] or "")


@pytest.mark.parametrize(
    ("day", "event", "is_told"),
    [
        (8, "freeze", False),
        (30, "freeze", False),
        (-1, "freeze", True),
        (0, "freeze", True),
        (3, "exclude", False),
        (40, "exclude", True),
        (40, "annotate", True),
        (40, "rebase", False),
    ],
)
def test_events_that_meet_no_point_are_told_and_change_nothing(spc_models: SpcModels, day, event, is_told):
    """A freeze before the first number of a phase would leave it without a centre line."""
    values = [None, *(float(number % 5) for number in range(20))]
    inputs = Inputs()
    inputs.add("PLAIN", values)
    inputs.add("EVENT", values, events=[(day, event)] if day >= 0 else [])
    if day < 0:
        inputs.events.append({"series_id": "EVENT", "period_start": date(2019, 1, 1), "event": event})
    charts = spc_models.run(inputs)
    warnings = charts.status.set_index("series_id")["warnings"].fillna("")
    assert ("events_without_point" in warnings["EVENT"]) == is_told
    assert "events_without_point" not in warnings["PLAIN"]
    if is_told:
        pd.testing.assert_frame_equal(charts.series("PLAIN")[LINES], charts.series("EVENT")[LINES])
        assert not charts.phases["is_frozen"].any()


@pytest.mark.parametrize(
    ("late", "chart"),
    [
        ({"value": 40.0}, "i"),
        ({"value": 0.0, "numerator": 0.0, "denominator": 0.0}, "p"),
        ({"value": None}, "p"),
    ],
)
def test_a_chart_of_ratios_is_chosen_when_it_hides_no_value(spc_models: SpcModels, late, chart):
    early = [{"numerator": 8.0, "denominator": 20.0, "value": 40.0}] * 20
    inputs = Inputs()
    inputs.add("S", [*early, late], chart="auto", multiplier=100)
    assert spc_models.run(inputs).status["chart_type"].to_list() == [chart]


def test_a_chart_of_subgroups_is_chosen_when_it_hides_no_value(spc_models: SpcModels):
    row = {"subgroup_size": 5, "subgroup_mean": 3.0, "subgroup_sd": 1.0, "value": 3.0}
    inputs = Inputs()
    inputs.add("ALL", [row] * 20, chart="auto")
    inputs.add("SOME", [*[row] * 20, {"value": 4.5}], chart="auto")
    assert spc_models.run(inputs).status["chart_type"].to_list() == ["xbar", "i"]
