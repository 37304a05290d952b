"""What is kept is held against what was written down of it: by hash, file by file, and made anew."""

import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from pipelines.cli import main
from pipelines.intake.look import is_quiet
from pipelines.intake.night import take_in_inbox, withdraw
from pipelines.intake.plan import Scope
from pipelines.intake.pseudonym_key import FINGERPRINT
from pipelines.lake.durable import write_parquet
from pipelines.lake.layout import PART, PUBLISHED_METRICS, Lake
from pipelines.lake.ledger import LedgerUnreadable, read_ledger
from pipelines.lake.seal import unsealed
from pipelines.lake.verify import LakeDamaged, find_damage
from pipelines.lake.write import SEAL, file_sha256
from pipelines.mart.publish import publish
from pipelines.settings import Settings
from pipelines.verify import verify
from tests.integration.test_killed import FIRST_NIGHT, SECOND_NIGHT, deliver
from tests.unit.test_publish import new_manifest
from tests.unit.test_published_icons import chart

KEY = "k" * 32
NOW = "2026-03-03T00:00:00"


@pytest.fixture(scope="module")
def taken_in(tmp_path_factory) -> Path:
    """A folder with an inbox of two nights and the home that took them in and published a release."""
    folder = tmp_path_factory.mktemp("verify")
    deliver(folder / "inbox", FIRST_NIGHT | SECOND_NIGHT)
    take_in_inbox(settings_in(folder), "the run", Scope(), lambda line: None)
    publish_icon_and_metric(settings_in(folder), new_manifest(folder))
    return folder


def publish_icon_and_metric(settings: Settings, manifest: Path) -> None:
    """Publish a warehouse that shows one icon and one metric."""
    chart(settings, [("M1", None, "common_cause")])
    metric = pa.Table.from_pylist(
        [{"metric_result_id": "one", "metric_id": "M", "value": 0.5}], PUBLISHED_METRICS
    )
    with duckdb.connect(str(settings.warehouse_file)) as connection:
        newest = read_ledger(Lake(settings.lake_path))[-1].load_id
        connection.execute("update ops.fct_load set load_id = ?", [newest])
        connection.register("metric", metric)
        connection.execute("create schema maturity")
        connection.execute("create table maturity.fct_metric as from metric")
        connection.execute("create table ops.fct_published_metric as from metric where false")
    publish(settings, "the run", manifest, lambda line: None)


def settings_in(folder: Path) -> Settings:
    return Settings(
        inbox=folder / "inbox", home=folder / "home", now=datetime(2026, 3, 3), pseudonym_key=SecretStr(KEY)
    )


@pytest.fixture
def settings(taken_in, tmp_path) -> Settings:
    shutil.copytree(taken_in, tmp_path / "copy")
    return settings_in(tmp_path / "copy")


@pytest.fixture
def lake(settings) -> Lake:
    return Lake(settings.lake_path)


def qi(settings: Settings, *arguments: str) -> Result:
    environment = {
        "QI_HOME": str(settings.home),
        "QI_INBOX": str(settings.inbox),
        "QI_NOW": NOW,
        "QI_PSEUDONYM_KEY": KEY,
    }
    return CliRunner(env=environment).invoke(main, arguments)


def points(lake: Lake) -> Path:
    """The accepted points of the first night."""
    load = next(row for row in read_ledger(lake) if row.extract == "measure_points" and row.records_accepted)
    return lake.accepted("measure_points") / f"load_id={load.load_id}" / PART


