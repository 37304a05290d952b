"""Looks at a file that nobody knows and drafts its mapping: `qi onboard`.

Belongs here: finding the table in the file, and trying the draft on the file itself. Does not belong here:
guessing what columns are (`onboard_columns`) and writing the draft (`onboard_draft`).
"""

import re
import tempfile
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import duckdb

from pipelines.extracts.contract import Contract
from pipelines.extracts.mapping import Mapping, load_mapping, suppression_reasons
from pipelines.extracts.onboard_columns import CODE, formats_of, look_at
from pipelines.extracts.onboard_draft import MONTH, Found, draft
from pipelines.extracts.read import Extracted, read
from pipelines.extracts.readers.cells import Cells, Layout, clean_name
from pipelines.extracts.readers.sheet_table import Row, find_table
from pipelines.extracts.readers.workbook import open_workbook
from pipelines.extracts.recognise import recognise
from pipelines.extracts.unpack import Content, look_inside, not_one_table, plain_file
from pipelines.extracts.vocabulary import Note, Sheet

WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".ods")


@dataclass(frozen=True)
class Onboarded:
    """A draft that loads and reads the file: its text, the mapping's name, and what it was tried with."""

    name: str
    text: str


def onboard(
    path: Path, contracts: Dictionary[str, Contract], mappings: list[Mapping], name: str | None = None
) -> Onboarded:
    """Draft the mapping of a file. It is loaded and the file is read with it before it is returned.

    `mappings`: those that are there, so that a file which one of them reads is told. `name`: of the mapping,
    by default made of the file's name.

    Raises:
        UnreadableFile: the file as such is at fault.
    """
    contents = look_inside(path)
    if len(contents) != 1:
        raise not_one_table([content.name for content in contents])
    content = contents[0]
    known = recognise(path, mappings)
    name = name or _slug(content.names[-1])
    with plain_file(content) as source:
        layout = _layout(content, source)
        with duckdb.connect() as connection:
            cells = content.format.read_cells(connection, source, layout)
            has_header = _has_header(connection, cells, layout)
        layout = replace(layout, has_header=has_header)
        with duckdb.connect() as connection:
            cells = content.format.read_cells(connection, source, layout)
            names = _names(cells, layout)
            guess = look_at(connection, cells, names, suppression_reasons(_nobody(mappings)))
    found = Found(
        name=name,
        file_name=path.name,
        content_name=content.names[-1],
        layout=layout,
        usual_delimiter=content.format.delimiter,
        cells=cells,
        names=tuple(names),
        guess=guess,
        month_format=_month_format(cells),
        known_as=known.name if isinstance(known, Mapping) else None,
    )
    found = replace(found, has_control_total=_reconciles(path, found, contracts))
    return Onboarded(name, draft(found, _try(path, found, contracts)))


def _nobody(mappings: list[Mapping]) -> Mapping:
    """A mapping without signs of its own, so that the common ones are looked for."""
    return next(mapping for mapping in mappings if mapping.is_canonical)


def _slug(file_name: str) -> str:
    stem = re.sub(r"(\.(gz|zip))?$|\.[a-z0-9]+(\.(gz|zip))?$", "", file_name.lower())
    words = re.sub(r"[^a-z]+", "_", stem).strip("_")
    return words if re.fullmatch(r"[a-z][a-z_]+", words) else f"supplier_{words}".rstrip("_")


def _layout(content: Content, source: Path) -> Layout:
    if Path(content.name).suffix.lower() in WORKBOOKS:
        return _layout_of_workbook(source)
    # No delimiter is the usual one here: that which gives most columns is taken.
    return Layout()


def _layout_of_workbook(source: Path) -> Layout:
    """The sheet and header that look most like a table: a row of many words above rows with numbers.

    Raises:
        UnreadableFile: as for a workbook that is read.
    """
    with open_workbook(source) as book:
        candidates = [
            (score, at, Layout(header=header, sheet=_sheet(name, depth, above)))
            for at, name in enumerate(book.sheets())
            for score, header, depth, above in _header_of(book.head(name))
        ]
    return max(candidates, key=lambda each: (each[0], -each[1]), default=(0, 0, Layout()))[2]


def _sheet(name: str, depth: int, above: list[Row]) -> Sheet:
    """A sheet, with the month that stands above its table as a note."""
    for row in above:
        for label, value in pairwise([cell for cell in row if cell is not None]):
            if clean_name(label).rstrip(" :") in ("period", "reporting period", "month") and formats_of(
                value
            ):
                return Sheet(name=(name,), header_rows=depth, notes={MONTH: Note(beside=label)})
    return Sheet(name=(name,), header_rows=depth)


