"""The register as it showed on a day: rows of every extract but the points.

Belongs here: what of the whole story was known when, cell by cell, and the columns of each file. Does not
belong here: which rows go into which file (`deliveries.py`).
"""

from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.demo import organisation as places
from pipelines.demo.board_measures import REDEFINED_MEASURE_ID, REDEFINITION
from pipelines.demo.columns import COLUMNS
from pipelines.demo.cycles import Cycle
from pipelines.demo.measures import Measure, Target
from pipelines.demo.members import Member
from pipelines.demo.organisation import ORGANISATIONS, Unit
from pipelines.demo.project_series import MeasureEvent
from pipelines.demo.projects import Project
from pipelines.demo.scores import Scoring
from pipelines.demo.timeline import Timeline
from pipelines.demo.told import Row, Told

SOURCE_SYSTEM = "synthetic_tracker"
TOLD_AGAIN = 2
"""Number of the delivery that brings what is new since the backlog in extracts that grow month by month."""

GROWING = ("training", "workforce_months", "support_roles", "governance_time")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True)
class SpreadLink:
    """A project that took up the change of another."""

    parent: Project
    child: Project
    link_type: str
    eligible_units: int


@dataclass(frozen=True)
class Register:
    """The whole story: everything that will have been recorded by the end of the demo."""

    timeline: Timeline
    units: list[Unit]
    projects: list[Project]
    scorings: dict[str, list[Scoring]]
    members: list[Member]
    cycles: list[Cycle]
    spread: list[SpreadLink]
    measures: list[Measure]
    targets: list[Target]
    events: list[MeasureEvent]
    late_organisation_from: int
    told: dict[str, list[Told]]


def rows_on(register: Register, number: int) -> dict[str, list[Row]]:
    """Rows of every register extract as they showed at the delivery with this number."""
    day = register.timeline.deliveries[number]
    return {
        "organisations": _organisations(register, number, day),
        "units": [_unit(register, unit, day) for unit in register.units],
        "projects": [
            _project(register, project, day) for project in register.projects if project.proposed_on <= day
        ],
        "project_members": [_member(member, day) for member in register.members if member.joined_on <= day],
        "pdsa_cycles": [_cycle(cycle, day) for cycle in register.cycles if cycle.started_on <= day],
        "spread_links": [_link(link) for link in register.spread if link.child.course.started_on <= day],
        "measures": [_measure(register, one, day) for one in register.measures if one.registered_on <= day],
        "measure_events": [_event(event) for event in register.events if event.known_on <= day],
        "targets": [_target(target) for target in register.targets if target.known_on <= day],
        **{
            extract: [one.row for one in told if one.known_on <= day]
            for extract, told in register.told.items()
            if number == 0 or (number == TOLD_AGAIN and extract in GROWING)
        },
    }


def _known(value: date | None, day: date) -> date | None:
    """A date once it has come, null before."""
    return value if value is not None and value <= day else None


def _organisations(register: Register, number: int, day: date) -> list[Row]:
    timeline, rows = register.timeline, []
    founded = date(timeline.start.year - 5, 4, 1)
    for owner in ORGANISATIONS:
        row: Row = {
            "organisation_code": owner.code,
            "organisation_name": owner.name,
            "organisation_type": owner.type,
            "region_code": places.REGION_CODE,
            "icb_code": places.ICB_CODE,
            "valid_from": founded,
            "closed_on": None,
        }
        if owner.code == places.MERGED_CODE and number >= 1:
            row["closed_on"] = places.merged_on(timeline)
        rows.append(row)
        if owner.code == places.RENAMED_CODE and places.renamed_on(timeline) <= day:
            rows.append(
                {**row, "organisation_name": places.RENAMED_TO, "valid_from": places.renamed_on(timeline)}
            )
    if number >= register.late_organisation_from:
        late = {"organisation_code": places.LATE_CODE, "organisation_name": places.LATE_NAME}
        rows.append({**rows[0], **late, "organisation_type": "community", "valid_from": timeline.start})
    return rows


def _unit(register: Register, unit: Unit, day: date) -> Row:
    closed_on = places.merged_on(register.timeline) if unit.organisation.code == places.MERGED_CODE else None
    return {
        "organisation_code": unit.organisation.code,
        "unit_code": unit.code,
        "unit_name": unit.name,
        "unit_type": unit.type,
        "directorate": unit.directorate,
        "parent_unit_code": unit.parent_code,
        "valid_from": date(register.timeline.start.year - 5, 4, 1),
        "closed_on": closed_on if closed_on and closed_on < day else None,
    }


