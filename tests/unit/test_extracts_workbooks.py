"""Tables in workbooks: where they lie, what their cells mean, and which workbooks are refused."""

import os
import resource
import zipfile
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import pytest
import xlsxwriter

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.mapping import Mapping, MappingError, canonical_mapping
from pipelines.extracts.read import Extracted, read
from pipelines.extracts.readers import workbook, workbook_bounds
from pipelines.extracts.recognise import Unrecognised, recognise
from tests.unit.extract_cases import contracts, make_mapping, mappings, values
from tests.unit.workbook_files import WRITERS, Rows, rewritten, serial, write_xlsb, write_xlsx

FORMATS = pytest.mark.parametrize("ending", WRITERS)

PLAIN = """
    header: [Code, Month, Falls]
    extracts:
      measure_points:
        columns:
          measure_id: FALLS
          organisation_code: {column: Code}
          period_start: {column: Month, format: "%b-%y"}
          value: {column: Falls}
"""
HEADER = ["Code", "Month", "Falls"]


def supplier(folder: Path, text: str) -> Mapping:
    made = make_mapping(folder, text)
    definition = made.definition.model_copy(update={"file": ("supplier*",)})
    return Mapping(definition, made.sha256, made.path)


def read_book(
    folder: Path, ending: str, sheets: dict[str, Rows], text: str = PLAIN, extract: str = "measure_points"
) -> Extracted:
    path = WRITERS[ending](folder / f"supplier.{ending}", sheets)
    mapping = supplier(folder, text)
    found = recognise(path, [*mappings(), mapping])
    assert isinstance(found, Mapping)
    assert found.name == "supplier"
    return read(path, mapping, extract, contracts()[extract])


def fault_of(folder: Path, path: Path, text: str = PLAIN, extract: str = "measure_points") -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        read(path, supplier(folder, text), extract, contracts()[extract])
    return caught.value


@FORMATS
def test_a_table_below_titles_and_above_footnotes(tmp_path: Path, ending: str) -> None:
    rows = [
        ["Falls by trust"],
        [None],
        ["Summary:", "All falls\nof inpatients"],
        [],
        [None, *HEADER],
        [None, "RXX", "Sep-26", 4],
        [],
        [None, " RYY ", "Oct-26", "*"],
        [],
        [None, "Notes"],
        [None, "1. Falls on wards only"],
    ]
    text = "\n    sheet: {ends_before: 'notes?:?'}" + PLAIN
    found = read_book(tmp_path, ending, {"Data": rows}, text)
    assert values(found, "organisation_code", "period_start", "value", "source_row") == [
        ("RXX", date(2026, 9, 1), 4.0, 6),
        ("RYY", date(2026, 10, 1), None, 8),
    ]
    assert values(found, "suppression_reason")[1] == "value: suppressed by the publisher"
    assert found.rows_ignored == {"below the table": 2}
    assert found.rows_received == 4


@FORMATS
def test_a_header_over_two_rows_with_merged_cells(tmp_path: Path, ending: str) -> None:
    text = """
    sheet: {header_rows: 2}
    header: [Code, Month, Attendances / Type 1, Attendances / Type 2, Breaches / Type 1]
    extracts:
      measure_points:
        columns:
          measure_id: FALLS
          organisation_code: {column: Code}
          period_start: {column: Month, format: "%b-%y"}
          numerator: {column: Breaches / Type 1}
          denominator: {sum: [Attendances / Type 1, Attendances / Type 2]}
    """
    rows = [
        ["A&E"],
        [None, None, "Attendances", None, "Breaches", None],
        ["Code", "Month", "Type 1", "Type\n 2", "Type 1", "Type 2"],
        ["RXX", "Sep-26", 10, 5, 3, 1],
    ]
    found = read_book(tmp_path, ending, {"Data": rows}, text)
    assert values(found, "numerator", "denominator", "source_row") == [(3.0, 15.0, 4)]
    assert found.unknown_columns == ["Breaches / Type 2"]


