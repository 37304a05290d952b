"""Deliveries as suppliers really make them, taken in night after night: what the lake and the ledger
hold afterwards. Small files made by hand; no Dagster, no dbt."""

import errno
import os
import resource
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import SecretStr

import pipelines.intake.inbox
import pipelines.intake.load
import pipelines.intake.night
import pipelines.intake.retry
from pipelines.extracts.read import OpenExtract, open_extract
from pipelines.faults import in_plain_words
from pipelines.gates.gate import Verdict, judge_slices
from pipelines.intake.look import is_quiet
from pipelines.intake.night import IntakeReport, take_in_inbox, withdraw
from pipelines.intake.plan import Scope
from pipelines.lake.layout import PART, Lake
from pipelines.lake.ledger import LedgerRow, read_ledger
from pipelines.lake.verify import Reading, find_archive_damage
from pipelines.lake.write import file_sha256
from pipelines.settings import CONTRACTS, Settings
from tests.killing import killed_before_step
from tests.unit.extract_cases import mapping_named

ORGANISATIONS = ("organisation_code,organisation_name,valid_from", "ZZ1,One (synthetic),2020-01-01")
PROJECT = "project_id,organisation_code,title,status"
MEASURE = "measure_id,measure_name,project_id,family,improvement_direction,purpose,frequency"
POINT = "measure_id,organisation_code,period_start,value"
NHS_NUMBER = "999 000 0018"
STAFF = "STAFF-471199"


