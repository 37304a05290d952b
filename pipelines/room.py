"""Room on the disk, asked for before much is written, so that one large file does not fill it up.

Belongs here: how much is free, and the temporary folder of a run. Does not belong here: a disk that is full
all the same (`pipelines.faults`).
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.faults import Stopped


class NoRoom(Stopped):
    """Something would not fit on the disk; the message says what, where, and how much is missing."""


def require_room(folder: Path, size: float, what: str) -> None:
    """Make sure that `size` bytes may be written below a folder that exists.

    Raises:
        NoRoom
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise NoRoom(
            f"{what} takes up to {_words(size)} in {folder}, and {_words(free)} are free. "
            "Make room there; the next run takes it."
        )


def _words(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Let everything that makes temporary files make them in a folder: what a killed run left there goes
    first. Only for a process that nobody else's run can be at work beside."""
    _remove(folder)
    folder.mkdir(parents=True)
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        _remove(folder)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
