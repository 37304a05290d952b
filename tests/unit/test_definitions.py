"""What Dagster is told: assets, checks, jobs, schedule and sensors, as the server loads them.

The lists are kept as text in `snapshots/`. After a change that is meant, write them anew with
`python -m tests.unit.test_definitions` and read the difference before it is committed.
"""

import inspect
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster_dbt import DbtCliResource
from dbt.version import __version__ as dbt_version
from packaging.version import Version

from pipelines.defs.automation import SECONDS_BETWEEN_LOOKS, build_inbox_sensor, build_nightly_schedule
from pipelines.defs.build import build_definitions
from pipelines.defs.intake import IntakeConfig, extract_checks, load_metadata
from pipelines.defs.warehouse import QuietDbt, Translator, build_arguments, dbt_resource
from pipelines.extracts.contract import Contract
from pipelines.gates.gate import RuleResult
from pipelines.intake.night import IntakeReport
from pipelines.intake.plan import Scope
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import LedgerRow
from pipelines.mart.manifest import ensure_manifest
from pipelines.mart.warehouse import PUBLISHED_SCHEMAS
from pipelines.settings import PROJECT_ROOT, Settings
from tests.unit.gate_cases import small_contract
from tests.unit.test_lake import ledger_row

SNAPSHOTS = Path(__file__).with_name("snapshots")
LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 11, 21, 4)
PUBLISHED = tuple(f"{schema}/" for schema in PUBLISHED_SCHEMAS)


def texts_of(definitions: dg.Definitions) -> dict[str, str]:
    """Each snapshot's name and text."""
    return {
        "assets": _assets(definitions),
        "checks": _checks(definitions),
        "automation": _automation(definitions),
    }


def _assets(definitions: dg.Definitions) -> str:
    by_group: dict[str, list[str]] = defaultdict(list)
    for spec in definitions.resolve_all_asset_specs():
        by_group[spec.group_name or ""].append(
            f"{spec.key.to_user_string()} ({', '.join(sorted(spec.kinds))})"
        )
    return _blocks(by_group)


def _checks(definitions: dg.Definitions) -> str:
    by_asset: dict[str, list[str]] = defaultdict(list)
    graph = definitions.resolve_asset_graph()
    for key in graph.asset_check_keys:
        blocking = ", blocking" if graph.get_check_spec(key).blocking else ""
        by_asset[key.asset_key.to_user_string()].append(f"{key.name}{blocking}")
    return _blocks(by_asset)


def _blocks(entries: dict[str, list[str]]) -> str:
    blocks = [
        "\n".join([title, *(f"  {line}" for line in sorted(entries[title]))]) for title in sorted(entries)
    ]
    return "\n\n".join(blocks) + "\n"


def _automation(definitions: dg.Definitions) -> str:
    repository = definitions.get_repository_def()
    entries: dict[str, list[str]] = {}
    for job in repository.get_all_jobs():
        if not job.name.startswith("__"):
            entries[f"job {job.name}"] = [
                f"{job.description}",
                f"executor {job.executor_def.name}",
                f"steps {', '.join(sorted(node.name for node in job.nodes))}",
            ]
    for schedule in repository.schedule_defs:
        when = f"{schedule.cron_schedule} {schedule.execution_timezone}, {schedule.default_status.value}"
        entries[f"schedule {schedule.name}"] = [f"runs {schedule.job_name} at {when}"]
    for sensor in repository.sensor_defs:
        jobs = ", ".join(sensor.job_name for _ in sensor.targets if sensor.has_jobs and sensor.job_name)
        entries[f"sensor {sensor.name}"] = [
            f"{sensor.sensor_type.value}, {sensor.default_status.value}, starts {jobs or 'nothing'}"
        ]
    return _blocks(entries)


@pytest.fixture(scope="module")
def definitions(tmp_path_factory) -> dg.Definitions:
    return build_definitions(Settings(home=tmp_path_factory.mktemp("home")))


