"""SIGKILL at every station: last night's release stays readable, and the next run ends with the same
content as one that nobody disturbed."""

import os
import signal
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipelines.intake.night import take_in_inbox
from pipelines.intake.plan import Scope
from pipelines.lake.write import file_sha256
from pipelines.settings import Settings
from tests.integration.conftest import Home
from tests.killing import killed_before_step

ORGANISATIONS = "organisation_code,organisation_name,valid_from\nZZ1,One (synthetic),2020-01-01\n"
MEASURES = (
    "measure_id,measure_name,family,improvement_direction,purpose,frequency\n"
    "falls,Falls (synthetic),outcome,decrease,improvement,month\n"
)
POINTS = (
    "measure_id,organisation_code,period_start,value\n"
    "falls,ZZ1,2026-01-01,5\nfalls,ZZ1,2026-02-01,4\nfalls,ZZ9,2026-01-01,7\nlater,ZZ1,2026-01-01,1\n"
)
REVISED = "measure_id,organisation_code,period_start,value,edition\nfalls,ZZ1,2026-02-01,6,revised\n"


def deliver(inbox: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


FIRST_NIGHT = {
    "2026-03-01/organisations.csv": ORGANISATIONS,
    "2026-03-01/measures.csv": MEASURES,
    "2026-03-01/measure_points.csv": POINTS,
    "2026-03-01/notes.txt": "nothing",
}
SECOND_NIGHT = {
    "2026-03-02/measures.csv": MEASURES + MEASURES.splitlines()[1].replace("falls", "later") + "\n",
    "2026-03-02/measure_points.csv": REVISED,
    "2026-03-02/measure_points_again.csv": POINTS,
    "2026-03-02/targets.csv": "measure_id,target\nfalls,3\n",
}


def settings(folder: Path, inbox: Path) -> Settings:
    return Settings(inbox=inbox, home=folder, now=datetime(2026, 3, 3), pseudonym_key=SecretStr("k" * 32))


def intake(chosen: Settings) -> None:
    take_in_inbox(chosen, "the run", Scope(), lambda line: None)


def content(chosen: Settings) -> dict[str, str]:
    """Every file of the lake by its hash."""
    lake = chosen.lake_path
    return {
        path.relative_to(lake).as_posix(): file_sha256(path) for path in lake.rglob("*") if path.is_file()
    }


@pytest.fixture
def inbox(tmp_path) -> Path:
    deliver(tmp_path / "inbox", FIRST_NIGHT | SECOND_NIGHT)
    return tmp_path / "inbox"


def test_intake_killed_at_every_step_ends_with_the_same_lake(tmp_path, inbox):
    undisturbed = settings(tmp_path / "undisturbed", inbox)
    intake(undisturbed)
    expected = content(undisturbed)
    assert any(name.startswith("quarantined_rows/load_id=L0000005") for name in expected)

    killed = settings(tmp_path / "killed", inbox)
    step = 1
    while killed_before_step(lambda: intake(killed), step):
        step += 1
    assert step > 10
    assert content(killed) == expected


def test_intake_run_twice_changes_nothing(tmp_path, inbox):
    chosen = settings(tmp_path / "home", inbox)
    intake(chosen)
    before = content(chosen)
    intake(chosen)
    assert content(chosen) == before


def tables(home: Home) -> dict[str, list[tuple]]:
    """A hash of every published table, without the names of runs and releases."""
    names = home.ask("select schema_name || '.' || table_name from duckdb_tables() order by 1")
    sums = {}
    for (name,) in names:
        columns = [column for (column, *_) in home.ask(f"describe {name}")]
        kept = [column for column in columns if column not in ("run_id", "release_id", "published_at")]
        listed = ", ".join(f'"{column}"' for column in kept)
        sums[name] = home.ask(f"select count(*), sum(hash({listed})::hugeint) from {name}")
    return sums


def kill_when(home: Home, line: str) -> None:
    """Start a run and kill it, with what it started, when it prints a line that holds `line`."""
    run = home.start("run", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    assert run.stdout is not None
    for printed in run.stdout:
        if line in printed:
            os.killpg(run.pid, signal.SIGKILL)
            break
    else:
        pytest.fail(f"the run ended before it printed {line!r}")
    run.stdout.close()
    run.wait(timeout=60)


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory) -> tuple[Home, Home]:
    """A home after its first night with a second night's files waiting, and the same one undisturbed."""
    folder = tmp_path_factory.mktemp("nights")
    home = Home(folder / "inbox", folder / "home")
    deliver(home.inbox, FIRST_NIGHT)
    home.qi("run")
    deliver(home.inbox, SECOND_NIGHT)
    undisturbed = home.copy(folder / "undisturbed")
    undisturbed.qi("run")
    return home, undisturbed


@pytest.mark.parametrize("line", ["[2/", "dbt: built core.", "publish: writing"])
def test_killed_night_keeps_the_last_release_and_the_next_run_catches_up(tmp_path, two_nights, line):
    waiting, undisturbed = two_nights
    home = waiting.copy(tmp_path)
    before = tables(home)
    kill_when(home, line)
    assert tables(home) == before
    home.qi("run")
    assert tables(home) == tables(undisturbed)
    assert tables(home) != before
