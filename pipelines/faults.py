"""What stops a run, in words that may be shown to anyone: no cell of a file is ever in them."""

import errno

import duckdb

FULL = (errno.ENOSPC, errno.EDQUOT)


class Stopped(Exception):
    """The run cannot go on. The message names the place, what is wrong there and what to do."""


def is_disk_full(fault: BaseException) -> bool:
    """Whether a failure means that no more can be written, however the library that met it says so."""
    if isinstance(fault, OSError) and fault.errno in FULL:
        return True
    return isinstance(fault, (OSError, duckdb.Error)) and "No space left on device" in str(fault)


def is_of_the_machine(fault: BaseException) -> bool:
    """Whether a failure is a matter of disk, memory or rights, and so of no one file."""
    return isinstance(fault, (OSError, MemoryError)) or is_disk_full(fault)


def in_plain_words(fault: BaseException) -> str:
    """A failure as one sentence with its remedy. Of an error whose text may quote a row only its kind."""
    known = _reason(fault)
    if known is not None:
        return str(known)
    place = f" ({fault.filename})" if isinstance(fault, OSError) and fault.filename else ""
    if is_disk_full(fault):
        return f"The disk is full{place}. Make room and run again: nothing is half done."
    if isinstance(fault, MemoryError):
        return "There is not enough memory. Run again when the machine has more to spare."
    if isinstance(fault, PermissionError):
        return f"A file or folder may not be read or written{place}. Give the pipeline's user access."
    if isinstance(fault, OSError):
        return (
            f"The file system failed{place}: {fault.strerror or type(fault).__name__}. Run again when mended."
        )
    return f"{type(fault).__name__}. The log says where, and docs/runbook.md what to do."


def _reason(fault: BaseException | None) -> Stopped | None:
    """The failure itself, or what it was raised from, when that is one that we know."""
    while fault is not None and not isinstance(fault, Stopped):
        fault = fault.__cause__
    return fault