@FORMATS
def test_tables_side_by_side(tmp_path: Path, ending: str) -> None:
    rows = [
        ["Beds", None, None, None, "Falls"],
        ["Code", "Month", "Falls", None, *HEADER],
        ["RXX", "Sep-26", 100, None, "RXX", "Sep-26", 4],
        [None, None, None, None, "RYY", "Sep-26", 2],
    ]
    for span, expected in (("A:C", [("RXX", 100.0)]), ("E:G", [("RXX", 4.0), ("RYY", 2.0)])):
        text = f'\n    sheet: {{columns: "{span}"}}' + PLAIN
        found = read_book(tmp_path, ending, {"Data": rows}, text)
        assert values(found, "organisation_code", "value") == expected


@FORMATS
def test_the_sheet_is_found_by_name_pattern_or_header(tmp_path: Path, ending: str) -> None:
    sheets: dict[str, Rows] = {
        "Cover": [["Falls"], ["Contact", "the team"]],
        "Data 2026-09": [HEADER, ["RXX", "Sep-26", 4]],
        "Old": [[*HEADER, "Note"], ["RYY", "Aug-26", 3, "x"]],
    }
    for name in ("Data 2026-09", '"data ????-*"'):
        found = read_book(tmp_path, ending, sheets, f"\n    sheet: {name}" + PLAIN)
        assert values(found, "organisation_code") == ["RXX"]
    found = read_book(tmp_path, ending, {name: sheets[name] for name in ("Cover", "Old")})
    assert values(found, "organisation_code") == ["RYY"]
    path = WRITERS[ending](tmp_path / f"supplier.{ending}", sheets)
    fault = fault_of(tmp_path, path)
    assert fault.code == "NOT_ONE_SHEET"
    assert "'Data 2026-09', 'Old'" in fault.message
    fault = fault_of(tmp_path, path, "\n    sheet: Elsewhere" + PLAIN)
    assert (fault.code, fault.message) == ("NO_SUCH_SHEET", "The workbook has no sheet 'Elsewhere'.")


def test_a_hidden_sheet_is_read_only_when_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "supplier.xlsx"
    book = xlsxwriter.Workbook(str(path))
    for name, code in (("Shown", "RXX"), ("Kept", "RYY")):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, [code, "Sep-26", 4])
    sheet.hide()
    book.close()
    for text, expected in ((PLAIN, ["RXX"]), ("\n    sheet: Kept" + PLAIN, ["RYY"])):
        mapping = supplier(tmp_path, text)
        found = read(path, mapping, "measure_points", contracts()["measure_points"])
        assert values(found, "organisation_code") == expected


@FORMATS
def test_each_extract_may_have_a_sheet_of_its_own(tmp_path: Path, ending: str) -> None:
    text = """
    sheet: Data
    header: [Code, Month, Falls]
    extracts:
      organisations:
        sheet: Trusts
        header: [Trust, Name]
        columns: {organisation_code: {column: Trust}, organisation_name: {column: Name}}
      measure_points:
        columns:
          measure_id: FALLS
          organisation_code: {column: Code}
          period_start: {column: Month, format: "%b-%y"}
          value: {column: Falls}
    """
    sheets: dict[str, Rows] = {
        "Data": [HEADER, ["RXX", "Sep-26", 4]],
        "Trusts": [["Trust", "Name"], ["RXX", "A trust"], ["RYY", "Another"]],
    }
    found = read_book(tmp_path, ending, sheets, text, "organisations")
    assert values(found, "organisation_name") == ["A trust", "Another"]
    assert values(read_book(tmp_path, ending, sheets, text), "value") == [4.0]


