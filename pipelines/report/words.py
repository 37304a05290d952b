"""Numbers, dates and codes as British readers know them.

Belongs here: turning one value into text. Does not belong here: sentences about a chart (`sentence`), HTML.
"""

import hashlib
import re
from datetime import date, datetime
from functools import cache

NOTHING = "–"

WORDS = {
    "improvement_high": "Improvement, high",
    "improvement_low": "Improvement, low",
    "concern_high": "Concern, high",
    "concern_low": "Concern, low",
    "neutral_high": "Special cause, high",
    "neutral_low": "Special cause, low",
    "common_cause": "Common cause",
    "pass": "Will pass target",
    "fail": "Will fail target",
    "hit_or_miss": "May hit or miss",
    "patient_centred": "Patient-centred",
    "big_i": "Big I: full partners",
    "little_i": "Little i: consulted",
    "not_met": "Not met",
    "partly_met": "Partly met",
    "source_late": "Source late",
    "no_value": "No value",
    "pp": "p′ chart (Laney)",
    "up": "u′ chart (Laney)",
    "i": "XmR chart (individuals)",
    "ip": "I′ chart (Taylor)",
    "xbar": "x-bar chart",
    "run": "Run chart",
    "mr": "Moving range chart",
}
CHARTS = ("p", "u", "c", "g", "t", "s")


def is_percent(unit: str) -> bool:
    """Whether values of a unit of measure are percentages."""
    return unit.strip().lower() in ("%", "percent", "per cent")


def words(code: str | None) -> str:
    """A code of the mart in plain words: `hit_or_miss` becomes `May hit or miss`."""
    if code is None or code == "":
        return NOTHING
    if code in CHARTS:
        return f"{code} chart"
    return WORDS.get(code) or code[:1].upper() + code[1:].replace("_", " ")


def number(value: float | int | None, places: int = 0) -> str:
    """`1,234.5`, with a true minus sign; nothing is a dash. Rounds to so many decimal places."""
    if value is None or value != value:
        return NOTHING
    return f"{value:z,.{places}f}".replace("-", "−")


def count(amount: int, one: str, many: str | None = None) -> str:
    """`1 project`, `1,200 projects`."""
    return f"{number(amount)} {one if amount == 1 else many or one + 's'}"


def places_for(values: list[float]) -> int:
    """Decimal places that show a series without showing off: about three or four figures."""
    largest = max((abs(value) for value in values), default=0.0)
    return 0 if largest >= 10_000 else 1 if largest >= 10 else 2 if largest >= 1 else 3


def day(moment: date | datetime | None) -> str:
    """`1 September 2026`."""
    return NOTHING if moment is None else f"{moment.day} {moment:%B %Y}"


def short_day(moment: date | datetime | None) -> str:
    """`1 Sep 2026`."""
    return NOTHING if moment is None else f"{moment.day} {moment:%b %Y}"


@cache
def period(start: date | None, frequency: str | None) -> str:
    """The name of a period by its first day: `Sep 2026`, `Jul to Sep 2026`, `2026`, `16 Nov 2026`."""
    if start is None:
        return NOTHING
    if frequency == "month" and start.day == 1:
        return f"{start:%b %Y}"
    if frequency == "quarter" and start.day == 1 and start.month <= 10:
        return f"{start:%b} to {start.replace(month=start.month + 2):%b %Y}"
    if frequency == "year" and (start.month, start.day) == (1, 1):
        return f"{start:%Y}"
    return short_day(start)


def period_of(start: date | None, end: date | None) -> str:
    """`Nov 2026`, `2025/26` for a financial year, `1 Jan 2026 to 31 Mar 2026`, `until 31 Oct 2026`."""
    if start is None:
        return f"until {short_day(end)}"
    if end is None:
        return f"from {short_day(start)}"
    if (start.month, start.day, end.month, end.day) == (4, 1, 3, 31) and end.year == start.year + 1:
        return f"{start.year}/{end.year % 100:02}"
    if (start.year, start.month) == (end.year, end.month):
        return f"{start:%b %Y}"
    return f"{short_day(start)} to {short_day(end)}"


def stratum_words(stratum: str | None) -> str:
    """A stratum for people: nothing for `all`."""
    if stratum in (None, "all"):
        return ""
    found = re.fullmatch(r"quintile_([1-5])", stratum or "")
    if not found:
        return words((stratum or "").replace("big_i", "Big I").replace("little_i", "little i"))
    most = {"1": " (most deprived)", "5": " (least deprived)"}.get(found[1], "")
    return f"Deprivation quintile {found[1]}{most}"


def file_name(identifier: str) -> str:
    """A name for files and addresses made of any identifier, however hostile: letters, digits and hyphens,
    and enough of a hash that two identifiers never share one, also where case does not count."""
    safe = re.sub(r"[^a-z0-9]+", "-", identifier.lower()).strip("-")[:40].strip("-")
    return f"{safe or 'x'}-{hashlib.sha256(identifier.encode('utf-8')).hexdigest()[:8]}"
