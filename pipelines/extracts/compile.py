"""Turns a mapping into SQL over a file's cells.

Belongs here: the meaning of the words in `vocabulary`, as SQL. Does not belong here: typing of single cells
(`typing_sql`), reading files (`readers`), running the queries (`read`).

The query for records goes from `cells` over leaves (each source of a value, taken from the cells and typed
once) to records. A leaf is up to four columns: `t` its text, `v` its value, `r` why it is suppressed, `u`
whether it could not be read. A sum or difference is computed from leaves.
"""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from datetime import date

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_columns import Column, ColumnType
from pipelines.extracts.periods_sql import agreed, first_day
from pipelines.extracts.readers.cells import TEXT, Cells, clean_name, literal
from pipelines.extracts.typing_sql import (
    DUCKDB_TYPES,
    as_text,
    edge_of_period,
    formatted,
    months_later,
    native,
    parsed,
    sheet_moment,
    with_point,
)
from pipelines.extracts.vocabulary import (
    NAMED_FORMATS,
    Definition,
    Feed,
    IgnoredRows,
    OnePer,
    Record,
    Source,
)

BLANK_ROW = "blank row"
SUPPRESSION_REASON = "suppression_reason"
NUMERIC = (ColumnType.NUMBER, ColumnType.INTEGER)

_NO_TEXT = "cast(null as varchar)"


@dataclass(frozen=True)
class FileFacts:
    """What a file tells by its name, and by notes above its table."""

    name: str
    edition: str | None = None
    published_on: date | None = None
    notes: Dictionary[str, str | None] = field(default_factory=dict)

    def text(self, fact: str) -> str | None:
        """One of the facts as text, None where the name does not tell it or there is no such fact."""
        known = {"name": self.name, "edition": self.edition, "published_on": self.published_on}
        value = known.get(fact)
        return None if value is None else str(value)


@dataclass(frozen=True)
class Value:
    """SQL for a value, for why it is suppressed (text or null) and for whether it could not be read."""

    value: str
    reason: str = _NO_TEXT
    unparsed: str = "false"


@dataclass(frozen=True)
class Leaf:
    """A source that reads a column, with the type its value shall have."""

    source: Source
    type: ColumnType
    number: int


@dataclass(frozen=True)
class Compiler:
    """What SQL is made from: one file, its mapping and the contract; and the leaves met on the way."""

    cells: Cells
    positions: Dictionary[str, int]
    definition: Definition
    contract: Contract
    facts: FileFacts
    reasons: Dictionary[str, str]
    leaves: dict[tuple[str, ColumnType], Leaf] = field(default_factory=dict)


def column_positions(cells: Cells, definition: Definition) -> dict[str, int]:
    """Where the columns that a mapping knows stand in a file: name as compared -> position from 0."""
    if definition.headerless is not None:
        return {clean_name(name): at - 1 for at, name in definition.headerless.columns.items()}
    return {clean_name(name): at for at, name in enumerate(cells.names) if clean_name(name)}


def records_query(compiler: Compiler, feed: Feed, lines: range | None = None) -> str:
    """SQL for the records of an extract: the contract's columns, `source_row`, `<column>__unparsed`; in the
    order of rows. Where records are added up these are its parts (`add_up` goes on from there). `lines`: only
    those of these lines of the file.
    """
    selects = [_record(compiler, feed, record, number) for number, record in enumerate(feed.records)]
    is_wide = len(selects) > 1
    columns = ", ".join(output_columns(compiler.contract))
    order = "order by source_row, record_number" if is_wide or feed.one_per is not None else ""
    within = "" if lines is None else f"and source_row >= {lines.start} and source_row < {lines.stop}"
    return f"""
        with texts as (
            select source_row{"".join(_texts(compiler))} from cells
            where {ignored_reason(compiler)} is null {within}
        ),
        valued as (select *{"".join(_values(compiler))} from texts),
        explained as (select *{"".join(_reasons(compiler))} from valued),
        leaves as {"materialized" if is_wide else ""} (select *{"".join(_flags(compiler))} from explained),
        records as ({" union all ".join(selects)})
        select {columns} from records {_one_per(feed.one_per)} {order}
    """


def output_columns(contract: Contract) -> list[str]:
    """Names of the columns of an extract's table."""
    flags = [f"{column.name}__unparsed" for column in contract.columns if column.type != ColumnType.STRING]
    return [*contract.column_names, "source_row", *flags]


def ignored_reason(compiler: Compiler) -> str:
    """SQL for why a row of `cells` is no data; null for data."""
    blank = " and ".join(f"c{position} is null" for position in range(len(compiler.cells.types)))
    cases = [f"when {blank} then {literal(BLANK_ROW)}"]
    cases += [
        f"when {row_matches(compiler, rows)} then {literal(rows.reason)}"
        for rows in compiler.definition.ignore_rows
    ]
    return f"case {' '.join(cases)} end"


