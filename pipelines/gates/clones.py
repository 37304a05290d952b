"""Periods that repeat another period: a file in which a month was copied forward.

The rule is that of the real cases (a package that publishes a year's months as the next year's): two periods
have identical values for most numbers of more than a few organisations. Chance agreement is kept out: numbers
with few significant digits (0, 7, 100, 0.5) agree by themselves, and so do stocks that stand still, which a
series shows in many periods. Revised editions of one period are no clones, for only different periods are
compared.

Belongs here: finding such pairs of periods among a file's records and what the lake has of the same measures.
Does not belong here: what follows from it (the contract's rules), and reading the lake.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import duckdb

from pipelines.extracts.contract_series import Clones, Series


@dataclass(frozen=True)
class Clone:
    """Period `later`, which the file brings, repeats period `earlier`.

    `measure`: the measure for which it does, None where the measures of the file do together. `alike` of
    `compared` numbers are identical, over `organisations` organisations.
    """

    measure: str | None
    earlier: date
    later: date
    alike: int
    compared: int
    organisations: int


def find_clones(
    connection: duckdb.DuckDBPyConnection, series: Series, limits: Clones, past: str | None = None
) -> list[Clone]:
    """Every cloned period among the rows of the view `records`.

    Args:
        series: which columns say what a row is about, and which hold its numbers.
        limits: how much has to be alike.
        past: a relation with the same columns, for the rows that the lake has of the same measures.

    A later period counts only when the file brings it; the earlier one may be the lake's.
    """
    organisation = _quoted(series.organisation)
    records, organisations = connection.execute(
        f"select count(*), count(distinct {organisation}) from records"
    ).fetchall()[0]
    if organisations <= limits.more_than_organisations:
        return []
    one_in = max(1, records // limits.records_looked_at)
    _make_numbers(connection, series, limits, past, one_in)
    clones = _alike_pairs(connection, limits, organisations=limits.more_than_organisations // (2 * one_in))
    if clones and one_in > 1:
        _make_numbers(connection, series, limits, past, 1)
        clones = _alike_pairs(connection, limits, organisations=limits.more_than_organisations)
    connection.execute("drop table numbers")
    return [clone for clone in clones if clone.organisations > limits.more_than_organisations]


def _alike_pairs(connection: duckdb.DuckDBPyConnection, limits: Clones, *, organisations: int) -> list[Clone]:
    """Pairs of periods that are alike enough, for each measure and (measure None) for all together.

    Numbers that both periods have are counted only for pairs that may be alike enough: at least as many are
    in both as the two periods have together beyond all series there are.
    """
    rows = connection.execute(
        f"""
        with alike as (
            select b.measure, a.period as earlier, b.period as later, count(*) as alike
            from numbers as a
            inner join numbers as b on a.series = b.series and a.number = b.number and a.period < b.period
            where b.is_own
            group by grouping sets ((b.measure, a.period, b.period), (a.period, b.period))
            having count(distinct b.organisation) > {organisations}
        ),
        sizes as (
            select measure, period, count(distinct series) as series
            from numbers group by grouping sets ((measure, period), (period))
        ),
        everything as (
            select measure, count(distinct series) as series
            from numbers group by grouping sets ((measure), ())
        ),
        likely as (
            select alike.*
            from alike
            inner join sizes as e on alike.measure is not distinct from e.measure and alike.earlier = e.period
            inner join sizes as l on alike.measure is not distinct from l.measure and alike.later = l.period
            inner join everything on alike.measure is not distinct from everything.measure
            where alike.alike > {limits.more_than_share} * (e.series + l.series - everything.series)
        ),
        compared as (
            select likely.measure, likely.earlier, likely.later, b.series, b.organisation,
                bool_or(a.number = b.number) as is_alike
            from likely
            inner join numbers as b
                on b.period = likely.later and (likely.measure is null or b.measure = likely.measure)
            inner join numbers as a on a.period = likely.earlier and a.series = b.series
            where b.is_own
            group by all
        )
        select measure, earlier, later, count(*) filter (where is_alike) as alike, count(*) as compared,
            count(distinct organisation) as organisations
        from compared
        group by measure, earlier, later
        having count(*) filter (where is_alike) > {limits.more_than_share} * count(*)
            and count(distinct organisation) > {organisations}
        order by later, earlier, measure nulls first
        """
    ).fetchall()
    return [Clone(*row) for row in rows]


def _make_numbers(
    connection: duckdb.DuckDBPyConnection, series: Series, limits: Clones, past: str | None, one_in: int
) -> None:
    """The table `numbers`: what could not be alike by chance, once for each series and period, of one series
    in so many."""
    key = f"hash({', '.join(map(_quoted, series.key))})"
    sources = [("records", "true"), *([(past, "false")] if past else [])]
    parts = [
        f"""
        select hash({key}, '{name}') as series,
            {_quoted(series.measure)} as measure, {_quoted(series.organisation)} as organisation,
            {_quoted(series.period)} as period, cast({_quoted(name)} as double) as number, {is_own} as is_own
        from {source}
        where {key} % {one_in} = 0 and {_is_telling(_quoted(name), limits.significant_digits)}
        """
        for source, is_own in sources
        for name in series.numbers
    ]
    connection.execute(
        f"""
        create or replace temp table numbers as
        with every as ({" union all ".join(parts)}),
        once as (
            select series, measure, organisation, period, number, bool_or(is_own) as is_own
            from every
            where period is not null and organisation is not null
            group by all
        )
        select * from once
        qualify count(*) over (partition by series, number) <= {limits.most_periods_alike}
        """
    )


def _is_telling(number: str, digits: int) -> str:
    """SQL: whether a number has at least so many significant digits."""
    step = f"pow(10, floor(log10(abs({number}))) - {digits - 2})"
    return (
        f"{number} <> 0 and isfinite({number}) "
        f"and abs({number} / {step} - round({number} / {step})) > 1e-9 * abs({number} / {step})"
    )


def in_words(clones: Iterable[Clone]) -> str:
    """The pairs of periods with their counts, never a number of the file."""
    whole = [clone for clone in clones if clone.measure is None]
    return "; ".join(
        f"{clone.later} repeats {clone.earlier} in {clone.alike} of {clone.compared} numbers of "
        f"{clone.organisations} organisations"
        for clone in whole or clones
    )


def _quoted(name: str) -> str:
    return f'"{name}"'
