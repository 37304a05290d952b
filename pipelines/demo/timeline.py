"""The days on which things happen: the history, its months and weeks, and when files are delivered."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

DAY = np.timedelta64(1, "D")
MONTHLY_DELIVERIES = 3
WEEKLY_DELIVERIES = 3


@dataclass(frozen=True)
class Timeline:
    """The span of the demo. `start`: first day of the history; `end`: last day and last delivery.

    `deliveries`: received dates in order: a backlog and two later month ends, then three weeks up to `end`.
    """

    start: date
    end: date
    deliveries: tuple[date, ...]


@dataclass(frozen=True)
class Periods:
    """First and last days of consecutive periods, both `datetime64[D]` of one length."""

    start: np.ndarray
    end: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> "Periods":
        return Periods(self.start[chosen], self.end[chosen])

    def __len__(self) -> int:
        return len(self.start)


def make_timeline(end: date, years: int) -> Timeline:
    """The timeline of `years` whole years up to `end`; it starts with the first day of a month."""
    weekly = [end - timedelta(weeks=week) for week in reversed(range(WEEKLY_DELIVERIES))]
    month_ends = []
    day = weekly[0]
    for _ in range(MONTHLY_DELIVERIES):
        day = day.replace(day=1) - timedelta(days=1)
        month_ends.append(day)
    start = date(end.year - years, end.month, 1)
    return Timeline(start, end, (*reversed(month_ends), *weekly))


def months(first: date, last: date) -> Periods:
    """The calendar months that begin on or after `first` and end on or before `last`."""
    begin = np.datetime64(first, "M")
    if np.datetime64(first, "D") > begin.astype("datetime64[D]"):
        begin += 1
    stop = (np.datetime64(last, "D") + DAY).astype("datetime64[M]")
    starts = np.arange(begin, max(begin, stop))
    return Periods(starts.astype("datetime64[D]"), (starts + 1).astype("datetime64[D]") - DAY)


def weeks(first: date, last: date) -> Periods:
    """The weeks, Monday to Sunday, that begin on or after `first` and end on or before `last`."""
    monday = first + timedelta(days=-first.weekday() % 7)
    begin = np.datetime64(monday, "D")
    stop = np.datetime64(last, "D") - 6 * DAY
    starts = np.arange(begin, max(begin, stop + DAY), 7 * DAY)
    return Periods(starts, starts + 6 * DAY)


def periods(frequency: str, first: date, last: date) -> Periods:
    """The complete periods of `frequency` (`week` or `month`) from `first` to `last`."""
    return weeks(first, last) if frequency == "week" else months(first, last)


def every_day(first: date, last: date) -> np.ndarray:
    """The days from `first` to `last`, both included, as `datetime64[D]`."""
    return np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + DAY, DAY)


def day_number(day: date | np.ndarray) -> np.ndarray:
    """Days since 1970-01-01, as floats, so that spans can be computed."""
    return np.asarray(day, "datetime64[D]").astype(np.int64).astype(float)
