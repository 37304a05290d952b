"""What a rule of a contract is: an expectation, the rows it is about, and what follows when it fails.

Belongs here: the shape of a rule and the expectations the gates know. Does not belong here: the rules that
every contract gets from its columns (`standard_rules.py`), and running rules (`pipelines.gates`).
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

CODE = r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$"

Scalar = str | int | float | bool | date | datetime
Condition = dict[str, Literal["present", "missing"] | tuple[Scalar, ...]]


class Strict(BaseModel):
    """Base of everything read from a contract: unknown keys are refused and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Category(StrEnum):
    """The kinds of data quality of Kahn et al. (2016)."""

    CONFORMANCE = "conformance"
    COMPLETENESS = "completeness"
    PLAUSIBILITY = "plausibility"


class Action(StrEnum):
    """What follows when a rule fails."""

    REFUSE_FILE = "refuse_file"
    QUARANTINE_ROW = "quarantine_row"
    WARN = "warn"


class Subject(StrEnum):
    """What a rule looks at.

    records: the extract's rows. columns: the header and the number of records, judged before all else.
    source_rows: the lines of the file. control_totals: the file's own totals beside its sums.
    quarantine: the share of lines that other rules would quarantine for more than waiting. history: what the
    file as a whole looks like beside the last good one of its kind (`pipelines.gates.profile`).
    """

    RECORDS = "records"
    COLUMNS = "columns"
    SOURCE_ROWS = "source_rows"
    CONTROL_TOTALS = "control_totals"
    QUARANTINE = "quarantine"
    HISTORY = "history"


class Form(Strict):
    """What an expectation judges and the arguments it takes: `columns` name columns, `others` do not.

    `needs_all_rows`: it cannot be judged slice by slice, because a row may fail for what another one holds.
    """

    judges: Literal["rows", "file"]
    columns: tuple[str, ...]
    others: tuple[str, ...] = ()
    needs_all_rows: bool


def _rows(columns: str, others: str = "", *, needs_all_rows: bool = False) -> Form:
    return Form(
        judges="rows",
        columns=tuple(columns.split()),
        others=(*others.split(), "mostly"),
        needs_all_rows=needs_all_rows,
    )


def _file(columns: str, others: str) -> Form:
    return Form(
        judges="file", columns=tuple(columns.split()), others=tuple(others.split()), needs_all_rows=True
    )


_RANGE = "min_value max_value strict_min strict_max"

# Kept as a list, and held against Great Expectations by a test, because importing the library takes seconds
# and a misspelt expectation has to be refused when the contract is read, not in the middle of the night.
# Expectations that Great Expectations evaluates row by row in Python are left out.
EXPECTATIONS: dict[str, Form] = {
    "expect_column_values_to_not_be_null": _rows("column"),
    "expect_column_values_to_be_null": _rows("column"),
    "expect_column_values_to_be_in_set": _rows("column", "value_set"),
    "expect_column_values_to_not_be_in_set": _rows("column", "value_set"),
    "expect_column_values_to_be_between": _rows("column", _RANGE),
    "expect_column_values_to_be_unique": _rows("column", needs_all_rows=True),
    "expect_column_values_to_match_regex": _rows("column", "regex"),
    "expect_column_values_to_not_match_regex": _rows("column", "regex"),
    "expect_column_value_lengths_to_be_between": _rows("column", _RANGE),
    "expect_column_pair_values_to_be_equal": _rows("column_A column_B", "ignore_row_if"),
    "expect_column_pair_values_a_to_be_greater_than_b": _rows("column_A column_B", "or_equal ignore_row_if"),
    "expect_compound_columns_to_be_unique": _rows("column_list", "ignore_row_if", needs_all_rows=True),
    "expect_table_row_count_to_be_between": _file("", "min_value max_value"),
    "expect_column_to_exist": _file("column", ""),
    "expect_column_unique_value_count_to_be_between": _file("column", _RANGE),
    "expect_column_proportion_of_unique_values_to_be_between": _file("column", _RANGE),
    "expect_column_proportion_of_non_null_values_to_be_between": _file("column", _RANGE),
    "expect_column_min_to_be_between": _file("column", _RANGE),
    "expect_column_max_to_be_between": _file("column", _RANGE),
    "expect_column_mean_to_be_between": _file("column", _RANGE),
    "expect_column_sum_to_be_between": _file("column", _RANGE),
}


class Rule(Strict):
    """One expectation with what follows from it.

    `where` limits it to rows that meet any of the conditions; a condition is met when every column named
    in it holds one of the values listed, or is `present` or `missing`. Rows that a rule with `retry`
    quarantines are judged again on later nights, because what they lacked may arrive. Where `doubts_file` is
    false the rows it quarantines do not count as a reason to refuse the whole file.
    """

    code: str = Field(pattern=CODE)
    expectation: str
    arguments: dict[str, Any] = Field(alias="with")
    where: tuple[Condition, ...] = ()
    about: Subject = Subject.RECORDS
    category: Category
    action: Action
    retry: bool = False
    doubts_file: bool = True
    reason: str = Field(min_length=10)
    owner: str = Field(min_length=2)
    remedy: str = Field(min_length=10)

    @field_validator("where", mode="before")
    @classmethod
    def _one_condition_needs_no_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value

    @property
    def casts_doubt(self) -> bool:
        """Whether rows that it quarantines count as a reason to refuse the whole file."""
        return self.doubts_file and not self.retry

    @property
    def form(self) -> Form:
        """What the rule's expectation judges and takes."""
        return EXPECTATIONS[self.expectation]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns the expectation itself looks at, without those of `where`."""
        named = [self.arguments[key] for key in self.form.columns]
        return tuple(name for value in named for name in ([value] if isinstance(value, str) else value))

    @property
    def columns_needed(self) -> tuple[str, ...]:
        """Names of all columns the rule needs, each once."""
        in_conditions = [name for condition in self.where for name in condition]
        return tuple(dict.fromkeys([*self.columns, *in_conditions]))

    @model_validator(mode="after")
    def _fits_its_expectation(self) -> Self:
        if self.expectation not in EXPECTATIONS:
            raise ValueError(f"{self.code}: the gates do not know the expectation {self.expectation}")
        missing = [key for key in self.form.columns if key not in self.arguments]
        surplus = sorted(self.arguments.keys() - {*self.form.columns, *self.form.others})
        if missing or surplus:
            raise ValueError(f"{self.code}: arguments missing: {missing}, not understood: {surplus}")
        if self.form.judges == "file" and (self.where or self.action == Action.QUARANTINE_ROW):
            raise ValueError(f"{self.code}: an expectation on the whole file cannot pick rows")
        if "mostly" in self.arguments and self.action == Action.QUARANTINE_ROW:
            raise ValueError(f"{self.code}: `mostly` cannot say which rows to quarantine")
        if self.retry and self.action != Action.QUARANTINE_ROW:
            raise ValueError(f"{self.code}: only quarantined rows can be tried again")
        return self
