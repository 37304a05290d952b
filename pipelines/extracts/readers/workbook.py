"""Reads workbooks: XLSX, XLSM, XLSB and ODS.

Belongs here: from a workbook to the cells of one table, as text. Does not belong here: finding the table in
a sheet (`sheet_table`), and how large a workbook may be (`workbook_bounds`).

Formulas and macros are not run: what counts is the value that the workbook itself holds for a cell. Numbers
become text as Excel shows them, with up to 15 digits; days become `2026-09-30`. A row's place is its row in
the sheet.
"""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.cells import BLANKS, TEXT, Cells, Layout, check_names, clean_name, empty_file
from pipelines.extracts.readers.line_numbers import Malformed
from pipelines.extracts.readers.sheet_table import (
    HEADER_SEARCH_ROWS,
    Row,
    Table,
    find_table,
    is_blank,
    notes_of,
)
from pipelines.extracts.readers.workbook_bounds import Bounds, check_bounds, encrypted, not_a_workbook

# Cells that are handed to DuckDB at a time.
BATCH_CELLS = 500_000
EXCEL_DIGITS = 15
ROWS_AT_ONCE = 100
STANDARD_ERROR = 2
# The note stands below the first panic of a process only, unless traces are asked for.
_PANIC = re.compile(
    rb"\n?thread '[^\n]*panicked at[^\n]*\n(?s:.*?)(?:\nnote: [^\n]*RUST_BACKTRACE[^\n]*\n|\Z)"
)


def read_headers(path: Path, layouts: Sequence[Layout]) -> list[list[str] | UnreadableFile]:
    """For each layout the names of its table's columns, or why there are none; opens it once."""
    try:
        with open_workbook(path) as book:
            return [_header(book, layout) for layout in layouts]
    except UnreadableFile as fault:
        return [fault] * len(layouts)


def read_cells(connection: duckdb.DuckDBPyConnection, path: Path, layout: Layout) -> Cells:
    """Read the table of a workbook into `cells`.

    Raises:
        UnreadableFile: NOT_A_WORKBOOK, ENCRYPTED, NO_SUCH_SHEET, NOT_ONE_SHEET, EMPTY_FILE, DUPLICATE_COLUMN,
            NOTE_MISSING, UNREADABLE_CELL, or a bound that the workbook exceeds.
    """
    with open_workbook(path) as book:
        name = book.sheet_for(layout)
        rows = book.rows(name, layout.decimal)
        head = list(islice(rows, HEADER_SEARCH_ROWS))
        table = find_table(head, layout)
        if table is None:
            raise empty_file(f"sheet '{name}'")
        place = f"sheet '{name}', row {table.header_row}"
        if layout.has_header:
            check_names(list(table.names), place)
        notes = notes_of(head[: table.first_row - 1], layout, name)
        counts = _Counts()
        body = _body(_chained(head[table.first_row - 1 :], rows), table, layout, counts)
        _insert(connection, body, len(table.names))
        return Cells(
            names=table.names,
            types=(TEXT,) * len(table.names),
            rows=counts.rows,
            sheet=name,
            first_column=table.first_column,
            notes=notes,
            rows_below=counts.below,
            malformed_rows=counts.too_wide,
            serial_days_from=book.bounds.serial_days_from,
        )


class _Counts:
    """What is counted while the rows of a table go by."""

    def __init__(self) -> None:
        self.rows = 0
        self.below = 0
        self.too_wide = Malformed()


