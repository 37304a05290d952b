"""Gets at a delivered file that may be packed (zip, gzip).

Belongs here: what is inside a container, and its content as a stream or as a file of its own. Does not belong
here: reading the content (`pipelines.extracts.readers`).
"""

import gzip
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.formats import FORMATS, Format, readable_endings

MAX_UNPACKED_BYTES = 8 * 1024**3

_COPY_BYTES = 4 * 1024**2
_GLOB_MARKS = "*?[]"
_DAMAGE = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError)


@dataclass(frozen=True)
class Content:
    """A delivered file and what it holds: `name` is the file's own, or its name inside the container."""

    path: Path
    name: str
    format: Format

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which the file may be known, the delivered one first."""
        return tuple(dict.fromkeys((self.path.name, PurePosixPath(self.name).name)))


def look_inside(path: Path) -> Content:
    """Find out what a delivered file holds.

    Raises:
        UnreadableFile: UNKNOWN_FORMAT; DAMAGED_ARCHIVE, ENCRYPTED or NOT_ONE_FILE for containers.
    """
    name = path.name
    if path.suffix.lower() == ".zip":
        name = _only_member(path)
    elif path.suffix.lower() == ".gz":
        name = path.stem
    ending = PurePosixPath(name).suffix.lower()
    found = FORMATS.get(ending)
    if found is None:
        raise UnreadableFile(
            "UNKNOWN_FORMAT",
            "file",
            f"Files ending in '{ending}' are not read; those that are: {readable_endings()}.",
            "If it holds data, deliver it in one of these formats.",
        )
    return Content(path, name, found)


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


@contextmanager
def plain_file(content: Content) -> Iterator[Path]:
    """The content as a file on disk: the delivered one, or a copy that is gone afterwards.

    Raises:
        UnreadableFile: DAMAGED_ARCHIVE, UNPACKED_TOO_LARGE.
    """
    # DuckDB would take these marks in a file's name for a pattern.
    if content.name == content.path.name and not any(mark in str(content.path) for mark in _GLOB_MARKS):
        yield content.path
        return
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"content{PurePosixPath(content.name).suffix.lower()}"
        with stream(content) as source, target.open("wb") as copy:
            _copy(source, copy)
        yield target


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    written = 0
    while block := source.read(_COPY_BYTES):
        written += len(block)
        if written > MAX_UNPACKED_BYTES:
            raise UnreadableFile(
                "UNPACKED_TOO_LARGE",
                "file",
                f"Unpacked, the file is larger than {MAX_UNPACKED_BYTES // 1024**3} GB.",
                "Deliver it in parts.",
            )
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


def _only_member(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if _is_table(member.filename)]
    except _DAMAGE as fault:
        raise _damaged() from fault
    if len(members) != 1:
        raise UnreadableFile(
            "NOT_ONE_FILE",
            "file",
            f"The zip file holds {len(members)} tables, and must hold one.",
            "Deliver each table in a file of its own.",
        )
    if members[0].flag_bits & 1:
        raise UnreadableFile(
            "ENCRYPTED", "file", "The zip file has a password.", "Deliver it without a password."
        )
    return members[0].filename


def _is_table(name: str) -> bool:
    path = PurePosixPath(name)
    is_hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in FORMATS and not is_hidden


def _damaged() -> UnreadableFile:
    return UnreadableFile(
        "DAMAGED_ARCHIVE", "file", "The packed file is damaged.", "Pack and deliver it again."
    )
