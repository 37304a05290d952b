"""Faults of whole files: a column missing or too many, the same bytes twice, and no extract at all."""

import numpy as np

from pipelines.demo.deliveries import Deliveries
from pipelines.demo.planting import Dirt
from pipelines.demo.story import Story

MINUTES_NAME = "board pack notes.txt"
MINUTES = """Board pack, draft notes (synthetic)

Slide 4: say plainly which measures have changed and which have only moved with chance.
Slide 9: add the wider definition of readmission before anybody reads it as a fall in quality.
"""


def missing_column(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """A file of targets without the date from which they hold."""
    text = deliveries.file(2, "targets")
    place = text.column("valid_from")
    del text.header[place]
    for line in text.lines:
        del line.cells[place]
    return [
        Dirt(
            "missing_column",
            text.path,
            "refused",
            "The required column valid_from is missing.",
            "The file is refused; the targets stay as known until the whole file comes again.",
            codes=("COLUMN_MISSING",),
            is_whole_file=True,
            released_by=deliveries.file(3, "targets").path,
        )
    ]


def stray_column(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """A column that nobody asked for, headed `a`."""
    text = deliveries.file(1, "measure_points_wards")
    text.header.append("a")
    for line in text.lines:
        line.cells.append("")
    return [
        Dirt(
            "stray_column",
            text.path,
            "accepted",
            "One more column than agreed, headed a and empty.",
            "The column is left aside; the rows load.",
            is_whole_file=True,
        )
    ]


def unrecognised_file(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """A text file that somebody put beside the data."""
    path = f"{deliveries.folders[0]}/{MINUTES_NAME}"
    deliveries.loose[path] = MINUTES.encode("utf-8")
    what, becomes = "A text file that is no extract.", "Listed as unrecognised; nothing else happens."
    return [Dirt("unrecognised_file", path, "unrecognised", what, becomes, is_whole_file=True)]


def repeated_file(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """The same bytes once more, a week later, under another name."""
    text = deliveries.file(2, "measure_points_board")
    path = f"{deliveries.folders[3]}/{text.name.removesuffix('.csv')} copy.csv"
    deliveries.loose[path] = text.content()
    what = f"The same bytes as {text.path}."
    return [Dirt("repeated_file", path, "repeated", what, "Changes nothing.", is_whole_file=True)]
