"""Periods by name: what is taken for which period, and what is not taken at all."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.extracts.mapping import MappingError
from pipelines.extracts.periods_sql import agreed, first_day
from pipelines.extracts.readers.cells import literal
from pipelines.extracts.typing_sql import edge_of_period
from pipelines.extracts.vocabulary import NAMED_FORMATS
from tests.unit.extract_cases import make_mapping, read_supplied, values

TAKEN = {
    "month": {
        "April 2021": "2021-04",
        "april 2021": "2021-04",
        "MSitAE-SEPTEMBER-2024": "2024-09",
        "RTT-April-2026": "2026-04",
        "Sep-26": "2026-09",
        "Sept 2024": "2024-09",
        "Sep'24": "2024-09",
        "Dec99": "1999-12",
        "A&E-May-2025": "2025-05",
        "202409": "2024-09",
        "2024-09": "2024-09",
        "09/2024": "2024-09",
    },
    "financial_quarter": {
        "2025/26 Q4 (Mar-26)": "2026-01",
        "2025/26 Q1 (Jun-25)": "2025-04",
        "2025-26 Q3": "2025-10",
        "Q2 2025/26": "2025-07",
        "2025/2026 Q1": "2025-04",
        "Quarter 1 2025/26": "2025-04",
    },
    "quarter": {"2024 Q3": "2024-07", "2024Q1": "2024-01", "2024-Q4": "2024-10", "q2 2024": "2024-04"},
    "financial_year": {
        "2024/25": "2024-04",
        "2024-25": "2024-04",
        "2024/2025": "2024-04",
        "FY2024/25": "2024-04",
        "FY 24/25": "2024-04",
        "1999/00": "1999-04",
        "2024–25": "2024-04",
    },
    "year": {"2024": "2024-01", "CY2024": "2024-01"},
    "day": {
        "01Jan2022": "2022-01-01",
        "20241101": "2024-11-01",
        "2024-11-01": "2024-11-01",
        "31/12/2024": "2024-12-31",
        "1 January 2022": "2022-01-01",
        "10th July 2025": "2025-07-10",
        "01-Jan-22": "2022-01-01",
        "29 Feb 2024": "2024-02-29",
    },
}
NOT_TAKEN = {
    "month": ["Jan-Mar 2024", "13/2024", "202413", "2024", "Sepp 2024", "May", "1 May 2024", "", "May-2"],
    "financial_quarter": [
        "2025/26 Q4 (Feb-26)",
        "2025/26 Q4 (Mar-25)",
        "2025/27 Q1",
        "2025 Q1",
        "2025/26 Q5",
        "2025/26",
        "",
    ],
    "quarter": ["2024/25 Q1", "2024 Q5", "Q1", "2024", ""],
    "financial_year": ["2024/26", "2024/24", "2024", "24/2025", "2024/5", "FY25", "2025/24", ""],
    "year": ["24", "2024/25", "3024", ""],
    "day": ["20241301", "2024-1101", "20240230", "30 Feb 2024", "12/31/2024", "1/1/2024", "241101", ""],
}  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def read_as(engine: duckdb.DuckDBPyConnection, texts: list[str], name: str) -> list[date | None]:
    engine.execute("create or replace table texts (place integer, t varchar)")
    engine.executemany("insert into texts values (?, ?)", list(enumerate(texts)))
    rows = engine.execute(f"select {first_day('t', name)} from texts order by place").fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken(engine, name: str) -> None:
    expected = [date.fromisoformat(day if len(day) == 10 else f"{day}-01") for day in TAKEN[name].values()]
    assert read_as(engine, list(TAKEN[name]), name) == expected


@pytest.mark.parametrize("name", NOT_TAKEN)
def test_what_is_not_taken(engine, name: str) -> None:
    texts = NOT_TAKEN[name]
    found = read_as(engine, texts, name)
    assert [text for text, day in zip(texts, found, strict=True) if day is not None] == []


@pytest.mark.parametrize("name", TAKEN)
def test_a_period_is_of_one_kind_only(engine, name: str) -> None:
    """What one kind takes no other does; but 2011-12, which is a month and a financial year."""
    texts = list(TAKEN[name])
    for other in TAKEN:
        if other != name:
            assert read_as(engine, texts, other) == [None] * len(texts)
    both = [read_as(engine, ["2011-12"], kind)[0] for kind in ("month", "financial_year")]
    assert both == [date(2011, 12, 1), date(2011, 4, 1)]


@settings(deadline=None, max_examples=15)
@given(st.dates(date(1970, 1, 1), date(2068, 12, 31)))
def test_days_come_back_however_they_are_written(day: date) -> None:
    start = day.year if day.month >= 4 else day.year - 1
    years = f"{start}/{(start + 1) % 100:02}"
    quarter = (day.month - 4) % 12 // 3 + 1
    cases = [
        ("month", day.strftime("%B %Y"), day.replace(day=1)),
        ("month", day.strftime("X-%b-%y"), day.replace(day=1)),
        ("day", day.strftime("%d%b%Y"), day),
        ("day", day.strftime("%Y%m%d"), day),
        (
            "quarter",
            f"{day.year} Q{(day.month - 1) // 3 + 1}",
            date(day.year, (day.month - 1) // 3 * 3 + 1, 1),
        ),
        ("financial_year", years, date(start, 4, 1)),
        ("financial_quarter", f"{years} Q{quarter}", date(day.year, (day.month - 1) // 3 * 3 + 1, 1)),
        ("year", str(day.year), date(day.year, 1, 1)),
    ]
    columns = []
    for name, text, _ in cases:
        begin = first_day(literal(text), name)
        columns += [begin, edge_of_period(begin, NAMED_FORMATS[name], "end")]
    found = duckdb.sql(f"select {', '.join(columns)}").fetchone()
    assert found is not None
    for (name, text, first), begin, end in zip(cases, found[::2], found[1::2], strict=True):
        assert begin == first, (name, text)
        assert begin <= day <= end, (name, text)
        assert (end + timedelta(days=1)).day == (1 if name != "day" else (day + timedelta(days=1)).day)


MAPPING = """
    header: [Code, When, Falls]
    extracts:
      measure_points:
        columns:
          measure_id: FALLS
          organisation_code: {column: Code}
          period_start: {column: When, format: FORMAT}
          period_end: {column: When, format: FORMAT, edge: end}
          value: {column: Falls}
