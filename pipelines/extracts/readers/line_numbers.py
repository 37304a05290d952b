"""Numbers of a file's lines, of which there may be more than memory should hold.

Belongs here: keeping them, in the order of the file, and handing them out. Does not belong here: what is true
of those lines.
"""

from collections.abc import Iterable, Iterator

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Positions = NDArray[np.int64]

# Eight megabytes; more are put into the file's database.
MOST_IN_MEMORY = 1_000_000
SLICE = 250_000
# So many malformed lines are remembered with what is wrong with them.
MOST_DESCRIBED = 1_000


class LineNumbers:
    """Rising line numbers. As long as each follows the one before only the first and the last are kept.

    With a `connection` they may be any number: what memory should not hold goes into the table `name` there.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection | None = None, name: str = "") -> None:
        self.count = 0
        self.first = 0
        self._connection = connection
        self._name = name
        self._is_run = True
        self._held: list[Positions] = []
        self._in_memory = self._stored = 0

    def __len__(self) -> int:
        return self.count

    @property
    def is_run(self) -> bool:
        """Whether there is no gap between the first and the last."""
        return self._is_run

    def add(self, lines: Positions) -> None:
        """Add numbers, all of them after those that are there."""
        if not lines.size:
            return
        if not self.count:
            self.first = int(lines[0])
        follows = int(lines[-1]) - self.first + 1 == self.count + lines.size
        if self._is_run and not follows and self.count:
            self._hold(np.arange(self.first, self.first + self.count, dtype=np.int64))
        self._is_run = self._is_run and follows
        self.count += lines.size
        if not self._is_run:
            self._hold(lines)

    def slices(self, size: int = SLICE) -> Iterator[Positions]:
        """All numbers, some at a time."""
        if self._is_run:
            for start in range(self.first, self.first + self.count, size):
                yield np.arange(start, min(start + size, self.first + self.count), dtype=np.int64)
            return
        for start in range(0, self._stored, size):
            yield self._from_table(start, start + size)
        if self._held:
            together = np.concatenate(self._held)
            yield from (together[start : start + size] for start in range(0, len(together), size))

    def as_table(self) -> str:
        """The name of a table of the connection that holds them as `source_row`, in their order."""
        if self._is_run and self.count:
            self._is_run = False
            self._hold(np.arange(self.first, self.first + self.count, dtype=np.int64))
        self._store()
        return self._name

    def _hold(self, lines: Positions) -> None:
        self._held.append(lines)
        self._in_memory += len(lines)
        if self._in_memory > MOST_IN_MEMORY and self._connection is not None:
            self._store()

    def _store(self) -> None:
        if self._connection is None:
            return
        self._connection.execute(f"create table if not exists {self._name} (source_row bigint)")
        if self._held:
            self._connection.register("held", pa.table({"source_row": np.concatenate(self._held)}))
            self._connection.execute(f"insert into {self._name} from held")
            self._connection.unregister("held")
        self._stored += self._in_memory
        self._held, self._in_memory = [], 0

    def _from_table(self, start: int, end: int) -> Positions:
        assert self._connection is not None
        query = f"select source_row from {self._name} where rowid >= {start} and rowid < {end} order by rowid"
        return np.asarray(self._connection.execute(query).fetchnumpy()["source_row"], dtype=np.int64)


class Malformed:
    """Lines that could not be split into cells: the numbers of all, and of the first ones what is wrong."""

    def __init__(self, connection: duckdb.DuckDBPyConnection | None = None) -> None:
        self.lines = LineNumbers(connection, "malformed_lines")
        self.described: list[tuple[int, str]] = []

    @classmethod
    def of(cls, lines: Iterable[tuple[int, str]]) -> "Malformed":
        """Of so few lines that they are in memory."""
        malformed = cls()
        malformed.add(lines)
        return malformed

    def __len__(self) -> int:
        return len(self.lines)

    def add(self, lines: Iterable[tuple[int, str]]) -> None:
        """Add lines, all of them after those that are there, each with what is wrong."""
        ordered = sorted(lines)
        self.described += ordered[: max(0, MOST_DESCRIBED - len(self.described))]
        self.lines.add(np.array([line for line, _ in ordered], dtype=np.int64))

    def in_memory(self) -> "Malformed":
        """The same without the database."""
        copy = Malformed()
        copy.described = self.described
        for lines in self.lines.slices():
            copy.lines.add(lines)
        return copy
