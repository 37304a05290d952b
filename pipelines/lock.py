"""One writer at a time: a lock on QI_HOME that the operating system frees when its process ends."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from pipelines.faults import Stopped
from pipelines.settings import Settings


class AnotherRunIsWriting(Stopped):
    """Another process is in the middle of a run on the same QI_HOME; trying again later helps."""


@contextmanager
def single_writer(settings: Settings) -> Iterator[None]:
    """Hold the lock of QI_HOME; may be taken again inside the same process."""
    settings.home_path.mkdir(parents=True, exist_ok=True)
    path = settings.home_path / "run.lock"
    lock = FileLock(path, timeout=settings.lock_wait_seconds, is_singleton=True, thread_local=False)
    try:
        lock.acquire()
    except Timeout as fault:
        raise AnotherRunIsWriting(
            f"Another run is writing in {settings.home_path} (lock {path.name}{_holder(settings)}). Wait for "
            "it to end."
        ) from fault
    if lock.lock_counter == 1:
        _name_holder(settings)
    try:
        yield
    finally:
        lock.release()


def _holder_file(settings: Settings) -> Path:
    return settings.home_path / "run.lock.holder"


def _name_holder(settings: Settings) -> None:
    """Leave word who holds the lock. It is only for people; the lock itself is the operating system's."""
    text = f"process {os.getpid()} on {socket.gethostname()} since {settings.clock():%d %B %Y %H:%M} UTC"
    with suppress(OSError):
        _holder_file(settings).write_text(text, encoding="utf-8")


def _holder(settings: Settings) -> str:
    path = _holder_file(settings)
    return f", held by {path.read_text(encoding='utf-8')}" if path.is_file() else ""


def check_warehouse_is_free(settings: Settings) -> None:
    """Raise AnotherRunIsWriting while a dbt process that outlived its killed run still writes."""
    if not settings.warehouse_file.exists():
        return
    try:
        duckdb.connect(str(settings.warehouse_file)).close()
    except duckdb.IOException as fault:
        if "lock" not in str(fault):
            raise
        raise AnotherRunIsWriting(
            f"Another process has {settings.warehouse_file} open for writing. Wait for it to end."
        ) from fault
