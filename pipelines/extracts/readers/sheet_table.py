"""Finds the table in a sheet: its header, its columns and the notes above it.

Belongs here: what stands where in rows of text. Does not belong here: workbooks (`workbook`).
"""

import re
from dataclasses import dataclass

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.cells import MAX_COLUMNS, Layout, clean_name, too_many_columns
from pipelines.extracts.vocabulary import CELL, COLUMN_SPAN, Note

# A header that stands lower than this is not found.
HEADER_SEARCH_ROWS = 200

Row = list[str | None]


@dataclass(frozen=True)
class Table:
    """Where a table lies: `header_row` and `first_row` (of its data) as the sheet counts, from 1;
    `first_column` from 0.
    """

    names: tuple[str, ...]
    header_row: int
    first_row: int
    first_column: int


def find_table(head: list[Row], layout: Layout) -> Table | None:
    """The table in the first rows of a sheet; None where they are blank.

    The header is the first row that has all names that are wanted, else the one that has most of them;
    without wanted names the first that is not blank. It begins with its first name and ends with its last.

    Raises:
        UnreadableFile: TOO_MANY_COLUMNS.
    """
    first, last = _span(layout)
    if not layout.has_header:
        return _headerless(head, first, last, layout.widths)
    wanted = {clean_name(name) for name in layout.header}
    depth = layout.sheet.header_rows
    best: tuple[int, int, list[str]] | None = None
    for at in range(len(head) - depth + 1):
        lowest = head[at + depth - 1][first:last]
        if is_blank(lowest):
            continue
        names = _joined([row[first:last] for row in head[at : at + depth]])
        found = len(wanted.intersection(map(clean_name, names)))
        if best is None or found > best[0]:
            best = (found, at, names)
        if found == len(wanted):
            break
    if best is None:
        return None
    _, at, names = best
    filled = [position for position, name in enumerate(names) if name]
    begin, end = filled[0], filled[-1] + 1
    _check_width(end - begin)
    return Table(
        names=tuple(names[begin:end]),
        header_row=at + depth,
        first_row=at + depth + 1,
        first_column=first + begin,
    )


def notes_of(above: list[Row], layout: Layout, sheet: str) -> dict[str, str | None]:
    """The text of every note of a layout, None where its cell is empty.

    Raises:
        UnreadableFile: NOTE_MISSING.
    """
    return {name: _note(above, note, sheet) for name, note in layout.sheet.notes.items()}


def column_number(letters: str) -> int:
    """The column (from 0) that a sheet calls A, B, ... Z, AA."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def is_blank(row: Row) -> bool:
    """Whether nothing stands in a row."""
    return not any(cell is not None for cell in row)


def _span(layout: Layout) -> tuple[int, int | None]:
    found = re.fullmatch(COLUMN_SPAN, layout.sheet.columns or "")
    if found is None:
        return 0, None
    return column_number(found.group(1)), column_number(found.group(2)) + 1


def _headerless(head: list[Row], first: int, last: int | None, widths: tuple[int, ...]) -> Table | None:
    """A sheet does not tell how wide its table is where the last columns are empty: the next width does."""
    rows = [row[first:last] for row in head]
    at = next((at for at, row in enumerate(rows) if not is_blank(row)), None)
    if at is None:
        return None
    width = max((column + 1 for row in rows for column, cell in enumerate(row) if cell is not None))
    width = min((each for each in widths if each >= width), default=width)
    _check_width(width)
    return Table(("",) * width, header_row=at + 1, first_row=at + 1, first_column=first)


def _joined(rows: list[Row]) -> list[str]:
    """One name a column of a header that goes over several rows.

    A cell of an upper row counts for those to its right up to the next that is filled: so merged cells are
    written, in which only the first has a text.
    """
    *uppers, lowest = rows
    width = max(map(len, rows))
    names: list[list[str]] = [[] for _ in range(width)]
    for upper in uppers:
        group = ""
        for column in range(width):
            text = upper[column] if column < len(upper) else None
            group = _one_line(text) if text is not None else group
            names[column].append(group)
    for column in range(width):
        text = lowest[column] if column < len(lowest) else None
        # What has no name of its own is no column, however wide the cell above it is merged.
        is_named = text is not None or any(
            column < len(upper) and upper[column] is not None for upper in uppers
        )
        names[column] = [*names[column], _one_line(text or "")] if is_named else []
    return [" / ".join(part for part in parts if part) for parts in names]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _check_width(width: int) -> None:
    if width > MAX_COLUMNS:
        raise too_many_columns(width)


def _note(above: list[Row], note: Note, sheet: str) -> str | None:
    if note.cell is not None:
        letters, number = re.fullmatch(CELL, note.cell).groups()  # pyright: ignore[reportOptionalMemberAccess]
        row = above[int(number) - 1] if int(number) <= len(above) else []
        column = column_number(letters)
        if int(number) > len(above):
            raise _missing(f"row {number}, where {note.cell} is,", sheet)
        return row[column] if column < len(row) else None
    wanted = clean_name(note.beside or "")
    for row in above:
        for column, cell in enumerate(row):
            if cell is not None and clean_name(cell) == wanted:
                return next((text for text in row[column + 1 :] if text is not None), None)
    raise _missing(f"a cell '{note.beside}'", sheet)


def _missing(what: str, sheet: str) -> UnreadableFile:
    return UnreadableFile(
        "NOTE_MISSING",
        f"sheet '{sheet}'",
        f"The sheet does not have {what} above its table.",
        "Check that the right workbook was sent; if the supplier changed the sheet, change the mapping.",
    )
