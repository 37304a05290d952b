"""The columns that rules look at: an extract's own, and those made from them.

Every derived column is the answer to one question about a record, so that a rule can stay one expectation on
columns. Names: `pipelines.extracts.contract` for those a contract may use, `standard_rules` for the rest.
"""

from collections.abc import Callable, Iterator
from datetime import date

import numpy as np
import pyarrow as pa

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_columns import JOINT, Column, ColumnType, Lookup
from pipelines.extracts.contract_rules import Subject
from pipelines.extracts.standard_rules import DUPLICATE_BETWEEN_FILES, DUPLICATE_KEY, DUPLICATE_ROW
from pipelines.gates.arrow import compute, matches
from pipelines.gates.keys import duplicates, find
from pipelines.gates.personal_data import holds_personal_data

TOTAL = r"(?i)^\s*(grand\s+)?total\s*:?\s*$"

Derived = Iterator[tuple[str, pa.Array | pa.ChunkedArray]]


def rule_table(
    records: pa.Table,
    contract: Contract,
    lookups: dict[str, pa.Table],
    *,
    received_on: date,
    taken_keys: pa.Table | None,
) -> pa.Table:
    """One row a record, with `source_row` and every column that the contract's rules on records need.

    `records`, `lookups` and `taken_keys` as in `pipelines.gates.gate.judge`.
    """
    rules = [rule for rule in contract.all_rules if rule.about == Subject.RECORDS]
    needed = dict.fromkeys(name for rule in rules for name in rule.columns_needed)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    for column in contract.columns:
        columns |= dict(_of_column(column, records, received_on))
    for lookup in contract.lookups:
        columns |= dict(_of_lookup(lookup, records, lookups[lookup.name]))
    columns |= dict(_of_duplicates(records, contract, taken_keys))
    columns |= dict(_of_pairs(needed.keys() - columns.keys(), records))
    return pa.table({"source_row": records.column("source_row")} | {name: columns[name] for name in needed})


def _of_column(column: Column, records: pa.Table, received_on: date) -> Derived:
    name, values = column.name, records.column(column.name)
    yield name, values
    if column.type != ColumnType.STRING:
        unparsed = records.column(f"{name}{JOINT}unparsed")
        if column.type == ColumnType.NUMBER:
            # Neither an infinite value nor "not a number" can be stored as a measurement.
            is_infinite = compute("invert", compute("is_finite", values)).fill_null(False)
            unparsed = compute("or", unparsed, is_infinite)
        yield f"{name}{JOINT}unparsed", unparsed
    if column.type == ColumnType.DATE:
        yield f"{name}{JOINT}day", compute("day", values)
        yield f"{name}{JOINT}month", compute("month", values)
        age = compute("days_between", values, pa.scalar(received_on, pa.date32()))
        yield f"{name}{JOINT}age_days", age
    if column.identifier:
        yield (
            f"{name}{JOINT}is_total",
            _of_texts(values, lambda texts: matches(texts, TOTAL)),
        )
    if column.free_text:
        yield f"{name}{JOINT}personal", holds_personal_data(values)


def _of_texts(column: pa.ChunkedArray, answer: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """The answer for every cell, asked once for every distinct text."""
    encoded = column.combine_chunks().dictionary_encode()
    return answer(encoded.dictionary).take(encoded.indices)


def _of_lookup(lookup: Lookup, records: pa.Table, known: pa.Table) -> Derived:
    keys = [records.column(name) for name in lookup.on]
    rows = find(keys, [known.column(name) for name in lookup.on.values()])
    is_incomplete = np.logical_or.reduce([key.is_null().to_numpy() for key in keys])
    yield f"{lookup.name}{JOINT}known", pa.array(rows >= 0, mask=is_incomplete)
    positions = pa.array(rows, mask=(rows < 0) | is_incomplete)
    taken = {name: known.column(name).take(positions) for name in lookup.take}
    for name, values in taken.items():
        yield f"{lookup.name}{JOINT}{name}", values
    if lookup.life is not None:
        start = records.column(lookup.life.start)
        end = (
            start if lookup.life.end is None else compute("coalesce", records.column(lookup.life.end), start)
        )
        has_opened = compute("greater_equal", end, taken[lookup.life.opens]).fill_null(True)
        is_not_over = compute("less_equal", start, taken[lookup.life.closes]).fill_null(True)
        yield f"{lookup.name}{JOINT}in_life", compute("and", has_opened, is_not_over)


def _of_duplicates(records: pa.Table, contract: Contract, taken_keys: pa.Table | None) -> Derived:
    repeats, contradicts = duplicates(records, contract.grain, contract.column_names, "source_row")
    yield DUPLICATE_ROW, pa.array(repeats)
    yield DUPLICATE_KEY, pa.array(contradicts)
    if taken_keys is None or taken_keys.num_rows == 0:
        is_taken = np.zeros(records.num_rows, dtype=np.bool_)
    else:
        is_taken = (
            find(*([table.column(name) for name in contract.grain] for table in (records, taken_keys))) >= 0
        )
    yield DUPLICATE_BETWEEN_FILES, pa.array(is_taken)


def _of_pairs(names: set[str], records: pa.Table) -> Derived:
    for name in names:
        one, _, other = name.partition(f"{JOINT}equals{JOINT}")
        yield name, compute("equal", records.column(one), records.column(other))
