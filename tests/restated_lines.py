"""Control charts restated in plain Python: centre and lines of each type of chart. See `restated`.

Sources: Montgomery 2009 for individuals, counts and subgroups; Laney 2002 for p' and u'; Taylor for I';
Nelson 1982 for screened moving ranges; Provost & Murray 2011 for g and t (the exponent 3.6).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import exp, lgamma, pi, sqrt
from typing import Any

SCREENED_ABOVE = Fraction("3.267")
RANGE_LIMIT = Fraction("3.267")
D2 = Fraction("1.128")
SAME = Fraction(1, 10**12)
EXPONENT = 3.6
SIGMAS = 3
RATIOS = {"p", "pp", "u", "up", "ip"}


@dataclass(frozen=True)
class Making:
    """How a rule set draws lines. `factor`: distance of the limits of individuals in mean moving ranges."""

    fewest: int = 1
    factor: str | None = None
    is_screened: bool = False
    is_powerbi: bool = False
    all_rates_range: bool = False


@dataclass(frozen=True)
class Lines:
    """Lines of a phase on the scale of its reckoning; `sigma` of a point, None where it has no limits."""

    centre: Any
    limit_centre: Any
    sigma: Callable[[Any], Any]
    same: Any
    lowest: float | None = None
    highest: float | None = None
    is_constant: bool = False

    def at(self, point: Any, sigmas: int) -> Any:
        """A line so many sigmas above or below the centre, not beyond where values end."""
        sigma = self.sigma(point) if self.limit_centre is not None else None
        if sigma is None:
            return None
        line = self.limit_centre + sigmas * sigma
        if sigmas < 0 and self.lowest is not None:
            return max(line, self.lowest)
        return min(line, self.highest) if sigmas > 0 and self.highest is not None else line


def shown(number: Any, chart: str) -> float | None:
    """From the scale of the reckoning to that of the values."""
    return None if number is None else float(number) ** EXPONENT if chart == "t" else float(number)


def lines_of(part: Sequence[Any], baseline: Sequence[Any], chart: str, making: Making) -> Lines:
    """Centre and lines of a phase of points that know their number; on chart mr it becomes the distance."""
    counted = [point for point in part if not point.is_excluded]
    if making.is_powerbi:
        counted = [point for point in counted if point.number is not None]
    own = {point.time for point in baseline}
    if chart == "mr":
        # As doubles are subtracted, so that equal steps are told from others as they are elsewhere.
        pairs = [
            (before, after) for before, after in pairwise(counted) if _distance(before, after) is not None
        ]
        distances = {after.time: abs(float(after.number) - float(before.number)) for before, after in pairs}
        for point in part:
            point.number = Fraction(distances[point.time]) if point.time in distances else None
    given = [point for point in baseline if point.number is not None]
    same = SAME * max((abs(Fraction(p.number)) for p in part if p.number is not None), default=0)
    if not given:
        return Lines(None, None, lambda point: None, same)
    mean = _mean([p.number for p in given], [_weight(p, chart) for p in given])
    numbers = [point.number for point in given]
    stands_still = max(numbers) - min(numbers) <= same
    centre, limit_centre, sigma = mean, mean, None
    if chart in ("run", "g"):
        centre = _median(numbers)
    if chart == "mr":
        limit_centre, sigma = 0, RANGE_LIMIT * mean / SIGMAS
    elif chart in ("i", "t", "ip"):
        amr = _mean_range(counted, own, chart, making, same)
        if amr is None and making.is_powerbi and stands_still and len(given) > 1:
            amr = 0
        factor = 1 if chart == "ip" else Fraction(making.factor) / SIGMAS if making.factor else 1 / D2
        sigma = None if amr is None else amr * factor
    elif chart in ("xbar", "s"):
        sigma = _subgroup_spread(baseline, 2 if making.is_powerbi else 1)
        if chart == "s":
            centre = limit_centre = sigma
    elif chart != "run":
        share = (1 - mean) if chart in ("p", "pp") else (mean + 1) if chart == "g" else 1
        sigma = sqrt(max(mean * share, 0))
        if chart in ("pp", "up"):
            wider = _mean_range(counted, own, chart, making, same, mean, sigma)
            if wider is None and making.is_powerbi and stands_still and (len(given) > 1 or not sigma):
                wider = 0
            sigma = None if wider is None else sigma * wider / float(D2)
    if len(given) < making.fewest:
        sigma = None
    is_bounded = chart in ("mr", "p", "pp", "u", "up", "c", "g", "s")
    return Lines(
        centre,
        limit_centre,
        lambda point: _sigma_here(point, sigma, chart),
        same,
        0 if is_bounded else None,
        1 if chart in ("p", "pp") else None,
        stands_still and len(given) > 1,
    )


def number_of(point: Any, chart: str, making: Making) -> Any:
    """What a chart reckons with: the value, its root on chart t, on chart s the spread; None for none."""
    if chart == "s":
        return point.spread if point.size and point.size > 1 else None
    if chart == "xbar" and point.size is not None and making.is_powerbi and point.size < 2:
        return None
    if point.value is None:
        return None
    return float(point.value) ** (1 / EXPONENT) if chart == "t" else point.value


def _weight(point: Any, chart: str) -> Any:
    return point.size if chart in RATIOS or chart == "xbar" else 1


def _mean(numbers: Sequence[Any], weights: Sequence[Any]) -> Any:
    exact = [Fraction(number) * weight for number, weight in zip(numbers, weights, strict=True)]
    return sum(exact, Fraction(0)) / sum(map(Fraction, weights))


def _median(numbers: Sequence[Any]) -> Any:
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _distance(before: Any, after: Any) -> Any:
    if before.number is None or after.number is None:
        return None
    return abs(after.number - before.number)


def _mean_range(
    counted: Sequence[Any],
    own: set[int],
    chart: str,
    making: Making,
    same: Fraction,
    mean: Any = None,
    spread: float = 0,
) -> Any:
    """Mean distance between neighbours that are counted; a missing value has none on either side.

    Of p' and u' in z-scores, of I' normalised (there qicharts2 takes all points, not the baseline alone).
    """
    ranges = []
    for before, after in pairwise(counted):
        step = _distance(before, after)
        if step is None or (after.time not in own and not (chart == "ip" and making.all_rates_range)):
            continue
        if chart == "ip":
            step = float(step) * sqrt(pi / 2) / sqrt(1 / before.size + 1 / after.size)
        elif chart in ("pp", "up"):
            if not spread:
                continue
            step = abs(_score(after, mean, spread) - _score(before, mean, spread))
        ranges.append(Fraction(step))
    if not ranges:
        return None
    amr = sum(ranges, Fraction(0)) / len(ranges)
    if not making.is_screened:
        return amr
    kept = [each for each in ranges if each < SCREENED_ABOVE * amr]
    narrow = sum(kept, Fraction(0)) / len(kept) if kept else None
    # Screening that leaves no width is undone; a series that stands still has none to begin with.
    return narrow if narrow is not None and narrow > same else amr if amr > same else narrow


def _score(point: Any, mean: Any, spread: float) -> float:
    return float(point.number - mean) * sqrt(point.size) / spread


def _subgroup_spread(baseline: Sequence[Any], fewest: int) -> float | None:
    """Mean standard deviation of subgroups of one size (Montgomery 6.29), pooled if they differ (6.31)."""
    groups = [p for p in baseline if p.size is not None and p.value is not None and p.size >= fewest]
    spreads = [
        (point.size - 1, point.spread) for point in groups if point.spread is not None and point.size > 1
    ]
    if not spreads:
        return None
    if len({point.size for point in groups}) == 1:
        return sum(spread for _, spread in spreads) / len(spreads)
    return sqrt(sum(n * spread**2 for n, spread in spreads) / sum(n for n, _ in spreads))


def c4(size: int) -> float:
    """Expected standard deviation of so many normal observations over the true one."""
    return sqrt(2 / (size - 1)) * exp(lgamma(size / 2) - lgamma((size - 1) / 2))


def _sigma_here(point: Any, sigma: Any, chart: str) -> Any:
    if sigma is None:
        return None
    if chart in RATIOS:
        return None if point.value is None else float(sigma) / sqrt(point.size)
    if chart in ("xbar", "s"):
        if point.size is None or point.size <= 1:
            return None
        return (
            sigma / (c4(point.size) * sqrt(point.size))
            if chart == "xbar"
            else sigma * sqrt(1 / c4(point.size) ** 2 - 1)
        )
    return sigma
