"""Spells out the dimensions of NHS England's long format (CML): the id of a dimension in the table METRIC
becomes what the table DIMENSION, packed into the same zip file, says of it.

DIMENSION has a row for each id (some suppliers: for each data point) and a column for each dimension, with
`all_<column>` where a point is about all. Spelled out as `qi export --format cml` writes its ids: the column
`unit` as `unit:<code>|` in front, the column `stratum` as it is, any other as `Column: value`, several with a
semicolon between them, and `all` where there is none. An id that is not in DIMENSION stays as it is.
"""

from fnmatch import fnmatch
from pathlib import PurePosixPath

import duckdb
import pyarrow as pa

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.cells import Cells, Layout, clean_name, literal
from pipelines.extracts.records import engine
from pipelines.extracts.unpack import Content, look_inside, not_one_table, plain_file

NAMES = "*dimension*"
ID = "metric_dimension_id"
# What DIMENSION has beside its dimensions.
_NO_DIMENSIONS = (
    ID,
    "datapoint_id",
    "metric_id",
    "dimension_id",
    "dimension_cohort_id",
    "dimension_type_id",
    "dimension_count",
)


def is_dimension_table(name: str) -> bool:
    """Whether a table in a zip file is DIMENSION, by its name."""
    return fnmatch(PurePosixPath(name).name.lower(), NAMES)


def spell_out(connection: duckdb.DuckDBPyConnection, cells: Cells, content: Content) -> None:
    """Replace the ids in the table or view `cells` of METRIC by what DIMENSION says of them, if it is there.

    Raises:
        UnreadableFile: NOT_ONE_FILE, if there are several DIMENSION tables; OTHER_LAYOUT, if it has no ids;
            CONTRADICTING_DIMENSIONS; or whatever keeps DIMENSION from being read.
    """
    tables = [each for each in look_inside(content.path) if is_dimension_table(each.name)]
    tables = [each for each in tables if each.name != content.name]
    if not tables:
        return
    if len(tables) > 1:
        raise not_one_table([each.name for each in tables])
    at = [clean_name(name) for name in cells.names].index(ID)
    connection.register("spelled", _read(tables[0]))
    connection.execute("create table dimensions as from spelled")
    connection.unregister("spelled")
    views = connection.execute("select view_name from duckdb_views() where view_name = 'cells'").fetchall()
    connection.execute(f"alter {'view' if views else 'table'} cells rename to cells_as_delivered")
    connection.execute(
        f"create table cells as select cells.* replace (coalesce(dimensions.spelled, cells.c{at}) as c{at}) "
        f"from cells_as_delivered as cells left join dimensions on cells.c{at} = dimensions.id "
        "order by cells.source_row"
    )


def _read(content: Content) -> pa.Table:
    """As `_spelled`, with the table's name in every fault."""
    try:
        return _spelled(content)
    except UnreadableFile as fault:
        place = f"table '{content.name}'" + (f", {fault.place}" if fault.place != "file" else "")
        raise UnreadableFile(fault.code, place, fault.message, fault.remedy) from fault


def _spelled(content: Content) -> pa.Table:
    """DIMENSION as `id` and `spelled`, one row an id."""
    layout = Layout(header=(ID,), usual_delimiter=content.format.delimiter)
    with plain_file(content) as source, engine(source.stat().st_size) as connection:
        cells = content.format.read_cells(connection, source, layout)
        names = [clean_name(name) for name in cells.names]
        if ID not in names:
            raise UnreadableFile(
                "OTHER_LAYOUT",
                "file",
                f"The table of dimensions has no column '{ID}'.",
                "Pack METRIC and the DIMENSION that belongs to it, or METRIC alone.",
            )
        found = connection.execute(
            f"select c{names.index(ID)}::varchar as id, min(spelled) as spelled, "
            f"count(distinct spelled) as meanings, min(source_row) as line "
            f"from (select *, {_text(cells)} as spelled from cells) where id is not null "
            "group by id order by line"
        ).to_arrow_table()
    twice = [row["line"] for row in found.to_pylist() if row["meanings"] > 1]
    if twice:
        raise UnreadableFile(
            "CONTRADICTING_DIMENSIONS",
            f"row {twice[0]}",
            f"{len(twice)} ids stand for different dimensions in different rows.",
            "Give every combination of dimensions an id of its own, and deliver both tables again.",
        )
    return found.select(["id", "spelled"])


def _text(cells: Cells) -> str:
    """SQL for what a row of DIMENSION says."""
    values = {
        clean_name(name): (name.strip(), f"nullif(c{at}::varchar, {literal(f'all_{name.strip()}')})")
        for at, name in enumerate(cells.names)
        if clean_name(name) and clean_name(name) not in _NO_DIMENSIONS
    }
    unit = values.pop("unit", ("", "null"))[1]
    stratum = values.pop("stratum", ("", "null"))[1]
    others = [f"{literal(name + ': ')} || {value}" for name, value in values.values()]
    rest = f"coalesce(nullif(concat_ws('; ', {', '.join([stratum, *others])}), ''), 'all')"
    return (
        f"case when {unit} is not null or starts_with({rest}, 'unit:') "
        f"then 'unit:' || coalesce({unit}, '') || '|' else '' end || {rest}"
    )
