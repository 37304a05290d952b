"""How long a task takes and how much memory it needs, measured in a process of its own.

No benchmark asserts a time: a task is held against a peer in the same run, on the same machine, over the
same data. Each is run several times, and the quickest run counts, because other programs only ever slow a
run down.
"""

import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

WHOLE = "all"
# Linux counts in kilobytes, macOS in bytes.
PEAK_UNITS_PER_MB = 1024**2 if sys.platform == "darwin" else 1024


@dataclass
class Watch:
    """Seconds by the name of a stage; `WHOLE` is the whole task. A stage may be entered many times."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def timing(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time counted for a stage."""

        def timed(*arguments: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **named)

        return timed


@dataclass(frozen=True)
class Run:
    """One run of a task: seconds by stage, peak memory in MB, and what the task returned."""

    seconds: dict[str, float]
    peak_mb: float
    answer: Any

    @property
    def whole(self) -> float:
        """Seconds of the whole task."""
        return self.seconds[WHOLE]


Task = Callable[..., Any]


def best(task: Task, *arguments: Any, folder: Path, runs: int = 2) -> Run:
    """The quickest of several runs of `task(watch, *arguments, folder)`, each in a new process and folder.

    Peak memory counts the interpreter and every module, and processes that the task started.
    """
    done = [_run(task, arguments, folder / f"run{number}") for number in range(runs)]
    return min(done, key=lambda run: run.whole)


def _run(task: Task, arguments: Sequence[Any], folder: Path) -> Run:
    folder.mkdir(parents=True)
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
        return process.submit(_in_child, task, arguments, folder).result()


def _in_child(task: Task, arguments: Sequence[Any], folder: Path) -> Run:
    watch = Watch()
    answer = task(watch, *arguments, folder)
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Run(watch.seconds, max(peaks) / PEAK_UNITS_PER_MB, answer)


def report(title: str, runs: dict[str, Run], ratio: float, limit: float) -> None:
    """Print runs side by side, stages indented below them."""
    print(f"\n\n{title:<58}{'seconds':>10}{'peak MB':>10}")
    for name, run in runs.items():
        print(f"{name:<58}{run.whole:>10.2f}{run.peak_mb:>10.0f}")
        for stage, seconds in run.seconds.items():
            if stage != WHOLE:
                print(f"    {stage:<54}{seconds:>10.2f}")
    print(f"{'times as long':<58}{ratio:>10.2f}      at most {limit:g}")
