"""Reads delimited text, in UTF-8 or another encoding.

Belongs here: from a file to its cells. Does not belong here: where rows begin and end (`csv_rows`), and what
cells mean (`pipelines.extracts.mapping`).

`csv_rows` finds the rows, their lines and those that are malformed; DuckDB then parses the file, or a copy
that holds only the well-formed rows where the file has lines that DuckDB would not take as they are.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO

import duckdb
import numpy as np

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.cells import (
    BLANKS,
    MAX_COLUMNS,
    TEXT,
    Cells,
    Layout,
    check_names,
    clean_name,
    empty_file,
    literal,
    too_many_columns,
    trimmed,
)
from pipelines.extracts.readers.csv_rows import Block, Flags, parse_row, read_blocks, rows_by_themselves
from pipelines.extracts.readers.encodings import (
    UTF8,
    AsUtf8,
    Readable,
    copy_as_utf8,
    encoding_of,
    encoding_of_whole,
)
from pipelines.extracts.readers.line_numbers import LineNumbers, Malformed

HEADER_BLOCK_BYTES = 64 * 1024
# A file with more malformed lines than this, and than rows, is no table.
MOST_MALFORMED = 1_000_000
# A header is looked for in so much of a file.
SAMPLE_BYTES = 1024**2
# A header that stands lower than this is not found.
HEADER_SEARCH_ROWS = 50
DELIMITERS = (",", ";", "\t", "|")
# Blanks other than spaces are rare, and trimming them costs three times as much.
_ODD_BLANKS = tuple(blank.encode("utf-8") for blank in BLANKS if blank not in " \r\n")

# How DuckDB wants line ends spelled.
_LINE_ENDS = {b"\n": r"\n", b"\r\n": r"\r\n", b"\r": r"\r"}


def read_headers(stream: IO[bytes], layouts: Sequence[Layout]) -> list[list[str] | UnreadableFile]:
    """For each layout the fields of the header (without one, of the first row), in the file's order and as
    delivered; or EMPTY_FILE, BAD_HEADER, or whatever keeps the first lines from being read.
    """
    sample = _Sample(_at_most(stream, SAMPLE_BYTES))
    found: list[list[str] | UnreadableFile] = []
    for layout in layouts:
        try:
            found.append(list(sample.header(layout, sample.delimiter(layout)).fields))
        except UnreadableFile as fault:
            found.append(fault)
    return found


def _at_most(stream: IO[bytes], size: int) -> bytes:
    """The first bytes of a stream, which may give them in pieces."""
    data = b""
    while len(data) < size and (block := stream.read(size - len(data))):
        data += block
    return data


@dataclass(frozen=True)
class _Row:
    """A row near the beginning of a text: the line it stands on, its fields as delivered and as compared."""

    line: int
    fields: tuple[str, ...]
    names: frozenset[str]


class _Sample:
    """The beginning of a text, and its first rows by delimiter."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning
        self._rows: dict[tuple[str, str], list[_Row] | UnreadableFile] = {}
        self._lone: dict[tuple[str, str], list[_Row]] = {}

    def delimiter(self, layout: Layout) -> str:
        """The delimiter that a layout names; else the one with which the header has all names that the
        layout wants, the usual one first; else the one that comes nearest to it.
        """
        if layout.delimiter is not None:
            return layout.delimiter
        usual = [layout.usual_delimiter] if layout.usual_delimiter is not None else []
        candidates = list(dict.fromkeys([*usual, *DELIMITERS]))
        return max(candidates, key=lambda each: self._fit(layout, each))

    def encoding(self, layout: Layout) -> str:
        """The encoding as far as the beginning tells it."""
        is_whole = len(self._beginning) < SAMPLE_BYTES
        return encoding_of(self._beginning, layout.encoding, is_whole=is_whole)

    def header(self, layout: Layout, delimiter: str) -> _Row:
        """The first row that has all names that a layout wants, below a title and notes; else the first row.
        Quotation marks that do not balance in what is above it do no harm.

        Raises:
            UnreadableFile: EMPTY_FILE, BAD_HEADER, or whatever keeps the first lines from being read.
        """
        wanted = {clean_name(name) for name in layout.header} if layout.has_header else set()
        key = (self.encoding(layout), delimiter)
        if key not in self._rows:
            self._rows[key] = self._read(*key)
        rows = self._rows[key]
        if not isinstance(rows, UnreadableFile):
            return next((row for row in rows if wanted and wanted <= row.names), rows[0])
        if wanted and rows.code in ("BAD_HEADER", "UNTERMINATED_QUOTE"):
            if key not in self._lone:
                self._lone[key] = self._rows_by_themselves(*key)
            for row in self._lone[key]:
                if wanted <= row.names:
                    return row
        raise rows

    def _rows_by_themselves(self, encoding: str, delimiter: str) -> list[_Row]:
        text = _as_utf8(BytesIO(self._beginning), encoding).read(HEADER_BLOCK_BYTES)
        rows = rows_by_themselves(text, delimiter, HEADER_SEARCH_ROWS)
        return [_Row(line, tuple(fields), frozenset(map(clean_name, fields))) for line, fields in rows]

    def _read(self, encoding: str, delimiter: str) -> list[_Row] | UnreadableFile:
        text = BytesIO(self._beginning)
        try:
            for block in read_blocks(_as_utf8(text, encoding), delimiter, HEADER_BLOCK_BYTES):
                _check_first_row(block)
                if len(block.first):
                    return _rows_of(block, delimiter)
        except UnreadableFile as fault:
            return fault
        return empty_file("file")

    def _fit(self, layout: Layout, delimiter: str) -> tuple[float, bool, int]:
        """How well a delimiter fits; at a draw the usual one wins, else the one that gives most fields."""
        try:
            header = self.header(layout, delimiter)
        except UnreadableFile:
            return (-1, False, 0)
        if layout.has_header:
            share = len({*map(clean_name, layout.header)} & header.names)
        else:
            share = int(len(header.fields) in layout.widths)
        return (share, delimiter == layout.usual_delimiter, len(header.fields))


