"""PDSA cycles of projects: what was tested, predicted, found and decided."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from pipelines.demo.chance import chance, choose, days_after, pick, stream
from pipelines.demo.measures import Measure
from pipelines.demo.parameters import CYCLE_COMPLETENESS
from pipelines.demo.projects import Project
from pipelines.demo.timeline import Timeline
from pipelines.demo.topics import CHANGE_IDEAS, CHANGE_SCOPES, STUDY_FINDINGS

MOST_CYCLES = 14
DECISION_SHARE = {
    "met": {"adopt": 0.35, "adapt": 0.50, "abandon": 0.15},
    "partly_met": {"adopt": 0.28, "adapt": 0.50, "abandon": 0.22},
    "not_met": {"adopt": 0.12, "adapt": 0.48, "abandon": 0.40},
}


@dataclass(frozen=True)
class Cycle:
    """One PDSA cycle. What is null was never recorded."""

    cycle_id: str
    project_id: str
    number: int
    change_idea: str
    measure_id: str | None
    planned_on: date
    started_on: date
    studied_on: date
    completed_on: date
    prediction: str | None
    has_data: bool
    study_finding: str | None
    decision: str | None


def make_cycles(seed: int, timeline: Timeline, project: Project, measures: list[Measure]) -> list[Cycle]:
    """The cycles of a project in order, all begun by the end of the demo."""
    rng = stream(seed, "cycles", project.project_id)
    days = _start_days(rng, timeline, project)
    return [_cycle(rng, project, measures, number, day) for number, day in enumerate(days, start=1)]


def _start_days(rng: np.random.Generator, timeline: Timeline, project: Project) -> list[date]:
    last = min(project.active_until, timeline.end)
    effect_on = project.result.effect_on
    day, days = days_after(rng, project.course.started_on, 12, 45), []
    while day <= last and len(days) < MOST_CYCLES:
        days.append(day)
        day = days_after(rng, day, 18, 75)
    if effect_on and effect_on <= last:
        days = sorted([effect_on, *(d for d in days if abs((d - effect_on).days) > 10)])
    return days


def _cycle(
    rng: np.random.Generator, project: Project, measures: list[Measure], number: int, day: date
) -> Cycle:
    complete = CYCLE_COMPLETENESS[project.method]
    works = day == project.result.effect_on
    watched = choose(rng, measures) if measures else None
    name = watched.spec.name.lower() if watched else "the result"
    has_data = chance(rng, complete)
    studied_on = days_after(rng, day, 7, 24)
    prediction = f"We expect {name} to move within {int(rng.integers(2, 7))} weeks."
    finding = choose(rng, STUDY_FINDINGS)
    decision = "adopt" if works else pick(rng, DECISION_SHARE[project.result.outcome])
    return Cycle(
        cycle_id=f"{project.project_id}-C{number:02d}",
        project_id=project.project_id,
        number=number,
        change_idea=f"Try {choose(rng, CHANGE_IDEAS)} {choose(rng, CHANGE_SCOPES)}",
        measure_id=watched.measure_id if watched and chance(rng, 0.85) else None,
        planned_on=day - timedelta(days=int(rng.integers(2, 15))),
        started_on=day,
        studied_on=studied_on,
        completed_on=days_after(rng, studied_on, 0, 10),
        prediction=prediction if chance(rng, complete) else None,
        has_data=has_data,
        study_finding=finding if chance(rng, complete) else None,
        decision=decision if works or chance(rng, complete) else None,
    )
