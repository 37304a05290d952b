"""What the inbox scan sees: hashes once, dates from folders, nothing through links."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.intake.inbox import empty_hint, find_deliveries, received_at, stable_listing

NOW = datetime(2026, 11, 21, 4)


def put(inbox: Path, relative: str, text: str = "x\n1\n") -> Path:
    path = inbox / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("relative", "expected"),
    [
        ("a.csv", NOW),
        ("2026-10-31/a.csv", datetime(2026, 10, 31)),
        ("2026-10-01/2026-10-31/a.csv", datetime(2026, 10, 31)),
        ("2026-10-31/trust x/a.csv", datetime(2026, 10, 31)),
        ("2030-01-01/a.csv", datetime(2030, 1, 1)),
        ("2026-10-31.csv", NOW),
        ("2026-13-01/a.csv", NOW),
    ],
)
def test_received_date_is_the_innermost_dated_folder(relative, expected):
    assert received_at(relative, NOW) == expected


def test_files_come_in_the_order_of_their_paths_without_hidden_ones(tmp_path):
    for relative in ("b.csv", "a/z.csv", ".hidden", ".git/config", "a/SYNTHETIC.md"):
        put(tmp_path, relative)
    found, unsettled = find_deliveries(tmp_path, [], NOW)
    assert [delivery.relative for delivery in found] == ["b.csv", "a/z.csv"]
    assert unsettled == []


def test_synthetic_mark_covers_its_folder_and_below(tmp_path):
    put(tmp_path, "demo/SYNTHETIC.md")
    put(tmp_path, "demo/2026-10-31/a.csv")
    put(tmp_path, "real.csv")
    found, _ = find_deliveries(tmp_path, [], NOW)
    assert {delivery.relative: delivery.is_synthetic for delivery in found} == {
        "demo/2026-10-31/a.csv": True,
        "real.csv": False,
    }


def test_links_are_not_followed(tmp_path):
    outside = put(tmp_path / "outside", "secret.csv")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "link.csv").symlink_to(outside)
    found, unsettled = find_deliveries(inbox, [], NOW)
    assert found == []
    assert [file.relative for file in unsettled] == ["link.csv"]


def test_files_dated_in_the_future_wait(tmp_path):
    put(tmp_path, "2026-11-22/a.csv")
    found, unsettled = find_deliveries(tmp_path, [], NOW)
    assert found == []
    assert [file.relative for file in unsettled] == ["2026-11-22/a.csv"]


def test_a_listing_is_stable_only_when_every_file_has_lain_still(tmp_path):
    old = put(tmp_path, "old.csv")
    os.utime(old, (1, 1))
    assert len(stable_listing(tmp_path, NOW)) == 1
    fresh = put(tmp_path, "fresh.csv")
    os.utime(fresh, (NOW.timestamp(), NOW.timestamp()))
    assert stable_listing(tmp_path, NOW) == []
    assert stable_listing(tmp_path / "nowhere", NOW) == []


def test_an_inbox_that_lost_its_files_is_told(tmp_path: Path) -> None:
    known = [object()]
    assert empty_hint(tmp_path, []) is None
    assert "Is it mounted?" in (empty_hint(tmp_path, known) or "")  # pyright: ignore[reportArgumentType]
    (tmp_path / "a.csv").touch()
    assert empty_hint(tmp_path, known) is None  # pyright: ignore[reportArgumentType]
