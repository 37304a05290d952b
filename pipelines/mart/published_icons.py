"""Which icons each release showed: the history that is written when it is published and never again.

Belongs here: what tonight's icons change against those of the last release, as rows for the lake. Does
not belong here: computing an icon. The lake's rows are the record: they survive a rebuild of the
warehouse and its loss, and a rule or a number corrected later changes what the next release shows, never
what an earlier one did.

A release's rows count when the lake has noted the release (`lake/releases/`), which is done after them.
"""

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.lake.durable import move_into_place, remove_tree, write_parquet
from pipelines.lake.layout import PART, PUBLISHED_ICONS, Lake, release_part

STATUS_TABLE = "spc.fct_spc_status"
ICON_TABLE = "spc.fct_published_icon"

SERIES = ("series_id", "measure_id", "organisation_code", "unit_code", "stratum", "rule_set_id")
ICONS = ("chart_type", "variation_icon", "assurance_icon")


def changed_icons(lake: Lake, warehouse_file: Path, release_id: str, published_at: datetime) -> pa.Table:
    """The icons of tonight's warehouse that differ from those last published, and those no longer shown.

    One row a series and rule set, columns of `PUBLISHED_ICONS`. Everything is new before the first release;
    empty when the warehouse has no charts. Cost: one pass over the charts' status and the lake's record.
    """
    with duckdb.connect() as connection:
        connection.execute(f"attach '{_literal(warehouse_file)}' as warehouse (read_only)")
        if not _has_charts(connection):
            return PUBLISHED_ICONS.empty_table()
        same_series = " and ".join(f"now.{name} is not distinct from last.{name}" for name in SERIES)
        differs = " or ".join(f"now.{name} is distinct from last.{name}" for name in ICONS)
        shown = ", ".join(f"if(now.is_shown, now.{name}, last.{name}) as {name}" for name in ICONS)
        found = connection.execute(
            f"""
            with committed as (
                select release_id from read_parquet($releases, union_by_name = true)
            ),

            last as (
                select {", ".join((*SERIES, *ICONS))}, last_period_start, is_shown
                from read_parquet($icons, union_by_name = true)
                where release_id in (select release_id from committed)
                qualify row_number() over (
                    partition by {", ".join(SERIES)} order by release_id desc
                ) = 1
            ),

            now as (
                select {", ".join((*SERIES, *ICONS))}, last_period_start, true as is_shown
                from warehouse.{STATUS_TABLE}
            )

            select
                $release_id as release_id,
                $published_at as published_at,
                {", ".join(f"coalesce(now.{name}, last.{name}) as {name}" for name in SERIES)},
                {shown},
                coalesce(now.last_period_start, last.last_period_start) as last_period_start,
                now.is_shown is not null as is_shown
            from now
            full outer join last on {same_series}
            where (now.is_shown is null and last.is_shown)
               or (now.is_shown and (last.is_shown is not true or {differs}))
            order by {", ".join(SERIES)}
            """,
            {
                "releases": str(lake.releases / "*" / PART),
                "icons": str(lake.published_icons / "*" / PART),
                "release_id": release_id,
                "published_at": published_at,
            },
        ).to_arrow_table()
    return found.select(PUBLISHED_ICONS.names).cast(PUBLISHED_ICONS)


def _has_charts(connection: duckdb.DuckDBPyConnection) -> bool:
    schema, table = STATUS_TABLE.split(".")
    found = connection.execute(
        "select count(*) from duckdb_tables() where database_name = 'warehouse' "
        "and schema_name = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    return found is not None and found[0] > 0


def _literal(path: Path) -> str:
    return path.as_posix().replace("'", "''")


def keep_icons(lake: Lake, release_id: str, icons: pa.Table) -> None:
    """Write a release's icons to the lake, in the place of those of a publication that was killed before
    the lake noted it. To be called before the release is noted, and for every release."""
    remove_tree(release_part(lake.published_icons, release_id).parent)
    if icons.num_rows == 0:
        return
    staged = lake.staging / f"{release_id}-icons"
    remove_tree(staged)
    write_parquet(icons, staged / PART)
    move_into_place(staged, release_part(lake.published_icons, release_id).parent)