def _rows_of(block: Block, delimiter: str) -> list[_Row]:
    """The first rows of a block, among which a header is looked for."""
    rows = []
    for at, line in enumerate(block.source_rows[:HEADER_SEARCH_ROWS].tolist()):
        fields = tuple(parse_row(block.row(at), delimiter))
        rows.append(_Row(line, fields, frozenset(map(clean_name, fields))))
    return rows


def _as_utf8(stream: IO[bytes], encoding: str) -> Readable:
    return stream if encoding == UTF8 else AsUtf8(stream, encoding)


def read_cells(connection: duckdb.DuckDBPyConnection, path: Path, layout: Layout) -> Cells:
    """Read a whole file into `cells`.

    Raises:
        UnreadableFile: EMPTY_FILE, BAD_HEADER, DUPLICATE_COLUMN, TOO_MANY_COLUMNS, NOT_DECODABLE, or a fault
            found by `csv_rows`.
    """
    with path.open("rb") as stream:
        sample = _Sample(_at_most(stream, SAMPLE_BYTES))
    encoding, delimiter = sample.encoding(layout), sample.delimiter(layout)
    if encoding == UTF8:
        try:
            return _read_utf8(connection, path, layout, delimiter, UTF8, sample.header(layout, delimiter))
        except UnreadableFile as fault:
            other = encoding_of_whole(path, layout.encoding) if fault.code == "NOT_UTF8" else None
            if other in (None, UTF8):
                raise
            encoding = other
    with tempfile.TemporaryDirectory() as folder:
        recoded = Path(folder) / "utf8.csv"
        copy_as_utf8(path, recoded, encoding)
        return _read_utf8(connection, recoded, layout, delimiter, encoding, sample.header(layout, delimiter))