"""


def test_a_kind_has_a_beginning_and_an_end(tmp_path: Path) -> None:
    for name, text, first, last in (
        ("month", "MSitAE-FEBRUARY-2024", date(2024, 2, 1), date(2024, 2, 29)),
        ("financial_quarter", "2025/26 Q4 (Mar-26)", date(2026, 1, 1), date(2026, 3, 31)),
        ("financial_year", "2024-25", date(2024, 4, 1), date(2025, 3, 31)),
        ("year", "2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("day", "01Jan2022", date(2022, 1, 1), date(2022, 1, 1)),
    ):
        found = read_supplied(tmp_path, MAPPING.replace("FORMAT", name), f"Code,When,Falls\nRXX,{text},1\n")
        assert values(found, "period_start", "period_end") == [(first, last)]


def test_of_several_formats_those_that_fit_must_agree(tmp_path: Path) -> None:
    rows = "Code,When,Falls\nRXX,2011-12,1\nRYY,2024-25,1\nRZZ,April 2021,1\nRAA,soon,1\n"
    mapping = MAPPING.replace("format: FORMAT, edge: end", "format: [month], edge: end")
    found = read_supplied(tmp_path, mapping.replace("FORMAT", "[month, financial_year]"), rows)
    assert values(found, "period_start", "period_start__unparsed") == [
        (None, True),
        (date(2024, 4, 1), False),
        (date(2021, 4, 1), False),
        (None, True),
    ]
    both = "['%Y-%m', month]"
    found = read_supplied(
        tmp_path, MAPPING.replace("FORMAT, edge", "month, edge").replace("FORMAT", both), rows
    )
    assert values(found, "period_start")[0] == date(2011, 12, 1)


def test_an_end_needs_one_length(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="edge needs a period"):
        make_mapping(tmp_path, MAPPING.replace("FORMAT", "[month, financial_year]"))
    with pytest.raises(MappingError, match="a date format is made of"):
        make_mapping(tmp_path, MAPPING.replace("FORMAT", "fortnight"))


def test_agreement(engine) -> None:
    day, other = "date '2024-01-01'", "date '2024-02-01'"
    for days, expected in (([day], date(2024, 1, 1)), ([day, day], date(2024, 1, 1)), ([day, other], None)):
        assert engine.execute(f"select {agreed(days)}").fetchone() == (expected,)
        assert engine.execute(f"select {agreed([*days, 'cast(null as date)'])}").fetchone() == (expected,)
