"""A check as a table to send back to whoever delivered the files: CSV, or a workbook.

Nothing in it is a formula, whatever a file or a column is called, and no cell of a file is repeated.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import xlsxwriter

from pipelines.check.check import Check, ExtractCheck, FileCheck, in_file
from pipelines.check.text import FATES, WORDS, lines_of, not_checked

HEADER = (
    "file",
    "extract",
    "line",
    "column_in_file",
    "column",
    "rule",
    "what_follows",
    "reason",
    "remedy",
)
SUMMARY_HEADER = (
    "file",
    "verdict",
    "mapping",
    "extract",
    "rows_received",
    "rows_accepted",
    "rows_quarantined",
    "rows_waiting",
    "rows_refused",
    "rows_ignored",
    "note",
)
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")
ROWS_OF_A_SHEET = 1_000_000
WIDTHS = {"file": 40, "line": 8, "reason": 70, "remedy": 70, "note": 70, "rule": 32, "verdict": 20}

Cell = str | int | None


def write_csv(check: Check, path: Path) -> None:
    """One row for each line and rule that fails, and for each rule that fails the file; UTF-8 with BOM, so
    that a spreadsheet reads it rightly."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows([_harmless(cell) for cell in row] for row in _rows(check))


def write_xlsx(check: Check, path: Path) -> None:
    """A sheet `files` with the counts of each, and `failures` with the rows of the CSV."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(path, options) as book:
        _sheet(book, "files", SUMMARY_HEADER, list(_summary(check)))
        rows = list(_rows(check))
        for start in range(0, max(len(rows), 1), ROWS_OF_A_SHEET):
            name = "failures" if start == 0 else f"failures {start // ROWS_OF_A_SHEET + 1}"
            _sheet(book, name, HEADER, rows[start : start + ROWS_OF_A_SHEET])


def _sheet(
    book: xlsxwriter.Workbook, name: str, header: tuple[str, ...], rows: list[tuple[Cell, ...]]
) -> None:
    sheet = book.add_worksheet(name)
    bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
    for at, title in enumerate(header):
        sheet.set_column(at, at, WIDTHS.get(title, 18))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(rows), 1), len(header) - 1)
    for at, title in enumerate(header):
        sheet.write_string(0, at, title, bold)
    for number, row in enumerate(rows, start=1):
        for at, cell in enumerate(row):
            if isinstance(cell, int):
                sheet.write_number(number, at, cell, wrapped)
            elif cell:
                sheet.write_string(number, at, str(_harmless(cell)), wrapped)


def _harmless(cell: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula, marked as text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_SIGNS) else cell


def _rows(check: Check) -> Iterator[tuple[Cell, ...]]:
    for file in check.files:
        if not file.extracts and file.verdict:
            yield (file.name, None, None, None, None, None, WORDS[file.verdict], file.reason, None)
        for extract in file.extracts:
            yield from _of_extract(file, extract)


def _of_extract(file: FileCheck, check: ExtractCheck) -> Iterator[tuple[Cell, ...]]:
    extract = check.row.extract
    if check.row.verdict == "error":
        yield (file.name, extract, None, None, None, None, WORDS[check.verdict], check.row.reason, None)
    for result in check.results:
        fate, own = FATES[result.action], in_file(result.column_name, check.file_columns)
        same = (own, result.column_name, result.code, fate)
        lines = lines_of(check, result)
        if not lines:
            yield (file.name, extract, None, *same, f"{result.message} {result.reason}", result.remedy)
        for line in sorted(set(lines)):
            yield (file.name, extract, line, *same, result.reason, result.remedy)


def _summary(check: Check) -> Iterator[tuple[Cell, ...]]:
    for file in check.files:
        if not file.extracts:
            yield (file.name, WORDS[file.verdict], file.mapping, *[None] * 7, file.reason)
        for each in file.extracts:
            row = each.row
            counts = (row.rows_received, row.rows_accepted, row.rows_quarantined, each.rows_waiting)
            yield (
                file.name,
                WORDS[each.verdict],
                file.mapping,
                row.extract,
                *counts,
                row.rows_refused,
                row.rows_ignored,
                not_checked(each),
            )