def _read_utf8(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    layout: Layout,
    delimiter: str,
    encoding: str,
    header: _Row,
) -> Cells:
    survey = _survey(connection, path, delimiter, header.line, layout.has_header)
    if survey.width > MAX_COLUMNS:
        raise too_many_columns(survey.width)
    names = parse_row(survey.first_row, delimiter)
    if layout.has_header:
        check_names(names, f"line {survey.first_line}")
    with tempfile.TemporaryDirectory() as folder:
        if survey.needs_copy:
            source = Path(folder) / "rows.csv"
            _copy_rows(path, source, delimiter, header.line, layout.has_header)
            _parse(connection, source, survey, delimiter=delimiter, skip=0, line_end=b"\n")
        else:
            line_end = next(iter(survey.line_ends), b"\n")
            skip = int(layout.has_header)
            _parse(connection, path, survey, delimiter=delimiter, skip=skip, line_end=line_end)
    _number_rows(connection, survey.source_rows)
    return Cells(
        names=tuple(names) if layout.has_header else ("",) * len(names),
        types=(TEXT,) * len(names),
        rows=len(survey.source_rows),
        malformed_rows=survey.malformed,
        encoding=encoding,
        delimiter=delimiter,
    )


@dataclass
class _Survey:
    """What one pass over a file's bytes tells: `source_rows` are the lines of its well-formed data rows."""

    source_rows: LineNumbers
    malformed: Malformed
    first_row: bytes = b""
    first_line: int = 0
    width: int = 0
    line_ends: set[bytes] = field(default_factory=set)
    needs_copy: bool = False
    blanks: str = " "


@dataclass(frozen=True)
class _DataRows:
    """The data rows of a block: `kept` marks those of the right width, `blank` those with nothing in them.
    `first_data_row` is 1 where the header is the first row of the block."""

    block: Block
    first_data_row: int
    kept: Flags
    blank: Flags


def _check_first_row(block: Block) -> None:
    if block.malformed and (not len(block.first) or block.malformed[0][0] < block.source_rows[0]):
        line, wrong = block.malformed[0]
        raise UnreadableFile(
            "BAD_HEADER",
            f"line {line}",
            f"The first row cannot be read: {wrong}; and no row below it has the names of the columns.",
            "Leave out the title or its quotation marks, so that one header row comes first.",
        )


def _data_rows(path: Path, delimiter: str, header_line: int, has_header: bool) -> Iterator[_DataRows]:
    """Block after block, which rows hold data; the width is that of the row on line `header_line`."""
    width = 0
    with path.open("rb") as stream:
        for block in read_blocks(stream, delimiter, from_line=header_line):
            first_data_row = 0
            if not width and len(block.first):
                width = int(block.fields[0])
                first_data_row = int(has_header)
            kept = block.fields == width
            blank = np.zeros(len(kept), np.bool_)
            for row in map(int, np.flatnonzero((block.fields == 1) & _starts_blank(block))):
                blank[row] = not block.row(row).decode("utf-8").strip(BLANKS)
            kept[:first_data_row] = False
            yield _DataRows(block, first_data_row, kept & ~blank, blank)


def _starts_blank(block: Block) -> Flags:
    beginnings = np.frombuffer(block.lines.data, np.uint8)[block.lines.starts[block.first]]
    return np.isin(beginnings, [blank.encode("utf-8")[0] for blank in BLANKS])


def _survey(
    connection: duckdb.DuckDBPyConnection, path: Path, delimiter: str, header_line: int, has_header: bool
) -> _Survey:
    survey = _Survey(LineNumbers(connection, "row_lines"), Malformed(connection))
    for rows in _data_rows(path, delimiter, header_line, has_header):
        block = rows.block
        if not survey.width and len(block.first):
            survey.first_row = block.row(0)
            survey.first_line = int(block.source_rows[0])
            survey.width = int(block.fields[0])
            # The first row ends on its own line, where nothing stands above it.
            survey.needs_copy = has_header and (survey.first_line != 1 or bool(block.last[0]))
        wrong = np.flatnonzero(~rows.kept & ~rows.blank)
        wrong = wrong[wrong >= rows.first_data_row]
        lines = block.source_rows
        wrong_width = [
            (line, _wrong_width(width, survey.width))
            for line, width in zip(lines[wrong].tolist(), block.fields[wrong].tolist(), strict=True)
        ]
        broken = [each for each in block.malformed if each[0] > survey.first_line]
        survey.malformed.add([*broken, *wrong_width])
        survey.source_rows.add(lines[rows.kept])
        _check_that_most_lines_are_rows(survey)
        survey.line_ends |= block.line_ends
        survey.needs_copy |= bool(survey.malformed) or bool(rows.blank.any()) or len(survey.line_ends) > 1
        survey.needs_copy |= survey.width == 1 and bool((block.lines.starts == block.lines.ends).any())
        if _has_odd_blanks(block):
            survey.blanks = BLANKS
    if not survey.width:
        raise empty_file("file")
    return survey


