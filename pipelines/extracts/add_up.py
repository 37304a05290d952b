"""Adds records up: where a file says in several lines what the extract has in one record.

Belongs here: SQL for the sums, and which lines of the file stand and fall together because of them. Does not
belong here: the records that are added (`compile`), what follows for lines (`pipelines.gates.units`).

A sum is made of whole lines, and a line may be in several sums, such as those of a department and of its
hospital. Lines that agree in everything that all records of a line share are one unit, named by its first
line (SOURCE_UNIT): they are accepted or quarantined together, so that no sum is ever short of a line.
"""

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_columns import ColumnType
from pipelines.extracts.vocabulary import AddUp, Feed

SOURCE_UNIT = "source_unit"
PARTS = "parts"


def parts_with_units(parts_query: str, feed: Feed, rule: AddUp) -> str:
    """SQL for the records to be added up, each with the unit of its line."""
    shared = ", ".join(name for name in rule.per if name in feed.columns)
    partition = f"partition by {shared}" if shared else ""
    return f"select *, min(source_row) over ({partition}) as {SOURCE_UNIT} from ({parts_query})"


def sums_query(contract: Contract, rule: AddUp) -> str:
    """SQL for the sums over the table `parts`: columns as of a record, SOURCE_UNIT, and as `source_row` the
    first line of each sum; units stand together.

    A sum is null as soon as one part is, and unreadable or suppressed as soon as one part is.
    """
    selects = []
    for column in contract.columns:
        name = column.name
        flag = f"{name}__unparsed"
        if name in rule.columns:
            total = f"case when count({name}) = count(*) and isfinite(fsum({name})) then fsum({name}) end"
            selects.append(f"cast({total} as {_type(column.type)}) as {name}")
        else:
            selects.append(f"{name}" if name in rule.per else f"min({name}) as {name}")
        if column.type != ColumnType.STRING:
            selects.append(f"bool_or({flag}) as {flag}")
    return f"""
        select {", ".join(selects)}, min(source_row) as source_row, {SOURCE_UNIT}
        from {PARTS}
        group by {", ".join(rule.per)}, {SOURCE_UNIT}
        order by {SOURCE_UNIT}, min(source_row), {", ".join(f"{name} nulls last" for name in rule.per)}
    """


def units_query() -> str:
    """SQL for the lines of units of several lines: `source_row` and SOURCE_UNIT, in the order of lines."""
    return f"""
        with lines as (select distinct source_row, {SOURCE_UNIT} from {PARTS})
        select source_row, {SOURCE_UNIT} from lines
        qualify count(*) over (partition by {SOURCE_UNIT}) > 1 order by source_row
    """


def _type(type_: ColumnType) -> str:
    return "bigint" if type_ == ColumnType.INTEGER else "double"
