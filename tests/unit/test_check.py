"""`qi check`: the night's verdict before the night, in reports that name places and never a value."""

import csv
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

import pipelines.check.check
import pipelines.check.sheets
import pipelines.progress
from pipelines.check.check import Check, UnknownMapping, Verdict, check
from pipelines.check.page import write_page
from pipelines.check.sheets import write_csv, write_xlsx
from pipelines.check.text import as_text, ranges
from pipelines.cli import main
from pipelines.intake.night import load_rules, take_in_inbox
from pipelines.intake.plan import Scope
from pipelines.lake.write import file_sha256
from pipelines.settings import Settings

NOW = datetime(2026, 3, 3, 4)
SECRET = "seventeen and a half"
NHS_NUMBER = "999 000 0018"
POINT = "measure_id,organisation_code,period_start,numerator,denominator"


def lines(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


REGISTERS = {
    "organisations.csv": lines("organisation_code,organisation_name", "ZZ1,One (synthetic)"),
    "measures.csv": lines(
        "measure_id,measure_name,family,improvement_direction,purpose,frequency,unit_of_measure",
        "falls,Falls (synthetic),outcome,decrease,improvement,month,percent",
    ),
}
RULES = cache(load_rules)
GOOD = lines(POINT, "falls,ZZ1,2026-01-01,5,10", "falls,ZZ1,2026-02-01,4,10")
FAULTY = lines(
    POINT,
    "falls,ZZ1,2026-01-01,5,10",
    f"falls,ZZ1,2026-02-01,{SECRET},10",
    "falls,ZZ1,2026-03-01,11,10",
    "falls,ZZ1,2025-12-01,5,10",
    "falls,ZZ1,2025-11-01,5,10",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home", inbox=tmp_path / "inbox", now=NOW, pseudonym_key=SecretStr("k" * 32)
    )


@pytest.fixture(autouse=True)
def _rules_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines.check.check, "load_rules", RULES)


@pytest.fixture
def deliver(tmp_path: Path) -> Callable[..., Path]:
    """Writes files into one folder and returns it."""

    def write(files: dict[str, str | bytes]) -> Path:
        folder = tmp_path / "delivery"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return folder

    return write


def checked(settings: Settings, *paths: Path, mapping: str | None = None) -> Check:
    return check(settings, paths, mapping, NOW, lambda line: None)


def verdicts(found: Check) -> dict[str, Verdict]:
    return {Path(file.name).name: file.verdict for file in found.files}


def content(folder: Path) -> dict[str, str]:
    return {str(path): file_sha256(path) for path in folder.rglob("*") if path.is_file()}


def qi(settings: Settings, *arguments: str) -> Result:
    environment = {"QI_HOME": str(settings.home), "QI_INBOX": str(settings.inbox), "QI_NOW": NOW.isoformat()}
    return CliRunner(env=environment).invoke(main, arguments)


def test_a_good_file_would_load_and_nothing_is_written(settings, deliver):
    folder = deliver({**REGISTERS, "measure_points.csv": GOOD})
    found = checked(settings, folder)
    assert verdicts(found) == dict.fromkeys(
        ["measure_points.csv", "measures.csv", "organisations.csv"], Verdict.LOADS
    )
    (points,) = found.files[0].extracts
    assert (points.row.rows_received, points.row.rows_accepted, points.not_checked) == (2, 2, ["units"])
    assert not settings.home.exists()


def test_each_fault_is_told_with_line_column_rule_and_remedy(settings, deliver, tmp_path):
    deliver({**REGISTERS, "measure_points.csv": FAULTY})
    result = qi(settings, "check", str(tmp_path / "delivery"), "--csv", str(tmp_path / "r.csv"))
    assert result.exit_code == Verdict.LOADS_IN_PART, result.output
    assert "5 rows received = 3 accepted + 2 quarantined + 0 refused + 0 ignored" in result.output
    assert "3 files checked: 2 would load, 1 would load in part." in result.output
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["line"]]
    assert [(row["line"], row["rule"], row["column"]) for row in rows] == [
        ("3", "NUMERATOR_UNREADABLE", "numerator"),
        ("4", "NUMERATOR_OVER_DENOMINATOR", "denominator, numerator"),
    ]
    assert rows[0]["remedy"] == "Write numerator as a number of at most 100 digits, or leave it empty."


