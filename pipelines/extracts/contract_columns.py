"""The columns of a contract and what they refer to.

Belongs here: the shape of a column and of a lookup, and the names of the columns that are derived from them
for rules. Does not belong here: computing those columns (`pipelines.gates.derive`).
"""

from enum import StrEnum
from typing import Self

import pyarrow as pa
from pydantic import Field, model_validator

from pipelines.extracts.contract_rules import Scalar, Strict

NAME = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"

# Between a column or lookup and what is derived from it; no column name holds two underscores.
JOINT = "__"

# What every date of a contract offers to rules: parts of the date, and whole days from the date to the day
# the file was received (negative: the date was still to come).
DATE_PARTS = ("day", "month", "age_days")


class ColumnType(StrEnum):
    """The types a contract may give a column."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"


ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    ColumnType.STRING: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.DATE: pa.date32(),
    ColumnType.TIMESTAMP: pa.timestamp("us"),
    ColumnType.BOOLEAN: pa.bool_(),
}


class Column(Strict):
    """One column of an extract; its description is what an analyst reads.

    `default` stands for an empty cell. `identifier` marks codes in which a total row shows, `personal` what
    must become a pseudonym before the lake, `free_text` what is screened for personal data, `category` words
    that are counted from load to load.
    """

    name: str = Field(pattern=NAME)
    type: ColumnType
    description: str = Field(min_length=10)
    required: bool = False
    allowed: tuple[str, ...] | None = None
    default: Scalar | None = None
    identifier: bool = False
    personal: bool = False
    free_text: bool = False
    category: bool = False

    @property
    def arrow_type(self) -> pa.DataType:
        """The column's type in Arrow tables and in the lake."""
        return ARROW_TYPES[self.type]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        text_only = {
            "allowed": self.allowed is not None,
            "identifier": self.identifier,
            "personal": self.personal,
            "free_text": self.free_text,
            "category": self.category,
        }
        misplaced = [key for key, is_set in text_only.items() if is_set and self.type != ColumnType.STRING]
        if misplaced:
            raise ValueError(f"{self.name}: {', '.join(misplaced)} needs a string column")
        if self.allowed is not None and self.default is not None and self.default not in self.allowed:
            raise ValueError(f"{self.name}: the default is not an allowed value")
        return self


class Life(Strict):
    """A period that must touch the life of the thing looked up: `start`..`end` are columns of the extract
    (`end` may be empty in a row, or not given), `opens` and `closes` columns taken by the lookup.
    """

    start: str
    end: str | None = None
    opens: str
    closes: str

    @property
    def own_columns(self) -> tuple[str, ...]:
        """The extract's columns that bound the period."""
        return (self.start,) if self.end is None else (self.start, self.end)


class Lookup(Strict):
    """Something the extract refers to.

    Adds `<name>__known` (null where a part of the key is null) and `<name>__<column>` for every column of
    `take` to what rules may use. With `reference` an unknown key quarantines the row; `life` adds
    `<name>__in_life` and quarantines rows outside it. Both are tried again on later nights. Among several
    rows of a key in the lake the one with the lowest `first_by` is taken, then the latest.
    """

    name: str = Field(pattern=NAME)
    extract: str = Field(pattern=NAME)
    on: dict[str, str] = Field(min_length=1)
    take: tuple[str, ...] = ()
    first_by: str | None = None
    reference: bool = True
    life: Life | None = None

    @model_validator(mode="after")
    def _takes_its_life(self) -> Self:
        if self.life is not None and not {self.life.opens, self.life.closes} <= set(self.take):
            raise ValueError(f"{self.name}: life needs its columns among those taken")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns the lookup adds."""
        added = (f"{self.name}{JOINT}known", *(f"{self.name}{JOINT}{column}" for column in self.take))
        return (*added, f"{self.name}{JOINT}in_life") if self.life is not None else added
