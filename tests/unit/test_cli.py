"""The command `qi`: it teaches, answers in plain lines, and says what a run came to."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner, Result

import pipelines.defs.build
import pipelines.demo.generate
import pipelines.nightly
from pipelines.cli import main
from pipelines.dagster_home import prepare_dagster_home
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import LedgerRow, prepare
from pipelines.lake.write import commit_load
from pipelines.nightly import STARTED_HERE, run_nightly
from pipelines.progress import PROGRESS
from pipelines.settings import PROJECT_ROOT, Settings
from pipelines.summary import summary
from tests.unit.test_lake import ledger_row

SHA256 = "ab" * 32
MART = f"""
create schema core;
create schema ops;
create table core.fct_measure_point as
select 's' as series_id, null::varchar as unit_code, 'all' as stratum, 'falls' as measure_id,
    'ZZ1' as organisation_code, date '2026-01-01' as period_start, 1234567.25::double as value,
    2469135::double as numerator, 2::double as denominator, 'original' as edition,
    timestamp '2026-02-03' as valid_from, timestamp '2026-03-04' as valid_to, false as is_latest,
    false as is_withdrawn, true as was_in_force, null::varchar as suppression_reason,
    'L0000001' as load_id, 17 as source_row, 1 as revision_number
union all by name
select 's' as series_id, null as unit_code, 'all' as stratum, 'falls' as measure_id,
    'ZZ1' as organisation_code, date '2026-01-01' as period_start, null as value, null as numerator,
    null as denominator, 'revised' as edition, timestamp '2026-03-04' as valid_from,
    timestamp '9999-12-31' as valid_to, true as is_latest, false as is_withdrawn, true as was_in_force,
    'small number (*)' as suppression_reason, 'L0000002' as load_id, 3 as source_row, 2 as revision_number;
create table ops.fct_load as
select 'L0000001' as load_id, '2026-02-03/points.csv' as file_path, null as file_table,
    '{SHA256}' as file_sha256, 'canonical_measure_points' as mapping, 'canonical' as source_system,
    timestamp '2026-02-03' as received_at, timestamp '2026-02-04 03:31:00' as loaded_at,
    'accepted' as verdict, 20 as rows_received,
    18 as rows_accepted, 2 as rows_quarantined, 0 as rows_refused, 0 as rows_ignored, 'run 1' as run_id,
    '0.1.0' as code_version;
create table ops.fct_gate_result as
select 'L0000001' as load_id, 'VALUE_EMPTY' as code, 'warn' as action, true as is_passed, 0 as rows_failed,
    20 as rows_checked
union all select 'L0000001', 'TOTAL_ROW', 'quarantine_row', false, 2, 20;
create table ops.fct_quarantined_row as
select 'L0000001' as load_id, 'measure_points' as extract, 'TOTAL_ROW' as code, 'open' as status
union all select 'L0000001', 'measure_points', 'TOTAL_ROW', 'released';
create table core.fct_project as
select unnest(['ZZ1', 'ZZ1', 'ZZ2']) as organisation_code, true as is_active;
"""
MANIFEST = {
    "release_id": "R0000007",
    "as_of_date": "2026-02-04",
    "contains_synthetic": True,
    "tables": {"core.fct_project": {"rows": 3}, "core.fct_measure_point": {"rows": 2}},
    "audit": [{"name": "a", "is_passed": True}, {"name": "b", "is_passed": True}],
}


@dataclass(frozen=True)
class Home:
    """A home folder and `qi` in it."""

    path: Path
    inbox: Path

    @property
    def settings(self) -> Settings:
        return Settings(home=self.path, inbox=self.inbox, now=datetime(2026, 2, 4, 4))

    def qi(self, *arguments: str) -> Result:
        environment = {"QI_HOME": str(self.path), "QI_INBOX": str(self.inbox), "QI_LOCK_WAIT_SECONDS": "0"}
        return CliRunner(env=environment).invoke(main, arguments)

    def answer(self, *arguments: str) -> str:
        result = self.qi(*arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def refusal(self, *arguments: str) -> str:
        """What `qi` says when it cannot: one plain line."""
        result = self.qi(*arguments)
        assert result.exit_code == 1, result.output
        (line,) = result.output.splitlines()
        assert line.startswith("Error: ")
        return line.removeprefix("Error: ")

    def load(self, **changes: Any) -> LedgerRow:
        lake = Lake(self.settings.lake_path)
        prepare(lake, {})
        nothing = {"rows_received": 0, "rows_accepted": 0, "records_accepted": 0}
        return commit_load(lake, ledger_row(lake, **(nothing | changes)), {})


@pytest.fixture
def empty(tmp_path: Path) -> Home:
    """Before the first run."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    return Home(tmp_path / "home", inbox)