def test_no_report_repeats_a_cell(settings, deliver, tmp_path):
    projects = lines(
        "project_id,organisation_code,title,status", f"P1,ZZ1,Asked {NHS_NUMBER},active", "P2,ZZ1,Two,active"
    )
    folder = deliver({**REGISTERS, "measure_points.csv": FAULTY, "projects.csv": projects})
    found = checked(settings, folder)
    assert verdicts(found)["projects.csv"] == Verdict.REFUSED
    text = "\n".join(as_text(found)) + all_reports(found, tmp_path)
    assert "PERSONAL_DATA" in text
    assert SECRET not in text
    assert NHS_NUMBER not in text


def all_reports(found: Check, folder: Path) -> str:
    """Everything that the three reports hold, as text."""
    write_page(found, folder / "r.html")
    write_csv(found, folder / "r.csv")
    write_xlsx(found, folder / "r.xlsx")
    with zipfile.ZipFile(folder / "r.xlsx") as book:
        workbook = "".join(book.read(name).decode("utf-8") for name in book.namelist())
    return workbook + "".join((folder / name).read_text(encoding="utf-8") for name in ("r.html", "r.csv"))


def test_a_file_with_too_many_faults_is_refused_and_every_line_listed(settings, deliver):
    bad = lines(POINT, *(f"falls,ZZ1,2026-{month:02}-01,x{month},10" for month in range(1, 13)))
    found = checked(settings, deliver({**REGISTERS, "measure_points.csv": bad}))
    (points,) = found.files[0].extracts
    assert found.verdict == points.verdict == Verdict.REFUSED
    assert points.row.rows_refused == 12
    assert [line.line for line in points.lines if line.code == "NUMERATOR_UNREADABLE"] == list(range(2, 14))


def test_files_that_are_not_recognised_or_not_readable_would_not_load(settings, deliver):
    folder = deliver({"notes.pdf": "x", "measure_points.csv": b"\x00\x01", "measures_2026.parquet": b"no"})
    found = checked(settings, folder)
    assert set(verdicts(found).values()) == {Verdict.REFUSED}
    text = "\n".join(as_text(found))
    assert "Files ending in '.pdf' are not read" in text
    assert "NOT_PARQUET (refuses the file)" in text
    assert qi(settings, "check", str(folder)).exit_code == Verdict.REFUSED


def test_a_mapping_may_be_named(settings, deliver):
    folder = deliver({**REGISTERS, "points of march.csv": GOOD})
    path = folder / "points of march.csv"
    assert checked(settings, path).verdict == Verdict.REFUSED
    assert checked(settings, path, mapping="canonical_measure_points").verdict == Verdict.LOADS
    misfit = checked(settings, path, mapping="canonical_projects")
    assert misfit.verdict == Verdict.REFUSED
    assert "canonical_projects" in misfit.files[0].reason
    with pytest.raises(UnknownMapping, match="There is no mapping nothing"):
        checked(settings, path, mapping="nothing")
    assert qi(settings, "check", str(path), "--mapping", "nothing").exit_code == 2


def test_a_check_compares_with_the_lake_and_leaves_it_alone(settings, deliver):
    settings.inbox.mkdir()
    for name, text in REGISTERS.items():
        (settings.inbox / name).write_text(text, encoding="utf-8")
    take_in_inbox(settings, "run", Scope(), lambda line: None)
    before = content(settings.home)
    folder = deliver(
        {"measure_points.csv": GOOD + lines("falls,ZZ9,2026-01-01,1,10", "falls,,2026-01-01,1,1")}
    )
    found = checked(settings, folder / "measure_points.csv")
    (points,) = found.files[0].extracts
    assert found.compared_with == settings.home_path
    assert [(line.line, line.code) for line in points.lines] == [
        (4, "UNKNOWN_ORGANISATION"),
        (5, "ORGANISATION_CODE_MISSING"),
    ]
    assert (points.rows_waiting, points.not_checked, found.verdict) == (1, [], Verdict.LOADS_IN_PART)
    assert content(settings.home) == before


def test_without_a_lake_a_reference_is_no_fault(settings, deliver):
    folder = deliver(
        {
            "measure_points.csv": GOOD,
            "organisations.csv": REGISTERS["organisations.csv"].replace("ZZ1", "ZZ2"),
        }
    )
    (points,) = checked(settings, folder / "measure_points.csv").files[0].extracts
    assert (points.verdict, points.row.rows_accepted) == (Verdict.LOADS, 2)
    assert points.not_checked == ["measures", "organisations", "units"]
    (points,) = checked(settings, folder).files[0].extracts
    assert (points.verdict, points.rows_waiting, points.not_checked) == (
        Verdict.LOADS,
        2,
        ["measures", "units"],
    )


