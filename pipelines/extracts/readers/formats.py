"""Which reader reads which file: the one place where a format is entered.

Belongs here: file name endings and the two functions of each reader. A new format is one module beside this
one and one line below.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers import csv, jsonlines, parquet, workbook
from pipelines.extracts.readers.cells import Cells, Layout

Headers = list[list[str] | UnreadableFile]


@dataclass(frozen=True)
class OfStream:
    """Reads the headers that several layouts find from the beginning of a file."""

    read: Callable[[IO[bytes], Sequence[Layout]], Headers]


@dataclass(frozen=True)
class OfFile:
    """Reads the headers that several layouts find in a file."""

    read: Callable[[Path, Sequence[Layout]], Headers]


@dataclass(frozen=True)
class Format:
    """`read_headers` needs either a stream at its beginning or, as `read_cells`, a file that is not packed.
    `delimiter` is the usual one.
    """

    read_cells: Callable[[duckdb.DuckDBPyConnection, Path, Layout], Cells]
    read_headers: OfStream | OfFile
    delimiter: str | None = None


_JSON_LINES = Format(jsonlines.read_cells, OfStream(jsonlines.read_headers))
_WORKBOOK = Format(workbook.read_cells, OfFile(workbook.read_headers))

FORMATS: dict[str, Format] = {
    ".csv": Format(csv.read_cells, OfStream(csv.read_headers), delimiter=","),
    ".tsv": Format(csv.read_cells, OfStream(csv.read_headers), delimiter="\t"),
    ".txt": Format(csv.read_cells, OfStream(csv.read_headers)),
    ".jsonl": _JSON_LINES,
    ".ndjson": _JSON_LINES,
    ".parquet": Format(parquet.read_cells, OfStream(parquet.read_headers)),
    ".xlsx": _WORKBOOK,
    ".xlsm": _WORKBOOK,
    ".xlsb": _WORKBOOK,
    ".ods": _WORKBOOK,
}

PACKED = (".gz", ".zip")


def readable_endings() -> str:
    """The endings that can be read, for people."""
    return f"{', '.join(FORMATS)}, and these packed as {' or '.join(PACKED)}"