def row_matches(compiler: Compiler, rows: IgnoredRows) -> str:
    """SQL for whether a row of `cells` is one of these."""
    cell = cell_as_text(compiler, rows.column)
    return f"coalesce(regexp_full_match({cell}, {literal(rows.matches)}, 'i'), false)"


def cell_as_number(compiler: Compiler, position: int) -> str:
    """SQL for a cell of `cells` as a number, null where it is none."""
    cell, type_ = f"c{position}", compiler.cells.types[position]
    number = native(cell, type_, ColumnType.NUMBER)
    return number or parsed(_number_text(compiler, as_text(cell, type_)), ColumnType.NUMBER)


def cell_as_text(compiler: Compiler, name: str) -> str:
    """SQL for a cell as text; null where the file does not have the column."""
    position = compiler.positions.get(clean_name(name))
    return _NO_TEXT if position is None else as_text(f"c{position}", compiler.cells.types[position])


def _has(compiler: Compiler, name: str) -> bool:
    return clean_name(name) in compiler.positions


def _text(compiler: Compiler, source: Source) -> str:
    """SQL for the text of a source after its steps, before typing."""
    if source.column is not None:
        text = cell_as_text(compiler, source.column)
    elif source.constant is not None:
        text = literal(source.constant)
    elif source.note is not None:
        note = compiler.facts.notes.get(source.note)
        text = _NO_TEXT if note is None else literal(note)
    else:
        known = compiler.facts.text(source.from_file or "")
        text = _NO_TEXT if known is None else literal(known)
    if source.pattern is not None:
        text = f"nullif(trim(regexp_extract({text}, {literal(source.pattern)}, 1, 'i')), '')"
    if source.when_empty is not None and (source.column is None or _has(compiler, source.column)):
        text = f"coalesce({text}, {literal(source.when_empty)})"
    if source.case is not None:
        text = f"{source.case}({text})"
    table = source.map or compiler.definition.lookups.get(source.lookup or "")
    return text if table is None else _looked_up(text, table, source.otherwise)


def _looked_up(text: str, table: Dictionary[str, str], otherwise: str) -> str:
    key = f"lower(trim(regexp_replace({text}, '[\\s\\x{{00A0}}]+', ' ', 'g')))"
    cases = " ".join(f"when {literal(clean_name(word))} then {literal(to)}" for word, to in table.items())
    return f"case {key} {cases} else {text if otherwise == 'keep' else _NO_TEXT} end"


def _native_cell(compiler: Compiler, leaf: Leaf) -> tuple[str, str] | None:
    """The cell and SQL for its value, where it has the wanted type already and nothing is done to it."""
    source = leaf.source
    position = compiler.positions.get(clean_name(source.column or ""))
    has_steps = source.model_fields_set - {"column"}
    if position is None or has_steps or compiler.cells.types[position] == TEXT:
        return None
    value = native(f"t{leaf.number}", compiler.cells.types[position], leaf.type)
    return None if value is None else (f"c{position}", value)


def _typed(compiler: Compiler, text: str, source: Source, type_: ColumnType) -> str:
    """SQL for the value of a text by the format and period of its source."""
    if type_ in NUMERIC and source.column is not None:
        return parsed(_number_text(compiler, text), type_)
    if source.format is None and source.period is None and source.plus_months is None:
        return _or_sheet_moment(compiler, parsed(text, type_), text, source, type_)
    day = parsed(text, ColumnType.DATE) if source.format is None else _dated(text, source.format)
    day = _or_sheet_moment(compiler, day, text, source, ColumnType.DATE)
    if source.plus_months is not None:
        day = months_later(day, source.plus_months)
    if source.length is not None:
        day = edge_of_period(day, source.length, source.edge)
    return f"cast({day} as {DUCKDB_TYPES[type_]})"


def _number_text(compiler: Compiler, text: str) -> str:
    """A number's text with a decimal point. Files whose cells are parted by `;` may have decimal commas; of
    all others it is known only if the mapping says so.
    """
    decimal = compiler.definition.decimal
    if decimal in (None, ".") and compiler.cells.delimiter != ";":
        return text
    return with_point(text, decimal)


def _dated(text: str, formats: tuple[str, ...]) -> str:
    return agreed(
        [first_day(text, each) if each in NAMED_FORMATS else formatted(text, each) for each in formats]
    )


def _or_sheet_moment(compiler: Compiler, value: str, text: str, source: Source, type_: ColumnType) -> str:
    """A workbook's own days need no format: what is shown as `Sep-26` is a day, or a number of days."""
    is_cell = compiler.cells.sheet is not None and source.column is not None and source.pattern is None
    if not is_cell or type_ not in (ColumnType.DATE, ColumnType.TIMESTAMP):
        return value
    return f"coalesce({value}, {sheet_moment(text, type_, compiler.cells.serial_days_from)})"


def _texts(compiler: Compiler) -> list[str]:
    texts = []
    for leaf in compiler.leaves.values():
        found = _native_cell(compiler, leaf)
        text = found[0] if found is not None else _text(compiler, leaf.source)
        texts.append(f", {text} as t{leaf.number}")
    return texts


