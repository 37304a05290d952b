"""Files for gate tests, made from contracts alone, so that a new contract is tested without new code.

Good rows are copies of a contract's example with keys of their own; what they refer to is the example of the
other contract. A fault is planted by turning a rule round: its conditions are met, its expectation broken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.extracts.contract import Contract, load_contracts
from pipelines.extracts.contract_columns import JOINT, ColumnType
from pipelines.extracts.contract_rules import Action, Rule, Subject
from pipelines.extracts.read import Extracted
from pipelines.extracts.records import records_of
from pipelines.gates.derive import rule_table
from pipelines.gates.history import NO_PAST, look_back
from pipelines.gates.whole import look_at_whole

CONTRACTS = load_contracts(Path(__file__).parents[2] / "expectations")
RECEIVED_ON = date(2026, 6, 15)
FIRST_LINE = 2

# The test range of the NHS: numbers that are valid and belong to nobody.
NHS_NUMBER = "999 000 0018"

SAMPLES = {
    ColumnType.STRING: "something else",
    ColumnType.INTEGER: 12345,
    ColumnType.NUMBER: 12345.5,
    ColumnType.DATE: date(2024, 6, 17),
    ColumnType.BOOLEAN: True,
}


def small_contract(**changes: Any) -> Contract:
    """A contract of its own for what the shipped ones have no example of."""
    document: dict[str, Any] = {
        "extract": "things",
        "description": "Things that are counted.",
        "owner": "QI data team",
        "grain": ["thing_id", "group"],
        "max_quarantined_share": 0.5,
        "columns": [
            {
                "name": "thing_id",
                "type": "string",
                "required": True,
                "identifier": True,
                "description": "Its identifier.",
            },
            {"name": "group", "type": "string", "description": "Group it belongs to."},
            {"name": "amount", "type": "number", "description": "How much there is."},
            {"name": "note", "type": "string", "free_text": True, "description": "What was said of it."},
        ],
        "example": {"thing_id": "T1"},
        "rules": [small_rule()],
        "sha256": "0" * 64,
    }
    return Contract.model_validate(document | changes)


def small_rule(**changes: Any) -> dict[str, Any]:
    """A rule of the small contract, as YAML would give it."""
    rule = {
        "code": "AMOUNT_NEGATIVE",
        "expectation": "expect_column_values_to_be_between",
        "with": {"column": "amount", "min_value": 0},
        "category": "plausibility",
        "action": "quarantine_row",
        "reason": "There cannot be less than nothing.",
        "owner": "QI data team",
        "remedy": "Correct the amount.",
    }
    return rule | changes


@dataclass
class Case:
    """Rows of one file and what is known about the things they refer to.

    `unparsed`: (row, column) pairs. `overrides`: (row, lookup) -> columns of the thing that row refers to,
    None when it is not known. `taken`: rows whose key another file has brought.
    """

    contract: Contract
    rows: list[dict[str, Any]]
    unparsed: set[tuple[int, str]] = field(default_factory=set)
    overrides: dict[tuple[int, str], dict[str, Any] | None] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)

    def extracted(self, **facts: Any) -> Extracted:
        """The case as a reader would hand it over, one line a record."""
        return extracted(self.contract, self.rows, self.unparsed, **facts)

    def lookups(self) -> dict[str, pa.Table]:
        """What the lake would know, for each lookup of the contract."""
        return {lookup.name: self._known(lookup.name) for lookup in self.contract.lookups}

    def taken_keys(self) -> pa.Table:
        """Keys that another file has brought."""
        rows = [self.rows[index] for index in sorted(self.taken)]
        return _table(self.contract, rows, self.contract.grain)

    def rule_table(self) -> pa.Table:
        """The columns that the contract's rules on records look at."""
        table, taken = self.extracted().table, np.array(sorted(self.taken), np.int64)
        with records_of(table) as records:
            whole = look_at_whole(records, self.contract, lambda _: taken)
            history = look_back(records, self.contract, self.lookups(), RECEIVED_ON, NO_PAST)
        return rule_table(
            table,
            self.contract,
            self.lookups(),
            received_on=RECEIVED_ON,
            flags=whole.with_flags(history.flags).of_slice(0, table.num_rows),
            rules=[rule for rule in self.contract.all_rules if rule.about == Subject.RECORDS],
        )

    def _known(self, name: str) -> pa.Table:
        lookup = {each.name: each for each in self.contract.lookups}[name]
        target = CONTRACTS[lookup.extract]
        known: dict[tuple[Any, ...], dict[str, Any]] = {}
        for index, row in enumerate(self.rows):
            key = tuple(row.get(column) for column in lookup.on)
            override = self.overrides.get((index, name), {})
            if override is not None and None not in key:
                values = {column: target.example.get(column) for column in lookup.take} | override
                known[key] = dict(zip(lookup.on.values(), key, strict=True)) | values
        names = dict.fromkeys([*lookup.on.values(), *lookup.take])
        return _table(target, list(known.values()), tuple(names))