@pytest.fixture
def home(empty: Home) -> Home:
    """With a small mart."""
    empty.settings.mart_path.mkdir(parents=True)
    with duckdb.connect(str(empty.settings.mart_file)) as connection:
        connection.execute(MART)
    return empty


def test_help_shows_what_to_type(empty):
    text = empty.answer("--help")
    for line in ("qi run ", 'qi sql "select ..."', "qi explain MEASURE ORG DAY", "qi loads"):
        assert line in text
    assert empty.answer("-h") == text


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_and_option_says_what_it_is_for(empty, name):
    command = main.commands[name]
    assert command.help
    assert len(command.help.split()) > 5
    text = empty.answer(name, "--help")
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.opts[0] in text
            assert option.help or option.show_default or isinstance(option.type, click.Choice), option.name


def test_help_needs_no_heavy_library():
    script = (
        "import sys; from pipelines.cli import main; main(['--help'], standalone_mode=False); "
        "print(sorted(set(sys.modules) & {'dagster', 'duckdb', 'pandas', 'great_expectations', 'dbt'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_inbox_and_home_may_be_named_on_the_command_line(home, tmp_path):
    before = dict(os.environ)
    result = CliRunner().invoke(main, ["--home", str(home.path), "sql", "select 1 as x", "--format", "csv"])
    assert result.output == "x\n1\n"
    assert dict(os.environ) == before
    (tmp_path / "other").mkdir()
    nowhere = CliRunner().invoke(main, ["--home", str(tmp_path / "other"), "sql", "select 1"])
    assert f"There is no {tmp_path / 'other' / 'mart' / 'qi_mart.duckdb'}" in nowhere.output


ROWS = (
    "select 1::int as whole, 2.5::double as half, date '2026-01-31' as day, 'a, b' as words, null as nothing "
    "union all select null, null, null, null, null order by whole nulls last"
)


def test_sql_answers_as_a_table(home):
    assert [line.split() for line in home.answer("sql", ROWS).splitlines()] == [
        ["whole", "half", "day", "words", "nothing"],
        ["1", "2.5", "2026-01-31", "a,", "b"],
        [],
        ["(2", "rows)"],
    ]


def test_sql_answers_as_csv_and_json(home):
    assert home.answer("sql", ROWS, "--format", "csv") == (
        'whole,half,day,words,nothing\n1,2.5,2026-01-31,"a, b",\n,,,,\n'
    )
    assert json.loads(home.answer("sql", ROWS, "--format", "json")) == [
        {"whole": 1, "half": 2.5, "day": "2026-01-31", "words": "a, b", "nothing": None},
        dict.fromkeys(["whole", "half", "day", "words", "nothing"]),
    ]
    odd = "select 1.50::decimal(5, 2) as price, 'NaN'::double as none, timestamp '2026-01-31 10:00:00' as at"
    assert json.loads(home.answer("sql", odd, "--format", "json")) == [
        {"price": 1.5, "none": None, "at": "2026-01-31T10:00:00"}
    ]


def test_sql_as_csv_holds_no_formula(home):
    answer = home.answer("sql", "select '=1+1' as \"@a\", -5 as number, '-5' as words", "--format", "csv")
    assert answer == "'@a,number,words\n'=1+1,-5,'-5\n"


def test_sql_says_when_there_is_nothing_and_when_there_is_more(home):
    nothing = "select 1 as first, 2 as second limit 0"
    assert home.answer("sql", nothing) == "first  second\n(0 rows)\n"
    assert home.answer("sql", nothing, "--format", "csv") == "first,second\n"
    assert json.loads(home.answer("sql", nothing, "--format", "json")) == []
    assert home.answer("sql", "select 1 as x").endswith("(1 row)\n")
    many = home.answer("sql", "from range(1000)").splitlines()
    assert many[-2:] == ["(200 rows)", "… more than 200 rows; use --format csv for all."]
    assert len(home.answer("sql", "from range(1000)", "--format", "csv").splitlines()) == 1001


def test_sql_takes_a_file(home, tmp_path):
    path = tmp_path / "question.sql"
    path.write_text("-- How many?\nselect count(*) as projects\nfrom core.fct_project;\n", encoding="utf-8")
    assert home.answer("sql", str(path), "--format", "csv") == "projects\n3\n"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("selec 1", "syntax error at or near"),
        ("select * from core.fct_projects", "Did you mean"),
        ("select nothing from core.fct_project", "nothing"),
        ("delete from core.fct_project", "read-only"),
        ("nowhere.sql", "There is no file nowhere.sql"),
    ],
)
def test_sql_that_fails_is_answered_in_one_plain_line(home, query, words):
    line = home.refusal("sql", query)
    assert words in line
    assert "LINE 1" not in line
    assert "^" not in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("status",), "No run has ended in"),
        (("loads",), "Nothing has been taken in"),
        (("sql", "select 1"), "`qi run` makes it"),
        (("explain", "falls", "ZZ1", "2026-01-01"), "`qi run` makes it"),
        (("withdraw", "L0000001", "--reason", "wrong"), "There is no accepted load L0000001"),
    ],
)
def test_before_the_first_run_every_command_says_what_is_not_there(empty, arguments, words):
    assert words in empty.refusal(*arguments)


