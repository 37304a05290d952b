"""The data dictionary: the committed page is what the command writes, and it leaves nothing out."""

import json
import re

import pytest

from pipelines.extracts.contract import load_contracts
from pipelines.mart.dictionary import PAGE, dictionary
from pipelines.mart.manifest import ensure_manifest
from pipelines.mart.warehouse import PUBLISHED_SCHEMAS
from pipelines.settings import CONTRACTS

NODES = {
    "model.dim_thing": {
        "resource_type": "model",
        "unique_id": "model.dim_thing",
        "schema": "core",
        "name": "dim_thing",
        "alias": "dim_thing",
        "description": "Things,\none row a version.",
        "config": {},
        "columns": {
            "thing_id": {"data_type": "string", "description": "Key: a | b."},
            "kind": {"data_type": "string", "description": "Kind."},
        },
    },
    "model.fct_thing": {
        "resource_type": "model",
        "unique_id": "model.fct_thing",
        "schema": "core",
        "name": "fct_thing",
        "alias": "fct_thing",
        "description": "Things that happened.",
        "config": {},
        "columns": {
            "event_id": {
                "data_type": "string",
                "description": "Key.",
                "constraints": [{"type": "primary_key"}],
            },
        },
    },
    "seed.kind": {
        "resource_type": "seed",
        "unique_id": "seed.kind",
        "schema": "ops",
        "name": "kind",
        "alias": "kind",
        "description": "Kinds.",
        "config": {"column_types": {"kind": "bigint"}},
        "columns": {"kind": {"data_type": None, "description": "Kind."}},
    },
    "model.stg_thing": {
        "resource_type": "model",
        "unique_id": "model.stg_thing",
        "schema": "staging",
        "name": "stg_thing",
        "alias": "stg_thing",
        "description": "Not published.",
        "config": {},
        "columns": {},
    },
}


def dbt_test(kind: str, node: str, column: str | None, **arguments: object) -> dict:
    return {
        "resource_type": "test",
        "name": f"{node}_{kind}_{column}",
        "attached_node": node,
        "column_name": column,
        "test_metadata": {"name": kind, "kwargs": arguments},
    }


TESTS = [
    dbt_test("unique", "model.dim_thing", "thing_id"),
    dbt_test("not_null", "model.dim_thing", "thing_id"),
    dbt_test("one_latest_version", "model.dim_thing", None, key=["thing"]),
    dbt_test("relationships", "model.dim_thing", "kind", to="ref('kind')", field="kind"),
    dbt_test("accepted_values", "seed.kind", "kind", values=[1, 2]),
    {"resource_type": "test", "name": "singular"},
]


SEMANTIC = {
    "semantic_model.things": {
        "depends_on": {"nodes": ["model.fct_thing"]},
        "primary_entity": None,
        "defaults": {"agg_time_dimension": "day"},
        "entities": [{"name": "event", "type": "primary"}, {"name": "thing", "type": "foreign"}],
        "dimensions": [{"name": "day"}, {"name": "kind"}],
    },
    "semantic_model.only_joined": {"depends_on": {"nodes": ["model.dim_thing"]}},
}
METRICS = {
    "metric.events": {
        "name": "events",
        "description": "Events.",
        "depends_on": {"nodes": ["semantic_model.things"]},
    },
    "metric.share": {
        "name": "share",
        "description": "Events | events.",
        "depends_on": {"nodes": ["metric.events", "metric.events"]},
    },
}


@pytest.fixture(scope="module")
def manifest() -> dict:
    return json.loads(ensure_manifest().read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_committed_page_is_what_the_command_writes(manifest, page):
    assert page == dictionary(manifest, load_contracts(CONTRACTS)), (
        "`python -m pipelines.mart.dictionary` writes it anew"
    )


def test_every_published_table_and_column_is_there_with_its_meaning(manifest, page):
    tables = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed") and node["schema"] in PUBLISHED_SCHEMAS
    ]
    assert len(tables) > 20
    sections = {section.split("\n", 1)[0]: section for section in page.split("\n### ")}
    for node in tables:
        section = sections[f"{node['schema']}.{node['alias']}"]
        assert "\nKey: " in section
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+?) \|", section, re.MULTILINE)
        assert [name for name, _, _ in rows] == list(node["columns"])


def test_every_code_that_the_gate_gives_can_be_looked_up(page):
    written = set(re.findall(r"`([A-Z0-9_]+)`", page))
    for contract in load_contracts(CONTRACTS).values():
        assert {rule.code for rule in contract.all_rules} <= written, contract.extract


def test_links_lead_somewhere(page):
    headings = {
        re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    }
    links = re.findall(r"\]\(#([^)]+)\)", page)
    assert len(links) > 30
    assert set(links) <= headings
    assert len(set(links)) == len(links)


def test_what_a_table_says_of_itself():
    nodes = NODES | {test["name"]: test for test in TESTS}
    written = dictionary({"nodes": nodes, "semantic_models": SEMANTIC, "metrics": METRICS}, {})
    assert "### core.dim_thing\n\nThings, one row a version.\n" in written
    assert "Key: `thing_id`. One version holds today for each `thing`.\n" in written
    assert "| `thing_id` | string | Key: a \\| b. | never empty; unique |\n" in written
    assert "| `kind` | string | Kind. | in `ops.kind` |\n" in written
    assert "Key: `event_id`.\n" in written
    assert "| `event_id` | string | Key. | never empty; unique |\n" in written
    assert "| `kind` | bigint | Kind. | one of `1`, `2` |\n" in written
    assert "stg_thing" not in written
    assert (
        "**`core.fct_thing`**: `metric_time` (its `day`), `thing`, `event__day`, `event__kind`.\n" in written
    )
    assert "| `events` | Events. |\n| `share` | Events \\| events. |\n" in written
    assert "core.dim_thing`**" not in written
