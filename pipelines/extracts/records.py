"""The typed records of one file, kept in a DuckDB database of their own for as long as the file is open.

Belongs here: where records lie while a file is judged, and how they are handed out slice by slice. Does not
belong here: how cells become records (`compile`), judging them (`pipelines.gates`).

A small file is held in memory. A larger one lies in a temporary folder, so that memory is bounded whatever a
supplier sends; `tempfile.gettempdir` says where that is.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.extracts.add_up import SOURCE_UNIT

# Large enough that what a rule costs by itself does not show, small enough that several fit in memory.
SLICE_RECORDS = 250_000

MEMORY_LIMIT = "1GB"
# A DuckDB file costs ten milliseconds, which most nights' files do not take altogether.
MOST_BYTES_IN_MEMORY = 4 * 1024**2

# No column of a contract has two underscores.
RECORD = "record__number"


@contextmanager
def engine(file_bytes: int = 0) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB database for one file of that size, gone afterwards, with bounded memory."""
    with tempfile.TemporaryDirectory(prefix="qi-mart-") as folder:
        options: dict[str, str | bool | int | float | list[str]] = {
            # What does not fit in memory goes there; DuckDB would otherwise use the working directory.
            "temp_directory": folder,
            "memory_limit": MEMORY_LIMIT,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        is_small = file_bytes <= MOST_BYTES_IN_MEMORY
        database = ":memory:" if is_small else str(Path(folder) / "file.duckdb")
        with duckdb.connect(database, config=options) as connection:
            if not is_small:
                connection.execute("pragma disable_checkpoint_on_shutdown")
            yield connection


@dataclass(frozen=True)
class Records:
    """The records of a file; those of a line, or of a unit of lines that were added up, stand together.

    `connection` has them as the view `records`: the columns of `schema`, and RECORD, the number of a record
    from 0. Any question on all of them at once is a query on that view. `changes`: column -> SQL for its
    value, over the columns as they were read.
    """

    connection: duckdb.DuckDBPyConnection
    schema: pa.Schema
    count: int
    changes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_typed(cls, connection: duckdb.DuckDBPyConnection, schema: pa.Schema) -> "Records":
        """What the table `typed` of a database holds, in its order."""
        counted = connection.execute("select count(*) from typed").fetchall()
        records = cls(connection, schema, counted[0][0])
        records._define_view()
        return records

    def changed(self, column: pa.Field, value: str) -> "Records":
        """The same records with another value (SQL over the columns as read) in a column, or one more."""
        index = self.schema.get_field_index(column.name)
        schema = self.schema.append(column) if index < 0 else self.schema.set(index, column)
        records = replace(self, schema=schema, changes={**self.changes, column.name: value})
        records._define_view()
        return records

    def _define_view(self) -> None:
        columns = ", ".join(
            f'{self.changes.get(name, _quoted(name))} as "{name}"' for name in self.schema.names
        )
        self.connection.execute(
            f"create or replace view records as select rowid as {RECORD}, {columns} from typed"
        )

    def positions(self, query: str, parameters: object = None) -> np.ndarray:
        """The first column of a query's answer: numbers of records, sorted."""
        answer = self.connection.execute(query, parameters).fetchnumpy()
        return np.sort(np.asarray(next(iter(answer.values())), dtype=np.int64))

    def slices(self, size: int = 0) -> Iterator[tuple[int, pa.Table]]:
        """About `size` (else SLICE_RECORDS) records at a time, each with the number of its first record.

        A line's records, or a unit's, are never split between slices.
        """
        size = size or SLICE_RECORDS
        first = 0
        while first < self.count:
            table = self._whole_lines(first, size)
            yield first, table
            first += table.num_rows

    def table(self) -> pa.Table:
        """All records at once: for files that are known to be small."""
        return self._between(0, self.count)

    def _whole_lines(self, first: int, size: int) -> pa.Table:
        """Records from `first` on, up to the end of a line; more where one line fills a slice."""
        table = self._between(first, first + size)
        if first + size >= self.count:
            return table
        lines = table.column(SOURCE_UNIT if SOURCE_UNIT in table.column_names else "source_row").to_numpy()
        is_of_last_line = lines == lines[-1]
        start_of_last_line = int(np.argmax(is_of_last_line))
        return (
            table.slice(0, start_of_last_line) if start_of_last_line else self._whole_lines(first, 2 * size)
        )

    def _between(self, first: int, end: int) -> pa.Table:
        columns = ", ".join(map(_quoted, self.schema.names))
        query = f"select {columns} from records where {RECORD} >= {first} and {RECORD} < {end}"
        return self.connection.execute(query).to_arrow_table().cast(self.schema)


@contextmanager
def records_of(table: pa.Table) -> Iterator[Records]:
    """Records that are in memory already, with `source_row` in order."""
    with engine() as connection:
        connection.register("given", table)
        connection.execute("create table typed as from given")
        yield Records.of_typed(connection, table.schema)


def _quoted(name: str) -> str:
    return f'"{name}"'
