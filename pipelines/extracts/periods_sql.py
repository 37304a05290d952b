"""Periods as files write them, by name: `April 2021`, `2025/26 Q4 (Mar-26)`, `2024-25`, `01Jan2022`.

Belongs here: SQL for the first day of the period that a text names; null where it names none. Does not belong
here: formats that a mapping spells out with `%Y` and the like, and the last day of a period (`typing_sql`).

Two digits of a year are 1969 to 2068, as `%y` has it. Case does not matter.
"""

from pipelines.extracts.readers.cells import literal

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    "(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    "|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_YEAR = r"((?:19|20)\d\d)"
_ANY_YEAR = r"((?:19|20)\d\d|'?\d\d)"
_GAP = r"[-_ /.]?"
_TWO_YEARS = r"(?:fy ?)?((?:19|20)?\d\d) ?[-/–] ?((?:19|20)?\d\d)"


def first_day(text: str, name: str) -> str:
    """SQL for the first day of the period that a text stands for.

    `name`: `day`, `month`, `quarter`, `financial_quarter`, `year` or `financial_year`.
    """
    lowered = f"lower({text})"
    readings = {
        "day": _day,
        "month": _month,
        "quarter": _quarter,
        "financial_quarter": _financial_quarter,
        "year": _year,
        "financial_year": _financial_year,
    }
    return readings[name](lowered)


def agreed(days: list[str]) -> str:
    """SQL for the day that several readings of one text give; null where they contradict each other."""
    if len(days) == 1:
        return days[0]
    listed = ", ".join(days)
    return f"case when least({listed}) = greatest({listed}) then least({listed}) end"


def _part(text: str, pattern: str, group: int) -> str:
    """SQL for a part of a text that matches a pattern as a whole, else an empty text."""
    return f"regexp_extract({text}, {literal(f'^{pattern}$')}, {group})"


def _date(year: str, month: str, day: str = "'01'") -> str:
    return f"try_cast({year} || '-' || {month} || '-' || lpad({day}, 2, '0') as date)"


def _year_of(part: str) -> str:
    """SQL for the four digits of a year of which the text may hold only the last two."""
    digits = f"ltrim({part}, '''')"
    century = f"case when try_cast({digits} as integer) < 69 then '20' else '19' end"
    return f"case when length({digits}) = 2 then {century} || {digits} else {digits} end"


def _month_of(part: str) -> str:
    months = ", ".join(map(literal, _MONTHS))
    return f"lpad(cast(list_position([{months}], nullif({part}, '')[:3]) as varchar), 2, '0')"


def _month(text: str) -> str:
    """`April 2021`, `Sep-26`, `RTT-April-2026`, `MSitAE-SEPTEMBER-2024`; `2024-09`, `202409`, `09/2024`.

    The word before it, if there is one, must not be a month: `Jan-Mar 2024` is no month.
    """
    named = rf"(?:([a-z][a-z0-9&]*)[-_ ])?{_MONTH}{_GAP}{_ANY_YEAR}"
    before = _part(text, named, 1)
    by_name = _date(_year_of(_part(text, named, 3)), _month_of(_part(text, named, 2)))
    year_first = rf"{_YEAR}[-/]?(0[1-9]|1[0-2])"
    month_first = rf"(0[1-9]|1[0-2])[-/]{_YEAR}"
    return (
        f"coalesce(case when not regexp_full_match({before}, {literal(_MONTH)}) then {by_name} end,"
        f" {_date(_part(text, year_first, 1), _part(text, year_first, 2))},"
        f" {_date(_part(text, month_first, 2), _part(text, month_first, 1))})"
    )


def _day(text: str) -> str:
    """`01Jan2022`, `1 January 2022`, `10th July 2025`; `20241101`, `2024-11-01`, `01/11/2024`."""
    named = rf"(\d\d?)(?:st|nd|rd|th)?{_GAP}{_MONTH}{_GAP}{_ANY_YEAR}"
    by_name = _date(_year_of(_part(text, named, 3)), _month_of(_part(text, named, 2)), _part(text, named, 1))
    year_first = rf"{_YEAR}-?(\d\d)-?(\d\d)"
    is_even = f"({text} not like '%-%' or {text} like '____-__-__')"
    by_year = _date(*(_part(text, year_first, group) for group in (1, 2, 3)))
    british = rf"(\d\d)/(\d\d)/{_YEAR}"
    by_day = _date(*(_part(text, british, group) for group in (3, 2, 1)))
    return f"coalesce({by_name}, case when {is_even} then {by_year} end, {by_day})"


def _quarter(text: str) -> str:
    """`2024 Q3`, `2024Q3`, `Q3 2024`: quarters of the calendar."""
    year_first = rf"{_YEAR}{_GAP}(?:q|quarter ?)([1-4])"
    quarter_first = rf"(?:q|quarter ?)([1-4]){_GAP}{_YEAR}"
    return (
        f"coalesce({_quarter_start(_part(text, year_first, 1), _part(text, year_first, 2))},"
        f" {_quarter_start(_part(text, quarter_first, 2), _part(text, quarter_first, 1))})"
    )


def _quarter_start(year: str, quarter: str) -> str:
    month = f"lpad(cast(try_cast({quarter} as integer) * 3 - 2 as varchar), 2, '0')"
    return _date(year, month)


def _year(text: str) -> str:
    """`2024`, `CY2024`: years of the calendar."""
    return _date(_part(text, rf"(?:cy ?)?{_YEAR}", 1), "'01'")


def _financial_year(text: str) -> str:
    """`2024/25`, `2024-25`, `2024/2025`, `FY24/25`: years from April. The second must follow the first."""
    return _april_of(_part(text, _TWO_YEARS, 1), _part(text, _TWO_YEARS, 2))


def _april_of(first: str, second: str) -> str:
    next_year = f"cast(try_cast({_year_of(first)} as integer) + 1 as varchar)"
    follows = f"({second} = right({next_year}, 2) or (length({first}) = 4 and {second} = {next_year}))"
    return f"case when {follows} then {_date(_year_of(first), literal('04'))} end"


def _financial_quarter(text: str) -> str:
    """`2025/26 Q4`, `Q4 2025-26`, `2025/26 Q4 (Mar-26)`: quarters of years from April.

    The month in brackets must be the last of the quarter.
    """
    last_month = rf"(?: ?\({_MONTH}{_GAP}{_ANY_YEAR}\))?"
    year_first = rf"{_TWO_YEARS}{_GAP}(?:q|quarter ?)([1-4]){last_month}"
    quarter_first = rf"(?:q|quarter ?)([1-4]){_GAP}{_TWO_YEARS}{last_month}"
    readings = []
    for pattern, (first, second, quarter) in ((year_first, (1, 2, 3)), (quarter_first, (2, 3, 1))):
        april = _april_of(_part(text, pattern, first), _part(text, pattern, second))
        number = f"try_cast({_part(text, pattern, quarter)} as integer)"
        start = f"cast({april} + to_months(({number} - 1) * 3) as date)"
        month = _date(_year_of(_part(text, pattern, 5)), _month_of(_part(text, pattern, 4)))
        is_said = f"{_part(text, pattern, 4)} <> ''"
        fits = f"({month} = cast({start} + interval 2 month as date))"
        readings.append(f"case when not {is_said} or {fits} then {start} end")
    return f"coalesce({', '.join(readings)})"
