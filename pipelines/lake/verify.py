"""Whether the lake still holds what its ledger says: nothing missing, nothing altered, nothing added.

Belongs here: finding damage in the lake and saying which loads it concerns and what to do. Does not belong
here: releases (`pipelines.mart.verify`). Nothing is changed.

At night every file is looked at, but only those that are new or whose size or time has changed are read
(`changed_only`); `qi verify` reads them all, so that it also finds what a failing disk altered.
"""

import json
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.faults import Stopped
from pipelines.lake.durable import move_into_place, write_parquet
from pipelines.lake.layout import (
    FIRST_LOAD,
    FIRST_RELEASE,
    PART,
    Lake,
    load_folder,
    load_name,
    load_number,
    release_name,
    release_number,
    release_part,
)
from pipelines.lake.ledger import LedgerRow, files_with_personal_data
from pipelines.lake.seal import read_seals
from pipelines.lake.write import SEAL, file_sha256

MISSING, ALTERED, UNCLAIMED, UNREADABLE = "missing", "altered", "unclaimed", "unreadable"
READERS = 4
KNOWN_GOOD = pa.schema([("path", pa.string()), ("bytes", pa.int64()), ("mtime_ns", pa.int64())])


@dataclass(frozen=True)
class Damage:
    """One file that is not as it should be. `path` is relative to the folder that was looked through;
    `load_id` the load it belongs to, if any."""

    path: str
    kind: str
    remedy: str
    load_id: str | None = None

    def __str__(self) -> str:
        load = f" (load {self.load_id})" if self.load_id else ""
        return f"{self.path}{load} is {self.kind}. {self.remedy}"


class LakeDamaged(Stopped):
    """The lake does not hold what its ledger says, so no number may be made of it; names the files."""


@dataclass
class Reading:
    """How far the reading of files has come, for whoever watches."""

    files: int = 0
    bytes_read: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, size: int) -> None:
        with self._lock:
            self.files += 1
            self.bytes_read += size


def find_damage(
    lake: Lake,
    ledger: list[LedgerRow],
    *,
    changed_only: Path | None = None,
    reading: Reading | None = None,
) -> list[Damage]:
    """Every file of the lake's tables that is missing, altered or not in the ledger, by path.

    `changed_only`: a file in which to keep the sizes and times of files once found good, so that they are not
    read again; None reads all. Cost: one look at each file, and a reading of those not known.
    """
    claimed = _claimed(lake, ledger)
    there = dict(_files(lake))
    good = _known_good(changed_only)
    unread = [
        path
        for path in claimed.keys() & there.keys()
        if claimed[path].sha256 and good.get(path) != (there[path].st_size, there[path].st_mtime_ns)
    ]
    hashes = _hashes([lake.root / path for path in unread], reading or Reading())
    altered = {path for path, sha256 in zip(unread, hashes, strict=True) if sha256 != claimed[path].sha256}
    damage = [
        *(Damage(path, MISSING, *claimed[path].remedy(lake)) for path in claimed.keys() - there.keys()),
        *(Damage(path, ALTERED, *claimed[path].remedy(lake)) for path in altered),
        *_unclaimed(there.keys() - claimed.keys()),
    ]
    if changed_only is not None:
        _keep_known_good(
            changed_only, {path: there[path] for path in claimed.keys() & there.keys() - altered}
        )
    return sorted(damage, key=lambda each: each.path)


def find_archive_damage(lake: Lake, ledger: list[LedgerRow], reading: Reading) -> list[Damage]:
    """Archived files whose bytes are no longer those of their name, and those that are gone."""
    loads: dict[str, LedgerRow] = {}
    for row in ledger:
        loads.setdefault(row.file_sha256, row)
    kept = sorted(path for path in lake.archive.iterdir() if path.is_file())
    damage = []
    for path, sha256 in zip(kept, _hashes(kept, reading), strict=True):
        if sha256 != path.name:
            row = loads.get(path.name)
            remedy = "Put it back from a backup, or ask the supplier for the file"
            remedy += f" ({row.file_path}); what was loaded from it is not concerned." if row else "."
            damage.append(Damage(f"archive/{path.name}", ALTERED, remedy, row.load_id if row else None))
    names = {path.name for path in kept} | files_with_personal_data(ledger)
    for row in ledger:
        # A refused file is kept only when it was screened for personal data, which its row does not say.
        is_kept = row.retry_of is None and row.verdict == "accepted"
        if is_kept and row.file_sha256 not in names:
            names.add(row.file_sha256)
            remedy = f"It is {row.file_path} as received. Put it back from a backup or from the supplier."
            damage.append(Damage(f"archive/{row.file_sha256}", MISSING, remedy, row.load_id))
    return damage


@dataclass(frozen=True)
class _Claim:
    """A file that has to be in the lake. `sha256`: what its bytes come to; None where only its being there is
    known of. `load`: the load that wrote it, or whose row of the ledger it is (`is_row`)."""

    sha256: str | None
    load: LedgerRow | None = None
    is_row: bool = True

    def remedy(self, lake: Lake) -> tuple[str, str | None]:
        """What brings the file back, and the load that it belongs to."""
        if self.is_row or self.load is None:
            name = self.load.load_id if self.load else None
            return "Put it back from a backup of the lake: it was made of no file that came.", name
        if (lake.archive / self.load.file_sha256).exists():
            text = "`qi verify --repair` makes it anew from the archive; or put it back from a backup."
        else:
            text = (
                f"Put it back from a backup; or ask the supplier for {self.load.file_path}, put it into "
                f"lake/archive/ under the name {self.load.file_sha256} and run `qi verify --repair`."
            )
        return text, self.load.load_id