class Book:
    """An open workbook whose bounds have been checked."""

    def __init__(self, calamine: CalamineWorkbook, bounds: Bounds) -> None:
        self._calamine = calamine
        self.bounds = bounds
        self._heads: dict[str, list[Row]] = {}

    def sheet_for(self, layout: Layout) -> str:
        """The one sheet that a layout means.

        Raises:
            UnreadableFile: NO_SUCH_SHEET, NOT_ONE_SHEET.
        """
        candidates = self.sheets(layout.sheet.name)
        if not candidates:
            wanted = " or ".join(f"'{name}'" for name in layout.sheet.name)
            raise UnreadableFile(
                "NO_SUCH_SHEET",
                "file",
                f"The workbook has no sheet {wanted}." if wanted else "The workbook has no visible sheet.",
                "Check that the right workbook was sent; if a sheet got another name, change the mapping.",
            )
        if len(candidates) == 1 or not layout.has_header:
            fitting = candidates
        else:
            shares = {name: self._share(name, layout) for name in candidates}
            best = max(shares.values())
            fitting = [name for name, share in shares.items() if share == best]
            fitting = fitting if best == 1 else fitting[:1]
        if len(fitting) > 1:
            raise UnreadableFile(
                "NOT_ONE_SHEET",
                "file",
                f"Several sheets could be meant: {', '.join(repr(name) for name in fitting)}.",
                "Name one with the word sheet in the mapping, or deliver each in a workbook of its own.",
            )
        return fitting[0]

    def head(self, name: str) -> list[Row]:
        """The first rows of a sheet, in which a header is looked for."""
        if name not in self._heads:
            self._heads[name] = list(islice(self.rows(name), HEADER_SEARCH_ROWS))
        return self._heads[name]

    def rows(self, name: str, decimal: str = ".") -> Iterator[Row]:
        """The rows of a sheet from its first, each cell as text; None where a cell is empty. `decimal` is the
        mark before the decimals of a number.
        """
        texts = _TEXTS | {float: lambda value: _text_of_number(value).replace(".", decimal)}
        self.bounds.check_sheet(name)
        errors = self.bounds.errors(name)
        with _faults():
            sheet = self._calamine.get_sheet_by_name(name)
        for number, values in enumerate(_values(sheet.iter_rows(), name), start=1):
            row = [texts[type(value)](value) for value in values]
            for column, text in errors.get(number, ()):
                if column < len(row):
                    row[column] = text
            yield row

    def sheets(self, wanted: tuple[str, ...] = ()) -> list[str]:
        """Names of the sheets that fit one of the patterns; without a pattern, of those that are shown."""
        sheets = [
            sheet
            for sheet in self._calamine.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and (wanted or sheet.visible == SheetVisibleEnum.Visible)
        ]
        if not wanted:
            return [sheet.name for sheet in sheets]
        return [
            sheet.name
            for sheet in sheets
            if any(re.fullmatch(_glob(each), clean_name(sheet.name)) for each in wanted)
        ]

    def _share(self, name: str, layout: Layout) -> float:
        table = find_table(self.head(name), layout)
        if table is None:
            return -1
        found = set(map(clean_name, table.names))
        wanted = set(map(clean_name, layout.header))
        return len(wanted & found) / len(wanted) if wanted else 1


def _header(book: Book, layout: Layout) -> list[str] | UnreadableFile:
    try:
        name = book.sheet_for(layout)
        table = find_table(book.head(name), layout)
        return empty_file(f"sheet '{name}'") if table is None else list(table.names)
    except UnreadableFile as fault:
        return fault


def _glob(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in clean_name(pattern))


@contextmanager
def open_workbook(path: Path) -> Iterator[Book]:
    """A workbook, provided that it is one and not too large.

    Raises:
        UnreadableFile: as `check_bounds`, or NOT_A_WORKBOOK.
    """
    bounds = check_bounds(path)
    # Given a path, the library would go by the ending of its name.
    with path.open("rb") as stream, _faults():
        calamine = load_workbook(stream)
    with calamine:
        yield Book(calamine, bounds)


@contextmanager
def _faults() -> Iterator[None]:
    """What the library says of a faulty workbook becomes a fault of the file; its own words may quote it."""
    try:
        with _held_back_panics():
            yield
    except PasswordError as fault:
        raise encrypted() from fault
    except (CalamineError, OSError, ValueError, OverflowError) as fault:
        raise not_a_workbook("it cannot be opened") from fault
    except BaseException as fault:
        # What the library did not foresee arrives as an exception that is no Exception.
        if type(fault).__name__ == "PanicException":
            raise not_a_workbook("it cannot be opened") from None
        raise


