"""Reading canonical files: headers, line numbers, malformed rows, suppression, faults, packing."""

import gzip
import zipfile
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.extracts.contract import lake_schema
from pipelines.extracts.contract_columns import ColumnType
from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.mapping import canonical_mapping
from pipelines.extracts.read import read
from tests.unit.extract_cases import contracts, read_canonical, values

HEADER = "measure_id,organisation_code,period_start,value"
SECRET = "Jane Doe"


def test_the_table_has_the_columns_and_types_of_the_contract(tmp_path: Path) -> None:
    for name, contract in contracts().items():
        header = ",".join(column.name for column in contract.columns if column.required)
        found = read_canonical(tmp_path, name, f"{header or contract.grain[0]}\n")
        expected = [
            (field.name, field.type) for field in lake_schema(contract) if field.name != "received_at"
        ]
        expected = [each for each in expected if each[0] in (*contract.column_names, "source_row")]
        expected += [
            (f"{column.name}__unparsed", pa.bool_())
            for column in contract.columns
            if column.type != ColumnType.STRING
        ]
        assert [(field.name, field.type) for field in found.table.schema] == expected
        assert found.rows_received == found.table.num_rows == 0


def test_cells_are_trimmed_and_empty_means_null_or_default(tmp_path: Path) -> None:
    content = (
        f"\ufeff{HEADER} , Stratum,unit_code\n"
        '  m1\t,"RXX ",2024-01-01,\u00a01 , ,""\n'
        "m2,RXX,2024-01-01,,quintile 1,  W1\n"
    )
    found = read_canonical(tmp_path, "measure_points", content)
    assert values(found, "measure_id", "organisation_code", "value", "stratum", "unit_code", "edition") == [
        ("m1", "RXX", 1.0, "all", None, "original"),
        ("m2", "RXX", None, "quintile 1", "W1", "original"),
    ]


def test_defaults_have_the_type_of_their_column(tmp_path: Path) -> None:
    found = read_canonical(
        tmp_path, "organisations", "organisation_code,register_rank\nRXX,\nRYY,2\nRZZ,low\n"
    )
    assert values(found, "register_rank", "register_rank__unparsed") == [(1, False), (2, False), (None, True)]


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ("m,RXX,2024-01-01,1\nm,RYY,2024-01-01,2\n", [2, 3]),
        ("m,RXX,2024-01-01,1\n\n\nm,RYY,2024-01-01,2\n\n", [2, 5]),
        ("m,RXX,2024-01-01,1\n  \t\nm,RYY,2024-01-01,2", [2, 4]),
        ('"m\n\nn",RXX,2024-01-01,1\nm,RYY,2024-01-01,2\n', [2, 5]),
        ('m,"RXX",2024-01-01,"1\r\n"\nm,RYY,2024-01-01,2\n', [2, 4]),
        ("m,RXX,2024-01-01,1\r\nm,RYY,2024-01-01,2\n", [2, 3]),
        ('m,RXX\nm,"RXX",2024-01-01,1\nm,RYY,2024-01-01,2,3\n"m\n",RYY,2024-01-01,2\n', [3, 5]),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_source_row_is_the_line_in_the_file(
    tmp_path: Path, rows: str, lines: list[int], line_end: str
) -> None:
    found = read_canonical(tmp_path, "measure_points", HEADER + line_end + rows)
    assert values(found, "source_row") == lines
    assert values(found, "organisation_code") == ["RXX", "RYY"]
    assert [value for value in values(found, "value") if value is not None] in ([1, 2], [1, 2.0])


def test_line_ends_of_old(tmp_path: Path) -> None:
    content = f'{HEADER}\rm,RXX,2024-01-01,1\r\r"m",RYY,2024-01-01,2'
    found = read_canonical(tmp_path, "measure_points", content)
    assert values(found, "source_row", "organisation_code") == [(2, "RXX"), (4, "RYY")]


def test_a_header_need_not_be_on_the_first_line_nor_on_one_line(tmp_path: Path) -> None:
    content = '\n"measure_id","organisation_code",period_start,"value","a\nnote"\nm,RXX,2024-01-01,1,x\n'
    found = read_canonical(tmp_path, "measure_points", content)
    assert values(found, "source_row", "value") == [(4, 1.0)]
    assert found.unknown_columns == ["a\nnote"]


