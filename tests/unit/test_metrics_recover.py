"""The metrics find again what the demo organisation plants, as often as their intervals say.

Each seed draws the rows of one planted effect with the demo's own generator and hands them to the function
that the mart calls. `python -m tests.recovery` tries 200 seeds.
"""

import pytest

from tests.recovery import EFFECTS, Found, fewest_hits, hits

SEEDS = range(20)


@pytest.fixture(scope="module")
def intervals() -> dict[str, list[Found]]:
    return {effect.__name__: list(effect(SEEDS)) for effect in EFFECTS}


@pytest.mark.parametrize("effect", [effect.__name__ for effect in EFFECTS])
def test_a_planted_effect_is_inside_its_interval_as_often_as_stated(intervals, effect):
    found = intervals[effect]
    assert len(found) == len(SEEDS)
    assert hits(found) >= fewest_hits(len(SEEDS))


def test_another_effect_than_the_planted_one_would_not_be(intervals):
    """So that intervals which hold everything are no success."""
    for name, found in intervals.items():
        others = [(0.4 * truth, lower, upper) for truth, lower, upper in found]
        assert hits(others) < fewest_hits(len(SEEDS)), name
