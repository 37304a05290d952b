"""What holds for every series, whatever its numbers."""

import random

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
    pd.testing.assert_frame_equal(plain.points, again.points)
    pd.testing.assert_frame_equal(plain.status, again.status)


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
