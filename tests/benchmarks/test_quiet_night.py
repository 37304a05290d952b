"""A night in which nothing new has come, beside the bare start of what it stands on.

The peer only imports Dagster and its dbt integration, and has dbt list the same project: no run, no event, no
model, no test, no audit. On the same day a quiet night only audits the release. On a new day it also builds
and tests the tables that speak of the day, and publishes them.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pipelines.mart.tonight import dbt_environment
from pipelines.settings import DBT_PROJECT, Settings
from tests.benchmarks.measure import WHOLE, Watch, best, report, run
from tests.integration.conftest import NOW, Home

# 0.9 and 2.0 when this was written. A busy machine makes the second one larger, because the night uses two
# cores and the peer one.
LIMIT_SAME_DAY = 2.5
LIMIT_NEW_DAY = 6.0
LATER = "2026-11-%02dT04:00:00"


def quiet_night(watch: Watch, home: Home, now: str, folder: Path) -> str:
    with watch.stage(WHOLE):
        return home.qi("run", now=now)


def bare_start(watch: Watch, home: Home, folder: Path) -> str:
    """Dagster and dbt as the night starts them, without the night."""
    programs = Path(sys.executable).parent
    dbt = shutil.which("dbt", path=str(programs))
    assert dbt is not None
    settings = Settings(inbox=home.inbox, home=home.path)
    environment = (
        os.environ
        | dbt_environment(settings)
        | {
            # Where the night left what it had parsed.
            "DBT_TARGET_PATH": str(settings.build_path / "dbt"),
            "DBT_LOG_PATH": str(folder),
            "DBT_PROJECT_DIR": str(DBT_PROJECT),
            "DBT_PROFILES_DIR": str(DBT_PROJECT),
        }
    )
    with watch.stage(WHOLE):
        with watch.stage("import dagster, dagster_dbt"):
            subprocess.run([sys.executable, "-c", "import dagster, dagster_dbt"], check=True)
        with watch.stage("dbt ls"):
            done = subprocess.run(
                [dbt, "ls", "--quiet"],
                env=environment,
                cwd=folder,
                check=True,
                capture_output=True,
                text=True,
            )
    return done.stdout


def test_a_quiet_night_costs_little_more_than_the_bare_start(small_home: Home, tmp_path: Path) -> None:
    before = _release(small_home)
    same_day = best(quiet_night, small_home, NOW, folder=tmp_path / "same_day")
    assert _release(small_home) == before
    peer = best(bare_start, small_home, folder=tmp_path / "peer")
    assert "core.fct_measure_point" in peer.answer
    new_days = [
        run(quiet_night, small_home, LATER % day, folder=tmp_path / f"day{day}") for day in (22, 23, 24)
    ]
    new_day = min(new_days, key=lambda each: each.whole)
    assert _release(small_home) != before

    ratio = same_day.whole / peer.whole
    report("Nothing new on the same day", {"qi run": same_day, "bare start": peer}, ratio, LIMIT_SAME_DAY)
    assert ratio < LIMIT_SAME_DAY
    ratio = new_day.whole / peer.whole
    report("Nothing new on a new day", {"qi run": new_day, "bare start": peer}, ratio, LIMIT_NEW_DAY)
    assert ratio < LIMIT_NEW_DAY


def _release(home: Home) -> str:
    return json.loads((home.path / "mart" / "manifest.json").read_text(encoding="utf-8"))["release_id"]
