"""Rows of extracts that are told once: from which day they are known, and never changed after that.

Belongs here: the shape of such rows and what is shared by those who make them. Does not belong here: what the
rows say.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.demo.organisation import MERGED_CODE, ORGANISATIONS, Organisation, Unit

Cell = str | int | float | bool | date | None
Row = dict[str, Cell]

WTE = {"ZZA": 5200.0, "ZZB": 3600.0, "ZZC": 2100.0, "ZZM": 2900.0, "ZZH": 120.0, "ZZQ": 310.0}
"""Whole-time equivalents of each organisation; the one that merges has none of its own."""


@dataclass(frozen=True)
class Told:
    """One row of an extract and the day from which it can be delivered."""

    known_on: date
    row: Row


def employers() -> list[Organisation]:
    """The organisations that tell about themselves: all but the one that merges."""
    return [owner for owner in ORGANISATIONS if owner.code != MERGED_CODE]


def providers() -> list[Organisation]:
    """The employers that care for patients."""
    return [owner for owner in employers() if owner.type != "icb"]


def places_of(units: list[Unit], owners: list[Organisation]) -> list[Unit]:
    """Wards, teams and services of these organisations."""
    return [unit for unit in units if unit.parent_code and unit.organisation in owners]


def month_starts(last: date, number: int) -> list[date]:
    """First days of the `number` whole months that end on or before `last`, in order."""
    month, found = (last + timedelta(days=1)).replace(day=1), []
    for _ in range(number):
        month = (month - timedelta(days=1)).replace(day=1)
        found.append(month)
    return found[::-1]


def month_end(month: date) -> date:
    """Last day of the month that begins on `month`."""
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
