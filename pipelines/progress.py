"""Progress lines: what a run is doing, in plain English, for whoever watches. Never a row's value."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PROGRESS = logging.getLogger("qi_mart.progress")


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
