"""Control charts restated in plain Python from the field's definitions, to hold the SQL against.

Nothing here is shared with the models: numbers are exact fractions, rules are loops over points. Sources: the
rules of NHSRplotthedots 0.2.2 and of Making Data Count's Excel tool for individuals; Montgomery 2009 and
Laney 2002 for counts; Anhoej & Olesen 2014 for runs. Only roots are doubles.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import log2, sqrt
from typing import Any

SCREENED_ABOVE = Fraction("3.267")
LIMIT = Fraction("2.66")
NEAR = LIMIT * 2 / 3
LONG = 7
MR_DIVISOR = Fraction("1.128")
SAME = Fraction(1, 10**12)


@dataclass(frozen=True)
class Rules:
    """What differs between rule sets for individuals."""

    fewest: int
    is_screened: bool
    near_stops_at_limit: bool
    improvement_wins: bool


RULES = {
    "mdc": Rules(fewest=13, is_screened=False, near_stops_at_limit=False, improvement_wins=True),
    "ptd": Rules(fewest=2, is_screened=True, near_stops_at_limit=True, improvement_wins=False),
    "ptd_unscreened": Rules(fewest=2, is_screened=False, near_stops_at_limit=True, improvement_wins=False),
}


@dataclass
class Point:
    """A point before (time, value, size) and after it has been judged.

    `value`: a fraction, None where it is missing. `sides`: by rule 1 for high or rising, -1 for low or
    falling.
    """

    time: int
    value: Any
    size: Fraction = Fraction(1)
    is_excluded: bool = False
    phase: int = 0
    centre: float | None = None
    lower: float | None = None
    upper: float | None = None
    is_outside: bool = False
    is_shift: bool = False
    is_trend: bool = False
    is_two_in_three: bool = False
    signal: str = "common_cause"
    point_type: str = "common_cause"
    sides: dict[str, int] = field(default_factory=dict)


def phases_of(points: Sequence[Point], rebases: Sequence[int]) -> list[list[Point]]:
    """Points by phase; a phase begins with the first point on or after a rebase."""
    parts: dict[int, list[Point]] = {}
    for point in points:
        parts.setdefault(sum(rebase <= point.time for rebase in rebases), []).append(point)
    for number, (_, part) in enumerate(sorted(parts.items()), start=1):
        for point in part:
            point.phase = number
    return [part for _, part in sorted(parts.items())]


def baseline_of(part: Sequence[Point], rebases: Sequence[int], freezes: Sequence[int]) -> list[Point]:
    """Counted points up to the last freeze that lies in the phase, unless it has no number until then."""
    slot = sum(rebase <= part[0].time for rebase in rebases)
    numbers = [p.time for p in part if not p.is_excluded and p.value is not None]
    own = [day for day in freezes if sum(rebase <= day for rebase in rebases) == slot]
    if own and max(own) < min(numbers, default=max(own)):
        own = []
    return [p for p in part if not p.is_excluded and (not own or p.time <= max(own))]


def moving_ranges(part: Sequence[Point], baseline: Sequence[Point]) -> list[Fraction]:
    """Distances between neighbours that are counted; a missing value has none on either side."""
    counted = [point for point in part if not point.is_excluded]
    return [
        abs(point.value - before.value)
        for before, point in pairwise(counted)
        if point in baseline and point.value is not None and before.value is not None
    ]


def individuals(
    points: list[Point], rule_set: str, direction: str, rebases: Sequence[int], freezes: Sequence[int]
) -> None:
    """An XmR chart: centre, limits, rules, labels and what they mean."""
    rules = RULES[rule_set]
    for part in phases_of(points, rebases):
        baseline = baseline_of(part, rebases, freezes)
        given = [point.value for point in baseline if point.value is not None]
        same = SAME * max((abs(p.value) for p in part if p.value is not None), default=Fraction(0))
        ranges = moving_ranges(part, baseline)
        amr = sum(ranges, Fraction(0)) / len(ranges) if ranges else None
        if amr is not None and rules.is_screened:
            kept = [each for each in ranges if each < SCREENED_ABOVE * amr]
            narrow = sum(kept, Fraction(0)) / len(kept) if kept else None
            # Screening that leaves no width is undone; a series that stands still has none to begin with.
            amr = narrow if narrow is not None and narrow > same else amr if amr > same else narrow
        if not given:
            continue
        centre = sum(given, Fraction(0)) / len(given)
        width = LIMIT * amr if amr is not None and len(given) >= rules.fewest else None
        near = NEAR * amr if width is not None and amr is not None else None
        for point in part:
            point.centre = float(centre)
            if width is not None:
                point.lower, point.upper = float(centre - width), float(centre + width)
            if point.value is not None and width is not None and abs(point.value - centre) > width + same:
                point.is_outside = True
                point.sides["outside"] = 1 if point.value > centre else -1
        counted = [point for point in part if not point.is_excluded]
        _mark_rules(counted, centre, width, near, same, rules)
        for point in counted:
            _label(point, direction, rules)


def _mark_rules(
    counted: list[Point],
    centre: Fraction,
    width: Fraction | None,
    near: Fraction | None,
    same: Fraction,
    rules: Rules,
) -> None:
    def side(point: Point, by: Fraction = Fraction(0)) -> int:
        if point.value is None or abs(point.value - centre) <= by + same:
            return 0
        return 1 if point.value > centre else -1

    for run in windows(counted, LONG):
        if side(run[0]) and len({side(point) for point in run}) == 1:
            for point in run:
                point.is_shift, point.sides["shift"] = True, side(run[0])
    rising, falling = set(), set()
    for run in windows(counted, LONG):
        values = [point.value for point in run]
        steps = {(b > a) - (b < a) if a is not None and b is not None else 0 for a, b in pairwise(values)}
        if steps in ({1}, {-1}):
            (rising if steps == {1} else falling).update(id(point) for point in run)
    for place, point in enumerate(counted):
        if id(point) not in rising | falling:
            continue
        after = counted[place + 1] if place + 1 < len(counted) else None
        before = counted[place - 1] if place else None
        point.is_trend = True
        if rules.near_stops_at_limit:
            # Towards the next point if that is a trend point too, else from the one before.
            ahead = after is not None and id(after) in rising | falling and after.value is not None
            step = (
                after.value - point.value if after and ahead else point.value - before.value if before else 0
            )
            point.sides["trend"] = 1 if step > 0 else -1
        elif id(point) in rising and id(point) in falling:
            point.sides["trend"] = 1 if after and after.value > point.value else -1
        else:
            point.sides["trend"] = 1 if id(point) in rising else -1
    if near is None or width is None:
        return
    for triple in windows(counted, 3):
        is_near = [
            side(p, near) != 0 and not (rules.near_stops_at_limit and side(p, width) != 0) for p in triple
        ]
        if side(triple[0]) and len({side(p) for p in triple}) == 1 and sum(is_near) >= 2:
            for point, marked in zip(triple, is_near, strict=True):
                if marked:
                    point.is_two_in_three, point.sides["two_in_three"] = True, side(point)


def _label(point: Point, direction: str, rules: Rules) -> None:
    order = ("outside", "trend", "two_in_three", "shift")
    found = [rule for rule in order if rule in point.sides]
    if not found:
        return
    point.signal = found[0]
    good = {"increase": 1, "decrease": -1}.get(direction)
    up = point.sides[found[0]] == 1
    if good is None:
        point.point_type = "neutral_high" if up else "neutral_low"
        return
    improves = point.sides[found[0]] == good or (rules.improvement_wins and good in point.sides.values())
    point.point_type = "improvement" if improves else "concern"


def windows(points: Sequence[Point], length: int) -> Iterator[list[Point]]:
    """Every stretch of so many neighbours."""
    for start in range(len(points) - length + 1):
        yield list(points[start : start + length])


def counts(points: list[Point], chart: str, rebases: Sequence[int], freezes: Sequence[int]) -> None:
    """Centre and limits of charts p, p', u, u', c and g; a value is the count, its size the denominator."""
    for part in phases_of(points, rebases):
        baseline = [p for p in baseline_of(part, rebases, freezes) if p.value is not None]
        if not baseline:
            continue
        mean = sum((p.value for p in baseline), Fraction(0)) / sum((p.size for p in baseline), Fraction(0))
        spread = sqrt(
            mean * (1 - mean) if chart in ("p", "pp") else mean * (mean + 1) if chart == "g" else mean
        )
        wider: float | None = 1.0
        if chart in ("pp", "up"):
            wider = _sigma_z(part, baseline, mean, spread)
        for point in part:
            point.centre = _median([p.value for p in baseline]) if chart == "g" else float(mean)
            if point.value is None or wider is None:
                continue
            width = 3 * spread * wider / (sqrt(point.size) if chart in ("p", "pp", "u", "up") else 1)
            point.lower = 0.0 if chart == "g" else max(float(mean) - width, 0.0)
            point.upper = float(mean) + width
            if chart in ("p", "pp"):
                point.upper = min(point.upper, 1.0)


def _sigma_z(part: list[Point], baseline: list[Point], mean: Fraction, spread: float) -> float | None:
    counted = [point for point in part if not point.is_excluded]
    z = [
        None if p.value is None or not spread else float(p.value / p.size - mean) * sqrt(p.size) / spread
        for p in counted
    ]
    ranges = [
        abs(now - before)
        for before, now, point in zip(z, z[1:], counted[1:], strict=False)
        if now is not None and before is not None and point in baseline
    ]
    return sum(ranges) / len(ranges) / float(MR_DIVISOR) if ranges else None


def _median(values: list[Fraction]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return float(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def runs_about(values: Sequence[float | None], centre: float, same: float) -> tuple[int, int | None, int]:
    """Useful points, longest run and crossings; points on the line are left out."""
    sides = [v > centre for v in values if v is not None and abs(v - centre) > same]
    crossings = sum(a != b for a, b in pairwise(sides))
    longest = current = 1 if sides else 0
    for a, b in pairwise(sides):
        current = current + 1 if a == b else 1
        longest = max(longest, current)
    return len(sides), longest or None, crossings


def longest_run_limit(useful: int) -> int:
    """The longest run that chance explains."""
    return round(log2(useful)) + 3
