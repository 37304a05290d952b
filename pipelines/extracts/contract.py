"""What an extract must look like: its contract, read from `expectations/<extract>.yml`.

Belongs here: the shape of a contract, the checks a contract itself must pass when it is read, the order in
which extracts enter, and the schema their accepted rows have in the lake. Does not belong here: how a
supplier's file becomes an extract (`mapping.py`), and how rules are run (`pipelines.gates`).

A contract is the whole truth about its extract. No other Python names an extract or one of its columns, so
that a new extract takes a new contract and nothing here.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from itertools import permutations
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import yaml
from pydantic import Field, ValidationError, model_validator

from pipelines.extracts.contract_columns import DATE_PARTS, JOINT, NAME, Column, ColumnType, Lookup
from pipelines.extracts.contract_rules import Rule, Scalar, Strict, Subject
from pipelines.extracts.contract_series import Comparison, Series
from pipelines.extracts.standard_rules import DUPLICATES, FACTS, standard_rules

# What the gates and the lake add to the columns of an extract.
RESERVED = frozenset({"source_row", "received_at", "load_id", "codes", *DUPLICATES})


SHARED = "shared/history.yml"


class ContractError(ValueError):
    """A contract that cannot be used; the message names the file and what is wrong in it."""


class Contract(Strict):
    """Everything that is known in advance about one extract.

    `example` is one invented row that passes every rule, provided that what it refers to is the example of
    the other contract: for suppliers to see, and for tests to start from. `comparison` and `shared_rules` are
    those of `shared/history.yml` beside the contract; a rule of its own takes the place of a shared one with
    the same code.
    """

    extract: str = Field(pattern=NAME)
    description: str = Field(min_length=10)
    owner: str = Field(min_length=2)
    grain: tuple[str, ...] = Field(min_length=1)
    max_quarantined_share: float = Field(ge=0, le=1)
    depends_on: tuple[str, ...] = ()
    columns: tuple[Column, ...] = Field(min_length=1)
    example: dict[str, Scalar]
    lookups: tuple[Lookup, ...] = ()
    rules: tuple[Rule, ...] = ()
    series: Series | None = None
    comparison: Comparison | None = None
    shared_rules: tuple[Rule, ...] = ()
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in the contract's order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when the contract has none."""
        found = {column.name: column for column in self.columns}
        return found[name]

    @property
    def all_rules(self) -> tuple[Rule, ...]:
        """Every rule of the extract: the standard ones, those all contracts share, those of its own."""
        own = {rule.code for rule in self.rules}
        shared = tuple(rule for rule in self.shared_rules if rule.code not in own)
        return self._standard_rules + shared + self.rules

    @property
    def _standard_rules(self) -> tuple[Rule, ...]:
        return standard_rules(self.columns, self.lookups, self.max_quarantined_share, self.owner)

    @property
    def gate_sha256(self) -> str:
        """A digest of what decides on rows: it changes with a threshold or a rule, not with a description, a
        reason or an owner."""
        limits = {"reason", "owner"}
        document = self.model_dump(
            mode="json",
            include={"grain", "max_quarantined_share", "columns", "lookups", "series", "comparison"},
            exclude={
                "columns": {"__all__": {"description"}},
                "series": {"clones": limits, "revisions": limits},
                "comparison": limits,
            },
        )
        rules = [rule.model_dump(mode="json", exclude={*limits, "remedy"}) for rule in self.all_rules]
        document["rules"] = sorted(rules, key=repr)
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

    def column_name_of(self, rule: Rule) -> str | None:
        """The contract's columns a rule is about, as one text; None for a rule on the file as a whole."""
        if rule.about == Subject.COLUMNS:
            return ", ".join(rule.columns) or None
        if rule.about != Subject.RECORDS:
            return None
        names = [name for column in rule.columns for name in self._behind(column)]
        return ", ".join(dict.fromkeys(names)) or None

    def _behind(self, column: str) -> tuple[str, ...]:
        """The contract's columns from which a column used in a rule is made."""
        own = set(self.column_names)
        if column in DUPLICATES:
            return self.grain
        stem, _, part = column.partition(JOINT)
        if stem in own:
            other = part.removeprefix(f"equals{JOINT}")
            return (stem, other) if other in own and other != part else (stem,)
        lookup = {lookup.name: lookup for lookup in self.lookups}[stem]
        if lookup.life is not None and part == "in_life":
            return lookup.life.own_columns
        return tuple(lookup.on)

    @property
    def rule_columns(self) -> frozenset[str]:
        """Every column a rule on records may use: the contract's own and those derived from them.

        Derived are `<date>__day`, `<date>__month`, `<date>__age_days`, `<column>__equals__<other>` for two
        columns of one type, what each lookup adds, and of a series `<period>__cloned` and
        `<first number>__revised_much`.
        """
        dates = [column.name for column in self.columns if column.type == ColumnType.DATE]
        pairs = [pair for pair in permutations(self.columns, 2) if pair[0].type == pair[1].type]
        return frozenset(
            [
                *self.column_names,
                *(name for lookup in self.lookups for name in lookup.columns),
                *(f"{name}{JOINT}{part}" for name in dates for part in DATE_PARTS),
                *self.series_flags,
                *(f"{one.name}{JOINT}equals{JOINT}{other.name}" for one, other in pairs),
            ]
        )

    @property
    def series_flags(self) -> tuple[str, ...]:
        """Names of what is found out about the points of a series: the period is a copy, the revision
        large."""
        if self.series is None:
            return ()
        return (f"{self.series.period}{JOINT}cloned", f"{self.series.numbers[0]}{JOINT}revised_much")

    @model_validator(mode="after")
    def _names_fit_together(self) -> Self:
        lookups = [lookup.name for lookup in self.lookups]
        standard_codes = {rule.code for rule in self._standard_rules}
        repeated = {
            "names": _repeated([*self.column_names, *lookups, *RESERVED]),
            "rule codes": _repeated([*standard_codes, *(rule.code for rule in self.rules)]),
        }
        own, usable = set(self.column_names), self.rule_columns
        unknown = {
            "grain": set(self.grain) - own,
            "example": self.example.keys() - own,
            "lookups": {key for lookup in self.lookups for key in lookup.on} - own,
            "life": {name for each in self.lookups if each.life for name in each.life.own_columns} - own,
            "rules": {
                name
                for rule in (*self.rules, *self.shared_rules)
                for name in rule.columns_needed
                if name not in (FACTS if rule.about == Subject.HISTORY else usable)
            },
            "series": set(self.series.columns if self.series else ()) - own,
            "depends_on": {lookup.extract for lookup in self.lookups} - set(self.depends_on),
        }
        faults = [f"repeated {key}: {sorted(names)}" for key, names in repeated.items() if names]
        faults += [f"{key} names unknown: {sorted(names)}" for key, names in unknown.items() if names]
        if faults:
            raise ValueError("; ".join(faults))
        return self