def _values(rows: Iterator[list], sheet: str) -> Iterator[list]:
    """The rows of a sheet as the library gives them.

    Raises:
        UnreadableFile: UNREADABLE_CELL.
    """
    number, is_more = 1, True
    while is_more:
        part = []
        try:
            # Once for many rows, because it takes a file.
            with _held_back_panics():
                part.extend(islice(rows, ROWS_AT_ONCE))
        except BaseException as fault:
            if type(fault).__name__ != "PanicException":
                raise
            raise UnreadableFile(
                "UNREADABLE_CELL",
                f"sheet '{sheet}', row {number + len(part)}",
                "A cell of this row cannot be read: most likely it is a number far beyond any date, with the "
                "format of a date.",
                "Correct the cell or its format, save the workbook and deliver it again.",
            ) from None
        yield from part
        number += len(part)
        is_more = len(part) == ROWS_AT_ONCE


@contextmanager
def _held_back_panics() -> Iterator[None]:
    """Keep what the library's own language writes to the standard error by itself when it panics from being
    seen: it says nothing to whoever runs a night. What anybody else writes meanwhile is passed on."""
    try:
        screen = os.dup(STANDARD_ERROR)
    except OSError:
        # A program without a screen.
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), STANDARD_ERROR)
        try:
            yield
        finally:
            os.dup2(screen, STANDARD_ERROR)
            held.seek(0)
            os.write(screen, _PANIC.sub(b"", held.read()))
            os.close(screen)


def _chained(head: Iterable[Row], rest: Iterator[Row]) -> Iterator[Row]:
    yield from head
    yield from rest


def _body(rows: Iterable[Row], table: Table, layout: Layout, counts: _Counts) -> Iterator[tuple[int, Row]]:
    """The rows of the table with their number in the sheet. Blank ones are no rows of it."""
    end = re.compile(layout.sheet.ends_before or r"(?!)", re.IGNORECASE)
    first, last, width = table.first_column, table.first_column + len(table.names), len(table.names)
    has_ended = False
    for number, row in enumerate(rows, start=table.first_row):
        cells = row[first:last]
        if is_blank(cells):
            continue
        beginning = next(cell for cell in cells if cell is not None)
        has_ended = has_ended or end.fullmatch(beginning) is not None
        if has_ended:
            counts.below += 1
            continue
        if not layout.has_header and not is_blank(row[last:]):
            counts.too_wide.add([(number, f"more than {width} fields")])
            continue
        counts.rows += 1
        yield number, cells + [None] * (width - len(cells))


def _insert(connection: duckdb.DuckDBPyConnection, rows: Iterator[tuple[int, Row]], width: int) -> None:
    names = [f"c{position}" for position in range(width)]
    connection.execute(
        f"create table cells ({', '.join(f'{name} {TEXT}' for name in names)}, source_row bigint)"
    )
    while batch := list(islice(rows, max(1, BATCH_CELLS // width))):
        columns = zip(*(cells for _, cells in batch), strict=True)
        arrays = {name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)}
        numbers = pa.array([number for number, _ in batch], pa.int64())
        connection.register("batch", pa.table({**arrays, "source_row": numbers}))
        connection.execute("insert into cells from batch")
        connection.unregister("batch")


def _text_of_text(value: str) -> str | None:
    return value.strip(BLANKS) or None


def _text_of_number(value: float) -> str:
    text = f"{value:.{EXCEL_DIGITS}g}"
    return "0" if text == "-0" else text


def _text_of_moment(value: datetime) -> str:
    is_midnight = value.time() == time.min
    return value.date().isoformat() if is_midnight else value.isoformat(sep=" ")


def _text_of_length(value: timedelta) -> str:
    """A length of time as Excel's `[h]:mm:ss` shows it."""
    seconds = round(abs(value).total_seconds())
    sign = "-" if value < timedelta(0) else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


_TEXTS: dict[type, Any] = {
    str: _text_of_text,
    float: _text_of_number,
    int: str,
    bool: lambda value: str(value).lower(),
    date: date.isoformat,
    datetime: _text_of_moment,
    time: time.isoformat,
    timedelta: _text_of_length,
    type(None): lambda value: None,
}
