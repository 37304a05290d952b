"""What the lake already knows, for rules that look beyond their own file.

Always the last accepted row of a key, loads that were taken back left out.
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.extracts.add_up import SOURCE_UNIT
from pipelines.extracts.contract import Contract, lake_schema
from pipelines.extracts.contract_columns import JOINT, ColumnType
from pipelines.extracts.readers.cells import literal
from pipelines.extracts.records import RECORD, Records
from pipelines.gates.keys import Positions
from pipelines.gates.whole import NOBODY
from pipelines.lake.layout import FIRST_LOAD, PART, Lake, load_folder


def _accepted(lake: Lake, extract: str) -> str:
    return _parquet([lake.accepted(extract) / "*" / PART])


def _accepted_by(lake: Lake, extract: str, load_ids: list[str]) -> str:
    """The rows of some loads, with the columns of today's contract."""
    return _parquet(
        [load_folder(lake.accepted(extract), load_id) / PART for load_id in (FIRST_LOAD, *load_ids)]
    )


def _parquet(paths: list[Path]) -> str:
    files = ", ".join(literal(path.as_posix()) for path in paths)
    return (
        f"read_parquet([{files}], hive_partitioning = true, hive_types_autocast = false, "
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


def records_taken_by_others(
    lake: Lake, extract: str, keys: list[str], columns: list[str], records: Records, load_ids: list[str]
) -> Positions:
    """Numbers of the records whose key the given loads have already brought with other content.

    `columns`: the contract's.
    """
    same_key = " and ".join(f'records."{key}" is not distinct from lake."{key}"' for key in keys)
    content = [column for column in columns if column not in keys]
    differs = " or ".join(f'records."{column}" is distinct from lake."{column}"' for column in content)
    if not load_ids or not content:
        return NOBODY
    return records.positions(
        f"select distinct {RECORD} from records join {_accepted_by(lake, extract, load_ids)} as lake "
        f"on {same_key} where {differs}"
    )


def waiting_records(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: Contract,
    load_id: str,
    retries: list[str],
    units: pa.Table,
) -> Records:
    """The records of a load that are still in quarantine and failed nothing but rules that are tried again,
    with the columns of today's contract and SOURCE_UNIT; those of a unit stand together.

    `retries`: loads that may have released some already. `units`: as `quarantined_units`.
    """
    schema = lake_schema(contract)
    schema = schema.remove(schema.get_field_index("received_at"))
    folder = lake.quarantine(contract.extract)
    parts = [load_folder(folder, each) / PART for each in (FIRST_LOAD, load_id)]
    events = [load_folder(lake.quarantined_rows, each) / PART for each in (FIRST_LOAD, *retries)]
    columns = ", ".join(_quoted([name]) for name in schema.names)
    # All of them were readable.
    flags = [
        f"{column.name}{JOINT}unparsed" for column in contract.columns if column.type != ColumnType.STRING
    ]
    connection.register("units", units)
    connection.execute(
        f"create table typed as select {columns}{''.join(f', false as {flag}' for flag in flags)}, "
        f"coalesce({SOURCE_UNIT}, source_row) as {SOURCE_UNIT} "
        f"from {_parquet([part for part in parts if part.exists()])} left join units using (source_row) "
        "where list_has_all(?, string_split(codes, '|')) and source_row not in ("
        f"select source_row from {_parquet([part for part in events if part.exists()])} "
        "where origin_load_id = ? and event = 'released') "
        f"order by {SOURCE_UNIT}, source_row",
        [[rule.code for rule in contract.all_rules if rule.retry], load_id],
    )
    fields = [*schema, *(pa.field(flag, pa.bool_()) for flag in flags), pa.field(SOURCE_UNIT, pa.int64())]
    return Records.of_typed(connection, pa.schema(fields))


def quarantined_units(lake: Lake, load_id: str) -> pa.Table:
    """`source_row` and `source_unit` of the quarantined lines of a load that go together with others."""
    parts = [load_folder(lake.quarantined_rows, each) / PART for each in (FIRST_LOAD, load_id)]
    # A load of an older lake has no units.
    with duckdb.connect() as connection:
        return connection.execute(
            "with lines as (select distinct source_row, coalesce(source_unit, source_row) as source_unit "
            f"from {_parquet(parts)}) "
            "select * from lines qualify count(*) over (partition by source_unit) > 1 order by source_row"
        ).to_arrow_table()
