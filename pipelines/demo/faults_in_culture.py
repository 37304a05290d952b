"""Faults in the extracts on maturity, culture and outcomes: one or two in each, one row a fault.

Belongs here: which cells of which row are spoilt, and what is said of it. Does not belong here: faults of
points and of the register (`faults_in_rows.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.demo.deliveries import Deliveries
from pipelines.demo.files import Line
from pipelines.demo.planting import Dirt, free_lines, some_of
from pipelines.demo.story import Story

Cells = dict[str, str]


@dataclass(frozen=True)
class Fault:
    """One spoilt row of the backlog. `spoil`: the cells to change; `is_twin`: in a copy below the row."""

    name: str
    extract: str
    fits: Callable[[Cells], bool]
    spoil: Callable[[Cells], Cells]
    codes: tuple[str, ...]
    what: str
    becomes: str
    verdict: str = "quarantined"
    is_twin: bool = False


KEPT_OUT = "Kept out; the other rows load."

FAULTS = (
    Fault(
        "level_spelling",
        "maturity_assessments",
        lambda row: row["level"] == "improving_and_sustaining",
        lambda row: {"level": "Improving & sustaining"},
        ("LEVEL_NOT_ALLOWED",),
        "A level is spelt as on the poster.",
        KEPT_OUT,
    ),
    Fault(
        "course_ends_before_it_begins",
        "training",
        lambda row: row["completed_on"] != "" and row["started_on"] != row["completed_on"],
        lambda row: {"started_on": row["completed_on"], "completed_on": row["started_on"]},
        ("COMPLETED_BEFORE_STARTED",),
        "The two dates of a course are exchanged.",
        KEPT_OUT,
    ),
    Fault(
        "more_agree_than_answer",
        "survey_results",
        lambda row: row["breakdown"] == "staff_group",
        lambda row: {"numerator": row["invited"]},
        ("NUMERATOR_OVER_DENOMINATOR",),
        "More people agree than have answered.",
        KEPT_OUT,
    ),
    Fault(
        "survey_suppression",
        "survey_results",
        lambda row: row["breakdown_group"] == "Estates and ancillary",
        lambda row: {"numerator": "*", "denominator": "*"},
        (),
        "The numbers of a small group are withheld with *.",
        "Both are null with a reason for suppression, never 0.",
        verdict="accepted",
    ),
    Fault(
        "staff_group_total",
        "workforce_months",
        lambda row: row["unit_code"] == "",
        lambda row: {"staff_group": "Total"},
        ("TOTAL_ROW",),
        "A total of all staff groups stands among them.",
        "Kept out, so that nobody is counted twice.",
        is_twin=True,
    ),
    Fault(
        "more_sick_than_available",
        "workforce_months",
        lambda row: row["unit_code"] != "",
        lambda row: {"sick_days": row["available_days"], "available_days": row["sick_days"]},
        ("SICK_DAYS_OVER_AVAILABLE",),
        "Two columns are exchanged in one row.",
        KEPT_OUT,
    ),
    Fault(
        "vacant_with_holder",
        "leadership_posts",
        lambda row: row["holding"] == "vacant",
        lambda row: {"holder_id": "STAFF-999999"},
        ("VACANT_WITH_HOLDER",),
        "A vacant post has a holder.",
        KEPT_OUT,
    ),
    Fault(
        "unit_names_itself",
        "collaboration_ties",
        lambda row: row["to_unit_code"] != "" and row["to_organisation_code"] == row["organisation_code"],
        lambda row: {"to_unit_code": row["unit_code"]},
        ("UNIT_TIES_TO_ITSELF",),
        "A unit names itself.",
        KEPT_OUT,
    ),
    Fault(
        "held_on_no_day",
        "experience_events",
        lambda row: row["kind"] == "board_visit",
        lambda row: {"held_on": ""},
        ("HELD_WITHOUT_DATE",),
        "A visit was held, and nobody wrote down when.",
        KEPT_OUT,
    ),
    Fault(
        "minutes_as_a_time",
        "governance_time",
        lambda row: row["forum"] == "board",
        lambda row: {"minutes": "1015"},
        ("MINUTES_OUT_OF_RANGE",),
        "The time of day stands where the minutes should.",
        KEPT_OUT,
    ),
    Fault(
        "more_hours_used_than_rostered",
        "support_roles",
        lambda row: row["role"] == "qi_time",
        lambda row: {"hours_rostered": row["hours_used"], "hours_used": row["hours_rostered"]},
        ("HOURS_USED_OVER_ROSTERED",),
        "Two columns are exchanged in one row.",
        KEPT_OUT,
    ),
    Fault(
        "evidence_from_the_future",
        "compact_commitments",
        lambda row: row["evidenced_on"] != "" and row["given_by"] == "staff",
        lambda row: {"evidenced_on": f"{int(row['evidenced_on'][:4]) + 10}-01-31"},
        ("EVIDENCED_ON_IN_FUTURE",),
        "Evidence is dated ten years ahead.",
        KEPT_OUT,
    ),
    Fault(
        "receiver_nobody_knows",
        "benefits",
        lambda row: row["receiver_organisation_code"] != "" and row["stage"] == "forecast",
        lambda row: {"receiver_organisation_code": "ZZX"},
        ("UNKNOWN_RECEIVER",),
        "A benefit falls to an organisation that no register knows.",
        "Waits, and is tried again each night.",
    ),
    Fault(
        "range_upside_down",
        "benefits",
        lambda row: row["amount_low"] != row["amount_high"] and row["stage"] == "forecast",
        lambda row: {"amount_low": row["amount_high"], "amount_high": row["amount_low"]},
        ("LOW_OVER_HIGH",),
        "The ends of a range are exchanged.",
        KEPT_OUT,
    ),
    Fault(
        "rating_twice",
        "ratings",
        lambda row: row["rating"] == "good",
        lambda row: {"rating": "inadequate"},
        ("DUPLICATE_KEY",),
        "A rating stands twice with different words.",
        "Neither is believed.",
        is_twin=True,
    ),
)


def culture_faults(rng: np.random.Generator, story: Story, deliveries: Deliveries) -> list[Dirt]:
    """Each of `FAULTS` once, in the backlog."""
    return [dirt for fault in FAULTS for dirt in _plant(rng, fault, deliveries)]


def _plant(rng: np.random.Generator, fault: Fault, deliveries: Deliveries) -> list[Dirt]:
    text = deliveries.file(0, fault.extract)
    for line in some_of(rng, free_lines(text, lambda cells: fault.fits(_named(text.header, cells))), 1):
        spoilt = line
        if fault.is_twin:
            spoilt = Line(list(line.cells))
            text.lines.insert(text.lines.index(line) + 1, spoilt)
        if "DUPLICATE_KEY" in fault.codes:
            line.tag = fault.name
        spoilt.tag = fault.name
        for name, value in fault.spoil(_named(text.header, line.cells)).items():
            spoilt.cells[text.column(name)] = value
    return [Dirt(fault.name, text.path, fault.verdict, fault.what, fault.becomes, codes=fault.codes)]


def _named(header: list[str], cells: list[str]) -> Cells:
    return dict(zip(header, cells, strict=True))