@pytest.mark.parametrize("name", ["assets", "checks", "automation"])
def test_dagster_is_told_what_the_snapshot_says(definitions, name):
    kept = (SNAPSHOTS / f"{name}.txt").read_text(encoding="utf-8")
    assert texts_of(definitions)[name] == kept, "if meant: python -m tests.unit.test_definitions"


def test_every_asset_has_group_owner_and_description(definitions):
    for spec in definitions.resolve_all_asset_specs():
        assert spec.group_name not in (None, "default"), spec.key
        assert spec.owners, spec.key
        assert spec.description, spec.key


def test_every_contract_and_every_published_model_is_an_asset(definitions):
    keys = {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}
    extracts = {path.stem for path in (PROJECT_ROOT / "expectations").glob("*.yml")}
    assert len(extracts) >= 10
    assert {f"lake/{extract}" for extract in extracts} <= keys
    nodes = json.loads(ensure_manifest().read_text(encoding="utf-8"))["nodes"].values()
    models = {f"{node['schema']}/{node['alias']}" for node in nodes if node["resource_type"] == "model"}
    assert {model for model in models if model.startswith(PUBLISHED)} <= keys


def test_the_release_comes_after_every_published_model(definitions):
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    behind = {dependency.asset_key.to_user_string() for dependency in specs["mart/release"].deps}
    published = {name for name in specs if name.startswith(PUBLISHED) and "dbt" in specs[name].kinds}
    nodes = json.loads(ensure_manifest().read_text(encoding="utf-8"))["nodes"].values()
    seeds = {f"{node['schema']}/{node['name']}" for node in nodes if node["resource_type"] == "seed"}
    assert behind == published - seeds


def test_jobs_do_what_their_names_say(definitions):
    def selected(job: str) -> set[str]:
        keys = definitions.resolve_job_def(job).asset_layer.selected_asset_keys
        return {key.path[0] for key in keys}

    assert {"lake", "core", "ops", "mart"} <= selected("nightly")
    assert "source" not in selected("nightly")
    assert selected("backfill_by_received_date") == selected("nightly")
    assert selected("rebuild_from_lake") == selected("nightly") - {"lake"}
    rebuild = definitions.resolve_job_def("rebuild_from_lake")
    assert rebuild.run_config == {"ops": {"warehouse": {"config": {"full_refresh": True}}}}


