"""The geometry of a control chart: a series of points becomes lines, marks and labels of an SVG.

Belongs here: where things are drawn. Does not belong here: how they look (`chart.svg.jinja`), what they mean
(`sentence`), any statistic: limits and signals come from the mart.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from operator import attrgetter
from typing import NamedTuple

from pipelines.report.axis import Axis, Label, apart, linear, readable, time_ticks
from pipelines.report.words import number

WIDTH, HEIGHT = 880, 380
LEFT, RIGHT, TOP, BOTTOM = 60, 150, 30, 318
LABEL_GAP = 15
NOTE_GAP = 16
CYCLE_GAP = 18


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
    axis = _axis(points, percent)

    def x(moment: date) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (moment - first).days / days

    def y(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (value - axis.low) / (axis.high - axis.low)

    xs = [round(x(point.start), 1) for point in points]
    noted = [at for at, point in zip(xs, points, strict=True) if point.annotation]
    return Chart(
        y_ticks=axis.ticks(),
        x_ticks=[(round(x(moment), 1), text) for moment, text in time_ticks(first, last)],
        lines=_lines(points, xs, y),
        marks=_marks(points, xs, y),
        phase_starts=[
            round((xs[index - 1] + xs[index]) / 2, 1)
            for index in range(1, len(points))
            if points[index].phase != points[index - 1].phase
        ],
        ends=_ends(points[-1], y, decimals),
        notes=list(zip(apart(noted, NOTE_GAP), map(str, range(1, len(noted) + 1)), strict=True)),
        cycles=readable(
            [(round(x(moment), 1), text) for moment, text in cycles if first <= moment <= last], CYCLE_GAP
        ),
        places=" ".join(
            f"{at:.0f}" if point.value is None else f"{at:.0f},{y(point.value):.0f}"
            for at, point in zip(xs, points, strict=True)
        ),
    )


def _axis(points: Sequence[Point], percent: bool) -> Axis:
    """The axis of values: all that is drawn lies on it."""
    return linear(
        (value for point in points for value in point[1:6] if value is not None), BOTTOM, TOP, percent
    )


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
    places = apart([place for place, _, _ in shown], LABEL_GAP)
    return [(place, text, kind) for place, (_, text, kind) in zip(places, shown, strict=True)]
