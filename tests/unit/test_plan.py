"""What is still to do with a file, decided from the ledger alone: nothing is judged here."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

import pipelines.intake.plan
from pipelines.extracts.contract import Contract
from pipelines.extracts.mapping import Mapping, canonical_mapping
from pipelines.extracts.recognise import Table, Unrecognised
from pipelines.intake.inbox import Delivery
from pipelines.intake.plan import Plan, Planner, Scope, Task, rules_digest
from pipelines.lake.ledger import LedgerRow
from pipelines.lake.write import file_sha256
from tests.unit.extract_cases import contracts, make_mapping

NOW = datetime(2026, 11, 21, 4)
ORGANISATIONS = "organisation_code,valid_from\nZZ1,2020-01-01\n"
MEASURES = (
    "measure_id,measure_name,family,improvement_direction,purpose,frequency\n"
    "falls,Falls,outcome,decrease,improvement,month\n"
)
POINTS = "measure_id,organisation_code,period_start,value\nfalls,ZZ1,2026-01-01,5\n"
SUPPLIED = "org,month,falls\nZZ1,2026-01-01,5\n"
LAYOUT = """
    header: [org, month, falls]
    extracts:
      organisations:
        columns: {organisation_code: {column: org}}
      measure_points:
        columns:
          measure_id: falls
          organisation_code: {column: org}
          period_start: {column: month}
          value: {column: falls}
    provides:
      measures:
        rows:
          - {measure_id: falls, measure_name: Falls, family: outcome, improvement_direction: decrease,
             purpose: improvement, frequency: month}
