"""Improvement projects: when they run, how they work, and what becomes of them.

Belongs here: one project's whole life as it will have been by the end of the demo. Does not belong here:
what the register showed on an earlier day (`snapshots.py`), and the measures (`measures.py`, `points.py`),
which follow from `outcome`, `effect_on` and `effect_share`.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from pipelines.demo import parameters as planted
from pipelines.demo.chance import chance, choose, days_after, pick, stream
from pipelines.demo.local_levels import adjusted
from pipelines.demo.organisation import MERGED_CODE, Unit, merged_on
from pipelines.demo.people import coach_of, overloaded_coaches, sponsor_of
from pipelines.demo.timeline import Timeline
from pipelines.demo.topics import TOPICS, Topic

DAYS_A_MONTH = 30.4
LAST_START_DAYS = 120
"""The merged organisation charters nothing in its last days."""


@dataclass(frozen=True)
class Course:
    """How a project runs. `fate`: completed, abandoned, withdrawn or open (at the end of the demo)."""

    chartered_on: date
    started_on: date
    due_on: date
    ends_on: date | None
    fate: str
    paused_on: date | None = None
    silent_from: date | None = None


@dataclass(frozen=True)
class Result:
    """What the change does. `outcome`: met, partly_met or not_met; `effect_share`: of the planned change.

    `effect_on`: day of the PDSA cycle that works; null when nothing does.
    """

    outcome: str
    effect_share: float
    effect_on: date | None
    is_sustained: bool
    does_harm: bool


@dataclass(frozen=True)
class Involvement:
    """How patients took part, and when that was recorded. `renamed_on`: later called big_i on that day."""

    level: str
    recorded_on: date
    renamed_on: date | None


@dataclass(frozen=True)
class Project:
    """One improvement project with all that follows from its plan."""

    project_id: str
    unit: Unit
    topic: Topic
    method: str
    origin: str
    proposed_on: date
    course: Course
    involvement: Involvement
    result: Result
    coach_id: str | None
    sponsor_id: str | None
    is_stratified: bool
    is_optimistic: bool
    has_stale_score: bool
    parent_project_id: str | None = None

    @property
    def organisation_code(self) -> str:
        return self.unit.organisation.code

    @property
    def active_until(self) -> date:
        """Last day on which the team did anything: its end, its pause or its silence (or `date.max`)."""
        days = (self.course.ends_on, self.course.paused_on, self.course.silent_from)
        return min((day for day in days if day), default=date.max)


def make_projects(seed: int, timeline: Timeline, units: list[Unit], wanted: int) -> list[Project]:
    """`wanted` projects in the order of their charter, every one proposed by the end of the timeline."""
    projects: list[Project] = []
    for number, chartered_on in enumerate(_charter_dates(seed, timeline, wanted), start=1):
        rng = stream(seed, "project", number)
        parent = _parent(rng, projects, chartered_on)
        projects.append(_project(rng, timeline, units, number, chartered_on, parent))
    return projects


def _charter_dates(seed: int, timeline: Timeline, wanted: int) -> list[date]:
    """More and more projects a year; the last few are chartered only after the end."""
    span = (timeline.end - timeline.start).days - 60 + 45
    gone = np.sort(stream(seed, "charter dates").random(wanted) ** 0.75)
    return [timeline.start + timedelta(days=60 + int(span * share)) for share in gone]


def _parent(rng: np.random.Generator, earlier: list[Project], chartered_on: date) -> Project | None:
    if not chance(rng, planted.SPREAD_SHARE):
        return None
    models = [
        project
        for project in earlier
        if project.course.fate == "completed"
        and project.result.outcome == "met"
        and project.course.ends_on is not None
        and timedelta(days=20) < chartered_on - project.course.ends_on < timedelta(days=720)
    ]
    return choose(rng, models) if models else None


def _project(
    rng: np.random.Generator,
    timeline: Timeline,
    units: list[Unit],
    number: int,
    chartered_on: date,
    parent: Project | None,
) -> Project:
    unit, topic = _place(rng, timeline, units, chartered_on, parent)
    topic = replace(topic, outcome=adjusted(rng, topic.outcome))
    method = pick(rng, planted.METHOD_SHARE)
    level = pick(rng, planted.INVOLVEMENT_SHARE[unit.organisation.type])
    course = _course(rng, timeline, unit, chartered_on, level)
    coach_id = coach_of(rng, unit.organisation) if chance(rng, planted.COACHED_SHARE) else None
    result = _result(rng, course, unit, method, level, coach_id)
    return Project(
        project_id=f"QI-{chartered_on.year}-{number:04d}",
        unit=unit,
        topic=topic,
        method=method,
        origin=pick(rng, planted.ORIGIN_SHARE),
        proposed_on=min(days_after(rng, chartered_on, -60, -7), timeline.end),
        course=course,
        involvement=_involvement(rng, course, result, level),
        result=result,
        coach_id=coach_id,
        sponsor_id=sponsor_of(rng, unit.organisation) if chance(rng, planted.SPONSORED_SHARE) else None,
        is_stratified=chance(rng, planted.STRATIFIED_SHARE),
        is_optimistic=chance(rng, planted.OPTIMISTIC_SCORE_SHARE),
        has_stale_score=chance(rng, planted.STALE_SCORE_SHARE),
        parent_project_id=parent.project_id if parent else None,
    )


def _place(
    rng: np.random.Generator,
    timeline: Timeline,
    units: list[Unit],
    chartered_on: date,
    parent: Project | None,
) -> tuple[Unit, Topic]:
    """A unit by weight and a topic that fits it; a spread project has its parent's topic, elsewhere."""
    is_late = chartered_on > merged_on(timeline) - timedelta(days=LAST_START_DAYS)
    eager = [u for u in units if u.weight > 0 and not (is_late and u.organisation.code == MERGED_CODE)]
    if parent:
        others = [u for u in eager if fits(parent.topic, u) and u.code != parent.unit.code]
        if others:
            return choose(rng, others, [u.weight for u in others]), parent.topic
    unit = choose(rng, eager, [u.weight for u in eager])
    return unit, choose(rng, [topic for topic in TOPICS if fits(topic, unit)])


