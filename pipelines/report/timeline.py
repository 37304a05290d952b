"""The geometry of a project's PDSA cycles on one axis of time."""

from dataclasses import dataclass
from datetime import date

from pipelines.report.axis import time_ticks
from pipelines.report.mart import Row

LEFT, RIGHT, ROW = 40, 835, 22


@dataclass(frozen=True)
class Timeline:
    """Bars (x, width, y, number, decision), ticks (x, text), days of charter and end (x, text); pixels."""

    height: int
    bars: list[tuple[float, float, int, str, str]]
    ticks: list[tuple[float, str]]
    moments: list[tuple[float, str]]


def timeline(it: Row, cycles: list[Row]) -> Timeline | None:
    """A bar a cycle from its start to its end; None when no cycle has begun."""
    begun = [cycle for cycle in cycles if cycle["started_on"]]
    if not begun:
        return None
    end = (it["closed_on"], "closed") if it["closed_on"] else (it["due_on"], "due")
    named = [(it["chartered_on"], "charter"), end]
    moments = [(moment, text) for moment, text in named if moment]
    ends = [_end(cycle) for cycle in begun]
    first = min([*(cycle["started_on"] for cycle in begun), *(moment for moment, _ in moments)])
    last = max([*ends, *(moment for moment, _ in moments)])
    days = max((last - first).days, 1)

    def x(moment: date) -> float:
        return round(LEFT + (RIGHT - LEFT) * (moment - first).days / days, 1)

    bars = [
        (
            x(cycle["started_on"]),
            max(round(x(end) - x(cycle["started_on"]), 1), 3.0),
            ROW * place + 26,
            str(cycle["cycle_number"]),
            cycle["decision"] or ("no decision" if cycle["completed_on"] else "running"),
        )
        for place, (cycle, end) in enumerate(zip(begun, ends, strict=True))
    ]
    ticks = [(x(moment), text) for moment, text in time_ticks(first, last)]
    return Timeline(ROW * len(begun) + 56, bars, ticks, [(x(moment), text) for moment, text in moments])


def _end(cycle: Row) -> date:
    return cycle["completed_on"] or cycle["studied_on"] or cycle["started_on"]
