"""What lies in the inbox on which day: the story cut into files, before faults are planted.

The first delivery is the backlog. Monthly deliveries repeat the whole register where it has changed; weekly
ones bring only rows that are new or changed. Points always come as increments, and so does what is told of
maturity, culture and outcomes.
"""

from dataclasses import dataclass, field

import pyarrow as pa

from pipelines.demo.columns import COLUMNS
from pipelines.demo.files import Line, TextFile, cell, text_lines
from pipelines.demo.series import Points, collect
from pipelines.demo.snapshots import rows_on
from pipelines.demo.story import MEASURE_ARRIVES, PROJECT_ARRIVES, PROJECT_REFERRED, Story, Withheld
from pipelines.demo.timeline import MONTHLY_DELIVERIES
from pipelines.demo.told import Row

SOURCES = ("board", "wards", "projects")
RESENT = {"targets": 3}
"""Extracts whose file is sent whole once more, because the one before is going to be refused."""


@dataclass(frozen=True)
class Deliveries:
    """All files to come. `backlog`: points of the first delivery by source; `texts`: every other CSV file;
    `loose`: files that are copies or no extract at all, path and bytes."""

    folders: tuple[str, ...]
    backlog: dict[str, pa.Table]
    texts: list[TextFile] = field(default_factory=list)
    loose: dict[str, bytes] = field(default_factory=dict)

    def file(self, number: int, stem: str) -> TextFile:
        """The file `<stem>_<date>.csv` of a delivery; an empty one is added where there is none."""
        name = f"{stem}_{self.folders[number]}.csv"
        for text in self.texts:
            if (text.folder, text.name) == (self.folders[number], name):
                return text
        extract = "measure_points" if stem.startswith("measure_points") else stem
        return self.add(number, name, list(COLUMNS[extract]))

    def add(self, number: int, name: str, header: list[str]) -> TextFile:
        """A further file of a delivery."""
        text = TextFile(self.folders[number], name, header)
        self.texts.append(text)
        return text


def make_deliveries(story: Story) -> Deliveries:
    """Cut the story into the files of each delivery."""
    timeline = story.register.timeline
    folders = tuple(day.isoformat() for day in timeline.deliveries)
    points = {
        source: collect([one for one in story.series if one.source == source], timeline) for source in SOURCES
    }
    deliveries = Deliveries(folders, {source: part.delivered(0) for source, part in points.items()})
    sent: dict[str, set[tuple[str, ...]]] = {}
    for number in range(len(folders)):
        _add_register(deliveries, story, number, sent)
        if number:
            _add_points(deliveries, points, number)
    return deliveries


def _add_register(
    deliveries: Deliveries, story: Story, number: int, sent: dict[str, set[tuple[str, ...]]]
) -> None:
    for extract, rows in rows_on(story.register, number).items():
        known = sent.get(extract, set())
        lines = [
            tuple(cell(row[name]) for name in COLUMNS[extract])
            for row in rows
            if _has_arrived(extract, row, number, story.withheld)
        ]
        changed = [line for line in lines if line not in known]
        is_whole = number < MONTHLY_DELIVERIES or RESENT.get(extract) == number
        is_whole &= extract not in story.register.told
        if changed or RESENT.get(extract) == number:
            text = deliveries.file(number, extract)
            text.lines = [Line(list(line)) for line in (lines if is_whole else changed)]
        sent[extract] = known | set(lines)


def _has_arrived(extract: str, row: Row, number: int, withheld: Withheld) -> bool:
    """Whether a row is no longer held back at a delivery."""
    if withheld.measure_id and extract == "measures" and row["measure_id"] == withheld.measure_id:
        return number >= MEASURE_ARRIVES
    if withheld.project_id is None:
        return True
    if extract == "projects":
        return row["project_id"] != withheld.project_id or number >= PROJECT_ARRIVES
    return not _belongs_to(row, withheld.project_id) or number >= PROJECT_REFERRED


def _belongs_to(row: Row, project_id: str) -> bool:
    return row.get("project_id") == project_id or str(row.get("measure_id", "")).startswith(f"{project_id}-")


def _add_points(deliveries: Deliveries, points: dict[str, Points], number: int) -> None:
    for source, part in points.items():
        table = part.delivered(number)
        if len(table):
            deliveries.file(number, f"measure_points_{source}").lines = text_lines(table)