def test_status_shows_how_the_last_run_ended(home):
    status = {"run_id": "run 1", "outcome": "failed", "detail": "It stopped.", "release_id": "R0000007"}
    (home.settings.mart_path / "status.json").write_text(json.dumps(status), encoding="utf-8")
    assert [line.strip() for line in home.answer("status").splitlines()] == [
        "run_id: run 1",
        "outcome: failed",
        "detail: It stopped.",
        "release_id: R0000007",
    ]


def test_loads_lists_the_newest_first(empty):
    empty.load(file_path="a.csv", rows_received=1200, rows_accepted=1200)
    empty.load(file_path="b.txt", verdict="unrecognised", extract=None)
    assert [line.split() for line in empty.answer("loads").splitlines()] == [
        ["L0000002", "2026-11-01", "unrecognised", "0", "rows", "b.txt"],
        ["L0000001", "2026-11-01", "accepted", "things", "1,200", "rows", "a.csv"],
    ]
    assert len(empty.answer("loads", "--last", "1").splitlines()) == 1
    assert empty.qi("loads", "--last", "0").exit_code == 2


def test_withdraw_takes_a_load_back_once(empty):
    empty.load(file_path="a.csv")
    text = empty.answer("withdraw", "L0000001", "--reason", "Wrong month.")
    assert text == "L0000002: load L0000001 (a.csv) is taken back. `qi run` publishes it.\n"
    assert "taken back already" in empty.refusal("withdraw", "L0000001", "--reason", "again")
    assert "Wrong month." not in empty.answer("loads")
    assert empty.qi("withdraw", "L0000001").exit_code == 2


