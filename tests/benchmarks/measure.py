"""How long a task takes and how much memory it needs, measured in a process of its own.

No benchmark asserts a time: a task is held against a peer in the same run, on the same machine, over the
same data. Each is run several times, and the quickest run counts, because other programs only ever slow a
run down.
"""

import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.settings import PROJECT_ROOT

WHOLE = "all"
# Linux counts in kilobytes, macOS in bytes.
PEAK_UNITS_PER_MB = 1024**2 if sys.platform == "darwin" else 1024


@dataclass
class Watch:
    """Seconds by the name of a stage; `WHOLE` is the whole task. A stage may be entered many times.

    A stage inside another one counts by itself, and not for the outer one; all count for the whole.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    _inside: list[str] = field(default_factory=list)
    _since: float = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._note()
        self._inside.append(name)
        try:
            yield
        finally:
            self._note()
            self._inside.pop()

    def _note(self) -> None:
        now = time.perf_counter()
        for name in {*self._inside[-1:], *({WHOLE} & set(self._inside))}:
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now

    def timing(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time counted for a stage; of a generator the time in which it works."""

        def timed(*arguments: Any, **named: Any) -> Any:
            with self.stage(name):
                answer = function(*arguments, **named)
            return self._timed_steps(name, answer) if isinstance(answer, Iterator) else answer

        return timed

    def _timed_steps(self, name: str, steps: Iterator[Any]) -> Iterator[Any]:
        nothing = object()
        while True:
            with self.stage(name):
                step = next(steps, nothing)
            if step is nothing:
                return
            yield step

    def timing_entry(self, name: str, context: Callable[..., Any]) -> Callable[..., Any]:
        """A function that makes a context, the time of its beginning counted for a stage."""

        @contextmanager
        def timed(*arguments: Any, **named: Any) -> Iterator[Any]:
            with ExitStack() as stack:
                with self.stage(name):
                    entered = stack.enter_context(context(*arguments, **named))
                yield entered

        return timed


@dataclass(frozen=True)
class Run:
    """One run of a task: seconds by stage, peak memory in MB, and what the task returned.

    A task is a function `task(watch, *arguments, folder)`.
    """

    seconds: dict[str, float]
    peak_mb: float
    answer: Any

    @property
    def whole(self) -> float:
        """Seconds of the whole task."""
        return self.seconds[WHOLE]


Task = Callable[..., Any]


def best(task: Task, *arguments: Any, folder: Path, runs: int = 2) -> Run:
    """The quickest of several runs of a task, each with a folder of its own."""
    done = [run(task, *arguments, folder=folder / f"run{number}") for number in range(runs)]
    return min(done, key=lambda run: run.whole)


def run(task: Task, *arguments: Any, folder: Path) -> Run:
    """Run `task(watch, *arguments, folder)` in a new process. The folder is made for it.

    Peak memory is that of the largest process, the new one or one that it started, with its modules. A new
    process inherits the peak of the one that starts it, so whatever needs memory belongs into a task.
    """
    folder.mkdir(parents=True)
    exchange = folder.with_suffix(".pickle")
    exchange.write_bytes(pickle.dumps((task, arguments, folder)))
    # Not a pool of processes: DuckDB takes a process without a program file for a person and draws bars.
    subprocess.run([sys.executable, "-m", "tests.benchmarks", str(exchange)], cwd=PROJECT_ROOT, check=True)
    return pickle.loads(exchange.read_bytes())


def run_here(exchange: Path) -> None:
    """Run the task that a file holds, and write the run into the same file."""
    task, arguments, folder = pickle.loads(exchange.read_bytes())
    watch = Watch()
    answer = task(watch, *arguments, folder)
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    exchange.write_bytes(pickle.dumps(Run(watch.seconds, max(peaks) / PEAK_UNITS_PER_MB, answer)))


def report(title: str, runs: dict[str, Run], ratio: float, limit: float) -> None:
    """Print runs side by side, stages indented below them."""
    print(f"\n\n{title:<58}{'seconds':>10}{'peak MB':>10}")
    for name, run in runs.items():
        print(f"{name:<58}{run.whole:>10.2f}{run.peak_mb:>10.0f}")
        for stage, seconds in run.seconds.items():
            if stage != WHOLE:
                print(f"    {stage:<54}{seconds:>10.2f}")
    print(f"{'times as long':<58}{ratio:>10.2f}      at most {limit:g}")
