"""What the columns of an unknown file seem to be: codes of organisations, periods, numbers, names, totals.

Belongs here: looking at cells and guessing. Does not belong here: finding the table in a file (`onboard`) and
writing the draft (`onboard_draft`). A guess never carries what cells hold, but for signs of withheld numbers,
words that mark totals, and the fixed letters round a period.
"""

import calendar
import re
from dataclasses import dataclass, field

import duckdb

from pipelines.extracts.contract_columns import ColumnType
from pipelines.extracts.readers.cells import TEXT, Cells, clean_name, literal
from pipelines.extracts.typing_sql import as_text, formatted, native, parsed

CODE = r"(?:[A-Z0-9]{3}|[A-Z0-9]{5,6})"
TOTALS = ("total", "grand total", "totals", "england", "all")
MOSTLY = 0.9
FEW_VALUES = 60
VALUES_TRIED = 500

MONTH_NAMES = tuple(calendar.month_name)[1:]
_FULL = re.compile("|".join(MONTH_NAMES), re.IGNORECASE)
_SHORT = re.compile("|".join(name[:3] for name in MONTH_NAMES), re.IGNORECASE)
_OURS = re.compile(r"code|org|provider|trust|hospital|site|ods", re.IGNORECASE)
_OTHERS = re.compile(r"parent|commission|region|function|icb|stp|specialty|type|ward|unit", re.IGNORECASE)
_WHEN = re.compile(r"period|month|date|quarter|week|year", re.IGNORECASE)
_PART = re.compile(r"over|within|under|met\b|breach|pass|observed|numerator|[<>]|wait", re.IGNORECASE)
_WHOLE = re.compile(r"total|denominator|attend|seen|all\b|eligible|expected|population", re.IGNORECASE)
_ID = re.compile(r"(?:^|[_\W])(?:id|ids|identifier|phone|telephone)$", re.IGNORECASE)
_SHARE = re.compile(r"pct|percent|%|proportion|rate\b", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """One column as its cells show it; counts are of cells. `format` is of its days, "" where none is needed.
    `odd_signs` are neither numbers nor known signs of withheld ones.
    """

    position: int
    name: str
    filled: int
    distinct: int
    numbers: int
    codes: int
    signs: tuple[str, ...] = ()
    totals: tuple[str, ...] = ()
    odd_signs: int = 0
    format: str | None = None
    is_share: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers, but for signs of withheld ones."""
        return self.filled > 0 and self.format is None and self.numbers > 0 and self.odd_signs == 0

    @property
    def is_period(self) -> bool:
        return self.format is not None


@dataclass(frozen=True)
class Guess:
    """What a file seems to hold. `pairs`: numerator -> denominator."""

    columns: tuple[Column, ...]
    organisation: Column | None = None
    name: Column | None = None
    period: Column | None = None
    is_monthly: bool = True
    numbers: tuple[Column, ...] = ()
    pairs: dict[str, Column] = field(default_factory=dict)
    total_in: Column | None = None
    stratum: Column | None = None
    is_unique: bool = True
    closed: Column | None = None


def look_at(
    connection: duckdb.DuckDBPyConnection, cells: Cells, names: list[str], reasons: dict[str, str]
) -> Guess:
    """Guess what the columns of the table `cells` are. `names`: how the mapping calls them, "" for none."""
    columns = tuple(
        _column(connection, cells.types[at], at, name, reasons) for at, name in enumerate(names) if name
    )
    total_in = next((column for column in columns if column.totals and not column.is_number), None)
    organisation = max(columns, key=_is_organisation, default=None)
    organisation = organisation if organisation is not None and _is_organisation(organisation) > 0 else None
    periods = sorted(
        (each for each in columns if each.is_period), key=lambda each: not _WHEN.search(each.name)
    )
    numbers = tuple(
        each
        for each in columns
        if each.is_number and each != organisation and each.distinct > 1 and not _ID.search(each.name)
    )
    period = periods[0] if periods and numbers else None
    name = _name(connection, columns, organisation)
    used = {column.position for column in (organisation, name, period) if column is not None}
    groups = [
        each
        for each in columns
        if each.position not in used | {number.position for number in numbers if number.distinct > 3}
        and 1 < each.distinct <= FEW_VALUES
        and each.filled
        and not each.is_period
        and not each.is_share
    ]
    is_data = _is_data(total_in)
    stratum, is_unique = _stratum(connection, [organisation, period], groups, is_data)
    numbers = tuple(each for each in numbers if each != stratum)
    return Guess(
        columns=columns,
        organisation=organisation,
        name=name,
        period=period,
        is_monthly=period is None or _is_monthly(connection, period),
        numbers=numbers,
        pairs=_pairs(connection, numbers, is_data),
        total_in=total_in,
        stratum=stratum,
        is_unique=is_unique,
        closed=next((each for each in columns if each.is_period and "clos" in each.name.lower()), None),
    )


def day_sql(column: Column) -> str:
    """SQL for the day that a cell of a period stands for."""
    text = f"cast(c{column.position} as varchar)"
    return formatted(text, column.format) if column.format else parsed(text, ColumnType.DATE)


def _column(
    connection: duckdb.DuckDBPyConnection, type_: str, at: int, name: str, reasons: dict[str, str]
) -> Column:
    cell = f"c{at}"
    text = as_text(cell, type_)
    number = native(cell, type_, ColumnType.NUMBER) or parsed(text, ColumnType.NUMBER)
    signs = ", ".join(map(literal, reasons))
    totals = ", ".join(map(literal, TOTALS))
    found = connection.execute(
        f"""
        with seen as (select {text} as t, {number} as n from cells where {cell} is not null)
        select
            count(*),
            count(distinct t),
            count(n),
            count(*) filter (where regexp_full_match(upper(t), '{CODE}') and upper(t) <> lower(t)),
            list_sort(list_distinct(list(lower(t)) filter (where n is null and lower(t) in ({signs})))),
            list_sort(list_distinct(list(lower(t)) filter (where lower(t) in ({totals})))),
            count(*) filter (where n is null and lower(t) not in ({signs})),
            coalesce(max(n) <= 1 and count(*) filter (where n <> trunc(n)) > 0, false)
        from seen
        """
    ).fetchall()[0]
    filled, distinct, numbers, codes, signs_seen, totals_seen, odd, is_fraction = found
    return Column(
        position=at,
        name=name,
        filled=filled,
        distinct=distinct,
        numbers=numbers,
        codes=codes,
        signs=tuple(signs_seen or ()),
        totals=tuple(totals_seen or ()),
        odd_signs=odd,
        format=_format(connection, cell, text, type_, numbers == filled),
        is_share=bool(_SHARE.search(name)) or is_fraction,
    )


def _format(
    connection: duckdb.DuckDBPyConnection, cell: str, text: str, type_: str, is_number: bool
) -> str | None:
    """How the days of a column are written; "" where they need no format, None where it has none."""
    query = f"select distinct {text} from cells where {cell} is not null order by 1 limit {VALUES_TRIED}"
    values = [value for (value,) in connection.execute(query).fetchall() if clean_name(value) not in TOTALS]
    if not values:
        return None
    candidates = ["", *formats_of(values[0])] if type_ == TEXT or "DATE" in type_ or "TIME" in type_ else []
    for candidate in candidates:
        if candidate == "" and is_number:
            continue
        day = formatted("v", candidate) if candidate else parsed("v", ColumnType.DATE)
        found = connection.execute(
            f"select bool_and(coalesce({day} between date '1948-07-05' and date '2100-01-01', false)) "
            "from unnest(?) as t(v)",
            [values],
        ).fetchall()
        if found[0][0]:
            return candidate
    return None


def formats_of(value: str) -> list[str]:
    """Formats in which a text may be a day: the day itself, or words round a month and a year."""
    if re.fullmatch(r"(?:19|20)\d{6}", value):
        return ["%Y%m%d"]
    for pattern, directive in ((_FULL, "%B"), (_SHORT, "%b")):
        found = list(pattern.finditer(value))
        if found:
            before, after = value[: found[-1].start()], value[found[-1].end() :]
            year = re.sub(r"(?:19|20)\d\d(?!\d)", "%Y", after, count=1)
            if year == after:
                year = re.sub(r"(?<!\d)\d\d(?!\d)", "%y", after, count=1)
            fixed = before.replace("%", "")
            days = [re.sub(r"(?<!\d)\d{1,2}$|(?<!\d)\d{1,2}(?=\D?$)", day, fixed) for day in ("%d", "%-d")]
            return list(dict.fromkeys(f"{each}{directive}{year}" for each in (fixed, *days)))
    return []


def _is_organisation(column: Column) -> float:
    """How much a column looks like codes of the organisations that a file is about; 0: not at all."""
    if not column.filled or column.is_period or column.distinct < 2:
        return 0
    share = column.codes / column.filled
    if share < MOSTLY and not (share > 0.5 and _OURS.search(column.name)):
        return 0
    bonus = 0.5 * bool(_OURS.search(column.name)) - 0.7 * bool(_OTHERS.search(column.name))
    return max(share + bonus + min(column.distinct, 100) / 1000, 0.001)


def _name(
    connection: duckdb.DuckDBPyConnection, columns: tuple[Column, ...], organisation: Column | None
) -> Column | None:
    """The column that names the organisation: text, and as good as one for each code."""
    if organisation is None:
        return None
    best: tuple[float, Column] | None = None
    for column in columns:
        is_text = column.odd_signs > 0 and not column.is_period and column.codes < column.filled
        is_named = "name" in clean_name(column.name) or column.name == f"column {column.position + 1}"
        if column == organisation or not is_text or not is_named:
            continue
        pairs, codes = connection.execute(
            f"select count(distinct (c{organisation.position}, c{column.position})), "
            f"count(distinct c{organisation.position}) from cells where c{column.position} is not null"
        ).fetchall()[0]
        fit = codes / pairs if pairs else 0
        fit -= 0.3 * bool(re.search(r"parent|commission|function|region", column.name, re.IGNORECASE))
        fit += min(column.distinct / organisation.distinct, 1)
        if best is None or fit > best[0]:
            best = (fit, column)
    return best[1] if best is not None and best[0] > 1 else None


def _is_monthly(connection: duckdb.DuckDBPyConnection, period: Column) -> bool:
    """Whether every day is the first or the last of a month."""
    day = day_sql(period)
    found = connection.execute(
        f"select bool_and(day({day}) = 1 or {day} = last_day({day})) from cells where {day} is not null"
    ).fetchall()
    return bool(found[0][0])


def _is_data(total_in: Column | None) -> str:
    if total_in is None:
        return "true"
    words = ", ".join(map(literal, total_in.totals))
    return f"coalesce(lower(c{total_in.position}) not in ({words}), true)"


def _stratum(
    connection: duckdb.DuckDBPyConnection,
    key: list[Column | None],
    groups: list[Column],
    is_data: str,
) -> tuple[Column | None, bool]:
    """The column that tells lines of an organisation and period apart, and whether it does so wholly."""
    known = [column for column in key if column is not None]
    if not known:
        return None, True

    def distinct(columns: list[Column]) -> int:
        cells = ", ".join(f"c{column.position}" for column in columns)
        query = f"select count(distinct ({cells})) from cells where {is_data}"
        return connection.execute(query).fetchall()[0][0]

    rows = connection.execute(f"select count(*) from cells where {is_data}").fetchall()[0][0]
    if distinct(known) == rows:
        return None, True
    counts = [(distinct([*known, group]), -group.distinct, group) for group in groups]
    whole = [group for count, _, group in counts if count == rows]
    if whole:
        return min(whole, key=lambda group: group.distinct), True
    best = max(counts, key=lambda each: each[:2], default=None)
    return (best[2] if best is not None else None), False


def _pairs(
    connection: duckdb.DuckDBPyConnection, numbers: tuple[Column, ...], is_data: str
) -> dict[str, Column]:
    """Numerators and what they seem to be part of, by their names and by never being larger."""
    counts = [column for column in numbers if not column.is_share]
    pairs = {}
    for part in counts:
        if not _PART.search(part.name):
            continue
        candidates = [
            (_likeness(part.name, whole.name), -at, whole)
            for at, whole in enumerate(counts)
            if whole != part
            and (not _PART.search(whole.name) or "expected" in whole.name.lower())
            and _is_part(connection, part, whole, is_data)
        ]
        if candidates and max(candidates)[0] > 0.25:
            pairs[part.name] = max(candidates, key=lambda each: each[:2])[2]
    return pairs


def _is_part(connection: duckdb.DuckDBPyConnection, part: Column, whole: Column, is_data: str) -> bool:
    if "observed" in part.name.lower() and "expected" in whole.name.lower():
        return True
    small, large = (
        f"try_cast(replace(cast(c{each.position} as varchar), ',', '') as double)" for each in (part, whole)
    )
    query = f"select bool_and({small} <= {large}) and sum({large}) > 0 from cells where {is_data}"
    return bool(connection.execute(query).fetchall()[0][0])


def _likeness(part: str, whole: str) -> float:
    """How much two names are like those of a part and its whole."""
    words = [set(re.findall(r"[a-z0-9]+", name.lower())) for name in (part, whole)]
    shared = len(words[0] & words[1]) / max(len(words[0] | words[1]), 1)
    return shared + 0.3 * bool(_WHOLE.search(whole)) + ("observed" in words[0] and "expected" in words[1])
