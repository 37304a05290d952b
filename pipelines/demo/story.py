"""The whole story of the synthetic organisations, put together from its parts.

Belongs here: in which order the parts are made, and which rows are held back so that something refers to them
before they arrive. Does not belong here: files.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from pipelines.demo.benefits import benefits
from pipelines.demo.board_series import board_events, board_series, late_series
from pipelines.demo.capability import support_roles, training
from pipelines.demo.chance import choose, stream
from pipelines.demo.culture import compact_commitments, experience_events, governance_time, survey_results
from pipelines.demo.cycles import Cycle, make_cycles
from pipelines.demo.maturity import maturity_assessments, ratings
from pipelines.demo.measures import Measure, board_measures, board_targets, project_measures, project_targets
from pipelines.demo.members import Member, make_members
from pipelines.demo.organisation import SILENCED_CODE, Unit, make_units
from pipelines.demo.project_series import MeasureEvent, backdated, project_events, project_series
from pipelines.demo.projects import Project, make_projects
from pipelines.demo.scores import make_scorings
from pipelines.demo.series import Series
from pipelines.demo.snapshots import Register, SpreadLink
from pipelines.demo.ties import collaboration_ties
from pipelines.demo.timeline import Timeline
from pipelines.demo.told import Told
from pipelines.demo.workforce import leadership_posts, workforce_months

PROJECT_REFERRED, PROJECT_ARRIVES = 1, 2
MEASURE_REFERRED, MEASURE_ARRIVES = 2, 3
ORGANISATION_REFERRED, ORGANISATION_ARRIVES = 2, 3
BACKDATED_ARRIVE = 3
SILENT_FROM = 1
"""Numbers of deliveries: where something is first referred to, and where it arrives."""

BACKDATED_MEASURES = 4


@dataclass(frozen=True)
class Withheld:
    """What arrives later than the rows that refer to it; null where the story is too small to have one.

    The project's own row comes with `PROJECT_ARRIVES`, all that belongs to it with `PROJECT_REFERRED`; the
    measure's row with `MEASURE_ARRIVES`, its points with `MEASURE_REFERRED`.
    """

    project_id: str | None
    measure_id: str | None
    backdated_ids: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """Everything that happened, and everything that was measured."""

    register: Register
    series: list[Series]
    withheld: Withheld


def make_story(seed: int, timeline: Timeline, wanted: int, progress: Callable[[str], None]) -> Story:
    """The story of `wanted` projects and the organisations around them."""
    units = make_units(seed)
    projects = make_projects(seed, timeline, units, wanted)
    progress(f"{len(units)} units and {len(projects)} projects")
    measures, targets, members, cycles, events, series = _work(seed, timeline, projects)
    progress(f"{len(cycles)} PDSA cycles and {len(measures)} project measures")
    own = board_series(seed, timeline, units)
    register = Register(
        timeline=timeline,
        units=units,
        projects=projects,
        scorings={project.project_id: make_scorings(seed, timeline, project) for project in projects},
        members=members,
        cycles=cycles,
        spread=_spread(seed, projects),
        measures=[*board_measures(timeline), *measures],
        targets=[*board_targets(timeline), *targets],
        events=[*board_events(own, timeline), *events],
        late_organisation_from=ORGANISATION_ARRIVES,
        told=_told(seed, timeline, units, projects, members, measures),
    )
    withheld = _withhold(seed, register, series)
    late = late_series(seed, timeline, ORGANISATION_REFERRED)
    timed = _retimed(timeline, [*own, *late, *series], withheld, register)
    progress(f"{sum(len(one) for one in timed):,} points in {len(timed):,} series")
    return Story(register, timed, withheld)


def _work(
    seed: int, timeline: Timeline, projects: list[Project]
) -> tuple[list[Measure], list, list[Member], list[Cycle], list[MeasureEvent], list[Series]]:
    measures, members, cycles, events, series = [], [], [], [], []
    for project in projects:
        kept = project_measures(seed, timeline, project)
        tested = make_cycles(seed, timeline, project, kept)
        drawn = [one for measure in kept for one in project_series(seed, measure, project)]
        measures += kept
        cycles += tested
        series += drawn
        members += make_members(seed, project)
        events += project_events(seed, project, drawn, tested)
    return measures, project_targets(seed, measures), members, cycles, events, series


def _told(
    seed: int,
    timeline: Timeline,
    units: list[Unit],
    projects: list[Project],
    members: list[Member],
    measures: list[Measure],
) -> dict[str, list[Told]]:
    """Maturity, culture and outcomes; extracts that do not grow tell of the time up to the backlog."""
    last = timeline.deliveries[0]
    return {
        "maturity_assessments": maturity_assessments(seed, last),
        "training": training(seed, timeline, members),
        "survey_results": survey_results(seed, last),
        "workforce_months": workforce_months(seed, timeline, units),
        "leadership_posts": leadership_posts(seed, timeline, last),
        "collaboration_ties": collaboration_ties(seed, last, units),
        "experience_events": experience_events(seed, last, units, projects),
        "governance_time": governance_time(seed, timeline.end),
        "support_roles": support_roles(seed, timeline, units),
        "compact_commitments": compact_commitments(seed, last),
        "benefits": benefits(seed, last, projects, measures),
        "ratings": ratings(seed, last),
    }


def _spread(seed: int, projects: list[Project]) -> list[SpreadLink]:
    by_id = {project.project_id: project for project in projects}
    links = []
    for child in projects:
        if child.parent_project_id:
            rng = stream(seed, "spread", child.project_id)
            kind = choose(rng, ("spread", "scale", "adaptation"), (0.6, 0.15, 0.25))
            links.append(SpreadLink(by_id[child.parent_project_id], child, kind, int(rng.integers(4, 25))))
    return links


def _withhold(seed: int, register: Register, series: list[Series]) -> Withheld:
    linked = {p.project_id for link in register.spread for p in (link.parent, link.child)}
    points = _points_before(series, register.timeline)
    own = [
        project.project_id
        for project in register.projects
        if project.project_id not in linked and _is_lively(register, project, points)
    ]
    running = [
        one.measure_id
        for one in register.measures
        if one.family == "process"
        and _is_running(one, register.timeline)
        and points.get(one.measure_id, 0) >= 6
        and one.project_id not in own[-1:]
    ]
    named = {row.measure_id for row in (*register.events, *register.cycles)}
    running = [running[place] for place in stream(seed, "withheld").permutation(len(running))]
    held = next((measure_id for measure_id in running if measure_id not in named), None)
    backdated_ids = [measure_id for measure_id in running if measure_id != held][:BACKDATED_MEASURES]
    return Withheld(own[-1] if own else None, held, tuple(backdated_ids))


def _points_before(series: list[Series], timeline: Timeline) -> dict[str, int]:
    """How many points each measure has by the second delivery."""
    day = np.datetime64(timeline.deliveries[PROJECT_REFERRED], "D")
    counts: dict[str, int] = {}
    for one in series:
        counts[one.measure_id] = counts.get(one.measure_id, 0) + int((one.available_on <= day).sum())
    return counts


def _is_lively(register: Register, project: Project, points: dict[str, int]) -> bool:
    """Open, chartered by the backlog, with a cycle, and points that a later delivery can hold."""
    first, second = register.timeline.deliveries[:2]
    course = project.course
    tested = any(c.project_id == project.project_id and c.started_on <= second for c in register.cycles)
    return (
        course.chartered_on <= first - timedelta(days=30)
        and course.fate == "open"
        and project.active_until == date.max
        and project.organisation_code != SILENCED_CODE
        and tested
        and points.get(f"{project.project_id}-O1", 0) >= 6
    )


def _is_running(measure: Measure, timeline: Timeline) -> bool:
    project = measure.project
    return (
        project is not None
        and project.organisation_code != SILENCED_CODE
        and measure.last_day >= timeline.deliveries[MEASURE_REFERRED]
        and measure.registered_on < timeline.deliveries[0] - timedelta(days=200)
    )


def _retimed(
    timeline: Timeline, series: list[Series], withheld: Withheld, register: Register
) -> list[Series]:
    """The series with what is held back or no longer delivered; empty ones are left out."""
    late_ids = {
        m.measure_id for m in register.measures if m.project_id and m.project_id == withheld.project_id
    }
    timed = []
    for one in series:
        if one.organisation_code == SILENCED_CODE:
            last = np.datetime64(timeline.deliveries[SILENT_FROM - 1], "D")
            timed.append(one.kept(one.available_on <= last))
        elif one.measure_id in late_ids:
            timed.append(replace(one, first_delivery=PROJECT_REFERRED))
        elif one.measure_id == withheld.measure_id:
            timed.append(replace(one, first_delivery=MEASURE_REFERRED))
        elif one.measure_id in withheld.backdated_ids:
            day = timeline.deliveries[0]
            timed += backdated([one], BACKDATED_ARRIVE, day - timedelta(days=260), day - timedelta(days=90))
        else:
            timed.append(one)
    return [one for one in timed if len(one)]
