"""What counts as a number, a date, a truth value; and what does not."""

import random
import struct
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.extracts.contract_columns import ColumnType
from pipelines.extracts.typing_sql import edge_of_period, formatted, parsed
from pipelines.extracts.vocabulary import Period
from tests.unit.extract_cases import read_canonical, values


def typed(text: str, type_: ColumnType) -> Any:
    found = duckdb.execute(f"select {parsed('x', type_)} from (select ? as x)", [text]).fetchone()
    return found[0] if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        ("-1", -1.0),
        ("+1.50", 1.5),
        ("007", 7.0),
        (".5", 0.5),
        ("1,234", 1234.0),
        ("-1,234,567.89", -1234567.89),
        ("1e+05", 1e5),
        ("1E-400", 0.0),
        ("0.1", 0.1),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("5e-324", 5e-324),
        ("9007199254740993", 9007199254740992.0),
    ],
)
def test_numbers(text: str, expected: float) -> None:
    assert typed(text, ColumnType.NUMBER) == expected


@pytest.mark.parametrize(
    "text",
    [
        *["nan", "NaN", "inf", "-inf", "infinity", "1e400", "1_000", "0x10", "1,23", "12,34,567", "1.", "."],
        *[
            "--1",
            "1-",
            "1 000",
            "1 2",
            "£1",
            "12%",
            "(5)",
            "five",
            "1.2.3",
            "e5",
            "1e",
            "\u0661",
            "\u22121",
            "1;2",
        ],
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert typed(text, ColumnType.NUMBER) is None
    assert typed(text, ColumnType.INTEGER) is None


def test_numbers_are_those_of_python_to_the_last_bit() -> None:
    chance = random.Random(20261001)
    doubles = [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(20_000)]
    texts = [repr(number) for number in doubles if number == number and abs(number) != float("inf")]
    texts += [f"{chance.uniform(0, 1e6):.{chance.randint(0, 25)}f}" for _ in range(20_000)]
    cells = pa.table({"x": texts})
    connection = duckdb.connect()
    connection.register("cells", cells)
    found = connection.execute(f"select {parsed('x', ColumnType.NUMBER)} as n from cells").fetchall()
    assert [number for (number,) in found] == [float(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12),
        ("-3", -3),
        ("1,234", 1234),
        ("21289.0", 21289),
        ("1e+05", 100000),
        ("1.5e1", 15),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", None),
        ("1.5", None),
        (".5", None),
        ("1e-1", None),
        ("1e300", None),
    ],
)
def test_integers(text: str, expected: int | None) -> None:
    assert typed(text, ColumnType.INTEGER) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29", date(2024, 2, 29)),
        ("29/02/2024", date(2024, 2, 29)),
        ("05/01/2024", date(2024, 1, 5)),
        ("2024-01-05 00:00:00", date(2024, 1, 5)),
        ("2024-01-05T00:00:00.000Z", date(2024, 1, 5)),
        ("2024-01-05 00:00:00+00", date(2024, 1, 5)),
        ("05/01/2024 00:00", date(2024, 1, 5)),
        *[(text, None) for text in ("2023-02-29", "31/04/2024", "2024-1-5", "5/1/2024", "2024/01/05")],
        *[(text, None) for text in ("20240105", "2024-01-05 09:30:00", "05/01/24", "epoch", "infinity")],
        *[
            (text, None)
            for text in ("2024-01", "45000", "0001-01-01", "2024-01-05 BC", "2024-01-05x", "Jan 2024")
        ],
        *[(text, None) for text in ("12/31/2024", "2024-01-05 00:00:00+01", "-2024-01-05", "0000-00-00")],
    ],
)
def test_dates(text: str, expected: date | None) -> None:
    assert typed(text, ColumnType.DATE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-05", datetime(2024, 1, 5)),
        ("2024-01-05 09:30", datetime(2024, 1, 5, 9, 30)),
        ("2024-01-05T09:30:15.25Z", datetime(2024, 1, 5, 9, 30, 15, 250000)),
        ("05/01/2024 09:30:15", datetime(2024, 1, 5, 9, 30, 15)),
        ("05/01/2024", datetime(2024, 1, 5)),
        ("2024-01-05 24:00", None),
        ("2024-01-05 09:30+01:00", None),
        ("2024-02-30 09:30", None),
        ("09:30", None),
    ],
)
def test_timestamps(text: str, expected: datetime | None) -> None:
    assert typed(text, ColumnType.TIMESTAMP) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[(text, True) for text in ("true", "TRUE", "Yes", "y", "t", "1")],
        *[(text, False) for text in ("false", "No", "N", "f", "0")],
        *[(text, None) for text in ("2", "ja", "on", "1.0", "yes!")],
    ],
)
def test_truth_values(text: str, expected: bool | None) -> None:
    assert typed(text, ColumnType.BOOLEAN) is expected