def extracted(
    contract: Contract,
    rows: Sequence[dict[str, Any]],
    unparsed: set[tuple[int, str]] | None = None,
    source_rows: Sequence[int] | None = None,
    **facts: Any,
) -> Extracted:
    """Rows as a reader would hand them over; `facts` are further fields of Extracted."""
    lines = list(range(FIRST_LINE, FIRST_LINE + len(rows)) if source_rows is None else source_rows)
    table = _table(contract, rows, contract.column_names).append_column(
        "source_row", pa.array(lines, pa.int64())
    )
    for column in contract.columns:
        if column.type != ColumnType.STRING:
            flags = [(index, column.name) in (unparsed or set()) for index in range(len(rows))]
            table = table.append_column(f"{column.name}__unparsed", pa.array(flags, pa.bool_()))
    facts.setdefault("rows_received", len(set(lines)))
    return Extracted(extract=contract.extract, table=table, **facts)


def _table(contract: Contract, rows: Sequence[dict[str, Any]], names: Sequence[str]) -> pa.Table:
    schema = pa.schema([(name, contract.column(name).arrow_type) for name in names])
    return pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], schema=schema)


def good_case(contract: Contract, count: int) -> Case:
    """A file of good rows, each with a key of its own and referring to things of its own."""
    own = [contract.grain[0], *(name for lookup in contract.lookups for name in lookup.on)]
    names = [name for name in dict.fromkeys(own) if isinstance(contract.example.get(name), str)]
    rows = [
        dict(contract.example) | {name: f"R{column}{index:03}" for column, name in enumerate(names)}
        for index in range(count)
    ]
    return Case(contract, rows)


def row_rules(contract: Contract) -> list[Rule]:
    """The rules that judge single records by what they hold or refer to."""
    return [
        rule
        for rule in contract.all_rules
        if rule.about == Subject.RECORDS
        and rule.form.judges == "rows"
        and not set(rule.columns) & set(contract.series_flags)
    ]


def plant(case: Case, rule: Rule, index: int) -> set[int]:
    """Break a rule in one row of a case. Returns the rows in which it is broken then."""
    for name, wanted in rule.where[0].items() if rule.where else ():
        if wanted == "missing":
            _set(case, index, name, None)
        elif wanted == "present":
            _set(case, index, name, _sample(case, index, name))
        else:
            _set(case, index, name, wanted[0])
    if rule.columns[0] == "duplicate_row":
        case.rows[index] = dict(case.rows[index - 1])
    elif rule.columns[0] == "duplicate_key":
        _contradict(case, index)
        return {index - 1, index}
    elif rule.columns[0] == "duplicate_between_files":
        case.taken.add(index)
    else:
        _break(case, rule, index)
    return {index}


def _contradict(case: Case, index: int) -> None:
    references = {name for lookup in case.contract.lookups for name in lookup.on}
    free = [
        column
        for column in case.contract.columns
        if column.name not in {*case.contract.grain, *references} and not column.required
    ]
    case.rows[index] = dict(case.rows[index - 1]) | {free[0].name: None, free[-1].name: None}


