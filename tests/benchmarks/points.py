"""A file of measure points of any size, with what they refer to, and known faults in a few of them."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from pipelines.extracts.contract import Contract

RECEIVED_ON = date(2026, 11, 1)
MEASURES = [f"M{number:04}" for number in range(500)]
UNITS = [f"WARD-{number:03}" for number in range(200)]
FIRST_MONTH = np.datetime64("2018-01")
MOST_POINTS = len(MEASURES) * len(UNITS) * 100


def write_references(folder: Path, contracts: dict[str, Contract]) -> None:
    """One organisation, its units and measures, as files in canonical form."""
    folder.mkdir(parents=True)
    _write(_copies(contracts["organisations"], "organisation_code", ["RQ1"]), folder / "organisations.csv")
    _write(_copies(contracts["units"], "unit_code", UNITS, parent_unit_code=None), folder / "units.csv")
    measures = _copies(contracts["measures"], "measure_id", MEASURES, project_id=None, starts_on=None)
    _write(measures, folder / "measures.csv")


def _copies(contract: Contract, key: str, values: list[str], **changes: Any) -> pa.Table:
    """The contract's example once for each value of its key."""
    example = contract.example | changes
    rows = [example | {key: value} for value in values]
    schema = pa.schema([(column.name, column.arrow_type) for column in contract.columns])
    return pa.Table.from_pylist(rows, schema=schema)


def points(count: int) -> pa.Table:
    """Monthly points of a percentage, each with a key of its own; every hundredth has one of four faults."""
    if count > MOST_POINTS:
        raise ValueError(f"there are only {MOST_POINTS} different keys")
    number = np.arange(count)
    random = np.random.default_rng(20261101)
    starts = FIRST_MONTH + number // (len(MEASURES) * len(UNITS))
    ends = (starts + 1).astype("datetime64[D]") - 1
    denominator = random.integers(50, 500, count)
    numerator = random.integers(0, denominator)
    measure = number % len(MEASURES)
    fault = np.where(number % 100 == 50, number // 100 % 4, -1)
    numerator = np.where(fault == 0, denominator + 1, numerator)
    ends = np.where(fault == 1, starts.astype("datetime64[D]") - 1, ends)
    denominator = np.where(fault == 2, -denominator, denominator)
    numerator = np.where(fault == 2, -numerator, numerator)
    names = pa.array([*MEASURES, "UNKNOWN"])
    return pa.table(
        {
            "measure_id": names.take(pa.array(np.where(fault == 3, len(MEASURES), measure))),
            "organisation_code": pa.repeat("RQ1", count),
            "unit_code": pa.array(UNITS).take(pa.array(number // len(MEASURES) % len(UNITS))),
            "stratum": pa.repeat("all", count),
            "period_start": pa.array(starts.astype("datetime64[D]")),
            "period_end": pa.array(ends),
            "value": pa.array(np.round(100 * numerator / denominator, 1)),
            "numerator": pa.array(numerator),
            "denominator": pa.array(denominator),
            "edition": pa.repeat("original", count),
            "published_on": pa.repeat(pa.scalar(date(2026, 10, 20)), count),
        }
    )


def write_points(path: Path, count: int) -> None:
    """Points as CSV or Parquet, by the path's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(points(count), path)


def _write(table: pa.Table, path: Path) -> None:
    if path.suffix == ".csv":
        arrow_csv.write_csv(table, path, arrow_csv.WriteOptions(quoting_style="needed"))
    else:
        pq.write_table(table, path, compression="zstd")
