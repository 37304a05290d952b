"""Any canonical table, written as CSV by another program, comes back the same."""

import csv
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.extracts.contract_columns import Column, ColumnType
from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.cells import BLANKS
from tests.unit.extract_cases import contracts, read_canonical

# Python's own module writes a lone carriage return without quotation marks, and NUL is refused.
characters = st.characters(codec="utf-8", exclude_characters="\x00\r")
text = (st.text(characters, max_size=12) | st.text("\",\n 'ab", max_size=12)).map(
    lambda each: each.strip(BLANKS)
)
cells: dict[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.STRING: text,
    ColumnType.NUMBER: st.floats(allow_nan=False, allow_infinity=False).map(lambda each: each + 0.0),
    ColumnType.INTEGER: st.integers(-(2**63), 2**63 - 1),
    ColumnType.DATE: st.dates(min_value=date(1000, 1, 1)),
    ColumnType.BOOLEAN: st.booleans(),
}


def rows_for(columns: tuple[Column, ...]) -> st.SearchStrategy[list[dict[str, Any]]]:
    required = {
        column.name: text.filter(bool).map(lambda each: f"k{each}")
        for column in columns
        if column.required and column.type == ColumnType.STRING
    }
    others = {
        column.name: (cells[column.type] if column.required else st.none() | cells[column.type])
        for column in columns
        if column.name not in required
    }
    return st.lists(st.fixed_dictionaries({**required, **others}), max_size=6)


def expected_value(column: Column, value: Any) -> Any:
    if value is None or value == "":
        return column.default
    return value


def check(found: pa.Table, columns: tuple[Column, ...], rows: list[dict[str, Any]]) -> None:
    assert found.num_rows == len(rows)
    for column in columns:
        expected = [expected_value(column, row[column.name]) for row in rows]
        assert found.column(column.name).to_pylist() == expected, column.name
        if column.type != ColumnType.STRING:
            assert not any(found.column(f"{column.name}__unparsed").to_pylist())


@pytest.mark.parametrize("extract", ["measure_points", "organisations", "pdsa_cycles", "projects", "targets"])
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_csv_round_trip(tmp_path: Path, extract: str, data: st.DataObject) -> None:
    columns = contracts()[extract].columns
    rows = data.draw(rows_for(columns))
    line_end = data.draw(st.sampled_from(["\n", "\r\n"]))
    quoting: Any = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    path = tmp_path / f"{extract}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator=line_end, quoting=quoting)
        writer.writerow([column.name for column in columns])
        writer.writerows([row[column.name] for column in columns] for row in rows)
    content = path.read_bytes()
    found = read_canonical(tmp_path, extract, content)
    check(found.table, columns, rows)
    lines, line = [], 2
    for row in rows:
        lines.append(line)
        line += 1 + sum(value.count("\n") for value in row.values() if isinstance(value, str))
    assert found.table.column("source_row").to_pylist() == lines


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_parquet_round_trip(tmp_path: Path, data: st.DataObject) -> None:
    contract = contracts()["measure_points"]
    rows = data.draw(rows_for(contract.columns))
    schema = pa.schema([(column.name, column.arrow_type) for column in contract.columns])
    path = tmp_path / "measure_points.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    found = read_canonical(tmp_path, "measure_points", path.read_bytes(), path.name)
    check(found.table, contract.columns, rows)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mark=st.sampled_from(["", "\ufeff"]),
    body=st.lists(
        st.sampled_from(['"', ",", "\n", "\r\n", "\r", " ", "a", "RXX", "\u00e9", "\t"]), max_size=30
    ),
    has_quotes=st.booleans(),
)
def test_every_row_is_accounted_for(tmp_path: Path, mark: str, body: list[str], has_quotes: bool) -> None:
    pieces = [piece for piece in body if has_quotes or piece != '"']
    content = f"{mark}organisation_code,organisation_name\n{''.join(pieces)}".encode()
    try:
        found = read_canonical(tmp_path, "organisations", content)
    except UnreadableFile:
        return
    lines = found.table.column("source_row").to_pylist()
    malformed = [line for line, _ in found.malformed_rows.described]
    assert found.rows_received == len(lines) + sum(found.rows_ignored.values()) + len(malformed)
    assert lines == sorted(set(lines))
    assert not set(lines) & set(malformed)
    texts = content.decode().split("\n")
    for line, code in zip(lines, found.table.column("organisation_code").to_pylist(), strict=True):
        if '"' not in texts[line - 1]:
            assert texts[line - 1].split(",")[0].strip(BLANKS) == (code or "")
