"""Contracts: the shipped ones are complete, and a faulty one is refused when it is read."""

import hashlib
from pathlib import Path
from typing import Any

import great_expectations as gx
import pyarrow as pa
import pytest
import yaml

from pipelines.extracts.contract import Contract, ContractError, lake_schema, load_contract, load_contracts
from pipelines.extracts.contract_columns import ColumnType
from pipelines.extracts.contract_rules import EXPECTATIONS, Action, Subject
from pipelines.metrics.rule_sets import read_rule_sets

FOLDER = Path(__file__).parents[2] / "expectations"
SHIPPED = load_contracts(FOLDER)
EVERY_CONTRACT = pytest.mark.parametrize("contract", SHIPPED.values(), ids=list(SHIPPED))


def small() -> dict[str, Any]:
    """A contract with one rule, as YAML would give it."""
    return {
        "extract": "things",
        "description": "Things that are counted.",
        "owner": "QI data team",
        "grain": ["thing_id"],
        "max_quarantined_share": 0.5,
        "columns": [
            {"name": "thing_id", "type": "string", "required": True, "description": "Its identifier."},
            {"name": "amount", "type": "number", "description": "How much there is, in kilograms."},
        ],
        "example": {"thing_id": "T1", "amount": 2.5},
        "rules": [
            {
                "code": "AMOUNT_NEGATIVE",
                "expectation": "expect_column_values_to_be_between",
                "with": {"column": "amount", "min_value": 0},
                "category": "plausibility",
                "action": "quarantine_row",
                "reason": "There cannot be less than nothing.",
                "owner": "QI data team",
                "remedy": "Correct the amount.",
            }
        ],
    }


