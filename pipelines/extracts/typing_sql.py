"""How text becomes a number, date or truth value: strictly, or not at all.

Belongs here: SQL that turns a trimmed text cell, or a cell of a typed file, into a value of a contract's
type, null where the text is no such value. Does not belong here: what follows then (`compile`, gates).

DuckDB's own casts take more than anyone means (`nan`, `1_000`, `2024-1-5`, `epoch`, and `.5` as an integer),
so the form is checked first and only then cast. What is accepted:

- number: digits with an optional sign, decimal point and exponent; commas only between thousands; finite
- integer: the same where it has no fraction (`21289.0` and `1e+05` are integers); within 64 bits
- date: `2024-01-05` or `05/01/2024` (day first, as in Britain), also with a time of midnight; from year 1000
- timestamp: such a date, with or without a time to the second or finer; UTC or no time zone
- boolean: true, false, yes, no, t, f, y, n, 1, 0, regardless of case
"""

import re
from datetime import date

from pipelines.extracts.contract_columns import ColumnType
from pipelines.extracts.readers.cells import TEXT, literal
from pipelines.extracts.readers.parquet import DECIMAL_NUMBERS, WHOLE_NUMBERS
from pipelines.extracts.vocabulary import Period

DUCKDB_TYPES: dict[ColumnType, str] = {
    ColumnType.STRING: "varchar",
    ColumnType.INTEGER: "bigint",
    ColumnType.NUMBER: "double",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamp",
    ColumnType.BOOLEAN: "boolean",
}

_DIGITS = r"(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)"
_NUMBER = rf"[+-]?(?:{_DIGITS}(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
_COMMA_NUMBER = r"[+-]?(?:(?:\d+|[1-9]\d{0,2}(?:[. \x{00A0}]\d{3})+)(?:,\d+)?|,\d+)(?:[eE][+-]?\d+)?"
_AMBIGUOUS_NUMBER = r"[+-]?[1-9]\d{0,2}[.,]\d{3}(?:[eE][+-]?\d+)?"
_WHOLE = rf"[+-]?{_DIGITS}(?:\.0+)?"
_ISO_DAY = r"[1-9]\d{3}-\d\d-\d\d"
_BRITISH_DAY = r"\d\d/\d\d/[1-9]\d{3}"
_MIDNIGHT = r"(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00(?::?00)?)?)?"
_TIME = r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(?:Z|\+00(?::?00)?)?)?"
_UTC = r"(?:Z|\+00(?::?00)?)$"

_TRUE = ("true", "yes", "t", "y", "1")
_FALSE = ("false", "no", "f", "n", "0")


def parsed(text: str, type_: ColumnType) -> str:
    """SQL for the value that a text expression stands for; null where it is no value of the type."""
    match type_:
        case ColumnType.STRING:
            return text
        case ColumnType.NUMBER:
            return _number(text)
        case ColumnType.INTEGER:
            return _integer(text)
        case ColumnType.DATE:
            return _date(text)
        case ColumnType.TIMESTAMP:
            return _timestamp(text)
        case ColumnType.BOOLEAN:
            return _boolean(text)


def with_point(text: str, decimal: str | None) -> str:
    """SQL for a number's text with a decimal point and nothing between thousands; null where it is no number
    with this decimal mark.

    `decimal` is the mark, None where it may be either: then `1,234` and `1.234` could be two numbers each and
    are none, while `12,5`, `1.234,5` and `1,234,567` can be but one.
    """
    without_dots = f"regexp_replace({text}, '[. \\x{{00A0}}]', '', 'g')"
    comma = f"case when {_matches(text, _COMMA_NUMBER)} then replace({without_dots}, ',', '.') end"
    if decimal == ",":
        return comma
    point = f"case when {_matches(text, _NUMBER)} then replace({text}, ',', '') end"
    if decimal == ".":
        return point
    return f"case when not {_matches(text, _AMBIGUOUS_NUMBER)} then coalesce({point}, {comma}) end"


def native(cell: str, cell_type: str, type_: ColumnType) -> str | None:
    """SQL for a cell that has a type already, None where the way over text is needed."""
    if type_ == ColumnType.NUMBER and cell_type in WHOLE_NUMBERS | DECIMAL_NUMBERS:
        return _finite(f"cast({cell} as double)")
    if type_ == ColumnType.INTEGER and cell_type in WHOLE_NUMBERS:
        return f"try_cast({cell} as bigint)"
    if type_ == ColumnType.BOOLEAN and cell_type == "BOOLEAN":
        return cell
    if type_ == ColumnType.DATE and cell_type in ("DATE", "TIMESTAMP"):
        return f"case when {cell} = date_trunc('day', {cell}) then try_cast({cell} as date) end"
    if type_ == ColumnType.TIMESTAMP and cell_type in ("DATE", "TIMESTAMP"):
        return f"try_cast({cell} as timestamp)"
    return None


