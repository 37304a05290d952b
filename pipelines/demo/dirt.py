"""Planting every fault into the deliveries, in the right order.

Belongs here: the order. Does not belong here: the faults themselves (`faults_in_rows.py`,
`faults_in_culture.py`, `faults_of_order.py`, `faults_in_files.py`). Faults are rare, so that the demo loads;
none comes by chance.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pipelines.demo import faults_in_culture as culture
from pipelines.demo import faults_in_files as files
from pipelines.demo import faults_in_rows as rows
from pipelines.demo import faults_of_order as order
from pipelines.demo.chance import stream
from pipelines.demo.deliveries import Deliveries
from pipelines.demo.planting import Dirt
from pipelines.demo.story import Story

Sower = Callable[[np.random.Generator, Story, Deliveries], list[Dirt]]

SOWERS: tuple[Sower, ...] = (
    order.project_arrives_late,
    order.measure_arrives_late,
    order.organisation_arrives_late,
    order.backdated_points,
    order.cumulative_file,
    order.late_older_edition,
    order.withdrawn_points,
    rows.total_rows,
    rows.suppression_tokens,
    rows.duplicate_rows,
    rows.numerator_over_denominator,
    rows.future_period,
    rows.outside_life,
    rows.unreadable_cells,
    rows.ragged_rows,
    rows.duplicate_project_ids,
    rows.category_spelling,
    order.measure_never_arrives,
    order.organisation_stops,
    culture.culture_faults,
    files.missing_column,
    files.stray_column,
    files.unrecognised_file,
    files.repeated_file,
)
"""In this order: what is copied from clean rows is planted before they are spoilt; whole files come last."""


def plant(seed: int, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """Plant every fault in `deliveries`; gives what was planted, with line numbers.

    Where a small story has no row that could carry a fault, that fault is left out.
    """
    planted = [
        dirt
        for number, sow in enumerate(SOWERS)
        for dirt in sow(stream(seed, "dirt", number), story, deliveries)
    ]
    texts = {text.path: text for text in deliveries.texts}
    located = [
        dirt if dirt.is_whole_file else replace(dirt, lines=texts[dirt.file].tagged(dirt.name))
        for dirt in planted
    ]
    return [dirt for dirt in located if dirt.is_whole_file or dirt.lines]
