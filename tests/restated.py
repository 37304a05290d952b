"""Control charts restated in plain Python from the field's definitions: what points say.

To hold the SQL against, with which it shares nothing: numbers are exact fractions where possible, rules are
loops over points. Sources: NHSRplotthedots 0.2.2, Making Data Count's Excel tool and PowerBI-SPC for their
rules; Nelson 1984; Western Electric 1956; Anhoej & Olesen 2014 for runs. Where lines lie: `restated_lines`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import log2
from typing import Any

from tests.restated_lines import Lines, Making, lines_of, number_of, shown

MAKING_DATA_COUNT = ("outside", "trend", "two_in_three", "shift")


@dataclass(frozen=True)
class Rules:
    """What differs between rule sets; `order` names the rules that are told, the strongest first.

    `third`: where the third of two in three lies. `turn`: which of two trends a turning point belongs to.
    """

    order: tuple[str, ...] = MAKING_DATA_COUNT
    making: Making = field(default_factory=Making)
    shift: int = 7
    trend: int = 7
    ties_are_skipped: bool = False
    third: str = "any"
    near_stops_at_limit: bool = False
    turn: str = "later"
    conflict: str = "precedence"
    missing_end_counts: bool = False


_PTD = {"third": "same_side", "near_stops_at_limit": True, "turn": "forward", "missing_end_counts": True}
_PBI = {"ties_are_skipped": True, "turn": "earlier", "conflict": "both"}
_RUNS = {"order": ("outside",), "ties_are_skipped": True}
RULES = {
    "mdc": Rules(making=Making(fewest=13, factor="2.66"), third="same_side", conflict="improvement"),
    "ptd": Rules(making=Making(fewest=2, factor="2.66", is_screened=True), **_PTD),
    "ptd_unscreened": Rules(making=Making(fewest=2, factor="2.66"), **_PTD),
    "pbi": Rules(making=Making(is_screened=True, is_powerbi=True), **_PBI),
    "pbi_unscreened": Rules(making=Making(is_powerbi=True), **_PBI),
    "anhoej": Rules(making=Making(all_rates_range=True), **_RUNS),
    "anhoej_screened": Rules(making=Making(all_rates_range=True, is_screened=True), **_RUNS),
    "nelson": Rules(
        ("outside", "shift", "trend", "alternating", "two_in_three", "four_in_five", "hugging", "avoiding"),
        making=Making(fewest=2),
        shift=9,
        trend=6,
    ),
    "western_electric": Rules(
        ("outside", "two_in_three", "four_in_five", "shift"), making=Making(fewest=2), shift=8
    ),
}
FOUR_IN_FIVE, FIVE, ALTERNATING, HUGGING, AVOIDING = 4, 5, 14, 15, 8
UNDIRECTED = {"alternating", "hugging", "avoiding"}


@dataclass
class Point:
    """A point before (time, value, size, spread) and after it has been judged.

    `value`: a fraction, None where it is missing; `size`: denominator or size of the subgroup, `spread`: its
    standard deviation. `sides`: by rule 1 for high or rising, -1 for low or falling, 0 for neither.
    """

    time: int
    value: Any
    size: Any = 1
    spread: float | None = None
    is_excluded: bool = False
    phase: int = 0
    number: Any = None
    centre: float | None = None
    lines: dict[int, tuple[float, float]] = field(default_factory=dict)
    side: int | None = None
    run_length: int = 0
    signal: str = "common_cause"
    point_type: str = "common_cause"
    is_conflicting: bool = False
    is_constant: bool = False
    sides: dict[str, int] = field(default_factory=dict)


def chart_of(
    points: list[Point],
    chart: str,
    rule_set: str,
    direction: str,
    rebases: Sequence[int] = (),
    freezes: Sequence[int] = (),
) -> None:
    """Draw and judge a chart: centre, lines, rules, labels and what they mean."""
    rules = RULES[rule_set]
    for point in points:
        point.number = number_of(point, chart, rules.making)
    for part in phases_of(points, rebases):
        lines = lines_of(part, baseline_of(part, rebases, freezes), chart, rules.making)
        for point in part:
            point.is_constant = lines.is_constant
            point.centre = shown(lines.centre, chart)
            point.lines = {k: _shown_pair(lines, point, k, chart, rules) for k in (1, 2, 3)}
            point.side = _beyond(point, lines, 0)
        counted = [
            p for p in part if not p.is_excluded and not (p.number is None and rules.making.is_powerbi)
        ]
        for point in part:
            if "outside" in rules.order and _beyond(point, lines, 3):
                point.sides["outside"] = _beyond(point, lines, 3) or 0
        _mark_shifts(counted, rules)
        _mark_trends(counted, rules)
        _mark_zones(counted, lines, rules)
        for point in counted:
            _label(point, direction, rules)


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
    numbers = [p.time for p in part if not p.is_excluded and p.number is not None]
    own = [day for day in freezes if sum(rebase <= day for rebase in rebases) == slot]
    if own and max(own) < min(numbers, default=max(own)):
        own = []
    return [p for p in part if not p.is_excluded and (not own or p.time <= max(own))]


def _shown_pair(lines: Lines, point: Point, k: int, chart: str, rules: Rules) -> tuple[Any, Any]:
    low, high = lines.at(point, -k), lines.at(point, k)
    if chart == "t" and low is not None and low < 0:
        # A power of a negative number: the limit is 0, the warning line only in PowerBI-SPC.
        return 0.0 if k == 3 or rules.making.is_powerbi else None, shown(high, chart)
    return shown(low, chart), shown(high, chart)


def _beyond(point: Point, lines: Lines, sigmas: int) -> int | None:
    """1 above the upper line, -1 below the lower; as near as rounding is on it. None without a number."""
    if point.number is None:
        return None
    low, high = (lines.centre,) * 2 if sigmas == 0 else (lines.at(point, -sigmas), lines.at(point, sigmas))
    if high is not None and point.number - high > lines.same:
        return 1
    return -1 if low is not None and low - point.number > lines.same else 0


def _mark(points: Sequence[Point], rule: str, side: int) -> None:
    for point in points:
        point.sides[rule] = side


def _mark_shifts(counted: list[Point], rules: Rules) -> None:
    """Runs on one side of the centre; a point on it ends a run, or is passed over."""
    for run in runs_of(counted, rules.ties_are_skipped):
        length = sum(point.side == run[0].side for point in run)
        for point in run:
            point.run_length = length
        if "shift" in rules.order and length >= rules.shift:
            _mark(run, "shift", run[0].side or 0)


def runs_of(counted: Sequence[Point], ties_are_skipped: bool) -> list[list[Point]]:
    """Runs from their first to their last point off the centre; a missing value ends one, or is no point."""
    runs: list[list[Point]] = []
    passed: list[Point] = []
    is_open = False
    for point in counted:
        if not point.side:
            is_open = is_open and ties_are_skipped
            passed += [point] if point.side == 0 else []
        elif is_open and runs[-1][0].side == point.side:
            runs[-1] += [*passed, point]
            passed = []
        else:
            runs.append([point])
            is_open, passed = True, []
    return runs


def _mark_trends(counted: list[Point], rules: Rules) -> None:
    if "trend" not in rules.order:
        return
    found: dict[int, list[tuple[int, int]]] = {}
    for trend, direction in trends_of(counted, rules.ties_are_skipped):
        if sum(after.number != before.number for before, after in pairwise(trend)) + 1 >= rules.trend:
            for point in trend:
                found.setdefault(point.time, []).append((trend[0].time, direction))
    for place, point in enumerate(counted):
        if point.time not in found:
            continue
        trends = sorted(found[point.time])
        point.sides["trend"] = trends[0 if rules.turn == "earlier" else -1][1]
        if rules.turn == "forward":
            # Towards the next point if that is a trend point too, else from the one before.
            after = counted[place + 1] if place + 1 < len(counted) else None
            other = after if after and after.time in found else counted[place - 1]
            step = other.number - point.number if other is after else point.number - other.number
            point.sides["trend"] = 1 if step > 0 else -1


def trends_of(counted: Sequence[Point], ties_are_skipped: bool) -> list[tuple[list[Point], int]]:
    """Stretches that rise or fall, with their direction; an equal neighbour ends one, or is counted once.

    A trend goes from the point before its first move to its last move.
    """
    trends: list[tuple[list[Point], int]] = []
    passed: list[Point] = []
    is_open = False
    for before, point in pairwise(counted):
        if before.number is None or point.number is None:
            is_open, passed = False, []
        elif before.number == point.number:
            is_open = is_open and ties_are_skipped
            passed.append(point)
        else:
            direction = 1 if point.number > before.number else -1
            if is_open and trends[-1][1] == direction:
                trends[-1][0].extend([*passed, point])
            else:
                trends.append(([before, point], direction))
            is_open, passed = True, []
    return trends


def _mark_zones(counted: list[Point], lines: Lines, rules: Rules) -> None:
    """The rules by distance from the centre in sigmas, and that of alternation."""
    near = [_beyond(p, lines, 2) or 0 for p in counted]
    if rules.near_stops_at_limit:
        near = [0 if _beyond(p, lines, 3) else side for p, side in zip(counted, near, strict=True)]
    if "two_in_three" in rules.order:
        _mark_share(counted, near, "two_in_three", 2, 3, needs_one_side=rules.third == "same_side")
    has_lines = [p.number is not None and lines.at(p, 1) is not None for p in counted]
    zone = [_beyond(p, lines, 1) if ok else None for p, ok in zip(counted, has_lines, strict=True)]
    if "four_in_five" in rules.order:
        _mark_share(counted, [side or 0 for side in zone], "four_in_five", FOUR_IN_FIVE, FIVE)
    for rule, length, wanted in (("hugging", HUGGING, {0}), ("avoiding", AVOIDING, {1, -1})):
        for start in range(len(counted) - length + 1 if rule in rules.order else 0):
            if set(zone[start : start + length]) == wanted:
                _mark(counted[start : start + length], rule, 0)
    for run in windows(counted, ALTERNATING) if "alternating" in rules.order else []:
        if all(point.number is not None for point in run):
            steps = [b.number - a.number for a, b in pairwise(run)]
            if all(a * b < 0 for a, b in pairwise(steps)):
                _mark(run, "alternating", 0)


def _mark_share(
    counted: list[Point], beyond: list[int], rule: str, enough: int, length: int, needs_one_side: bool = False
) -> None:
    """Points beyond a line where enough of so many neighbours are; fewer neighbours will do at an end."""
    for start in range(1 - length, len(counted)):
        places = range(max(start, 0), min(start + length, len(counted)))
        if needs_one_side and (len(places) < length or len({counted[p].side for p in places}) > 1):
            continue
        for side in (1, -1):
            found = [p for p in places if beyond[p] == side]
            if len(found) >= enough:
                _mark([counted[p] for p in found], rule, side)


def _label(point: Point, direction: str, rules: Rules) -> None:
    found = [rule for rule in rules.order if rule in point.sides]
    if not found:
        return
    point.signal = found[0]
    sides = set(point.sides.values())
    point.is_conflicting = {1, -1} <= sides
    good = {"increase": 1, "decrease": -1}.get(direction)
    first = (point.side or 0) if found[0] in UNDIRECTED else point.sides[found[0]]
    if good is None or found[0] in UNDIRECTED:
        is_low = first < 0 or (good is None and rules.conflict == "both" and -1 in sides)
        point.point_type = "neutral_low" if is_low else "neutral_high"
        return
    improves = first == good or (rules.conflict != "precedence" and good in sides)
    point.point_type = "improvement" if improves else "concern"


def windows(points: Sequence[Point], length: int) -> Iterator[list[Point]]:
    """Every stretch of so many neighbours."""
    for start in range(len(points) - length + 1):
        yield list(points[start : start + length])


def last_of(points: Sequence[Point], rule_set: str) -> Point | None:
    """The point that icons are drawn for: the last one that is counted, with or without a value."""
    counts = [
        p
        for p in points
        if not p.is_excluded and (p.number is not None or RULES[rule_set].missing_end_counts)
    ]
    return counts[-1] if counts else None


def variation_icon(last: Point | None, direction: str) -> str:
    """What the last point says, and on which side that lies."""
    if last is None:
        return "none"
    if last.point_type in ("improvement", "concern"):
        is_high = (last.point_type == "improvement") == (direction == "increase")
        return f"{last.point_type}_{'high' if is_high else 'low'}"
    return last.point_type


def assurance_icon(last: Point | None, direction: str, target: float | None) -> str:
    """Whether the limits at the last point lie on the right side of the target; on it they do not."""
    if last is None or target is None or direction == "neutral" or last.centre is None:
        return "none"
    sign = 1 if direction == "increase" else -1
    low, high = last.lines[3]
    has_width = low is not None and high is not None and high - low > 1e-12 * max(abs(low), abs(high))
    if last.is_constant and not has_width:
        return (
            "pass" if sign * (last.centre - target) >= -1e-12 * max(abs(target), abs(last.centre)) else "fail"
        )
    if low is None or high is None:
        return "none"
    for limit, icon in ((high, -sign), (low, sign)):
        apart = 1e-12 * max(abs(target), abs(limit))
        if (target - limit > apart) if limit is high else (limit - target > apart):
            return "pass" if icon == 1 else "fail"
    return "hit_or_miss"


def runs_about(counted: Sequence[Point]) -> tuple[int, int | None, int]:
    """Useful points, longest run and crossings; points on the line are left out."""
    sides = [point.side for point in counted if point.side]
    longest = current = 1 if sides else 0
    for a, b in pairwise(sides):
        current = current + 1 if a == b else 1
        longest = max(longest, current)
    return len(sides), longest or None, sum(a != b for a, b in pairwise(sides))


def longest_run_limit(useful: int) -> int:
    """The longest run that chance explains."""
    return round(log2(useful)) + 3