def _break(case: Case, rule: Rule, index: int) -> None:
    first, arguments = rule.columns[0], rule.arguments
    match rule.expectation:
        case "expect_column_values_to_not_be_null":
            _set(case, index, first, None)
        case "expect_column_values_to_be_null":
            _set(case, index, first, _sample(case, index, first))
        case "expect_column_values_to_be_in_set":
            _set(case, index, first, _outside(case, first, arguments["value_set"]))
        case "expect_column_values_to_not_be_in_set":
            _set(case, index, first, arguments["value_set"][0])
        case "expect_column_values_to_match_regex":
            _set(case, index, first, "?")
        case "expect_column_values_to_be_between":
            _set(case, index, first, _beyond(arguments))
        case "expect_column_pair_values_a_to_be_greater_than_b":
            larger = _sample(case, index, rule.columns[1])
            _set(case, index, rule.columns[1], larger)
            _set(case, index, first, _less(larger))
        case _:
            raise NotImplementedError(f"say here how to break {rule.expectation}")


def _outside(case: Case, name: str, allowed: list[Any]) -> Any:
    if isinstance(allowed[0], bool):
        return not allowed[0]
    if name.endswith(f"{JOINT}day"):
        return 17
    if name.endswith(f"{JOINT}month"):
        return 2
    return 12345.5 if isinstance(allowed[0], (int, float)) else "something else"


def _beyond(arguments: dict[str, Any]) -> Any:
    if "min_value" in arguments:
        lowest = arguments["min_value"]
        return lowest if arguments.get("strict_min") else _less(lowest)
    return arguments["max_value"] + 1


def _less(value: Any) -> Any:
    return value - timedelta(days=1) if isinstance(value, date) else value - 1


def _sample(case: Case, index: int, name: str) -> Any:
    """A value for a column: the row's own, else one of its type."""
    stem, _, part = name.partition(JOINT)
    if not part:
        own = case.rows[index].get(name)
        return SAMPLES[case.contract.column(name).type] if own is None else own
    lookup = {lookup.name: lookup for lookup in case.contract.lookups}[stem]
    target = CONTRACTS[lookup.extract]
    return target.example.get(part, SAMPLES[target.column(part).type])


def _set(case: Case, index: int, name: str, value: Any) -> None:
    """Give a row what makes a column, its own or a derived one, hold a value."""
    row = case.rows[index]
    stem, _, part = name.partition(JOINT)
    lookups = {lookup.name: lookup for lookup in case.contract.lookups}
    if not part:
        row[name] = value
    elif stem in lookups and part == "known":
        case.overrides[index, stem] = None
    elif stem in lookups and part == "in_life":
        life = lookups[stem].life
        assert life is not None
        case.overrides[index, stem] = {life.opens: RECEIVED_ON}
    elif stem in lookups:
        known = case.overrides.setdefault((index, stem), {})
        assert known is not None
        known[part] = value
    else:
        _set_part(case, index, stem, part, value)


def _set_part(case: Case, index: int, stem: str, part: str, value: Any) -> None:
    row = case.rows[index]
    if part == "unparsed":
        row[stem] = None
        case.unparsed.add((index, stem))
    elif part == "is_total":
        row[stem] = " ToTal "
    elif part == "personal":
        row[stem] = f"seen {NHS_NUMBER} today"
    elif part == "age_days":
        row[stem] = RECEIVED_ON - timedelta(days=value)
    elif part in ("day", "month"):
        row[stem] = _sample(case, index, stem).replace(**{part: value})
    else:
        row[stem] = row[part.removeprefix(f"equals{JOINT}")]


def quarantining(contract: Contract) -> list[Rule]:
    """The rules on records that quarantine rows."""
    return [rule for rule in row_rules(contract) if rule.action == Action.QUARANTINE_ROW]