"""


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def rules() -> list[Mapping]:
    return [canonical_mapping(contract) for contract in contracts().values()]


@pytest.fixture
def supplier(tmp_path: Path) -> Mapping:
    return make_mapping(tmp_path, LAYOUT)


def deliver(inbox: Path, relative: str, text: str, received_at: datetime = NOW) -> Delivery:
    path = inbox / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    status = path.stat()
    return Delivery(
        path, relative, status.st_size, status.st_mtime_ns, file_sha256(path), received_at, is_synthetic=True
    )


def planned(
    rules: list[Mapping],
    deliveries: list[Delivery],
    ledger: list[LedgerRow] | None = None,
    scope: Scope | None = None,
    known: dict[str, Contract] | None = None,
) -> Plan:
    return Planner(rules, known or contracts(), ledger or [], scope or Scope(), NOW).plan(deliveries)


def wanted(plan: Plan) -> list[tuple[str, str]]:
    """(file, extract) of every task, in order."""
    return [(task.delivery.relative, task.extract) for task in plan.tasks]


def noted(number: int, task: Task, verdict: str = "accepted", **changes: object) -> LedgerRow:
    """The ledger row that taking a task in leaves."""
    delivery, mapping = task.delivery, task.mapping
    row = LedgerRow(
        load_id=f"L{number:07d}",
        run_id="an earlier run",
        extract=task.extract,
        mapping=mapping.name,
        source_system=mapping.source_system,
        file_path=delivery.relative,
        file_name=delivery.path.name,
        file_sha256=delivery.sha256,
        file_bytes=delivery.size,
        file_mtime_ns=delivery.mtime_ns,
        edition=None,
        published_on=None,
        received_at=delivery.received_at,
        loaded_at=NOW,
        verdict=verdict,
        reason="",
        rows_received=1,
        rows_accepted=int(verdict == "accepted"),
        rows_quarantined=0,
        rows_refused=int(verdict == "refused"),
        rows_ignored=0,
        records_accepted=int(verdict == "accepted"),
        records_quarantined=0,
        retry_of=None,
        is_synthetic=True,
        mapping_sha256=mapping.sha256,
        contract_sha256=contracts()[task.extract].sha256,
        code_version="0",
        lake_files="{}",
    )
    return replace(row, **changes)


def as_noted(plan: Plan, verdict: str = "accepted") -> list[LedgerRow]:
    return [noted(number, task, verdict) for number, task in enumerate(plan.tasks, start=1)]


def unrecognised(delivery: Delivery, digest: str) -> LedgerRow:
    task = Task(delivery, canonical_mapping(contracts()["organisations"]), "organisations")
    nothing = {"extract": None, "mapping": None, "contract_sha256": None, "mapping_sha256": digest}
    return noted(1, task, "unrecognised", **nothing)


def withdrawn(row: LedgerRow, number: int) -> LedgerRow:
    return replace(row, load_id=f"L{number:07d}", verdict="withdrawn", retry_of=row.load_id)


def with_other_contract(extract: str) -> dict[str, Contract]:
    changed = contracts()[extract].model_copy(update={"sha256": "f" * 64})
    return {name: changed if name == extract else contract for name, contract in contracts().items()}


def test_extracts_are_judged_after_what_they_refer_to_and_then_by_date_of_receipt(inbox, rules):
    deliveries = [
        deliver(inbox, "a/measure_points.csv", POINTS),
        deliver(inbox, "b/measures.csv", MEASURES, datetime(2026, 3, 2)),
        deliver(inbox, "c/measures.csv", f"{MEASURES}\n", datetime(2026, 3, 1)),
        deliver(inbox, "d/organisations.csv", ORGANISATIONS),
    ]
    assert wanted(planned(rules, deliveries)) == [
        ("d/organisations.csv", "organisations"),
        ("c/measures.csv", "measures"),
        ("b/measures.csv", "measures"),
        ("a/measure_points.csv", "measure_points"),
    ]


def test_the_same_bytes_are_taken_in_once_and_the_copy_is_a_repeat(inbox, rules):
    deliveries = [
        deliver(inbox, "1/organisations.csv", ORGANISATIONS),
        deliver(inbox, "2/organisations_again.csv", ORGANISATIONS),
    ]
    first = planned(rules, deliveries)
    assert wanted(first) == [("1/organisations.csv", "organisations")]
    assert [repeat.delivery.relative for repeat in first.repeats] == ["2/organisations_again.csv"]

    ledger = as_noted(first)
    late = deliver(inbox, "0/organisations.csv", ORGANISATIONS)
    second = planned(rules, [late, *deliveries], ledger)
    assert second.tasks == []
    assert {repeat.delivery.relative for repeat in second.repeats} == {
        "0/organisations.csv",
        "2/organisations_again.csv",
    }

    copies = [
        noted(number, Task(delivery, first.tasks[0].mapping, "organisations"), "repeated")
        for number, delivery in enumerate([late, deliveries[1]], start=2)
    ]
    third = planned(rules, [late, *deliveries], [*ledger, *copies])
    assert (third.tasks, third.repeats, third.settled) == ([], [], 3)


def test_bytes_that_were_not_recognised_under_another_name_are_no_repeat(inbox, rules):
    misnamed = deliver(inbox, "foo.csv", ORGANISATIONS)
    right = deliver(inbox, "organisations.csv", ORGANISATIONS)
    plan = planned(rules, [misnamed, right], [unrecognised(misnamed, rules_digest(rules))])
    assert wanted(plan) == [("organisations.csv", "organisations")]
    assert plan.repeats == []
    assert plan.settled == 1


def test_a_copy_stands_in_when_the_first_file_is_gone(inbox, rules):
    first = deliver(inbox, "1/organisations.csv", ORGANISATIONS)
    copy = deliver(inbox, "2/organisations.csv", ORGANISATIONS)
    task = planned(rules, [first]).tasks[0]
    refused, repeated = noted(1, task, "refused"), noted(2, replace(task, delivery=copy), "repeated")
    assert wanted(planned(rules, [copy], [refused, repeated])) == []
    mended = planned(rules, [copy], [refused, repeated], known=with_other_contract("organisations"))
    assert wanted(mended) == [("2/organisations.csv", "organisations")]
    both = planned(rules, [copy, first], [refused, repeated], known=with_other_contract("organisations"))
    assert wanted(both) == [("1/organisations.csv", "organisations")]


def test_an_accepted_file_is_settled_whatever_becomes_of_its_rules(inbox, rules):
    delivery = deliver(inbox, "organisations.csv", ORGANISATIONS)
    ledger = as_noted(planned(rules, [delivery]))
    plan = planned(rules, [delivery], ledger, known=with_other_contract("organisations"))
    assert (plan.tasks, plan.repeats, plan.settled) == ([], [], 1)


def test_other_bytes_at_the_same_path_are_another_delivery(inbox, rules):
    ledger = as_noted(planned(rules, [deliver(inbox, "organisations.csv", ORGANISATIONS)]))
    changed = deliver(inbox, "organisations.csv", ORGANISATIONS.replace("ZZ1", "ZZ2"))
    assert wanted(planned(rules, [changed], ledger)) == [("organisations.csv", "organisations")]


def test_a_refused_file_is_looked_at_again_only_when_its_contract_has_changed(inbox, rules):
    delivery = deliver(inbox, "organisations.csv", ORGANISATIONS)
    ledger = as_noted(planned(rules, [delivery]), "refused")
    assert planned(rules, [delivery], ledger).settled == 1
    elsewhere = planned(rules, [delivery], ledger, known=with_other_contract("targets"))
    assert elsewhere.tasks == []
    again = planned(rules, [delivery], ledger, known=with_other_contract("organisations"))
    assert wanted(again) == [("organisations.csv", "organisations")]
    assert again.tasks[0].replaces is None


def test_a_refused_file_is_looked_at_again_when_its_mapping_has_changed(inbox, rules, supplier):
    delivery = deliver(inbox, "supplier.csv", SUPPLIED)
    first = planned([supplier, *rules], [delivery])
    ledger = as_noted(first, "refused")
    assert planned([supplier, *rules], [delivery], ledger).tasks == []
    changed = replace(supplier, sha256="e" * 64)
    assert ("supplier.csv", "measure_points") in wanted(planned([changed, *rules], [delivery], ledger))


def test_only_the_extract_that_was_refused_is_looked_at_again(inbox, rules, supplier):
    delivery = deliver(inbox, "supplier.csv", SUPPLIED)
    first = planned([supplier, *rules], [delivery])
    ledger = [
        noted(number, task, "refused" if task.extract == "measure_points" else "accepted")
        for number, task in enumerate(first.tasks, start=1)
    ]
    again = planned([supplier, *rules], [delivery], ledger, known=with_other_contract("measure_points"))
    assert wanted(again) == [("supplier.csv", "measure_points")]


def test_a_refused_file_goes_to_the_mapping_that_was_written_for_it(inbox, rules, supplier):
    delivery = deliver(inbox, "supplier.csv", SUPPLIED)
    refused = noted(1, Task(delivery, rules[0], rules[0].extracts[0]), "refused")
    again = planned([supplier, *rules], [delivery], [refused])
    assert {task.mapping.name for task in again.tasks} == {"supplier"}
    assert again.repeats == []


def test_a_file_our_own_software_failed_on_is_tried_in_every_run(inbox, rules):
    delivery = deliver(inbox, "organisations.csv", ORGANISATIONS)
    ledger = as_noted(planned(rules, [delivery]), "error")
    assert wanted(planned(rules, [delivery], ledger)) == [("organisations.csv", "organisations")]


def test_a_failed_retry_of_quarantined_rows_does_not_load_the_file_again(inbox, rules):
    delivery = deliver(inbox, "organisations.csv", ORGANISATIONS)
    (row,) = as_noted(planned(rules, [delivery]))
    failed = replace(row, load_id="L0000002", verdict="error", retry_of=row.load_id)
    assert planned(rules, [delivery], [row, failed]).tasks == []


def test_an_unrecognised_file_is_looked_at_again_when_a_mapping_has_changed(inbox, rules, supplier):
    delivery = deliver(inbox, "supplier.csv", SUPPLIED)
    stranger = planned(rules, [delivery])
    assert [each.delivery.relative for each in stranger.strangers] == ["supplier.csv"]
    ledger = [unrecognised(delivery, rules_digest(rules))]
    assert (planned(rules, [delivery], ledger).settled, planned(rules, [delivery], ledger).strangers) == (
        1,
        [],
    )
    other = [replace(rules[0], sha256="d" * 64), *rules[1:]]
    assert len(planned(other, [delivery], ledger).strangers) == 1
    assert ("supplier.csv", "organisations") in wanted(planned([supplier, *rules], [delivery], ledger))


def test_an_unrecognised_file_is_looked_at_again_when_a_new_format_can_be_read(monkeypatch, rules):
    before = rules_digest(rules)
    monkeypatch.setattr(pipelines.intake.plan, "readable_endings", lambda: ".csv and one more")
    assert rules_digest(rules) != before
    assert rules_digest(reversed(rules)) == rules_digest(rules)


def test_a_file_that_cannot_even_be_recognised_does_not_stop_the_others(monkeypatch, inbox, rules):
    def failing(path: Path, mappings: list[Mapping]) -> list[Table] | Unrecognised:
        if path.name == "measures.csv":
            raise ZeroDivisionError
        return [Table(mappings[0])]

    deliveries = [deliver(inbox, "measures.csv", MEASURES), deliver(inbox, "other.csv", ORGANISATIONS)]
    monkeypatch.setattr(pipelines.intake.plan, "recognise_tables", failing)
    plan = planned(rules, deliveries)
    assert [(each.delivery.relative, type(each.fault)) for each in plan.failures] == [
        ("measures.csv", ZeroDivisionError)
    ]
    assert [task.delivery.relative for task in plan.tasks] == ["other.csv"]


def test_reread_takes_the_place_of_what_stands(inbox, rules):
    delivery = deliver(inbox, "organisations.csv", ORGANISATIONS)
    (row,) = as_noted(planned(rules, [delivery]))
    (task,) = planned(rules, [delivery], [row], Scope(reread=True)).tasks
    assert task.replaces == row.load_id

    reread = [row, replace(row, load_id="L0000002"), withdrawn(row, 3)]
    (task,) = planned(rules, [delivery], reread, Scope(reread=True)).tasks
    assert task.replaces == "L0000002"


def test_a_reread_that_failed_still_replaces_what_stands(inbox, rules):
    delivery = deliver(inbox, "organisations.csv", ORGANISATIONS)
    (row,) = as_noted(planned(rules, [delivery]))
    failed = replace(row, load_id="L0000002", verdict="error")
    (task,) = planned(rules, [delivery], [row, failed]).tasks
    assert task.replaces == row.load_id


def test_a_copy_is_not_read_again_beside_its_first(inbox, rules):
    first = deliver(inbox, "1/organisations.csv", ORGANISATIONS)
    copy = deliver(inbox, "2/organisations.csv", ORGANISATIONS)
    task = planned(rules, [first]).tasks[0]
    ledger = [noted(1, task), noted(2, replace(task, delivery=copy), "repeated")]
    plan = planned(rules, [first, copy], ledger, Scope(reread=True))
    assert wanted(plan) == [("1/organisations.csv", "organisations")]
    assert plan.repeats == []


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(), [1, 2, 3]),
        (Scope(received_from=date(2026, 3, 2)), [2, 3]),
        (Scope(received_to=date(2026, 3, 2)), [1, 2]),
        (Scope(received_from=date(2026, 3, 2), received_to=date(2026, 3, 2)), [2]),
        (Scope(received_from=date(2026, 3, 4)), []),
    ],
)
def test_bounds_of_receipt_are_inclusive_days(inbox, rules, scope, expected):
    deliveries = [
        deliver(inbox, f"{day}/organisations.csv", f"{ORGANISATIONS}ZZ{day},\n", datetime(2026, 3, day, 23))
        for day in (1, 2, 3)
    ]
    files = [task.delivery.relative for task in planned(rules, deliveries, scope=scope).tasks]
    assert files == [f"{day}/organisations.csv" for day in expected]


def test_what_a_mapping_provides_comes_once_with_its_first_file(inbox, rules, supplier):
    everything = [supplier, *rules]
    assert planned(everything, [deliver(inbox, "organisations.csv", ORGANISATIONS)]).tasks[1:] == []

    received = datetime(2026, 3, 1)
    delivery = deliver(inbox, "supplier.csv", SUPPLIED, received)
    first = planned(everything, [delivery])
    assert wanted(first) == [
        ("supplier.csv", "organisations"),
        ("mappings/supplier.yml", "measures"),
        ("supplier.csv", "measure_points"),
    ]
    provided = first.tasks[1]
    assert (provided.is_provided, provided.delivery.received_at) == (True, received)
    assert not first.tasks[0].is_provided

    ledger = as_noted(first)
    assert planned(everything, [delivery], ledger).tasks == []
    another = deliver(inbox, "supplier_2.csv", f"{SUPPLIED}ZZ1,2026-02-01,6\n")
    assert wanted(planned(everything, [delivery, another], ledger)) == [
        ("supplier_2.csv", "organisations"),
        ("supplier_2.csv", "measure_points"),
    ]


def test_what_a_mapping_provides_comes_again_when_the_mapping_file_has_changed(
    inbox, rules, supplier, tmp_path
):
    delivery = deliver(inbox, "supplier.csv", SUPPLIED, datetime(2026, 3, 1))
    ledger = as_noted(planned([supplier, *rules], [delivery]))
    changed = make_mapping(tmp_path, LAYOUT.replace("measure_name: Falls", "measure_name: Inpatient falls"))
    (task,) = planned([changed, *rules], [delivery], ledger).tasks
    assert (task.delivery.relative, task.extract, task.is_provided) == (
        "mappings/supplier.yml",
        "measures",
        True,
    )
    assert (task.replaces, task.delivery.received_at) == (None, NOW)


def test_reread_leaves_what_a_mapping_provides_when_none_of_its_files_is_read_again(inbox, rules, supplier):
    everything = [supplier, *rules]
    theirs = deliver(inbox, "supplier.csv", SUPPLIED, datetime(2026, 3, 1))
    other = deliver(inbox, "organisations.csv", ORGANISATIONS, datetime(2026, 4, 1))
    ledger = as_noted(planned(everything, [theirs, other]))
    april = Scope(received_from=date(2026, 4, 1), reread=True)
    assert wanted(planned(everything, [theirs, other], ledger, april)) == [
        ("organisations.csv", "organisations")
    ]


def test_what_a_mapping_provides_stays_received_when_it_first_was(inbox, rules, supplier):
    everything = [supplier, *rules]
    first = deliver(inbox, "supplier.csv", SUPPLIED, datetime(2026, 3, 1))
    ledger = as_noted(planned(everything, [first]))
    later = deliver(inbox, "supplier_2.csv", f"{SUPPLIED}ZZ2,2026-01-01,1\n", datetime(2026, 4, 1))
    april = Scope(received_from=date(2026, 4, 1), reread=True)
    (provided,) = [
        task for task in planned(everything, [first, later], ledger, april).tasks if task.is_provided
    ]
    assert provided.delivery.received_at == datetime(2026, 3, 1)


def test_a_mapping_brings_the_measures_that_another_one_defines_for_it(inbox, rules, supplier, tmp_path):
    feed = (
        LAYOUT.split("provides:")[0].replace("falls]", "fallen]").replace("column: falls", "column: fallen")
    )
    older = make_mapping(tmp_path, f"{feed}defined_in: supplier\n", "older")
    delivery = deliver(inbox, "older.csv", SUPPLIED.replace("falls", "fallen"))
    everything = [supplier, older, *rules]
    first = planned(everything, [delivery])
    assert wanted(first) == [
        ("older.csv", "organisations"),
        ("mappings/supplier.yml", "measures"),
        ("older.csv", "measure_points"),
    ]
    assert planned(everything, [delivery], as_noted(first)).tasks == []


def test_provided_rows_are_synthetic_only_when_every_file_that_uses_them_is(inbox, rules, supplier):
    marked = deliver(inbox, "supplier.csv", SUPPLIED)
    real = replace(deliver(inbox, "supplier_2.csv", f"{SUPPLIED}ZZ2,2026-01-01,1\n"), is_synthetic=False)

    def is_synthetic(deliveries: list[Delivery]) -> bool:
        (task,) = [each for each in planned([supplier, *rules], deliveries).tasks if each.is_provided]
        return task.delivery.is_synthetic

    assert is_synthetic([marked])
    assert not is_synthetic([marked, real])
