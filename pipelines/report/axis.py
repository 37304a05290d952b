"""Axes that all drawings share: round bounds, ticks, and where a value lies.

Belongs here: numbers to pixels. Does not belong here: what is drawn there (`chart`, `drawings`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, floor, log10

from pipelines.report.words import number

MONTHS_BETWEEN_TICKS = (1, 2, 3, 6, 12, 24, 60, 120)
MOST_TICKS = 9

Label = tuple[float, str]


@dataclass(frozen=True)
class Axis:
    """From `low` at the pixel `start` to `high` at the pixel `end`, a tick each `step`. `is_log`: by powers
    of ten, and `low` above 0."""

    low: float
    high: float
    step: float
    start: float
    end: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """The pixel of a value; one outside the axis lies at its end."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, at = log10(low), log10(high), log10(at)
        return round(self.start + (self.end - self.start) * (at - low) / (high - low), 1)

    def ticks(self, suffix: str = "") -> list[Label]:
        """Where ticks lie and what stands there."""
        if self.is_log:
            powers = range(ceil(log10(self.low) - 1e-9), floor(log10(self.high) + 1e-9) + 1)
            return [(self.place(10**power), f"{number(10**power)}{suffix}") for power in powers]
        digits = range(12)
        places = next(each for each in digits if abs(round(self.step, each) - self.step) < self.step * 1e-6)
        amount = floor((self.high - self.low) / self.step + 1e-6) + 1
        levels = [self.low + self.step * each for each in range(amount)]
        return [(self.place(level), f"{number(level, places)}{suffix}") for level in levels]


def linear(values: Iterable[float], start: float, end: float, percent: bool = False, steps: int = 5) -> Axis:
    """An axis with round ends round all values. `percent`: it does not leave 0 to 100 when they do not."""
    shown = list(values) or [0.0]
    return Axis(*round_bounds(min(shown), max(shown), percent, steps), start, end)


def logarithmic(values: Sequence[float], start: float, end: float) -> Axis:
    """An axis of powers of ten round values above 0."""
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return Axis(10.0**low, 10.0 ** max(high, low + 1), 1.0, start, end, is_log=True)


def round_bounds(low: float, high: float, percent: bool, steps: int = 5) -> tuple[float, float, float]:
    """Lowest and highest value of an axis and the step of its ticks, all of them round numbers."""
    if low == high:
        margin = 0.1 * (abs(low) or 1)
        if percent and 0 <= low <= 100:
            low, high = max(low - margin, 0.0), min(high + margin, 100.0)
        else:
            low, high = low - margin, high + margin
    step = round_step((high - low) / steps)
    bottom, top = floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step
    if percent and low >= 0 and high <= 100:
        bottom, top = max(bottom, 0.0), min(top, 100.0) if 100 % step == 0 else top
    return bottom, top, step


def round_step(rough: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is no less."""
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


def apart(places: list[float], gap: float) -> list[float]:
    """Places in order, none nearer than `gap` to the one before it."""
    moved: list[float] = []
    for place in places:
        moved.append(round(place if not moved else max(place, moved[-1] + gap), 1))
    return moved


def readable(labels: list[Label], gap: float) -> list[Label]:
    """Labels in order of place; a text that would lie on its neighbour's is left out, its tick stays."""
    shown, free_from = [], 0.0
    for place, text in sorted(labels):
        is_free = place >= free_from
        shown.append((place, text if is_free else ""))
        free_from = place + gap if is_free else free_from
    return shown
