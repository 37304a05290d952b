"""What lies in the inbox: every file once, with its hash and the moment it was received.

A folder named by an ISO date (`2026-10-31/`) says when its files were received; any other file is
received when a run first sees it. Files whose path, size and time are in the ledger are not read
again.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path

from pipelines.lake.durable import remove_tree
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import LedgerRow
from pipelines.lake.write import file_sha256

SYNTHETIC_MARK = "SYNTHETIC.md"
MAPPING_FOLDER = "mappings/"
SECONDS_STILL = 60
NOT_READABLE = "It may not be read. Give the pipeline's user read access."
STILL_CHANGING = "It is still being written or moved. The next run takes it."


class Changing(Exception):
    """A file of the inbox is not, or no longer, what it was a moment ago."""


@dataclass(frozen=True)
class Delivery:
    """One file as it lies in the inbox. `relative`: its path below the inbox, with `/`."""

    path: Path
    relative: str
    size: int
    mtime_ns: int
    sha256: str
    received_at: datetime
    is_synthetic: bool


@dataclass(frozen=True)
class Unsettled:
    """A file that could not be taken in tonight, and why; the next run looks again."""

    relative: str
    reason: str


def find_deliveries(
    inbox: Path, ledger: list[LedgerRow], now: datetime
) -> tuple[list[Delivery], list[Unsettled]]:
    """Every regular file below `inbox`, in the order of its path; links are not followed."""
    known = {row.file_path: row for row in ledger}
    first_seen = {(row.file_sha256, row.file_path): row.received_at for row in reversed(ledger)}
    closed_folders: list[OSError] = []
    found, unsettled = [], []
    for path in _files(inbox, closed_folders.append):
        relative = path.relative_to(inbox).as_posix()
        seen = look_at(path, relative, inbox, now, known.get(relative))
        if isinstance(seen, Unsettled):
            unsettled.append(seen)
        else:
            received = first_seen.get((seen.sha256, relative), seen.received_at)
            found.append(replace(seen, received_at=received))
    for fault in closed_folders:
        relative = Path(fault.filename).relative_to(inbox).as_posix()
        unsettled.append(Unsettled(_printable(relative), NOT_READABLE))
    return found, unsettled


def look_at(
    path: Path, relative: str, inbox: Path, now: datetime, known: LedgerRow | None = None
) -> Delivery | Unsettled:
    """One file as it lies there now, hashed unless `known` has its path, size and time."""
    try:
        reason = _hindrance(path, relative, now)
        if reason is None:
            return _delivery(path, relative, inbox, known, now)
    except PermissionError:
        reason = NOT_READABLE
    except (FileNotFoundError, Changing):
        reason = STILL_CHANGING
    return Unsettled(_printable(relative), reason)


def _hindrance(path: Path, relative: str, now: datetime) -> str | None:
    """Why a file cannot be taken in tonight, whatever it holds."""
    if path.is_symlink():
        return "It is a symbolic link. Deliver the file itself."
    if not path.is_file() and path.exists():
        # To read a named pipe would be to wait for whoever writes into it.
        return "It is not a regular file. Deliver a file."
    if _printable(relative) != relative:
        return "Its name is not UTF-8, so the ledger cannot hold it. Deliver it under another name."
    if received_at(relative, now) > now:
        return "Its folder is dated in the future. It is taken in then."
    return None


def _printable(relative: str) -> str:
    return relative.encode("utf-8", "replace").decode("utf-8")


def _files(inbox: Path, on_closed_folder: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(inbox, onerror=on_closed_folder):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name != SYNTHETIC_MARK:
                yield Path(folder) / name


def _delivery(path: Path, relative: str, inbox: Path, known: LedgerRow | None, now: datetime) -> Delivery:
    before = path.stat()
    if known and (known.file_bytes, known.file_mtime_ns) == (before.st_size, before.st_mtime_ns):
        sha256 = known.file_sha256
    else:
        sha256 = file_sha256(path)
        after = path.stat()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise Changing(relative)
    return Delivery(
        path=path,
        relative=relative,
        size=before.st_size,
        mtime_ns=before.st_mtime_ns,
        sha256=sha256,
        received_at=received_at(relative, now),
        is_synthetic=any((folder / SYNTHETIC_MARK).exists() for folder in _folders_up_to(path, inbox)),
    )


def received_at(relative: str, now: datetime) -> datetime:
    """The date of the innermost dated folder of the path, else now."""
    for part in reversed(relative.split("/")[:-1]):
        try:
            return datetime.combine(date.fromisoformat(part), time.min)
        except ValueError:
            continue
    return now


def archived_deliveries(lake: Lake, ledger: list[LedgerRow], present: list[Delivery]) -> list[Delivery]:
    """Files that are no longer in the inbox, or were overwritten there, brought back from the archive
    under their old names, so that they can be read again. `present`: what the inbox holds."""
    there = {(delivery.sha256, delivery.relative) for delivery in present}
    gone = {
        (row.file_sha256, row.file_path): row
        for row in ledger
        if row.extract and row.verdict in ("accepted", "refused", "error")
    }
    found = []
    for (sha256, relative), row in gone.items():
        kept = lake.archive / sha256
        if (sha256, relative) in there or relative.startswith(MAPPING_FOLDER) or not kept.exists():
            continue
        path = _copies(lake) / sha256 / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, path)
        found.append(
            Delivery(
                path,
                relative,
                row.file_bytes,
                row.file_mtime_ns,
                sha256,
                row.received_at,
                row.is_synthetic,
            )
        )
    return found


def _copies(lake: Lake) -> Path:
    """Where copies from the archive lie while they are read; as the archive, for its owner only."""
    folder = lake.staging / "reread"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def forget_copies(lake: Lake) -> None:
    """Remove the copies that `archived_deliveries` made."""
    remove_tree(_copies(lake))


def empty_hint(inbox: Path, ledger: list[LedgerRow]) -> str | None:
    """What to say of an inbox without files from which some came before."""
    if not ledger or next(_files(inbox), None) is not None:
        return None
    return f"{inbox} is empty, and was not always. Is it mounted?"


def stable_listing(inbox: Path, now: datetime) -> list[str]:
    """One line a file (path, size, time) when every file has lain still for a minute; else nothing."""
    if not inbox.is_dir():
        return []
    lines = []
    for path in _files(inbox):
        try:
            status = path.lstat()
        except FileNotFoundError:
            return []
        age = now.replace(tzinfo=UTC).timestamp() - status.st_mtime
        # A time still to come says nothing of when the file was written, and must not hold up all others.
        if -SECONDS_STILL < age < SECONDS_STILL:
            return []
        lines.append(f"{path.relative_to(inbox).as_posix()} {status.st_size} {status.st_mtime_ns}")
    return lines


def _folders_up_to(path: Path, inbox: Path) -> Iterator[Path]:
    for folder in path.parents:
        yield folder
        if folder == inbox:
            return