def written(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / f"{document['extract']}.yml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_the_extracts_have_contracts_in_an_order_that_respects_references() -> None:
    assert set(SHIPPED) == {
        "organisations",
        "units",
        "projects",
        "project_members",
        "pdsa_cycles",
        "spread_links",
        "measures",
        "measure_points",
        "measure_events",
        "targets",
        "maturity_assessments",
        "training",
        "survey_results",
        "workforce_months",
        "leadership_posts",
        "collaboration_ties",
        "experience_events",
        "governance_time",
        "support_roles",
        "compact_commitments",
        "benefits",
        "ratings",
    }
    order = list(SHIPPED)
    assert order[0] == "organisations"
    for contract in SHIPPED.values():
        assert all(order.index(name) < order.index(contract.extract) for name in contract.depends_on)


@EVERY_CONTRACT
def test_a_contract_says_what_each_column_means(contract: Contract) -> None:
    for column in contract.columns:
        assert column.description.endswith("."), column.name
    assert {column.name for column in contract.columns if column.required} <= set(contract.example)
    for column in contract.columns:
        value = contract.example.get(column.name)
        if value is not None:
            assert pa.scalar(value, column.arrow_type).is_valid
            assert column.allowed is None or value in column.allowed


@EVERY_CONTRACT
def test_no_two_rules_of_a_contract_report_alike(contract: Contract) -> None:
    keys = [(rule.code, contract.column_name_of(rule)) for rule in contract.all_rules]
    assert len(keys) == len(set(keys))
    codes = {rule.code for rule in contract.all_rules}
    assert {"NO_ROWS", "ROW_MALFORMED", "DUPLICATE_KEY", "DUPLICATE_ROW"} <= codes


def test_references_are_those_that_rows_wait_for() -> None:
    waiting = {
        (contract.extract, rule.code)
        for contract in SHIPPED.values()
        for rule in contract.all_rules
        if rule.retry
    }
    assert waiting >= {
        ("units", "UNKNOWN_ORGANISATION"),
        ("projects", "UNKNOWN_ORGANISATION"),
        ("projects", "UNKNOWN_UNIT"),
        ("project_members", "UNKNOWN_PROJECT"),
        ("pdsa_cycles", "UNKNOWN_PROJECT"),
        ("spread_links", "UNKNOWN_PARENT_PROJECT"),
        ("spread_links", "UNKNOWN_CHILD_PROJECT"),
        ("measures", "UNKNOWN_PROJECT"),
        ("measure_points", "UNKNOWN_MEASURE"),
        ("measure_points", "OUTSIDE_MEASURE_LIFE"),
        ("measure_points", "UNKNOWN_ORGANISATION"),
        ("measure_points", "UNKNOWN_UNIT"),
        ("measure_events", "UNKNOWN_MEASURE"),
        ("measure_events", "OUTSIDE_MEASURE_LIFE"),
        ("measure_events", "UNKNOWN_ORGANISATION"),
        ("measure_events", "UNKNOWN_UNIT"),
        ("targets", "UNKNOWN_MEASURE"),
        ("targets", "UNKNOWN_ORGANISATION"),
        ("collaboration_ties", "UNKNOWN_TO_UNIT"),
        ("experience_events", "UNKNOWN_PROJECT"),
        ("benefits", "UNKNOWN_PAYER"),
        ("benefits", "UNKNOWN_RECEIVER"),
        ("benefits", "UNKNOWN_MEASURE"),
    }


def test_people_are_marked_personal_and_free_text_is_screened() -> None:
    personal = {(c.extract, column.name) for c in SHIPPED.values() for column in c.columns if column.personal}
    assert personal >= {
        ("projects", "coach_id"),
        ("projects", "sponsor_id"),
        ("project_members", "person_id"),
        ("training", "person_id"),
        ("leadership_posts", "holder_id"),
    }
    for contract in SHIPPED.values():
        free_text = {column.name for column in contract.columns if column.free_text}
        screened = {
            contract.column_name_of(rule) for rule in contract.all_rules if rule.code == "PERSONAL_DATA"
        }
        assert screened == free_text


def test_every_rule_set_is_known_to_the_contract_of_measures() -> None:
    (rule,) = [rule for rule in SHIPPED["measures"].rules if rule.code == "RULE_SET_UNUSUAL"]
    assert rule.arguments["value_set"] == [rules.rule_set_id for rules in read_rule_sets()]


def test_every_expectation_known_here_is_one_of_great_expectations() -> None:
    for name, form in EXPECTATIONS.items():
        class_name = "".join(part.capitalize() for part in name.split("_"))
        fields = getattr(gx.expectations, class_name).__fields__
        assert {*form.columns, *form.others} <= set(fields), name


def test_a_contract_carries_the_hash_of_its_file() -> None:
    content = (FOLDER / "projects.yml").read_bytes()
    assert SHIPPED["projects"].sha256 == hashlib.sha256(content).hexdigest()


def test_lake_schema_adds_what_the_lake_needs_to_know() -> None:
    units = lake_schema(SHIPPED["units"])
    assert units.names[-3:] == ["source_row", "published_on", "received_at"]
    assert units.field("valid_from").type == pa.date32()
    points = lake_schema(SHIPPED["measure_points"])
    assert points.names.count("published_on") == 1
    assert points.names[-2:] == ["source_row", "received_at"]
    assert points.field("subgroup_size").type == pa.int64()
    assert points.field("value").type == pa.float64()
    assert points.field("received_at").type == pa.timestamp("us")


def test_a_minimal_contract_can_be_read(tmp_path: Path) -> None:
    contract = load_contract(written(tmp_path, small()))
    assert contract.column("amount").type == ColumnType.NUMBER
    assert contract.rules[0].action == Action.QUARANTINE_ROW
    assert contract.rules[0].about == Subject.RECORDS


def _without(key: str) -> dict[str, Any]:
    return {name: value for name, value in small().items() if name != key}


def _with_rule(**changes: Any) -> dict[str, Any]:
    document = small()
    document["rules"][0] |= changes
    return document


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (small() | {"colour": "red"}, "colour"),
        (_without("owner"), "owner"),
        (_without("example"), "example"),
        (small() | {"example": {"weight": 3}}, "weight"),
        (small() | {"grain": ["weight"]}, "weight"),
        (_with_rule(expectation="expect_column_values_to_be_nice"), "expect_column_values_to_be_nice"),
        (_with_rule(**{"with": {"column": "weight", "min_value": 0}}), "weight"),
        (_with_rule(**{"with": {"column": "amount", "lowest": 0}}), "lowest"),
        (_with_rule(**{"with": {"min_value": 0}}), "column"),
        (_with_rule(**{"with": {"column": "amount", "min_value": 0, "mostly": 0.9}}), "mostly"),
        (_with_rule(where={"weight": "present"}), "weight"),
        (_with_rule(where={"amount": "here"}), "amount"),
        (_with_rule(category="beauty"), "category"),
        (_with_rule(action="ignore"), "action"),
        (_with_rule(action="warn", retry=True), "tried again"),
        (_with_rule(code="DUPLICATE_KEY"), "DUPLICATE_KEY"),
        (_with_rule(code="amount_negative"), "code"),
        (_with_rule(remedy=""), "remedy"),
        (small() | {"rules": small()["rules"] * 2}, "AMOUNT_NEGATIVE"),
        (small() | {"columns": small()["columns"] * 2}, "thing_id"),
        (small() | {"lookups": [{"name": "other", "extract": "others", "on": {"thing_id": "id"}}]}, "others"),
    ],
)
def test_a_faulty_contract_is_refused_with_a_reason(
    tmp_path: Path, document: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ContractError, match=complaint):
        load_contract(written(tmp_path, document))


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, small())
    path.write_text(path.read_text(encoding="utf-8") + "owner: someone else\n", encoding="utf-8")
    with pytest.raises(ContractError, match="owner"):
        load_contract(path)


def test_a_contract_is_named_as_its_file(tmp_path: Path) -> None:
    path = written(tmp_path, small()).rename(tmp_path / "other.yml")
    with pytest.raises(ContractError, match="names differ"):
        load_contract(path)


def _referring(name: str, to: str) -> dict[str, Any]:
    lookup = {"name": "reference", "extract": to, "on": {"thing_id": "thing_id"}}
    return small() | {"extract": name, "depends_on": [to], "lookups": [lookup]}


def test_contracts_that_refer_to_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    written(tmp_path, _referring("ones", "others"))
    written(tmp_path, _referring("others", "ones"))
    with pytest.raises(ContractError, match="circle"):
        load_contracts(tmp_path)


def test_a_reference_to_an_extract_without_contract_is_refused(tmp_path: Path) -> None:
    written(tmp_path, _referring("ones", "others"))
    with pytest.raises(ContractError, match="others"):
        load_contracts(tmp_path)


def test_a_reference_to_a_column_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    written(tmp_path, small())
    document = _referring("ones", "things")
    document["lookups"][0]["take"] = ["colour"]
    written(tmp_path, document)
    with pytest.raises(ContractError, match="colour"):
        load_contracts(tmp_path)