def lines(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


REGISTERS = {
    "2026-03-01/organisations.csv": lines(*ORGANISATIONS),
    "2026-03-01/projects.csv": lines(PROJECT, "P1,ZZ1,Fewer falls,active"),
    "2026-03-01/measures.csv": lines(MEASURE, "falls,Falls,P1,outcome,decrease,improvement,month"),
}


@dataclass
class Hospital:
    """An inbox and a home, night after night. `printed`: every progress line so far."""

    folder: Path
    printed: list[str] = field(default_factory=list)

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"

    @property
    def lake(self) -> Lake:
        return Lake(self.folder / "home" / "lake")

    def settings(self, day: int) -> Settings:
        return Settings(
            inbox=self.inbox,
            home=self.folder / "home",
            now=datetime(2026, 3, day, 4),
            pseudonym_key=SecretStr("a key for tests only"),
        )

    def deliver(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.inbox / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def night(
        self, day: int, files: dict[str, str] | None = None, scope: Scope | None = None
    ) -> IntakeReport:
        """Deliver `files` and take in what is new, early in the morning of that day of March 2026."""
        self.deliver(files or {})
        return take_in_inbox(self.settings(day), f"run {day}", scope or Scope(), self.printed.append)

    def ledger(self) -> list[LedgerRow]:
        return read_ledger(self.lake)

    def row(self, verdict: str, extract: str | None = "measure_points") -> LedgerRow:
        (row,) = [row for row in self.ledger() if (row.verdict, row.extract) == (verdict, extract)]
        return row

    def standing(self, extract: str, columns: str) -> list[tuple[Any, ...]]:
        """Accepted records of loads that were not taken back; rows that a load released from quarantine
        are taken back with it."""
        return duckdb.execute(
            f"""
            with loads as (from read_parquet('{self.lake.ledger}/*/{PART}', hive_types_autocast = false)),
            gone as (select retry_of from loads where verdict = 'withdrawn')
            select {columns} from read_parquet(
                '{self.lake.accepted(extract)}/*/{PART}', hive_types_autocast = false, union_by_name = true
            ) as records
            join loads using (load_id)
            where load_id not in (from gone) and (verdict <> 'released' or retry_of not in (from gone))
            order by all
            """
        ).fetchall()

    def values(self) -> list[float]:
        return [value for (value,) in self.standing("measure_points", "value")]

    def codes(self, load_id: str) -> dict[int, str]:
        """Line -> code of what a load has in quarantine."""
        path = self.lake.quarantined_rows / f"load_id={load_id}" / PART
        return {row["source_row"]: row["code"] for row in pq.read_table(path).to_pylist()}

    def everything_kept(self) -> str:
        """All that lies under the home but the archive, as text."""
        texts = []
        for path in sorted((self.folder / "home").rglob("*")):
            if path.suffix == ".parquet":
                texts.append(str(pq.read_table(path).to_pylist()))
            elif path.is_file() and path.parent != self.lake.archive:
                texts.append(path.read_bytes().decode("utf-8", "replace"))
        return "\n".join(texts)

    def archived(self) -> set[str]:
        return {path.name for path in self.lake.archive.iterdir()}

    def check_conservation(self) -> None:
        """Every line of every load has one fate, and no line of a file counts twice."""
        rows = self.ledger()
        assert [row.load_id for row in rows if not row.is_conserved] == []
        for row in rows:
            if row.verdict == "accepted":
                released = sum(each.rows_accepted for each in rows if each.retry_of == row.load_id)
                assert released <= row.rows_quarantined
        for extract in {row.extract for row in rows if row.extract}:
            counted = Counter(self.standing(extract, "file_sha256, source_row, columns(* exclude load_id)"))
            assert not [record for record, times in counted.items() if times > 1]


@pytest.fixture(scope="module")
def first_night(tmp_path_factory) -> Hospital:
    hospital = Hospital(tmp_path_factory.mktemp("first"))
    report = hospital.night(1, REGISTERS)
    assert [row.verdict for row in report.loads] == ["accepted"] * 3
    return hospital


@pytest.fixture
def hospital(first_night, tmp_path) -> Iterator[Hospital]:
    """A hospital whose registers were taken in on 1 March. What it holds in the end adds up."""
    shutil.copytree(first_night.folder, tmp_path / "hospital")
    hospital = Hospital(tmp_path / "hospital")
    yield hospital
    hospital.check_conservation()


def refuse_to_judge(monkeypatch: pytest.MonkeyPatch, extract: str, text: str, where: Any) -> None:
    """Make our own software fail on one extract, with an error that quotes a row."""

    def failing(file: Any, contract: Any, lookups: Any, keep: Any, **facts: Any) -> Verdict:
        if contract.extract == extract:
            raise ValueError(f"cannot convert {text}")
        return judge_slices(file, contract, lookups, keep, **facts)

    monkeypatch.setattr(where, "judge_slices", failing)


def test_late_delivery_keeps_its_own_date_and_does_not_overrule_what_is_newer(hospital):
    definition = "falls,Falls,P1,outcome,decrease,improvement,month"
    hospital.night(2, {"2026-03-02/measures.csv": lines(f"{MEASURE},ends_on", f"{definition},2026-12-31")})
    late = {
        "2025-12-01/measures.csv": lines(f"{MEASURE},ends_on", f"{definition},2025-12-31"),
        "2025-12-01/measure_points.csv": lines(POINT, "falls,ZZ1,2025-11-01,3"),
    }
    hospital.night(3, late)
    assert hospital.row("accepted").received_at == datetime(2025, 12, 1)
    assert hospital.standing("measure_points", "value, records.published_on") == [(3.0, date(2025, 12, 1))]
    # The measure still lives in 2026, as the newer definition says.
    hospital.night(4, {"2026-03-04/measure_points.csv": lines(POINT, "falls,ZZ1,2026-02-01,4")})
    assert hospital.values() == [3.0, 4.0]


def test_revised_edition_is_kept_beside_the_one_it_supersedes(hospital):
    hospital.night(2, {"2026-03-02/measure_points.csv": lines(POINT, "falls,ZZ1,2026-02-01,4")})
    revised = lines(f"{POINT},edition", "falls,ZZ1,2026-02-01,6,revised")
    hospital.night(3, {"2026-03-02/measure_points_revised.csv": revised})
    assert hospital.standing("measure_points", "records.edition, value") == [
        ("original", 4.0),
        ("revised", 6.0),
    ]


def test_edition_in_a_supplier_s_file_name_reaches_the_ledger(hospital):
    names = mapping_named("nhs_england_ae_monthly").definition.header or ()
    month = "MSitAE-JANUARY-2026,ZZ1,NHS ENGLAND LONDON,One (synthetic)" + ",0" * (len(names) - 4)
    text = lines(",".join(names), month)
    hospital.night(2, {"2026-03-02/Monthly-AE-January-2026-revised.csv": text})
    assert hospital.row("accepted").edition == "revised"
    assert "mappings/nhs_england_ae_monthly.yml → measures" in "\n".join(hospital.printed)


def test_the_same_file_twice_changes_nothing(hospital):
    points = lines(POINT, "falls,ZZ1,2026-01-01,5", "falls,ZZ9,2026-01-01,7")
    hospital.night(2, {"2026-03-02/measure_points.csv": points})
    hospital.night(3, {"2026-03-03/measure_points.csv": points})
    repeated = hospital.row("repeated")
    assert (repeated.rows_received, repeated.rows_ignored) == (2, 2)
    assert repeated.reason == "Same bytes as 2026-03-02/measure_points.csv (load L0000004)."
    assert hospital.values() == [5.0]
    rows = len(hospital.ledger())
    report = hospital.night(4)
    assert (report.loads, report.settled, len(hospital.ledger())) == ([], 5, rows)


def test_withdrawn_load_no_longer_counts_and_is_not_tried_again(hospital):
    points = lines(POINT, "falls,ZZ1,2026-01-01,5", "falls,ZZ9,2026-01-01,7")
    hospital.night(2, {"2026-03-02/measure_points.csv": points})
    taken_back = withdraw(hospital.settings(3), "L0000004", "The ward counted twice.", "by hand")
    assert (taken_back.verdict, taken_back.retry_of, taken_back.rows_received) == ("withdrawn", "L0000004", 0)
    assert hospital.values() == []
    hospital.night(4, {"2026-03-04/organisations.csv": lines(ORGANISATIONS[0], "ZZ9,Nine,2020-01-01")})
    assert hospital.values() == []
    assert not any(row.verdict == "released" for row in hospital.ledger())
    with pytest.raises(KeyError, match="taken back already"):
        withdraw(hospital.settings(5), "L0000004", "again", "by hand")
    with pytest.raises(KeyError, match="no accepted load L0000099"):
        withdraw(hospital.settings(5), "L0000099", "unknown", "by hand")


def test_rows_taken_back_leave_room_for_the_right_ones_of_the_same_date(hospital):
    hospital.night(2, {"2026-03-02/measure_points_a.csv": lines(POINT, "falls,ZZ1,2026-01-01,5")})
    withdraw(hospital.settings(2), "L0000004", "Wrong month.", "by hand")
    hospital.night(3, {"2026-03-02/measure_points_b.csv": lines(POINT, "falls,ZZ1,2026-01-01,6")})
    assert hospital.values() == [6.0]


def test_rows_of_an_unknown_organisation_are_released_once_when_it_arrives(hospital):
    points = lines(POINT, "falls,ZZ1,2026-01-01,5", "falls,ZZ9,2026-01-01,7", "falls,ZZ9,2026-02-01,x y")
    hospital.night(2, {"2026-03-02/measure_points.csv": points})
    waiting = hospital.row("accepted")
    assert (waiting.rows_received, waiting.rows_accepted, waiting.rows_quarantined) == (3, 1, 2)
    assert hospital.values() == [5.0]

    newcomer = lines(ORGANISATIONS[0], "ZZ9,Nine (synthetic),2020-01-01")
    hospital.night(3, {"2026-03-03/organisations.csv": newcomer})
    released = hospital.row("released")
    assert (released.retry_of, released.rows_received, released.rows_accepted) == (waiting.load_id, 1, 1)
    assert released.received_at == waiting.received_at
    assert hospital.values() == [5.0, 7.0]

    # The unreadable line waits for nothing, so the next organisation is no reason to look at it.
    before = len(hospital.ledger())
    hospital.night(4, {"2026-03-04/organisations.csv": newcomer.replace("ZZ9", "ZZ8")})
    assert hospital.values() == [5.0, 7.0]
    assert len(hospital.ledger()) == before + 1


def test_a_chain_of_waiting_rows_is_released_in_one_night(hospital):
    files = {
        "2026-03-02/measure_points.csv": lines(POINT, "delays,ZZ1,2026-01-01,9"),
        "2026-03-02/measures.csv": lines(
            MEASURE,
            "delays,Delays,P2,outcome,decrease,improvement,month",
            "other,Other,,outcome,decrease,improvement,month",
        ),
    }
    hospital.night(2, files)
    assert hospital.values() == []
    files = {
        "2026-03-03/projects.csv": lines(PROJECT, "P2,ZZ1,Fewer delays,active"),
        "2026-03-03/measure_points.csv": lines(POINT, "falls,ZZ1,2026-01-01,8"),
    }
    hospital.night(3, files)
    assert [row.extract for row in hospital.ledger() if row.verdict == "released"] == [
        "measures",
        "measure_points",
    ]
    assert hospital.values() == [8.0, 9.0]


def test_the_first_of_two_files_of_a_date_that_contradict_each_other_is_kept(hospital):
    files = {
        "2026-03-02/measure_points_a.csv": lines(POINT, "falls,ZZ1,2026-01-01,5", "falls,ZZ1,2026-02-01,4"),
        "2026-03-02/measure_points_b.csv": lines(POINT, "falls,ZZ1,2026-01-01,6", "falls,ZZ1,2025-12-01,3"),
    }
    hospital.night(2, files)
    assert hospital.values() == [3.0, 4.0, 5.0]
    assert hospital.codes("L0000005") == {2: "DUPLICATE_BETWEEN_FILES"}
    # On another day it is a correction and no contradiction.
    hospital.night(3, {"2026-03-03/measure_points.csv": lines(POINT, "falls,ZZ1,2026-01-01,7")})
    assert hospital.values() == [3.0, 4.0, 5.0, 7.0]


def test_figures_of_one_date_of_publication_may_be_corrected_on_a_later_day(hospital):
    for day, value in ((2, 5), (3, 6)):
        name = f"2026-03-0{day}/measure_points_2026-02-28.csv"
        hospital.night(day, {name: lines(POINT, f"falls,ZZ1,2026-01-01,{value}")})
    assert {row.published_on for row in hospital.ledger()[3:]} == {date(2026, 2, 28)}
    assert hospital.values() == [5.0, 6.0]


def test_waiting_rows_of_two_files_that_contradict_each_other_are_not_both_released(hospital):
    files = {
        "2026-03-02/measure_points_a.csv": lines(POINT, "falls,ZZ9,2026-01-01,5"),
        "2026-03-02/measure_points_b.csv": lines(POINT, "falls,ZZ9,2026-01-01,6"),
    }
    hospital.night(2, files)
    hospital.night(3, {"2026-03-03/organisations.csv": lines(ORGANISATIONS[0], "ZZ9,Nine,2020-01-01")})
    assert hospital.values() == [5.0]


def test_waiting_rows_are_judged_by_today_s_contract(hospital, tmp_path, monkeypatch):
    hospital.night(2, {"2026-03-02/measure_points.csv": lines(POINT, "falls,ZZ9,2026-01-01,7")})
    folder = tmp_path / "expectations"
    shutil.copytree(CONTRACTS, folder)
    changed = folder / "measure_points.yml"
    column = "  - {name: note, type: string, description: What was noted.}\n"
    text = changed.read_text(encoding="utf-8").replace("example:\n", f"{column}example:\n", 1)
    changed.write_text(text, encoding="utf-8")
    monkeypatch.setattr(pipelines.intake.night, "CONTRACTS", folder)
    hospital.night(3, {"2026-03-03/organisations.csv": lines(ORGANISATIONS[0], "ZZ9,Nine,2020-01-01")})
    assert hospital.standing("measure_points", "value, note") == [(7.0, None)]


def test_lines_that_could_not_be_read_do_not_stop_later_nights(hospital):
    broken = lines(
        "measure_id,organisation_code,period_start,value", "falls,ZZ1,2026-01-01,5", "falls,ZZ1,2026,1,2,3"
    )
    hospital.night(2, {"2026-03-02/measure_points.csv": broken})
    assert hospital.codes("L0000004") == {3: "ROW_MALFORMED"}
    hospital.night(3, {"2026-03-03/organisations.csv": lines(ORGANISATIONS[0], "ZZ9,Nine,2020-01-01")})
    assert [row.verdict for row in hospital.ledger()][3:] == ["accepted", "accepted"]


def test_a_refused_file_leaves_the_others(hospital):
    files = {
        "2026-03-02/a_trust/targets.csv": lines("measure_id,target", "falls,3"),
        "2026-03-02/b_trust/targets.csv": lines("measure_id,valid_from,target", "falls,2026-01-01,3"),
        "2026-03-02/b_trust/measure_points.csv": lines(POINT, "falls,ZZ1,2026-01-01,5"),
    }
    hospital.night(2, files)
    refused = hospital.row("refused", "targets")
    assert (refused.file_path, refused.rows_refused) == ("2026-03-02/a_trust/targets.csv", 1)
    assert "COLUMN_MISSING (valid_from)" in refused.reason
    assert hospital.row("accepted", "targets").file_path == "2026-03-02/b_trust/targets.csv"
    assert hospital.values() == [5.0]
    assert hospital.night(3).settled == 6


def test_our_own_failure_on_one_file_is_no_verdict_and_tells_nothing_of_its_rows(
    hospital, monkeypatch, caplog
):
    files = {
        "2026-03-02/measure_points.csv": lines(POINT, "falls,ZZ1,2026-01-01,4711"),
        "2026-03-02/targets.csv": lines("measure_id,valid_from,target", "falls,2026-01-01,3"),
    }
    refuse_to_judge(monkeypatch, "measure_points", "4711", pipelines.intake.load)
    report = hospital.night(2, files)
    assert [row.file_path for row in report.errors] == ["2026-03-02/measure_points.csv"]
    error = hospital.row("error")
    assert (error.rows_received, error.records_accepted) == (0, 0)
    assert "ValueError in our own software" in error.reason
    assert hospital.row("accepted", "targets").rows_accepted == 1
    assert "2026-03-02/measure_points.csv" in caplog.text
    assert "4711" not in caplog.text + error.reason + "".join(hospital.printed)

    assert len(hospital.night(3).errors) == 1
    monkeypatch.undo()
    assert hospital.night(4).errors == []
    assert hospital.values() == [4711.0]


def test_our_own_failure_on_waiting_rows_leaves_the_rest_and_is_tried_again(hospital, monkeypatch, caplog):
    files = {
        "2026-03-02/measure_points.csv": lines(POINT, "falls,ZZ9,2026-01-01,4711"),
        "2026-03-02/targets.csv": lines(
            "measure_id,organisation_code,valid_from,target", "falls,ZZ9,2026-01-01,3"
        ),
    }
    hospital.night(2, files)
    refuse_to_judge(monkeypatch, "measure_points", "4711", pipelines.intake.retry)
    newcomer = {"2026-03-03/organisations.csv": lines(ORGANISATIONS[0], "ZZ9,Nine,2020-01-01")}
    report = hospital.night(3, newcomer)
    assert {(row.verdict, row.extract) for row in report.loads[1:]} == {
        ("released", "targets"),
        ("error", "measure_points"),
    }
    assert "4711" not in caplog.text
    monkeypatch.undo()
    hospital.night(4)
    assert hospital.values() == [4711.0]


def test_the_machine_in_trouble_ends_the_run_and_the_next_one_catches_up(hospital, monkeypatch):
    files = {"2026-03-02/measure_points.csv": lines(POINT, "falls,ZZ1,2026-01-01,5")}

    def full(*arguments: object, **facts: object) -> Verdict:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pipelines.intake.load, "judge_slices", full)
    with pytest.raises(OSError, match="No space left"):
        hospital.night(2, files)
    assert len(hospital.ledger()) == 3
    monkeypatch.undo()
    hospital.night(3)
    assert hospital.values() == [5.0]


@pytest.mark.parametrize("secret", [NHS_NUMBER, "jane.doe@example.org", "07700 900123", "SW1A 2AA"])
def test_personal_data_in_free_text_is_refused_and_kept_nowhere(hospital, caplog, capfd, secret):
    text = lines(f"{PROJECT},aim", f"P3,ZZ1,Fewer falls,active,asked for by {secret} in May")
    hospital.night(2, {"2026-03-02/projects.csv": text})
    refused = hospital.row("refused", "projects")
    assert "PERSONAL_DATA (aim)" in refused.reason
    assert refused.file_sha256 not in hospital.archived()
    told = caplog.text + "".join(hospital.printed) + "".join(capfd.readouterr())
    for place in (hospital.everything_kept(), told):
        assert secret not in place
        assert "asked for" not in place
    hospital.night(3, scope=Scope(reread=True))
    assert refused.file_sha256 not in hospital.archived()


@pytest.mark.parametrize(
    "text",
    [
        lines("project_id,organisation_code,title,aim", f"P3,ZZ1,Fewer falls,asked for by {NHS_NUMBER}"),
        lines(f"{PROJECT},aim", f'P3,ZZ1,Fewer falls,active,"asked for by {NHS_NUMBER}'),
    ],
    ids=["column missing", "unterminated quote"],
)
def test_a_file_refused_before_its_text_was_screened_is_not_archived(hospital, text):
    hospital.night(2, {"2026-03-02/projects.csv": text})
    refused = hospital.row("refused", "projects")
    assert refused.file_sha256 not in hospital.archived()
    assert NHS_NUMBER not in hospital.everything_kept()


def test_a_file_with_personal_data_for_its_second_extract_leaves_the_archive(hospital, monkeypatch, tmp_path):
    layout = """
        mapping: trusts_with_projects
        source_system: A supplier
        description: Trusts and their projects in one file.
        owner: QI data team
        file: "both_*.csv"
        header: [code, project, aim]
        extracts:
          organisations:
            columns: {organisation_code: {column: code}, organisation_name: {column: code}}
          projects:
            columns:
              project_id: {column: project}
              organisation_code: {column: code}
              title: {column: project}
              aim: {column: aim}
              status: active
    """
    folder = tmp_path / "mappings"
    folder.mkdir()
    (folder / "trusts_with_projects.yml").write_text(dedent(layout), encoding="utf-8")
    monkeypatch.setattr(pipelines.intake.night, "MAPPINGS", folder)
    hospital.night(2, {"both_1.csv": lines("code,project,aim", f"ZZ1,P3,asked for by {NHS_NUMBER}")})
    assert [row.extract for row in hospital.ledger() if row.file_name == "both_1.csv"] == [
        "organisations",
        "projects",
    ]
    refused = hospital.row("refused", "projects")
    assert refused.file_sha256 not in hospital.archived()


def test_staff_appear_as_pseudonyms_and_the_archive_is_closed(hospital):
    members = lines("project_id,person_id,role", f"P1,{STAFF},lead", f"P1,{STAFF},coach", "P1,STAFF-2,member")
    hospital.night(2, {"2026-03-02/project_members.csv": members})
    people = [person for (person,) in hospital.standing("project_members", "person_id")]
    assert len(people) == 3
    assert len(set(people)) == 2
    hospital.night(3, {"2026-03-03/project_members.csv": f"{members}P9,{STAFF},sponsor\n"})
    hospital.night(4, scope=Scope(reread=True))
    assert STAFF not in hospital.everything_kept()
    kept = hospital.lake.archive / file_sha256(hospital.inbox / "2026-03-02/project_members.csv")
    assert STAFF in kept.read_text(encoding="utf-8")
    assert kept.stat().st_mode & 0o077 == 0
    assert hospital.lake.archive.stat().st_mode & 0o077 == 0


def test_a_file_that_is_gone_from_the_inbox_is_read_again_from_the_archive(hospital):
    hospital.night(2, {"2026-03-02/measure_points.csv": lines(POINT, "falls,ZZ1,2026-01-01,5")})
    (hospital.inbox / "2026-03-02/measure_points.csv").unlink()
    second = Scope(received_from=date(2026, 3, 2), received_to=date(2026, 3, 2), reread=True)
    hospital.night(9, scope=second)
    assert [(row.load_id, row.verdict, row.received_at.day) for row in hospital.ledger()[3:]] == [
        ("L0000004", "accepted", 2),
        ("L0000005", "accepted", 2),
        ("L0000006", "withdrawn", 2),
    ]
    assert hospital.ledger()[5].retry_of == "L0000004"
    assert hospital.values() == [5.0]
    assert not list(hospital.lake.staging.glob("reread*"))


def test_a_file_that_is_written_over_brings_both_its_contents_and_both_are_read_again(hospital):
    hospital.night(2, {"measure_points.csv": lines(POINT, "falls,ZZ1,2026-01-01,5")})
    hospital.night(3, {"measure_points.csv": lines(POINT, "falls,ZZ1,2026-01-01,6")})
    received = [("L0000004", 5.0, 2), ("L0000005", 6.0, 3)]
    columns = "load_id, value, day(records.received_at)"
    assert hospital.standing("measure_points", columns) == received
    hospital.night(4, scope=Scope(received_from=date(2026, 3, 2), reread=True))
    assert hospital.standing("measure_points", columns) == [("L0000006", 5.0, 2), ("L0000008", 6.0, 3)]


def test_a_first_time_of_receipt_stays(hospital):
    """A file outside dated folders is received when a run first sees it, also when it is read again."""
    text = lines(POINT, "falls,ZZ1,2026-01-01,5")
    hospital.night(2, {"measure_points.csv": text})
    outside = Scope(received_from=date(2026, 3, 5), reread=True)
    assert hospital.night(6, {"measure_points.csv": text}, outside).loads == []
    hospital.night(7, scope=Scope(received_from=date(2026, 3, 2), reread=True))
    assert hospital.standing("measure_points", "day(records.received_at)") == [(2,)]


def test_a_killed_reread_ends_as_an_undisturbed_one(hospital, tmp_path):
    hospital.night(2, {"2026-03-02/measure_points.csv": lines(POINT, "falls,ZZ1,2026-01-01,5")})
    second = Scope(received_from=date(2026, 3, 2), reread=True)
    for step in range(1, 99):
        folder = tmp_path / f"killed_{step}"
        shutil.copytree(hospital.folder, folder)
        killed = Hospital(folder)
        if not killed_before_step(lambda night=killed.night: night(3, scope=second), step):
            break
        killed.night(3)
        assert killed.values() == [5.0]
        accepted = [row.load_id for row in killed.ledger() if row.verdict == "accepted"]
        taken_back = [row.retry_of for row in killed.ledger() if row.verdict == "withdrawn"]
        assert len(accepted) == 4 + len(taken_back)
    assert step > 3


def test_a_file_that_grows_while_it_is_hashed_waits(hospital, monkeypatch):
    path = hospital.inbox / "2026-03-02/measure_points.csv"
    hospital.deliver({"2026-03-02/measure_points.csv": lines(POINT, "falls,ZZ1,2026-01-01,5")})
    monkeypatch.setattr(pipelines.intake.inbox, "file_sha256", growing(path, file_sha256))
    report = hospital.night(2)
    assert [file.relative for file in report.unsettled] == ["2026-03-02/measure_points.csv"]
    assert report.files == 3
    monkeypatch.undo()
    assert hospital.values() == []
    hospital.night(3)
    assert hospital.values() == [5.0, 6.0]


def growing(path: Path, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, after which a line has been added to the file at `path`, the first time."""

    def grown(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        if arguments[0] == path and "2026-02-01" not in path.read_text(encoding="utf-8"):
            with path.open("a", encoding="utf-8") as handle:
                handle.write("falls,ZZ1,2026-02-01,6\n")
        return result

    return grown


def test_a_file_that_grows_while_it_is_read_waits_and_leaves_nothing(hospital, monkeypatch):
    path = hospital.inbox / "2026-03-02/measure_points.csv"
    hospital.deliver({"2026-03-02/measure_points.csv": lines(POINT, "falls,ZZ1,2026-01-01,5")})
    read = growing(path, lambda _: None)

    @contextmanager
    def open_and_grow(found: Path, *arguments: Any) -> Iterator[OpenExtract]:
        with open_extract(found, *arguments) as file:
            read(found)
            yield file

    monkeypatch.setattr(pipelines.intake.load, "open_extract", open_and_grow)
    before = hospital.archived()
    report = hospital.night(2, {"2026-03-02/targets.csv": lines("measure_id,valid_from", "falls,2026-01-01")})
    assert [file.relative for file in report.unsettled] == ["2026-03-02/measure_points.csv"]
    assert [row.extract for row in report.loads] == ["targets"]
    assert len(hospital.archived() - before) == 1
    monkeypatch.undo()
    hospital.night(3)
    assert hospital.values() == [5.0, 6.0]


def test_a_file_that_goes_away_before_it_is_read_does_not_stop_the_others(hospital, monkeypatch):
    def vanishing(path: Path, *arguments: Any) -> Any:
        if path.name == "measure_points.csv":
            path.unlink()
        return open_extract(path, *arguments)

    monkeypatch.setattr(pipelines.intake.load, "open_extract", vanishing)
    files = {
        "2026-03-02/measure_points.csv": lines(POINT, "falls,ZZ1,2026-01-01,5"),
        "2026-03-02/targets.csv": lines("measure_id,valid_from,target", "falls,2026-01-01,3"),
    }
    report = hospital.night(2, files)
    assert [file.relative for file in report.unsettled] == ["2026-03-02/measure_points.csv"]
    assert [(row.verdict, row.extract) for row in report.loads] == [("accepted", "targets")]


def test_names_and_things_that_cannot_be_files_of_the_ledger_wait(hospital):
    (hospital.inbox / os.fsdecode(b"caf\xe9.csv")).write_text("x\n", encoding="utf-8")
    os.mkfifo(hospital.inbox / "pipe.csv")
    report = hospital.night(2)
    assert [(file.relative, file.reason.split(".")[0]) for file in report.unsettled] == [
        ("caf?.csv", "Its name is not UTF-8, so the ledger cannot hold it"),
        ("pipe.csv", "It is not a regular file"),
    ]
    assert report.loads == []


def test_a_key_that_is_too_short_is_said_before_any_file_is_judged(tmp_path):
    hospital = Hospital(tmp_path)
    hospital.deliver(REGISTERS)
    short = hospital.settings(1).model_copy(update={"pseudonym_key": SecretStr("short")})
    with pytest.raises(ValueError, match="QI_PSEUDONYM_KEY needs at least 16 bytes"):
        take_in_inbox(short, "run", Scope(), hospital.printed.append)
    assert hospital.ledger() == []


def test_a_night_is_quiet_only_when_intake_would_do_nothing(hospital):
    """The look that spares a night its work says the same as the work itself would."""
    settings = hospital.settings(20)
    assert is_quiet(settings)
    hospital.deliver({"stray.csv": lines("no,mapping,fits", "1,2,3")})
    assert not is_quiet(settings)
    hospital.night(20)
    assert is_quiet(settings)
    hospital.deliver({"2027-01-01/targets.csv": lines("measure_id,valid_from,target", "falls,2026-01-01,2")})
    assert not is_quiet(settings)
    hospital.night(20)
    # A file that waits for its date is no work until then.
    assert is_quiet(settings)
    assert not is_quiet(settings.model_copy(update={"now": datetime(2027, 1, 1, 4)}))


def test_a_night_is_not_quiet_while_waiting_rows_could_be_released(hospital, monkeypatch):
    hospital.night(2, {"measure_points.csv": lines(POINT, "falls,ZZ9,2026-01-01,5")})
    assert is_quiet(hospital.settings(3))
    with monkeypatch.context() as killed:
        killed.setattr(pipelines.intake.night, "retry_quarantine", lambda night: [])
        hospital.night(4, {"organisations_2.csv": lines(ORGANISATIONS[0], "ZZ9,Nine (synthetic),2020-01-01")})
    assert not is_quiet(hospital.settings(4))
    hospital.night(4)
    assert hospital.row("released").rows_accepted == 1
    assert is_quiet(hospital.settings(4))


WARDS = """
extract: wards
description: Wards of a made-up hospital.
owner: QI data team
grain: [ward]
max_quarantined_share: 1.0
columns:
  - {name: ward, type: string, required: true, description: Name of the ward.}
example: {ward: W1}
"""
COUNTS = """
extract: counts
description: Things counted on the wards of a made-up hospital.
owner: QI data team
grain: [count_id]
max_quarantined_share: 1.0
depends_on: [wards]
columns:
  - {name: count_id, type: string, required: true, description: Number of the count.}
  - {name: ward, type: string, required: true, description: Ward it was counted on.}
  - {name: counted, type: integer, description: How many there were.}
example: {count_id: C1, ward: W1, counted: 1}
lookups:
  - {name: place, extract: wards, on: {ward: ward}}
"""
HEADER = "count_id,ward,counted"


@pytest.fixture(scope="module")
def two_small_contracts(tmp_path_factory) -> Iterator[None]:
    """Contracts so small that a whole night takes a moment."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "wards.yml").write_text(WARDS, encoding="utf-8")
    (folder / "counts.yml").write_text(COUNTS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipelines.intake.night, "CONTRACTS", folder)
        patch.setattr(pipelines.intake.night, "MAPPINGS", tmp_path_factory.mktemp("no_mappings"))
        yield


def test_a_file_system_that_takes_no_more_stops_the_night_and_the_next_one_finishes_it(hospital):
    """The system's own limit on the size of a file, as a full disk or a quota would be met."""
    hospital.night(1, REGISTERS)
    rows = [f"falls,ZZ1,{1960 + at // 12}-{at % 12 + 1:02}-01,{at * 7919 % 100003 / 7}" for at in range(700)]
    hospital.deliver({"2026-03-02/measure_points.csv": lines(POINT, *rows)})
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))
        try:
            hospital.night(2)
        except OSError as fault:
            os._exit((fault.errno or 1) if "Run again" in in_plain_words(fault) else 1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == errno.EFBIG
    assert hospital.values() == []
    hospital.night(3)
    assert len(hospital.values()) == 700
    hospital.check_conservation()


def test_a_zip_of_several_tables_is_taken_in_table_by_table_also_after_a_kill(hospital):
    hospital.night(1, REGISTERS)
    folder = hospital.inbox / "2026-03-02"
    folder.mkdir()
    with zipfile.ZipFile(folder / "delivery.zip", "w") as archive:
        archive.writestr("units.csv", lines("organisation_code,unit_code,unit_name", "ZZ1,W1,A ward"))
        archive.writestr("measure_points.csv", lines(f"{POINT},unit_code", "falls,ZZ1,2026-01-01,5,W1"))
    hospital.night(2)
    # As if the run had been killed before it committed the second table.
    shutil.rmtree(hospital.lake.ledger / f"load_id={hospital.row('accepted').load_id}")
    hospital.night(3)
    loads = [row for row in hospital.ledger() if row.file_name == "delivery.zip"]
    assert [(row.extract, row.rows_received, row.rows_accepted) for row in loads] == [
        ("units", 1, 1),
        ("measure_points", 1, 1),
    ]
    noted = '[["canonical_units", "units.csv"], ["canonical_measure_points", "measure_points.csv"]]'
    assert {row.file_mappings for row in loads} == {noted}
    assert {(row.encoding, row.delimiter) for row in loads} == {("utf-8", ",")}
    assert is_quiet(hospital.settings(4))
    hospital.check_conservation()


def test_a_zip_of_several_tables_of_one_extract_is_a_load_for_each(hospital):
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("jan/measure_points.csv", lines(POINT, "falls,ZZ1,2026-01-01,5"))
        two = lines(POINT, "falls,ZZ1,2026-02-01,6", "falls,ZZ9,2026-02-01,7")
        archive.writestr("feb/measure_points.csv", two)
        archive.writestr("feb/other.csv", lines("a,b", "1,2"))
    for day in (2, 3):
        (hospital.inbox / f"2026-03-0{day}").mkdir()
        (hospital.inbox / f"2026-03-0{day}" / "points.zip").write_bytes(packed.getvalue())
        report = hospital.night(day)
        if day == 2:
            told = [result.message for _, result in report.results if result.code == "TABLE_NOT_READ"]
            assert told == ["The zip file also holds tables that no mapping fits: 'feb/other.csv'."]
    loads = [row for row in hospital.ledger() if row.file_name == "points.zip"]
    assert [(row.verdict, row.file_table, row.rows_received, row.rows_accepted) for row in loads] == [
        ("accepted", "feb/measure_points.csv", 2, 1),
        ("accepted", "jan/measure_points.csv", 1, 1),
        ("repeated", "feb/measure_points.csv", 2, 0),
        ("repeated", "jan/measure_points.csv", 1, 0),
    ]
    assert loads[0].place == "2026-03-02/points.zip (feb/measure_points.csv)"
    assert is_quiet(hospital.settings(4))
    # Read again, each takes the place of its own.
    hospital.night(4, scope=Scope(reread=True))
    assert sorted(hospital.values()) == [5.0, 6.0]
    hospital.night(5, {"2026-03-05/organisations.csv": lines(ORGANISATIONS[0], "ZZ9,Nine,2020-01-01")})
    assert sorted(hospital.values()) == [5.0, 6.0, 7.0]


def test_a_zip_with_one_table_that_holds_personal_data_is_not_archived(hospital):
    """Whichever of its tables is judged first."""
    path = hospital.inbox / "2026-03-02" / "delivery.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("projects.csv", lines(PROJECT, f"P2,ZZ1,For {NHS_NUMBER},active"))
        archive.writestr("measure_points.csv", lines(POINT, "falls,ZZ1,2026-01-01,5"))
    hospital.night(2)
    assert hospital.values() == [5.0]
    assert file_sha256(path) not in hospital.archived()
    assert find_archive_damage(hospital.lake, hospital.ledger(), Reading()) == []


NIGHTS = st.integers(1, 3)
FATES = st.sampled_from(["known", "known", "later", "never", "unreadable", "without a number", "malformed"])


@examples(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    fates=st.lists(FATES, min_size=1, max_size=10),
    files=st.lists(st.tuples(NIGHTS, st.booleans(), st.sampled_from("abcz")), min_size=1, max_size=4),
    copied_on=st.none() | NIGHTS,
    later_ward=NIGHTS,
    data=st.data(),
)
def test_however_rows_are_split_over_files_and_nights_each_has_one_fate(
    two_small_contracts, tmp_path_factory, fates, files, copied_on, later_ward, data
):
    """`files`: the night each comes, whether its header lacks a required column, and a letter of its
    name, by which files of a night are ordered."""
    hospital = Hospital(tmp_path_factory.mktemp("split"))
    texts: dict[int, list[str]] = {number: [] for number in range(len(files))}
    accepted = set()
    for number, fate in enumerate(fates):
        file = data.draw(st.integers(0, len(files) - 1))
        ward = {"later": "W2", "never": "W9"}.get(fate, "W1")
        text = {
            "unreadable": f"C{number},{ward},many",
            "without a number": f",{ward},1",
            "malformed": f"C{number},{ward},1,2,3",
        }.get(fate, f"C{number},{ward},{number}")
        texts[file].append(text)
        if fate in ("known", "later") and not files[file][1]:
            accepted.add(f"C{number}")
    by_night: dict[int, dict[str, str]] = {night: {} for night in (1, 2, 3, 4)}
    by_night[1]["wards.csv"] = "ward\nW1\n"
    by_night[later_ward]["later/wards.csv"] = "ward\nW2\n"
    for number, (night, is_bad, letter) in enumerate(files):
        header = HEADER.replace("ward", "place") if is_bad else HEADER
        content = lines(header, *texts[number])
        by_night[night][f"{letter}/counts_{number}.csv"] = content
        if copied_on is not None and number == 0:
            by_night[max(night, copied_on)]["m/counts_copy.csv"] = content
    for night, delivered in by_night.items():
        hospital.night(night, delivered)

    hospital.check_conservation()
    counted = [count for (count,) in hospital.standing("counts", "count_id")]
    assert len(counted) == len(set(counted))
    assert set(counted) == accepted
    received = Counter(row.file_path for row in hospital.ledger() if row.verdict in ("accepted", "refused"))
    assert set(received.values()) == {1}
    for number, (night, _, letter) in enumerate(files):
        path = f"{letter}/counts_{number}.csv"
        of_file = [row for row in hospital.ledger() if row.file_path == path]
        judged = [row for row in of_file if row.verdict in ("accepted", "refused", "repeated")]
        assert sum(row.rows_received for row in judged) == len(texts[number]), night
