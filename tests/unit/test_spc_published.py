"""Control charts against numbers that stand in books and papers."""

import math

import pandas as pd
import pytest

from pipelines.spc.constants import (
    SEEDS,
    c4,
    crossings_limits,
    fewest_crossings,
    subgroup_constants,
)
from tests.spc_models import Charts, Inputs, SpcModels

# Montgomery 2009, Introduction to Statistical Quality Control, 6th edition.
LOAN_COSTS = [
    310,
    288,
    297,
    298,
    307,
    303,
    294,
    297,
    308,
    306,
    294,
    299,
    297,
    299,
    314,
    295,
    293,
    306,
    301,
    304,
]
JUICE_CANS = [
    *(12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22),
    *(8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6),
]
CIRCUIT_BOARDS = [
    *(21, 24, 16, 12, 15, 5, 28, 20, 31, 25, 20, 24, 16),
    *(19, 10, 17, 13, 22, 18, 39, 30, 24, 16, 19, 17, 15),
]


@pytest.fixture(scope="module")
def published(spc_models: SpcModels) -> Charts:
    inputs = Inputs()
    inputs.add("loans", [float(cost) for cost in LOAN_COSTS], rule_set="western_electric")
    juice = [{"numerator": float(bad), "denominator": 50.0} for bad in JUICE_CANS]
    inputs.add("juice", juice, chart="p", rule_set="western_electric")
    boards = [float(faults) for faults in CIRCUIT_BOARDS]
    inputs.add("boards", boards, chart="c", rule_set="western_electric")
    inputs.add("zigzag", [10.0, 12.0] * 7, rule_set="nelson")
    inputs.add("rising", [5, 4, 5, 6, 7, 8, 9, 6, 7, 6, 7, 6.0], rule_set="nelson")
    return spc_models.run(inputs)


def test_individuals_are_those_of_montgomery(published: Charts):
    """Example 6.5: costs of processing loan applications; mean 300.5, mean moving range 7.79."""
    points = published.series("loans")
    assert points["centre_line"].iloc[0] == pytest.approx(300.5)
    assert points["upper_limit"].iloc[0] == pytest.approx(321.22, abs=0.005)
    assert points["lower_limit"].iloc[0] == pytest.approx(279.78, abs=0.005)
    assert not points["is_outside"].any()


def test_proportions_are_those_of_montgomery(published: Charts):
    """Example 7.1: 30 samples of 50 cans of orange juice; samples 15 and 23 are out."""
    points = published.series("juice")
    assert points["centre_line"].iloc[0] == pytest.approx(0.2313, abs=5e-5)
    assert points["upper_limit"].iloc[0] == pytest.approx(0.4102, abs=5e-5)
    assert points["lower_limit"].iloc[0] == pytest.approx(0.0524, abs=5e-5)
    assert list(points.index[points["is_outside"]] + 1) == [15, 23]


def test_counts_are_those_of_montgomery(published: Charts):
    """Example 7.3: nonconformities of 26 samples of circuit boards; samples 6 and 20 are out."""
    points = published.series("boards")
    assert points["centre_line"].iloc[0] == pytest.approx(19.85, abs=0.005)
    assert points["upper_limit"].iloc[0] == pytest.approx(33.22, abs=0.01)
    assert points["lower_limit"].iloc[0] == pytest.approx(6.48, abs=0.01)
    assert list(points.index[points["is_outside"]] + 1) == [6, 20]


def test_nelson_alternates_after_fourteen_and_trends_after_six(published: Charts):
    """Nelson 1984: test 4 is 14 points that alternate, test 3 is 6 points that rise or fall."""
    assert published.series("zigzag")["is_alternating"].all()
    rising = published.series("rising")
    assert list(rising.index[rising["is_trend"]] + 1) == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("size", "a3", "b3", "b4"), [(2, 2.659, 0.0, 3.267), (5, 1.427, 0.0, 2.089), (10, 0.975, 0.284, 1.716)]
)
def test_constants_are_those_of_the_tables(size: int, a3: float, b3: float, b4: float):
    """Montgomery 2009, appendix VI."""
    spread = math.sqrt(1 - c4(size) ** 2) / c4(size)
    assert 3 / (c4(size) * math.sqrt(size)) == pytest.approx(a3, abs=5e-4)
    assert max(0, 1 - 3 * spread) == pytest.approx(b3, abs=5e-4)
    assert 1 + 3 * spread == pytest.approx(b4, abs=5e-4)


def test_a_single_observation_has_no_constant():
    with pytest.raises(ValueError, match="subgroup of 1"):
        c4(1)


@pytest.mark.parametrize(
    ("useful", "fewest"),
    [(10, 2), (12, 3), (16, 4), (20, 6), (22, 7), (24, 8), (36, 13), (46, 17), (60, 23), (91, 37), (100, 41)],
)
def test_crossings_are_those_of_anhoej(useful: int, fewest: int):
    """Anhoej & Olesen 2014 (PLoS ONE e113825), table 1."""
    assert fewest_crossings(useful) == fewest


def test_seeds_are_what_the_code_makes():
    pd.testing.assert_frame_equal(pd.read_csv(SEEDS / "subgroup_constant.csv"), subgroup_constants())
    pd.testing.assert_frame_equal(pd.read_csv(SEEDS / "crossings_limit.csv"), crossings_limits())
