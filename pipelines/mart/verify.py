"""Whether releases are still what was published: every file with the bytes it had."""

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.lake.verify import ALTERED, MISSING, UNREADABLE, Damage, Reading
from pipelines.lake.write import file_sha256
from pipelines.mart.warehouse import RELEASE_TABLE

MART_NAME = "qi_mart.duckdb"
MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True)
class FileState:
    """A file of a release as it was published."""

    sha256: str
    bytes: int


def file_states(folder: Path) -> dict[str, dict]:
    """Every file below a release's folder by its relative path, as the manifest keeps it."""
    return {
        path.relative_to(folder).as_posix(): {"sha256": file_sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def release_damage(folder: Path, reading: Reading | None = None, *, all_bytes: bool = True) -> list[Damage]:
    """What of a release is no longer as published; nothing for files of releases that kept no hashes.

    `all_bytes=False` reads the mart file only and takes the others by their size.
    """
    manifest = read_manifest(folder / MANIFEST_NAME)
    if not folder.is_dir():
        return [_damage(folder, "", MISSING)]
    if manifest is None:
        return [_damage(folder, MANIFEST_NAME, UNREADABLE)]
    damage = []
    for name, state in manifest.get("files", {MART_NAME: None}).items():
        path = folder / name
        if not path.exists():
            damage.append(_damage(folder, name, MISSING))
        elif state and not _is_as_published(path, FileState(**state), all_bytes or name == MART_NAME):
            damage.append(_damage(folder, name, ALTERED))
        elif reading:
            reading.add(path.stat().st_size)
    return damage


def _is_as_published(path: Path, state: FileState, is_read: bool) -> bool:
    return path.stat().st_size == state.bytes and (not is_read or file_sha256(path) == state.sha256)


def _damage(folder: Path, name: str, kind: str) -> Damage:
    remedy = (
        "Nothing is lost: `qi run` publishes from the lake again. Do not use this copy; an older release can "
        "be put back from a backup only."
    )
    return Damage(f"mart/releases/{folder.name}{'/' if name else ''}{name}", kind, remedy)


def read_manifest(path: Path) -> dict | None:
    """A release's manifest; None when there is none or it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def is_mart_of(path: Path, release_id: str) -> bool:
    """Whether a file opens as the mart of a release."""
    if not path.is_file():
        return False
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            query = f"select count(*) from {RELEASE_TABLE} where release_id = ?"
            return connection.execute(query, [release_id]).fetchall() == [(1,)]
    except duckdb.Error:
        return False
