"""The data dictionary: every published table and every extract, as one page for people.

Belongs here: turning dbt's manifest and the contracts into `docs/data_dictionary.md`. Does not belong here:
a description of anything. Those stand beside the models and in the contracts, where whoever changes a table
meets them; `python -m pipelines.mart.dictionary` writes the page, and a test says that it is not older.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipelines.extracts.contract import Contract, load_contracts
from pipelines.extracts.contract_columns import Column, ColumnType, Life, Lookup
from pipelines.extracts.contract_rules import Rule, Subject
from pipelines.extracts.standard_rules import DUPLICATES, standard_rules
from pipelines.mart.manifest import ensure_manifest
from pipelines.mart.warehouse import PUBLISHED_SCHEMAS
from pipelines.settings import CONTRACTS, PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "data_dictionary.md"

SCHEMAS = {
    "core": "Registers and measures: what happened.",
    "spc": "Control charts: points, limits, signals.",
    "maturity": "How mature the improvement system is.",
    "outcomes": "Results of the improvement work, with their uncertainty.",
    "ops": "Where numbers come from and which not to trust: loads, gate, freshness, releases.",
}

INTRODUCTION = """\
# Data dictionary

Made by `python -m pipelines.mart.dictionary` from the descriptions beside the dbt models and from the
contracts in `expectations/`. Change them there, not here.

The same words are in the mart itself:

```sql
select table_name, column_name, comment from duckdb_columns() where schema_name = 'core';
```

Every table with versions has two axes of time. `valid_from` and `valid_to` say when a version was the one
reported; `known_from` and `known_to` say when it was the best we knew. Both are half-open: a version holds
at T where `valid_from <= T and T < valid_to`. Where a table differs, its description says so.
[The cookbook](cookbook.md) has a query for each axis.
"""

CHECKS = """\
**Checks** are tested on every night's build before it is published: unique, never empty, the words allowed,
or the table in which every value must be found.
"""

METRICS = """\
## Metrics by name

