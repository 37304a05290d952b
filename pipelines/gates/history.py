"""A file held against the past: what the lake has of the same measures, and the last good file of its kind.

Belongs here: flags of records and facts of the file that take knowledge of earlier loads. Does not belong
here: which earlier loads there are (`pipelines.intake.past`), and what follows (the contract's rules).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

import duckdb
import pyarrow as pa

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_series import Revisions, Series
from pipelines.extracts.records import RECORD, Records
from pipelines.gates.clones import Clone, find_clones, in_words
from pipelines.gates.keys import Positions
from pipelines.gates.profile import compare, days_late, look_within, make_profile

PERIOD_DAYS = {"day": "0 days", "week": "6 days", "month": "1 month", "quarter": "3 months", "year": "1 year"}


def _nothing(measures: Iterable[str]) -> list[str]:
    return []


@dataclass(frozen=True)
class Past:
    """What is known of earlier loads when a file is judged.

    `before`: the profiles of the last good loads of the same kind, the last one first. `newest`: the newest
    period that came through the same mapping. `parts`: for measures, the Parquet files with the lake's
    accepted records of them. `grace`: frequency -> days after a period by which it should have come.
    """

    before: tuple[pa.Table, ...] = ()
    newest: date | None = None
    parts: Callable[[Iterable[str]], list[str]] = _nothing
    grace: dict[str, int] = field(default_factory=dict)


NO_PAST = Past()


@dataclass(frozen=True)
class History:
    """What came of it. `flags`: numbers of records by the name of their derived column. `facts` are what
    rules about history judge, `remarks` more words on what was found, by the name of a flag or fact."""

    flags: dict[str, Positions]
    facts: pa.Table
    remarks: dict[str, str]
    profile: pa.Table


def look_back(
    records: Records, contract: Contract, lookups: dict[str, pa.Table], received_on: date, past: Past
) -> History:
    """Hold the records of a file against the past."""
    connection, series = records.connection, contract.series
    profile = make_profile(connection, contract)
    of_file = look_within(connection, contract)
    flags: dict[str, Positions] = {}
    remarks: dict[str, str] = {}
    if series is not None:
        view = _past_view(connection, series, past)
        clones = find_clones(connection, series, series.clones, view)
        cloned, revised = contract.series_flags
        flags[cloned] = _records_of(records, series, clones)
        flags[revised] = _revised_much(records, series, view)
        if clones:
            remarks[cloned] = in_words(clones)
        of_file["days_late"] = _days_late(connection, series, lookups, received_on, past)
    facts = compare(profile, past.before, contract, received_on, of_file)
    return History(flags, facts, remarks, profile)


def _past_view(connection: duckdb.DuckDBPyConnection, series: Series, past: Past) -> str | None:
    """A view of what the lake has of the file's measures, None when that is nothing."""
    measure = f'"{series.measure}"'
    found = connection.execute(
        f"select distinct {measure} from records where {measure} is not null"
    ).fetchall()
    parts = past.parts([name for (name,) in found])
    if not parts:
        return None
    listed = ", ".join("'" + part.replace("'", "''") + "'" for part in parts)
    connection.execute(
        f"""
        create or replace temp view past as
        select * from read_parquet([{listed}], hive_partitioning = true, hive_types_autocast = false,
            union_by_name = true)
        where {measure} in (select {measure} from records)
        """
    )
    return "past"


def _records_of(records: Records, series: Series, clones: list[Clone]) -> Positions:
    """The records of the later periods, of the measures that are cloned."""
    conditions = [
        f"({series.period} = date '{clone.later}'"
        + ("" if clone.measure is None else f" and {series.measure} = {_text(clone.measure)}")
        + ")"
        for clone in clones
    ]
    return records.positions(f"select {RECORD} from records where {' or '.join(conditions) or 'false'}")


def _revised_much(records: Records, series: Series, past: str | None) -> Positions:
    """Records whose number differs from the lake's latest by more than revisions of the measure do."""
    limits = series.revisions
    if past is None:
        return records.positions(f"select {RECORD} from records where false")
    key = f"hash({', '.join(_quoted(name) for name in (*series.key, series.period))})"
    measure = _quoted(series.measure)
    return records.positions(
        f"""
        with own as (
            select {RECORD}, {key} as point, {measure} as measure, {_value(series)} as value,
                {_amount(series)} as amount
            from records
        ),
        versions as (
            select {key} as point, {measure} as measure, {_value(series)} as value,
                {_amount(series)} as amount,
                lag({_value(series)}) over earlier as before,
                lead(load_id) over earlier is null as is_latest
            from {past}
            where {key} in (select point from own)
            window earlier as (partition by {key} order by published_on, received_at, load_id, source_row)
        ),
        usual as (
            select measure, median(abs(value - before) / abs(before)) as change
            from versions where value <> before and before <> 0 group by measure
        )
        select own.{RECORD}
        from own
        inner join versions on own.point = versions.point and versions.is_latest
        left join usual on own.measure = usual.measure
        where versions.value <> 0
            and {_is_enough(limits)}
            and abs(own.value - versions.value) / abs(versions.value)
                > greatest({limits.least_change}, {limits.times_usual} * coalesce(usual.change, 0))
        """
    )


def _value(series: Series) -> str:
    """SQL: the ratio where there is one, else the first number that is there."""
    above, below = map(_quoted, series.ratio)
    numbers = ", ".join(map(_quoted, series.numbers))
    return f"coalesce({above} / nullif({below}, 0), {numbers})"


def _amount(series: Series) -> str:
    """SQL: what a number was counted from: the upper part of its ratio, or itself when it is whole."""
    above, number = _quoted(series.ratio[0]), _quoted(series.numbers[0])
    return f"coalesce({above}, case when {number} = round({number}) then {number} end)"


def _is_enough(limits: Revisions) -> str:
    least = limits.least_number
    return f"coalesce(greatest(abs(own.amount), abs(versions.amount)), {least}) >= {least}"


def _days_late(
    connection: duckdb.DuckDBPyConnection,
    series: Series,
    lookups: dict[str, pa.Table],
    received_on: date,
    past: Past,
) -> int | None:
    """Days by which the next period is overdue; None when the file is not the newest of its kind, or when
    nobody knows how often a period is due."""
    name, _, column = series.frequency.partition(".")
    known = lookups[name]
    connection.register("frequencies", known)
    lengths = " ".join(f"when '{word}' then interval '{length}'" for word, length in PERIOD_DAYS.items())
    period, end = _quoted(series.period), _quoted(series.period_end)
    frequency, measure = f"known.{_quoted(column)}", _quoted(series.measure)
    last_day = f"coalesce({end}, {period} + case {frequency} {lengths} end - interval 1 day)"
    rows = connection.execute(
        f"""
        select frequency, max(newest), max(last_day)
        from (
            select {frequency} as frequency, max({period}) as newest, max({last_day})::date as last_day
            from records
            inner join frequencies as known on records.{measure} = known.{measure}
            where {frequency} in ({", ".join(map(_text, PERIOD_DAYS))}) and {period} is not null
            group by all
        )
        group by frequency
        """
    ).fetchall()
    connection.unregister("frequencies")
    if not rows or (past.newest is not None and past.newest > max(newest for _, newest, _ in rows)):
        return None
    return days_late({frequency: day for frequency, _, day in rows}, received_on, past.grace)


def _quoted(name: str) -> str:
    return f'"{name}"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