def _values(compiler: Compiler) -> list[str]:
    values = []
    for leaf in compiler.leaves.values():
        found = _native_cell(compiler, leaf)
        value = found[1] if found is not None else _typed(compiler, f"t{leaf.number}", leaf.source, leaf.type)
        values.append(f", {value} as v{leaf.number}")
    return values


def _reasons(compiler: Compiler) -> list[str]:
    cases = " ".join(
        f"when {literal(token)} then {literal(reason)}" for token, reason in compiler.reasons.items()
    )
    return [
        f", case when v{leaf.number} is null then"
        f" case lower(cast(t{leaf.number} as varchar)) {cases} end end as r{leaf.number}"
        for leaf in compiler.leaves.values()
        if leaf.type in NUMERIC
    ]


def _flags(compiler: Compiler) -> list[str]:
    return [
        f", t{leaf.number} is not null and v{leaf.number} is null"
        f"{f' and r{leaf.number} is null' if leaf.type in NUMERIC else ''} as u{leaf.number}"
        for leaf in compiler.leaves.values()
        if leaf.type != ColumnType.STRING
    ]


def _value(compiler: Compiler, source: Source, type_: ColumnType) -> Value:
    if source.operands:
        return _arithmetic(compiler, source, type_)
    if source.column is None:
        text = _text(compiler, source)
        value = _typed(compiler, text, source, type_)
        return Value(value, unparsed=f"({text} is not null and {value} is null)")
    key = (source.model_dump_json(), type_)
    leaf = compiler.leaves.setdefault(key, Leaf(source, type_, len(compiler.leaves)))
    return Value(
        value=f"v{leaf.number}",
        reason=f"r{leaf.number}" if type_ in NUMERIC else _NO_TEXT,
        unparsed=f"u{leaf.number}" if type_ != ColumnType.STRING else "false",
    )


def _arithmetic(compiler: Compiler, source: Source, type_: ColumnType) -> Value:
    """A sum or difference: null as soon as one part is, suppressed as soon as one part is."""
    parts = [_value(compiler, operand, type_) for operand in source.operands]
    sign = " + " if source.sum is not None else " - "
    result = f"({sign.join(part.value for part in parts)})"
    is_unread = " or ".join(part.unparsed for part in parts)
    return Value(
        value=f"case when isfinite({result}) then {result} end",
        reason=f"coalesce({', '.join(part.reason for part in parts)})",
        unparsed=f"({is_unread} or coalesce(not isfinite({result}), false))",
    )


def _record(compiler: Compiler, feed: Feed, record: Record, number: int) -> str:
    """SQL for one record of each row of `leaves`."""
    given = {**feed.columns, **record.columns}
    values = {
        column.name: _column(compiler, column, given.get(column.name)) for column in compiler.contract.columns
    }
    columns = []
    for column in compiler.contract.columns:
        value = values[column.name].value
        if column.name == SUPPRESSION_REASON:
            value = f"coalesce({value}, {_all_reasons(compiler, values)})"
        columns.append(f"cast({value} as {DUCKDB_TYPES[column.type]}) as {column.name}")
        if column.type != ColumnType.STRING:
            columns.append(f"{values[column.name].unparsed} as {column.name}__unparsed")
    dropped = record.drop_when_zero
    where = "" if dropped is None else f"where {values[dropped].value} is distinct from 0"
    return f"select {', '.join(columns)}, source_row, {number} as record_number from leaves {where}"


def _column(compiler: Compiler, column: Column, source: Source | None) -> Value:
    """The value of a contract's column: the row's own, else what the file's name tells, else the default."""
    own = Value(_NO_TEXT) if source is None else _value(compiler, source, column.type)
    fact = compiler.facts.text(column.name) if column.name in ("edition", "published_on") else None
    default = column.default if fact is None else fact
    if default is None:
        return own
    fallback = parsed(literal(_default_text(default)), column.type)
    if source is None:
        return Value(fallback)
    is_empty = f"not {own.unparsed} and {own.reason} is null"
    value = f"case when {own.value} is null and {is_empty} then {fallback} else {own.value} end"
    return Value(value, own.reason, own.unparsed)


def _default_text(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _all_reasons(compiler: Compiler, values: Dictionary[str, Value]) -> str:
    """SQL for the reasons of all suppressed numbers of a record, each with its column's name."""
    reasons = [
        f"{literal(column.name + ': ')} || {values[column.name].reason}"
        for column in compiler.contract.columns
        if column.type in NUMERIC
    ]
    return f"nullif(concat_ws('; ', {', '.join(reasons)}), '')" if reasons else _NO_TEXT


def _one_per(rule: OnePer | None) -> str:
    if rule is None:
        return ""
    keys = ", ".join(rule.columns)
    return (
        f"qualify row_number() over (partition by {keys}"
        f" order by {rule.earliest} nulls last, source_row, record_number) = 1"
    )
