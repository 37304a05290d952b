"""What each release showed: histories that are written when it is published and never again.

Belongs here: what tonight's tables change against what was last published, as rows for the lake. Does not
belong here: computing an icon or a metric. The lake's rows are the record: they survive a rebuild of the
warehouse and its loss, and a rule or a number corrected later changes what the next release shows, never what
an earlier one did.

A release's rows count when the lake has noted the release (`lake/releases/`), which is done after them.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.lake.durable import move_into_place, remove_tree, write_parquet
from pipelines.lake.layout import (
    METRIC_KEY,
    METRIC_SAYS,
    PART,
    PUBLISHED_ICONS,
    PUBLISHED_METRICS,
    Lake,
    release_part,
)


@dataclass(frozen=True)
class History:
    """One kept history: the published `table` that shows it, the `folder` of the lake that keeps it, and the
    tables of the warehouse whose rows it follows. A row is known by `key`; it has changed when one of `shows`
    has; `also` is kept as it was when the row was first shown."""

    table: str
    folder: str
    schema: pa.Schema
    follows: tuple[str, ...]
    key: tuple[str, ...]
    shows: tuple[str, ...]
    also: tuple[str, ...]

    def part(self, lake: Lake, release_id: str) -> Path:
        """The file of a release's rows."""
        return release_part(lake.root / self.folder, release_id)


ICONS = History(
    table="spc.fct_published_icon",
    folder="published_icons",
    schema=PUBLISHED_ICONS,
    follows=("spc.fct_spc_status",),
    key=("series_id", "measure_id", "organisation_code", "unit_code", "stratum", "rule_set_id"),
    shows=("chart_type", "variation_icon", "assurance_icon"),
    also=("last_period_start",),
)
METRICS = History(
    table="ops.fct_published_metric",
    folder="published_metrics",
    schema=PUBLISHED_METRICS,
    follows=("maturity.fct_metric", "outcomes.fct_metric"),
    key=("metric_result_id",),
    shows=tuple(METRIC_SAYS.names),
    also=tuple(METRIC_KEY.names),
)
HISTORIES = (ICONS, METRICS)


def changed_rows(
    lake: Lake, warehouse_file: Path, history: History, release_id: str, published_at: datetime
) -> pa.Table:
    """The rows of tonight's warehouse that differ from those last published, and those no longer shown.

    One row a key, columns of the history's schema. Everything is new before the first release; empty when the
    warehouse has none of the tables followed. Cost: one pass over these tables and the lake's record.
    """
    with duckdb.connect() as connection:
        connection.execute(f"attach '{_literal(warehouse_file)}' as warehouse (read_only)")
        followed = _there(connection, history.follows)
        if not followed:
            return history.schema.empty_table()
        key, shows, also = history.key, history.shows, history.also
        every = ", ".join((*key, *shows, *also))
        now = " union all ".join(
            f"select {every}, true as is_shown from warehouse.{each}" for each in followed
        )
        same = " and ".join(f"now.{name} is not distinct from last.{name}" for name in key)
        differs = " or ".join(f"now.{name} is distinct from last.{name}" for name in shows)
        known = ", ".join(f"coalesce(now.{name}, last.{name}) as {name}" for name in (*key, *also))
        shown = ", ".join(f"if(now.is_shown, now.{name}, last.{name}) as {name}" for name in shows)
        found = connection.execute(
            f"""
            with committed as (
                select release_id from read_parquet($releases, union_by_name = true)
            ),

            last as (
                select {every}, is_shown
                from read_parquet($kept, union_by_name = true)
                where release_id in (select release_id from committed)
                qualify row_number() over (partition by {", ".join(key)} order by release_id desc) = 1
            ),

            now as ({now})

            select
                $release_id as release_id,
                $published_at as published_at,
                {known},
                {shown},
                now.is_shown is not null as is_shown
            from now
            full outer join last on {same}
            where (now.is_shown is null and last.is_shown)
               or (now.is_shown and (last.is_shown is not true or {differs}))
            order by {", ".join(key)}
            """,
            {
                "releases": str(release_part(lake.releases, "*")),
                "kept": str(history.part(lake, "*")),
                "release_id": release_id,
                "published_at": published_at,
            },
        ).to_arrow_table()
    return found.select(history.schema.names).cast(history.schema)


def _there(connection: duckdb.DuckDBPyConnection, tables: tuple[str, ...]) -> list[str]:
    found = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'warehouse'"
    ).fetchall()
    return [table for table in tables if (table,) in found]


def _literal(path: Path) -> str:
    return path.as_posix().replace("'", "''")


def keep_rows(lake: Lake, history: History, release_id: str, rows: pa.Table) -> Path | None:
    """Write a release's rows to the lake, in the place of those of a publication that was killed before the
    lake noted it. To be called before the release is noted, and for every release. Returns the file, None
    where there are no rows."""
    folder = history.part(lake, release_id).parent
    remove_tree(folder)
    if rows.num_rows == 0:
        return None
    staged = lake.staging / f"{release_id}-{history.folder}"
    remove_tree(staged)
    write_parquet(rows, staged / PART)
    move_into_place(staged, folder)
    return folder / PART
