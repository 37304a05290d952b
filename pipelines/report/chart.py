"""The geometry of a control chart: a series of points becomes lines, marks and labels of an SVG.

Belongs here: where things are drawn. Does not belong here: how they look (`chart.svg.jinja`), what they mean
(`sentence`), any statistic: limits and signals come from the mart.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby, pairwise
from math import ceil, floor, log10
from operator import attrgetter
from typing import NamedTuple

from pipelines.report.words import number

WIDTH, HEIGHT = 880, 380
LEFT, RIGHT, TOP, BOTTOM = 60, 150, 30, 318
LABEL_GAP = 15
NOTE_GAP = 16
CYCLE_GAP = 18
MONTHS_BETWEEN_TICKS = (1, 2, 3, 6, 12, 24, 60, 120)
MOST_TICKS = 9


class Point(NamedTuple):
    """One point of a series. `kind`: improvement, concern, neutral_high, neutral_low, common_cause. A tuple,
    because a site has millions of them."""

    start: date
    value: float | None
    centre: float | None
    lower: float | None
    upper: float | None
    target: float | None
    phase: int
    kind: str
    is_excluded: bool
    annotation: str | None
    signal: str | None = None
    numerator: float | None = None
    denominator: float | None = None
    exclusion_reason: str | None = None
    suppression_reason: str | None = None
    load_id: str | None = None


Label = tuple[float, str]


@dataclass(slots=True)
class Chart:
    """What the template draws; all numbers are pixels of the view box. A label is a place and its text;
    `ends` also say what kind of line they name. `places`: x,y of every point, for the script."""

    y_ticks: list[Label]
    x_ticks: list[Label]
    lines: dict[str, str]
    marks: dict[str, str]
    phase_starts: list[float]
    ends: list[tuple[float, str, str]]
    notes: list[Label]
    cycles: list[Label]
    places: str


def draw(points: Sequence[Point], cycles: Iterable[tuple[date, str]], percent: bool, decimals: int) -> Chart:
    """Lay a series out. `points`: in order of time; `cycles`: first day and number of PDSA cycles."""
    first, last = points[0].start, points[-1].start
    days = max((last - first).days, 1)
    low, high, step = _scale(points, percent)

    def x(moment: date) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (moment - first).days / days

    def y(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low)

    ticks = next(places for places in range(12) if abs(round(step, places) - step) < step * 1e-6)
    levels = [low + step * each for each in range(round((high - low) / step) + 1)]
    xs = [round(x(point.start), 1) for point in points]
    noted = [at for at, point in zip(xs, points, strict=True) if point.annotation]
    return Chart(
        y_ticks=[(round(y(level), 1), number(level, ticks)) for level in levels],
        x_ticks=[(round(x(moment), 1), text) for moment, text in time_ticks(first, last)],
        lines=_lines(points, xs, y),
        marks=_marks(points, xs, y),
        phase_starts=[
            round((xs[index - 1] + xs[index]) / 2, 1)
            for index in range(1, len(points))
            if points[index].phase != points[index - 1].phase
        ],
        ends=_ends(points[-1], y, decimals),
        notes=list(zip(_apart(noted, NOTE_GAP), map(str, range(1, len(noted) + 1)), strict=True)),
        cycles=_readable([(round(x(moment), 1), text) for moment, text in cycles if first <= moment <= last]),
        places=" ".join(
            f"{at:.0f}" if point.value is None else f"{at:.0f},{y(point.value):.0f}"
            for at, point in zip(xs, points, strict=True)
        ),
    )


def _readable(labels: list[Label]) -> list[Label]:
    """Labels in order of place; a text that would lie on its neighbour's is left out, its tick stays."""
    shown, free_from = [], 0.0
    for place, text in sorted(labels):
        is_free = place >= free_from
        shown.append((place, text if is_free else ""))
        free_from = place + CYCLE_GAP if is_free else free_from
    return shown


def _scale(points: Sequence[Point], percent: bool) -> tuple[float, float, float]:
    """Lowest and highest value of the axis and the step of its ticks, all of them round numbers."""
    shown = [value for point in points for value in point[1:6] if value is not None] or [0.0]
    low, high = min(shown), max(shown)
    if low == high:
        low, high = low - (abs(low) or 1) * 0.1, high + (abs(high) or 1) * 0.1
    step = _round_step((high - low) / 5)
    bottom, top = floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step
    if percent and low >= 0 and high <= 100:
        bottom, top = max(bottom, 0.0), min(top, 100.0) if 100 % step == 0 else top
    return bottom, top, step


def _round_step(rough: float) -> float:
    size = 10 ** floor(log10(rough))
    return next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough * 0.999)


