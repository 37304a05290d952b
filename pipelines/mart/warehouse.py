"""The DuckDB files: the night's own warehouse, which is written, and the published mart, which is
read. What is published: every table of these schemas, and every view of them as a table."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.faults import Stopped

PUBLISHED_SCHEMAS = ("core", "spc", "maturity", "outcomes", "ops")
RELEASE_TABLE = "ops.release"


class DamagedFile(Stopped):
    """A DuckDB file that cannot be opened; the message says what to do."""


def is_lock(fault: duckdb.Error) -> bool:
    """Whether a file could not be opened because another process has it open."""
    return "lock" in str(fault).lower() and isinstance(fault, duckdb.IOException)


@dataclass(frozen=True)
class TableState:
    """A table's size and a hash of its content that does not depend on the order of its rows."""

    rows: int
    content_hash: str


@contextmanager
def reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection.

    Raises:
        FileNotFoundError: there is no such file; says what to do.
        DamagedFile: it is no DuckDB file (any more); says what to do.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}. `qi run` makes it.")
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as fault:
        if is_lock(fault):
            raise
        raise DamagedFile(
            f"{path} cannot be opened: it is damaged or no DuckDB file. `qi run` puts it back; until then "
            f"every release is below {path.parent / 'releases'}."
        ) from fault
    try:
        yield connection
    finally:
        connection.close()


def set_aside_if_damaged(path: Path) -> Path | None:
    """Move a warehouse that cannot be opened out of the way, so that it is built anew from the lake. Returns
    where it is now; None when nothing was wrong, or another process has it open."""
    if not path.exists():
        return None
    try:
        duckdb.connect(str(path)).close()
    except duckdb.Error as fault:
        if is_lock(fault):
            return None
        aside = path.with_name(path.name + ".damaged")
        path.replace(aside)
        path.with_name(path.name + ".wal").unlink(missing_ok=True)
        return aside
    return None


def published_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """`schema.table` of everything that is published, in alphabetical order."""
    rows = connection.execute(
        """
        select schema_name || '.' || table_name
        from (
            select database_name, schema_name, table_name from duckdb_tables()
            union all
            select database_name, schema_name, view_name from duckdb_views()
        )
        where database_name = current_database() and list_contains(?, schema_name)
        order by 1
        """,
        [list(PUBLISHED_SCHEMAS)],
    ).fetchall()
    return [name for (name,) in rows]


def row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """`schema.table` -> rows, of every table of the file and of the views that are published."""
    tables = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where database_name = current_database()"
    ).fetchall()
    counts = {}
    for name in {name for (name,) in tables} | set(published_tables(connection)):
        row = connection.execute(f"select count(*) from {name}").fetchone()
        assert row is not None
        counts[name] = row[0]
    return counts


def table_state(connection: duckdb.DuckDBPyConnection, table: str) -> TableState:
    row = connection.execute(
        f"select count(*), coalesce(sum(hash(counted)::hugeint), 0)::varchar from {table} as counted"
    ).fetchone()
    assert row is not None
    return TableState(rows=row[0], content_hash=row[1])
