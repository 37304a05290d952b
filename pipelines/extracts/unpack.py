"""Gets at a delivered file that may be packed (zip, gzip).

Belongs here: what is inside a container, whether it is safe to unpack, and its content as a stream or as a
file of its own. Does not belong here: reading the content (`pipelines.extracts.readers`).

Nothing is unpacked under a name that a container gives, and nothing beyond the bounds of `readers.sizes`.
"""

import errno
import gzip
import lzma
import re
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.formats import FORMATS, PACKED, Format, readable_endings
from pipelines.extracts.readers.sizes import check_unpacked
from pipelines.room import require_room

MAX_UNPACKED_BYTES = 8 * 1024**3
MAX_MEMBERS = 10_000
SHOWN_MEMBERS = 5

_COPY_BYTES = 4 * 1024**2
_GLOB_MARKS = "*?[]"
_ARCHIVES = (*PACKED, ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz")
_DAMAGE = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
)
# A directory that points nowhere, a stream that is no bzip2; every other is the machine's fault.
_ERRORS_OF_DAMAGE = (errno.EINVAL, None)


@dataclass(frozen=True)
class Content:
    """A delivered file and one table in it: `name` is the file's own, or its name inside the container."""

    path: Path
    name: str
    format: Format

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which the file may be known, the delivered one first."""
        return tuple(dict.fromkeys((self.path.name, PurePosixPath(self.name).name)))


def look_inside(path: Path) -> list[Content]:
    """Every table that a delivered file holds, at least one; only a zip file may hold several.

    Raises:
        UnreadableFile: UNKNOWN_FORMAT; DAMAGED_ARCHIVE, ENCRYPTED, UNSAFE_PATH, LINK_IN_ARCHIVE,
            NESTED_ARCHIVE or NOT_ONE_FILE for containers.
    """
    ending = path.suffix.lower()
    if ending == ".zip":
        return [Content(path, name, FORMATS[_ending(name)]) for name in _members(path)]
    name = path.stem if ending == ".gz" else path.name
    if ending == ".gz" and _ending(name) in _ARCHIVES:
        raise _nested(name)
    found = FORMATS.get(_ending(name))
    if found is None:
        raise UnreadableFile(
            "UNKNOWN_FORMAT",
            "file",
            f"Files ending in '{_ending(name)}' are not read; those that are: {readable_endings()}.",
            "If it holds data, deliver it in one of these formats.",
        )
    return [Content(path, name, found)]


def not_one_table(names: list[str]) -> UnreadableFile:
    """A zip file holds no table, or several of which more than one could be meant."""
    return UnreadableFile(
        "NOT_ONE_FILE",
        "file",
        f"The zip file holds {len(names)} tables, and must hold one{f': {listed(names)}' if names else ''}.",
        "Deliver each table in a file of its own.",
    )


def listed(names: list[str]) -> str:
    """Names of tables in a zip file as a message gives them."""
    more = f" and {len(names) - SHOWN_MEMBERS} more" if len(names) > SHOWN_MEMBERS else ""
    return ", ".join(f"'{name}'" for name in names[:SHOWN_MEMBERS]) + more


@contextmanager
def stream(content: Content) -> Iterator[IO[bytes]]:
    """The content from its beginning.

    Raises:
        UnreadableFile: DAMAGED_ARCHIVE, also while the stream is being read.
    """
    try:
        with _open(content) as opened:
            yield opened
    except _DAMAGE as fault:
        raise _damaged() from fault
    except OSError as fault:
        if fault.errno in _ERRORS_OF_DAMAGE:
            raise _damaged() from fault
        raise


@contextmanager
def plain_file(content: Content) -> Iterator[Path]:
    """The content as a file on disk: the delivered one, or a copy that is gone afterwards.

    Raises:
        UnreadableFile: DAMAGED_ARCHIVE, ZIP_BOMB, UNPACKED_TOO_LARGE.
        NoRoom: the disk is too full for it.
    """
    # DuckDB would take these marks in a file's name for a pattern.
    if content.name == content.path.name and not any(mark in str(content.path) for mark in _GLOB_MARKS):
        yield content.path
        return
    with tempfile.TemporaryDirectory(prefix="qi-mart-") as folder:
        target = Path(folder) / f"content{_ending(content.name)}"
        with stream(content) as source, target.open("wb") as copy:
            _copy(source, copy, content.path.stat().st_size, target.parent)
        yield target


def _copy(source: IO[bytes], target: IO[bytes], packed_bytes: int, folder: Path) -> None:
    written = 0
    while block := source.read(_COPY_BYTES):
        written += len(block)
        require_room(folder, len(block), f"The unpacked file ({written / 1e6:,.0f} MB so far)")
        check_unpacked(written, packed_bytes, MAX_UNPACKED_BYTES)
        target.write(block)


@contextmanager
def _open(content: Content) -> Iterator[IO[bytes]]:
    ending = content.path.suffix.lower()
    if ending == ".zip":
        with zipfile.ZipFile(content.path) as archive, archive.open(content.name) as member:
            yield member
    elif ending == ".gz":
        with gzip.open(content.path, "rb") as opened:
            yield cast(IO[bytes], opened)
    else:
        with content.path.open("rb") as opened:
            yield opened


def _members(path: Path) -> list[str]:
    """Names of the tables in a zip file."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (*_DAMAGE, ValueError) as fault:
        raise _damaged() from fault
    except OSError as fault:
        if fault.errno in _ERRORS_OF_DAMAGE:
            raise _damaged() from fault
        raise
    for member in members:
        _check_member(member)
    tables = [member for member in members if _is_table(member.filename)]
    # A note to the reader is no table, and a table may be called anything: what is no text file goes first.
    tables = [each for each in tables if _ending(each.filename) != ".txt"] or tables
    names = [member.filename for member in tables]
    if not tables or len(members) > MAX_MEMBERS:
        raise not_one_table(names)
    if any(member.flag_bits & 1 for member in tables):
        raise UnreadableFile(
            "ENCRYPTED", "file", "The zip file has a password.", "Deliver it without a password."
        )
    return names


def _check_member(member: zipfile.ZipInfo) -> None:
    """Refuse what no honest zip file holds, though nothing would be unpacked under its own name."""
    name = member.filename.replace("\\", "/")
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in member.orig_filename:
        raise UnreadableFile(
            "UNSAFE_PATH",
            "file",
            "A file in the zip has a path that leads out of it.",
            "Check where the zip comes from, then pack the table alone.",
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise UnreadableFile(
            "LINK_IN_ARCHIVE",
            "file",
            "The zip holds a symbolic link.",
            "Pack the file itself and deliver it again.",
        )
    if not _is_hidden(name) and _ending(name) in _ARCHIVES:
        raise _nested(name)


def _nested(name: str) -> UnreadableFile:
    return UnreadableFile(
        "NESTED_ARCHIVE",
        "file",
        f"A packed file is packed again: '{PurePosixPath(name).name}'.",
        "Pack the table once and deliver it again.",
    )


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _is_table(name: str) -> bool:
    return _ending(name) in FORMATS and not _is_hidden(name)


def _damaged() -> UnreadableFile:
    return UnreadableFile(
        "DAMAGED_ARCHIVE", "file", "The packed file is damaged.", "Pack and deliver it again."
    )
