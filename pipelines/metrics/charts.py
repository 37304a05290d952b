"""Control charts of processes that are in control: what is drawn, and how far each point lies from its line.

Belongs here: a stable process for each chart, and its limits estimated from the points themselves, as a chart
does. Does not belong here: rules (`signals.py`). Formulas: Montgomery 2009, Introduction to Statistical
Quality Control; Laney 2002, Quality Engineering 14:531; Benneyan 2001 for g charts; Nelson 1994, J Qual
Technol 26:239 for t charts; Anhoej 2015 for run charts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import gamma, sqrt

import numpy as np

from pipelines.metrics.signals import Rules

MOVING_RANGE_LIMIT = 3.267
SUBGROUP = 5
COUNT_MEAN = 10.0
TRIALS, PROPORTION = 100, 0.2
AREA = 100.0
RARE = 0.1
NELSON_POWER = 1 / 3.6


@dataclass(frozen=True)
class Charted:
    """Points x series: the values, their signed distance from the centre line in sigma, and their side."""

    values: np.ndarray
    distance: np.ndarray
    side: np.ndarray


Chart = Callable[[np.random.Generator, int, int], np.ndarray]


def c4(size: int) -> float:
    """Mean of the standard deviation of `size` normal values, in sigma."""
    return sqrt(2 / (size - 1)) * gamma(size / 2) / gamma((size - 1) / 2)


def individuals_sigma(values: np.ndarray, rules: Rules) -> np.ndarray:
    """Sigma from the mean moving range of each series, screened once where the rule set does: ranges below
    its factor times their mean count, and all of them where those below are all 0."""
    ranges = np.abs(np.diff(values, axis=0))
    mean = ranges.mean(axis=0)
    if np.isfinite(rules.screening_factor):
        kept = ranges < rules.screening_factor * mean
        counts = kept.sum(axis=0)
        screened = np.where(kept, ranges, 0).sum(axis=0) / np.maximum(counts, 1)
        mean = np.where((counts > 0) & (screened > 0), screened, mean)
    return mean * rules.sigma_per_moving_range


def _from_centre(values: np.ndarray, centre: np.ndarray, sigma: np.ndarray) -> Charted:
    off = values - centre
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(sigma > 0, off / sigma, 0.0)
    distance[:, np.isinf(sigma)] = np.nan
    # A mean is floating point: what equals it but for rounding lies on it.
    off[np.abs(off) <= 1e-12 * np.maximum(np.abs(values), np.abs(centre))] = 0
    return Charted(values, distance, np.sign(off).astype(np.int8))


def _normal(random: np.random.Generator, points: int, series: int) -> np.ndarray:
    return random.standard_normal((points, series))


def _ranges(random: np.random.Generator, points: int, series: int) -> np.ndarray:
    return np.abs(np.diff(random.standard_normal((points + 1, series)), axis=0))


def _counts(random: np.random.Generator, points: int, series: int) -> np.ndarray:
    return random.poisson(COUNT_MEAN, (points, series)).astype(float)


def _rates(random: np.random.Generator, points: int, series: int) -> np.ndarray:
    return random.poisson(COUNT_MEAN, (points, series)) / AREA


def _proportions(random: np.random.Generator, points: int, series: int) -> np.ndarray:
    return random.binomial(TRIALS, PROPORTION, (points, series)) / TRIALS


def _between(random: np.random.Generator, points: int, series: int) -> np.ndarray:
    return random.geometric(RARE, (points, series)) - 1.0


def _times(random: np.random.Generator, points: int, series: int) -> np.ndarray:
    return random.standard_exponential((points, series))


def _subgroup_means(random: np.random.Generator, points: int, series: int) -> np.ndarray:
    return random.standard_normal((points, series)) / sqrt(SUBGROUP)


def _subgroup_deviations(random: np.random.Generator, points: int, series: int) -> np.ndarray:
    return np.sqrt(random.chisquare(SUBGROUP - 1, (points, series)) / (SUBGROUP - 1))


DRAW: dict[str, Chart] = {
    "run": _normal,
    "i": _normal,
    "ip": _normal,
    "mr": _ranges,
    "p": _proportions,
    "pp": _proportions,
    "u": _rates,
    "up": _rates,
    "c": _counts,
    "g": _between,
    "t": _times,
    "xbar": _subgroup_means,
    "s": _subgroup_deviations,
}
"""Chart type -> a process in control: normal values; 100 trials at 20%; counts of 10; a rare event at 1 in
10; exponential times; subgroups of 5. Independent from point to point."""


def charted(chart_type: str, values: np.ndarray, rules: Rules, random: np.random.Generator) -> Charted:
    """Place each point against limits estimated from its own series; NaN where none are drawn yet.

    `values`: points x series. `random` draws what limits need beside the values (the subgroups' standard
    deviations of an xbar chart). Raises KeyError for a chart type that is not known.
    """
    if len(values) < rules.minimum_points:
        return _without_limits(charted(chart_type, values, replace(rules, minimum_points=0), random))
    mean = values.mean(axis=0)
    match chart_type:
        case "run":
            # A run chart has no limits; no rule that needs a distance finds any.
            return _from_centre(values, np.median(values, axis=0), np.full_like(mean, np.inf))
        case "i" | "ip":
            return _from_centre(values, mean, individuals_sigma(values, rules))
        case "mr":
            return _from_centre(values, mean, mean * (MOVING_RANGE_LIMIT - 1) / 3)
        case "p":
            return _from_centre(values, mean, np.sqrt(mean * (1 - mean) / TRIALS))
        case "u":
            return _from_centre(values, mean, np.sqrt(mean / AREA))
        case "c":
            return _from_centre(values, mean, np.sqrt(mean))
        case "pp":
            return _prime(values, mean, np.sqrt(mean * (1 - mean) / TRIALS), rules)
        case "up":
            return _prime(values, mean, np.sqrt(mean / AREA), rules)
        case "g":
            line = _from_centre(values, np.median(values, axis=0), np.ones_like(mean))
            return Charted(values, (values - mean) / np.sqrt(mean * (mean + 1)), line.side)
        case "t":
            return charted("i", values**NELSON_POWER, rules, random)
        case "xbar":
            deviations = _subgroup_deviations(random, *values.shape)
            return _from_centre(values, mean, deviations.mean(axis=0) / c4(SUBGROUP) / sqrt(SUBGROUP))
        case "s":
            return _from_centre(values, mean, mean * sqrt(1 - c4(SUBGROUP) ** 2) / c4(SUBGROUP))
    raise KeyError(chart_type)


def _without_limits(chart: Charted) -> Charted:
    return Charted(chart.values, np.full_like(chart.distance, np.nan), chart.side)


def _prime(values: np.ndarray, mean: np.ndarray, sigma: np.ndarray, rules: Rules) -> Charted:
    """Laney's limits: the binomial or Poisson sigma times that of the moving ranges of its z-scores."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(sigma > 0, (values - mean) / sigma, 0.0)
    return _from_centre(values, mean, sigma * individuals_sigma(scores, rules))
