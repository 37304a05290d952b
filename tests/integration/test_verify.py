"""What is kept is held against what was written down of it: by hash, file by file, and made anew."""

import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from pipelines.cli import main
from pipelines.intake.night import take_in_inbox, withdraw
from pipelines.intake.plan import Scope
from pipelines.lake.layout import PART, Lake
from pipelines.lake.ledger import LedgerUnreadable, read_ledger
from pipelines.lake.verify import LakeDamaged, find_damage
from pipelines.lake.write import file_sha256
from pipelines.settings import Settings
from tests.integration.test_killed import FIRST_NIGHT, SECOND_NIGHT, deliver

KEY = "k" * 32
NOW = "2026-03-03T00:00:00"


@pytest.fixture(scope="module")
def taken_in(tmp_path_factory) -> Path:
    """A folder with an inbox of two nights and the home that took them in."""
    folder = tmp_path_factory.mktemp("verify")
    deliver(folder / "inbox", FIRST_NIGHT | SECOND_NIGHT)
    take_in_inbox(settings_in(folder), "the run", Scope(), lambda line: None)
    return folder


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
