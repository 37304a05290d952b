"""What goes wrong around the files: disk, rights, clock, key, inbox. Each is said with its place and what
to do, the rest goes on, and the next run loses nothing."""

import errno
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from pydantic import SecretStr

import pipelines.intake.inbox
import pipelines.lake.durable
from pipelines.cli import main
from pipelines.faults import in_plain_words
from pipelines.intake.clock import ClockJumped
from pipelines.intake.inbox import NOT_READABLE, stable_listing
from pipelines.intake.night import InboxGone, reinstate, take_in_inbox, withdraw
from pipelines.intake.plan import Scope
from pipelines.intake.pseudonym_key import PseudonymKeyLost
from pipelines.lake.write import file_sha256
from pipelines.mart.warehouse import set_aside_if_damaged
from tests.integration.test_deliveries import HEADER, Hospital, lines, two_small_contracts
from tests.integration.test_killed import content

__all__ = ["two_small_contracts"]

FILES = {"wards.csv": "ward\nW1\n", "counts.csv": lines(HEADER, "C1,W1,1", "C2,W1,2")}


@pytest.fixture
def hospital(two_small_contracts, tmp_path) -> Iterator[Hospital]:
    """A hospital with small contracts, before its first night. What it holds in the end adds up."""
    hospital = Hospital(tmp_path / "hospital")
    hospital.deliver(FILES)
    yield hospital
    if hospital.lake.ledger.is_dir():
        hospital.check_conservation()


def counted(hospital: Hospital) -> list[tuple]:
    return hospital.standing("counts", "count_id, counted")


def test_a_disk_that_fills_at_any_write_loses_nothing(hospital, tmp_path, monkeypatch):
    undisturbed = Hospital(tmp_path / "undisturbed")
    undisturbed.deliver(FILES)
    for path in sorted(hospital.inbox.iterdir()):
        os.utime(path, ns=(1, 1))
        os.utime(undisturbed.inbox / path.name, ns=(1, 1))
    undisturbed.night(1)
    sync = pipelines.lake.durable.sync
    tries = 0

    def filling(path: Path) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        sync(path)

    said: list[str] = []
    while len(said) == tries:
        tries += 1
        left = tries
        with monkeypatch.context() as patch:
            patch.setattr(pipelines.lake.durable, "sync", filling)
            try:
                hospital.night(1)
            except OSError as fault:
                said.append(in_plain_words(fault))
    assert len(said) > 10
    assert all(text.startswith("The disk is full (") and "run again" in text for text in said)
    assert content(hospital.settings(1)) == content(undisturbed.settings(1))


def test_a_file_that_may_not_be_read_waits_and_the_others_load(hospital, monkeypatch):
    hospital.deliver({"closed.csv": "x\n"})

    def guarded(path: Path) -> str:
        if path.name == "closed.csv":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return file_sha256(path)

    monkeypatch.setattr(pipelines.intake.inbox, "file_sha256", guarded)
    report = hospital.night(1)
    assert [(file.relative, file.reason) for file in report.unsettled] == [("closed.csv", NOT_READABLE)]
    assert counted(hospital) == [("C1", 1), ("C2", 2)]


def test_an_inbox_that_is_gone_or_a_file_or_suddenly_empty_is_said(hospital):
    hospital.night(1)
    for path in hospital.inbox.iterdir():
        path.unlink()
    hospital.night(2)
    assert any("is empty, and was not always. Is it mounted?" in line for line in hospital.printed)
    hospital.inbox.rmdir()
    with pytest.raises(InboxGone, match=r"inbox is not there\. Make it"):
        hospital.night(3)
    hospital.inbox.write_text("not a folder", encoding="utf-8")
    with pytest.raises(InboxGone, match="is a file and no folder"):
        hospital.night(3)
    assert counted(hospital) == [("C1", 1), ("C2", 2)]


def test_a_clock_that_goes_back_does_not_make_a_load_known_before_an_earlier_one(hospital):
    hospital.night(20)
    hospital.night(3, {"more/counts.csv": lines(HEADER, "C3,W1,3")})
    rows = hospital.ledger()
    assert [row.loaded_at for row in rows] == sorted(row.loaded_at for row in rows)
    assert rows[-1].loaded_at == datetime(2026, 3, 20, 4)
    assert any(
        "The clock says 03 March 2026 04:00, but the last load was made at 20 March" in line
        for line in hospital.printed
    )
    assert len(counted(hospital)) == 3


def test_a_clock_far_ahead_stops_the_run_before_it_loads_anything(hospital, monkeypatch):
    hospital.night(1)
    hospital.deliver({"more/counts.csv": lines(HEADER, "C3,W1,3")})
    ahead = hospital.settings(2).model_copy(update={"now": None})
    monkeypatch.setattr(type(ahead), "clock", lambda self: datetime(2099, 1, 1))
    with pytest.raises(ClockJumped, match=r"26\d{3} days after the last load.*QI_NOW=2099-01-01"):
        take_in_inbox(ahead, "run", Scope(), hospital.printed.append)
    assert len(counted(hospital)) == 2


