"""One and ten million new points through a whole night, beside DuckDB alone doing the intake with SQL.

The peer reads the same file, checks the same rules on its records, written as SQL, and writes the same rows
as Parquet. It keeps no archive, hashes nothing, forces nothing to the disk and cannot say which line failed
which rule, so it is a floor and not a rival; that both find the same rows at fault is asserted too. Models,
tests, audit and release come after that, and are shown beside the same peer, each with its own memory.

Needs half an hour, 4 GiB for the intake and what dbt is given (QI_WAREHOUSE_MEMORY), 10 GB of disk in the
folder of pytest's temporary files. BENCHMARK_POINTS=1000000 takes fewer sizes, separated by commas.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest
from pydantic import SecretStr

from pipelines.extracts.contract import load_contracts
from pipelines.extracts.records import Records
from pipelines.intake import load
from pipelines.intake.night import take_in_inbox
from pipelines.intake.plan import Scope
from pipelines.mart.manifest import ensure_manifest
from pipelines.mart.publish import publish, verdicts_file
from pipelines.mart.tonight import dbt_environment, write_tonight
from pipelines.mart.verdicts import record_verdicts
from pipelines.settings import CONTRACTS, DBT_PROJECT, Settings
from tests.benchmarks import rules_in_sql
from tests.benchmarks.measure import WHOLE, Run, Watch, best, run
from tests.benchmarks.points import RECEIVED_ON, write_points, write_references

SIZES = tuple(map(int, os.environ.get("BENCHMARK_POINTS", "1000000,10000000").split(",")))
TIMES_AS_LONG_AS_SQL = 5.0
MOST_MB = 4 * 1024
# The intake may grow so many times as fast as the peer, which grows in line: machines are seldom idle for
# long enough to compare seconds of runs that lie minutes apart.
MORE_THAN_LINEAR = 1.5
STAGES = (
    ("read", Records, "slices"),
    ("gate", load, "find_lookups"),
    ("gate", load, "judge_slices"),
    ("lake", load, "stage"),
    ("lake", load, "archive_file"),
    ("lake", load, "commit_verdict"),
)
EVERYTHING = Scope(received_from=None, received_to=None, reread=False)


@dataclass(frozen=True)
class Night:
    """The stages of a night, and the peer of the first."""

    intake: Run
    dbt: Run
    publish: Run
    peer: Run

    @property
    def ratio(self) -> float:
        """How many times as long as the peer the intake takes."""
        return self.intake.whole / self.peer.whole


def deliver(watch: Watch, file_format: str, count: int, folder: Path) -> None:
    write_references(folder / "references", load_contracts(CONTRACTS))
    write_points(folder / f"measure_points.{file_format}", count)


def take_in(watch: Watch, points: Path, references: Path, folder: Path) -> tuple[Path, dict[str, int]]:
    """The intake of a night in which the file of points is new. Returns the folder of inbox and home, and
    rows at fault by rule."""
    # Paid once a night, whatever comes.
    import_module("pipelines.gates.suite")
    settings = settings_in(folder)
    day = settings.inbox_path / RECEIVED_ON.isoformat()
    shutil.copytree(references, day)
    take_in_inbox(settings, "references", EVERYTHING, lambda line: None)
    (day / points.name).hardlink_to(points)
    with ExitStack() as stack:
        for stage, owner, name in STAGES:
            stack.enter_context(patch.object(owner, name, watch.timing(stage, getattr(owner, name))))
        stack.enter_context(patch.object(load, "open_extract", watch.timing_entry("read", load.open_extract)))
        with watch.stage(WHOLE):
            taken = take_in_inbox(settings, "points", EVERYTHING, lambda line: None)
    (row,) = taken.loads
    assert row.is_conserved
    failed = Counter({result.code: 0 for _, result in taken.results})
    for _, result in taken.results:
        failed[result.code] += result.rows_failed
    return folder, dict(failed) | {"received": row.rows_received}


def settings_in(folder: Path) -> Settings:
    return Settings(
        inbox=folder / "inbox",
        home=folder / "home",
        now=datetime(2026, 11, 2),
        pseudonym_key=SecretStr("a key for benchmarks only"),
    )


def build(watch: Watch, night: Path, folder: Path) -> int:
    """All models and tests, as the night builds them. Returns the points of the warehouse."""
    settings = settings_in(night)
    write_tonight(settings, "benchmark")
    dbt = shutil.which("dbt", path=str(Path(sys.executable).parent))
    assert dbt is not None
    paths = {
        "DBT_TARGET_PATH": str(settings.build_path / "dbt"),
        "DBT_LOG_PATH": str(folder),
        "DBT_PROJECT_DIR": str(DBT_PROJECT),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
    }
    with watch.stage(WHOLE):
        subprocess.run(
            [dbt, "build", "--quiet", "--exclude-resource-type", "unit_test"],
            env=os.environ | dbt_environment(settings) | paths,
            cwd=folder,
            check=True,
        )
    results = settings.build_path / "dbt" / "run_results.json"
    record_verdicts(verdicts_file(settings), results)
    slowest = sorted(json.loads(results.read_text())["results"], key=lambda each: -each["execution_time"])
    watch.seconds |= {each["unique_id"].split(".")[2]: each["execution_time"] for each in slowest[:5]}
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as connection:
        return connection.execute("select count(*) from core.fct_measure_point").fetchall()[0][0]


def release(watch: Watch, night: Path, folder: Path) -> bool:
    """Audit and publish. Returns whether a release came of it."""
    settings, manifest = settings_in(night), ensure_manifest()
    with watch.stage(WHOLE):
        return publish(settings, "benchmark", manifest, lambda line: None).is_new


def in_duckdb(watch: Watch, points: Path, references: Path, folder: Path) -> dict[str, int]:
    contracts = load_contracts(CONTRACTS)
    with watch.stage(WHOLE):
        return rules_in_sql.take_in(points, references, contracts["measure_points"], contracts, folder)


def measure(file_format: str, count: int, folder: Path) -> Night:
    """One night with so many new points; the large one once, as noise is small in it."""
    delivered, runs = folder / "delivered", 2 if count <= 1_000_000 else 1
    run(deliver, file_format, count, folder=delivered)
    points, references = delivered / f"measure_points.{file_format}", delivered / "references"
    intake = best(take_in, points, references, folder=folder / "ours", runs=runs)
    peer = best(in_duckdb, points, references, folder=folder / "peer", runs=runs)
    home, failed = intake.answer
    assert failed["received"] == count
    assert {code: failed[code] for code in peer.answer} == peer.answer
    assert sum(rows > 0 for rows in peer.answer.values()) >= 4
    built = run(build, home, folder=folder / "build")
    published = run(release, home, folder=folder / "publish")
    assert published.answer
    assert built.answer > 0.98 * count
    night = Night(intake, built, published, peer)
    _report(file_format, count, night)
    shutil.rmtree(folder)
    return night


def _report(file_format: str, count: int, night: Night) -> None:
    print(f"\n\n{f'A night with {count:,} new points, {file_format}':<60}{'seconds':>10}{'peak MB':>10}")
    for name in ("intake", "dbt", "publish", "peer"):
        each: Run = getattr(night, name)
        print(f"{name:<60}{each.whole:>10.2f}{each.peak_mb:>10.0f}")
        for stage, seconds in each.seconds.items():
            if stage != WHOLE:
                print(f"    {stage:<56}{seconds:>10.2f}")
    print(
        f"{'intake, times as long as the peer':<60}{night.ratio:>10.2f}      at most {TIMES_AS_LONG_AS_SQL:g}"
    )


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_a_night_with_many_new_points(tmp_path: Path, file_format: str) -> None:
    nights = [measure(file_format, count, tmp_path / str(count)) for count in SIZES]
    for night in nights:
        assert night.ratio < TIMES_AS_LONG_AS_SQL
        assert night.intake.peak_mb < MOST_MB
    for smaller, larger in pairwise(nights):
        assert larger.ratio < MORE_THAN_LINEAR * smaller.ratio
