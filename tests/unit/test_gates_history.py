"""The gates that hold a file against the past, each with a file that it warns of, and a file that none does.

Twenty-four organisations deliver a made-up measure for seven months, in three strata.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines.gates.gate import Judgement, judge
from pipelines.gates.history import Past
from pipelines.lake.layout import PART
from tests.unit.gate_cases import CONTRACTS, Case

POINTS = CONTRACTS["measure_points"]
GRACE = {"month": 45}
STRATA = ("all", "women", "men")
Rows = list[dict[str, Any]]


def months(first: date, count: int = 7) -> list[date]:
    return [
        date(first.year + (first.month + at - 1) // 12, (first.month + at - 1) % 12 + 1, 1)
        for at in range(count)
    ]


def points(first: date = date(2025, 3, 1), organisations: int = 24) -> Rows:
    random = np.random.default_rng(20261126)
    return [
        {
            "measure_id": "seen",
            "organisation_code": f"R{organisation:02}",
            "unit_code": "W1",
            "stratum": stratum,
            "period_start": month,
            "period_end": month.replace(day=28),
            "numerator": float(random.integers(110, 500)),
            "denominator": 1000.0,
            "edition": "original",
            "published_on": date(2025, 11, 10),
        }
        for organisation in range(organisations)
        for month in months(first)
        for stratum in STRATA
    ]


def judged(rows: Rows, past: Past, received_on: date = date(2025, 11, 12)) -> Judgement:
    case = Case(POINTS, rows)
    return judge(case.extracted(), POINTS, case.lookups(), received_on=received_on, past=past)


def warned(rows: Rows, past: Past, received_on: date = date(2025, 11, 12)) -> set[str]:
    judgement = judged(rows, past, received_on)
    assert not judgement.is_refused
    history = {rule.code for rule in POINTS.all_rules if rule.about == "history"} | {"REVISION_LARGE"}
    return {result.code for result in judgement.results if not result.is_passed} & history


@pytest.fixture(scope="module")
def past() -> Past:
    """Three loads before the file, all alike."""
    profile = judged(points(), Past()).profile
    assert profile is not None
    return Past(before=(profile,) * 3, grace=GRACE)


def changed(rows: Rows, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Rows:
    return [row | change(row) for row in rows]


def number(row: dict[str, Any]) -> int:
    return int(row["organisation_code"][1:])


def is_newest(row: dict[str, Any]) -> bool:
    return row["period_start"] == date(2025, 9, 1)


NOTHING = {"numerator": None, "denominator": None}
FAULTS: dict[str, tuple[set[str], Callable[[Rows], Rows]]] = {
    "as before": (set(), lambda rows: rows),
    "most records are gone": (
        {"ROW_COUNT_DRIFT"},
        lambda rows: [row for row in rows if row["period_start"] > date(2025, 7, 1)],
    ),
    "more than twice the records": ({"ROW_COUNT_DRIFT"}, lambda rows: points(organisations=60)),
    "a column stops being filled": (
        {"COLUMN_NO_LONGER_FILLED"},
        lambda rows: changed(rows, lambda row: {"denominator": None, "value": row["numerator"]}),
    ),
    "words are new and old ones gone": (
        {"CATEGORIES_NEW", "CATEGORIES_GONE"},
        lambda rows: changed(rows, lambda row: {"organisation_code": f"R{number(row) + 12:02}"}),
    ),
    "organisations lose most of their records": (
        {"CATEGORIES_SHRUNK"},
        lambda rows: [row for row in rows if number(row) > 7 or row["period_start"] > date(2025, 7, 1)],
    ),
    "a join repeats rows": ({"RECORDS_FAN_OUT"}, lambda rows: rows + rows[: len(rows) // 3]),
    "a measure stops": (
        {"MEASURE_STOPS"},
        lambda rows: changed(rows, lambda row: NOTHING if is_newest(row) else {}),
    ),
    "a stratum is emptied": (
        {"MEASURES_EMPTIED"},
        lambda rows: changed(rows, lambda row: NOTHING if row["stratum"] == "men" else {}),
    ),
    "more is withheld": (
        {"SUPPRESSED_SHARE_RISEN"},
        lambda rows: changed(
            rows, lambda row: NOTHING | {"suppression_reason": "small (*)"} if number(row) % 4 == 0 else {}
        ),
    ),
    "a total is repeated for every group": (
        {"GROUPS_ALL_ALIKE"},
        lambda rows: changed(
            rows, lambda row: {"numerator": 200.0 + number(row) * 7 + row["period_start"].month}
        ),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_departure_from_the_past_is_told_and_no_other(past: Past, name: str) -> None:
    expected, fault = FAULTS[name]
    found = warned(fault(points()), past)
    assert found == expected | (found & {"MEASURES_EMPTIED"} if name == "more is withheld" else set())


@pytest.mark.parametrize(
    ("shift", "expected"), [(12, set()), (20, {"CATEGORIES_RENAMED_IN_APRIL"})], ids=["half", "most"]
)
def test_over_april_half_of_the_words_may_change(past: Past, shift: int, expected: set[str]) -> None:
    rows = changed(points(date(2026, 3, 1)), lambda row: {"organisation_code": f"R{number(row) + shift:02}"})
    rows = changed(rows, lambda row: {"published_on": date(2026, 11, 10)})
    assert warned(rows, past, date(2026, 11, 12)) == expected


def test_a_file_that_is_overdue_when_it_comes_is_stale(past: Past) -> None:
    assert warned(points(), past, date(2025, 12, 15)) == {"DELIVERY_STALE"}
    newer = Past(before=past.before, grace=GRACE, newest=date(2025, 10, 1))
    assert warned(points(), newer, date(2025, 12, 15)) == set()


@pytest.mark.parametrize(
    ("times", "usual", "is_large"),
    [(1.2, 1.0, False), (1.5, 1.0, True), (1.5, 1.2, False), (2.5, 1.2, True)],
)
def test_a_revision_is_held_against_those_of_its_measure(
    tmp_path: Path, past: Past, times: float, usual: float, is_large: bool
) -> None:
    """`usual`: how much the two versions in the lake differ; five times as much is usual."""
    parts = []
    for load, factor in (("L0000001", 1 / usual), ("L0000002", 1.0)):
        rows = changed(points(), lambda row, factor=factor: {"numerator": row["numerator"] * factor})
        folder = tmp_path / f"load_id={load}"
        folder.mkdir()
        table = Case(POINTS, rows).extracted().table.append_column("received_at", [[None] * len(rows)])
        pq.write_table(table, folder / PART)
        parts.append(str(folder / PART))
    known = Past(before=past.before, grace=GRACE, parts=lambda measures: parts)
    revised = points()
    revised[40]["numerator"] *= times
    assert ("REVISION_LARGE" in warned(revised, known)) == is_large
