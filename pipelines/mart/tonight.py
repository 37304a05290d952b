"""What a run tells dbt: where the lake and the warehouse are, and what day it is.

The day is a small Parquet file and not a dbt variable, because a changed variable makes dbt parse
the whole project again.
"""

import os
from datetime import date
from functools import cache

import duckdb
import pyarrow as pa

from pipelines.lake.durable import move_into_place, write_parquet
from pipelines.lake.layout import PART, Lake
from pipelines.mart.publish import next_release_id
from pipelines.settings import Settings


def dbt_environment(settings: Settings) -> dict[str, str]:
    """The environment variables that `dbt_project/` reads."""
    return {
        "QI_LAKE": settings.lake_path.as_posix(),
        "QI_BUILD": settings.build_path.as_posix(),
        "QI_WAREHOUSE": settings.warehouse_file.as_posix(),
        "QI_WAREHOUSE_MEMORY": settings.warehouse_memory or half_of_memory(),
        "QI_TEMPORARY": settings.temporary_path.as_posix(),
        "DO_NOT_TRACK": "1",
    }


@cache
def half_of_memory() -> str:
    """Half of the memory that this process may use, as DuckDB spells it, which knows limits of containers too
    and takes four fifths by itself."""
    with duckdb.connect() as connection:
        (given,) = connection.execute("select current_setting('memory_limit')").fetchall()[0]
    number, unit = given.split()
    return f"{float(number) / 0.8 / 2:.1f}{unit}"


def write_tonight(settings: Settings, run_id: str) -> date:
    """Write the clock of this run where dbt reads it, and set dbt's environment. Returns the day."""
    os.environ.update(dbt_environment(settings))
    as_of_date = settings.clock().date()
    tonight = pa.table(
        {
            "as_of_date": pa.array([as_of_date], pa.date32()),
            "run_id": pa.array([run_id]),
            "own_organisation_code": pa.array([settings.own_organisation], pa.string()),
            "release_id": pa.array([next_release_id(Lake(settings.lake_path))]),
        }
    )
    folder = settings.build_path / "tonight"
    staged = folder / "tonight.part"
    write_parquet(tonight, staged)
    move_into_place(staged, folder / PART)
    return as_of_date
