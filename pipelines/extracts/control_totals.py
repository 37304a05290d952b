"""The totals that a file states of itself, beside the sums of its rows.

Belongs here: finding and comparing them. Does not belong here: which rows are totals (the mapping's
`ignore_rows`), and what follows when they differ (`pipelines.gates`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from pipelines.extracts.compile import Compiler, cell_as_number, cell_as_text, ignored_reason, row_matches
from pipelines.extracts.readers.cells import clean_name
from pipelines.extracts.vocabulary import IgnoredRows

# Sums of many decimals differ in their last digits by the order of adding.
RELATIVE_TOLERANCE = 1e-9
# A file may state thousands of totals; as many of a column that differ are told one by one.
DIFFERENCES_TOLD = 5


@dataclass(frozen=True)
class ControlTotal:
    """A column's total as the file itself states it, beside the sum of the file's rows.

    `summed` is None where a row's cell is suppressed, empty or unreadable, so that no sum can be stated. Of
    totals within parts of the file that all agree there is one for each column, which adds them up.
    """

    name: str
    published: float
    summed: float | None


def control_totals(connection: duckdb.DuckDBPyConnection, compiler: Compiler) -> list[ControlTotal]:
    """Every number in the file's own total rows beside the sum over its data rows."""
    return [
        total
        for at, rows in enumerate(compiler.definition.ignore_rows)
        if rows.control_total
        for total in _totals_of(connection, compiler, at, rows)
    ]


def _totals_of(
    connection: duckdb.DuckDBPyConnection, compiler: Compiler, at: int, rows: IgnoredRows
) -> Iterator[ControlTotal]:
    known = [
        (name, compiler.positions[clean_name(name)])
        for name in compiler.definition.file_columns
        if clean_name(name) in compiler.positions and name not in rows.within
    ]
    if not known:
        return
    _compare(connection, compiler, at, rows, [position for _, position in known])
    differing = _differing(connection, known) if rows.within else {}
    for name, position in known:
        if not rows.within:
            yield from _told(connection, name, position)
        elif position in differing:
            yield from _told(connection, name, position, f"and {_differs(position)} limit {DIFFERENCES_TOLD}")
    if rows.within:
        yield from _as_one(connection, [each for each in known if each[1] not in differing])


def _told(
    connection: duckdb.DuckDBPyConnection, name: str, position: int, which: str = ""
) -> Iterator[ControlTotal]:
    """Totals of a column, in the order of the file."""
    query = f"""
        select published{position}, summed{position} from compared
        where published{position} is not null {which}
    """
    for published, summed in connection.execute(query).fetchall():
        yield ControlTotal(name, published, summed)


def _differs(position: int) -> str:
    published, summed = f"published{position}", f"summed{position}"
    bound = f"{RELATIVE_TOLERANCE} * greatest(abs({published}), abs({summed}), 1)"
    return f"coalesce(abs({published} - {summed}) > {bound}, false)"


def _differing(connection: duckdb.DuckDBPyConnection, known: list[tuple[str, int]]) -> set[int]:
    """The columns in which a total differs from the sum of its rows."""
    flags = ", ".join(f"bool_or({_differs(position)})" for _, position in known)
    found = connection.execute(f"select {flags} from compared").fetchall()[0]
    return {position for (_, position), differs in zip(known, found, strict=True) if differs}


def _as_one(connection: duckdb.DuckDBPyConnection, known: list[tuple[str, int]]) -> Iterator[ControlTotal]:
    """For each column all totals that can be compared, and the sums of their rows."""
    if not known:
        return
    sums = ", ".join(
        f"fsum(published{at}) filter (where summed{at} is not null),"
        f" fsum(summed{at}) filter (where published{at} is not null)"
        for _, at in known
    )
    found = connection.execute(f"select {sums} from compared").fetchall()[0]
    for (name, _), published, summed in zip(known, found[::2], found[1::2], strict=True):
        if published is not None:
            yield ControlTotal(name, published, summed)


def _compare(
    connection: duckdb.DuckDBPyConnection,
    compiler: Compiler,
    at: int,
    rows: IgnoredRows,
    positions: list[int],
) -> None:
    """Make the table `compared`: a row for each total row, with what it states and what the rows give."""
    earlier = compiler.definition.ignore_rows[:at]
    is_other = " or ".join(["false", *(row_matches(compiler, other) for other in earlier)])
    is_total = f"({row_matches(compiler, rows)}) and not ({is_other})"
    keys = [f"k{number}" for number in range(len(rows.within))]
    texts = [f"{cell_as_text(compiler, name)} as {key}" for key, name in zip(keys, rows.within, strict=True)]
    numbers = [f"{cell_as_number(compiler, position)} as n{position}" for position in positions]
    sums = [f"case when count(n{at}) = count(*) then fsum(n{at}) end as s{at}" for at in positions]
    # Where nothing stands beside a total, its rows are missing and their sum is 0.
    shown = [
        f"n{at} as published{at}, case when summed.source_rows is null then 0 else s{at} end as summed{at}"
        for at in positions
    ]
    same = " and ".join(["true", *(f"totals.{key} is not distinct from summed.{key}" for key in keys)])
    connection.execute(
        f"""
        create or replace table compared as
        with numbers as (
            select {", ".join(["source_row", f"{is_total} as is_total", *texts, *numbers])}
            from cells where ({is_total}) or {ignored_reason(compiler)} is null
        ),
        totals as (select * from numbers where is_total),
        summed as (
            select {", ".join([*keys, "count(*) as source_rows", *sums])} from numbers where not is_total
            {f"group by {', '.join(keys)}" if keys else ""}
        )
        select {", ".join(shown)} from totals left join summed on {same} order by totals.source_row
        """
    )
