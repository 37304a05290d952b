"""The words a mapping file may use, and what is checked about them before any data is seen.

Belongs here: the shape of `mappings/*.yml`, each word explained where it is defined. Does not belong here:
what the words do to data (`pipelines.extracts.compile`), and finding mapping files (`mapping`).

There is no SQL and no Python in a mapping, and a word that is not defined here is an error.
"""

import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from pipelines.extracts.contract_columns import NAME

# Directives of days whose meaning DuckDB and C agree on.
DIRECTIVES = frozenset(["%Y", "%y", "%m", "%-m", "%d", "%-d", "%b", "%B", "%j"])


# Where a value can come from.
ORIGINS = ("column", "constant", "sum", "difference", "from_file", "note")
CELL = r"([A-Za-z]{1,3})([1-9]\d{0,6})"
COLUMN_SPAN = r"([A-Za-z]{1,3}):([A-Za-z]{1,3})"


class Words(BaseModel):
    """Base of every part of a mapping: an unknown word is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Period(StrEnum):
    """Lengths of a period. A financial year starts in April."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    FINANCIAL_YEAR = "financial_year"


# Formats that are known by name: how a period is written, and its length.
NAMED_FORMATS = {
    "day": Period.DAY,
    "month": Period.MONTH,
    "quarter": Period.QUARTER,
    "financial_quarter": Period.QUARTER,
    "year": Period.YEAR,
    "financial_year": Period.FINANCIAL_YEAR,
}


def _check_matches(pattern: str) -> str:
    """Patterns are run by RE2 on cells and by Python on file names, so both must take them."""
    try:
        re.compile(pattern)
        pc.call_function("match_substring_regex", [pa.array([""])], pc.MatchSubstringOptions(pattern))
    except (re.error, pa.ArrowInvalid) as fault:
        raise ValueError(f"not a regular expression: {fault}") from fault
    return pattern


def _check_pattern(pattern: str) -> str:
    if re.compile(_check_matches(pattern)).groups != 1:
        raise ValueError(f"a pattern needs one pair of brackets round the part that is wanted: {pattern}")
    return pattern


def _check_format(text: str) -> str:
    if text in NAMED_FORMATS:
        return text
    return _check_day_format(text)


def _check_day_format(text: str) -> str:
    unknown = [found for found in re.findall(r"%-?.?", text) if found not in DIRECTIVES]
    if unknown or "%" not in text:
        raise ValueError(f"a date format is made of {', '.join(sorted(DIRECTIVES))}: {text}")
    return text


Pattern = Annotated[str, BeforeValidator(_check_pattern)]
DateFormat = Annotated[str, BeforeValidator(_check_format)]
DayFormat = Annotated[str, BeforeValidator(_check_day_format)]


