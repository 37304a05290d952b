"""Series of points and the table of all points, before they are cut into deliveries."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from pipelines.demo.columns import POINT_COLUMNS
from pipelines.demo.readings import Readings
from pipelines.demo.timeline import Periods, Timeline

STRATA = ("all", "quintile_1", "quintile_2", "quintile_3", "quintile_4", "quintile_5")
NUMBER_TYPES = {
    "value": pa.float64(),
    "numerator": pa.int64(),
    "denominator": pa.int64(),
    "subgroup_size": pa.int64(),
    "subgroup_mean": pa.float64(),
    "subgroup_sd": pa.float64(),
}


@dataclass(frozen=True)
class Series:
    """Points of one measure in one place and stratum, in one edition.

    `source`: the file they come in (board, wards, projects). `available_on`: from which day each point can be
    delivered. `is_published`: that day stands in the file as the day of publication. `first_delivery`: number
    of the earliest delivery that brings them, whatever `available_on` says. `outlier`: place of a point that
    went wrong.
    """

    source: str
    measure_id: str
    organisation_code: str
    unit_code: str | None
    stratum: str
    periods: Periods
    readings: Readings
    available_on: np.ndarray
    edition: str | None = None
    is_published: bool = False
    first_delivery: int = 0
    outlier: int | None = None

    def __len__(self) -> int:
        return len(self.periods)

    def kept(self, chosen: np.ndarray) -> "Series":
        """The series with the chosen points only (mask or positions)."""
        return replace(
            self,
            periods=self.periods[chosen],
            readings=self.readings[chosen],
            available_on=self.available_on[chosen],
        )


@dataclass(frozen=True)
class Points:
    """All points of one source: `table` has POINT_COLUMNS; `delivery`: number of the delivery of each row."""

    table: pa.Table
    delivery: np.ndarray

    def delivered(self, number: int) -> pa.Table:
        """The rows that the delivery with this number brings first."""
        return self.table.filter(pa.array(self.delivery == number))


def collect(series: list[Series], timeline: Timeline) -> Points:
    """One table of all `series`, in their order; points nobody can deliver by the end are left out."""
    delivery = _numbers(series, timeline)
    columns = {
        "measure_id": _codes(series, lambda one: one.measure_id),
        "organisation_code": _codes(series, lambda one: one.organisation_code),
        "unit_code": _codes(series, lambda one: one.unit_code),
        "stratum": _codes(series, lambda one: one.stratum),
        "period_start": _dates(one.periods.start for one in series),
        "period_end": _dates(one.periods.end for one in series),
        **{name: _part(series, name, kind) for name, kind in NUMBER_TYPES.items()},
        "edition": _codes(series, lambda one: one.edition),
        "published_on": _published(series),
    }
    table = pa.table(columns).select(POINT_COLUMNS)
    in_time = delivery < len(timeline.deliveries)
    return Points(table.filter(pa.array(in_time)), delivery[in_time])


def _numbers(series: list[Series], timeline: Timeline) -> np.ndarray:
    days = np.array(timeline.deliveries, dtype="datetime64[D]")
    found = [np.maximum(np.searchsorted(days, one.available_on), one.first_delivery) for one in series]
    return np.concatenate(found) if found else np.array([], dtype=np.int64)


def _codes(series: list[Series], of: Callable[[Series], str | None]) -> pa.Array:
    """A text column that is one value throughout a series."""
    values = [of(one) for one in series]
    known = {value: place for place, value in enumerate(dict.fromkeys(v for v in values if v is not None))}
    places = np.repeat(
        [0 if value is None else known[value] for value in values], [len(one) for one in series]
    )
    missing = np.repeat([value is None for value in values], [len(one) for one in series])
    indices = pa.array(places.astype(np.int32), mask=missing.astype(bool))
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(known), pa.string()))


def _dates(parts: Iterable[np.ndarray]) -> pa.Array:
    arrays = list(parts)
    days = np.concatenate(arrays) if arrays else np.array([], dtype="datetime64[D]")
    return pa.array(days.astype("datetime64[D]"), pa.date32())


def _part(series: list[Series], name: str, kind: pa.DataType) -> pa.Array:
    arrays, missing = [], []
    for one in series:
        part = getattr(one.readings, name)
        arrays.append(np.zeros(len(one)) if part is None else part)
        missing.append(np.full(len(one), part is None))
    if not arrays:
        return pa.array([], kind)
    numbers = np.concatenate(arrays).astype(kind.to_pandas_dtype())
    return pa.array(numbers, kind, mask=np.concatenate(missing))


def _published(series: list[Series]) -> pa.Array:
    days = [
        one.available_on if one.is_published else np.full(len(one), np.datetime64("NaT"), "datetime64[D]")
        for one in series
    ]
    return _dates(days)
