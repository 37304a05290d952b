"""The rules of control charts on many series at once, restated in numpy.

Belongs here: what a rule marks, given distances from the centre line. Does not belong here: limits
(`charts.py`), and the rules that the mart applies, which are SQL: this is the independent restatement that
the simulation uses and that the SQL is checked against.

Arrays have the points along the first axis and the series along the second, because rules look along the
points: a step from one point to the next is then one operation on contiguous memory.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

Marks = np.ndarray
"""Boolean, points x series: which points a rule marks."""


@dataclass(frozen=True)
class Rules:
    """The parameters of one rule set; a length or distance of 0 means that the rule is not used.

    `ties`: what a point on the centre line does to a shift, `equal_neighbours` what an equal pair does to a
    trend: `break` it or `skip` the point. `two_in_three` and `four_in_five`: the distance in sigma beyond
    which a point counts, of a window of so many points two and `four_in_five_points`; `two_in_three_below`
    the one beyond which it no longer does; `is_third_same_side`: the whole window must lie on one side of
    the centre line. `zone`: the sigma of hugging and avoiding.
    `has_runs_test`: longest run and crossings judge the whole phase. Below `minimum_points` no limits are
    drawn, so that only rules without a distance can signal.
    """

    rule_set_id: str
    outside: float = 3.0
    shift_length: int = 0
    ties: str = "break"
    trend_length: int = 0
    equal_neighbours: str = "break"
    two_in_three: float = 0.0
    two_in_three_window: int = 3
    two_in_three_below: float = np.inf
    is_third_same_side: bool = False
    four_in_five: float = 0.0
    four_in_five_points: int = 4
    four_in_five_window: int = 5
    alternating_length: int = 0
    hugging_length: int = 0
    avoiding_length: int = 0
    zone: float = 1.0
    has_runs_test: bool = False
    sigma_per_moving_range: float = 1 / 1.128
    screening_factor: float = np.inf
    minimum_points: int = 0


def run_lengths(side: np.ndarray, ties: str = "break") -> np.ndarray:
    """How many points on one side each run has so far, at each point. `side`: -1, 0, 1; a 0 has 0 under
    `break` and ends the run; under `skip` it keeps the run's length and lets it go on."""
    lengths = np.zeros(side.shape, dtype=np.int32)
    length = np.zeros(side.shape[1], dtype=np.int32)
    current = np.zeros(side.shape[1], dtype=side.dtype)
    for at, here in enumerate(side):
        goes_on = here == current
        if ties == "skip":
            on_line = here == 0
            length = np.where(on_line, length, np.where(goes_on, length + 1, 1))
            current = np.where(on_line, current, here)
        else:
            length = np.where(here == 0, 0, np.where(goes_on, length + 1, 1))
            current = here
        lengths[at] = length
    return lengths


def _long_runs(side: np.ndarray, least: int, ties: str) -> Marks:
    """All points of every run of at least `least`."""
    lengths = run_lengths(side, ties)
    marks = np.zeros(side.shape, dtype=bool)
    following = np.zeros(side.shape[1], dtype=bool)
    following_side = np.zeros(side.shape[1], dtype=side.dtype)
    for at in range(len(side) - 1, -1, -1):
        here = side[at]
        if ties == "skip":
            on_line = here == 0
            marks[at] = ~on_line & ((lengths[at] >= least) | (following & (following_side == here)))
            following = np.where(on_line, following, marks[at])
            following_side = np.where(on_line, following_side, here)
        else:
            marks[at] = (lengths[at] >= least) | (following & (following_side == here) & (here != 0))
            following, following_side = marks[at], here
    return marks


def _trends(values: np.ndarray, least: int, equal: str) -> Marks:
    """All points of every strictly monotone stretch of at least `least` points."""
    steps = np.sign(np.diff(values, axis=0)).astype(np.int8)
    marked_steps = _long_runs(steps, least - 1, equal)
    marks = np.zeros(values.shape, dtype=bool)
    marks[1:] |= marked_steps
    marks[:-1] |= marked_steps
    return marks


def _some_of(counted: Marks, window: int, least: int, needed: Marks | None = None) -> Marks:
    """The counted points of every `window` consecutive points of which at least `least` are counted, and all
    of which are `needed` where that is given."""
    points = len(counted)
    marks = np.zeros(counted.shape, dtype=bool)
    if points < window:
        return marks
    spans = range(window)
    last = points - window + 1
    hit = sum(counted[at : at + last].astype(np.int8) for at in spans) >= least
    if needed is not None:
        for at in spans:
            hit &= needed[at : at + last]
    for at in spans:
        marks[at : at + last] |= hit
    return marks & counted