def test_explain_follows_a_number_back_to_file_and_line(home):
    archive = Lake(home.settings.lake_path).archive
    archive.mkdir(parents=True)
    (archive / SHA256).write_text("as received", encoding="utf-8")
    text = home.answer("explain", "falls", "ZZ1", "2026-01-01")
    for line in (
        "falls, ZZ1, period from 1 January 2026",
        "  stratum all: 1234567.25 = 2469135 of 2",
        "    edition original, superseded, reported from 3 February 2026 until 4 March 2026",
        "    load L0000001, line 17 of the file",
        "  stratum all: no value (small number (*))",
        "    edition revised, the latest, reported from 4 March 2026",
        "  load L0000001: 2026-02-03/points.csv",
        f"    sha256 {SHA256}",
        "    kept as received: yes, lake/archive/abababababab…",
        "    layout canonical_measure_points (canonical), received 3 February 2026, "
        "loaded 4 February 2026 03:31 UTC",
        "    rows: 20 received = 18 accepted + 2 quarantined + 0 refused + 0 ignored",
        "    run run 1, code 0.1.0",
        "    gate: 1 rules passed, 1 failed",
        "      TOTAL_ROW (quarantine_row): 2 of 20 rows",
        "  load L0000002: not in ops.fct_load",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (("slips", "ZZ1", "2026-01-01"), "No measure slips has points. `qi sql "),
        (
            ("falls", "ZZ9", "2026-01-01"),
            "none of them of organisation ZZ9. Organisations that have some: ZZ1",
        ),
        (("falls", "ZZ1", "2026-01-02"), "Periods go from 2026-01-01 to 2026-01-01"),
    ],
)
def test_explain_says_what_there_is_instead(home, number, words):
    assert words in home.answer("explain", *number)


def test_explain_wants_a_day(home):
    result = home.qi("explain", "falls", "ZZ1", "January")
    assert result.exit_code == 2
    assert "does not match the format '%Y-%m-%d'" in result.output


@pytest.fixture
def nights(monkeypatch) -> list[tuple[dict, bool]]:
    """What `qi run` asked the night for; the night itself succeeds at once."""
    asked: list[tuple[dict, bool]] = []

    def night(settings: Settings, intake: dict, full_refresh: bool, echo: Callable) -> tuple[list[str], bool]:
        asked.append((intake, full_refresh))
        return ["the summary"], len(asked) == 1

    monkeypatch.setattr(pipelines.nightly, "run_nightly", night)
    return asked


def test_run_ends_with_the_summary_and_an_exit_status(empty, nights):
    assert empty.answer("run") == "the summary\n"
    assert nights == [({"received_from": "", "received_to": "", "reread": False, "everything": False}, False)]
    assert empty.qi("run").exit_code == 1


def test_run_passes_its_options_on(empty, nights):
    empty.answer(
        "run", "--reread", "--full-refresh", "--received-from", "2026-10-01", "--received-to", "2026-10-31"
    )
    assert nights == [
        (
            {"received_from": "2026-10-01", "received_to": "2026-10-31", "reread": True, "everything": False},
            True,
        )
    ]
    wrong = empty.qi("run", "--received-from", "2026-10-02", "--received-to", "2026-10-01")
    assert wrong.exit_code == 2
    assert "--received-from is after --received-to" in wrong.output
    assert len(nights) == 1


def test_run_makes_the_demo_in_an_empty_inbox_only_when_asked(empty, nights, monkeypatch):
    made: list[Path] = []

    def generate(inbox: Path, end: date, **options: object) -> str:
        made.append(inbox)
        inbox.mkdir()
        (inbox / "a.csv").write_text("x\n", encoding="utf-8")
        return "made"

    monkeypatch.setattr(pipelines.demo.generate, "generate", generate)
    empty.answer("run")
    assert made == []
    empty.qi("run", "--demo-if-empty")
    assert made == [empty.inbox / "demo"]
    empty.qi("run", "--demo-if-empty")
    assert len(made) == 1


