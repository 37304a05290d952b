"""What the lake already knows, for rules that look beyond their own file.

Always the last accepted row of a key, loads that were taken back left out.
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.lake.layout import PART, Lake


def _accepted(lake: Lake, extract: str) -> str:
    pattern = (lake.accepted(extract) / "*" / PART).as_posix().replace("'", "''")
    return (
        f"read_parquet('{pattern}', hive_partitioning = true, hive_types_autocast = false, "
        "union_by_name = true)"
    )


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def latest_rows(
    lake: Lake, extract: str, keys: list[str], columns: list[str], taken_back: set[str], first_by: str | None
) -> pa.Table:
    """One row for each key ever accepted in `extract`: `keys` and `columns` of its last delivery.

    `first_by`: a column whose lowest value goes before the date (a register before a publication).
    """
    order = ([f'"{first_by}" asc nulls first'] if first_by else []) + [
        "published_on desc nulls last",
        "received_at desc nulls last",
        "load_id desc",
        "source_row desc",
    ]
    with duckdb.connect() as connection:
        return connection.execute(
            f"select {_quoted(keys + columns)} from {_accepted(lake, extract)} "
            "where not list_contains(?, load_id) "
            f"qualify row_number() over (partition by {_quoted(keys)} order by {', '.join(order)}) = 1",
            [sorted(taken_back)],
        ).to_arrow_table()


def keys_taken_by_others(
    lake: Lake, extract: str, keys: list[str], columns: list[str], rows: pa.Table, load_ids: list[str]
) -> pa.Table:
    """The keys of `rows` that the given loads have already brought with other content.

    `rows`: this file's records (contract columns). Returns a table of `keys`, distinct.
    """
    same_key = " and ".join(f'rows."{key}" is not distinct from lake."{key}"' for key in keys)
    content = [column for column in columns if column not in keys]
    differs = " or ".join(f'rows."{column}" is distinct from lake."{column}"' for column in content)
    if not load_ids or not content:
        return rows.select(keys).slice(0, 0)
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        distinct = ", ".join(f'rows."{key}"' for key in keys)
        return connection.execute(
            f"select distinct {distinct} from rows join {_accepted(lake, extract)} as lake "
            f"on {same_key} where list_contains(?, lake.load_id) and ({differs})",
            [load_ids],
        ).to_arrow_table()


def quarantined_records(lake: Lake, extract: str, load_id: str) -> pa.Table:
    """The quarantined records of one load, with their `codes`, as they were kept."""
    with duckdb.connect() as connection:
        return connection.execute(
            "select * exclude (load_id) from read_parquet(?, hive_partitioning = true, "
            "hive_types_autocast = false) order by source_row",
            [str(lake.quarantine(extract) / f"load_id={load_id}" / PART)],
        ).to_arrow_table()


def released_rows(lake: Lake, load_id: str, retries: list[str]) -> set[int]:
    """Source rows of `load_id` that later loads (`retries`) have already released."""
    parts = [str(lake.quarantined_rows / f"load_id={retry}" / PART) for retry in retries]
    parts = [part for part in parts if Path(part).exists()]
    if not parts:
        return set()
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select source_row from read_parquet(?) where origin_load_id = ? and event = 'released'",
            [parts, load_id],
        ).fetchall()
    return {row for (row,) in rows}


def quarantined_units(lake: Lake, load_id: str) -> pa.Table:
    """`source_row` and `source_unit` of the quarantined lines of a load that go together with others."""
    part = lake.quarantined_rows / f"load_id={load_id}" / PART
    with duckdb.connect() as connection:
        return connection.execute(
            "with lines as (select distinct source_row, source_unit from read_parquet(?)) "
            "select * from lines qualify count(*) over (partition by source_unit) > 1 order by source_row",
            [str(part)],
        ).to_arrow_table()