def point_signals(
    values: np.ndarray, distance: np.ndarray, side: np.ndarray, rules: Rules
) -> dict[str, Marks]:
    """Which points each rule marks, by the rule's name.

    `values`: points x series. `distance`: from the centre line in sigma, signed. `side`: -1, 0 or 1 of the
    centre line (on some charts not the sign of `distance`: a g chart's line is a median).
    """
    marks: dict[str, Marks] = {}
    if rules.outside:
        marks["outside"] = np.abs(distance) > rules.outside
    if rules.shift_length:
        marks["shift"] = _long_runs(side, rules.shift_length, rules.ties)
    if rules.trend_length:
        marks["trend"] = _trends(values, rules.trend_length, rules.equal_neighbours)
    if rules.two_in_three:
        marks["two_in_three"] = np.zeros(values.shape, dtype=bool)
        for sign in (1, -1):
            along = sign * distance
            counted = (along > rules.two_in_three) & (along <= rules.two_in_three_below)
            needed = side == sign if rules.is_third_same_side else None
            marks["two_in_three"] |= _some_of(counted, rules.two_in_three_window, 2, needed)
    if rules.four_in_five:
        marks["four_in_five"] = np.zeros(values.shape, dtype=bool)
        for sign in (1, -1):
            counted = sign * distance > rules.four_in_five
            marks["four_in_five"] |= _some_of(counted, rules.four_in_five_window, rules.four_in_five_points)
    if rules.alternating_length:
        marks["alternating"] = _alternating(values, rules.alternating_length)
    if rules.hugging_length:
        marks["hugging"] = _all_of(np.abs(distance) < rules.zone, rules.hugging_length)
    if rules.avoiding_length:
        marks["avoiding"] = _on_both_sides(distance, rules.zone, rules.avoiding_length)
    return marks


def _all_of(counted: Marks, least: int) -> Marks:
    return _long_runs(counted.astype(np.int8), least, "break")


def _on_both_sides(distance: np.ndarray, zone: float, least: int) -> Marks:
    """So many neighbours beyond the zone that are not all on one side (Nelson 1984, test 8)."""
    high, low = distance > zone, distance < -zone
    marks = np.zeros(distance.shape, dtype=bool)
    for start in range(len(distance) - least + 1):
        window = slice(start, start + least)
        found = (high | low)[window].all(axis=0) & high[window].any(axis=0) & low[window].any(axis=0)
        marks[window] |= found
    return marks


def _alternating(values: np.ndarray, least: int) -> Marks:
    """All points of every stretch of at least `least` that goes up and down in turn."""
    steps = np.sign(np.diff(values, axis=0)).astype(np.int8)
    turns = steps[1:] * steps[:-1] == -1
    marked = _all_of(turns, least - 2)
    marks = np.zeros(values.shape, dtype=bool)
    for at in range(3):
        marks[at : at + len(marked)] |= marked
    return marks


def longest_runs_and_crossings(side: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Useful points, longest run and crossings of each series; points on the line do not count.

    Anhoej & Olesen 2014, PLoS ONE e113825.
    """
    useful = (side != 0).sum(axis=0)
    longest = run_lengths(side, "skip").max(axis=0, initial=0)
    crossings = np.zeros(side.shape[1], dtype=np.int32)
    current = np.zeros(side.shape[1], dtype=side.dtype)
    for here in side:
        crossings += (here != 0) & (current != 0) & (here != current)
        current = np.where(here == 0, current, here)
    return useful, longest, crossings


def runs_limits(useful: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longest run and fewest crossings that chance allows: round(log2 n) + 3, and the 5% quantile of
    Binomial(n - 1, 1/2). Anhoej 2015, PLoS ONE e0121349."""
    counted = np.maximum(useful, 1)
    return np.rint(np.log2(counted)) + 3, binom.ppf(0.05, counted - 1, 0.5)


def has_runs_signal(side: np.ndarray) -> np.ndarray:
    """Whether each series has an unusually long run or unusually few crossings."""
    useful, longest, crossings = longest_runs_and_crossings(side)
    longest_allowed, crossings_needed = runs_limits(useful)
    return (useful > 0) & ((longest > longest_allowed) | (crossings < crossings_needed))
