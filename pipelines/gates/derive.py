"""The columns that rules look at: an extract's own, and those made from them.

Every derived column is the answer to one question about a record, so that a rule can stay one expectation on
columns. Names: `pipelines.extracts.contract` for those a contract may use, `standard_rules` for the rest.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_columns import JOINT, Column, ColumnType, Life, Lookup
from pipelines.extracts.contract_rules import Rule
from pipelines.gates.arrow import compute, matches
from pipelines.gates.keys import Flags, find
from pipelines.gates.personal_data import holds_personal_data

# Beyond it, or nearer to 0 than one over it, a number is a fault of writing, and ratios would overflow.
LARGEST_NUMBER = 1e100
TOTAL = r"(?i)^\s*(grand\s+)?total\s*:?\s*$"

Values: TypeAlias = pa.Array | pa.ChunkedArray
# Each column by name, and how to make it: most contracts need few of them.
Derived = Iterator[tuple[str, Callable[[], Values]]]


def rule_table(
    records: pa.Table,
    contract: Contract,
    lookups: dict[str, pa.Table],
    *,
    received_on: date,
    flags: Mapping[str, Flags],
    rules: Iterable[Rule],
) -> pa.Table:
    """One row a record, with `source_row` and every column that the rules need.

    `records` and `lookups` as in `pipelines.gates.gate.judge`; `flags`: for these records the columns that
    take knowledge of the whole file (`pipelines.gates.whole`).
    """
    needed = dict.fromkeys(name for rule in rules for name in rule.columns_needed)
    makers: dict[str, Callable[[], Values]] = {}
    for column in contract.columns:
        makers |= dict(_of_column(column, records, received_on))
    for lookup in contract.lookups:
        if needed.keys() & set(lookup.columns):
            makers |= dict(_of_lookup(lookup, records, lookups[lookup.name]))
    makers |= {name: partial(pa.array, values) for name, values in flags.items()}
    makers |= dict(_of_pairs(needed.keys() - makers.keys(), records))
    return pa.table({"source_row": records.column("source_row")} | {name: makers[name]() for name in needed})


def _of_column(column: Column, records: pa.Table, received_on: date) -> Derived:
    name, values = column.name, records.column(column.name)
    yield name, lambda: values
    if column.type != ColumnType.STRING:
        yield f"{name}{JOINT}unparsed", lambda: _unparsed(column, values, records)
    if column.type == ColumnType.DATE:
        received = pa.scalar(received_on, pa.date32())
        yield f"{name}{JOINT}day", lambda: compute("day", values)
        yield f"{name}{JOINT}month", lambda: compute("month", values)
        yield f"{name}{JOINT}age_days", lambda: compute("days_between", values, received)
    if column.identifier:
        yield (
            f"{name}{JOINT}is_total",
            lambda: _of_texts(values, lambda texts: matches(texts, TOTAL)),
        )
    if column.free_text:
        yield f"{name}{JOINT}personal", lambda: holds_personal_data(values)


def _unparsed(column: Column, values: pa.ChunkedArray, records: pa.Table) -> Values:
    unparsed = records.column(f"{column.name}{JOINT}unparsed")
    if column.type != ColumnType.NUMBER:
        return unparsed
    # "Not a number" compares as neither.
    size = compute("abs", values)
    is_sensible = compute("and", compute("less_equal", size, LARGEST_NUMBER), _is_zero_or_more(size))
    return compute("or", unparsed, compute("invert", is_sensible).fill_null(False))


def _is_zero_or_more(size: Values) -> Values:
    return compute("or", compute("equal", size, 0.0), compute("greater_equal", size, 1 / LARGEST_NUMBER))


def _of_texts(column: pa.ChunkedArray, answer: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """The answer for every cell, asked once for every distinct text."""
    encoded = column.combine_chunks().dictionary_encode()
    return answer(encoded.dictionary).take(encoded.indices)


def _of_lookup(lookup: Lookup, records: pa.Table, known: pa.Table) -> Derived:
    keys = [records.column(name) for name in lookup.on]
    rows = find(keys, [known.column(name) for name in lookup.on.values()])
    is_incomplete = np.logical_or.reduce([key.is_null().to_numpy() for key in keys])
    yield f"{lookup.name}{JOINT}known", lambda: pa.array(rows >= 0, mask=is_incomplete)
    positions = pa.array(rows, mask=(rows < 0) | is_incomplete)

    def taken(name: str) -> Values:
        return known.column(name).take(positions)

    for name in lookup.take:
        yield f"{lookup.name}{JOINT}{name}", partial(taken, name)
    life = lookup.life
    if life is not None:
        yield (
            f"{lookup.name}{JOINT}in_life",
            lambda: _in_life(life, records, taken(life.opens), taken(life.closes)),
        )


def _in_life(life: Life, records: pa.Table, opens: Values, closes: Values) -> Values:
    start = records.column(life.start)
    end = start if life.end is None else compute("coalesce", records.column(life.end), start)
    has_opened = compute("greater_equal", end, opens).fill_null(True)
    is_not_over = compute("less_equal", start, closes).fill_null(True)
    return compute("and", has_opened, is_not_over)


def _of_pairs(names: set[str], records: pa.Table) -> Derived:
    for name in names:
        one, _, other = name.partition(f"{JOINT}equals{JOINT}")
        yield name, partial(compute, "equal", records.column(one), records.column(other))