def as_text(cell: str, cell_type: str) -> str:
    """SQL for a cell as text."""
    return cell if cell_type == TEXT else f"cast({cell} as varchar)"


def formatted(text: str, format_: str) -> str:
    """SQL for the day a text expression stands for in a format; null unless it is written exactly so.

    Case does not matter. Writing the day again and comparing is what makes it exact: DuckDB's parser also
    takes `5` for `05`, and blanks at the end.
    """
    words = re.sub(r"%-?.|[^%]+", lambda part: _lower_unless_directive(part.group()), format_)
    read = f"try_strptime(lower({text}), {literal(words)})"
    return (
        f"case when lower(strftime({read}, {literal(words)})) = lower({text}) then cast({read} as date) end"
    )


def sheet_moment(text: str, type_: ColumnType, days_from: date | None) -> str:
    """SQL for the date or timestamp that a cell of a workbook stands for: as its reader writes days, else as
    the number of days since `days_from` (none: numbers are no days), of five digits: 1927 to 2173.
    """
    written = f"case when {_matches(text, _ISO_DAY + _TIME)} then {parsed(text, type_)} end"
    if days_from is None:
        return written
    first = f"timestamp {literal(str(days_from))}"
    moment = f"{first} + to_milliseconds(cast(round(try_cast({text} as double) * 86400) as bigint) * 1000)"
    is_serial = _matches(text, r"[1-9]\d{4}" if type_ == ColumnType.DATE else r"[1-9]\d{4}(?:\.\d+)?")
    return f"coalesce({written}, case when {is_serial} then cast({moment} as {DUCKDB_TYPES[type_]}) end)"


def months_later(day: str, months: int) -> str:
    """SQL for the day so many months later (earlier, if negative); of a shorter month, its last day."""
    return f"cast({day} + interval ({months}) month as date)"


def edge_of_period(day: str, period: Period, edge: str) -> str:
    """SQL for the first or last day of the period in which a day lies."""
    if period == Period.FINANCIAL_YEAR:
        start = f"(date_trunc('year', {day} - interval 3 month) + interval 3 month)"
        length = "1 year"
    else:
        start, length = f"date_trunc('{period}', {day})", f"1 {period}"
    if period == Period.QUARTER:
        length = "3 month"
    return (
        f"cast({start} as date)"
        if edge == "start"
        else f"cast({start} + interval {length} - interval 1 day as date)"
    )


def _lower_unless_directive(part: str) -> str:
    return part if part.startswith("%") else part.lower()


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {literal(pattern)})"


def _finite(number: str) -> str:
    return f"case when isfinite({number}) then {number} end"


def _number(text: str) -> str:
    cast = f"try_cast(replace({text}, ',', '') as double)"
    return f"case when {_matches(text, _NUMBER)} then {_finite(cast)} end"


def _integer(text: str) -> str:
    plain = f"replace({text}, ',', '')"
    number = f"try_cast({plain} as double)"
    return (
        f"case when {_matches(text, _WHOLE)} then try_cast(split_part({plain}, '.', 1) as bigint)"
        f" when {_matches(text, _NUMBER)} and {number} = trunc({number}) and abs({number}) < 9007199254740992"
        f" then cast({number} as bigint) end"
    )


def _date(text: str) -> str:
    return (
        f"case when {_matches(text, _ISO_DAY + _MIDNIGHT)} then try_cast({text}[:10] as date)"
        f" when {_matches(text, _BRITISH_DAY + _MIDNIGHT)}"
        f" then cast(try_strptime({text}[:10], '%d/%m/%Y') as date) end"
    )


def _timestamp(text: str) -> str:
    plain = f"regexp_replace({text}, {literal(_UTC)}, '')"
    british = f"{text}[7:10] || '-' || {text}[4:5] || '-' || {text}[1:2] || {plain}[11:]"
    return (
        f"case when {_matches(text, _ISO_DAY + _TIME)} then try_cast({plain} as timestamp)"
        f" when {_matches(text, _BRITISH_DAY + _TIME)} then try_cast({british} as timestamp) end"
    )


def _boolean(text: str) -> str:
    words = {True: _TRUE, False: _FALSE}
    cases = " ".join(
        f"when lower({text}) in ({', '.join(map(literal, tokens))}) then {str(value).lower()}"
        for value, tokens in words.items()
    )
    return f"case {cases} end"