def test_the_server_loads_the_workspace_from_a_clean_environment(tmp_path):
    shutil.copyfile(PROJECT_ROOT / "dagster.yaml", tmp_path / "dagster.yaml")
    program = shutil.which("dagster", path=str(Path(sys.executable).parent))
    assert program is not None
    done = subprocess.run(
        [program, "definitions", "validate", "-w", "workspace.yaml"],
        cwd=PROJECT_ROOT,
        env={"PATH": os.defpath, "HOME": str(tmp_path), "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Validation successful for code location qi_mart" in done.stdout + done.stderr


def exists_once(moment: datetime) -> bool:
    """Whether clocks in London show this moment exactly once."""
    local = moment.replace(tzinfo=LONDON)
    back = local.astimezone(UTC).astimezone(LONDON).replace(tzinfo=None)
    return back == moment and local.utcoffset() == local.replace(fold=1).utcoffset()


def test_the_night_starts_at_an_hour_that_every_day_has_once():
    schedule = build_nightly_schedule(Settings())
    minute, hour, *every_day = str(schedule.cron_schedule).split()
    assert every_day == ["*", "*", "*"]
    assert schedule.execution_timezone == "Europe/London"
    start = datetime(2026, 1, 1, int(hour), int(minute))
    days = [start + timedelta(days=day) for day in range(730)]
    assert days[-1].date() == date(2027, 12, 31)
    assert [day for day in days if not exists_once(day)] == []
    # The days on which the clocks change are told from others.
    assert not exists_once(datetime(2026, 3, 29, 1, 30))
    assert not exists_once(datetime(2026, 10, 25, 1, 30))


def touch(path: Path, moment: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x\n1\n", encoding="utf-8")
    seconds = moment.replace(tzinfo=UTC).timestamp()
    os.utime(path, (seconds, seconds))


def look(inbox: Path, cursor: str | None) -> dg.SensorResult | dg.SkipReason:
    sensor = build_inbox_sensor(Settings(inbox=inbox, home=inbox.parent / "home", now=NOW))
    assert sensor.minimum_interval_seconds == SECONDS_BETWEEN_LOOKS
    with dg.build_sensor_context(cursor=cursor) as context:
        answer = sensor(context)
    assert isinstance(answer, (dg.SensorResult, dg.SkipReason))
    return answer


def test_inbox_sensor_starts_one_run_for_a_listing_that_is_new_and_lies_still(tmp_path):
    inbox = tmp_path / "inbox"
    assert isinstance(look(inbox, None), dg.SkipReason)
    inbox.mkdir()
    assert isinstance(look(inbox, None), dg.SkipReason)

    touch(inbox / "2026-11-20" / "a.csv", NOW - timedelta(seconds=30))
    assert isinstance(look(inbox, None), dg.SkipReason)

    touch(inbox / "2026-11-20" / "a.csv", NOW - timedelta(seconds=90))
    first = look(inbox, None)
    assert isinstance(first, dg.SensorResult)
    assert first.run_requests is not None
    assert [request.run_key for request in first.run_requests] == [first.cursor]
    assert isinstance(look(inbox, first.cursor), dg.SkipReason)

    touch(inbox / "b.csv", NOW - timedelta(hours=1))
    second = look(inbox, first.cursor)
    assert isinstance(second, dg.SensorResult)
    assert second.run_requests is not None
    assert len(second.run_requests) == 1
    assert second.cursor != first.cursor

    touch(inbox / "b.csv", NOW - timedelta(hours=2))
    assert isinstance(look(inbox, second.cursor), dg.SensorResult)


def test_arguments_of_dbt():
    assert build_arguments(full_refresh=False) == ["build", "--exclude-resource-type", "unit_test"]
    assert build_arguments(full_refresh=True) == [*build_arguments(full_refresh=False), "--full-refresh"]


def test_translator_groups_models_by_schema_and_names_their_owner():
    manifest = json.loads(ensure_manifest().read_text(encoding="utf-8"))
    point = Translator().get_asset_spec(manifest, "model.qi_mart.fct_measure_point", None)
    assert (point.key.path, point.group_name) == (["core", "fct_measure_point"], "core")
    assert list(point.owners) == ["team:qi-data"]
    source = Translator().get_asset_spec(manifest, "source.qi_mart.lake.measure_points", None)
    assert source.key.path == ["lake", "measure_points"]


def test_dbt_s_version_is_known_without_starting_dbt(monkeypatch):
    def started(*command: object, **options: object) -> None:
        raise AssertionError(f"a process was started: {command}")

    for name in ("Popen", "run", "check_output"):
        monkeypatch.setattr(subprocess, name, started)
    assert dbt_resource()._cli_version == Version(dbt_version)
    # What is overridden is still there, still starts dbt, and is still what a command asks.
    quiet = dbt_resource()
    plain = DbtCliResource(dbt_executable=quiet.dbt_executable, project_dir=quiet.project_dir)
    with pytest.raises(AssertionError, match="a process was started"):
        assert plain._cli_version
    assert "_cli_version" in vars(QuietDbt)
    assert "self._cli_version" in inspect.getsource(DbtCliResource.cli)


def test_empty_dates_of_the_intake_step_mean_no_bound():
    assert IntakeConfig().scope() == Scope()
    config = IntakeConfig(received_from="2026-10-01", received_to="2026-10-31", reread=True)
    assert config.scope() == Scope(date(2026, 10, 1), date(2026, 10, 31), reread=True)
    with pytest.raises(ValueError, match="Invalid isoformat"):
        IntakeConfig(received_from="1 October").scope()


THINGS: Contract = small_contract()


def row(number: int, tmp_path: Path, **changes: object) -> LedgerRow:
    nothing = {"rows_received": 0, "rows_accepted": 0, "records_accepted": 0}
    return replace(ledger_row(Lake(tmp_path)), load_id=f"L{number:07d}", **(nothing | changes))


def checks(ledger: list[LedgerRow], results: list[tuple[str, RuleResult]] | None = None) -> dict[str, dict]:
    """Name -> whether the check passed and what it counts."""
    report = IntakeReport(ledger, results or [], [], [], settled=0, files=0)
    return {
        check.check_name or "": {"passed": check.passed}
        | {name: value.value for name, value in check.metadata.items()}
        for check in extract_checks(THINGS, report, ledger)
    }


def test_a_file_that_stands_refused_is_counted_until_its_path_is_accepted(tmp_path):
    refused = row(1, tmp_path, verdict="refused", file_path="a.csv")
    failed = row(2, tmp_path, verdict="error", file_path="b.csv")
    assert checks([refused, failed])["no_refused_file"] == {"passed": False, "files": 2}
    mended = row(3, tmp_path, verdict="accepted", file_path="a.csv")
    assert checks([refused, failed, mended])["no_refused_file"] == {"passed": False, "files": 1}
    waiting = row(4, tmp_path, verdict="error", file_path="a.csv", retry_of="L0000003")
    other = row(5, tmp_path, verdict="refused", extract="others", file_path="c.csv")
    again = row(6, tmp_path, verdict="accepted", file_path="b.csv")
    assert checks([refused, failed, mended, waiting, other, again])["no_refused_file"]["passed"]


def test_rows_that_wait_are_those_neither_released_nor_taken_back(tmp_path):
    first = row(1, tmp_path, rows_received=5, rows_accepted=2, rows_quarantined=3)
    second = row(2, tmp_path, rows_received=4, rows_accepted=0, rows_quarantined=4)
    assert checks([first, second])["no_open_quarantine"] == {"passed": False, "rows": 7}
    released = row(3, tmp_path, verdict="released", rows_received=2, rows_accepted=2, retry_of="L0000001")
    assert checks([first, second, released])["no_open_quarantine"]["rows"] == 5
    taken_back = row(4, tmp_path, verdict="withdrawn", retry_of="L0000001")
    assert checks([first, second, released, taken_back])["no_open_quarantine"]["rows"] == 4
    rest = row(5, tmp_path, verdict="released", rows_received=4, rows_accepted=4, retry_of="L0000002")
    assert checks([first, second, released, taken_back, rest])["no_open_quarantine"]["passed"]


def test_rules_that_failed_in_this_run_are_named_with_counts_only(tmp_path):
    def result(code: str, action: str, failed: int) -> RuleResult:
        return RuleResult(code, "amount", "plausibility", action, failed == 0, 9, failed, "", "", "", "")

    load = row(1, tmp_path, rows_received=9, rows_accepted=7, rows_quarantined=2)
    results = [
        ("L0000001", result("AMOUNT_NEGATIVE", "quarantine_row", 2)),
        ("L0000001", result("NOTE_EMPTY", "warn", 4)),
        ("L0000001", result("GROUP_EMPTY", "warn", 0)),
        ("L0000099", result("ANOTHER_EXTRACT", "warn", 1)),
    ]
    found = checks([load], results)
    assert found["no_open_quarantine"] == {"passed": False, "rows": 2, "rows failing AMOUNT_NEGATIVE": 2}
    assert found["no_warning"] == {"passed": False, "rules": 1, "rows failing NOTE_EMPTY": 4}
    assert found["no_refused_file"] == {"passed": True, "files": 0}


def test_metadata_of_loads_are_counts(tmp_path):
    loads = [
        row(1, tmp_path, rows_received=5, rows_accepted=2, rows_quarantined=3),
        row(2, tmp_path, rows_received=7, rows_ignored=7, verdict="repeated"),
    ]
    assert load_metadata(loads) == {
        "files": 1,
        "rows_received": 12,
        "rows_accepted": 2,
        "rows_quarantined": 3,
        "rows_refused": 0,
        "rows_ignored": 7,
    }


if __name__ == "__main__":
    SNAPSHOTS.mkdir(exist_ok=True)
    for name, text in texts_of(build_definitions(Settings())).items():
        (SNAPSHOTS / f"{name}.txt").write_text(text, encoding="utf-8")