def test_a_file_that_is_loaded_already_is_judged_as_if_it_came_for_the_first_time(settings, deliver):
    files = {**REGISTERS, "measure_points.csv": FAULTY}
    settings.inbox.mkdir()
    for name, text in files.items():
        (settings.inbox / name).write_text(text, encoding="utf-8")
    take_in_inbox(settings, "run", Scope(), lambda line: None)
    (points,) = checked(settings, settings.inbox / "measure_points.csv").files[0].extracts
    assert (points.row.verdict, points.row.rows_accepted, len(points.lines)) == ("accepted", 3, 2)


def test_the_same_bytes_twice_are_said(settings, deliver):
    folder = deliver({**REGISTERS, "measures_copy.csv": REGISTERS["measures.csv"]})
    found = checked(settings, folder)
    assert found.verdict == Verdict.LOADS
    assert "Same bytes as" in next(file for file in found.files if "copy" in file.name).reason


def test_a_check_says_what_the_night_does(settings, deliver):
    """Row for row, on a folder in which everything has come."""
    files = {**REGISTERS, "measure_points.csv": FAULTY, "targets.csv": lines("measure_id,target", "falls,3")}
    files["units.csv"] = lines("organisation_code,unit_code,unit_name", "ZZ1,W1,Ward", "ZZ9,W9,Nowhere")
    folder = deliver(files)
    night = take_in_inbox(
        settings.model_copy(update={"inbox": folder}), "run", Scope(), lambda line: None
    ).loads
    judged = {each.row.extract: each for file in checked(settings, folder).files for each in file.extracts}
    assert {row.extract for row in night} == judged.keys()
    for row in night:
        same = {"load_id", "run_id", "file_path", "lake_files", "received_at", "loaded_at"}
        ours = judged[row.extract or ""].row
        changed = {name: getattr(row, name) for name in same}
        assert replace(ours, **changed) == row


def test_our_own_failure_is_no_verdict(settings, deliver, monkeypatch):
    def failing(*arguments: object) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr(pipelines.check.check, "take_in", failing)
    found = checked(settings, deliver({"organisations.csv": REGISTERS["organisations.csv"]}))
    assert found.verdict == Verdict.NOT_JUDGED
    assert "ValueError in our own software" in "\n".join(as_text(found))
    assert SECRET not in "\n".join(as_text(found))


def test_names_cannot_become_formulas_or_markup(settings, deliver, tmp_path):
    folder = deliver({"=1+1.csv": "a\n1\n", "<script>alert(1)<.csv": "a\n1\n"})
    found = checked(settings, folder)
    found = replace(found, files=[replace(file, name=Path(file.name).name) for file in found.files])
    all_reports(found, tmp_path)
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == ["<script>alert(1)<.csv", "'=1+1.csv"]
    with zipfile.ZipFile(tmp_path / "r.xlsx") as book:
        sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/")]
    assert len(sheets) == 2
    assert not any("<f>" in sheet for sheet in sheets)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;.csv" in page


class _Page(HTMLParser):
    """What a browser or a screen reader would look for in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.targets += [found[name] or "" for name in ("href", "src") if name in found]


def test_the_page_stands_alone_and_can_be_walked_by_headings(settings, deliver, tmp_path):
    found = checked(settings, deliver({**REGISTERS, "measure_points.csv": FAULTY}))
    write_page(found, tmp_path / "r.html")
    page = _Page()
    page.feed((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert page.tags.count("h1") == 1
    assert {target[0] for target in page.targets} == {"#"}
    assert {target[1:] for target in page.targets} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_a_workbook_goes_on_where_a_sheet_is_full(settings, deliver, tmp_path, monkeypatch):
    monkeypatch.setattr(pipelines.check.sheets, "ROWS_OF_A_SHEET", 1)
    found = checked(settings, deliver({**REGISTERS, "measure_points.csv": FAULTY}))
    write_xlsx(found, tmp_path / "r.xlsx")
    with zipfile.ZipFile(tmp_path / "r.xlsx") as book:
        assert 'name="failures 2"' in book.read("xl/workbook.xml").decode()


def test_line_numbers_are_told_in_short():
    assert ranges([5, 2, 3, 4, 9]) == "2–5, 9"
    assert ranges([1, 3, 5, 6, 7], shown=2) == "1, 3 and 3 more"


def test_long_work_gives_signs_of_life(monkeypatch):
    monkeypatch.setattr(pipelines.progress, "SECONDS_BETWEEN_SIGNS", 0.01)
    told: list[str] = []
    with pipelines.progress.heartbeat(told.append) as begin:
        begin("reading x.csv")
        while not told:
            pass
    assert told[0].startswith("reading x.csv … 0 s")
