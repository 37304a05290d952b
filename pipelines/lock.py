"""One writer at a time: a lock on QI_HOME that the operating system frees when its process ends."""

from collections.abc import Iterator
from contextlib import contextmanager

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
            f"Another run is writing in {settings.home_path} (lock {path.name}). Wait for it to end."
        ) from fault
    try:
        yield
    finally:
        lock.release()


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
