"""Progress lines: what a run is doing, in plain English, for whoever watches. Never a row's value."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PROGRESS = logging.getLogger("qi_mart.progress")


SECONDS_BETWEEN_SIGNS = 2.0
SHARE_BETWEEN_SIGNS = 0.2


class _Echo(logging.Handler):
    def __init__(self, echo: Callable[[str], None]):
        super().__init__()
        self._echo = echo

    def emit(self, record: logging.LogRecord) -> None:
        self._echo(record.getMessage())


@contextmanager
def shown(echo: Callable[[str], None]) -> Iterator[None]:
    """Pass every progress line to `echo` for as long as the context lasts."""
    handler = _Echo(echo)
    PROGRESS.addHandler(handler)
    PROGRESS.setLevel(logging.INFO)
    PROGRESS.propagate = False
    try:
        yield
    finally:
        PROGRESS.removeHandler(handler)


class Work:
    """What is being done, said by whoever does it: called with a text it begins something new."""

    def __init__(self) -> None:
        self._doing, self._detail, self._since = "", "", time.monotonic()

    def __call__(self, what: str) -> None:
        self._doing, self._detail, self._since = what, "", time.monotonic()

    def detail(self, text: str) -> None:
        """Say how far the same thing has come."""
        self._detail = text

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._since

    @property
    def line(self) -> str:
        """What is being done and for how long; empty before anything has begun."""
        detail = f": {self._detail}" if self._detail else ""
        return f"{self._doing}{detail} … {self.seconds:.0f} s" if self._doing else ""


@contextmanager
def heartbeat(echo: Callable[[str], None]) -> Iterator[Work]:
    """Tell what is being done and for how long: after two seconds, and ever less often the longer it takes.

    Yields the function by which the work says what it does now.
    """
    work = Work()
    is_done = threading.Event()

    def tell() -> None:
        while not is_done.wait(max(SECONDS_BETWEEN_SIGNS, SHARE_BETWEEN_SIGNS * work.seconds)):
            if work.line and work.seconds >= SECONDS_BETWEEN_SIGNS:
                echo(work.line)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield work
    finally:
        is_done.set()
        teller.join()
