"""Whatever a cell holds, a spreadsheet shows it and never runs it; and nothing is changed on the way."""

import csv
import io
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from pipelines.spreadsheet import (
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_TEXT,
    Sheet,
    TooLargeForSheet,
    guarded,
    unguarded,
    write_csv,
    write_xlsx,
)

ATTACKS = [
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "＝1",
    '=HYPERLINK("x")',
    "-",
    "'=1",
]
HARMLESS = ["", "a=1", "RJ1", "O'Hara", "'quoted'", "2026-04-01", "1-2", "http://example.org"]


def as_csv(names, rows) -> str:
    text = io.StringIO(newline="")
    write_csv(text, names, rows)
    return text.getvalue()


@pytest.mark.parametrize("text", ATTACKS)
def test_text_that_could_be_a_formula_gets_an_apostrophe(text):
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_stays_as_it_is(text):
    assert guarded(text) == text == unguarded(text)


@given(st.text() | st.from_regex(r"\A'{0,3}\s?[=+\-@\t\r]?.{0,3}\Z"))
def test_the_guard_can_be_taken_off_again(text):
    assert unguarded(guarded(text)) == text
    assert guarded(text)[:1] not in {*"=+-@\t\r\n＝＋－＠"}


def test_a_line_end_in_a_cell_starts_no_row():
    assert as_csv(["a"], [["x\r=1+1"], ["x\n=1+1"]]) == 'a\n"x\r=1+1"\n"x\n=1+1"\n'


def test_csv_keeps_numbers_and_guards_text_and_names():
    text = as_csv(
        ["=a", "b"], [[-5, "-5"], [-0.5, None], [Decimal("-1.50"), True], [date(2026, 4, 1), "a,b"]]
    )
    assert text == "'=a,b\n-5,'-5\n-0.5,\n-1.50,True\n2026-04-01,\"a,b\"\n"


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=5), min_size=1, max_size=4))
def test_csv_gives_every_text_back(row):
    names = [f"c{at}" for at in range(len(row))]
    read = list(csv.reader(io.StringIO(as_csv(names, [row]), newline="")))
    assert [unguarded(cell) for cell in read[1]] == row


def cells_of(path: Path) -> list[ElementTree.Element]:
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(path) as book:
        root = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        assert not any("externalLink" in name for name in book.namelist())
    assert root.find(f".//{space}f") is None
    assert root.find(f".//{space}hyperlink") is None
    return root.findall(f".//{space}c")


def test_a_workbook_has_no_formula_and_gives_every_value_back(tmp_path):
    path = tmp_path / "out.xlsx"
    rows = [[text, -5] for text in [*ATTACKS, *HARMLESS[1:]]]
    write_xlsx(path, [Sheet("points", ["=name", "number"], rows)])
    kinds = {cell.get("r"): cell.get("t") for cell in cells_of(path)}
    assert kinds["A1"] == kinds["A2"] == "inlineStr"
    assert kinds["B2"] in (None, "n")
    read = CalamineWorkbook.from_path(str(path)).get_sheet_by_name("points").to_python()
    assert read[0] == ["=name", "number"]
    assert [row[0] for row in read[1:]] == [text for text, _ in rows]
    assert {row[1] for row in read[1:]} == {-5.0}


def test_text_that_could_be_a_formula_stays_text_when_it_is_edited(tmp_path):
    path = tmp_path / "out.xlsx"
    write_xlsx(path, [Sheet("s", ["a"], [["=1+1"], ["plain"]])])
    style = {cell.get("r"): cell.get("s") for cell in cells_of(path)}
    with zipfile.ZipFile(path) as book:
        styles = ElementTree.fromstring(book.read("xl/styles.xml"))
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    formats = styles.findall(f"{space}cellXfs/{space}xf")
    assert formats[int(style["A2"] or 0)].get("quotePrefix") == "1"
    assert style["A3"] is None


def test_values_of_a_workbook(tmp_path):
    path = tmp_path / "out.xlsx"
    row = [
        date(2026, 4, 1),
        datetime(2026, 4, 1, 3, 30),
        True,
        None,
        float("nan"),
        Decimal("1.5"),
        10**17,
        date(1850, 1, 1),
    ]
    write_xlsx(path, [Sheet("s", [f"c{at}" for at in range(len(row))], [row])])
    read = CalamineWorkbook.from_path(str(path)).get_sheet_by_name("s").to_python()[1]
    assert read == [
        date(2026, 4, 1),
        datetime(2026, 4, 1, 3, 30),
        True,
        "",
        "",
        1.5,
        str(10**17),
        "1850-01-01",
    ]


@pytest.mark.parametrize(
    ("names", "rows", "words"),
    [
        (["a"] * (MAX_COLUMNS + 1), [], "columns"),
        (["a"], [["x" * (MAX_TEXT + 1)]], "letters"),
        (["a"], ([] for _ in range(MAX_ROWS)), "rows"),
    ],
)
def test_what_a_sheet_cannot_hold_is_said(tmp_path, names, rows, words):
    with pytest.raises(TooLargeForSheet, match=words):
        write_xlsx(tmp_path / "out.xlsx", [Sheet("s", names, rows)])
