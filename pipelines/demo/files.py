"""Files as a supplier would send them: CSV by the letter of RFC 4180 with LF, and Parquet in handy pieces."""

import csv
import io
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO, Literal

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

PointsFormat = Literal["csv", "parquet"]
ROWS_A_FILE = 1_000_000
ROWS_A_BATCH = 250_000


@dataclass
class Line:
    """One line of a text file. `tag`: the planted fault it carries, if any."""

    cells: list[str]
    tag: str | None = None


@dataclass
class TextFile:
    """A CSV file before it is written; the place where faults are planted."""

    folder: str
    name: str
    header: list[str]
    lines: list[Line] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}"

    def column(self, name: str) -> int:
        """Place of a column in each line."""
        return self.header.index(name)

    def tagged(self, tag: str) -> tuple[int, ...]:
        """Numbers of the lines that carry this tag; the header is line 1."""
        return tuple(number for number, line in enumerate(self.lines, start=2) if line.tag == tag)

    def content(self) -> bytes:
        """The bytes of the file."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows(line.cells for line in self.lines)
        return text.getvalue().encode("utf-8")


def cell(value: str | int | float | bool | date | None) -> str:
    """A value as it stands in a CSV file: empty for null, ISO dates, `true` and `false`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def text_lines(table: pa.Table) -> list[Line]:
    """The rows of a table without text that needs quotes, as lines."""
    return [Line(row.split(",")) for row in _csv_bytes(table).decode("utf-8").splitlines()]


def _csv_bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    arrow_csv.write_csv(table, sink, arrow_csv.WriteOptions(include_header=False, quoting_style="none"))
    return sink.getvalue()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, with its folder if that is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class TableWriter:
    """Writes tables of points into files, in batches, so that memory stays small.

    With `is_numbered`, a file has at most `ROWS_A_FILE` rows and names end in `-001`, `-002`, ...; otherwise
    there is one file. `written`: rows by path.
    """

    def __init__(self, folder: Path, stem: str, kind: PointsFormat, is_numbered: bool = False):
        self._folder, self._stem, self._kind, self._is_numbered = folder, stem, kind, is_numbered
        self._held: list[pa.Table] = []
        self._sink: pq.ParquetWriter | BinaryIO | None = None
        self._path = folder
        self.written: dict[Path, int] = {}

    def write(self, table: pa.Table) -> None:
        """Append a table."""
        self._held.append(table)
        if sum(len(held) for held in self._held) >= ROWS_A_BATCH:
            self._flush()

    def close(self) -> None:
        """Write what is held and finish the file."""
        if self._held:
            self._flush()
        if self._sink is not None:
            self._sink.close()
            self._sink = None

    def _flush(self) -> None:
        table = pa.concat_tables(self._held).unify_dictionaries()
        self._held = []
        is_full = self._is_numbered and self.written.get(self._path, 0) + len(table) > ROWS_A_FILE
        if self._sink is not None and is_full:
            self._sink.close()
            self._sink = None
        sink = self._sink or self._open(table.schema)
        if isinstance(sink, pq.ParquetWriter):
            sink.write_table(table)
        else:
            sink.write(_csv_bytes(table))
        self.written[self._path] = self.written.get(self._path, 0) + len(table)

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter | BinaryIO:
        number = f"-{len(self.written) + 1:03d}" if self._is_numbered else ""
        self._path = self._folder / f"{self._stem}{number}.{self._kind}"
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._kind == "csv":
            sink = self._path.open("wb")
            sink.write((",".join(schema.names) + "\n").encode("utf-8"))
        else:
            # Without the Arrow schema readers see plain text columns, not dictionaries.
            sink = pq.ParquetWriter(self._path, schema, compression="zstd", store_schema=False)
            sink.add_key_value_metadata({"synthetic": "true"})
        self._sink = sink
        return sink
