"""Reads JSON lines: one object a line, whose names are the columns.

Belongs here: from a file to its cells. Does not belong here: what cells mean (`pipelines.extracts.mapping`).

Everything becomes text, numbers as they are written. A line that is no object of plain values is malformed
and given up alone. Objects need not have the same names: what a line lacks is null.
"""

import json
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.cells import (
    BLANKS,
    MAX_COLUMNS,
    TEXT,
    Cells,
    Layout,
    check_names,
    empty_file,
    too_many_columns,
)
from pipelines.extracts.readers.csv_rows import (
    BLOCK_BYTES,
    MAX_LINE_BYTES,
    MAX_ROW_BYTES,
    TOO_LONG,
    check_kind,
    line_too_long,
)
from pipelines.extracts.readers.encodings import UTF8, AsUtf8, Readable, encoding_of, not_utf8
from pipelines.extracts.readers.line_numbers import Malformed

SAMPLE_BYTES = 1024**2
BATCH_CELLS = 500_000
NO_OBJECT = "no JSON object of plain values"

Record = dict[str, str | None]


def read_headers(stream: IO[bytes], layouts: Sequence[Layout]) -> list[list[str] | UnreadableFile]:
    """For each layout the names in the first lines, in their order; or why there are none."""
    data = b""
    while len(data) < SAMPLE_BYTES and (block := stream.read(SAMPLE_BYTES - len(data))):
        data += block
    try:
        names = _names(data)
    except UnreadableFile as fault:
        return [fault] * len(layouts)
    return [names] * len(layouts)


def read_cells(connection: duckdb.DuckDBPyConnection, path: Path, layout: Layout) -> Cells:
    """Read a whole file into `cells`.

    Raises:
        UnreadableFile: EMPTY_FILE, NOT_JSON_LINES, NOT_UTF8, NOT_DECODABLE, NOT_TEXT, LINE_TOO_LONG,
            DUPLICATE_COLUMN, TOO_MANY_COLUMNS.
    """
    with path.open("rb") as stream:
        encoding = _encoding(stream.read(SAMPLE_BYTES))
    positions: dict[str, int] = {}
    malformed = Malformed(connection)
    batch: list[tuple[int, Record]] = []
    rows = 0
    connection.execute("create table cells (source_row bigint)")
    with path.open("rb") as stream:
        text = stream if encoding == UTF8 else AsUtf8(stream, encoding)
        for line, record in _records(text, layout.decimal):
            if isinstance(record, str):
                malformed.add([(line, record)])
                continue
            _add_columns(connection, record, positions)
            batch.append((line, record))
            rows += 1
            if len(batch) * len(positions) >= BATCH_CELLS:
                _insert(connection, batch, positions)
                batch = []
    _insert(connection, batch, positions)
    if not rows:
        raise _not_json_lines() if malformed else empty_file("file")
    check_names(list(positions), "file")
    return Cells(
        names=tuple(positions),
        types=(TEXT,) * len(positions),
        rows=rows,
        malformed_rows=malformed,
        encoding=encoding,
    )


def _encoding(beginning: bytes) -> str:
    check_kind(beginning)
    encoding = encoding_of(beginning, is_whole=len(beginning) < SAMPLE_BYTES)
    # JSON is Unicode: no other encoding is ever meant.
    return encoding if encoding.startswith("utf") else UTF8


def _names(data: bytes) -> list[str]:
    encoding = _encoding(data)
    cut = len(data) if len(data) < SAMPLE_BYTES else data.rfind(b"\n") + 1
    text: Readable = BytesIO(data[:cut])
    names: dict[str, None] = {}
    is_empty = True
    for _, record in _records(text if encoding == UTF8 else AsUtf8(text, encoding)):
        is_empty = False
        if not isinstance(record, str):
            names |= dict.fromkeys(record)
    if not names:
        raise empty_file("file") if is_empty else _not_json_lines()
    return list(names)


def _records(stream: Readable, decimal: str = ".") -> Iterator[tuple[int, Record | str]]:
    """Line (from 1) and its object, or what is wrong with it; blank lines are passed over."""
    for number, line in enumerate(_lines(stream), start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) > MAX_ROW_BYTES:
            yield number, TOO_LONG
        elif line.strip():
            yield number, _record(line, number, decimal)


def _lines(stream: Readable) -> Iterator[bytes]:
    rest, count = b"", 0
    while block := stream.read(BLOCK_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
        count += len(lines)
        if len(rest) > MAX_LINE_BYTES:
            raise line_too_long(count + 1)
    if rest:
        yield rest


def _record(line: bytes, number: int, decimal: str) -> Record | str:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise not_utf8(f"line {number}", "A character is not valid UTF-8.") from fault
    try:
        found = json.loads(
            text,
            object_pairs_hook=_Object,
            parse_float=lambda written: written.replace(".", decimal),
            parse_int=str,
            parse_constant=str,
        )
    except (ValueError, RecursionError):
        return NO_OBJECT
    if not isinstance(found, _Object):
        return NO_OBJECT
    record: Record = {}
    for name, value in found.pairs:
        if isinstance(value, (_Object, list)):
            return NO_OBJECT
        if name in record:
            return "a name that stands twice"
        cell = _text(value)
        if not _is_text(name) or not _is_text(cell or ""):
            return "a character that no text has"
        record[name] = cell
    return record


class _Object:
    """An object with its names as written, which may stand twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _text(value: str | bool | None) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else value.strip(BLANKS) or None


def _is_text(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _add_columns(connection: duckdb.DuckDBPyConnection, record: Record, positions: dict[str, int]) -> None:
    for name in record:
        if name not in positions:
            if len(positions) == MAX_COLUMNS:
                raise too_many_columns(len(positions) + 1)
            connection.execute(f"alter table cells add column c{len(positions)} {TEXT}")
            positions[name] = len(positions)


def _insert(
    connection: duckdb.DuckDBPyConnection, batch: list[tuple[int, Record]], positions: dict[str, int]
) -> None:
    if not batch:
        return
    columns = {
        f"c{at}": pa.array([record.get(name) for _, record in batch], pa.string())
        for name, at in positions.items()
    }
    numbers = pa.array([line for line, _ in batch], pa.int64())
    connection.register("batch", pa.table({**columns, "source_row": numbers}))
    connection.execute("insert into cells by name from batch")
    connection.unregister("batch")


def _not_json_lines() -> UnreadableFile:
    return UnreadableFile(
        "NOT_JSON_LINES",
        "file",
        "No line of the file is a JSON object of plain values.",
        'Write one object a line, such as {"code": "RXX", "value": 4}.',
    )