def time_ticks(first: date, last: date) -> list[tuple[date, str]]:
    """Days to mark on an axis of time, and their names; at most nine or so."""
    months = (last.year - first.year) * 12 + last.month - first.month
    if months < 3:
        gap = max(1, ceil((last - first).days / MOST_TICKS))
        days = [first + timedelta(days=each) for each in range(0, (last - first).days + 1, gap)]
        return [(moment, f"{moment.day} {moment:%b}") for moment in days]
    step = next((each for each in MONTHS_BETWEEN_TICKS if months / each < MOST_TICKS), 240)
    start = first.year * 12 + first.month - 1 + (first.day > 1)
    ticks = range(ceil(start / step) * step, last.year * 12 + last.month, step)
    moments = [date(each // 12, each % 12 + 1, 1) for each in ticks]
    return [(moment, f"{moment:%Y}" if step >= 12 else f"{moment:%b %Y}") for moment in moments]


def _lines(points: Sequence[Point], xs: list[float], y: Callable[[float], float]) -> dict[str, str]:
    """Path data of the data line (broken where a value lacks) and of each level, a step for each point."""
    middles = [xs[0], *((left + right) / 2 for left, right in pairwise(xs)), xs[-1]]
    if len(points) == 1:
        middles = [xs[0] - 20, xs[0] + 20]
    data, pen = [], "M"
    for at, point in zip(xs, points, strict=True):
        if point.value is None or point.is_excluded:
            pen = "M" if point.value is None else pen
            continue
        data.append(f"{pen}{at:.1f} {y(point.value):.1f}")
        pen = "L"
    levels = {
        name: _steps(map(attrgetter("phase", name), points), middles, y)
        for name in ("centre", "lower", "upper")
    }
    levels["target"] = _steps(((0, point.target) for point in points), middles, y)
    return {"data": "".join(data)} | levels


def _steps(
    levels: Iterable[tuple[int, float | None]], middles: list[float], y: Callable[[float], float]
) -> str:
    """Path data of a level that holds from one middle between points to the next. Phases do not touch."""
    path, place, before = [], 0, None
    for (phase, level), run in groupby(levels):
        until = place + sum(1 for _ in run)
        if level is not None:
            touches = before == phase
            path.append(f"{'V' if touches else f'M{middles[place]:.1f} '}{y(level):.1f}H{middles[until]:.1f}")
        before, place = (phase if level is not None else None), until
    return "".join(path)


def _marks(points: Sequence[Point], xs: list[float], y: Callable[[float], float]) -> dict[str, str]:
    """Path data of all marks of a kind. Kinds differ in shape as well as in colour."""
    marks: dict[str, list[str]] = {}
    for at, point in zip(xs, points, strict=True):
        if point.value is None:
            marks.setdefault("withheld", []).append(f"M{at - 3:.1f} {BOTTOM - 7}l6 6m0-6l-6 6")
            continue
        height = y(point.value)
        if point.is_excluded:
            marks.setdefault("excluded", []).append(f"M{at - 4:.1f} {height:.1f}a4 4 0 1 0 8 0a4 4 0 1 0-8 0")
        elif point.kind == "concern":
            marks.setdefault("concern", []).append(f"M{at:.1f} {height - 6:.1f}l6 6-6 6-6-6z")
        elif point.kind.startswith("neutral"):
            marks.setdefault("neutral", []).append(f"M{at - 4.5:.1f} {height - 4.5:.1f}h9v9h-9z")
        else:
            marks.setdefault(point.kind, []).append(f"M{at:.1f} {height:.1f}h0")
    return {kind: "".join(each) for kind, each in marks.items()}


def _ends(point: Point, y: Callable[[float], float], decimals: int) -> list[tuple[float, str, str]]:
    """The names of the levels, to the right of where they end, moved apart where they would touch."""
    levels = (
        ("Upper limit", "limit", point.upper),
        ("Centre", "centre", point.centre),
        ("Lower limit", "limit", point.lower),
        ("Target", "target", point.target),
    )
    shown = sorted(
        (y(value), f"{name} {number(value, decimals)}", kind)
        for name, kind, value in levels
        if value is not None
    )
    places = _apart([place for place, _, _ in shown], LABEL_GAP)
    return [(place, text, kind) for place, (_, text, kind) in zip(places, shown, strict=True)]


def _apart(places: list[float], gap: float) -> list[float]:
    """Places in order, none nearer than `gap` to the one before it."""
    moved: list[float] = []
    for place in places:
        moved.append(round(place if not moved else max(place, moved[-1] + gap), 1))
    return moved
