"""The history of icons: written at publish, only what changed, never computed again, never half done."""

import shutil
from pathlib import Path

import duckdb
import pytest

from pipelines.lake.layout import Lake, release_part
from pipelines.mart.publish import current_manifest, publish
from pipelines.settings import Settings
from tests.killing import killed_before_step
from tests.unit.test_publish import build, new_manifest, new_settings, silent

STATUS = (
    "create or replace table spc.fct_spc_status (series_id varchar, measure_id varchar, "
    "organisation_code varchar, unit_code varchar, stratum varchar, rule_set_id varchar, "
    "chart_type varchar, variation_icon varchar, assurance_icon varchar, last_period_start date)"
)
FIRST = [("M1", None, "common_cause"), ("M2", "W1", "common_cause"), ("M3", None, "concern_high")]
SECOND = [("M1", None, "improvement_low"), ("M2", "W1", "common_cause"), ("M4", None, "none")]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return new_settings(tmp_path)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return new_manifest(tmp_path)


def chart(settings: Settings, icons: list[tuple]) -> None:
    """Give the warehouse the status of these series: measure, unit, variation icon; and the icons that the
    lake has of earlier releases, as dbt reads them."""
    lake = Lake(settings.lake_path)
    build(settings, points=3)
    with duckdb.connect(str(settings.warehouse_file)) as connection:
        connection.execute("create schema spc")
        connection.execute(STATUS)
        for measure, unit, icon in icons:
            row = [
                f"series of {measure}",
                measure,
                "ZZ1",
                unit,
                "all",
                "mdc",
                "i",
                icon,
                "none",
                "2026-10-01",
            ]
            connection.execute("insert into spc.fct_spc_status values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute(
            "create table spc.fct_published_icon as select icons.* from read_parquet(?) as icons "
            "where release_id in (select release_id from read_parquet(?))",
            [str(release_part(lake.published_icons, "*")), str(release_part(lake.releases, "*"))],
        )


def history(file: Path) -> list[tuple]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(
            "select release_id, measure_id, variation_icon, is_shown from spc.fct_published_icon order by all"
        ).fetchall()


ALL = [
    ("R0000001", "M1", "common_cause", True),
    ("R0000001", "M2", "common_cause", True),
    ("R0000001", "M3", "concern_high", True),
    ("R0000002", "M1", "improvement_low", True),
    ("R0000002", "M3", "concern_high", False),
    ("R0000002", "M4", "none", True),
]


def test_a_release_adds_what_it_changed_and_what_it_no_longer_shows(settings, manifest):
    chart(settings, FIRST)
    publish(settings, "run", manifest, silent)
    assert history(settings.mart_file) == ALL[:3]
    chart(settings, SECOND)
    publish(settings, "run 2", manifest, silent)
    assert history(settings.mart_file) == ALL
    chart(settings, SECOND)
    assert not publish(settings, "run 3", manifest, silent).is_new
    chart(settings, FIRST)
    publish(settings, "run 4", manifest, silent)
    back = [row for row in history(settings.mart_file) if row not in ALL]
    assert back == [
        ("R0000003", "M1", "common_cause", True),
        ("R0000003", "M3", "concern_high", True),
        ("R0000003", "M4", "none", False),
    ]


@pytest.mark.parametrize("lost", ["warehouse", "mart"])
def test_the_history_outlives_the_warehouse_and_the_mart(settings, manifest, lost):
    chart(settings, FIRST)
    publish(settings, "run", manifest, silent)
    if lost == "mart":
        shutil.rmtree(settings.mart_path)
    else:
        settings.warehouse_file.unlink()
    chart(settings, SECOND)
    publish(settings, "run 2", manifest, silent)
    assert history(settings.mart_file) == ALL


def test_killed_at_every_step_the_history_is_that_of_the_release_that_analysts_read(settings, manifest):
    chart(settings, FIRST)
    publish(settings, "run", manifest, silent)
    chart(settings, SECOND)
    step = 1
    while killed_before_step(lambda: publish(settings, "run 2", manifest, silent), step):
        current = current_manifest(settings)
        assert current is not None
        last = current["release_id"]
        assert history(settings.mart_file) == [row for row in ALL if row[0] <= last]
        step += 1
    assert step >= 8
    assert history(settings.mart_file) == ALL


def test_a_release_that_was_never_noted_leaves_no_icon(settings, manifest):
    lake = Lake(settings.lake_path)
    chart(settings, FIRST)
    publish(settings, "run", manifest, silent)
    chart(settings, SECOND)
    step = 1
    while killed_before_step(lambda: publish(settings, "run 2", manifest, silent), step):
        if release_part(lake.published_icons, "R0000002").exists():
            break
        step += 1
    assert not release_part(lake.releases, "R0000002").exists()
    third = [("M1", None, "common_cause"), ("M2", "W1", "concern_low"), ("M3", None, "concern_high")]
    chart(settings, third)
    publish(settings, "run 3", manifest, silent)
    assert history(settings.mart_file) == [*ALL[:3], ("R0000002", "M2", "concern_low", True)]
