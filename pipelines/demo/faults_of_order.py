"""Faults of order: rows that come before what they refer to, too late, once more or no longer."""

import numpy as np

from pipelines.demo.columns import POINT_COLUMNS
from pipelines.demo.deliveries import Deliveries
from pipelines.demo.files import Line
from pipelines.demo.organisation import LATE_CODE, SILENCED_CODE
from pipelines.demo.planting import Dirt, copy_of, free_lines, some_of, tag
from pipelines.demo.story import (
    BACKDATED_ARRIVE,
    MEASURE_ARRIVES,
    MEASURE_REFERRED,
    ORGANISATION_ARRIVES,
    ORGANISATION_REFERRED,
    PROJECT_ARRIVES,
    PROJECT_REFERRED,
    Story,
)

NEVER_ARRIVES = "ORG-GHOST"
CUMULATIVE_PROJECTS = 12


def project_arrives_late(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """A project whose team, cycles, measures and points come before the register has it."""
    project_id, planted = story.withheld.project_id, []
    if project_id is None:
        return []
    stems = {
        "project_members": "UNKNOWN_PROJECT",
        "pdsa_cycles": "UNKNOWN_PROJECT",
        "measures": "UNKNOWN_PROJECT",
        "measure_events": "UNKNOWN_MEASURE",
        "targets": "UNKNOWN_MEASURE",
        "measure_points_projects": "UNKNOWN_MEASURE",
    }
    for stem, code in stems.items():
        path = f"{deliveries.folders[PROJECT_REFERRED]}/{stem}_{deliveries.folders[PROJECT_REFERRED]}.csv"
        for text in deliveries.texts:
            found = free_lines(text, lambda cells: _is_of(cells, project_id)) if text.path == path else []
            tag(found, "project_arrives_late")
            if found:
                planted.append(
                    Dirt(
                        "project_arrives_late",
                        path,
                        "quarantined",
                        f"Rows of the project {project_id}, which the register does not have yet.",
                        "Released when the project has arrived.",
                        codes=(code,),
                        released_by=deliveries.file(PROJECT_ARRIVES, "projects").path,
                    )
                )
    return planted


def _is_of(cells: list[str], project_id: str) -> bool:
    return any(text == project_id or text.startswith(f"{project_id}-") for text in cells[:2])


def measure_arrives_late(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """Points of a measure that the register does not have yet."""
    measure_id = story.withheld.measure_id
    if measure_id is None:
        return []
    text = deliveries.file(MEASURE_REFERRED, "measure_points_projects")
    tag(free_lines(text, lambda cells: cells[0] == measure_id), "measure_arrives_late")
    return [
        Dirt(
            "measure_arrives_late",
            text.path,
            "quarantined",
            f"Points of the measure {measure_id}, which the register does not have yet.",
            "Released when the measure has arrived.",
            codes=("UNKNOWN_MEASURE",),
            released_by=deliveries.file(MEASURE_ARRIVES, "measures").path,
        )
    ]


def organisation_arrives_late(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """Points of an organisation that the register does not have yet."""
    text = deliveries.file(ORGANISATION_REFERRED, "measure_points_board")
    tag(free_lines(text, lambda cells: cells[1] == LATE_CODE), "organisation_arrives_late")
    return [
        Dirt(
            "organisation_arrives_late",
            text.path,
            "quarantined",
            f"Points of the organisation {LATE_CODE}, which the register does not have yet.",
            "Released when the organisation has arrived.",
            codes=("UNKNOWN_ORGANISATION",),
            released_by=deliveries.file(ORGANISATION_ARRIVES, "organisations").path,
        )
    ]


def measure_never_arrives(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """Points of a measure that nobody ever registers."""
    text = deliveries.file(2, "measure_points_board")
    for line in some_of(rng, free_lines(text, lambda cells: cells[0] == "ORG-DNA" and cells[3] == "all"), 3):
        ghost = copy_of(line, measure_id=NEVER_ARRIVES)
        ghost.tag = "measure_never_arrives"
        text.lines.append(ghost)
    return [
        Dirt(
            "measure_never_arrives",
            text.path,
            "quarantined",
            f"Points of the measure {NEVER_ARRIVES}, which no register ever has.",
            "Stay in quarantine.",
            codes=("UNKNOWN_MEASURE",),
        )
    ]


def backdated_points(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """Points of months long past, typed in late."""
    text = deliveries.file(BACKDATED_ARRIVE, "measure_points_projects")
    first = deliveries.folders[0]
    late = free_lines(text, lambda cells: cells[0] in story.withheld.backdated_ids and cells[5] < first)
    tag(late, "backdated_points")
    return [
        Dirt(
            "backdated_points",
            text.path,
            "accepted",
            "Teams type in points of half a year ago.",
            "Loaded; as at an earlier date these periods are still missing.",
        )
    ]


def late_older_edition(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """A provisional edition that arrives after the revised one."""
    source = deliveries.file(1, "measure_points_board")
    published = source.column("published_on")
    text = deliveries.add(4, f"measure_points_board_{deliveries.folders[1]}-early.csv", list(POINT_COLUMNS))
    early = free_lines(source, lambda cells: cells[0] == "ORG-SICKNESS" and cells[12] == "provisional")
    for line in early:
        day = np.datetime64(line.cells[published], "D") - np.timedelta64(4, "D")
        numerator = str(int(int(line.cells[7]) * 0.9))
        copy = copy_of(line, published_on=str(day), numerator=numerator)
        copy.tag = "late_older_edition"
        text.lines.append(copy)
    return [
        Dirt(
            "late_older_edition",
            text.path,
            "accepted",
            "Provisional sickness figures, published before those already revised, arrive weeks later.",
            "Kept as history; the revised figures stay the latest.",
        )
    ]


def withdrawn_points(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """Points that their publisher takes back."""
    source = deliveries.file(2, "measure_points_board")
    text = deliveries.add(4, f"measure_points_corrections_{deliveries.folders[4]}.csv", list(POINT_COLUMNS))
    for line in some_of(rng, free_lines(source, lambda cells: cells[0] == "ORG-CDIFF"), 2):
        taken = copy_of(line, value="", edition="withdrawn", published_on=deliveries.folders[4])
        taken.tag = "withdrawn_points"
        text.lines.append(taken)
    return [
        Dirt(
            "withdrawn_points",
            text.path,
            "accepted",
            "Two infection counts are withdrawn by their publisher.",
            "The periods have no number from this day on; as at an earlier date they have.",
        )
    ]


def cumulative_file(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """A file that repeats every point known so far of some projects."""
    known = [
        line
        for number in range(1, 4)
        for line in free_lines(deliveries.file(number, "measure_points_projects"))
        if not line.cells[0].startswith(story.withheld.project_id or "-")
        and line.cells[0] != story.withheld.measure_id
    ]
    ids = sorted({line.cells[0].rsplit("-", 1)[0] for line in known})[:CUMULATIVE_PROJECTS]
    text = deliveries.add(
        4, f"measure_points_projects_cumulative_{deliveries.folders[4]}.csv", list(POINT_COLUMNS)
    )
    text.lines = [Line(list(line.cells)) for line in known if line.cells[0].rsplit("-", 1)[0] in ids]
    return [
        Dirt(
            "cumulative_file",
            text.path,
            "accepted",
            "Repeats points already delivered, with the same numbers.",
            "Changes no number.",
            is_whole_file=True,
        )
    ]


def organisation_stops(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """An organisation that sends no more points."""
    return [
        Dirt(
            "organisation_stops",
            deliveries.folders[1],
            "absent",
            f"From this delivery on {SILENCED_CODE} sends no points, though it is open.",
            "Its periods show as missing, not as zero.",
            is_whole_file=True,
        )
    ]
