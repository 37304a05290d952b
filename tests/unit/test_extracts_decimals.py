"""Decimal points and commas: read as the mapping says, or where a number can mean but one thing."""

from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.extracts.readers.cells import literal
from pipelines.extracts.typing_sql import with_point
from tests.unit.extract_cases import read_canonical, read_supplied, values

NEITHER = None


def point(text: str, decimal: str | None) -> str | None:
    row = duckdb.sql(f"select {with_point(literal(text), decimal)}").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("text", "with_comma", "with_dot", "with_either"),
    [
        ("12", "12", "12", "12"),
        ("12,5", "12.5", NEITHER, "12.5"),
        ("12.5", NEITHER, "12.5", "12.5"),
        ("1.234,5", "1234.5", NEITHER, "1234.5"),
        ("1,234.5", NEITHER, "1234.5", "1234.5"),
        ("1 234,5", "1234.5", NEITHER, "1234.5"),
        ("1.234.567", "1234567", NEITHER, "1234567"),
        ("1,234,567", NEITHER, "1234567", "1234567"),
        ("1,234", "1.234", "1234", NEITHER),
        ("1.234", "1234", "1.234", NEITHER),
        ("-999,999", "-999.999", "-999999", NEITHER),
        ("0,123", "0.123", NEITHER, "0.123"),
        ("0.123", NEITHER, "0.123", "0.123"),
        ("1234,567", "1234.567", NEITHER, "1234.567"),
        (",5", ".5", NEITHER, ".5"),
        ("1,5e3", "1.5e3", NEITHER, "1.5e3"),
        ("1,2,3", NEITHER, NEITHER, NEITHER),
        ("1.2.3", NEITHER, NEITHER, NEITHER),
        ("*", NEITHER, NEITHER, NEITHER),
        ("", NEITHER, NEITHER, NEITHER),
    ],
)
def test_marks(text: str, with_comma: str | None, with_dot: str | None, with_either: str | None) -> None:
    assert (point(text, ","), point(text, "."), point(text, None)) == (with_comma, with_dot, with_either)


@settings(deadline=None, max_examples=40)
@given(st.integers(-(10**9), 10**9), st.integers(0, 4))
def test_what_may_have_either_mark_is_never_read_two_ways(whole: int, places: int) -> None:
    text = f"{whole / 10**places:,.{places}f}"
    european = text.translate(str.maketrans(",.", ".,"))
    wanted = float(text.replace(",", ""))
    for written, decimal in ((text, "."), (european, ",")):
        exact, either = point(written, decimal), point(written, None)
        assert exact is not None
        assert float(exact) == wanted
        assert either is None or float(either) == wanted


MAPPING = """
    decimal: ","
    header: [Code, Month, Falls]
    extracts:
      measure_points:
        columns:
          measure_id: FALLS
          organisation_code: {column: Code}
          period_start: {column: Month}
          value: {column: Falls}
"""


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_mapping_says_comma(tmp_path: Path, delimiter: str) -> None:
    rows = (
        "Code;Month;Falls\nRXX;2026-09-01;12,5\nRYY;2026-09-01;1.234\nRZZ;2026-09-01;1.5\nRAA;2026-09-01;*\n"
    )
    found = read_supplied(tmp_path, MAPPING, rows.replace(";", delimiter))
    assert values(found, "value", "value__unparsed") == [
        (12.5, False),
        (1234.0, False),
        (None, True),
        (None, False),
    ]


def test_between_semicolons_only_what_is_certain_is_read(tmp_path: Path) -> None:
    rows = "measure_id;organisation_code;period_start;value;subgroup_size\n" + "".join(
        f"m;R{number};2026-09-01;{number};{number}\n" for number in ("12,5", "1,234", "1.234", "1.234,0", "7")
    )
    found = read_canonical(tmp_path, "measure_points", rows)
    assert values(found, "value") == [12.5, None, None, 1234.0, 7.0]
    assert values(found, "value__unparsed") == [False, True, True, False, False]
    assert values(found, "subgroup_size") == [None, None, None, 1234, 7]
    found = read_canonical(
        tmp_path, "measure_points", rows.replace(",", "!").replace(";", ",").replace("!", ".")
    )
    assert values(found, "value") == [12.5, 1.234, 1.234, None, 7.0]
