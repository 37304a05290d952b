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
from pipelines.extracts.readers import csv, parquet, workbook
from pipelines.extracts.readers.cells import Cells, Layout


@dataclass(frozen=True)
class OfStream:
    """Reads the header from the beginning of a file."""

    read: Callable[[IO[bytes], Layout], list[str]]


@dataclass(frozen=True)
class OfFile:
    """Reads the headers that several layouts find in a file."""

    read: Callable[[Path, Sequence[Layout]], list[list[str] | UnreadableFile]]


@dataclass(frozen=True)
class Format:
    """`read_header` is either one function that needs a stream at its beginning, or one for all layouts at
    once that, as `read_cells`, needs a file that is not packed.
    """

    read_cells: Callable[[duckdb.DuckDBPyConnection, Path, Layout], Cells]
    read_header: OfStream | OfFile
    delimiter: str | None = None


_WORKBOOK = Format(workbook.read_cells, OfFile(workbook.read_headers))

FORMATS: dict[str, Format] = {
    ".csv": Format(csv.read_cells, OfStream(csv.read_header), delimiter=","),
    ".tsv": Format(csv.read_cells, OfStream(csv.read_header), delimiter="\t"),
    ".parquet": Format(parquet.read_cells, OfStream(parquet.read_header)),
    ".xlsx": _WORKBOOK,
    ".xlsm": _WORKBOOK,
    ".xlsb": _WORKBOOK,
    ".ods": _WORKBOOK,
}

PACKED = (".gz", ".zip")


def readable_endings() -> str:
    """The endings that can be read, for people."""
    return f"{', '.join(FORMATS)}, and these packed as {' or '.join(PACKED)}"