@FORMATS
def test_sheets_without_header_whose_width_changes(tmp_path: Path, ending: str) -> None:
    text = """
    headerless: {widths: [3, 5], columns: {1: code, 3: name}}
    extracts:
      organisations: {columns: {organisation_code: {column: code}, organisation_name: {column: name}}}
    """
    narrow: Rows = [["RXX", 1, "A trust"], ["RYY", 1, None]]
    wide: Rows = [
        ["RXX", 1, "A trust", "x", None],
        ["RYY", 1, "Another", None, None],
        [None],
        ["RZZ", 1, "C"],
    ]
    beyond: Rows = [*narrow, *[["RZZ", 1, "C"]] * 200, ["RAA", 1, "D", "stray"]]
    for rows, codes in ((narrow, ["RXX", "RYY"]), (wide, ["RXX", "RYY", "RZZ"])):
        found = read_book(tmp_path, ending, {"Data": rows}, text, "organisations")
        assert values(found, "organisation_code") == codes
        assert values(found, "source_row") == [1, 2, 4][: len(codes)]
    found = read_book(tmp_path, ending, {"Data": beyond}, text, "organisations")
    assert found.malformed_rows.described == [(203, "more than 3 fields")]
    assert found.rows_received == 203
    path = WRITERS[ending](tmp_path / f"supplier.{ending}", {"Data": [[1, 2, 3, 4, 5, 6]]})
    assert fault_of(tmp_path, path, text, "organisations").code == ("OTHER_LAYOUT")


NOTES = """
    sheet:
      notes: {status: {beside: "Status:"}, issued: {cell: B3}, month: {beside: Period}}
    edition: {note: status, patterns: {provisional: provisional, final: final}, otherwise: original}
    published_on: {note: issued, pattern: '^(\\d+ \\w+ \\d{4})', format: "%d %B %Y"}
    header: [Code, Falls]
    extracts:
      measure_points:
        columns:
          measure_id: FALLS
          organisation_code: {column: Code}
          period_start: {note: month, format: "%B %Y"}
          value: {column: Falls}
"""


@FORMATS
def test_notes_above_the_table(tmp_path: Path, ending: str) -> None:
    rows: list[list] = [
        ["Period", None, "June 2025"],
        ["STATUS: ", "Provisional data"],
        ["Published:", "10th July 2025"],
        ["Code", "Falls"],
        ["RXX", 4],
    ]
    found = read_book(tmp_path, ending, {"Data": rows}, NOTES)
    assert (found.edition, found.published_on) == ("provisional", date(2025, 7, 10))
    assert values(found, "period_start", "edition") == [(date(2025, 6, 1), "provisional")]
    rows[1] = [None]
    path = WRITERS[ending](tmp_path / f"supplier.{ending}", {"Data": rows})
    fault = fault_of(tmp_path, path, NOTES)
    assert fault.code == "NOTE_MISSING"
    assert "'Status:'" in fault.message


@FORMATS
def test_days_of_a_workbook_need_no_format(tmp_path: Path, ending: str) -> None:
    rows = [HEADER, ["RXX", date(2026, 9, 1), 4], ["RYY", "Oct-26", 5], ["RZZ", "10/26", 6]]
    found = read_book(tmp_path, ending, {"Data": rows})
    assert values(found, "period_start") == [date(2026, 9, 1), date(2026, 10, 1), None]
    assert values(found, "period_start__unparsed") == [False, False, True]


@pytest.mark.parametrize("write", [write_xlsx, write_xlsb])
@pytest.mark.parametrize("is_1904", [False, True])
def test_numbers_are_days_where_the_column_is_a_day(tmp_path: Path, write, is_1904: bool) -> None:
    days = [date(2026, 9, 1), datetime(2026, 9, 2, 12)]
    rows = [HEADER, *(["RXX", serial(day, is_1904), serial(day, is_1904)] for day in days)]
    rows += [["RXX", days[0], 20260901], ["RXX", 20260901, 1]]
    path = write(tmp_path / "supplier.xlsx", {"Data": rows}, is_1904=is_1904)
    text = PLAIN.replace(', format: "%b-%y"', "")
    found = read(path, supplier(tmp_path, text), "measure_points", contracts()["measure_points"])
    # Half a day is no day, and a number that is no count of days is not taken for one.
    assert values(found, "period_start") == [days[0], None, days[0], None]
    assert values(found, "value") == [serial(days[0], is_1904), serial(days[1], is_1904), 20260901.0, 1.0]


@FORMATS
def test_numbers_are_read_as_they_are_shown(tmp_path: Path, ending: str) -> None:
    numbers = [0.1 + 0.2, 870296.9999999999, 1428563.0, 1e21, -0.0, 0.001]
    rows = [HEADER, *(["RXX", "Sep-26", number] for number in numbers)]
    found = read_book(tmp_path, ending, {"Data": rows})
    assert values(found, "value") == [0.3, 870297.0, 1428563.0, 1e21, 0.0, 0.001]


