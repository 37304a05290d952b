"""What a file looks like as a whole, in a few numbers, and how that differs from the last good file of its
kind.

The profile of every load is kept in the lake, so that comparing costs nothing and history can be judged
again. It holds counts, dates and words of columns that the contract calls categories; never a number or a
free text.

Belongs here: making a profile of a file's records, and the facts that follow from two profiles. Does not
belong here: which facts are a fault (`expectations/shared/history.yml`), and which load to compare with
(`pipelines.intake.past`).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_columns import ColumnType
from pipelines.extracts.contract_series import Comparison, Series
from pipelines.extracts.standard_rules import FACTS
from pipelines.lake.layout import PROFILES

FACT_TABLE = pa.schema([("name", pa.string()), *((name, kind) for name, kind in FACTS.items())])

# The longest that a period of a frequency can be: the calendar's, and nobody's choice.
DAYS_OF = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
APRIL = 4


def make_profile(connection: duckdb.DuckDBPyConnection, contract: Contract) -> pa.Table:
    """The profile of the records in the view `records`: the file as a whole (column_name null), every column,
    and the words of every category with the number of records that have them.

    `filled` are records in which the column is not empty, for a measure those that have any number;
    `different` are the keys of the file, or the words of a category.
    """
    grain = ", ".join(map(_quoted, contract.grain))
    answers = {"keys": f"count(distinct hash({grain}))"}
    for at, column in enumerate(contract.columns):
        name = _quoted(column.name)
        answers[f"filled{at}"] = f"count({name})"
        if column.category:
            answers[f"different{at}"] = f"count(distinct {name})"
        if column.type == ColumnType.DATE:
            answers |= {f"earliest{at}": f"min({name})", f"latest{at}": f"max({name})"}
    query = ", ".join(f"{answer} as {name}" for name, answer in answers.items())
    (found,) = (
        connection.execute(f"select count(*) as records, {query} from records").to_arrow_table().to_pylist()
    )
    records = found["records"]
    rows: list[dict[str, Any]] = [{"records": records, "filled": records, "different": found["keys"]}]
    rows += [
        {"column_name": column.name, "records": records}
        | {name: found.get(f"{name}{at}") for name in ("filled", "different", "earliest", "latest")}
        for at, column in enumerate(contract.columns)
    ]
    rows += [
        row
        for column in contract.columns
        if column.category
        for row in _words(connection, column.name, contract)
    ]
    return pa.Table.from_pylist([{"extract": contract.extract} | row for row in rows], schema=PROFILES)


def _words(connection: duckdb.DuckDBPyConnection, column: str, contract: Contract) -> list[dict[str, Any]]:
    """The commonest words of a column with their records, and how many of them have a number."""
    if contract.comparison is None:
        return []
    most = contract.comparison.most_words_kept
    name = _quoted(column)
    numbers = [name] if contract.series is None else list(map(_quoted, contract.series.numbers))
    rows = connection.execute(
        f"""
        select {name}, count(*), count(coalesce({", ".join(numbers)})) from records
        where {name} is not null group by {name} order by count(*) desc, {name} limit {most}
        """
    ).fetchall()
    return [
        {"column_name": column, "category": word, "records": records, "filled": filled}
        for word, records, filled in rows
    ]


def compare(
    profile: pa.Table,
    before: Sequence[pa.Table],
    contract: Contract,
    received_on: date,
    of_file: dict[str, float | None],
) -> pa.Table:
    """The facts that rules on history judge: one row for the file (`of_file` among it), one for every column
    and one for every category; null where there is nothing to compare with.

    `before`: the profiles of the last good loads of the same kind, the last one first. Where the file has far
    fewer or more records than they, that alone is told, for everything else follows from it.
    """
    now, limits = _Profile(profile), contract.comparison
    file: dict[str, Any] = {"name": "file"} | of_file
    file["records_per_key"] = now.records / now.keys if now.keys else None
    rows = [file]
    if limits is not None and before:
        then = [_Profile(each) for each in before]
        if _is_steady([each.records for each in then], limits):
            file["records_ratio"] = now.records / then[0].records
            if _is_steady([now.records, then[0].records], limits):
                rows += [*_columns(now, then, limits, contract), *_categories(now, then, limits)]
        crosses_april = _crosses_april(now, then[0], contract, received_on)
        season = "over April" if crosses_april else "within a financial year"
        rows = [row | {"season": season} for row in rows]
    return pa.Table.from_pylist(rows, schema=FACT_TABLE)


def _is_steady(records: Sequence[int], limits: Comparison) -> bool:
    """Whether numbers of records are large enough to be compared, and much alike."""
    return min(records) >= limits.least_records and max(records) <= limits.steady_within * min(records)


class _Profile:
    """A profile, taken apart."""

    def __init__(self, table: pa.Table) -> None:
        self.columns: dict[str, dict[str, Any]] = {}
        self.categories: dict[str, dict[str, dict[str, Any]]] = {}
        self.records = self.keys = 0
        for row in table.to_pylist():
            if row["column_name"] is None:
                self.records, self.keys = row["records"], row["different"]
            elif row["category"] is None:
                self.columns[row["column_name"]] = row
                if row["different"] is not None:
                    self.categories.setdefault(row["column_name"], {})
            else:
                self.categories.setdefault(row["column_name"], {})[row["category"]] = row

    def filled_share(self, column: str) -> float:
        row = self.columns[column]
        return row["filled"] / row["records"]


def _columns(
    now: _Profile, then: Sequence[_Profile], limits: Comparison, contract: Contract
) -> Iterator[dict[str, Any]]:
    for column in contract.columns:
        name = column.name
        if any(name not in each.columns for each in then):
            continue
        share, before = now.filled_share(name), [each.filled_share(name) for each in then]
        if contract.series is not None and name == contract.series.suppressed:
            yield {"name": name, "suppressed_risen": share - max(before)}
        else:
            kept = share / min(before) if min(before) >= limits.least_filled_share else None
            yield {"name": name, "filled_kept": kept}


def _categories(now: _Profile, then: Sequence[_Profile], limits: Comparison) -> Iterator[dict[str, Any]]:
    for column, words in now.categories.items():
        before = [each.categories.get(column, {}) for each in then]
        always = set.intersection(*(set(each) for each in before))
        ever = set.union(*(set(each) for each in before))
        if not words or len(ever | words.keys()) >= limits.most_categories:
            continue
        if len(ever) > limits.steady_within * len(always):
            # The words are others in every load.
            continue
        steady = [
            word
            for word in always & words.keys()
            if _is_steady([each[word]["records"] for each in before], limits)
        ]
        yield {
            "name": column,
            "new_share": len(words.keys() - ever) / len(words),
            "gone_share": len(always - words.keys()) / len(always),
            "shrunk_share": _share(
                words[word]["records"] < limits.shrunk_to * before[0][word]["records"] for word in steady
            ),
            "emptied_share": _share(
                words[word]["filled"] == 0
                and before[0][word]["filled"] >= limits.least_filled_share * before[0][word]["records"]
                for word in steady
            ),
        }


def _share(answers: Iterable[bool]) -> float | None:
    every = list(answers)
    return sum(every) / len(every) if every else None


def _crosses_april(now: _Profile, then: _Profile, contract: Contract, received_on: date) -> bool:
    """Whether a financial year began since the last load, by the newest period or else by the day."""
    if contract.series is None:
        return received_on.month == APRIL
    newest, before = (each.columns[contract.series.period]["latest"] for each in (now, then))
    return newest is not None and before is not None and _year(newest) != _year(before)


def _year(day: date) -> int:
    """The calendar year in which the financial year of a day began."""
    return day.year if day.month >= APRIL else day.year - 1


def look_within(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[str, float | None]:
    """Facts about the records in the view `records` that need nothing to compare with."""
    if contract.series is None or contract.comparison is None:
        return {}
    return {
        "stopped_share": _answer(connection, _stopped(contract.series, contract.comparison)),
        "alike_groups_share": _answer(connection, _alike_groups(contract.series, contract.comparison)),
    }


def _answer(connection: duckdb.DuckDBPyConnection, query: str) -> float | None:
    return connection.execute(query).fetchall()[0][0]


def _stopped(series: Series, limits: Comparison) -> str:
    """The share of measures that have numbers up to some period and none in the newest one."""
    measure, period = _quoted(series.measure), _quoted(series.period)
    told = ", ".join(f"{_quoted(name)} is not null" for name in (*series.numbers, series.suppressed))
    return f"""
        with by_period as (
            select {measure} as measure, {period} as period, count(*) as records,
                count(*) filter (where {told.replace(", ", " or ")}) as filled
            from records where {period} is not null group by {measure}, {period}
        ),
        ranked as (
            select *, period = max(period) over (partition by measure) as is_newest from by_period
        ),
        by_measure as (
            select sum(filled) filter (where is_newest) as now,
                sum(filled) filter (where not is_newest) as before,
                sum(records) filter (where not is_newest) as records_before
            from ranked group by measure
        )
        select avg((now = 0 and before >= {limits.least_filled_share} * records_before)::int)
        from by_measure where records_before >= {limits.least_records}
    """


def _alike_groups(series: Series, limits: Comparison) -> str:
    """The share of points with groups enough whose numbers are the same in each, as where a total was
    repeated for every group."""
    others = ", ".join(_quoted(name) for name in (*series.key, series.period) if name != series.group)
    filled = f"coalesce({', '.join(map(_quoted, series.numbers))})"
    return f"""
        with points as (
            select count(distinct hash({", ".join(map(_quoted, series.numbers))})) = 1 as is_alike
            from records where {filled} <> 0
            group by {others} having count(distinct {_quoted(series.group)}) >= {limits.least_groups}
        )
        select case when count(*) >= {limits.least_records} then avg(is_alike::int) end from points
    """


def days_late(latest: dict[str, date], received_on: date, grace: dict[str, int]) -> int | None:
    """Days since the next period was due, the fewest over the frequencies; negative when none is.

    Args:
        latest: frequency -> last day of the newest period of the file.
        grace: frequency -> days after the end of a period by which it should have come.
    """
    late = [
        (received_on - day - timedelta(days=DAYS_OF[frequency] + grace[frequency])).days
        for frequency, day in latest.items()
        if frequency in grace
    ]
    return min(late, default=None)


def _quoted(name: str) -> str:
    return f'"{name}"'
