"""Which failures are worth another try: those of the machine or the moment, never those of the data."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipelines.lock import AnotherRunIsWriting

TRANSIENT_ERRORS = {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ESTALE, errno.ETIMEDOUT}
TRIES = 3
SECONDS_BETWEEN_TRIES = 60


@contextmanager
def retrying_transient_failures() -> Iterator[None]:
    """Ask Dagster for another try of this step when its failure may pass by itself."""
    try:
        yield
    except AnotherRunIsWriting as fault:
        raise dg.RetryRequested(TRIES, SECONDS_BETWEEN_TRIES) from fault
    except OSError as fault:
        if fault.errno in TRANSIENT_ERRORS:
            raise dg.RetryRequested(TRIES, SECONDS_BETWEEN_TRIES) from fault
        raise
