"""Reads Parquet files.

Belongs here: from a file to its cells. Does not belong here: what cells mean (`pipelines.extracts.mapping`).

Numbers, dates and booleans stay what they are; everything else becomes text. A row's place is its number in
the file, from 1, because Parquet has no lines.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.cells import TEXT, Cells, Layout, check_names, literal, trimmed

WHOLE_NUMBERS = frozenset(
    ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"]
)
DECIMAL_NUMBERS = frozenset(["FLOAT", "DOUBLE"])
KEPT_TYPES = WHOLE_NUMBERS | DECIMAL_NUMBERS | {"BOOLEAN", "DATE", "TIMESTAMP"}


def read_headers(stream: IO[bytes], layouts: Sequence[Layout]) -> list[list[str] | UnreadableFile]:
    """For each layout the names of the columns, in the file's order; or NOT_PARQUET."""
    try:
        names = _names(stream)
    except UnreadableFile as fault:
        return [fault] * len(layouts)
    return [names] * len(layouts)


def _names(stream: IO[bytes]) -> list[str]:
    try:
        return pq.read_schema(stream).names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as fault:
        raise _not_parquet() from fault


def read_cells(connection: duckdb.DuckDBPyConnection, path: Path, layout: Layout) -> Cells:
    """Read a whole file into `cells`.

    Raises:
        UnreadableFile: NOT_PARQUET, DUPLICATE_COLUMN.
    """
    with path.open("rb") as stream:
        names = _names(stream)
    check_names(names, "file")
    source = f"read_parquet({literal(str(path))}, binary_as_string = true, file_row_number = true)"
    try:
        described = connection.execute(f"describe from {source}").fetchall()
        found = [str(column[1]) for column in described[: len(names)]]
        cells = ", ".join(
            f"{_cell(column[0], type_)} as c{position}"
            for position, (column, type_) in enumerate(zip(described, found, strict=False))
        )
        connection.execute(
            f"create table cells as select {cells}, file_row_number + 1 as source_row from {source}"
        )
    except (duckdb.Error, UnicodeDecodeError) as fault:
        raise _not_parquet() from fault
    counted = connection.execute("select count(*) from cells").fetchone()
    return Cells(
        names=tuple(names),
        types=tuple(type_ if type_ in KEPT_TYPES else TEXT for type_ in found),
        rows=counted[0] if counted else 0,
    )


def _not_parquet() -> UnreadableFile:
    return UnreadableFile(
        "NOT_PARQUET", "file", "The file is damaged or not Parquet.", "Write it again and deliver it again."
    )


def _cell(name: str, type_: str) -> str:
    column = '"' + name.replace('"', '""') + '"'
    if type_ in DECIMAL_NUMBERS:
        # Some libraries write a missing number as not-a-number.
        return f"case when not isnan({column}) then {column} end"
    if type_ in KEPT_TYPES:
        return column
    return trimmed(column if type_ == TEXT else f"cast({column} as varchar)")