def fits(topic: Topic, unit: Unit) -> bool:
    """Whether a unit of this type and organisation would work on the topic."""
    return unit.type in topic.places and unit.organisation.type in topic.types


def _course(
    rng: np.random.Generator, timeline: Timeline, unit: Unit, chartered_on: date, level: str
) -> Course:
    started_on = days_after(rng, chartered_on, 0, 45)
    due_on = started_on + timedelta(days=choose(rng, (180, 270, 365, 540), (0.3, 0.25, 0.35, 0.1)))
    abandoned = planted.ABANDONED_SHARE[level]
    fate = pick(
        rng,
        {
            "abandoned": abandoned,
            "withdrawn": planted.WITHDRAWN_SHARE,
            "open": planted.OPEN_ENDED_SHARE,
            "completed": 1 - abandoned - planted.WITHDRAWN_SHARE - planted.OPEN_ENDED_SHARE,
        },
    )
    days = int(rng.lognormal(np.log(330 if fate == "completed" else 170), 0.35))
    ends_on = None if fate == "open" else started_on + timedelta(days=max(days, 40))
    if ends_on is None or ends_on > timeline.end:
        fate, ends_on = "open", None
    course = Course(chartered_on, started_on, due_on, ends_on, fate)
    if unit.organisation.code == MERGED_CODE:
        return _cut_by_merger(course, merged_on(timeline))
    return _quietened(rng, course, timeline) if fate == "open" else course


def _cut_by_merger(course: Course, closed_on: date) -> Course:
    if course.ends_on is None or course.ends_on > closed_on:
        return replace(course, ends_on=closed_on, fate="withdrawn")
    return course


def _quietened(rng: np.random.Generator, course: Course, timeline: Timeline) -> Course:
    """Some open projects pause, some just fall silent, more than 60 days before the end."""
    drawn = rng.random()
    since = days_after(rng, timeline.end, -420, -75)
    if since < course.started_on + timedelta(days=60):
        return course
    if drawn < planted.PAUSED_SHARE:
        return replace(course, paused_on=since)
    if drawn < planted.PAUSED_SHARE + planted.SILENT_SHARE:
        return replace(course, silent_from=since)
    return course


def met_risk(unit: Unit, method: str, level: str, coach_id: str | None) -> float:
    """The chance that a project meets its aim: the product of the planted parameters."""
    risk = planted.MET_RISK_BY_METHOD[method]
    risk *= planted.INVOLVEMENT_RISK_RATIO[level]
    risk *= planted.ORGANISATION_RISK_RATIO[unit.organisation.type]
    if coach_id in overloaded_coaches():
        risk *= planted.OVERLOADED_COACH_RISK_RATIO
    return min(risk, planted.MET_RISK_CEILING)


def _result(
    rng: np.random.Generator, course: Course, unit: Unit, method: str, level: str, coach_id: str | None
) -> Result:
    if chance(rng, met_risk(unit, method, level, coach_id)):
        outcome = "met"
    else:
        outcome = "partly_met" if chance(rng, planted.PARTLY_MET_SHARE) else "not_met"
    if course.fate in ("abandoned", "withdrawn"):
        outcome = "not_met"
    mean, deviation = planted.EFFECT_SHARE[outcome]
    share = float(np.clip(rng.normal(mean, deviation), mean - 2 * deviation, mean + 2 * deviation))
    months = planted.MONTHS_TO_EFFECT_BY_METHOD[method] * rng.lognormal(0.0, planted.MONTHS_TO_EFFECT_SIGMA)
    effect_on = course.started_on + timedelta(days=int(months * DAYS_A_MONTH))
    if course.ends_on:
        effect_on = min(effect_on, course.started_on + (course.ends_on - course.started_on) * 0.55)
    is_met = outcome == "met"
    return Result(
        outcome=outcome,
        effect_share=share,
        effect_on=None if outcome == "not_met" else effect_on,
        is_sustained=chance(rng, planted.SUSTAINED_SHARE),
        does_harm=is_met and chance(rng, planted.BALANCING_HARM_SHARE),
    )


def _involvement(rng: np.random.Generator, course: Course, result: Result, level: str) -> Involvement:
    recorded_on = days_after(rng, course.chartered_on, 0, 80)
    renamed_on = days_after(rng, course.chartered_on, 120, 300)
    can_rename = result.outcome == "met" and level != "big_i" and course.ends_on is not None
    if can_rename and chance(rng, planted.RENAMED_BIG_I_SHARE):
        return Involvement(level, recorded_on, renamed_on)
    return Involvement(level, recorded_on, None)
