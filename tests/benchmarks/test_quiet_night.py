"""A night in which nothing new has come, beside the bare start of what it stands on.

The peer only imports Dagster and its dbt integration, and has dbt list the same project: no run, no event, no
model, no test, no audit. A quiet night still builds and tests every model, because what counts as missing or
late depends on the day, and records each model and test in Dagster.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pipelines.mart.tonight import dbt_environment
from pipelines.settings import DBT_PROJECT, Settings
from tests.benchmarks.measure import WHOLE, Watch, best, report
from tests.integration.conftest import Home

# Four times when this was written: more than half of the night is dbt, a fifth Dagster's record of it. The
# night uses two cores and the peer one, so that a busy machine makes it seven.
LIMIT = 12.0


def quiet_night(watch: Watch, home: Home, folder: Path) -> str:
    with watch.stage(WHOLE):
        return home.qi("run")


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


def test_a_quiet_night_costs_a_few_times_the_bare_start(small_home: Home, tmp_path: Path) -> None:
    before = _release(small_home)
    night = best(quiet_night, small_home, folder=tmp_path / "ours")
    peer = best(bare_start, small_home, folder=tmp_path / "peer")

    ratio = night.whole / peer.whole
    report("A night with nothing new", {"qi run": night, "bare start": peer}, ratio, LIMIT)
    assert _release(small_home) == before
    assert "core.fct_measure_point" in peer.answer
    assert ratio < LIMIT


def _release(home: Home) -> str:
    return json.loads((home.path / "mart" / "manifest.json").read_text(encoding="utf-8"))["release_id"]
