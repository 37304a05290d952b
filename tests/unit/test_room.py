"""Room on the disk, and where temporary files lie."""

import gzip
import shutil
import tempfile
from collections import namedtuple
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.intake import load
from pipelines.intake.night import take_in_inbox
from pipelines.intake.plan import Scope
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import read_ledger
from pipelines.room import NoRoom, require_room, temporary_files_in
from pipelines.settings import Settings

REGISTER = "organisation_code,organisation_name,organisation_type\nZZ1,Larkfield,trust\n"


def test_what_does_not_fit_is_said_with_place_and_remedy(tmp_path: Path) -> None:
    require_room(tmp_path, 1, "A file")
    with pytest.raises(NoRoom, match=r"A file takes up to 1,000,000,000\.0 GB in .*Make room there"):
        require_room(tmp_path, 1e18, "A file")


def test_temporary_files_lie_in_the_folder_and_those_of_a_killed_run_go(tmp_path: Path) -> None:
    folder = tmp_path / "build" / "tmp"
    (folder / "left").mkdir(parents=True)
    with temporary_files_in(folder):
        assert list(folder.iterdir()) == []
        with tempfile.NamedTemporaryFile() as file:
            assert Path(file.name).parent == folder
    assert not folder.exists()
    assert Path(tempfile.gettempdir()) != folder


def test_a_file_that_does_not_fit_waits_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(inbox=tmp_path / "inbox", home=tmp_path / "home", now=datetime(2026, 11, 2))
    settings.inbox_path.mkdir()
    (settings.inbox_path / "organisations.csv").write_text(REGISTER, encoding="utf-8")
    (settings.inbox_path / "units.csv.gz").write_bytes(gzip.compress(b"unit_code,unit_name\n" * 2))
    monkeypatch.setattr(load, "LARGE_BYTES", len(REGISTER))
    usage = namedtuple("usage", ["free"])
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda folder: usage(len(REGISTER)))
        report = take_in_inbox(settings, "run", Scope(), lambda line: None)
    assert [(file.relative, "Make room" in file.reason) for file in report.unsettled] == [
        ("organisations.csv", True)
    ]
    assert not [row for row in report.loads if row.verdict == "error"]
    take_in_inbox(settings, "run", Scope(), lambda line: None)
    accepted = [row for row in read_ledger(Lake(settings.lake_path)) if row.verdict == "accepted"]
    assert ("organisations.csv", 1) in [(row.file_path, row.rows_accepted) for row in accepted]
