"""The rules restated in numpy, against published run lengths and exact counts.

Champ & Woodall 1987, Technometrics 29:393, table 1: average run lengths in control of the Western
Electric rules with known limits. Feller 1968, An Introduction to Probability Theory I, XIII.7: a run of r
on either side of the median takes 2 ** r - 1 points on average. Wentzel-Larsen & Anhoej 2019, PLoS ONE
e0223233, and the vignette of their package crossrun: the joint distribution of longest run and crossings.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from scipy.stats import norm

from pipelines.metrics.signals import (
    Rules,
    has_runs_signal,
    longest_runs_and_crossings,
    point_signals,
    run_lengths,
    runs_limits,
)

CHAMP_WOODALL = [
    (Rules("1"), 370.40),
    (Rules("1 2", two_in_three=2), 225.44),
    (Rules("1 3", four_in_five=1), 166.05),
    (Rules("1 4", shift_length=8), 152.73),
    (Rules("1 2 3 4", two_in_three=2, four_in_five=1, shift_length=8), 91.75),
]
COMPLETED_BY = {"outside": 1, "two_in_three": 2, "four_in_five": 4}
"""How many marked points it takes until a pattern is complete."""


def run_lengths_until_a_signal(values: np.ndarray, rules: Rules) -> tuple[int, int]:
    """Points looked at over all series (until the first signal, or the end) and signals."""
    side = np.sign(values).astype(np.int8)
    points, series = values.shape
    first = np.full(series, points)
    for name, marks in point_signals(values, values, side, rules).items():
        needed = COMPLETED_BY.get(name, rules.shift_length)
        complete = (np.cumsum(marks, axis=0, dtype=np.int32) >= needed) & marks
        at = np.where(complete.any(axis=0), complete.argmax(axis=0), points)
        first = np.minimum(first, at)
    return int(np.minimum(first + 1, points).sum()), int((first < points).sum())


@pytest.mark.parametrize(
    ("rules", "published"), CHAMP_WOODALL, ids=lambda case: getattr(case, "rule_set_id", "")
)
def test_average_run_length_with_known_limits_is_the_published_one(rules, published):
    values = np.random.default_rng(19870).standard_normal((1000, 3000))
    points, found = run_lengths_until_a_signal(values, rules)
    assert points / found == pytest.approx(published, abs=4 * published / np.sqrt(found))


@pytest.mark.parametrize("length", [6, 7, 8, 9])
def test_a_run_takes_as_long_as_feller_says(length):
    side = np.random.default_rng(1968).choice(np.array([-1, 1], dtype=np.int8), (2500, 1500))
    complete = run_lengths(side) >= length
    first = np.where(complete.any(axis=0), complete.argmax(axis=0), len(side))
    points, found = np.minimum(first + 1, len(side)).sum(), (first < len(side)).sum()
    expected = 2**length - 1
    assert points / found == pytest.approx(expected, abs=4 * expected / np.sqrt(found))


def test_the_share_of_trends_is_exact():
    values = np.random.default_rng(7).standard_normal((7, 400_000))
    rules = Rules("trend", trend_length=6)
    marks = point_signals(values, np.zeros_like(values), np.zeros(values.shape, dtype=np.int8), rules)[
        "trend"
    ]
    # Of 7! orders 2 are monotone throughout; in 6 of 7 points: 2 * 7 - 2 for each direction's two ends.
    ends = 2 * (2 * 7 - 1)
    expected = ends / 5040
    assert marks.any(axis=0).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / values.shape[1]))
    assert marks.all(axis=0).mean() == pytest.approx(2 / 5040, abs=4 * np.sqrt(2 / 5040 / values.shape[1]))


def tosses(points: int) -> np.ndarray:
    """Every sequence of tosses of a fair coin, as columns."""
    return np.array(list(product((-1, 1), repeat=points)), dtype=np.int8).T


def test_longest_run_and_crossings_are_distributed_as_published():
    _, longest, crossings = longest_runs_and_crossings(tosses(15))
    counted = Counter(zip(crossings.tolist(), longest.tolist(), strict=True))
    assert counted[6, 5] / 2 == 861
    assert counted[8, 3] / 2 == 1470


@pytest.mark.parametrize(
    ("useful", "longest", "crossings"),
    [(10, 6, 2), (12, 7, 3), (16, 7, 4), (20, 7, 6), (22, 7, 7), (23, 8, 7), (24, 8, 8), (36, 8, 13),
     (45, 8, 17), (46, 9, 17), (60, 9, 23), (91, 10, 37), (100, 10, 41)],
)  # fmt: skip
def test_limits_of_the_runs_tests_are_those_of_anhoej(useful, longest, crossings):
    assert runs_limits(np.array([useful])) == (longest, crossings)


def test_points_on_the_line_are_dropped_by_the_runs_tests_and_break_or_are_skipped_by_a_shift():
    side = np.array([[1, 1, 0, 1, -1, 0, 1]], dtype=np.int8).T
    assert [int(found[0]) for found in longest_runs_and_crossings(side)] == [5, 3, 2]
    assert run_lengths(side, "break").ravel().tolist() == [1, 2, 0, 1, 1, 0, 1]
    assert run_lengths(side, "skip").ravel().tolist() == [1, 2, 2, 3, 1, 1, 1]


def marked(values: Sequence[float], rules: Rules, name: str) -> list[int]:
    column = np.array([values], dtype=float).T
    marks = point_signals(column, column, np.sign(column).astype(np.int8), rules)[name]
    return np.flatnonzero(marks[:, 0]).tolist()


def test_every_rule_marks_what_a_hand_marks():
    seven = Rules(
        "seven", shift_length=7, trend_length=7, two_in_three=2, two_in_three_below=3, is_third_same_side=True
    )
    assert marked([-1, 1, 1, 1, 1, 1, 1, 1, -1, 0], seven, "shift") == [1, 2, 3, 4, 5, 6, 7]
    assert marked([1, 1, 1, 1, 0, 1, 1, 1], seven, "shift") == []
    assert marked([0, -3, -2, -1, 0, 1, 2, 3, 3], seven, "trend") == [1, 2, 3, 4, 5, 6, 7]
    assert marked([0, 3.0, -3.1, 1], seven, "outside") == [2]
    assert marked([2.5, 0.1, 2.5, -2.5, 2.5, 3.5], seven, "two_in_three") == [0, 2]
    beyond = Rules("beyond", two_in_three=2, four_in_five=1, avoiding_length=8, hugging_length=3)
    assert marked([2.5, -0.1, 3.5, 0, 0], beyond, "two_in_three") == [0, 2]
    assert marked([0, 1.5, 1.5, 0, 1.5, 1.5, 0], beyond, "four_in_five") == [1, 2, 4, 5]
    assert marked([2, -2, 2, -2, 2, -2, 2, -2, 0], beyond, "avoiding") == list(range(8))
    assert marked([2] * 10, beyond, "avoiding") == []
    assert marked([2] * 9 + [-2], beyond, "avoiding") == list(range(2, 10))
    assert marked([0, 0.5, -0.5, 1, 0, 0], beyond, "hugging") == [0, 1, 2]
    zigzag = Rules("zigzag", alternating_length=5)
    assert marked([0, 1, 0, 1, 0, 0, 1], zigzag, "alternating") == [0, 1, 2, 3, 4]


def test_a_runs_signal_is_either_of_the_two_tests():
    eight = np.array([[1] * 9 + [-1] * 3], dtype=np.int8).T
    assert has_runs_signal(eight).tolist() == [True]
    mixed = np.array([[1, -1] * 6], dtype=np.int8).T
    assert has_runs_signal(mixed).tolist() == [False]
    assert norm.sf(3) * 2 == pytest.approx(1 / 370.40, rel=1e-4)
