"""From a delivered file to typed rows of one extract.

Belongs here: running a mapping over a file, and what that yields. Does not belong here: the meaning of a
mapping's words (`compile`), parsing of formats (`readers`), judging the rows (`pipelines.gates`).

Everything happens in a DuckDB database that lives for one file (`records`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.extracts.adapters import cml_dimensions
from pipelines.extracts.add_up import PARTS, SOURCE_UNIT, parts_with_units, sums_query, units_query
from pipelines.extracts.compile import (
    Compiler,
    FileFacts,
    column_positions,
    ignored_reason,
    output_columns,
    records_query,
)
from pipelines.extracts.contract import Contract
from pipelines.extracts.control_totals import ControlTotal, control_totals
from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.mapping import Mapping, canonical_mapping, suppression_reasons
from pipelines.extracts.readers.cells import TEXT, Cells, clean_name, trimmed
from pipelines.extracts.readers.line_numbers import Malformed
from pipelines.extracts.recognise import content_for, layout_of
from pipelines.extracts.records import SLICE_RECORDS, Records, engine
from pipelines.extracts.unpack import plain_file
from pipelines.extracts.vocabulary import Feed
from pipelines.extracts.yaml_text import child, compose, line_of

BELOW_TABLE = "below the table"


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """What is known of a file as a whole, for one extract.

    Rows are counted as data rows of the file: neither header nor blank lines. Every row is in
    `rows_received`, also those in `rows_ignored` (reason -> rows) and `malformed_rows`.
    `units`, where records are sums over lines: `source_row` and `source_unit` of lines that are accepted or
    quarantined together; a record's `source_row` is then the first line of its sum.
    `missing_columns` are required columns of the contract that the file lacks, `unknown_columns` columns of
    the file that its mapping does not know. `encoding` and `delimiter` are those that a text was read with,
    `sheet` names the sheet of a workbook.
    """

    extract: str
    rows_received: int
    rows_ignored: dict[str, int] = field(default_factory=dict)
    malformed_rows: Malformed = field(default_factory=Malformed)
    control_totals: list[ControlTotal] = field(default_factory=list)
    missing_columns: list[str] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)
    edition: str | None = None
    published_on: date | None = None
    units: pa.Table | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


@dataclass(frozen=True, kw_only=True)
class Extracted(Delivered):
    """A file with all its records in memory.

    `table` has the contract's columns (typed, null where unreadable or suppressed), `source_row` (line in the
    file; several records may share one) and `<column>__unparsed` for every column that is not text.
    """

    table: pa.Table


@dataclass(frozen=True, kw_only=True)
class OpenExtract(Delivered):
    """A file whose records are handed out slice by slice; columns as in `Extracted.table`."""

    records: Records


def read(path: Path, mapping: Mapping, extract: str, contract: Contract) -> Extracted:
    """Read one extract from a delivered file into memory; for a file of any size there is `open_extract`.

    Raises:
        UnreadableFile: the file as such is at fault; its message never repeats what a cell holds.
    """
    with open_extract(path, mapping, extract, contract) as opened:
        return _in_memory(opened)


def provided(mapping: Mapping, extract: str, contract: Contract) -> Extracted:
    """The rows of an extract that a mapping file itself holds; `source_row` is the line of that file.

    Raises:
        KeyError: the mapping provides no such extract.
    """
    with open_provided(mapping, extract, contract) as opened:
        return _in_memory(opened)


def _in_memory(opened: OpenExtract) -> Extracted:
    facts: dict[str, Any] = {each.name: getattr(opened, each.name) for each in fields(Delivered)}
    facts["malformed_rows"] = opened.malformed_rows.in_memory()
    return Extracted(table=opened.records.table(), **facts)


@contextmanager
def open_extract(
    path: Path, mapping: Mapping, extract: str, contract: Contract, table: str | None = None
) -> Iterator[OpenExtract]:
    """Read one extract from a delivered file of any size; its records are there while the context lasts.
    `table`: which one, of a zip file that holds several.

    Raises:
        UnreadableFile: the file as such is at fault; its message never repeats what a cell holds.
    """
    content = content_for(path, mapping, table)
    definition = mapping.definition.of(extract)
    with plain_file(content) as source, engine(source.stat().st_size) as connection:
        cells = content.format.read_cells(connection, source, layout_of(definition, content))
        if definition.adapter == "cml_dimensions" and path.suffix.lower() == ".zip":
            cml_dimensions.spell_out(connection, cells, content)
        facts = FileFacts(
            content.names[-1],
            mapping.edition(content.names, cells.notes),
            mapping.published_on(content.names, cells.notes),
            cells.notes,
        )
        compiler = Compiler(
            cells,
            column_positions(cells, definition),
            definition,
            contract,
            facts,
            suppression_reasons(mapping),
        )
        missing = _missing_columns(compiler, mapping)
        records, units = _records(connection, compiler, extract)
        yield OpenExtract(
            extract=extract,
            records=records,
            rows_received=cells.rows + cells.rows_below + len(cells.malformed_rows),
            rows_ignored=_ignored_rows(connection, compiler),
            malformed_rows=cells.malformed_rows,
            control_totals=control_totals(connection, compiler),
            missing_columns=missing,
            unknown_columns=_unknown_columns(compiler),
            edition=facts.edition,
            published_on=facts.published_on,
            units=units,
            encoding=cells.encoding,
            delimiter=cells.delimiter,
            sheet=cells.sheet,
        )


@contextmanager
def open_provided(mapping: Mapping, extract: str, contract: Contract) -> Iterator[OpenExtract]:
    """The rows of an extract that a mapping file itself holds, as those of a delivered file.

    Raises:
        KeyError: the mapping provides no such extract.
    """
    provision = mapping.definition.provides[extract]
    if mapping.path is None:
        raise KeyError(extract)
    root = compose(mapping.path.read_text(encoding="utf-8"))
    nodes = child(root, "provides", extract, "rows")
    rows = [{**provision.shared, **row} for row in provision.rows]
    lines = [line_of(node) for node in nodes.value] if nodes is not None else []
    names = contract.column_names
    texts = {
        f"t{at}": pa.array([row.get(name) for row in rows], pa.string()) for at, name in enumerate(names)
    }
    with engine() as connection:
        connection.register("provided", pa.table({**texts, "source_row": pa.array(lines, pa.int64())}))
        columns = ", ".join(f"{trimmed(f't{at}')} as c{at}" for at in range(len(names)))
        connection.execute(f"create table cells as select {columns}, source_row from provided")
        cells = Cells(names, (TEXT,) * len(names), len(rows))
        canonical = canonical_mapping(contract)
        definition = canonical.definition
        positions = column_positions(cells, definition)
        facts = FileFacts(mapping.path.name)
        compiler = Compiler(cells, positions, definition, contract, facts, suppression_reasons(canonical))
        records, _ = _records(connection, compiler, extract)
        yield OpenExtract(extract=extract, records=records, rows_received=len(rows))


def _records(
    connection: duckdb.DuckDBPyConnection, compiler: Compiler, extract: str
) -> tuple[Records, pa.Table | None]:
    """The records of an extract, and the units of lines where they are sums.

    Raises:
        UnreadableFile: SUM_INCOMPLETE.
    """
    feed, contract = compiler.definition.extracts[extract], compiler.contract
    names, units = output_columns(contract), None
    if feed.add_up is None:
        _make_records(connection, compiler, feed)
    else:
        _check_that_sums_are_whole(compiler)
        query = records_query(compiler, feed)
        connection.execute(f"create table {PARTS} as {parts_with_units(query, feed, feed.add_up)}")
        connection.execute(f"create table typed as {sums_query(contract, feed.add_up)}")
        names.append(SOURCE_UNIT)
        units = connection.execute(units_query()).to_arrow_table()
    lines = {"source_row": pa.int64(), SOURCE_UNIT: pa.int64()}
    types = {column.name: column.arrow_type for column in contract.columns} | lines
    schema = pa.schema([(name, types.get(name, pa.bool_())) for name in names])
    return Records.of_typed(connection, schema), units


def _make_records(connection: duckdb.DuckDBPyConnection, compiler: Compiler, feed: Feed) -> None:
    """Make the table `typed` of `cells`: at once, or some lines after the other where a line makes so many
    records that sorting all of them would take long. A record chosen among all needs all at once.
    """
    records_a_line = len(feed.records)
    is_large = compiler.cells.rows * records_a_line > SLICE_RECORDS
    if records_a_line > 1 and feed.one_per is None and is_large:
        for number, lines in enumerate(_stretches(connection, SLICE_RECORDS // records_a_line)):
            into = "insert into typed" if number else "create table typed as"
            connection.execute(f"{into} {records_query(compiler, feed, lines)}")
    else:
        connection.execute(f"create table typed as {records_query(compiler, feed)}")


def _stretches(connection: duckdb.DuckDBPyConnection, lines: int) -> Iterator[range]:
    """Ranges of line numbers that together hold every row of `cells`, in order."""
    bounds = connection.execute("select min(source_row), max(source_row) from cells").fetchall()
    first, last = bounds[0]
    for start in range(first, last + 1, max(lines, 1)):
        yield range(start, start + max(lines, 1))


def _check_that_sums_are_whole(compiler: Compiler) -> None:
    if compiler.cells.malformed_rows:
        line = compiler.cells.malformed_rows.lines.first
        raise UnreadableFile(
            "SUM_INCOMPLETE",
            f"line {line}",
            "Lines are added up, and one that cannot be read would be missing from a sum.",
            "Correct the line and deliver the file again.",
        )


def _missing_columns(compiler: Compiler, mapping: Mapping) -> list[str]:
    """Required columns that the file does not have; a supplier's file that lacks one is of another layout.

    Raises:
        UnreadableFile: OTHER_LAYOUT.
    """
    definition, width = compiler.definition, len(compiler.cells.types)
    absent = [name for name in definition.header or () if clean_name(name) not in compiler.positions]
    is_other_width = definition.headerless is not None and width not in definition.headerless.widths
    if is_other_width or (absent and not mapping.is_canonical):
        wrong = f"columns are missing: {', '.join(absent)}" if absent else f"it has {width} columns"
        raise UnreadableFile(
            "OTHER_LAYOUT",
            "file",
            f"The file does not have the layout {mapping.name}: {wrong}.",
            "Check that the right file was sent; if the supplier changed the layout, change the mapping.",
        )
    return absent


def _unknown_columns(compiler: Compiler) -> list[str]:
    if compiler.definition.headerless is not None:
        return []
    known = set(map(clean_name, compiler.definition.file_columns))
    return [name for name in compiler.cells.names if clean_name(name) and clean_name(name) not in known]


def _ignored_rows(connection: duckdb.DuckDBPyConnection, compiler: Compiler) -> dict[str, int]:
    query = f"""
        with reasons as (select {ignored_reason(compiler)} as reason from cells)
        select reason, count(*) from reasons where reason is not null group by reason order by reason
    """
    below = {BELOW_TABLE: compiler.cells.rows_below} if compiler.cells.rows_below else {}
    return dict(connection.execute(query).fetchall()) | below
