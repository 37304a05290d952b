"""Publishing: audited, whole, swapped under open readers, and never half done after a kill."""

import errno
import json
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from pipelines.lake.layout import Lake
from pipelines.lake.ledger import BY_HAND, next_load_id, prepare, read_ledger
from pipelines.lake.write import commit_load
from pipelines.mart.publish import (
    AuditFailed,
    copy_mart,
    current_manifest,
    mark_kept,
    publish,
    release_row,
    telling_analysts,
    verdicts_file,
)
from pipelines.mart.verify import release_damage
from pipelines.mart.warehouse import RELEASE_TABLE
from pipelines.settings import Settings
from tests.killing import killed_before_step
from tests.unit.test_lake import SCHEMA, ledger_row, things

RELEASE_COLUMNS = (
    "release_id varchar, published_at timestamp, as_of_date date, run_id varchar, code_version varchar, "
    "loads bigint, first_load_id varchar, last_load_id varchar, rows_received bigint, "
    "rows_accepted bigint, rows_quarantined bigint, rows_refused bigint, rows_ignored bigint, "
    "checks_passed bigint, checks_failed bigint, tables bigint, contains_synthetic boolean, note varchar"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return new_settings(tmp_path)


def new_settings(tmp_path: Path) -> Settings:
    """Settings of a home with one load and a warehouse of three points."""
    settings = Settings(home=tmp_path / "home", now=datetime(2026, 11, 21, 4), releases_kept=2)
    lake = Lake(settings.lake_path)
    prepare(lake, {"things": SCHEMA})
    row = replace(ledger_row(lake), rows_received=1, rows_accepted=1, records_accepted=1)
    commit_load(lake, row, {lake.accepted("things"): things(("a", "red", 1))})
    build(settings, points=3)
    return settings


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return new_manifest(tmp_path)


def new_manifest(tmp_path: Path) -> Path:
    """dbt's manifest, with one error test and one warning."""
    path = tmp_path / "manifest.json"
    nodes = {
        "test.qi.holds": {"resource_type": "test", "config": {"severity": "ERROR"}},
        "test.qi.hint": {"resource_type": "test", "config": {"severity": "WARN"}},
    }
    path.write_text(json.dumps({"nodes": nodes}), encoding="utf-8")
    return path


def build(settings: Settings, points: int, test_status: str = "pass") -> None:
    """A warehouse as dbt would leave it, with `points` measure points."""
    settings.build_path.mkdir(parents=True, exist_ok=True)
    settings.warehouse_file.unlink(missing_ok=True)
    with duckdb.connect(str(settings.warehouse_file)) as connection:
        for schema in ("staging", "core", "ops"):
            connection.execute(f"create schema {schema}")
        connection.execute("create table staging.hidden as select 1 as x")
        connection.execute(
            "create table core.fct_measure_point as select range as point_id, true as is_latest, "
            f"false as is_withdrawn from range({points})"
        )
        connection.execute("comment on table core.fct_measure_point is 'One version of a point; it''s so.'")
        connection.execute("comment on column core.fct_measure_point.point_id is 'Its key.'")
        connection.execute("create table core.dim_organisation as select 'ZZ1' as organisation_code")
        connection.execute(
            "create view core.fct_named_point as "
            "select 'P' || point_id as point_name from core.fct_measure_point"
        )
        connection.execute("comment on view core.fct_named_point is 'Points by name.'")
        connection.execute("comment on column core.fct_named_point.point_name is 'Its name.'")
        connection.execute("create table ops.fct_load as select 'L0000001' as load_id")
        connection.execute(f"create table ops.release ({RELEASE_COLUMNS})")
    verdicts = {"test.qi.holds": test_status, "test.qi.hint": "warn"}
    verdicts_file(settings).write_text(json.dumps(verdicts), encoding="utf-8")


def count_points(settings: Settings) -> int:
    with duckdb.connect(str(settings.mart_file), read_only=True) as connection:
        return connection.execute("select count(*) from core.fct_measure_point").fetchall()[0][0]


def note(settings: Settings) -> str | None:
    with duckdb.connect(str(settings.mart_file), read_only=True) as connection:
        return connection.execute("select note from ops.release order by release_id desc").fetchall()[0][0]


def silent(line: str) -> None:
    assert line


def test_release_has_published_tables_comments_parquet_and_its_own_row(settings, manifest):
    made = publish(settings, "run", manifest, silent)
    assert made.is_new
    assert made.manifest["release_id"] == "R0000001"
    with duckdb.connect(str(settings.mart_file), read_only=True) as connection:
        tables = connection.execute("select schema_name, table_name, comment from duckdb_tables()").fetchall()
        assert ("core", "fct_measure_point", "One version of a point; it's so.") in tables
        assert {schema for schema, _, _ in tables} == {"core", "ops"}
        # A view of the warehouse is a table of the mart.
        assert ("core", "fct_named_point", "Points by name.") in tables
        assert connection.execute("from core.fct_named_point").fetchall() == [("P0",), ("P1",), ("P2",)]
        assert connection.execute(
            "select comment from duckdb_columns() where column_name = 'point_name'"
        ).fetchall() == [("Its name.",)]
        assert connection.execute("select release_id, rows_received from ops.release").fetchall() == [
            ("R0000001", 1)
        ]
    parquet = settings.mart_path / "releases" / "R0000001" / "parquet" / "core" / "fct_measure_point.parquet"
    assert duckdb.execute("select count(*) from read_parquet(?)", [str(parquet)]).fetchall() == [(3,)]
    assert settings.mart_file.stat().st_mode & 0o222 == 0


def test_same_content_is_not_published_twice(settings, manifest):
    publish(settings, "run", manifest, silent)
    again = publish(settings, "run 2", manifest, silent)
    assert not again.is_new
    assert again.manifest["release_id"] == "R0000001"
    assert sorted(path.name for path in settings.mart_path.iterdir()) == [
        "manifest.json",
        "qi_mart.duckdb",
        "releases",
        "status.json",
    ]


def test_open_reader_keeps_its_release_and_the_next_reader_gets_the_new_one(settings, manifest):
    publish(settings, "run", manifest, silent)
    with duckdb.connect(str(settings.mart_file), read_only=True) as reader:
        build(settings, points=5)
        publish(settings, "run 2", manifest, silent)
        assert reader.execute("select count(*) from core.fct_measure_point").fetchall() == [(3,)]
    assert count_points(settings) == 5


@pytest.mark.parametrize("status", ["fail", "error", "skipped"])
def test_failed_dbt_test_keeps_the_last_release(settings, manifest, status):
    publish(settings, "run", manifest, silent)
    build(settings, points=5, test_status=status)
    with pytest.raises(AuditFailed, match=r"test\.qi\.holds"):
        publish(settings, "run 2", manifest, silent)
    assert count_points(settings) == 3


def test_tests_that_were_never_run_keep_the_last_release(settings, manifest):
    verdicts_file(settings).unlink()
    with pytest.raises(AuditFailed, match="never run"):
        publish(settings, "run", manifest, silent)
    assert not settings.mart_file.exists()


def test_table_that_shrank_keeps_the_last_release(settings, manifest):
    publish(settings, "run", manifest, silent)
    build(settings, points=2)
    with pytest.raises(AuditFailed, match=r"core\.fct_measure_point did not shrink"):
        publish(settings, "run 2", manifest, silent)


@pytest.mark.parametrize(
    ("records", "run_id", "left", "is_published"),
    [
        (99, BY_HAND, 0, True),
        (30, BY_HAND, 65, True),
        # More went than was taken back, or it was not taken back by anybody.
        (30, BY_HAND, 60, False),
        (99, "a run", 0, False),
    ],
)
def test_a_table_may_lose_what_was_taken_back_by_hand_and_no_more(
    settings, manifest, records, run_id, left, is_published
):
    lake = Lake(settings.lake_path)
    loads = [
        commit_load(
            lake,
            replace(ledger_row(lake), file_sha256=name, records_accepted=number),
            {lake.accepted("things"): things(*([(name, "red", 1)] * number))},
        )
        for name, number in (("a", records), ("b", 99 - records))
    ]
    graph = json.loads(manifest.read_text(encoding="utf-8"))
    model = {"resource_type": "model", "schema": "core", "alias": "fct_thing"}
    graph["nodes"]["model.qi.thing"] = model
    graph["nodes"]["model.qi.stg"] = model | {"schema": "staging", "alias": "stg"}
    graph["parent_map"] = {
        "model.qi.thing": ["model.qi.stg"],
        "model.qi.stg": ["source.qi.lake.things", "source.qi.lake.loads"],
    }
    manifest.write_text(json.dumps(graph), encoding="utf-8")

    def with_things(number: int) -> None:
        build(settings, points=3)
        with duckdb.connect(str(settings.warehouse_file)) as connection:
            newest = read_ledger(lake)[-1].load_id
            connection.execute("update ops.fct_load set load_id = ?", [newest])
            connection.execute(f"create table core.fct_thing as from range({number})")

    with_things(100)
    publish(settings, "run", manifest, silent)
    row = replace(loads[0], load_id=next_load_id(lake), verdict="withdrawn", retry_of=loads[0].load_id)
    commit_load(lake, replace(row, run_id=run_id, records_accepted=0, lake_files="{}"), {})
    with_things(left)
    if not is_published:
        with pytest.raises(AuditFailed, match=r"core\.fct_thing did not shrink"):
            publish(settings, "run 2", manifest, silent)
        return
    checks = {check.name: check.detail for check in publish(settings, "run 2", manifest, silent).checks}
    assert f"{records}% more as L0000002 (things) was taken back" in checks["core.fct_thing did not shrink"]
    # The next release is compared with this one.
    with_things(0 if left else 1)
    if left:
        with pytest.raises(AuditFailed, match=r"core\.fct_thing did not shrink"):
            publish(settings, "run 3", manifest, silent)


def test_ledger_that_does_not_add_up_is_not_published(settings, manifest):
    lake = Lake(settings.lake_path)
    commit_load(lake, replace(ledger_row(lake), rows_received=9), {})
    with pytest.raises(AuditFailed, match="L0000002"):
        publish(settings, "run", manifest, silent)


def test_records_missing_from_the_lake_are_not_published(settings, manifest):
    (part,) = (settings.lake_path / "accepted" / "things" / "load_id=L0000001").iterdir()
    part.unlink()
    with pytest.raises(AuditFailed, match="the lake is whole"):
        publish(settings, "run", manifest, silent)


def test_failed_run_says_so_where_analysts_look_until_a_run_succeeds(settings, manifest):
    publish(settings, "run", manifest, silent)
    with pytest.raises(ValueError, match="boom"), telling_analysts(settings, "run 2", "the dbt build"):
        raise ValueError("boom")
    text = note(settings)
    assert text is not None
    assert "the dbt build" in text
    assert "boom" not in text
    status = json.loads((settings.mart_path / "status.json").read_text(encoding="utf-8"))
    assert (status["outcome"], status["release_id"]) == ("failed", "R0000001")
    publish(settings, "run 3", manifest, silent)
    assert note(settings) is None


def test_note_before_the_first_release_changes_nothing(settings):
    mark_kept(settings, "nothing there")
    assert not settings.mart_file.exists()


def test_an_unchanged_table_is_the_same_parquet_file_and_a_changed_one_another(settings, manifest):
    def parquet(release: str, table: str) -> Path:
        return settings.mart_path / "releases" / release / "parquet" / f"{table}.parquet"

    def add(sql: str) -> None:
        with duckdb.connect(str(settings.warehouse_file)) as connection:
            connection.execute(sql)

    add("create table core.dim_unit as select 'W1' as unit")
    publish(settings, "run", manifest, silent)
    build(settings, points=4)
    # The same rows under another name are another table.
    add("create table core.dim_unit as select 'W1' as unit_code")
    publish(settings, "run", manifest, silent)
    first, second = "R0000001", "R0000002"
    assert parquet(first, "ops/fct_load").samefile(parquet(second, "ops/fct_load"))
    assert not parquet(first, "core/fct_measure_point").samefile(parquet(second, "core/fct_measure_point"))
    for release, count in ((first, 3), (second, 4)):
        path = str(parquet(release, "core/fct_measure_point"))
        assert duckdb.execute("select count(*) from read_parquet(?)", [path]).fetchall() == [(count,)]
    columns = duckdb.execute("describe from read_parquet(?)", [str(parquet(second, "core/dim_unit"))])
    assert [row[0] for row in columns.fetchall()] == ["unit_code"]


def test_a_mart_that_starts_from_the_last_one_is_the_same_as_one_made_anew(settings, manifest, tmp_path):
    build(settings, points=20_000)
    publish(settings, "run", manifest, silent)
    last = settings.mart_path / "releases" / "R0000001"
    with duckdb.connect(str(settings.warehouse_file)) as connection:
        connection.execute("insert into core.dim_organisation values ('ZZ2')")
        connection.execute("create schema spc")
        connection.execute("create table spc.dim_rule_set as select 'mdc' as rule_set_id")
        connection.execute("comment on column spc.dim_rule_set.rule_set_id is 'Its key.'")
        connection.execute("comment on column core.fct_measure_point.point_id is null")
        connection.execute("comment on table core.fct_measure_point is 'Another comment.'")
    row = release_row(publish(settings, "run 2", manifest, silent).manifest)
    (tmp_path / "anew").mkdir()
    copy_mart(settings.warehouse_file, tmp_path / "anew", {RELEASE_TABLE: row})
    anew = mart_content(tmp_path / "anew")
    assert ("core", "fct_measure_point", "Another comment.") in anew["tables"]
    assert mart_content(settings.mart_path) == anew

    with duckdb.connect(str(settings.warehouse_file)) as connection:
        connection.execute("drop table ops.fct_load")
    (tmp_path / "on").mkdir()
    copy_mart(
        settings.warehouse_file, tmp_path / "on", {RELEASE_TABLE: row}, last, {"core.fct_measure_point"}
    )
    on = mart_content(tmp_path / "on")
    assert "ops.fct_load" not in on
    assert on["core.fct_measure_point"] == anew["core.fct_measure_point"]
    assert on["core.dim_organisation"] == [("ZZ1",), ("ZZ2",)]


def mart_content(folder: Path) -> dict[str, list]:
    """Everything that a reader can see of a mart."""
    with duckdb.connect(str(folder / "qi_mart.duckdb"), read_only=True) as mart:
        tables = mart.execute(
            "select schema_name, table_name, comment from duckdb_tables() order by all"
        ).fetchall()
        columns = mart.execute(
            "select schema_name, table_name, column_name, data_type, comment from duckdb_columns() "
            "where not internal order by all"
        ).fetchall()
        rows = {
            f"{schema}.{table}": mart.execute(f"from {schema}.{table} order by all").fetchall()
            for schema, table, _ in tables
        }
    return {"tables": tables, "columns": columns, **rows}


def test_old_releases_go_and_the_current_one_stays(settings, manifest):
    for points in (3, 4, 5, 6):
        build(settings, points=points)
        publish(settings, "run", manifest, silent)
    kept = sorted(path.name for path in (settings.mart_path / "releases").iterdir())
    assert kept == ["R0000003", "R0000004"]
    with duckdb.connect(str(settings.mart_file), read_only=True) as connection:
        assert connection.execute("select max(release_id) from ops.release").fetchall() == [("R0000004",)]


def test_kill_at_every_step_leaves_a_whole_release_and_the_next_run_finishes(settings, manifest):
    publish(settings, "run", manifest, silent)
    build(settings, points=7)
    step, seen = 1, []
    while killed_before_step(lambda: publish(settings, "run 2", manifest, silent), step):
        seen.append(count_points(settings))
        step += 1
    assert set(seen) <= {3, 7}
    assert seen == sorted(seen)
    assert step >= 6
    current = current_manifest(settings)
    assert current is not None
    assert current["release_id"] == "R0000002"
    assert count_points(settings) == current["tables"]["core.fct_measure_point"]["rows"] == 7
    assert not publish(settings, "run 3", manifest, silent).is_new


def garble(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(b"garbage")


def replaced(path: Path) -> None:
    """Another file under the same name, as a careless copy leaves it."""
    path.unlink()
    path.write_bytes(b"garbage")


@pytest.mark.parametrize("harm", [replaced, Path.unlink])
def test_a_mart_file_that_is_lost_or_garbage_is_put_back_and_said(settings, manifest, harm):
    publish(settings, "run", manifest, silent)
    harm(settings.mart_file)
    said: list[str] = []
    assert not publish(settings, "run 2", manifest, said.append).is_new
    assert "was lost or damaged; it is put back from" in "\n".join(said)
    assert count_points(settings) == 3


def test_garbage_that_reaches_the_release_too_leads_to_a_new_release(settings, manifest):
    """Mart file and release may be one file under two names, so writing into one changes both."""
    publish(settings, "run", manifest, silent)
    garble(settings.mart_file)
    garble(settings.mart_path / "releases" / "R0000001" / "qi_mart.duckdb")
    said: list[str] = []
    made = publish(settings, "run 2", manifest, said.append)
    assert (made.is_new, made.manifest["release_id"]) == (True, "R0000002")
    assert "releases/R0000001/qi_mart.duckdb is altered" in "\n".join(said)
    assert count_points(settings) == 3


@pytest.mark.parametrize("file", ["", "parquet/core/dim_organisation.parquet"])
def test_a_release_folder_that_lacks_something_is_published_anew(settings, manifest, file):
    publish(settings, "run", manifest, silent)
    path = settings.mart_path / "releases" / "R0000001" / file
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert publish(settings, "run 2", manifest, silent).manifest["release_id"] == "R0000002"
    assert count_points(settings) == 3


def test_a_damaged_manifest_is_brought_back_from_the_release(settings, manifest):
    publish(settings, "run", manifest, silent)
    (settings.mart_path / "manifest.json").write_text("{", encoding="utf-8")
    assert not publish(settings, "run 2", manifest, silent).is_new
    current = current_manifest(settings)
    assert current is not None
    assert current["release_id"] == "R0000001"


def test_a_failed_night_notes_it_in_a_whole_mart_even_where_the_mart_file_is_garbage(settings, manifest):
    publish(settings, "run", manifest, silent)
    replaced(settings.mart_file)
    mark_kept(settings, "a note")
    assert note(settings) == "a note"
    assert count_points(settings) == 3


def test_releases_are_verified_by_their_bytes(settings, manifest):
    publish(settings, "run", manifest, silent)
    folder = settings.mart_path / "releases" / "R0000001"
    assert release_damage(folder) == []
    parquet = folder / "parquet" / "core" / "dim_organisation.parquet"
    content = bytearray(parquet.read_bytes())
    content[-20] ^= 1
    parquet.write_bytes(content)
    assert [(each.path, each.kind) for each in release_damage(folder)] == [
        ("mart/releases/R0000001/parquet/core/dim_organisation.parquet", "altered")
    ]


def test_a_lake_file_that_was_altered_since_it_was_audited_is_not_published(settings, manifest):
    publish(settings, "run", manifest, silent)
    (part,) = (settings.lake_path / "accepted" / "things" / "load_id=L0000001").iterdir()
    part.write_bytes(b"garbage")
    with pytest.raises(AuditFailed, match=r"accepted/things/load_id=L0000001/part-0.parquet .* is altered"):
        publish(settings, "run 2", manifest, silent)
    assert count_points(settings) == 3


def test_what_cannot_even_be_noted_does_not_hide_the_failure(settings, manifest, monkeypatch, caplog):
    publish(settings, "run", manifest, silent)

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipelines.mart.publish.write_text", full)
    with pytest.raises(ValueError, match="boom"), telling_analysts(settings, "run 2", "the dbt build"):
        raise ValueError("boom")
    assert "could not be noted" in caplog.text
    assert count_points(settings) == 3