class Source(Words):
    """Where a value comes from: exactly one of the first six words, and steps that follow it.

    - `column`: a cell of that column
    - `constant`: the same text for every row
    - `sum`: of columns or other sources; empty or suppressed as soon as one of them is
    - `difference`: the first less the second
    - `from_file`: `name`, or the `edition` or `published_on` that the mapping finds
    - `note`: what stands in a sheet outside of the table, by the name that `notes` gives it

    Steps, in this order, for all but `sum` and `difference`:
    - `pattern`: the part of the text in the pattern's brackets, null where it does not match
    - `when_empty`: the text that an empty cell, or a pattern that does not match, stands for
    - `case`: `upper`, `lower`
    - `map` (values written here) or `lookup` (a table under `lookups`), both regardless of case and blanks;
      other text is left as it is, so that the gate sees it, or becomes null with `otherwise: empty`
    - `format`: how a date is written, such as `MSitAE-%B-%Y`, or by the name of a kind, such as `month`; of
      several formats all that fit must mean the same day
    - `plus_months`: so many months later, or earlier with a minus
    - `period` and `edge`: the `start` or `end` of the period in which the date lies; a kind has its own
    """

    column: str | None = None
    constant: str | None = None
    sum: tuple["Operand", ...] | None = None
    difference: tuple["Operand", "Operand"] | None = None
    from_file: Literal["name", "edition", "published_on"] | None = None
    note: str | None = None
    pattern: Pattern | None = None
    when_empty: str | None = None
    case: Literal["upper", "lower"] | None = None
    map: dict[str, str] | None = None
    lookup: str | None = None
    otherwise: Literal["keep", "empty"] = "keep"
    format: tuple[DateFormat, ...] | None = Field(default=None, min_length=1)
    plus_months: int | None = Field(default=None, ge=-1200, le=1200)
    period: Period | None = None
    edge: Literal["start", "end"] = "start"

    @field_validator("format", mode="before")
    @classmethod
    def _one_needs_no_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if sum(getattr(self, origin) is not None for origin in ORIGINS) != 1:
            raise ValueError(f"needs exactly one of {', '.join(ORIGINS)}")
        steps = self.model_fields_set - set(ORIGINS)
        if self.operands and steps:
            raise ValueError(f"a sum or difference takes no {', '.join(sorted(steps))}")
        if self.map is not None and self.lookup is not None:
            raise ValueError("map and lookup exclude each other")
        if "edge" in steps and self.length is None:
            raise ValueError("edge needs a period")
        if "otherwise" in steps and self.map is None and self.lookup is None:
            raise ValueError("otherwise needs a map or lookup")
        return self

    @property
    def length(self) -> Period | None:
        """The length of the period: as `period` says, else that of all formats, if they have one."""
        lengths = {NAMED_FORMATS.get(each) for each in self.format or ()}
        return self.period or (lengths.pop() if len(lengths) == 1 else None)

    @property
    def operands(self) -> tuple["Source", ...]:
        """What is added up or taken away; empty for every other source."""
        return self.sum or self.difference or ()

    @property
    def columns(self) -> frozenset[str]:
        """Names of the columns it reads."""
        own = frozenset([self.column]) if self.column is not None else frozenset[str]()
        return own.union(*(operand.columns for operand in self.operands))

    @property
    def lookups(self) -> frozenset[str]:
        """Names of the tables it looks values up in."""
        own = frozenset([self.lookup]) if self.lookup is not None else frozenset[str]()
        return own.union(*(operand.lookups for operand in self.operands))


def _plain_operand_is_column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _plain_value_is_constant(value: Any) -> Any:
    return {"constant": value} if isinstance(value, str) else value


# In a sum or difference a plain word is a column; as the value of a canonical column it is a constant.
Operand = Annotated[Source, BeforeValidator(_plain_operand_is_column)]
Value = Annotated[Source, BeforeValidator(_plain_value_is_constant)]


Source.model_rebuild()


class Record(Words):
    """One canonical record made of a row: values of columns that differ from record to record.

    The row yields no such record where the column named in `drop_when_zero` would be 0.
    """

    columns: dict[str, Value]
    drop_when_zero: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _columns_stand_beside_options(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "columns" in value:
            return value
        options = {key: value[key] for key in ("drop_when_zero",) if key in value}
        return {"columns": {key: each for key, each in value.items() if key not in options}, **options}

    @model_validator(mode="after")
    def _drops_by_own_column(self) -> Self:
        if self.drop_when_zero is not None and self.drop_when_zero not in self.columns:
            raise ValueError(f"drop_when_zero names {self.drop_when_zero}, which the record does not have")
        return self


class OnePer(Words):
    """Keep one record for each value of `columns`: the one whose `earliest` column is smallest."""

    columns: tuple[str, ...] = Field(min_length=1)
    earliest: str


class Note(Words):
    """A cell of a sheet above its table, found in one of two ways.

    - `cell`: where it stands, such as `C11`
    - `beside`: the text of the cell to its left, such as `Status:`, regardless of case and blanks
    """

    cell: Annotated[str, Field(pattern=f"^{CELL}$")] | None = None
    beside: str | None = None

    @model_validator(mode="after")
    def _is_found_one_way(self) -> Self:
        if (self.cell is None) == (self.beside is None):
            raise ValueError("a note needs either cell or beside")
        return self


class Sheet(Words):
    """Where a table lies in a workbook.

    - `name`: of the sheet, or a pattern (`*` and `?`), or several; case does not matter. Without it the sheet
      that is not hidden and has the header
    - `columns`: those of the table, such as `B:W`, where others stand beside it
    - `header_rows`: over how many rows the header goes; names are then joined, `Beds / Open`
    - `ends_before`: the first cell of the row that follows the table, a regular expression of the whole cell
    - `notes`: cells above the table that mean something, by name
    """

    name: tuple[str, ...] = ()
    columns: Annotated[str, Field(pattern=f"^{COLUMN_SPAN}$")] | None = None
    header_rows: int = Field(default=1, ge=1, le=3)
    ends_before: Annotated[str, BeforeValidator(_check_matches)] | None = None
    notes: dict[str, Note] = {}

    @model_validator(mode="before")
    @classmethod
    def _plain_sheet_is_its_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, (str, list, tuple)) else value

    @field_validator("name", mode="before")
    @classmethod
    def _one_needs_no_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class AddUp(Words):
    """Records that are alike in the columns of `per` become one: its `columns` are the sums of theirs.

    A sum is empty or suppressed as soon as one part is.
    """

    columns: tuple[str, ...] = Field(min_length=1)
    per: tuple[str, ...] = Field(min_length=1)


