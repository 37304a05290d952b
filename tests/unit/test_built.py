"""How much of the warehouse a night must build, from the note that the last build left."""

import json
import shutil
from datetime import date, datetime

import pytest

from pipelines.lake.durable import write_text
from pipelines.mart.built import Work, built_by_file, forget_built, record_built, work_tonight
from pipelines.mart.manifest import changing_nightly, dbt_tests_of, ensure_manifest, project_digest
from pipelines.mart.publish import verdicts_file
from pipelines.mart.verdicts import error_tests, forget_verdicts, read_verdicts
from pipelines.settings import Settings

TODAY = datetime(2026, 11, 21, 4)


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A home whose warehouse was built whole today, up to load L0000007."""
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox", now=TODAY)
    write_text("", settings.warehouse_file)
    write_text(project_digest(), built_by_file(settings))
    passed = dict.fromkeys(error_tests(ensure_manifest()), "pass")
    write_text(json.dumps(passed), verdicts_file(settings))
    record_built(settings, "L0000007", TODAY.date())
    return settings


def test_nothing_is_to_do_again_on_the_same_day(settings):
    assert work_tonight(settings, "L0000007") == Work.NOTHING


def test_on_a_new_day_the_tables_of_the_day_are_to_do(settings):
    record_built(settings, "L0000007", date(2026, 11, 20))
    assert work_tonight(settings, "L0000007") == Work.DAY


def test_a_load_asks_for_everything(settings):
    assert work_tonight(settings, "L0000008") == Work.WHOLE


def _cut_off(settings: Settings) -> None:
    forget_built(settings)


def _other_models(settings: Settings) -> None:
    write_text("another project", built_by_file(settings))


def _lost_warehouse(settings: Settings) -> None:
    settings.warehouse_file.unlink()


def _moved_home(settings: Settings) -> None:
    home = settings.home_path / "elsewhere"
    shutil.copytree(settings.build_path, home / "build")
    object.__setattr__(settings, "home", home)


def _other_own_organisation(settings: Settings) -> None:
    object.__setattr__(settings, "own_organisation", "ZZB")


def _failed_test(settings: Settings) -> None:
    verdicts = read_verdicts(verdicts_file(settings))
    write_text(json.dumps(verdicts | {min(verdicts): "fail"}), verdicts_file(settings))


def _test_without_verdict(settings: Settings) -> None:
    path = verdicts_file(settings)
    forget_verdicts(path, {min(read_verdicts(path))})


@pytest.mark.parametrize(
    "happens",
    [
        _cut_off,
        _other_models,
        _lost_warehouse,
        _moved_home,
        _other_own_organisation,
        _failed_test,
        _test_without_verdict,
    ],
)
def test_what_cannot_be_relied_on_is_built_whole(settings, happens):
    happens(settings)
    assert work_tonight(settings, "L0000007") == Work.WHOLE


def test_a_test_of_a_table_that_changes_nightly_runs_whenever_it_is_built():
    """Dagster runs the tests of the models it builds: those attached to them or said to be about them."""
    manifest = ensure_manifest()
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    models = changing_nightly(manifest)
    names = {nodes[name]["name"] for name in models}
    assert "fct_expected_point" in names
    assert "fct_measure_point" not in names
    for test in dbt_tests_of(manifest, models):
        node = nodes[test]
        about = node["config"]["meta"].get("dagster", {}).get("ref", {}).get("name")
        assert node.get("attached_node") in models or about in names, test
