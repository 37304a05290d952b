"""A contract's rules as DuckDB's SQL: what judging a file costs without any of our machinery.

Only as much of the rules as the benchmarks need: an expectation that they do not use is refused.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_columns import JOINT, Column, ColumnType, Lookup
from pipelines.extracts.contract_rules import Action, Condition, Rule, Subject
from pipelines.gates.derive import TOTAL
from tests.benchmarks.points import RECEIVED_ON

# The gates judge on one core; with every core of a large machine the peer alone would get faster.
THREADS = 2

SQL_TYPES = {
    ColumnType.STRING: "varchar",
    ColumnType.INTEGER: "bigint",
    ColumnType.NUMBER: "double",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamp",
    ColumnType.BOOLEAN: "boolean",
}


def take_in(
    source: Path, references: Path, contract: Contract, contracts: dict[str, Contract], folder: Path
) -> dict[str, int]:
    """Read a file, check every rule on its records, write accepted and quarantined rows as Parquet.

    Returns how many rows fail each rule, over all columns that the rule's code stands for.
    """
    rules = [rule for rule in contract.all_rules if rule.about == Subject.RECORDS]
    with duckdb.connect(config={"threads": THREADS}) as connection:
        for lookup in contract.lookups:
            file = references / f"{lookup.extract}.csv"
            records = _records(connection, contracts[lookup.extract], file)
            connection.execute(f"create table {lookup.name} as {records}")
        connection.execute(f"create table records as {_records(connection, contract, source)}")
        connection.execute(f"create table repeated as {_repeated(contract)}")
        connection.execute(f"create table judged as {_judged(contract, rules)}")
        counts = ", ".join(f"count(*) filter (where f{number})" for number in range(len(rules)))
        failed = connection.execute(f"select {counts} from judged").fetchall()[0]
        names = ", ".join(f'"{name}"' for name in (*contract.column_names, "source_row"))
        quarantining = [
            f"f{number}" for number, rule in enumerate(rules) if rule.action == Action.QUARANTINE_ROW
        ]
        is_faulty = f"coalesce({' or '.join(quarantining)}, false)"
        for condition, name in ((f"not {is_faulty}", "accepted"), (is_faulty, "quarantine")):
            connection.execute(
                f"copy (select {names} from judged where {condition}) "
                f"to '{folder / name}.parquet' (format parquet, compression zstd)"
            )
    by_code: dict[str, int] = {}
    for rule, count in zip(rules, failed, strict=True):
        by_code[rule.code] = by_code.get(rule.code, 0) + count
    return by_code


def _scan(source: Path) -> str:
    reader = "read_csv" if source.suffix == ".csv" else "read_parquet"
    return f"{reader}('{source}'{', all_varchar = true' if source.suffix == '.csv' else ''})"


def _records(connection: duckdb.DuckDBPyConnection, contract: Contract, source: Path) -> str:
    given = {name for name, *_ in connection.execute(f"describe from {_scan(source)}").fetchall()}
    columns = [part for column in contract.columns for part in _typed(column, column.name in given)]
    return f"select row_number() over () + 1 as source_row, {', '.join(columns)} from {_scan(source)}"


def _typed(column: Column, is_given: bool) -> Iterator[str]:
    kind, name = SQL_TYPES[column.type], column.name
    value = f'try_cast("{name}" as {kind})' if is_given else f"null::{kind}"
    if column.default is not None:
        value = f"coalesce({value}, {_literal(column.default)})"
    yield f'{value} as "{name}"'
    if column.type != ColumnType.STRING:
        is_unparsed = f'"{name}" is not null and try_cast("{name}" as {kind}) is null'
        if column.type == ColumnType.NUMBER:
            size = f'abs(try_cast("{name}" as {kind}))'
            is_unparsed = f"({is_unparsed}) or not ({size} = 0 or {size} between 1e-100 and 1e100)"
        yield f'{f"coalesce({is_unparsed}, false)" if is_given else "false"} as "{name}{JOINT}unparsed"'


def _repeated(contract: Contract) -> str:
    """Keys that stand more than once, the first of their rows, and how many of them differ."""
    key = ", ".join(f'"{name}"' for name in contract.grain)
    content = ", ".join(f'records."{name}"' for name in contract.column_names)
    return f"""
        with keys as (select {key} from records group by {key} having count(*) > 1)
        select {", ".join(f"keys.{name}" for name in contract.grain)},
            min(source_row) as first_row, count(distinct hash({content})) as contents
        from records join keys on {_same_key(contract, "keys")}
        group by all
    """


def _same_key(contract: Contract, other: str) -> str:
    return " and ".join(f'records."{name}" is not distinct from {other}."{name}"' for name in contract.grain)


def _judged(contract: Contract, rules: list[Rule]) -> str:
    joins = "".join(_join(lookup) for lookup in contract.lookups)
    flags = ", ".join(f"{_fails(rule, contract)} as f{number}" for number, rule in enumerate(rules))
    same_key = _same_key(contract, "repeated")
    return f"select records.*, {flags} from records left join repeated on {same_key} {joins}"


def _join(lookup: Lookup) -> str:
    same_key = " and ".join(
        f'records."{own}" = {lookup.name}."{theirs}"' for own, theirs in lookup.on.items()
    )
    return f"left join {lookup.name} on {same_key} "


def _fails(rule: Rule, contract: Contract) -> str:
    columns = [_expression(name, contract) for name in rule.columns]
    fails = _negation(rule, columns)
    if rule.where:
        conditions = " or ".join(f"({_met(condition, contract)})" for condition in rule.where)
        return f"(({conditions}) and {fails})"
    return f"({fails})"


def _negation(rule: Rule, columns: list[str]) -> str:
    first, arguments = columns[0], rule.arguments
    match rule.expectation:
        case "expect_column_values_to_not_be_null":
            return f"{first} is null"
        case "expect_column_values_to_be_null":
            return f"{first} is not null"
        case "expect_column_values_to_be_in_set":
            return f"{first} not in ({_literals(arguments['value_set'])})"
        case "expect_column_values_to_not_be_in_set":
            return f"{first} in ({_literals(arguments['value_set'])})"
        case "expect_column_values_to_be_between":
            return f"not ({_within(first, arguments)})"
        case "expect_column_pair_values_a_to_be_greater_than_b":
            return f"{first} {'<' if arguments.get('or_equal') else '<='} {columns[1]}"
        case _:
            raise NotImplementedError(f"say here what {rule.expectation} is in SQL")


def _within(value: str, arguments: dict[str, Any]) -> str:
    above = f"{value} {'>' if arguments.get('strict_min') else '>='} {_literal(arguments.get('min_value'))}"
    below = f"{value} {'<' if arguments.get('strict_max') else '<='} {_literal(arguments.get('max_value'))}"
    bounds = [bound for key, bound in (("min_value", above), ("max_value", below)) if key in arguments]
    return " and ".join(bounds)


def _met(condition: Condition, contract: Contract) -> str:
    parts = []
    for name, wanted in condition.items():
        value = _expression(name, contract)
        if isinstance(wanted, str):
            parts.append(f"{value} is {'not ' if wanted == 'present' else ''}null")
        else:
            parts.append(f"{value} in ({_literals(wanted)})")
    return " and ".join(parts)


def _expression(name: str, contract: Contract) -> str:
    """A column that a rule looks at: one of the records, or derived as `pipelines.gates.derive` does."""
    stem, _, part = name.partition(JOINT)
    lookups = {lookup.name: lookup for lookup in contract.lookups}
    if name == "duplicate_row":
        return "coalesce(contents = 1 and records.source_row > first_row, false)"
    if name == "duplicate_key":
        return "coalesce(contents > 1, false)"
    if name == "duplicate_between_files":
        return "false"
    if stem in lookups:
        return _of_lookup(lookups[stem], part)
    own = f'records."{stem}"'
    return {
        "": own,
        "unparsed": f'records."{name}"',
        "is_total": f"regexp_matches({own}, '{TOTAL}')",
        "day": f"day({own})",
        "month": f"month({own})",
        "age_days": f"date_diff('day', {own}, {_literal(RECEIVED_ON)})",
        # One organisation is too few for a clone, and nothing came before that could be revised.
        "cloned": "false",
        "revised_much": "false",
    }[part]


def _of_lookup(lookup: Lookup, part: str) -> str:
    if part == "known":
        complete = " and ".join(f'records."{own}" is not null' for own in lookup.on)
        return f'case when {complete} then {lookup.name}."{next(iter(lookup.on.values()))}" is not null end'
    if part == "in_life" and lookup.life is not None:
        start, end = f'records."{lookup.life.start}"', f'records."{lookup.life.end or lookup.life.start}"'
        opens, closes = (f'{lookup.name}."{name}"' for name in (lookup.life.opens, lookup.life.closes))
        return (
            f"(coalesce(coalesce({end}, {start}) >= {opens}, true) and coalesce({start} <= {closes}, true))"
        )
    return f'{lookup.name}."{part}"'


def _literals(values: Any) -> str:
    return ", ".join(map(_literal, values))


def _literal(value: Any) -> str:
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower() if isinstance(value, bool) else str(value)
