"""Progress lines: what a run is doing, in plain English, for whoever watches. Never a row's value."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PROGRESS = logging.getLogger("qi_mart.progress")


SECONDS_BETWEEN_SIGNS = 2.0


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


@contextmanager
def heartbeat(echo: Callable[[str], None]) -> Iterator[Callable[[str], None]]:
    """Tell every two seconds what is being done and for how long; nothing of what is done sooner.

    Yields the function by which the work says what it does now.
    """
    doing, since = "", time.monotonic()
    is_done = threading.Event()

    def begin(what: str) -> None:
        nonlocal doing, since
        doing, since = what, time.monotonic()

    def tell() -> None:
        while not is_done.wait(SECONDS_BETWEEN_SIGNS):
            if doing:
                echo(f"{doing} … {time.monotonic() - since:.0f} s")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield begin
    finally:
        is_done.set()
        teller.join()