def _claimed(lake: Lake, ledger: list[LedgerRow]) -> dict[str, _Claim]:
    """Path of every file that has to be there -> what is known of it."""
    loads = {f"ledger/load_id={row.load_id}/{PART}": row for row in ledger}
    return (
        {path: _Claim(None) for path in _numbered(lake, ledger)}
        | {path: _Claim(sha, loads.get(path)) for path, sha in read_seals(lake).items()}
        | {
            path: _Claim(sha, row, is_row=False)
            for row in ledger
            for path, sha in json.loads(row.lake_files).items()
        }
    )


def _numbered(lake: Lake, ledger: list[LedgerRow]) -> list[str]:
    """Rows of ledger and releases that must be there because later ones are: they are numbered in turn."""
    newest_load = max((row.load_id for row in ledger), default=FIRST_LOAD)
    newest_load = max(newest_load, _last_released(lake))
    newest_release = max((folder.name for folder in lake.releases.iterdir()), default=FIRST_RELEASE)
    loads = range(1, load_number(newest_load) + 1)
    releases = range(1, release_number(newest_release) + 1)
    parts = [
        *(load_folder(lake.ledger, load_name(number)) / PART for number in loads),
        *(release_part(lake.releases, release_name(number)) for number in releases),
    ]
    return [part.relative_to(lake.root).as_posix() for part in parts]


def _last_released(lake: Lake) -> str:
    """The last load of any release."""
    parts = [str(path) for path in lake.releases.glob(f"*/{PART}")]
    try:
        found = duckdb.execute("select max(last_load_id) from read_parquet(?)", [parts]).fetchone()
    except duckdb.Error:
        # A record that cannot be read is found by its hash.
        return FIRST_LOAD
    return found[0] if found and found[0] else FIRST_LOAD


def _tables(lake: Lake) -> list[Path]:
    nested = [lake.root / area for area in ("accepted", "quarantine")]
    folders = [extract for area in nested if area.is_dir() for extract in sorted(area.iterdir())]
    alone = [lake.gate_results, lake.quarantined_rows, lake.profiles, lake.units]
    return [*folders, *alone, lake.ledger, lake.releases, lake.published_icons, lake.published_metrics]


def _files(lake: Lake) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below the lake's tables but the seals, and the empty files that keep their schemas."""
    # What a release that is not noted yet showed does not count; its next publication replaces it. Nor is
    # anything known of what one from before the seals showed.
    shown = [*lake.published_icons.iterdir(), *lake.published_metrics.iterdir()]
    unclaimed = [path for path in shown if not (lake.releases / path.name / SEAL).exists()]
    passed_by = {lake.releases / FIRST_RELEASE, *unclaimed}
    for table in _tables(lake):
        for folder, _, names in os.walk(table):
            if folder.endswith(f"load_id={FIRST_LOAD}") or Path(folder) in passed_by:
                continue
            for name in names:
                path = Path(folder) / name
                if name != SEAL:
                    yield path.relative_to(lake.root).as_posix(), path.lstat()


def _unclaimed(paths: Iterable[str]) -> Iterator[Damage]:
    for path in paths:
        yield Damage(path, UNCLAIMED, "No load wrote it. Move it out of the lake: it must not be counted.")


def _hashes(paths: list[Path], reading: Reading) -> list[str]:
    """The hash of each file; reading is shared by a few threads, because a disk answers several at once."""

    def read(path: Path) -> str:
        try:
            sha256 = file_sha256(path)
            reading.add(path.stat().st_size)
        except PermissionError:
            return UNREADABLE
        return sha256

    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(read, paths))


def _known_good(path: Path | None) -> dict[str, tuple[int, int]]:
    if path is None or not path.exists():
        return {}
    try:
        rows = duckdb.execute("select path, bytes, mtime_ns from read_parquet(?)", [str(path)]).fetchall()
    except duckdb.Error:
        # It only spares reading, so a damaged one is made anew.
        return {}
    return {name: (size, mtime) for name, size, mtime in rows}


def _keep_known_good(path: Path, there: dict[str, os.stat_result]) -> None:
    table = pa.table(
        {
            "path": list(there),
            "bytes": [status.st_size for status in there.values()],
            "mtime_ns": [status.st_mtime_ns for status in there.values()],
        },
        schema=KNOWN_GOOD,
    )
    staged = path.with_name(path.name + ".part")
    write_parquet(table, staged)
    move_into_place(staged, path)


def require_whole(lake: Lake, ledger: list[LedgerRow], known_good: Path) -> None:
    """Raise LakeDamaged, naming the files and what to do, when a look at the lake finds damage."""
    damage = find_damage(lake, ledger, changed_only=known_good)
    if damage:
        raise LakeDamaged(describe(damage))


SHOWN = 5


def describe(damage: list[Damage]) -> str:
    """Damage in one text."""
    more = f" … and {len(damage) - SHOWN} more files (`qi verify` lists them)." if len(damage) > SHOWN else ""
    return " ".join(f"lake/{each}" for each in damage[:SHOWN]) + more
