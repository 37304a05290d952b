"""What a contract says of numbers that stand in series, and of the past that a file is held against.

Belongs here: the shape of these parts of a contract and their limits. Does not belong here: finding anything
(`pipelines.gates`).
"""

from typing import Self

from pydantic import Field, model_validator

from pipelines.extracts.contract_rules import Strict


class Comparison(Strict):
    """What is compared between a file and the last good ones of its kind.

    Files and categories with fewer than `least_records` say nothing, nor does a column of which less than
    `least_filled_share` was filled. A category has shrunk when it has less than `shrunk_to` of the records it
    had. A column with `most_categories` words or more has no categories. Compared are the last `loads`; where
    the file came without a mapping, only when there are `loads_without_mapping`. Loads or words whose records
    differ by more than `steady_within` times are not compared: there is no habit to depart from. The
    `most_words_kept` commonest words of a column are kept. Groups are alike where there are `least_groups`.
    """

    least_records: int = Field(ge=1)
    least_filled_share: float = Field(gt=0, le=1)
    shrunk_to: float = Field(gt=0, lt=1)
    most_categories: int = Field(ge=1)
    loads: int = Field(ge=1)
    loads_without_mapping: int = Field(ge=1)
    steady_within: float = Field(gt=1)
    most_words_kept: int = Field(ge=1)
    least_groups: int = Field(ge=2)
    reason: str = Field(min_length=10)
    owner: str = Field(min_length=2)


class Clones(Strict):
    """When a period counts as a copy of another one.

    More than `more_than_share` of the numbers that both have are identical, over more than
    `more_than_organisations` organisations. Only numbers with at least `significant_digits` count, and none
    that its series shows in more than `most_periods_alike` periods. In a larger file `records_looked_at`
    records are looked at first, and all of them when something shows.
    """

    more_than_share: float = Field(gt=0, lt=1)
    more_than_organisations: int = Field(ge=1)
    significant_digits: int = Field(ge=2)
    most_periods_alike: int = Field(ge=2)
    records_looked_at: int = Field(ge=1)
    reason: str = Field(min_length=10)
    owner: str = Field(min_length=2)


class Revisions(Strict):
    """When a revision counts as larger than usual.

    A point's relative change is more than `times_usual` times the median of its measure's past revisions, and
    more than `least_change`; points that had less than `least_number` before and have less now are left out.
    """

    times_usual: float = Field(gt=1)
    least_change: float = Field(gt=0)
    least_number: float = Field(ge=0)
    reason: str = Field(min_length=10)
    owner: str = Field(min_length=2)


class Series(Strict):
    """Columns that say what a number is about, and those that hold numbers.

    `key` tells one series from another and has `measure` and `organisation` among its columns; `group` is the
    column of the key whose groups a total may be repeated over. `period` is the first day, `period_end` the
    last. `frequency` names a lookup's column that says how often the series has a period, `suppressed` the
    column that says why a number was withheld. `ratio` are the numbers of which a value is made.
    """

    key: tuple[str, ...] = Field(min_length=2)
    measure: str
    organisation: str
    group: str
    period: str
    period_end: str
    frequency: str
    suppressed: str
    numbers: tuple[str, ...] = Field(min_length=1)
    ratio: tuple[str, str]
    clones: Clones
    revisions: Revisions

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        outside = {self.measure, self.organisation, self.group} - set(self.key)
        if outside:
            raise ValueError(f"series: {sorted(outside)} must be part of its key")
        if not set(self.ratio) <= set(self.numbers):
            raise ValueError("series: both parts of the ratio must be among its numbers")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the extract that a series needs."""
        return tuple(dict.fromkeys([*self.key, self.period, self.period_end, self.suppressed, *self.numbers]))