def test_a_cell_with_an_error_is_not_an_empty_cell(tmp_path: Path) -> None:
    path = tmp_path / "supplier.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Data")
    sheet.write_row(0, 0, HEADER)
    sheet.write_row(1, 0, ["RXX", "Sep-26"])
    sheet.write_formula(1, 2, "=1/0", value="#DIV/0!")  # pyright: ignore[reportCallIssue, reportArgumentType]
    sheet.write_row(2, 0, ["RYY", "Sep-26"])
    sheet.write_formula(2, 2, "=2+2", None, 5)
    book.close()
    found = read(path, supplier(tmp_path, PLAIN), "measure_points", contracts()["measure_points"])
    assert values(found, "value", "value__unparsed") == [(None, True), (5.0, False)]


@FORMATS
def test_canonical_workbooks(tmp_path: Path, ending: str) -> None:
    header = ["organisation_code", "organisation_name", "valid_from"]
    sheets: dict[str, Rows] = {"Sheet1": [header, ["RXX", "A trust", date(2026, 4, 1)]]}
    path = WRITERS[ending](tmp_path / f"organisations_2026-10-31.{ending}", sheets)
    found = recognise(path, list(mappings()))
    assert isinstance(found, Mapping)
    assert found.name == "canonical_organisations"
    read_back = read(path, found, "organisations", contracts()["organisations"])
    assert values(read_back, "organisation_code", "valid_from", "source_row") == [
        ("RXX", date(2026, 4, 1), 2)
    ]


@FORMATS
def test_a_workbook_in_a_zip(tmp_path: Path, ending: str) -> None:
    inner = WRITERS[ending](tmp_path / f"supplier.{ending}", {"Data": [HEADER, ["RXX", "Sep-26", 4]]})
    with zipfile.ZipFile(tmp_path / "supplier.zip", "w") as archive:
        archive.write(inner, inner.name)
    mapping = supplier(tmp_path, PLAIN)
    assert recognise(tmp_path / "supplier.zip", [mapping]) == mapping
    found = read(tmp_path / "supplier.zip", mapping, "measure_points", contracts()["measure_points"])
    assert values(found, "value") == [4.0]


@FORMATS
def test_a_missing_column_is_named(tmp_path: Path, ending: str) -> None:
    path = WRITERS[ending](
        tmp_path / f"supplier.{ending}", {"Data": [["x"], ["Code", "Month"], ["RXX", "Sep-26"]]}
    )
    found = recognise(path, [supplier(tmp_path, PLAIN)])
    assert isinstance(found, Unrecognised)
    assert "1 of its 3 columns are missing: 'Falls'" in found.reason
    assert fault_of(tmp_path, path).code == "OTHER_LAYOUT"


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "EMPTY_FILE", "nothing"),
        (b"Code,Month,Falls\n", "NOT_A_WORKBOOK", "something else"),
        (b"PK\x03\x04" + b"x" * 100, "NOT_A_WORKBOOK", "unpacked"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "NOT_A_WORKBOOK", "old Excel"),
        (
            bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            "ENCRYPTED",
            "password",
        ),
    ],
)
def test_what_is_no_workbook(tmp_path: Path, content: bytes, code: str, words: str) -> None:
    path = tmp_path / "supplier.xlsx"
    path.write_bytes(content)
    fault = fault_of(tmp_path, path)
    assert fault.code == code
    assert words in fault.message


@FORMATS
def test_a_workbook_cut_short_is_refused(tmp_path: Path, ending: str) -> None:
    path = WRITERS[ending](tmp_path / f"supplier.{ending}", {"Data": [HEADER, ["RXX", "Sep-26", 4]]})
    whole = path.read_bytes()
    for share in (0.3, 0.6, 0.95):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert fault_of(tmp_path, path).code == "NOT_A_WORKBOOK"