@pytest.fixture
def told(monkeypatch) -> list[str]:
    """Texts of the notes that were sent. What a run sets in the environment is set back."""
    notes: list[str] = []
    monkeypatch.setattr(pipelines.nightly, "alert", lambda settings, subject, text: notes.append(text))
    for name in ("DAGSTER_HOME", "DAGSTER_DISABLE_TELEMETRY", "DO_NOT_TRACK", "QI_HOME", "QI_INBOX"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    return notes


NO_BOUNDS = {"received_from": "", "received_to": "", "reread": False, "everything": False}


def test_a_run_that_cannot_even_start_is_told(empty, told, monkeypatch):
    def broken(settings: Settings) -> dg.Definitions:
        raise RuntimeError("dbt cannot read dbt_project/")

    monkeypatch.setattr(pipelines.defs.build, "build_definitions", broken)
    with pytest.raises(RuntimeError, match="dbt cannot read"):
        run_nightly(empty.settings, NO_BOUNDS, False, print)
    (text,) = told
    assert "before its first step" in text


def let_the_night(monkeypatch: pytest.MonkeyPatch, work: Callable[[], None], failed_at: list[str]) -> None:
    """Put `work` in the place of Dagster's job."""
    result = SimpleNamespace(
        success=not failed_at,
        run_id="tonight",
        get_step_failure_events=lambda: [SimpleNamespace(step_key=step) for step in failed_at],
    )

    def execute(instance: dg.DagsterInstance, **options: object) -> SimpleNamespace:
        work()
        return result

    job = SimpleNamespace(execute_in_process=execute)
    definitions = SimpleNamespace(resolve_job_def={"nightly": job}.__getitem__)
    monkeypatch.setattr(pipelines.defs.build, "build_definitions", lambda settings: definitions)


def publish(home: Home, outcome: str = "published") -> None:
    """What a run leaves that came as far as its release."""
    files = {
        home.settings.mart_path / "manifest.json": MANIFEST,
        home.settings.mart_path / "status.json": {"run_id": "tonight", "outcome": outcome},
        home.settings.build_path / "unsettled.json": [["late.csv", "It is still being written."]],
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")


def test_a_night_that_succeeds_ends_with_its_summary(home, told, monkeypatch):
    def work() -> None:
        print("what dbt prints")
        PROGRESS.info("progress")
        home.load(run_id="tonight", file_path="a.csv", rows_received=3, rows_accepted=3)
        publish(home)

    echoed: list[str] = []
    let_the_night(monkeypatch, work, [])
    lines, is_success = run_nightly(
        home.settings, NO_BOUNDS, False, lambda line, file=None: echoed.append(line)
    )
    assert is_success
    assert told == []
    assert echoed == ["Starting Dagster and dbt …", "progress"]
    assert "Files looked at: 1 (1 loads accepted)" in lines
    assert "  late.csv: It is still being written." in lines
    assert lines[-1].startswith("Done in ")
    assert (home.settings.build_path / "dbt.log").read_text(encoding="utf-8") == "what dbt prints\n"


def test_a_night_that_fails_says_where_and_what_stays(home, told, monkeypatch):
    let_the_night(monkeypatch, lambda: None, ["warehouse"])
    lines, is_success = run_nightly(home.settings, NO_BOUNDS, False, lambda line, file=None: None)
    assert not is_success
    assert lines == [
        "FAILED at warehouse. Nothing is published yet. Run again when mended: what is done stays done."
    ]
    publish(home, outcome="failed")
    lines, _ = run_nightly(home.settings, NO_BOUNDS, False, lambda line, file=None: None)
    assert "Release R0000007 stays published." in lines[0]
    assert len(told) == 2
    assert "failed at: warehouse" in told[0]


@pytest.mark.parametrize("outcome", ["published", "unchanged"])
def test_a_night_that_failed_on_one_file_shows_what_it_published(home, told, monkeypatch, outcome):
    def work() -> None:
        home.load(run_id="tonight", file_path="a.csv", rows_received=3, rows_accepted=3)
        home.load(run_id="tonight", file_path="b.csv", verdict="error", reason="KeyError in our own software")
        publish(home, outcome)

    let_the_night(monkeypatch, work, ["mart__release"])
    lines, is_success = run_nightly(home.settings, NO_BOUNDS, False, lambda line, file=None: None)
    assert not is_success
    assert "Failed in our own software: 1" in lines
    assert "  b.csv: KeyError in our own software" in lines
    assert "Published: release R0000007 as of 2026-02-04, 2 tables" in lines
    assert lines[-1] == "FAILED on the files named above; the others are published."
    assert len(told) == 1


def test_a_night_that_failed_on_its_pages_says_so(home, told, monkeypatch):
    def work() -> None:
        home.load(run_id="tonight", file_path="a.csv", rows_received=3, rows_accepted=3)
        publish(home)

    let_the_night(monkeypatch, work, ["mart__release"])
    lines, is_success = run_nightly(home.settings, NO_BOUNDS, False, lambda line, file=None: None)
    assert not is_success
    assert "the pages are those of an earlier release" in lines[-1]


def test_runs_that_were_killed_do_not_count_as_running_for_ever(home, told, monkeypatch):
    @dg.job
    def nightly() -> None:
        """Nothing."""

    prepare_dagster_home(home.settings)
    with dg.DagsterInstance.get() as instance:
        started = {
            name: instance.create_run_for_job(nightly, tags=tags, status=dg.DagsterRunStatus.STARTED).run_id
            for name, tags in (("here", STARTED_HERE), ("elsewhere", {}))
        }
    home.load()
    publish(home)
    let_the_night(monkeypatch, lambda: None, [])
    run_nightly(home.settings, NO_BOUNDS, False, lambda line, file=None: None)
    with dg.DagsterInstance.get() as instance:
        statuses = {name: instance.get_run_by_id(run_id) for name, run_id in started.items()}
    assert {name: run and run.status for name, run in statuses.items()} == {
        "here": dg.DagsterRunStatus.FAILURE,
        "elsewhere": dg.DagsterRunStatus.STARTED,
    }


def test_summary_counts_files_rows_and_verdicts(home):
    loads = [
        home.load(
            file_path="a.csv",
            rows_received=1200,
            rows_accepted=1190,
            rows_quarantined=7,
            rows_ignored=3,
        ),
        home.load(file_path="a.csv", extract="others", rows_received=1200, rows_accepted=1200),
        home.load(
            file_path="b.csv", verdict="refused", reason="TOTALS: no.", rows_received=9, rows_refused=9
        ),
        home.load(file_path="c.txt", verdict="unrecognised", reason="No mapping."),
        home.load(file_path="d.csv", verdict="error", reason="KeyError"),
        home.load(file_path="mappings/supplier.yml", rows_received=2, rows_accepted=2),
        home.load(
            file_path="old.csv", verdict="released", rows_received=4, rows_accepted=4, retry_of="L0000001"
        ),
    ]
    lines = summary(home.settings, loads, [("late.csv", "It is still being written.")], MANIFEST)
    assert (
        "Files looked at: 4 (3 loads accepted, 1 loads error, 1 loads refused, 1 loads unrecognised)" in lines
    )
    assert "Rows received: 2,415 = 2,396 accepted + 7 quarantined + 9 refused + 3 ignored" in lines
    assert "  of these 4 were released from quarantine, where they had waited" in lines
    for title, entry in (
        ("Refused: 1", "  b.csv: TOTALS: no."),
        ("Failed in our own software: 1", "  d.csv: KeyError"),
        ("Not recognised: 1", "  c.txt: No mapping."),
        ("Left for the next run: 1", "  late.csv: It is still being written."),
    ):
        assert lines[lines.index(title) + 1] == entry
    assert any(line.split() == ["measure_points", "TOTAL_ROW", "2", "1"] for line in lines)
    assert "Gate rules in this run: 1 passed, 1 failed" in lines
    assert "Audit of release R0000007: 2 of 2 checks passed" in lines
    assert "Published: release R0000007 as of 2026-02-04, 2 tables" in lines
    assert f"  {home.settings.mart_file}" in lines
    assert any("SYNTHETIC" in line for line in lines)
    assert any(line.split() == ["ZZ1", "2"] for line in lines)


def test_summary_of_a_quiet_night_is_short(home):
    lines = summary(home.settings, [], [], MANIFEST | {"contains_synthetic": False})
    assert lines[1] == "Nothing new in the inbox."
    assert not any(line.startswith(("Rows received", "Refused", "Quarantined", "Left for")) for line in lines)
    assert not any("SYNTHETIC" in line for line in lines)


def test_summary_shows_points_where_there_are_no_projects(home):
    tables = {"core.fct_measure_point": {"rows": 2}}
    lines = summary(home.settings, [], [], MANIFEST | {"tables": tables})
    assert any(line.split() == ["falls", "1", "2026-01-01", "2026-01-01"] for line in lines)


def test_summary_lists_no_more_than_fits_a_screen(home):
    loads = [home.load(file_path=f"{number}.txt", verdict="unrecognised") for number in range(23)]
    lines = summary(home.settings, loads, [], MANIFEST)
    start = lines.index("Not recognised: 23")
    assert lines[start + 20] == "  19.txt: "
    assert lines[start + 21] == "  … and 3 more (ops.fct_load)"