@pytest.mark.parametrize(
    ("text", "format_", "expected"),
    [
        ("MSitAE-SEPTEMBER-2024", "MSitAE-%B-%Y", date(2024, 9, 1)),
        ("msitae-september-2024", "MSitAE-%B-%Y", date(2024, 9, 1)),
        ("April 2021", "%B %Y", date(2021, 4, 1)),
        ("Mar-26", "%b-%y", date(2026, 3, 1)),
        ("20240930", "%Y%m%d", date(2024, 9, 30)),
        ("5/1/2024", "%-d/%-m/%Y", date(2024, 1, 5)),
        ("2024", "%Y", date(2024, 1, 1)),
        ("MSitAE-SEP-2024", "MSitAE-%B-%Y", None),
        ("MSitAE-SEPTEMBER-2024 (revised)", "MSitAE-%B-%Y", None),
        ("20240230", "%Y%m%d", None),
        ("2024930", "%Y%m%d", None),
        ("5/1/2024", "%d/%m/%Y", None),
        ("0", "%Y%m%d", None),
    ],
)
def test_formats(text: str, format_: str, expected: date | None) -> None:
    found = duckdb.execute(f"select {formatted('x', format_)} from (select ? as x)", [text]).fetchone()
    assert found == (expected,)


@pytest.mark.parametrize(
    ("period", "day", "start", "end"),
    [
        (Period.DAY, date(2024, 2, 29), date(2024, 2, 29), date(2024, 2, 29)),
        (Period.WEEK, date(2024, 2, 29), date(2024, 2, 26), date(2024, 3, 3)),
        (Period.MONTH, date(2024, 2, 10), date(2024, 2, 1), date(2024, 2, 29)),
        (Period.QUARTER, date(2026, 3, 1), date(2026, 1, 1), date(2026, 3, 31)),
        (Period.YEAR, date(2024, 7, 1), date(2024, 1, 1), date(2024, 12, 31)),
        (Period.FINANCIAL_YEAR, date(2025, 3, 31), date(2024, 4, 1), date(2025, 3, 31)),
        (Period.FINANCIAL_YEAR, date(2025, 4, 1), date(2025, 4, 1), date(2026, 3, 31)),
    ],
)
def test_periods(period: Period, day: date, start: date, end: date) -> None:
    edges = ", ".join(edge_of_period("x", period, edge) for edge in ("start", "end"))
    found = duckdb.execute(f"select {edges} from (select ?::date as x)", [day]).fetchone()
    assert found == (start, end)


def test_cells_of_typed_files(tmp_path: Path) -> None:
    table = pa.table(
        {
            "measure_id": pa.array([1, 2, 3, 4]),
            "organisation_code": pa.array(["RXX"] * 4).dictionary_encode(),
            "period_start": pa.array([date(2024, 1, 1)] * 4),
            "period_end": pa.array(
                [datetime(2024, 1, 31), datetime(2024, 1, 31, 9), None, datetime(2024, 1, 31)],
                pa.timestamp("us"),
            ),
            "value": pa.array([0.1, float("nan"), float("inf"), None]),
            "numerator": pa.array([1, 2, 3, None], pa.int16()),
            "denominator": pa.array(["10", "*", "many", " "]),
            "subgroup_size": pa.array([1.0, 1.5, None, 3.0]),
        }
    )
    pq.write_table(table, tmp_path / "table.parquet")
    found = read_canonical(
        tmp_path, "measure_points", (tmp_path / "table.parquet").read_bytes(), "measure_points.parquet"
    )
    assert values(found, "measure_id") == ["1", "2", "3", "4"]
    assert values(found, "period_end", "period_end__unparsed") == [
        (date(2024, 1, 31), False),
        (None, True),
        (None, False),
        (date(2024, 1, 31), False),
    ]
    assert values(found, "value", "value__unparsed") == [
        (0.1, False),
        (None, False),
        (None, True),
        (None, False),
    ]
    assert values(found, "numerator") == [1.0, 2.0, 3.0, None]
    assert values(found, "denominator", "denominator__unparsed") == [
        (10.0, False),
        (None, False),
        (None, True),
        (None, False),
    ]
    assert values(found, "subgroup_size", "subgroup_size__unparsed") == [
        (1, False),
        (None, True),
        (None, False),
        (3, False),
    ]
    assert values(found, "source_row") == [1, 2, 3, 4]
    assert found.rows_received == 4