def alter(path: Path) -> None:
    """Change one byte and nothing else: size and time stay, as when a disk fails."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_lake_that_is_whole_is_said_to_be(settings):
    result = qi(settings, "verify")
    assert result.exit_code == 0, result.output
    assert result.output.strip().endswith("all as they were written.")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "altered": alter,
    "missing": Path.unlink,
    "garbage": lambda path: path.write_bytes(b"garbage"),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_is_found_and_made_anew_with_the_hash_it_had(settings, lake, how):
    path = points(lake)
    before = file_sha256(path)
    DAMAGES[how](path)
    result = qi(settings, "verify")
    assert result.exit_code == 1
    assert (
        f"lake/{path.relative_to(lake.root).as_posix()}: {'missing' if how == 'missing' else 'altered'}"
        in (result.output)
    )
    assert "2026-03-01/measure_points.csv → measure_points" in result.output
    assert "`qi verify --repair` makes it anew" in result.output
    repaired = qi(settings, "verify", "--repair")
    assert repaired.exit_code == 0, repaired.output
    assert file_sha256(path) == before
    assert find_damage(lake, read_ledger(lake)) == []


def test_every_file_that_a_load_of_a_file_wrote_can_be_made_anew(settings, lake):
    damaged = []
    for row in read_ledger(lake):
        for area in ("accepted/*", "quarantine/*", "gate_results", "quarantined_rows"):
            for path in lake.root.glob(f"{area}/load_id={row.load_id}/{PART}"):
                if row.retry_of is None and row.verdict == "accepted":
                    damaged.append((path, file_sha256(path)))
                    path.unlink()
    assert len(damaged) >= 10
    result = qi(settings, "verify", "--repair")
    assert result.exit_code == 0, result.output
    assert [file_sha256(path) for path, _ in damaged] == [sha256 for _, sha256 in damaged]


def test_what_cannot_be_made_anew_is_said(settings, lake):
    path = points(lake)
    path.unlink()
    row = next(row for row in read_ledger(lake) if row.load_id in path.parent.name)
    alter(lake.archive / row.file_sha256)
    result = qi(settings, "verify", "--repair")
    assert result.exit_code == 1
    assert "The archive does not have the file as received any more." in result.output
    assert f"archive/{row.file_sha256}" in result.output
    assert not path.exists()


def test_a_file_that_no_load_wrote_is_found(settings, lake):
    stray = lake.accepted("measure_points") / "load_id=L0009999" / PART
    stray.parent.mkdir()
    shutil.copyfile(points(lake), stray)
    (damage,) = find_damage(lake, read_ledger(lake))
    assert (damage.kind, damage.load_id) == ("unclaimed", None)
    assert qi(settings, "verify").exit_code == 1


def test_archived_files_that_are_altered_or_gone_are_found(settings, lake):
    altered, gone = sorted(lake.archive.iterdir())[:2]
    alter(altered)
    gone.unlink()
    result = qi(settings, "verify")
    assert result.exit_code == 1
    assert f"lake/archive/{altered.name}: altered" in result.output
    assert f"lake/archive/{gone.name}: missing" in result.output


def test_a_damaged_row_of_the_ledger_is_named(settings, lake):
    path = lake.ledger / "load_id=L0000002" / PART
    path.write_bytes(b"garbage")
    result = qi(settings, "verify")
    assert result.exit_code == 1
    assert "lake/ledger/load_id=L0000002/part-0.parquet cannot be read" in result.output
    with pytest.raises(LedgerUnreadable, match="L0000002"):
        take_in_inbox(settings, "run", Scope(), lambda line: None)


@pytest.mark.parametrize("how", DAMAGES)
def test_any_file_of_the_lake_that_is_harmed_is_found_and_named(settings, lake, how):
    accepted = {row.file_sha256 for row in read_ledger(lake) if row.verdict == "accepted"}
    harmed = {
        path
        for path in lake.root.rglob("*")
        if path.is_file()
        and path.name != SEAL
        and lake.ledger not in path.parents
        # Of a refused file nobody knows whether it was kept, and of an empty table only its schema counts.
        and (path.parent != lake.archive or path.name in accepted)
        and (how != "altered" or "0000000" not in path.parent.name)
    }
    areas = {path.relative_to(lake.root).parts[0] for path in harmed}
    assert areas >= {"accepted", "archive", "gate_results", "profiles", "quarantine", "quarantined_rows"}
    assert areas >= {"releases", "published_icons", "published_metrics", FINGERPRINT}
    for path in harmed:
        DAMAGES[how](path)
    found = {damage.path for damage in verify(settings, lambda line: None).damage}
    assert found >= {path.relative_to(lake.root).as_posix() for path in harmed}


def test_a_row_of_the_ledger_that_can_be_read_and_is_another_is_found(settings, lake):
    path = lake.ledger / "load_id=L0000002" / PART
    row = pq.read_table(path)
    path.unlink()
    write_parquet(row.set_column(row.schema.get_field_index("rows_received"), "rows_received", [[9]]), path)
    (damage,) = verify(settings, lambda line: None).damage
    assert (damage.path, damage.kind) == (f"ledger/load_id=L0000002/{PART}", "altered")
    with pytest.raises(LakeDamaged, match=r"ledger/load_id=L0000002.*from a backup of the lake"):
        take_in_inbox(settings, "run", Scope(), lambda line: None)


@pytest.mark.parametrize("folder", ["ledger/load_id=L0000002", "releases/R0000001"])
def test_what_commits_a_load_or_a_release_cannot_go_unseen(settings, lake, folder):
    shutil.rmtree(lake.root / folder)
    assert f"{folder}/{PART}" in {damage.path for damage in verify(settings, lambda line: None).damage}


def test_what_a_release_keeps_in_the_lake_is_made_anew_from_the_mart(settings, lake):
    for table in (lake.releases, lake.published_icons, lake.published_metrics):
        path = table / "R0000001" / PART
        before = file_sha256(path)
        path.unlink()
        result = qi(settings, "verify", "--repair")
        assert "made anew, with the hash that it had" in result.output
        assert file_sha256(path) == before


def test_a_lake_from_before_the_seals_is_sealed_by_the_next_night(settings, lake):
    for seal in lake.root.rglob(SEAL):
        seal.unlink()
    assert len(unsealed(lake)) == len(read_ledger(lake)) + 1
    assert verify(settings, lambda line: None).damage == []
    assert not is_quiet(settings)
    take_in_inbox(settings, "run", Scope(), lambda line: None)
    assert unsealed(lake) == []
    assert verify(settings, lambda line: None).damage == []
    alter(lake.published_icons / "R0000001" / PART)
    assert [damage.kind for damage in verify(settings, lambda line: None).damage] == ["altered"]


@pytest.mark.parametrize("how", ["missing", "garbage"])
def test_the_night_does_not_begin_on_a_damaged_lake(settings, lake, how):
    DAMAGES[how](points(lake))
    deliver(
        settings.inbox, {"2026-03-02/organisations.csv": "organisation_code,organisation_name\nZZ3,Three\n"}
    )
    before = len(read_ledger(lake))
    with pytest.raises(LakeDamaged, match=r"lake/accepted/measure_points/load_id=.*`qi verify --repair`"):
        take_in_inbox(settings, "run", Scope(), lambda line: None)
    assert len(read_ledger(lake)) == before
    assert qi(settings, "verify", "--repair").exit_code == 0
    take_in_inbox(settings, "run", Scope(), lambda line: None)
    assert "2026-03-02/organisations.csv" in {row.file_path for row in read_ledger(lake)}


def test_the_night_reads_only_files_that_it_does_not_know(settings, lake, monkeypatch):
    read: list[Path] = []

    def noting(path: Path) -> str:
        read.append(path)
        return file_sha256(path)

    monkeypatch.setattr("pipelines.lake.verify.file_sha256", noting)
    known = settings.home_path / "build" / "known.parquet"
    ledger = read_ledger(lake)
    find_damage(lake, ledger, changed_only=known)
    assert len(read) > 10
    read.clear()
    find_damage(lake, ledger, changed_only=known)
    assert read == []
    os.utime(points(lake))
    find_damage(lake, ledger, changed_only=known)
    assert read == [points(lake)]
    known.write_bytes(b"garbage")
    assert find_damage(lake, ledger, changed_only=known) == []


def test_a_load_that_was_taken_back_is_still_looked_after(settings, lake):
    withdraw(settings, points(lake).parent.name.removeprefix("load_id="), "wrong", "by hand")
    points(lake).unlink()
    assert [damage.kind for damage in find_damage(lake, read_ledger(lake))] == ["missing"]


def test_without_a_lake_there_is_nothing_to_verify(tmp_path):
    result = qi(settings_in(tmp_path), "verify")
    assert result.exit_code == 1
    assert "There is no lake" in result.output