@pytest.mark.parametrize(
    "title",
    [
        "Organisations of the group\n\n",
        "Report,,\nas of,2026-04-01,\n",
        'The "group" in April,,\n',
        '"Organisations" of the group\n\n',
        '"Organisations of the group,,\n',
        '"Organisations of\nthe ""group""",,\n"and" more\n',
        '5" x 7" print of\n"the group\n',
    ],
)
def test_a_title_above_the_header_is_no_row(tmp_path: Path, title: str) -> None:
    header = "organisation_code,organisation_name,valid_from"
    content = f"{title}{header}\nRXX,A trust,2026-04-01\nRYY,B\nRZZ,C trust,\n"
    found = read_canonical(tmp_path, "organisations", content.encode())
    assert values(found, "organisation_name") == ["A trust", "C trust"]
    above = title.count("\n")
    assert values(found, "source_row") == [above + 2, above + 4]
    assert [line for line, _ in found.malformed_rows.described] == [above + 3]
    assert found.rows_received == 3


def test_rows_of_another_width_are_malformed_and_shift_nothing(tmp_path: Path) -> None:
    rows = [
        "m,RAA,2024-01-01,1",
        "m,RBB,2024-01-01",
        "m,RCC,2024-01-01,3",
        "m,RDD,2024-01-01,4,5",
        'm,R"E,,',
        ",",
    ]
    found = read_canonical(tmp_path, "measure_points", "\n".join([HEADER, *rows, "m,RFF,2024-01-01,6"]))
    assert values(found, "source_row", "organisation_code", "value") == [
        (2, "RAA", 1.0),
        (4, "RCC", 3.0),
        (8, "RFF", 6.0),
    ]
    assert [line for line, _ in found.malformed_rows.described] == [3, 5, 6, 7]
    assert dict(found.malformed_rows.described)[3] == "3 fields instead of 4"
    assert found.rows_received == 7


def test_rows_without_any_value_are_ignored_and_counted(tmp_path: Path) -> None:
    found = read_canonical(tmp_path, "measure_points", f'{HEADER}\n,,,\nm,RXX,2024-01-01,1\n" ",,"",\n')
    assert values(found, "source_row") == [3]
    assert found.rows_ignored == {"blank row": 2}
    assert found.rows_received == 3


def test_a_table_of_one_column(tmp_path: Path) -> None:
    found = read_canonical(tmp_path, "organisations", 'organisation_code\n\nRXX\n \n""\nRYY\n')
    assert values(found, "organisation_code", "source_row") == [("RXX", 3), ("RYY", 6)]
    assert found.rows_ignored == {"blank row": 1}
    assert found.rows_received == 3


def test_suppressed_numbers_are_null_with_their_reason(tmp_path: Path) -> None:
    content = (
        "measure_id,organisation_code,period_start,value,numerator,denominator,suppression_reason\n"
        "m,RAA,2024-01-01,,*,10,\n"
        "m,RBB,2024-01-01,-,**,Not Available,\n"
        "m,RCC,2024-01-01,,*,10,fewer than 8\n"
        "m,RDD,2024-01-01,0,,10,\n"
        "m,REE,2024-01-01,many,,10,\n"
        "m,RFF,*,1,,10,\n"
    )
    found = read_canonical(tmp_path, "measure_points", content)
    assert values(found, "value", "numerator", "denominator", "suppression_reason") == [
        (None, None, 10.0, "numerator: suppressed by the publisher"),
        (
            None,
            None,
            None,
            "value: not stated by the publisher; numerator: suppressed by the publisher;"
            " denominator: not available",
        ),
        (None, None, 10.0, "fewer than 8"),
        (0.0, None, 10.0, None),
        (None, None, 10.0, None),
        (1.0, None, 10.0, None),
    ]
    assert values(found, "value__unparsed") == [False, False, False, False, True, False]
    assert values(found, "numerator__unparsed") == [False] * 6
    assert values(found, "period_start__unparsed") == [False] * 5 + [True]


def test_columns_nobody_knows_are_reported_and_left_out(tmp_path: Path) -> None:
    found = read_canonical(tmp_path, "measure_points", f"{HEADER},colour,,a,\nm,RXX,2024-01-01,1,red,,,\n")
    assert found.unknown_columns == ["colour", "a"]
    assert values(found, "value") == [1.0]