def test_another_key_for_pseudonyms_stops_the_run(hospital):
    hospital.night(1)
    other = hospital.settings(2).model_copy(update={"pseudonym_key": SecretStr("another key of 16 bytes")})
    with pytest.raises(PseudonymKeyLost, match=r"made with another key.*from a backup"):
        take_in_inbox(other, "run", Scope(), hospital.printed.append)


def test_a_lost_key_is_not_replaced_silently(hospital):
    def without_setting(day: int):
        return hospital.settings(day).model_copy(update={"pseudonym_key": None})

    take_in_inbox(without_setting(1), "run", Scope(), hospital.printed.append)
    key = hospital.folder / "home" / "pseudonym.key"
    kept = key.read_text(encoding="ascii")
    key.unlink()
    with pytest.raises(PseudonymKeyLost, match=r"pseudonym\.key\) is gone"):
        take_in_inbox(without_setting(2), "run", Scope(), hospital.printed.append)
    assert not key.exists()
    key.write_text(kept, encoding="ascii")
    take_in_inbox(without_setting(3), "run", Scope(), hospital.printed.append)


def test_what_a_path_held_before_and_holds_again_is_in_force_again(hospital):
    first, second = FILES["counts.csv"], lines(HEADER, "C1,W1,7", "C2,W1,8")
    hospital.night(1)
    hospital.night(2, {"counts.csv": second})
    hospital.night(3, {"counts.csv": first})
    newest = hospital.standing("counts", "loads.received_at, count_id, counted")[-2:]
    assert [(at.day, name, number) for at, name, number in newest] == [(3, "C1", 1), (3, "C2", 2)]
    # The first reading of it is taken back, so that no line counts twice; and the next night is quiet.
    assert len(counted(hospital)) == 4
    assert hospital.night(4).loads == []


def test_a_withdrawal_stays_when_files_are_read_again_until_it_is_undone(hospital):
    hospital.night(1)
    load = hospital.row("accepted", "counts").load_id
    withdraw(hospital.settings(2), load, "Wrong ward.", "by hand")
    hospital.night(3, scope=Scope(reread=True))
    assert counted(hospital) == []
    row = reinstate(hospital.settings(4), load, "by hand")
    assert (row.verdict, row.rows_accepted, row.received_at) == ("accepted", 2, datetime(2026, 3, 1, 4))
    assert counted(hospital) == [("C1", 1), ("C2", 2)]
    with pytest.raises(KeyError, match=r"no load .* that was taken back and not read again"):
        reinstate(hospital.settings(5), load, "by hand")
    hospital.night(6, scope=Scope(reread=True))
    assert counted(hospital) == [("C1", 1), ("C2", 2)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--reread"], "--all reads every file again"),
        (["run", "--all"], "--all belongs to --reread"),
        (["withdraw", "L0000001"], "Say why with --reason"),
        (["withdraw", "L0000001", "--undo", "--reason", "x"], "Say why with --reason"),
    ],
)
def test_what_reaches_far_must_be_said_in_full(tmp_path, arguments, words):
    result = CliRunner(env={"QI_HOME": str(tmp_path), "QI_INBOX": str(tmp_path)}).invoke(main, arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_a_mart_file_of_garbage_is_answered_with_what_to_do(tmp_path):
    (tmp_path / "mart").mkdir()
    (tmp_path / "mart" / "qi_mart.duckdb").write_bytes(b"garbage" * 1000)
    result = CliRunner(env={"QI_HOME": str(tmp_path)}).invoke(main, ["sql", "select 1"])
    assert result.exit_code == 1
    assert "is damaged or no DuckDB file. `qi run` puts it back" in result.output


@pytest.mark.parametrize("harm", ["garbage", "cut short", "empty header"])
def test_a_damaged_warehouse_is_moved_out_of_the_way(tmp_path, harm):
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table things as select range as x from range(100000)")
    assert set_aside_if_damaged(path) is None
    whole = path.read_bytes()
    path.write_bytes(
        {
            "garbage": b"garbage" * 9999,
            "cut short": whole[:6000],
            "empty header": b"\0" * 12288 + whole[12288:],
        }[harm]
    )
    aside = set_aside_if_damaged(path)
    assert aside == tmp_path / "warehouse.duckdb.damaged"
    assert not path.exists()
    assert set_aside_if_damaged(path) is None


def test_a_file_dated_in_the_future_does_not_hold_up_the_others(tmp_path):
    now = datetime(2026, 3, 1)
    for name, day in (("old.csv", 1), ("ahead.csv", 9)):
        path = tmp_path / name
        path.write_text("x", encoding="utf-8")
        at = datetime(2026, 3, day).timestamp() - (3600 if day == 1 else 0)
        os.utime(path, (at, at))
    assert len(stable_listing(tmp_path, now)) == 2


def test_a_quiet_night_under_a_clock_that_went_back_writes_nothing(hospital):
    hospital.night(5)
    before = content(hospital.settings(5))
    hospital.night(2)
    assert content(hospital.settings(5)) == before
