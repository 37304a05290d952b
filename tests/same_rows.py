"""Whether two relations hold the same rows: everything exactly, doubles but for rounding."""

from typing import NamedTuple

import duckdb

TOLERANCE = 1e-9
"""By how much two doubles may differ, relative to the larger one; powers and logarithms of engines do."""


class Verdict(NamedTuple):
    """What a table's comparison found, in rows; `rounded` in doubles that differ within the tolerance."""

    rows: int
    only_on_duckdb: int
    only_on_spark: int
    differing: dict[str, int]
    rounded: int


def verdict(warehouse: duckdb.DuckDBPyConnection, ours: str, theirs: str, key: tuple[str, ...]) -> Verdict:
    """Hold two relations against each other, row by row and column by column.

    Without a key, rows are paired by everything but their doubles, then by the order of those.
    """
    types = {name: kind for name, kind, *_ in warehouse.execute(f"describe {ours}").fetchall()}
    doubles = [name for name, kind in types.items() if kind == "DOUBLE"]
    key = key or tuple(name for name in types if name not in doubles)
    others = [name for name in types if name not in key]
    copy = f"row_number() over (partition by {', '.join(key)} order by {', '.join([*doubles, '1'])}) as copy"
    cast_alike = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in types.items())
    same = {name: f"ours.{name} is not distinct from theirs.{name}" for name in (*types, "copy")}
    near = {
        name: f"{same[name]} or coalesce(abs(ours.{name} - theirs.{name}) "
        f"<= {TOLERANCE} * greatest(abs(ours.{name}), abs(theirs.{name})), false)"
        for name in doubles
    }
    counts = [
        "count(ours.copy)",
        "count_if(theirs.copy is null)",
        "count_if(ours.copy is null)",
        *(f"count_if(ours.copy + theirs.copy > 0 and not ({(same | near)[name]}))" for name in others),
        *(f"count_if(not ({same[name]}) and ({near[name]}))" for name in doubles),
    ]
    rows, only_ours, only_theirs, *found = warehouse.execute(f"""
        with
        ours as (select *, {copy} from {ours}),
        cast_alike as (select {cast_alike} from {theirs}),
        theirs as (select *, {copy} from cast_alike)
        select {", ".join(counts)}
        from ours
        full join theirs on {" and ".join(same[name] for name in (*key, "copy"))}
    """).fetchall()[0]
    differing = {name: number for name, number in zip(others, found, strict=False) if number}
    return Verdict(rows, only_ours, only_theirs, differing, sum(found[len(others) :]))