def test_a_required_column_that_is_missing_is_named(tmp_path: Path) -> None:
    found = read_canonical(tmp_path, "measure_points", "measure_id,period_start,value\nm,2024-01-01,1\n")
    assert found.missing_columns == ["organisation_code"]
    assert values(found, "organisation_code") == [None]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("measure_points_2026-10-01.csv", date(2026, 10, 1)),
        ("Measure_points 2026-10-01 final.csv", date(2026, 10, 1)),
        ("measure_points.csv", None),
        ("measure_points_2026-13-01.csv", None),
        ("measure_points_12026-10-011.csv", None),
    ],
)
def test_publication_day_from_the_name(tmp_path: Path, name: str, expected: date | None) -> None:
    rows = ["m,RXX,2024-01-01,1,", "m,RXX,2024-02-01,1,2024-03-05", "m,RXX,2024-03-01,1,soon"]
    content = "\n".join([f"{HEADER},published_on", *rows])
    found = read_canonical(tmp_path, "measure_points", content, name)
    assert found.published_on == expected
    assert values(found, "published_on") == [expected, date(2024, 3, 5), None]


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"", "EMPTY_FILE", "file"),
        (f"{HEADER},Value\n{SECRET},RXX,2024-01-01,1,2\n".encode(), "DUPLICATE_COLUMN", "line 1"),
        (f"{HEADER}\n{SECRET},RXX,2024-01-01,\xe9\n".encode("latin-1"), "NOT_UTF8", "line 2"),
        (f"{HEADER}\n{SECRET},\0,2024-01-01,1\n".encode(), "NUL_BYTE", "line 2"),
        (
            f'{HEADER}\nm,RXX,2024-01-01,1\n"{SECRET},RXX,2024-01-01,1\n'.encode(),
            "UNTERMINATED_QUOTE",
            "line 3",
        ),
        (f'measure_id,org"anisation,{SECRET}\nm,RXX,1\n'.encode(), "BAD_HEADER", "line 1"),
        (f"{HEADER}\n{SECRET},RXX,2024-01-01,1\n".encode("utf-32"), "NOT_UTF8", "file"),
        (b"PK\x03\x04" + SECRET.encode(), "NOT_TEXT", "file"),
    ],
)
def test_unreadable_files_say_where_and_what_to_do(
    tmp_path: Path, content: bytes, code: str, place: str
) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read_canonical(tmp_path, "measure_points", content)
    assert (caught.value.code, caught.value.place) == (code, place)
    assert caught.value.remedy
    assert SECRET not in str(caught.value)


def test_header_only_is_no_fault_of_the_file(tmp_path: Path) -> None:
    for content in (HEADER, f"{HEADER}\n", f"\ufeff{HEADER}\r\n\r\n"):
        assert read_canonical(tmp_path, "measure_points", content).rows_received == 0


def test_damaged_parquet(tmp_path: Path) -> None:
    for content in (b"PAR1 no more of it", b"", b"PAR1" + b"\0" * 100 + b"PAR1"):
        with pytest.raises(UnreadableFile) as caught:
            read_canonical(tmp_path, "measure_points", content, "measure_points.parquet")
        assert caught.value.code == "NOT_PARQUET"


def test_tab_separated_text(tmp_path: Path) -> None:
    content = f"{HEADER}\nm,RXX,2024-01-01,1\n".replace(",", "\t")
    assert values(read_canonical(tmp_path, "measure_points", content, "measure_points.tsv"), "value") == [1.0]


def test_packed_files(tmp_path: Path) -> None:
    content = f"{HEADER}\nm,RXX,2024-01-01,1\n".encode()
    contract = contracts()["measure_points"]
    gz = tmp_path / "measure_points_2026-10-01.csv.gz"
    gz.write_bytes(gzip.compress(content))
    archive = tmp_path / "delivery.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("folder/measure_points_2026-10-01.csv", content)
        opened.writestr("folder/readme.txt", "read me")
        opened.writestr("__MACOSX/folder/._measure_points.csv", "x")
    for path in (gz, archive):
        found = read(path, canonical_mapping(contract), "measure_points", contract)
        assert values(found, "value", "source_row", "published_on") == [(1.0, 2, date(2026, 10, 1))]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("measure_points.zip", b"PK\x03\x04 broken", "DAMAGED_ARCHIVE"),
        ("measure_points.csv.gz", b"\x1f\x8b broken", "DAMAGED_ARCHIVE"),
        ("measure_points.csv.gz", gzip.compress(b"a,b\n" * 5000, mtime=0)[:-20], "DAMAGED_ARCHIVE"),
        ("measure_points.docx", b"", "UNKNOWN_FORMAT"),
    ],
)
def test_packed_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read_canonical(tmp_path, "measure_points", content, name)
    assert caught.value.code == code


def test_a_zip_file_must_hold_one_table(tmp_path: Path) -> None:
    path = tmp_path / "measure_points.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("measure_points_1.csv", HEADER)
        opened.writestr("measure_points_2.csv", HEADER)
    contract = contracts()["measure_points"]
    with pytest.raises(UnreadableFile, match="2 tables"):
        read(path, canonical_mapping(contract), "measure_points", contract)


def test_marks_in_a_file_name_are_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "measure_points_f.csv").write_text(f"{HEADER}\nm,ROTHER,2024-01-01,1\n", encoding="utf-8")
    found = read_canonical(
        tmp_path, "measure_points", f"{HEADER}\nm,RXX,2024-01-01,1\n", "measure_points_[final]'s.csv"
    )
    assert values(found, "organisation_code") == ["RXX"]
