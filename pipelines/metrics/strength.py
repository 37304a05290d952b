"""How strong a signal at the last point is, in one unit for every rule.

Strength is -log10 of the chance that a point (or the stretch that ends with it) of a stable process with
known limits shows the pattern: 2.57 for a point at 3 sigma, 1.81 for a run of 7, 3.4 for a trend of 7. It
orders signals; a p-value it becomes only by comparison with the simulated strengths of in-control series
(`in_control.py`), because limits are estimated and a rule set looks for several patterns at once.

The macro `signal_strength` of the dbt project says the same in SQL.
"""

import numpy as np
from scipy.special import gammaln
from scipy.stats import binom, norm

from pipelines.metrics.charts import Charted
from pipelines.metrics.signals import (
    Marks,
    Rules,
    has_runs_signal,
    longest_runs_and_crossings,
    run_lengths,
)

LN10 = np.log(10)
LEAST = 1e-9
"""The strength of a signal that hardly is one: more than that of none."""


def outside_strength(distance: np.ndarray) -> np.ndarray:
    """Two-sided normal tail beyond `distance` (in sigma)."""
    return -(norm.logsf(np.abs(distance)) + np.log(2)) / LN10


def run_strength(length: np.ndarray) -> np.ndarray:
    """A run of `length` points on either side: 2 ** (1 - length)."""
    return (length - 1) * np.log10(2)


def trend_strength(points: np.ndarray) -> np.ndarray:
    """`points` in order, up or down: 2 / points!."""
    return (gammaln(points + 1) - np.log(2)) / LN10


def some_of_strength(least: float, window: int, needed: int, below: float = np.inf) -> float:
    """At least `needed` of `window` points between `least` and `below` sigma on one side."""
    share = norm.sf(least) - norm.sf(below)
    return float(-np.log10(2 * binom.sf(needed - 1, window, share)))


def alternating_strength(points: np.ndarray) -> np.ndarray:
    """`points` up and down in turn: 4 (2/pi) ** (points + 1), from the asymptotic number of alternating
    permutations (Andre 1881), within 1e-6 from 12 points on."""
    return -(np.log10(4) + (points + 1) * np.log10(2 / np.pi))


def stretch_strength(points: np.ndarray, share: float) -> np.ndarray:
    """`points` in a row that each had the chance `share`."""
    return -points * np.log10(share)


def strength_at_end(chart: Charted, rules: Rules, marks: dict[str, Marks]) -> np.ndarray:
    """Strength of the strongest signal of each series at its end; 0 where there is none.

    Counted are the signals of the last point and, where the rule set has runs tests, those of the phase.
    `marks`: those of `signals.point_signals` for this chart. Returns one value a series.
    """
    values, distance, side = chart.values, chart.distance, chart.side
    steps = np.sign(np.diff(values, axis=0)).astype(np.int8)
    tail = float(norm.sf(rules.zone))
    found = np.zeros(values.shape[1])

    def take(name: str, strength: np.ndarray | float) -> None:
        np.maximum(found, np.where(marks[name][-1], strength, 0), out=found)

    if "outside" in marks:
        take("outside", outside_strength(distance[-1]))
    if "shift" in marks:
        take("shift", run_strength(run_lengths(side, rules.ties)[-1]))
    if "trend" in marks:
        take("trend", trend_strength(run_lengths(steps, rules.equal_neighbours)[-1] + 1))
    if "two_in_three" in marks:
        below = rules.two_in_three_below
        take("two_in_three", some_of_strength(rules.two_in_three, rules.two_in_three_window, 2, below))
    if "four_in_five" in marks:
        window, needed = rules.four_in_five_window, rules.four_in_five_points
        take("four_in_five", some_of_strength(rules.four_in_five, window, needed))
    if "alternating" in marks:
        turns = (steps[1:] * steps[:-1] == -1).astype(np.int8)
        take("alternating", alternating_strength(run_lengths(turns)[-1] + 2))
    if "hugging" in marks:
        inside = (np.abs(distance) < rules.zone).astype(np.int8)
        take("hugging", stretch_strength(run_lengths(inside)[-1], 1 - 2 * tail))
    if "avoiding" in marks:
        beyond = (np.abs(distance) > rules.zone).astype(np.int8)
        take("avoiding", stretch_strength(run_lengths(beyond)[-1], 2 * tail))
    if rules.has_runs_test:
        np.maximum(found, runs_strength(side), out=found)
    return found


def runs_strength(side: np.ndarray) -> np.ndarray:
    """The stronger of a phase's longest run and its crossings, 0 where neither is beyond its limit.

    The chance of a longest run of L in n tosses is taken as (n - L + 2) / 2 ** L, the expected number of
    such runs (Feller 1968, XIII.7); that of at most c crossings as the normal approximation to
    Binomial(n - 1, 1/2) with continuity correction.
    """
    useful, longest, crossings = longest_runs_and_crossings(side)
    by_run = longest * np.log10(2) - np.log10(np.maximum(useful - longest + 2, 1))
    possible = np.maximum(useful - 1, 1)
    by_crossings = -norm.logcdf((crossings + 0.5 - possible / 2) / (np.sqrt(possible) / 2)) / LN10
    return np.where(has_runs_signal(side), np.maximum(np.maximum(by_run, by_crossings), LEAST), 0)