def _check_that_most_lines_are_rows(survey: _Survey) -> None:
    """Give up a file early that is no table: to look at gigabytes of broken lines one by one takes hours."""
    malformed = len(survey.malformed)
    if malformed > MOST_MALFORMED and malformed > len(survey.source_rows):
        raise UnreadableFile(
            "NOT_A_TABLE",
            f"line {survey.malformed.described[0][0]}",
            f"{malformed:,} lines so far cannot be split into {survey.width} fields, more than half of all.",
            "Check the separator and the quotation marks, or whether it is the right file at all.",
        )


def _wrong_width(fields: int, width: int) -> str:
    return f"{fields} {'field' if fields == 1 else 'fields'} instead of {width}"


def _has_odd_blanks(block: Block) -> bool:
    data = block.lines.data
    spans_lines = bool((block.last > block.first).any())
    inner_returns = data.count(b"\r") != int(block.lines.is_crlf.sum())
    return spans_lines or inner_returns or any(blank in data for blank in _ODD_BLANKS)


def _copy_rows(path: Path, target: Path, delimiter: str, header_line: int, has_header: bool) -> None:
    """Write the well-formed data rows alone, one after the other."""
    with target.open("wb") as copy:
        for rows in _data_rows(path, delimiter, header_line, has_header):
            for row in map(int, np.flatnonzero(rows.kept)):
                copy.write(rows.block.row(row) + b"\n")


def _parse(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    survey: _Survey,
    *,
    delimiter: str,
    skip: int,
    line_end: bytes,
) -> None:
    """Let DuckDB parse the rows into the table `parsed`, and make sure that it found the same ones.

    The line end is stated because DuckDB would otherwise guess it, also from inside quoted fields.
    """
    found = None
    names = [f"c{position}" for position in range(survey.width)]
    cells = ", ".join(f"{trimmed(name, survey.blanks)} as {name}" for name in names)
    columns = ", ".join(f"{name}: '{TEXT}'" for name in names)
    for parallel in ("true", "false"):
        found = _try_parse(
            connection,
            f"""
            create or replace table parsed as
            select {cells}
            from read_csv(
                {literal(str(path))}, auto_detect = false, header = false, skip = {skip},
                delim = {literal(delimiter)}, quote = '"', escape = '"', comment = '', nullstr = '',
                new_line = {literal(_LINE_ENDS[line_end])}, columns = {{{columns}}}, parallel = {parallel}
            )
            """,
        )
        if found == len(survey.source_rows):
            return
    raise RuntimeError(f"DuckDB finds {found} rows in a file that has {len(survey.source_rows)}")


def _try_parse(connection: duckdb.DuckDBPyConnection, statement: str) -> int | None:
    """The number of rows parsed, or None: DuckDB's own message would repeat the row at fault."""
    try:
        connection.execute(statement)
    except duckdb.InvalidInputException:
        return None
    counted = connection.execute("select count(*) from parsed").fetchone()
    return counted[0] if counted else None


def _number_rows(connection: duckdb.DuckDBPyConnection, source_rows: LineNumbers) -> None:
    """Make `cells` of `parsed`: give every row its line in the file."""
    if source_rows.is_run:
        first = source_rows.first
        connection.execute(f"create view cells as select *, rowid + {first} as source_row from parsed")
        return
    lines = source_rows.as_table()
    connection.execute(f"create table cells as from parsed positional join {lines}")
    connection.execute(f"drop table parsed; drop table {lines}")