def test_an_encrypted_ods(tmp_path: Path) -> None:
    path = WRITERS["ods"](tmp_path / "supplier.ods", {"Data": [HEADER]})
    mark = b"<manifest:encryption-data/></manifest:manifest>"
    rewritten(
        path,
        lambda name, content: (
            content.replace(b"</manifest:manifest>", mark) if name.endswith("manifest.xml") else content
        ),
    )
    assert fault_of(tmp_path, path).code == "ENCRYPTED"


def test_cells_in_opposite_corners(tmp_path: Path) -> None:
    rows: Rows = [HEADER, ["RXX", "Sep-26", 4]]
    path = write_xlsx(tmp_path / "supplier.xlsx", {"Data": rows})
    stray = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    rewritten(path, lambda _, content: content.replace(b"</sheetData>", stray))
    fault = fault_of(tmp_path, path)
    assert (fault.code, fault.place) == ("SHEET_TOO_LARGE", "sheet 'Data', row 1048576")
    path = WRITERS["ods"](tmp_path / "supplier.ods", {"Data": rows})
    first, again = b"<table:table-cell ", b'<table:table-cell table:number-columns-repeated="16000" '
    rewritten(path, lambda _, content: content.replace(first, again))
    row, rows_again = b"<table:table-row>", b'<table:table-row table:number-rows-repeated="1000000">'
    rewritten(path, lambda _, content: content.replace(row, rows_again))
    assert fault_of(tmp_path, path).code == "SHEET_TOO_LARGE"
    path = write_xlsb(tmp_path / "supplier.xlsb", {"Data": rows})
    first_row, far_row = _row_record(1), _row_record(1_048_575)
    first_cell, far_cell = _cell_place(1), _cell_place(16_383)
    rewritten(path, lambda _, content: content.replace(first_row, far_row).replace(first_cell, far_cell))
    assert fault_of(tmp_path, path).code == "SHEET_TOO_LARGE"


def test_a_cell_of_xlsb_without_its_place(tmp_path: Path) -> None:
    """Found by the fuzzer: the library takes what it read before for the place, asks for terabytes, and ends
    the process."""
    path = write_xlsb(tmp_path / "supplier.xlsb", {"Data": [HEADER, ["RXX", "Sep-26", 4]]})
    rewritten(path, lambda _, content: content.replace(_row_record(1), b"\x0a\x00" + _row_record(1)))
    assert fault_of(tmp_path, path).code == "NOT_A_WORKBOOK"


def _row_record(row: int) -> bytes:
    return b"\x00\x11" + row.to_bytes(4, "little")


def _cell_place(column: int) -> bytes:
    return column.to_bytes(4, "little") + bytes(4)


@FORMATS
def test_a_sheet_padded_with_empty_rows_and_columns(tmp_path: Path, ending: str) -> None:
    path = WRITERS[ending](tmp_path / f"supplier.{ending}", {"Data": [HEADER, ["RXX", "Sep-26", 4]]})

    def pad(name: str, content: bytes) -> bytes:
        if ending == "ods":
            cell = b'<table:table-cell table:number-columns-repeated="16384"/>'
            row = b'<table:table-row table:number-rows-repeated="1048557">' + cell + b"</table:table-row>"
            return content.replace(b"</table:table>", row + b"</table:table>")
        if ending == "xlsx":
            rows = b"".join(
                b'<row r="%d" ht="15"><c r="XFD%d" s="1"/></row>' % (n, n) for n in range(3, 1048558)
            )
            return content.replace(b"</sheetData>", rows + b"</sheetData>")
        rows = b"".join(b"\x00\x11" + n.to_bytes(4, "little") + bytes(13) for n in range(2, 1048557))
        return content.replace(b"\x92\x01\x00", rows + b"\x92\x01\x00")

    rewritten(path, pad)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = read(path, supplier(tmp_path, PLAIN), "measure_points", contracts()["measure_points"])
    assert values(found, "value", "source_row") == [(4.0, 2)]
    assert found.rows_received == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


def test_a_bomb_in_a_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_xlsx(tmp_path / "supplier.xlsx", {"Data": [HEADER]})
    rewritten(
        path,
        lambda name, content: bytes(80 * 1024**2) if name == "xl/sharedStrings.xml" else content,
    )
    assert path.stat().st_size < 1024**2
    assert fault_of(tmp_path, path).code == "ZIP_BOMB"
    monkeypatch.setattr(workbook_bounds, "MAX_UNPACKED_BYTES", 1000)
    path = write_xlsx(tmp_path / "supplier.xlsx", {"Data": [HEADER]})
    assert fault_of(tmp_path, path).code == "UNPACKED_TOO_LARGE"


