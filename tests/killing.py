"""Killing a piece of work at every instant that matters: a forked child sends itself SIGKILL before
its n-th durable step (a rename, a link, a copy, a Parquet file), so nothing gets to clean up."""

import os
import shutil
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

FINISHED, FAILED = 0, 1


def killed_before_step(work: Callable[[], object], step: int) -> bool:
    """Run `work` in a child that is killed before its `step`-th durable step (from 1).

    Returns whether it was killed; False means that the work ended before it came so far. Raises
    AssertionError when the work failed by itself.
    """
    child = os.fork()
    if child == 0:
        os._exit(_run(work, step))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == FINISHED, "the work failed by itself in the child"
    return False


def _run(work: Callable[[], object], step: int) -> int:
    left = [step]

    def killing(function):
        def counted(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return counted

    for owner, name in ((Path, "replace"), (os, "link"), (shutil, "copyfile"), (pq, "write_table")):
        setattr(owner, name, killing(getattr(owner, name)))
    try:
        work()
    except BaseException:
        traceback.print_exc()
        return FAILED
    return FINISHED
