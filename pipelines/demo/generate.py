"""Make the demo: a whole inbox of a synthetic group of organisations, from one seed.

Belongs here: the one function that others call, and writing the files. Does not belong here: what is in them.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from pipelines.demo.deliveries import Deliveries, make_deliveries
from pipelines.demo.dirt import Dirt, plant
from pipelines.demo.files import ROWS_A_FILE, PointsFormat, TableWriter, write_bytes
from pipelines.demo.manifest import manifest
from pipelines.demo.story import Story, make_story
from pipelines.demo.timeline import Timeline, make_timeline
from pipelines.demo.ward_history import WardHistory, plan_ward_history, ward_tables

SEED = 20261121
MARK = "SYNTHETIC.md"
UNFINISHED = ".being-made"
POINTS = "measure_points"


@dataclass(frozen=True)
class DemoFile:
    """One file of the demo: its path below the inbox, its rows without header (text: null) and its size."""

    path: str
    rows: int | None
    size_bytes: int


@dataclass(frozen=True)
class DemoSummary:
    """What was made. `points`: rows of measure_points in all files; `dirt`: every planted fault."""

    inbox: Path
    seed: int
    timeline: Timeline
    files: list[DemoFile]
    projects: int
    points: int
    dirt: list[Dirt]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


class InboxNotEmpty(ValueError):
    """The demo is only ever made in an empty inbox, so that it never mixes with real files."""


def generate(
    inbox: Path,
    *,
    end: date,
    seed: int = SEED,
    projects: int = 500,
    years: int = 6,
    points: int | None = None,
    file_format: PointsFormat = "csv",
    progress: Callable[[str], None] = lambda message: None,
) -> DemoSummary:
    """Fill an empty `inbox` with the deliveries of a synthetic organisation up to the day `end`.

    `points`: about how many points in all; what the story itself does not have is filled up with weekly ward
    histories by deprivation quintile. Null: the story alone. `file_format`: of the points in the backlog and
    of the ward histories; later increments are always CSV, as they carry faults that only text can. The same
    arguments give the same bytes. Raises InboxNotEmpty, and ValueError for a size that cannot be made.
    """
    if projects < 1 or years < 1:
        raise ValueError("a demo needs at least one project and one year")
    unfinished = _prepare(inbox)
    timeline = make_timeline(end, years)
    story = make_story(seed, timeline, projects, progress)
    told = sum(len(one) for one in story.series)
    plan = plan_ward_history(seed, timeline, story.register.units, (points or 0) - told)
    deliveries = make_deliveries(_with_ward_history(story, plan))
    dirt = plant(seed, story, deliveries)
    rows = _write(unfinished, deliveries, plan, file_format, progress)
    text = manifest(seed, timeline, deliveries, dirt)
    write_bytes(unfinished / MARK, text.encode("utf-8"))
    _move_in(unfinished, inbox)
    return _summary(inbox, seed, timeline, projects, rows, dirt)


def _with_ward_history(story: Story, plan: WardHistory) -> Story:
    measures = [*story.register.measures, *plan.measures]
    return replace(story, register=replace(story.register, measures=measures))


def _prepare(inbox: Path) -> Path:
    """An empty folder inside the inbox, hidden from the nightly run, in which the demo is made first."""
    inbox.mkdir(parents=True, exist_ok=True)
    unfinished = inbox / UNFINISHED
    others = sorted(path.name for path in inbox.iterdir() if path != unfinished)
    if others:
        raise InboxNotEmpty(f"{inbox} already holds {others[0]}; the demo is made in an empty folder only")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir()
    return unfinished


def _move_in(unfinished: Path, inbox: Path) -> None:
    """The mark first, so that nothing ever lies in the inbox that is not marked as synthetic."""
    for path in sorted(unfinished.iterdir(), key=lambda path: (path.name != MARK, path.name)):
        path.rename(inbox / path.name)
    unfinished.rmdir()


def _write(
    folder: Path,
    deliveries: Deliveries,
    plan: WardHistory,
    file_format: PointsFormat,
    progress: Callable[[str], None],
) -> dict[str, int | None]:
    """Write every file below `folder`; gives its rows by path, null where it is no table."""
    rows: dict[str, int | None] = {}
    for text in (text for text in deliveries.texts if text.lines):
        write_bytes(folder / text.path, text.content())
        rows[text.path] = len(text.lines)
    for path, content in deliveries.loose.items():
        write_bytes(folder / path, content)
        rows[path] = content.count(b"\n") - 1 if path.endswith(".csv") else None
    first = deliveries.folders[0]
    for source, table in deliveries.backlog.items():
        writer = TableWriter(folder / first, f"{POINTS}_{source}_{first}", file_format)
        writer.write(table)
        rows |= _closed(writer, folder)
    progress(f"{len(rows)} files written in {len(deliveries.folders)} deliveries")
    return rows | _write_ward_history(folder, deliveries, plan, file_format, progress)


def _write_ward_history(
    folder: Path,
    deliveries: Deliveries,
    plan: WardHistory,
    file_format: PointsFormat,
    progress: Callable[[str], None],
) -> dict[str, int | None]:
    writers = [
        TableWriter(folder / name, f"{POINTS}_ward_history_{name}", file_format, is_numbered=True)
        for name in deliveries.folders
    ]
    written = 0
    for number, table in ward_tables(plan):
        writers[number].write(table)
        if (written + len(table)) // ROWS_A_FILE > written // ROWS_A_FILE:
            progress(f"{written + len(table):,} of {plan.points:,} points of ward histories")
        written += len(table)
    rows: dict[str, int | None] = {}
    for writer in writers:
        rows |= _closed(writer, folder)
    return rows


def _closed(writer: TableWriter, folder: Path) -> dict[str, int]:
    """Finish a writer; gives the rows of its files by path below `folder`."""
    writer.close()
    return {path.relative_to(folder).as_posix(): rows for path, rows in writer.written.items()}


def _summary(
    inbox: Path, seed: int, timeline: Timeline, projects: int, rows: dict[str, int | None], dirt: list[Dirt]
) -> DemoSummary:
    files = [DemoFile(path, rows[path], (inbox / path).stat().st_size) for path in sorted(rows)]
    points = sum(file.rows or 0 for file in files if Path(file.path).name.startswith(POINTS))
    return DemoSummary(inbox, seed, timeline, files, projects, points, dirt)
