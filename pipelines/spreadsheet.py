"""Tables for people with a spreadsheet: CSV and XLSX in which no cell can become a formula.

Belongs here: writing rows that come from elsewhere so that a spreadsheet shows them and never runs them.
Every CSV and XLSX file that the project writes for people goes through here. Does not belong here: what the
rows are.

A spreadsheet takes text that begins with `=`, `+`, `-`, `@`, a tab or a line end for a formula, which can run
a program or send data away (OWASP, CSV injection). Numbers stay numbers, also negative ones. Text is guarded:

- CSV has no types, so such text gets an apostrophe in front. Text that begins with apostrophes and then such
  a letter gets one more, so that `unguarded` gives every text back as it was.
- XLSX has types: text is written as text, never as formula or link, and marked as quoted, so that it stays
  text when a person edits the cell.
"""

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
MAX_TEXT = 32_767
# A spreadsheet's numbers have 15 digits; a longer one would be rounded.
MAX_DIGITS = 15
# Letters that a column shows; names have an arrow to filter by beside them.
NARROWEST, WIDEST = 12, 40

# Also their full-width forms, and after blanks: some programs take those for the same.
_FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_FIRST_DAY = date(1900, 3, 1)


class TooLargeForSheet(ValueError):
    """More rows, columns or text than a sheet can hold; the message says what to do."""


@dataclass(frozen=True)
class Sheet:
    """A table to become a sheet: its title (at most 31 letters), names of columns and rows of values.
    `widths`: letters that each column shows, where not as many as its name needs."""

    title: str
    names: Sequence[str]
    rows: Iterable[Sequence[Any]]
    widths: Sequence[int] = ()


def guarded(text: str) -> str:
    """The text as CSV may hold it: with an apostrophe in front where it could become a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """The text that `guarded` made this of."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def write_csv(target: TextIO, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table with a header as CSV; null is empty, dates are ISO dates."""
    writer = csv.writer(_UnixLines(target))
    writer.writerow([guarded(name) for name in names])
    writer.writerows([_csv_cell(value) for value in row] for row in rows)


def write_xlsx(path: Path, sheets: Sequence[Sheet]) -> None:
    """Write a workbook of one or more sheets, row by row: memory does not grow with the rows.

    Null is an empty cell; so is a number that is not finite. Dates are dates; a whole number of more than 15
    digits is text, because a spreadsheet would round it.

    Raises:
        TooLargeForSheet: a sheet has more rows, columns or text in a cell than a spreadsheet can hold.
    """
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        formats = _Formats(
            text=book.add_format({"quote_prefix": True}),
            header=book.add_format({"bold": True, "quote_prefix": True}),
            day=book.add_format({"num_format": "yyyy-mm-dd"}),
            time=book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        )
        for sheet in sheets:
            _write_sheet(book.add_worksheet(sheet.title), sheet, formats)


@dataclass(frozen=True)
class _UnixLines:
    """Ends rows with a line feed. Told to do so, `csv` would leave a carriage return in a cell unquoted, and
    what follows it would be a row of its own."""

    target: TextIO

    def write(self, row: str) -> None:
        self.target.write(row.removesuffix("\r\n") + "\n")


@dataclass(frozen=True)
class _Formats:
    text: Format
    header: Format
    day: Format
    time: Format


def _csv_cell(value: Any) -> Any:
    if value is None or _is_number(value):
        return value
    return guarded(_as_text(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _as_text(value: Any) -> str:
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _write_sheet(worksheet: Worksheet, sheet: Sheet, formats: _Formats) -> None:
    if len(sheet.names) > MAX_COLUMNS:
        raise TooLargeForSheet(
            f"A sheet holds {MAX_COLUMNS:,} columns and no more. Ask for fewer, or for CSV."
        )
    for column, name in enumerate(sheet.names):
        width = sheet.widths[column] if sheet.widths else min(max(len(name) + 4, NARROWEST), WIDEST)
        worksheet.set_column(column, column, width)
        worksheet.write_string(0, column, name, formats.header)
    worksheet.freeze_panes(1, 0)
    number = 0
    for number, row in enumerate(sheet.rows, start=1):
        if number >= MAX_ROWS:
            raise TooLargeForSheet(f"A sheet holds {MAX_ROWS:,} rows and no more. Ask for fewer, or for CSV.")
        for column, value in enumerate(row):
            _write_cell(worksheet, number, column, value, formats)
    worksheet.autofilter(0, 0, number, len(sheet.names) - 1)


def _write_cell(worksheet: Worksheet, row: int, column: int, value: Any, formats: _Formats) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        worksheet.write_boolean(row, column, value)
    elif _is_number(value) and not (isinstance(value, int) and len(str(abs(value))) > MAX_DIGITS):
        if math.isfinite(value):
            worksheet.write_number(row, column, float(value) if isinstance(value, Decimal) else value)
    elif isinstance(value, datetime) and value.tzinfo is None and value.date() >= _FIRST_DAY:
        worksheet.write_datetime(row, column, value, formats.time)
    elif isinstance(value, date) and not isinstance(value, datetime) and value >= _FIRST_DAY:
        worksheet.write_datetime(row, column, datetime.combine(value, time()), formats.day)
    else:
        text = _as_text(value)
        if len(text) > MAX_TEXT:
            raise TooLargeForSheet(
                f"A cell holds {MAX_TEXT:,} letters and no more. Leave the column out, or ask for CSV."
            )
        worksheet.write_string(row, column, text, formats.text if _FORMULA.match(text) else None)