def _header_of(rows: list[Row]) -> list[tuple[int, tuple[str, ...], int, list[Row]]]:
    """The best header of a sheet: how good it is, its names, over how many rows it goes, and the rows above;
    none in a sheet without a table."""
    best: tuple[int, int] | None = None
    for at, row in enumerate(rows[:-1]):
        words = [cell for cell in row if cell is not None and not _is_number(cell)]
        below = [cell for later in rows[at + 1 : at + 6] for cell in later if cell is not None]
        numbers = sum(map(_is_number, below))
        score = len(words) * min(numbers, 2 * len(words) + 1)
        if len(words) > 1 and (best is None or score > best[0]):
            best = (score, at)
    if best is None:
        return []
    score, at = best
    named = [clean_name(cell) for cell in rows[at] if cell is not None]
    if _goes_on(rows[at], rows[at + 1 : at + 3]):
        at, depth = at + 1, 2
    else:
        depth = 2 if len(set(named)) < len(named) and at > 0 else 1
    table = find_table(rows[at - depth + 1 : at + 2], Layout(sheet=Sheet(header_rows=depth)))
    header = tuple(name for name in table.names if name) if table is not None else ()
    # How many rows follow tells a table of many organisations from a summary.
    return [(score * len(rows), header, depth, rows[: at - depth + 1])] if header else []


def _goes_on(header: Row, below: list[Row]) -> bool:
    """Whether a header goes on in the next row: words under some of its cells and nothing under others, as
    where cells are merged, and numbers only after that."""
    if len(below) < 2:
        return False
    cells = [cell for cell in below[0] if cell is not None]
    has_gaps = any(name is not None and cell is None for name, cell in zip(header, below[0], strict=False))
    has_numbers = any(_is_number(cell) for cell in below[1] if cell is not None)
    return len(cells) > 1 and has_gaps and has_numbers and not any(map(_is_number, cells))


def _month_format(cells: Cells) -> str | None:
    month = cells.notes.get(MONTH)
    return formats_of(month)[0] if month is not None else None


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-?[\d,]*\.?\d+(?:e[+-]?\d+)?", cell, re.IGNORECASE) is not None


def _has_header(connection: duckdb.DuckDBPyConnection, cells: Cells, layout: Layout) -> bool:
    """Whether the first row names columns: it has no number, and no code where the rows have codes."""
    if layout.sheet.name or not cells.names or set(cells.types) != {"VARCHAR"}:
        return True
    if any(_is_number(name.strip()) for name in cells.names if name.strip()):
        return False
    for at, name in enumerate(cells.names[:3]):
        if not re.fullmatch(CODE, name.strip()) or not re.search(r"\d", name):
            continue
        share = connection.execute(
            f"select coalesce(avg(regexp_full_match(c{at}, '{CODE}')::int), 0) from cells "
            f"where c{at} is not null"
        ).fetchall()[0][0]
        if share > 0.8:
            return False
    return True


def _names(cells: Cells, layout: Layout) -> list[str]:
    """What the mapping calls the columns: as the header does, or by number."""
    if layout.has_header:
        return [name.strip() for name in cells.names]
    return [f"column {at + 1}" for at in range(len(cells.types))]


def _reconciles(path: Path, found: Found, contracts: Dictionary[str, Contract]) -> bool:
    """Whether the total row is the sum of the others in every column in which it has a number."""
    if found.guess.total_in is None or not found.guess.numbers:
        return False
    strict = draft(replace(found, has_control_total=True), None)
    stated = _read_with(path, strict, found, contracts)[-1].control_totals
    totals = [total for total in stated if total.summed is not None]
    return bool(totals) and all(
        abs(total.published - (total.summed or 0)) <= 1e-9 * max(1, abs(total.published)) for total in totals
    )


def _try(path: Path, found: Found, contracts: Dictionary[str, Contract]) -> list[Extracted]:
    return _read_with(path, draft(found, None), found, contracts)


def _read_with(path: Path, text: str, found: Found, contracts: Dictionary[str, Contract]) -> list[Extracted]:
    """What a draft reads from the file, for each extract."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"{found.name}.yml"
        target.write_text(text, encoding="utf-8")
        mapping = load_mapping(target, contracts)
        return [read(path, mapping, extract, contracts[extract]) for extract in mapping.extracts]