def test_entities_that_multiply(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "supplier.xlsx", {"Data": [HEADER, ["RXX", "Sep-26", 4]]})
    names = [f"e{n}" for n in range(12)]
    entities = "".join(f'<!ENTITY {a} "{f"&{b};" * 10}">' for a, b in pairwise(names))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [{entities}<!ENTITY {names[-1]} "xxxxxxxxxx">]>'.encode()

    def plant(name: str, content: bytes) -> bytes:
        if not name.startswith("xl/worksheets/sheet"):
            return content
        body = content[content.index(b"<worksheet") :]
        return bomb + body.replace(b"</sheetData>", b"<row><c><v>&e0;</v></c></row></sheetData>")

    rewritten(path, plant)
    assert fault_of(tmp_path, path).code == "NOT_A_WORKBOOK"


def test_a_table_of_16384_columns(tmp_path: Path) -> None:
    header = [*HEADER, *(f"column {n}" for n in range(16_381))]
    path = write_xlsx(tmp_path / "supplier.xlsx", {"Data": [header, ["RXX", "Sep-26", 4]]})
    fault = fault_of(tmp_path, path)
    assert (fault.code, fault.message) == (
        "TOO_MANY_COLUMNS",
        "The table has 16,384 columns; up to 4,096 are read.",
    )


def test_a_name_that_stands_twice(tmp_path: Path) -> None:
    path = write_xlsx(
        tmp_path / "supplier.xlsx", {"Data": [["x"], [*HEADER, "falls"], ["RXX", "Sep-26", 4, 5]]}
    )
    fault = fault_of(tmp_path, path)
    assert (fault.code, fault.place) == ("DUPLICATE_COLUMN", "sheet 'Data', row 2")


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        ("{columns: B-W}", "sheet.columns"),
        ("{notes: {status: {}}}", "either cell or beside"),
        ("{ends_before: '('}", "not a regular expression"),
        ("{header_rows: 9}", "sheet.header_rows"),
    ],
)
def test_what_a_sheet_may_say(tmp_path: Path, sheet: str, words: str) -> None:
    with pytest.raises(MappingError, match=words):
        make_mapping(tmp_path, f"\n    sheet: {sheet}" + PLAIN)


def test_a_note_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="not given by the sheet of measure_points"):
        make_mapping(tmp_path, NOTES.replace("month:", "moon:"))


def test_a_number_with_the_format_of_a_date_that_is_beyond_any_date(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Found by the fuzzer: the library panics, and a panic is no Exception."""
    path = tmp_path / "organisations.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet, day = book.add_worksheet("Data"), book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, ["organisation_code", "valid_from"])
    for row in range(1, 150):
        sheet.write_string(row, 0, f"R{row}")
        sheet.write_number(row, 1, 45_000 if row < 140 else -1e12, day)
    book.close()
    contract = contracts()["organisations"]
    with pytest.raises(UnreadableFile) as caught:
        read(path, canonical_mapping(contract), "organisations", contract)
    assert (caught.value.code, caught.value.place) == ("UNREADABLE_CELL", "sheet 'Data', row 141")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("end", "seen"),
    [
        (
            "stack backtrace:\n   0: begin\nnote: Some are omitted, run with `RUST_BACKTRACE=full`.\nafter\n",
            "before\nafter\n",
        ),
        ("", "before\n"),
    ],
)
def test_the_traces_of_a_panic_are_not_seen(capfd: pytest.CaptureFixture[str], end: str, seen: str) -> None:
    trace = f"\nthread '<unnamed>' (12) panicked at src/lib.rs:1:2:\na cell\n{end}"

    def panicking() -> None:
        with workbook._faults():
            os.write(2, f"before\n{trace}".encode())
            raise ValueError("a cell")

    with pytest.raises(UnreadableFile):
        panicking()
    assert capfd.readouterr().err == seen