Asked with `qi mf` ([recipes](recipes.md#metrics-by-name)), which writes the SQL. Each group is of one table,
with what it can be grouped by; what belongs to a project, a measure or an organisation can be had through it,
such as `measure__measure_name`.
"""

EXTRACTS = """\
## Extracts

What a delivered file must look like once its mapping has turned it into an extract. A rule that fails
refuses the file (`refuse_file`), keeps the line back (`quarantine_row`; where it says so, the line is tried
again when what it lacked has come), or says so and lets the line in (`warn`). Codes are those of
`ops.fct_gate_result` and `ops.fct_quarantined_row`. How a supplier's layout becomes an extract:
[onboarding](onboarding.md).
"""


@dataclass(frozen=True)
class TableTests:
    """What dbt tests about one table: its key, whose rows are versions, and the checks of each column."""

    key: tuple[str, ...]
    version_of: tuple[str, ...]
    checks: dict[str, list[str]]


def dictionary(manifest: dict, contracts: dict[str, Contract]) -> str:
    """The page. `manifest`: dbt's manifest; `contracts`: extract name -> contract, in the order of intake."""
    tables = sorted(
        (
            node
            for node in manifest["nodes"].values()
            if node["resource_type"] in ("model", "seed") and node["schema"] in PUBLISHED_SCHEMAS
        ),
        key=lambda node: (PUBLISHED_SCHEMAS.index(node["schema"]), node["alias"]),
    )
    lines = [INTRODUCTION, *_contents(tables, contracts), "", CHECKS]
    schema = None
    for node in tables:
        if node["schema"] != schema:
            schema = node["schema"]
            lines += [f"## Schema {schema}", "", SCHEMAS[schema], ""]
        lines += _table_section(node, _tests_of(node, manifest))
    lines += [METRICS, *_metrics_by_name(manifest)]
    lines += [EXTRACTS, *_rules_of_every_extract()]
    for contract in contracts.values():
        lines += _extract_section(contract)
    return "\n".join(lines).rstrip() + "\n"


def _contents(tables: list[dict], contracts: dict[str, Contract]) -> Iterator[str]:
    for schema in PUBLISHED_SCHEMAS:
        names = [f"{schema}.{node['alias']}" for node in tables if node["schema"] == schema]
        if names:
            yield f"- **{schema}**: {', '.join(f'[{name}](#{_anchor(name)})' for name in names)}"
    yield "- [Metrics by name](#metrics-by-name)"
    links = (f"[{name}](#{_anchor(f'Extract {name}')})" for name in contracts)
    yield f"- **extracts**: {', '.join(links)}"


def _anchor(heading: str) -> str:
    """The anchor that renderers of Markdown give a heading."""
    return re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(_cell(text) for text in row)} |"
    yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|").replace("*", r"\*")


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table_section(node: dict, tests: TableTests) -> Iterator[str]:
    yield f"### {node['schema']}.{node['alias']}"
    yield ""
    yield " ".join(node["description"].split())
    yield ""
    if tests.key:
        yield f"Key: {_code(tests.key)}." + (
            f" One version holds today for each {_code(tests.version_of)}." if tests.version_of else ""
        )
        yield ""
    types = node["config"].get("column_types") or {}
    yield from _table(
        ("Column", "Type", "Meaning", "Checks"),
        (
            (
                f"`{name}`",
                column["data_type"] or types.get(name, ""),
                column["description"],
                "; ".join(tests.checks.get(name, [])),
            )
            for name, column in node["columns"].items()
        ),
    )


def _tests_of(node: dict, manifest: dict) -> TableTests:
    places = {
        each["name"]: f"`{each['schema']}.{each['alias']}`"
        for each in manifest["nodes"].values()
        if each["resource_type"] in ("model", "seed")
    }
    key: tuple[str, ...] = ()
    version_of: tuple[str, ...] = ()
    checks: dict[str, list[str]] = {}
    for name, column in node["columns"].items():
        if any(constraint["type"] == "primary_key" for constraint in column.get("constraints", [])):
            key = (name,)
            checks[name] = ["never empty", "unique"]
    for test in manifest["nodes"].values():
        about = test.get("test_metadata")
        if about is None or test["attached_node"] != node["unique_id"]:
            continue
        arguments, column = about["kwargs"], test["column_name"]
        match about["name"]:
            case "primary_key":
                key = tuple(arguments["columns"])
            case "one_latest_version":
                version_of = tuple(arguments["key"])
            case "unique":
                key = key or (column,)
                checks.setdefault(column, []).append("unique")
            case "not_null":
                checks.setdefault(column, []).append("never empty")
            case "accepted_values":
                checks.setdefault(column, []).append(f"one of {_code(map(str, arguments['values']))}")
            case "relationships":
                checks.setdefault(column, []).append(f"in {places[_referred(arguments['to'])]}")
            case "known_together":
                for name in arguments["columns"]:
                    others = _code(each for each in arguments["columns"] if each != name)
                    place = places[_referred(arguments["to"])]
                    checks.setdefault(name, []).append(f"in {place} together with {others}")
    return TableTests(key, version_of, {name: sorted(texts) for name, texts in checks.items()})


def _referred(to: str) -> str:
    """The model that a test's `ref('model')` names."""
    return to.removeprefix("ref('").removesuffix("')")


def _metrics_by_name(manifest: dict) -> Iterator[str]:
    """The metrics of each semantic model, with those made of them, and what they are grouped by."""
    # By name: dbt lists them in another order when it has parsed a part of the project only.
    named = [metric for _, metric in sorted(manifest["metrics"].items())]
    for key, semantic in sorted(manifest["semantic_models"].items()):
        metrics = [metric for metric in named if key in _counted_by(metric, manifest)]
        if not metrics:
            continue
        node = manifest["nodes"][semantic["depends_on"]["nodes"][0]]
        owner = semantic["primary_entity"] or next(
            entity["name"] for entity in semantic["entities"] if entity["type"] == "primary"
        )
        others = [entity["name"] for entity in semantic["entities"] if entity["type"] == "foreign"]
        groups = [*others, *(f"{owner}__{dimension['name']}" for dimension in semantic["dimensions"])]
        day = semantic["defaults"]["agg_time_dimension"]
        yield f"**`{node['schema']}.{node['alias']}`**: `metric_time` (its `{day}`), {_code(groups)}."
        yield ""
        yield from _table(
            ("Metric", "Meaning"), ((f"`{metric['name']}`", metric["description"]) for metric in metrics)
        )


def _counted_by(metric: dict, manifest: dict) -> set[str]:
    """Unique ids of the semantic models that a metric comes from, also through other metrics."""
    found: set[str] = set()
    for key in metric["depends_on"]["nodes"]:
        found |= _counted_by(manifest["metrics"][key], manifest) if key in manifest["metrics"] else {key}
    return found


def _rules_of_every_extract() -> Iterator[str]:
    """The rules that every contract gets, told once for a column and a reference that have everything."""
    text = Column(
        name="a_column",
        type=ColumnType.STRING,
        description="A column of text.",
        required=True,
        allowed=("the listed words",),
        identifier=True,
        free_text=True,
    )
    day = Column(name="a_column", type=ColumnType.DATE, description="A column of dates.")
    life = Life(start="a_column", opens="opens", closes="closes")
    thing = Lookup(
        name="a_thing", extract="the_register", on={"a_column": "code"}, take=("opens", "closes"), life=life
    )
    rules = standard_rules((text, day), (thing,), max_quarantined_share=0.5, owner="any")
    rules += next(iter(load_contracts(CONTRACTS).values())).shared_rules
    yield "### Rules of every extract"
    yield ""
    yield "`<COLUMN>` stands for the column's name, `<THING>` for what the row refers to."
    yield ""
    yield from _table(
        ("Code", "Action", "Reason", "Remedy"),
        (
            (f"`{_general(rule.code)}`", _action(rule), _general(rule.reason), _general(rule.remedy))
            for rule in rules
        ),
    )


def _general(text: str) -> str:
    """A rule's words about the column `a_column` and the reference `a_thing`, for any."""
    for one, any_ in (
        ("A_COLUMN", "<COLUMN>"),
        ("the column a_column", "the column"),
        ("a_column", "the column"),
        ("A_THING", "<THING>"),
        ("this a thing", "this thing"),
        ("a thing", "thing"),
        ("the_register", "the register"),
        ("50%", "the contract's share"),
        ("a date", "its type says"),
    ):
        text = text.replace(one, any_)
    return f"{text[0].upper()}{text[1:]}"


def _action(rule: Rule) -> str:
    return f"{rule.action}, tried again" if rule.retry else rule.action.value


def _extract_section(contract: Contract) -> Iterator[str]:
    standard = contract.all_rules[: len(contract.all_rules) - len(contract.rules)]
    yield f"### Extract {contract.extract}"
    yield ""
    yield " ".join(contract.description.split())
    yield ""
    yield f"- Key: {_code(contract.grain)}."
    for lookup in contract.lookups:
        yield f"- {_reference(lookup)}"
    yield f"- Refused as a whole when more than {contract.max_quarantined_share:.0%} of its rows fail."
    yield f"- Owner: {contract.owner}."
    yield ""
    yield from _table(
        ("Column", "Type", "Meaning", "Codes"),
        (
            (
                f"`{column.name}`",
                column.type.value,
                _meaning(column),
                _code(_codes(column, contract, standard)),
            )
            for column in contract.columns
        ),
    )
    yield from _table(
        ("Code", "Action", "About", "Reason", "Remedy"),
        (
            (
                f"`{rule.code}`",
                _action(rule),
                contract.column_name_of(rule) or "the file",
                rule.reason,
                rule.remedy,
            )
            for rule in contract.rules
        ),
    )


def _reference(lookup: Lookup) -> str:
    """What a lookup is for: rows without it wait, or only rules use it."""
    keys = _code(lookup.on)
    wait = "a row waits until it is there" if lookup.reference else "for rules only"
    life = f", and its life must touch {_code(lookup.life.own_columns)}" if lookup.life else ""
    return f"Refers to `{lookup.extract}` by {keys}: {wait}{life}."


def _meaning(column: Column) -> str:
    parts = [column.description]
    if column.required:
        parts.append("Required.")
    if column.allowed is not None:
        parts.append(f"One of {_code(column.allowed)}.")
    if column.default is not None and "Empty means" not in column.description:
        parts.append(f"Empty means `{column.default}`.")
    if column.personal:
        parts.append("Becomes a pseudonym before it is stored.")
    if column.free_text:
        parts.append("Screened for identifiers of persons.")
    return " ".join(parts)


def _codes(column: Column, contract: Contract, rules: Iterable[Rule]) -> list[str]:
    """Codes of the rules of every extract that are about this column alone, or refer by it."""
    about = (rule.code for rule in rules if _names(contract, rule) & {column.name})
    return list(dict.fromkeys(about))


def _names(contract: Contract, rule: Rule) -> set[str]:
    """Columns a rule is about, none for one on the whole key (its duplicates), the file or its header."""
    if rule.about != Subject.RECORDS or rule.columns[0] in DUPLICATES:
        return set()
    return set((contract.column_name_of(rule) or "").split(", "))


def main() -> None:
    manifest = json.loads(ensure_manifest().read_text(encoding="utf-8"))
    PAGE.write_text(dictionary(manifest, load_contracts(CONTRACTS)), encoding="utf-8", newline="\n")
    print(PAGE)


if __name__ == "__main__":
    main()
