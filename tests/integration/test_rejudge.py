"""Changed rules judge again what lies in the lake; no file is read for it."""

import shutil
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
import yaml

import pipelines.intake.load
import pipelines.intake.night
from pipelines.intake.night import open_night, rejudge_lake
from pipelines.intake.plan import Scope
from pipelines.lake.layout import PART
from pipelines.settings import CONTRACTS
from tests.integration.test_added_up_lines import HOSPITALS
from tests.integration.test_deliveries import POINT, REGISTERS, Hospital, lines

POINTS = lines(
    f"{POINT},denominator,numerator",
    "falls,ZZ1,2026-01-01,5,,",
    "falls,ZZ1,2025-12-01,50,,",
    "falls,ZZ1,2025-11-01,500,,",
    "falls,ZZ1,2025-10-01,five,,",
    "falls,ZZ9,2025-10-01,6,,",
    "falls,ZZ1,2025-09-01,7,-1,",
    "falls,ZZ1",
)


@pytest.fixture
def hospital(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hospital:
    """A hospital with one file of points: three lines accepted, four in quarantine. The contracts are its
    own."""
    shutil.copytree(CONTRACTS, tmp_path / "expectations")
    monkeypatch.setattr(pipelines.intake.night, "CONTRACTS", tmp_path / "expectations")
    hospital = Hospital(tmp_path / "hospital")
    hospital.night(1, REGISTERS)
    set_rule(tmp_path, max_quarantined_share=1.0)
    hospital.night(2, {"2026-03-02/measure_points.csv": POINTS})
    assert hospital.values() == [5.0, 50.0, 500.0]
    return hospital


def set_rule(folder: Path, code: str | None = None, **changes: object) -> None:
    """Change the contract of points: a rule of it, or the contract itself; a new code adds a rule."""
    path = folder / "expectations" / "measure_points.yml"
    document = yaml.safe_load(path.read_text(encoding="utf-8").replace("on: {", '"on": {'))
    if code is None:
        document |= changes
    else:
        known = {rule["code"]: rule for rule in document["rules"]}
        rule = known.get(code) or dict(known["DENOMINATOR_NEGATIVE"]) | {"code": code}
        rule |= changes
        document["rules"] = [each for each in document["rules"] if each["code"] != code] + [rule]
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def set_bound(hospital: Hospital, most: float) -> None:
    set_rule(hospital.folder.parent, "VALUE_HIGH", **{"with": {"column": "value", "max_value": most}})


def no_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def reading(*arguments: object) -> None:
        raise AssertionError("a file was read")

    monkeypatch.setattr(pipelines.intake.load, "open_extract", reading)


def counts(hospital: Hospital) -> dict[str, tuple[int, int]]:
    """Verdict -> lines accepted and quarantined, of the last load of points with it."""
    return {
        row.verdict: (row.rows_accepted, row.rows_quarantined)
        for row in hospital.ledger()
        if row.extract == "measure_points"
    }


def test_a_tighter_bound_puts_accepted_rows_into_quarantine(hospital, monkeypatch):
    no_file_is_read(monkeypatch)
    set_bound(hospital, 100)
    hospital.night(3)
    assert hospital.values() == [5.0, 50.0]
    assert counts(hospital) == {"accepted": (2, 5), "withdrawn": (0, 0)}
    new = [row for row in hospital.ledger() if row.verdict == "accepted"][-1]
    assert hospital.codes(new.load_id)[4] == "VALUE_HIGH"
    assert new.received_at == datetime(2026, 3, 2)
    assert "rules" in hospital.row("withdrawn").reason
    hospital.check_conservation()


def test_what_could_not_be_read_stays_in_quarantine_with_its_code(hospital, monkeypatch):
    no_file_is_read(monkeypatch)
    old = hospital.codes(hospital.row("accepted").load_id)
    set_bound(hospital, 100)
    hospital.night(3)
    new = hospital.codes([row for row in hospital.ledger() if row.verdict == "accepted"][-1].load_id)
    assert old == {line: code for line, code in new.items() if line != 4}
    assert {"VALUE_UNREADABLE", "ROW_MALFORMED", "UNKNOWN_ORGANISATION", "DENOMINATOR_NEGATIVE"} == set(
        old.values()
    )


def test_a_wider_bound_releases_rows_and_leaves_the_others_alone(hospital, monkeypatch):
    no_file_is_read(monkeypatch)
    set_rule(
        hospital.folder.parent, "DENOMINATOR_NEGATIVE", **{"with": {"column": "denominator", "min_value": -1}}
    )
    hospital.night(3)
    assert hospital.values() == [5.0, 7.0, 50.0, 500.0]
    assert counts(hospital) == {"accepted": (3, 4), "released": (1, 0)}
    hospital.check_conservation()


def test_there_and_back_again_gives_the_same_rows(hospital, monkeypatch):
    no_file_is_read(monkeypatch)
    for day, bound, expected in [(3, 100, [5.0, 50.0]), (4, 1000, [5.0, 50.0, 500.0]), (5, 10, [5.0])]:
        set_bound(hospital, bound)
        hospital.night(day)
        assert hospital.values() == expected
        hospital.check_conservation()


def test_judging_again_twice_changes_nothing(hospital):
    set_bound(hospital, 100)
    hospital.night(3)
    before = hospital.ledger()
    hospital.night(4)
    assert hospital.ledger() == before


def test_a_description_is_no_rule(hospital):
    set_rule(
        hospital.folder.parent,
        "DENOMINATOR_NEGATIVE",
        reason="Said in other words than before.",
        owner="Others",
    )
    before = hospital.ledger()
    hospital.night(3)
    assert hospital.ledger() == before


def test_a_rule_that_only_warns_is_noted_with_its_counts(hospital):
    set_rule(
        hospital.folder.parent, "VALUE_HIGH", action="warn", **{"with": {"column": "value", "max_value": 100}}
    )
    hospital.night(3)
    assert hospital.values() == [5.0, 50.0, 500.0]
    noted = hospital.row("rejudged")
    assert noted.retry_of == hospital.row("accepted").load_id
    results = duckdb.execute(
        f"select rows_failed from '{hospital.lake.gate_results}/load_id={noted.load_id}/{PART}' "
        "where code = 'VALUE_HIGH'"
    ).fetchall()
    assert results == [(1,)]


def test_a_load_that_today_would_be_refused_is_taken_back(hospital):
    set_rule(hospital.folder.parent, max_quarantined_share=0.2)
    hospital.night(3)
    assert hospital.values() == []
    assert counts(hospital)["refused"] == (0, 0)
    assert hospital.row("refused").reason.startswith("QUARANTINE_SHARE")
    # As every refused file it is looked at once more where it lies, because the rules have changed.
    hospital.night(4)
    before = hospital.ledger()
    hospital.night(5)
    assert hospital.ledger() == before
    assert hospital.values() == []


def test_a_dry_run_says_what_would_change_and_changes_nothing(hospital):
    set_bound(hospital, 100)
    before = hospital.ledger()
    said: list[str] = []
    (outcome,) = rejudge_lake(hospital.settings(3), "dry", said.append, is_dry=True)
    assert (outcome.now_failing, outcome.now_passing) == (1, 0)
    assert "1 accepted rows fail" in said[-1]
    assert hospital.ledger() == before
    assert hospital.values() == [5.0, 50.0, 500.0]
    (outcome,) = rejudge_lake(hospital.settings(3), "wet", said.append)
    assert outcome.new_load_id is not None
    assert hospital.values() == [5.0, 50.0]


def test_rows_released_before_are_judged_with_their_load(hospital):
    hospital.night(
        3, {"2026-03-03/organisations.csv": lines("organisation_code,organisation_name", "ZZ9,Nine")}
    )
    assert hospital.values() == [5.0, 6.0, 50.0, 500.0]
    set_bound(hospital, 5)
    hospital.night(4)
    assert hospital.values() == [5.0]
    set_bound(hospital, 1000)
    hospital.night(5)
    assert hospital.values() == [5.0, 6.0, 50.0, 500.0]
    hospital.check_conservation()


def test_a_new_required_column_needs_the_file_itself(hospital, monkeypatch, tmp_path):
    (tmp_path / "mappings").mkdir()
    monkeypatch.setattr(pipelines.intake.night, "MAPPINGS", tmp_path / "mappings")
    path = hospital.folder.parent / "expectations" / "measure_points.yml"
    text = path.read_text(encoding="utf-8")
    column = "- {name: assurer, type: string, required: true, description: Who has checked it.}\n"
    path.write_text(text.replace("columns:\n", f"columns:\n{column}", 1), encoding="utf-8")
    said: list[str] = []
    (outcome,) = rejudge_lake(hospital.settings(3), "dry", said.append, is_dry=True)
    assert outcome.needs_reread == ("assurer",)
    assert "--reread" in said[-1]


def test_a_load_judged_again_is_not_read_again(hospital, monkeypatch):
    set_bound(hospital, 100)
    hospital.night(3)
    no_file_is_read(monkeypatch)
    hospital.night(4, scope=Scope())
    night, _ = open_night(hospital.settings(5), "look")
    assert [row.verdict for row in night.ledger].count("withdrawn") == 1


def test_lines_that_were_added_up_go_into_quarantine_together(hospital, monkeypatch):
    hospital.night(3, {"2026-03-03/scotland_ae_attendance.csv": HOSPITALS.replace("2007-06", "2008-06")})
    no_file_is_read(monkeypatch)
    delivered = [row for row in hospital.ledger() if row.file_name == "scotland_ae_attendance.csv"]
    assert [(row.rows_accepted, row.rows_quarantined) for row in delivered] == [(4, 0)] * 2
    set_rule(hospital.folder.parent, "TOO_MANY", **{"with": {"column": "denominator", "max_value": 140}})
    hospital.night(4)
    new = [row for row in hospital.ledger() if row.verdict == "accepted"][-1]
    assert hospital.codes(new.load_id) == {2: "TOO_MANY", 3: "TOO_MANY"}
    assert (new.rows_accepted, new.rows_quarantined) == (2, 2)
    hospital.check_conservation()
