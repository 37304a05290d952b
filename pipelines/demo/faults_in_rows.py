"""Faults in single rows: what a tired hand or a careless export does to a file."""

import numpy as np

from pipelines.demo.deliveries import Deliveries
from pipelines.demo.files import Line
from pipelines.demo.planting import Dirt, copy_of, free_lines, some_of, tag
from pipelines.demo.story import Story


def _is_process(cells: list[str]) -> bool:
    """Whether a point is of a project's process measure: these are kept without quintiles, which would
    otherwise no longer add up."""
    return cells[0].rsplit("-", 1)[-1].startswith("P")


def total_rows(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """Totals over all organisations among the rows."""
    text = deliveries.file(1, "measure_points_board")
    for measure_id, label in (("ORG-COMPLAINTS", "TOTAL"), ("ORG-DNA", "Total"), ("ORG-CANCER-62", "Total ")):
        rows = free_lines(text, lambda cells, m=measure_id: cells[0] == m and cells[3] == "all")
        sums = {
            name: f"{sum(float(row.cells[text.column(name)]) for row in rows):g}"
            for name in ("value", "numerator", "denominator")
            if all(row.cells[text.column(name)] for row in rows)
        }
        total = copy_of(rows[0], organisation_code=label, **sums)
        total.tag = "total_rows"
        text.lines.insert(text.lines.index(rows[-1]) + 1, total)
    return [
        Dirt(
            "total_rows",
            text.path,
            "quarantined",
            "Totals of all organisations stand among the rows (TOTAL, Total, and Total with a blank).",
            "Kept out, so that nothing is counted twice.",
            codes=("TOTAL_ROW", "UNKNOWN_ORGANISATION"),
        )
    ]


def suppression_tokens(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """Signs of a withheld number where a number should be."""
    text = deliveries.file(1, "measure_points_board")
    ratios = some_of(rng, free_lines(text, lambda cells: cells[3].startswith("quintile")), 4)
    values = some_of(rng, free_lines(text, lambda cells: cells[0] == "ORG-COMPLAINTS"), 2)
    for line in ratios:
        line.cells[text.column("numerator")] = "*"
    for line, token in zip(values, ("-", "Not Available"), strict=False):
        line.cells[text.column("value")] = token
    tag([*ratios, *values], "suppression_tokens")
    return [
        Dirt(
            "suppression_tokens",
            text.path,
            "accepted",
            "Number cells hold *, - or Not Available.",
            "The number is null with a reason for suppression, never 0.",
        )
    ]


def duplicate_rows(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """Two rows that stand twice, cell for cell."""
    text = deliveries.file(2, "measure_points_wards")
    for line in some_of(rng, free_lines(text), 2):
        twin = Line(list(line.cells))
        text.lines.insert(text.lines.index(line) + 1, twin)
        twin.tag = "duplicate_rows"
    return [
        Dirt(
            "duplicate_rows",
            text.path,
            "quarantined",
            "Two rows stand twice, cell for cell.",
            "The first of each loads, the second is kept out.",
            codes=("DUPLICATE_ROW",),
        )
    ]


def numerator_over_denominator(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """One proportion over 100%."""
    text = deliveries.file(2, "measure_points_wards")
    for line in some_of(rng, free_lines(text, lambda cells: cells[0] == "WARD-HANDS"), 1):
        line.cells[text.column("numerator")] = str(int(line.cells[text.column("denominator")]) + 3)
        line.tag = "numerator_over_denominator"
    return [
        Dirt(
            "numerator_over_denominator",
            text.path,
            "quarantined",
            "A hand hygiene audit counts more successes than opportunities.",
            "Kept out; its period stays missing.",
            codes=("NUMERATOR_OVER_DENOMINATOR",),
        )
    ]


def future_period(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """A period that has not begun."""
    text = deliveries.file(2, "measure_points_wards")
    year = story.register.timeline.end.year + 1
    for line in some_of(rng, free_lines(text, lambda cells: cells[0] == "UNIT-SICKNESS"), 1):
        line.cells[text.column("period_start")] = f"{year}-12-01"
        line.cells[text.column("period_end")] = f"{year}-12-31"
        line.tag = "future_period"
    return [
        Dirt(
            "future_period",
            text.path,
            "quarantined",
            "A point of a month that is still to come.",
            "Kept out.",
            codes=("PERIOD_IN_FUTURE",),
        )
    ]


def outside_life(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """A point from long before its measure began."""
    text = deliveries.file(2, "measure_points_projects")
    held = story.withheld.measure_id
    year = story.register.timeline.start.year - 4
    for line in some_of(rng, free_lines(text, lambda cells: _is_process(cells) and cells[0] != held), 1):
        line.cells[text.column("period_start")] = f"{year}-01-01"
        line.cells[text.column("period_end")] = f"{year}-01-31"
        line.tag = "outside_measure_life"
    return [
        Dirt(
            "outside_measure_life",
            text.path,
            "quarantined",
            "A point is dated years before its measure starts.",
            "Kept out, and tried again each night in case the measure's dates are corrected.",
            codes=("OUTSIDE_MEASURE_LIFE",),
        )
    ]


def unreadable_cells(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """A date that no calendar has, and a number with a decimal comma."""
    dates, numbers = deliveries.file(1, "measure_points_wards"), deliveries.file(2, "measure_points_projects")
    start, value = dates.column("period_start"), numbers.column("value")
    for line in some_of(rng, free_lines(dates, lambda cells: cells[0] == "WARD-FALLS"), 1):
        line.cells[start] = f"{line.cells[start][:4]}-02-30"
        line.tag = "unreadable_date"
    held = story.withheld.measure_id
    for line in some_of(rng, free_lines(numbers, lambda cells: cells[value] != "" and cells[0] != held), 1):
        line.cells[value] = f"{float(line.cells[value]):.1f}".replace(".", ",")
        line.tag = "unreadable_number"
    return [
        Dirt(
            "unreadable_date",
            dates.path,
            "quarantined",
            "A period starts on 30 February.",
            "Kept out.",
            codes=("PERIOD_START_MISSING", "PERIOD_START_UNREADABLE"),
        ),
        Dirt(
            "unreadable_number",
            numbers.path,
            "quarantined",
            "A value is written with a decimal comma.",
            "Kept out; never read as another number.",
            codes=("VALUE_UNREADABLE",),
        ),
    ]


def ragged_rows(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """One row with a cell too many and one with three too few."""
    text = deliveries.file(1, "measure_points_projects")
    late = story.withheld.project_id or "-"
    lines = some_of(
        rng, free_lines(text, lambda cells: _is_process(cells) and not cells[0].startswith(late)), 2
    )
    for line in lines[:1]:
        line.cells.append("see note")
    for line in lines[1:]:
        del line.cells[-3:]
    tag(lines, "ragged_rows")
    return [
        Dirt(
            "ragged_rows",
            text.path,
            "quarantined",
            "One row has a cell too many, one has three too few.",
            "Kept with its code; the other rows load.",
            codes=("ROW_MALFORMED",),
        )
    ]


def duplicate_project_ids(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """The same project twice with different content."""
    text = deliveries.file(1, "projects")
    late = story.withheld.project_id
    status = text.column("status")
    for line in some_of(
        rng, free_lines(text, lambda cells: cells[0] != late and cells[status] == "active"), 1
    ):
        twin = Line(list(line.cells))
        twin.cells[text.column("title")] += " (second entry)"
        twin.cells[text.column("progress_score")] = "4.5"
        twin.cells[text.column("progress_scored_on")] = twin.cells[text.column("started_on")]
        text.lines.insert(text.lines.index(line) + 1, twin)
        tag([line, twin], "duplicate_project_ids")
    return [
        Dirt(
            "duplicate_project_ids",
            text.path,
            "quarantined",
            "A project stands twice with different titles and scores.",
            "Neither row is believed; the project stays as it was known.",
            codes=("DUPLICATE_KEY",),
        )
    ]


def category_spelling(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """Categories spelled in other ways, one of them in a column with a fixed list."""
    backlog, later = deliveries.file(0, "projects"), deliveries.file(1, "projects")
    method, status = backlog.column("method"), later.column("status")
    lines = some_of(rng, free_lines(backlog, lambda cells: cells[method] == "Model for Improvement"), 3)
    for line, spelling in zip(lines, ("model for improvement", "Model For Improvement", "MFI"), strict=False):
        line.cells[method] = spelling
    wrong = some_of(rng, free_lines(later, lambda cells: cells[status] == "completed"), 1)
    for line in wrong:
        line.cells[status] = "Complete"
    tag(lines, "method_spelling")
    tag(wrong, "status_spelling")
    return [
        Dirt(
            "method_spelling",
            backlog.path,
            "accepted",
            "Three projects spell the Model for Improvement in their own way.",
            "Loaded as written.",
        ),
        Dirt(
            "status_spelling",
            later.path,
            "quarantined",
            "A project has the status Complete instead of completed.",
            "Kept out; the project stays as it was known until the next delivery spells it right.",
            codes=("STATUS_NOT_ALLOWED",),
        ),
    ]