def status_on(project: Project, day: date) -> str:
    """The status that the register shows on a day."""
    course = project.course
    if day < course.chartered_on:
        return "proposed"
    if course.ends_on and course.ends_on <= day:
        return course.fate
    return "paused" if course.paused_on and course.paused_on <= day else "active"


def _project(register: Register, project: Project, day: date) -> Row:
    course, topic = project.course, project.topic
    status = status_on(project, day)
    is_chartered = status != "proposed"
    scoring = max((s for s in register.scorings[project.project_id] if s.scored_on <= day), default=None)
    return {
        "project_id": project.project_id,
        "organisation_code": project.organisation_code,
        "unit_code": project.unit.code,
        "title": f"{topic.title}: {project.unit.name}",
        "aim": _aim(project),
        "method": project.method,
        "origin": project.origin,
        **_involvement(project, day),
        "chartered_on": _known(course.chartered_on, day),
        "started_on": _known(course.started_on, day),
        "due_on": course.due_on if is_chartered else None,
        "closed_on": _known(course.ends_on, day),
        "status": status,
        "outcome": project.result.outcome if status == "completed" else None,
        "progress_score": scoring.score if scoring else None,
        "progress_scored_on": scoring.scored_on if scoring else None,
        "quality_domain": topic.quality_domain,
        "goal": topic.goal,
        "coach_id": project.coach_id if is_chartered else None,
        "sponsor_id": project.sponsor_id if is_chartered else None,
        "source_system": SOURCE_SYSTEM,
    }


def _involvement(project: Project, day: date) -> Row:
    told = project.involvement
    if told.renamed_on and told.renamed_on <= day:
        return {"involvement": "big_i", "involvement_recorded_on": told.renamed_on}
    recorded_on = _known(told.recorded_on, day)
    return {"involvement": told.level if recorded_on else None, "involvement_recorded_on": recorded_on}


def _aim(project: Project) -> str:
    spec = project.topic.outcome
    way = "up" if spec.direction == "increase" else "down"
    unit = "%" if spec.unit == "%" else f" {spec.unit}"
    due = f"{MONTHS[project.course.due_on.month - 1]} {project.course.due_on.year}"
    return f"{spec.name}: {way} from {spec.base:g} to {spec.aim:g}{unit} by {due}"


def _member(member: Member, day: date) -> Row:
    return {**vars(member), "left_on": _known(member.left_on, day)}


def _cycle(cycle: Cycle, day: date) -> Row:
    studied_on, completed_on = _known(cycle.studied_on, day), _known(cycle.completed_on, day)
    return {
        "cycle_id": cycle.cycle_id,
        "project_id": cycle.project_id,
        "cycle_number": cycle.number,
        "change_idea": cycle.change_idea,
        "measure_id": cycle.measure_id,
        "planned_on": cycle.planned_on,
        "started_on": cycle.started_on,
        "studied_on": studied_on,
        "completed_on": completed_on,
        "prediction": cycle.prediction,
        "has_data": cycle.has_data if studied_on else None,
        "study_finding": cycle.study_finding if studied_on else None,
        "decision": cycle.decision if completed_on else None,
    }


def _link(link: SpreadLink) -> Row:
    return {
        "parent_project_id": link.parent.project_id,
        "child_project_id": link.child.project_id,
        "link_type": link.link_type,
        "adopted_on": link.child.course.started_on,
        "eligible_units": link.eligible_units,
    }


def _measure(register: Register, one: Measure, day: date) -> Row:
    redefined_on = register.timeline.deliveries[2].replace(day=1)
    is_redefined = one.measure_id == REDEFINED_MEASURE_ID and redefined_on <= day
    return {
        "measure_id": one.measure_id,
        "measure_name": one.spec.name,
        "project_id": one.project_id,
        "family": one.family,
        "unit_of_measure": one.spec.unit,
        "chart_type": one.spec.chart_type,
        "rule_set_id": one.rule_set_id,
        "improvement_direction": one.spec.direction,
        "purpose": one.purpose,
        "frequency": one.spec.frequency,
        "multiplier": one.spec.multiplier,
        "definition": REDEFINITION if is_redefined else one.spec.definition,
        "quality_domain": one.quality_domain,
        "starts_on": one.starts_on,
        "ends_on": _known(one.ends_on, day - timedelta(days=1)),
    }


def _event(event: MeasureEvent) -> Row:
    return {name: getattr(event, name) for name in COLUMNS["measure_events"]}


def _target(target: Target) -> Row:
    return {name: getattr(target, name) for name in COLUMNS["targets"]}