def _repeated(names: Iterable[str]) -> set[str]:
    return {name for name, times in Counter(names).items() if times > 1}


class _Loader(yaml.SafeLoader):
    """YAML in which `on`, `off`, `yes` and `no` are words, as in YAML 1.2, and a key stands only once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        repeated = _repeated(key.value for key, _ in node.value)
        if repeated:
            raise yaml.constructor.ConstructorError(
                None, None, f"keys stand twice: {sorted(repeated)}", node.start_mark
            )
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag != "tag:yaml.org,2002:bool" or first in ("t", "T", "f", "F")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_contract(path: Path) -> Contract:
    """Read and check one contract, with what it shares with those beside it (`shared/history.yml`).

    Raises:
        ContractError: the file is not YAML, has a key nobody knows, lacks one, or names what does not exist.
    """
    content = path.read_bytes()
    try:
        document = yaml.load(content.decode("utf-8"), Loader=_Loader)
        shared = _shared(path)
        contract = Contract(
            **document,
            **yaml.load(shared.decode("utf-8"), Loader=_Loader) if shared else {},
            sha256=hashlib.sha256(content).hexdigest(),
        )
    except (yaml.YAMLError, ValidationError, TypeError) as fault:
        raise ContractError(f"{path.name}: {fault}") from fault
    if contract.extract != path.stem:
        raise ContractError(f"{path.name}: describes the extract {contract.extract}, so the names differ")
    return contract


def _shared(path: Path) -> bytes:
    """What the folder of a contract says for all its contracts; nothing where it has no such file."""
    shared = path.parent / SHARED
    return shared.read_bytes() if shared.exists() else b""


def load_contracts(folder: Path) -> dict[str, Contract]:
    """Read every `*.yml` of a folder: extract name -> contract, an extract after all those it depends on.

    Raises:
        ContractError: a contract is faulty, names an extract or column that no contract has, or the
            contracts depend on each other in a circle.
    """
    contracts = {contract.extract: contract for contract in map(load_contract, sorted(folder.glob("*.yml")))}
    for contract in contracts.values():
        _check_references(contract, contracts)
    try:
        order = list(
            TopologicalSorter({name: each.depends_on for name, each in contracts.items()}).static_order()
        )
    except CycleError as fault:
        raise ContractError(f"contracts depend on each other in a circle: {fault.args[1]}") from fault
    return {name: contracts[name] for name in order}


def _check_references(contract: Contract, contracts: dict[str, Contract]) -> None:
    absent = sorted(set(contract.depends_on) - contracts.keys())
    if absent:
        raise ContractError(f"{contract.extract}: depends on extracts without a contract: {absent}")
    for lookup in contract.lookups:
        target = contracts[lookup.extract]
        first_by = {lookup.first_by} if lookup.first_by else set()
        unknown = sorted({*lookup.on.values(), *lookup.take, *first_by} - set(target.column_names))
        if unknown:
            raise ContractError(f"{contract.extract}: {lookup.extract} has no columns {unknown}")


def lake_schema(contract: Contract) -> pa.Schema:
    """Schema of an extract's accepted rows in the lake.

    The contract's columns in its order, then `source_row` (line in the delivered file), `published_on`
    where the contract has no such column, and `received_at` (UTC).
    """
    fields = [pa.field(column.name, column.arrow_type) for column in contract.columns]
    fields.append(pa.field("source_row", pa.int64()))
    if "published_on" not in contract.column_names:
        fields.append(pa.field("published_on", pa.date32()))
    fields.append(pa.field("received_at", pa.timestamp("us")))
    return pa.schema(fields)
