"""Measures, as the register lists them: those of projects and those of the organisations.

Belongs here: which measures exist, from when to when, and their targets. Does not belong here: their points
(`project_series.py`, `board_series.py`).
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from pipelines.demo.board_measures import BOARD_MEASURES, NEW_TARGET, RETARGETED_MEASURE_ID
from pipelines.demo.chance import chance, choose, stream
from pipelines.demo.local_levels import adjusted
from pipelines.demo.projects import Project
from pipelines.demo.timeline import Timeline, weeks
from pipelines.demo.topics import BALANCING, MeasureSpec, percent

UNMEASURED_SHARE = 0.04
"""Share of projects that never set up a measure."""

FOLLOWED_UP_SHARE = 0.75
"""Of completed projects: the share that keeps measuring for about a year or more afterwards."""

WEEKLY_PROCESS_SHARE = 0.35
PROJECT_TARGET_SHARE = 0.6


@dataclass(frozen=True)
class Measure:
    """One measure. `last_day`: no points after it; `ends_on`: the same where the register says so.

    `registered_on`: the day from which the register shows it.
    """

    measure_id: str
    spec: MeasureSpec
    project: Project | None
    family: str
    purpose: str
    quality_domain: str
    starts_on: date
    last_day: date
    ends_on: date | None
    registered_on: date
    rule_set_id: str | None = None

    @property
    def project_id(self) -> str | None:
        return self.project.project_id if self.project else None


@dataclass(frozen=True)
class Target:
    """A target from a day on; null: it ended. `known_on`: day from which the register shows it."""

    measure_id: str
    organisation_code: str | None
    valid_from: date
    target: float | None
    basis: str
    known_on: date


def project_measures(seed: int, timeline: Timeline, project: Project) -> list[Measure]:
    """Outcome, mostly process, often balancing measure of a project; none before its charter."""
    rng = stream(seed, "measures", project.project_id)
    if project.course.chartered_on > timeline.end or chance(rng, UNMEASURED_SHARE):
        return []
    outcome = project.topic.outcome
    frequency = "week" if outcome.frequency == "week" or chance(rng, WEEKLY_PROCESS_SHARE) else "month"
    specs = [("O1", "outcome", outcome)]
    if chance(rng, 0.85):
        specs.append(("P1", "process", _process(rng, project.topic.process_name, frequency)))
    if chance(rng, 0.30):
        specs.append(("P2", "process", _process(rng, "Staff briefed about the change", "month")))
    if chance(rng, 0.62):
        specs.append(("B1", "balancing", adjusted(rng, choose(rng, BALANCING))))
    last_day = _last_day(rng, timeline, project)
    return [_project_measure(project, timeline, key, family, spec, last_day) for key, family, spec in specs]


def _project_measure(
    project: Project, timeline: Timeline, key: str, family: str, spec: MeasureSpec, last_day: date
) -> Measure:
    starts_on = _first_day(project, spec)
    registered_on = min(project.course.chartered_on + timedelta(days=10), timeline.end)
    return Measure(
        measure_id=f"{project.project_id}-{key}",
        spec=spec,
        project=project,
        family=family,
        purpose="improvement",
        quality_domain=project.topic.quality_domain,
        starts_on=starts_on,
        last_day=last_day,
        ends_on=last_day if project.course.ends_on and starts_on < last_day < timeline.end else None,
        registered_on=registered_on,
    )


def _first_day(project: Project, spec: MeasureSpec) -> date:
    """The baseline begins 26 weeks or 9 months before the start, with a whole period."""
    if spec.frequency == "week":
        day = project.course.started_on - timedelta(weeks=26)
        return weeks(day, day + timedelta(days=14)).start[0].item()
    return (project.course.started_on - timedelta(days=275)).replace(day=1)


def _last_day(rng: np.random.Generator, timeline: Timeline, project: Project) -> date:
    course = project.course
    if course.fate == "completed" and course.ends_on and chance(rng, FOLLOWED_UP_SHARE):
        return min(course.ends_on + timedelta(days=int(rng.integers(300, 560))), timeline.end)
    return min(project.active_until, timeline.end)


def _process(rng: np.random.Generator, name: str, frequency: str) -> MeasureSpec:
    base, aim = float(rng.integers(28, 52)), float(rng.integers(82, 96))
    size = 9.0 if frequency == "week" else 26.0
    return percent(name, base, aim, size * rng.lognormal(0.0, 0.25), "cases sampled", frequency)


def board_measures(timeline: Timeline) -> list[Measure]:
    """The organisations' own measures, kept over the whole history."""
    return [
        Measure(
            measure_id=kept.measure_id,
            spec=kept.spec,
            project=None,
            family="outcome",
            purpose=kept.purpose,
            quality_domain=kept.quality_domain,
            starts_on=timeline.start,
            last_day=timeline.end,
            ends_on=None,
            registered_on=timeline.start,
            rule_set_id=kept.rule_set_id,
        )
        for kept in BOARD_MEASURES
    ]


def board_targets(timeline: Timeline) -> list[Target]:
    """Targets of the organisations' own measures; one changes while the demo is delivered."""
    span = timeline.deliveries[0] - timeline.start
    targets = [
        Target(kept.measure_id, None, day, step.target, step.basis, day)
        for kept in BOARD_MEASURES
        for step in kept.targets
        for day in [(timeline.start + span * step.at).replace(day=1)]
    ]
    changed_on = timeline.deliveries[2].replace(day=1)
    basis = "Board decision (synthetic), changed in the year"
    return [*targets, Target(RETARGETED_MEASURE_ID, None, changed_on, NEW_TARGET, basis, changed_on)]


def project_targets(seed: int, measures: list[Measure]) -> list[Target]:
    """The aim of a project as the target of its outcome measure, for most projects."""
    targets = []
    for measure in measures:
        if measure.project is None or measure.family != "outcome":
            continue
        if chance(stream(seed, "target", measure.measure_id), PROJECT_TARGET_SHARE):
            day = measure.project.course.chartered_on
            code = measure.project.organisation_code
            targets.append(
                Target(
                    measure.measure_id,
                    code,
                    day,
                    measure.spec.aim,
                    "Aim of the project",
                    measure.registered_on,
                )
            )
    return targets
