"""Which reader reads which file: the one place where a format is entered.

Belongs here: file name endings and the two functions of each reader. A new format is one module beside this
one and one line below.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb

from pipelines.extracts.readers import csv, parquet
from pipelines.extracts.readers.cells import Cells, Layout


@dataclass(frozen=True)
class Format:
    """`read_header` needs a stream at its beginning, `read_cells` a file that is not packed."""

    read_header: Callable[[IO[bytes], Layout], list[str]]
    read_cells: Callable[[duckdb.DuckDBPyConnection, Path, Layout], Cells]
    delimiter: str | None = None


FORMATS: dict[str, Format] = {
    ".csv": Format(csv.read_header, csv.read_cells, delimiter=","),
    ".tsv": Format(csv.read_header, csv.read_cells, delimiter="\t"),
    ".parquet": Format(parquet.read_header, parquet.read_cells),
}

PACKED = (".gz", ".zip")


def readable_endings() -> str:
    """The endings that can be read, for people."""
    return f"{', '.join(FORMATS)}, and these packed as {' or '.join(PACKED)}"
