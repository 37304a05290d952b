"""The same rows give the same content, whatever the file they come in."""

import csv
import gzip
import json
import zipfile
from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.extracts.mapping import Mapping
from pipelines.extracts.read import Extracted, read
from pipelines.extracts.recognise import recognise
from tests.unit.extract_cases import contracts, make_mapping
from tests.unit.workbook_files import write_ods, write_xlsb, write_xlsx

HEADER = ["Code", "Ward", "Month", "Falls", "Beds"]
MAPPING = """
    encoding: ENCODING
    header: [Code, Ward, Month, Falls, Beds]
    extracts:
      measure_points:
        columns:
          measure_id: FALLS
          organisation_code: {column: Code}
          stratum: {column: Ward}
          period_start: {column: Month}
          numerator: {column: Falls}
          denominator: {column: Beds}
"""
Rows = list[tuple[str, str | None, date | None, float | None, float | None]]


def as_text(rows: Rows, delimiter: str, line_end: str = "\n") -> str:
    out = StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end)
    writer.writerows([HEADER, *([("" if cell is None else cell) for cell in row] for row in rows)])
    return out.getvalue()


def text_file(encoding: str, delimiter: str = ",", line_end: str = "\n") -> Callable[[Path, Rows], None]:
    def write(path: Path, rows: Rows) -> None:
        path.write_bytes(as_text(rows, delimiter, line_end).encode(encoding))

    return write


def parquet_file(path: Path, rows: Rows) -> None:
    types = [pa.string(), pa.string(), pa.date32(), pa.float64(), pa.float64()]
    arrays = [pa.array([row[at] for row in rows], type_) for at, type_ in enumerate(types)]
    pq.write_table(pa.table(arrays, names=HEADER), path)


def json_file(path: Path, rows: Rows) -> None:
    lines = [json.dumps(dict(zip(HEADER, row, strict=True)), default=str, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")


def workbook(write: Callable) -> Callable[[Path, Rows], None]:
    def write_rows(path: Path, rows: Rows) -> None:
        write(path, {"Data": [HEADER, *rows]})

    return write_rows


def zip_file(path: Path, rows: Rows) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/supplier.csv", as_text(rows, ","))


def gzip_file(path: Path, rows: Rows) -> None:
    path.write_bytes(gzip.compress(as_text(rows, ",").encode("utf-8")))


FILES: dict[str, Callable[[Path, Rows], None]] = {
    "supplier_utf8.csv": text_file("utf-8"),
    "supplier_mark.csv": text_file("utf-8-sig", line_end="\r\n"),
    "supplier_utf16.csv": text_file("utf-16"),
    "supplier_windows.csv": text_file("cp1252"),
    "supplier_bar.csv": text_file("utf-8", "|"),
    "supplier.tsv": text_file("utf-8", "\t"),
    "supplier.txt": text_file("utf-16", "\t"),
    "supplier.jsonl": json_file,
    "supplier.parquet": parquet_file,
    "supplier.xlsx": workbook(write_xlsx),
    "supplier.xlsb": workbook(write_xlsb),
    "supplier.ods": workbook(write_ods),
    "supplier.zip": zip_file,
    "supplier.csv.gz": gzip_file,
}

NAMES = st.text("abcXYZ 09.,;|\"'=+-@#éèüñ£–’\n", min_size=1, max_size=12).map(str.strip).filter(bool)
NUMBERS = st.integers(-(10**9), 10**9).map(lambda number: number / 1000)
ROWS = st.lists(
    st.tuples(
        st.from_regex(r"R[A-Z0-9]{2}", fullmatch=True),
        st.none() | NAMES,
        st.none() | st.dates(date(1990, 1, 1), date(2060, 12, 31)),
        st.none() | NUMBERS,
        st.none() | NUMBERS,
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> Mapping:
    made = make_mapping(tmp_path_factory.mktemp("mapping"), MAPPING.replace("ENCODING", "cp1252"))
    return Mapping(made.definition.model_copy(update={"file": ("supplier*",)}), made.sha256, made.path)


def content(found: Extracted) -> list[dict]:
    rows = found.table.drop_columns(["source_row"]).to_pylist()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: object) -> object:
    # A sheet's own line ends are those of XML, whatever was written.
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


@settings(deadline=None, max_examples=8)
@given(rows=ROWS)
def test_the_same_rows_through_every_format(
    tmp_path_factory: pytest.TempPathFactory, mapping: Mapping, rows: Rows
) -> None:
    folder = tmp_path_factory.mktemp("files")
    contract = contracts()["measure_points"]
    expected = [(code, ward or "all", month, falls, beds) for code, ward, month, falls, beds in rows]
    columns = ("organisation_code", "stratum", "period_start", "numerator", "denominator")
    contents = {}
    for name, write in FILES.items():
        path = folder / name
        write(path, rows)
        assert recognise(path, [mapping]) == mapping, name
        found = read(path, mapping, "measure_points", contract)
        assert found.rows_received == len(rows), name
        assert not found.malformed_rows, name
        contents[name] = content(found)
        assert [tuple(row[each] for each in columns) for row in contents[name]] == expected, name
    assert all(each == contents["supplier_utf8.csv"] for each in contents.values())