class Feed(Words):
    """How rows become records of one extract: `columns` shared by all, then `records` made of each row.

    Without `records` every row is one record. `sheet`, `header` and `optional` are those of the table that
    this extract comes from, where it is not the one of the whole mapping.
    """

    sheet: Sheet | None = None
    header: tuple[str, ...] | None = Field(default=None, min_length=1)
    optional: tuple[str, ...] = ()
    columns: dict[str, Value] = {}
    records: tuple[Record, ...] = (Record(columns={}),)
    one_per: OnePer | None = None
    add_up: AddUp | None = None

    @model_validator(mode="after")
    def _chooses_or_adds_up(self) -> Self:
        if self.one_per is not None and self.add_up is not None:
            raise ValueError("one_per and add_up exclude each other")
        return self

    @model_validator(mode="after")
    def _says_nothing_twice(self) -> Self:
        for record in self.records:
            both = sorted(record.columns.keys() & self.columns.keys())
            if both:
                raise ValueError(f"columns given for all records and again for one: {both}")
        return self

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source of every column."""
        return (
            *self.columns.values(),
            *(each for record in self.records for each in record.columns.values()),
        )

    @property
    def fed(self) -> frozenset[str]:
        """Canonical columns that every record gets."""
        return frozenset(self.columns).union(
            frozenset[str].intersection(*(frozenset(record.columns) for record in self.records))
        )


class IgnoredRows(Words):
    """Rows that are no data: where the whole cell matches the pattern, regardless of case and blanks.

    With `control_total` the row states totals of the others, which are then compared for every column in
    which the row has a number. With `within` it states those of the rows that have the same in these columns.
    """

    column: str
    matches: Annotated[str, BeforeValidator(_check_matches)]
    reason: str = Field(min_length=3)
    control_total: bool = False
    within: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _only_totals_are_of_something(self) -> Self:
        if self.within and not self.control_total:
            raise ValueError("within needs control_total")
        return self


class Edition(Words):
    """The edition by the file's name: that of the first pattern found in it, else `otherwise`.

    With `note` the patterns are looked for in that cell of the sheet first.
    """

    note: str | None = None
    patterns: dict[Annotated[str, BeforeValidator(_check_matches)], str] = {}
    otherwise: str | None = None


class PublishedOn(Words):
    """A way in which file names tell the day of publication: the part in brackets, read with the format.

    With `note` that cell of the sheet tells it; a `10th` in it is read as `10`.
    """

    note: str | None = None
    pattern: Pattern
    format: DayFormat


class Headerless(Words):
    """A file without header: how many columns it may have, and names for those that are used."""

    widths: tuple[int, ...] = Field(min_length=1)
    columns: dict[int, str] = Field(min_length=1)

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        if not all(1 <= position <= min(self.widths) for position in self.columns):
            raise ValueError("a named column stands beyond the narrowest file")
        return self


class Provision(Words):
    """Canonical rows that belong to the layout itself: `shared` values and `rows`, as contract columns."""

    shared: dict[str, str | None] = {}
    rows: tuple[dict[str, str | None], ...] = Field(min_length=1)


class Definition(Words):
    """A mapping file as a whole.

    - `file`: patterns of the file's name (`*` and `?`, regardless of case)
    - `header`: columns that must be there, `optional` ones that may be, or `headerless`
    - `sheet`: where the table lies, if the file is a workbook
    - `delimiter` and `encoding`, where they are not to be found out
    - `decimal`: the mark before the decimals of a number
    - `adapter`: what is done to the cells first, where words do not reach (`pipelines.extracts.adapters`)
    - `defined_in`: the mapping that provides the measures this one feeds
    - `suppression`: tokens beyond those of `suppression.yml`, or with another reason
    """

    mapping: str = Field(pattern=NAME)
    source_system: str = Field(min_length=2)
    description: str = Field(min_length=10)
    owner: str = Field(min_length=2)
    expected_every_days: int | None = Field(default=None, ge=1)
    file: tuple[str, ...] = Field(min_length=1)
    delimiter: Literal[",", "\t", ";", "|"] | None = None
    decimal: Literal[".", ","] | None = None
    encoding: Literal["utf-8", "cp1252", "utf-16-le", "utf-16-be"] | None = None
    header: tuple[str, ...] | None = Field(default=None, min_length=1)
    optional: tuple[str, ...] = ()
    headerless: Headerless | None = None
    sheet: Sheet | None = None
    adapter: Literal["cml_dimensions"] | None = None
    edition: Edition = Edition()
    published_on: tuple[PublishedOn, ...] = ()
    ignore_rows: tuple[IgnoredRows, ...] = ()
    suppression: dict[str, str] = {}
    lookups: dict[str, dict[str, str]] = {}
    extracts: dict[str, Feed] = Field(min_length=1)
    provides: dict[str, Provision] = {}
    defined_in: str | None = None

    @field_validator("file", "published_on", mode="before")
    @classmethod
    def _one_needs_no_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, (str, dict)) else value

    @model_validator(mode="after")
    def _names_fit_together(self) -> Self:
        if (self.header is None) == (self.headerless is None):
            raise ValueError("needs either header or headerless")
        for extract in self.extracts:
            self._check_names_of(extract)
        notes = {name for each in self.extracts if (sheet := self.of(each).sheet) for name in sheet.notes}
        facts = {each.note for each in (self.edition, *self.published_on) if each.note is not None}
        if facts - notes:
            raise ValueError(f"notes used but not given by any sheet: {sorted(facts - notes)}")
        sources = [source for feed in self.extracts.values() for source in feed.sources]
        known = {name for extract in self.extracts for name in self.of(extract).file_columns}
        named = {name for rows in self.ignore_rows for name in (rows.column, *rows.within)}
        unknown = sorted(named - known)
        if unknown:
            raise ValueError(f"columns used but neither in header nor optional: {unknown}")
        tables = sorted({name for source in sources for name in source.lookups} - self.lookups.keys())
        if tables:
            raise ValueError(f"lookups used but not given: {tables}")
        return self

    def _check_names_of(self, extract: str) -> None:
        sources = self.extracts[extract].sources
        own = self.of(extract)
        unknown = sorted({name for source in sources for name in source.columns} - set(own.file_columns))
        if unknown:
            raise ValueError(f"columns used but neither in header nor optional: {unknown}")
        notes = own.sheet.notes if own.sheet is not None else {}
        absent = sorted({each.note for each in sources if each.note is not None} - notes.keys())
        if absent:
            raise ValueError(f"notes used but not given by the sheet of {extract}: {absent}")

    def of(self, extract: str) -> "Definition":
        """The mapping as if this extract's table were the only one of the file."""
        feed = self.extracts[extract]
        own: dict[str, Any] = {}
        if feed.sheet is not None:
            own["sheet"] = feed.sheet
        if feed.header is not None:
            own |= {"header": feed.header, "optional": feed.optional, "headerless": None}
        return self.model_copy(update=own) if own else self

    @property
    def file_columns(self) -> tuple[str, ...]:
        """Names of the file's columns that the mapping knows."""
        named = self.headerless.columns.values() if self.headerless is not None else ()
        return (*(self.header or ()), *self.optional, *named)
