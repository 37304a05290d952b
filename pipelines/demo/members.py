"""Who takes part in which project, and in which role."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from pipelines.demo import parameters as planted
from pipelines.demo.chance import chance, choose, days_after, pick, stream
from pipelines.demo.organisation import ORGANISATIONS, SILENCED_CODE, Organisation
from pipelines.demo.people import STAFF_GROUPS, partners, staff_of
from pipelines.demo.projects import Project


@dataclass(frozen=True)
class Member:
    """One person in one role of a project."""

    project_id: str
    person_id: str
    role: str
    organisation_code: str
    unit_code: str | None
    staff_group: str | None
    joined_on: date
    left_on: date | None = None


def make_members(seed: int, project: Project) -> list[Member]:
    """The team of one project: lead and members of the unit, coach, sponsor, guests, patient partners."""
    rng = stream(seed, "members", project.project_id)
    owner, charter = project.unit.organisation, project.course.chartered_on
    roles = ["lead", *["member"] * int(rng.integers(2, 6)), *["analyst"] * chance(rng, 0.35)]
    team = [
        _staff(rng, project, person_id, role, owner, project.unit.code)
        for person_id, role in zip(staff_of(rng, owner, len(roles)), roles, strict=True)
    ]
    if chance(rng, planted.CROSS_ORGANISATION_SHARE):
        guest_of = choose(rng, [o for o in ORGANISATIONS if o != owner and o.code != SILENCED_CODE])
        team += [
            _staff(rng, project, person, "member", guest_of, None) for person in staff_of(rng, guest_of, 2)
        ]
    for person_id, role in ((project.coach_id, "coach"), (project.sponsor_id, "sponsor")):
        if person_id:
            group = pick(rng, STAFF_GROUPS)
            team.append(Member(project.project_id, person_id, role, owner.code, None, group, charter))
    if project.involvement.level == "big_i":
        for person_id in partners(rng, int(rng.integers(1, 4))):
            joined_on = days_after(rng, charter, 0, 60)
            team.append(
                Member(project.project_id, person_id, "patient_partner", owner.code, None, None, joined_on)
            )
    return team


def _staff(
    rng: np.random.Generator,
    project: Project,
    person_id: str,
    role: str,
    owner: Organisation,
    unit_code: str | None,
) -> Member:
    charter, ends_on = project.course.chartered_on, project.course.ends_on
    joined_on = charter if role == "lead" else days_after(rng, charter, 0, 80)
    left_on = days_after(rng, joined_on, 40, 200) if role != "lead" and chance(rng, 0.15) else None
    if ends_on and joined_on > ends_on:
        joined_on = charter
    if ends_on and left_on and left_on > ends_on:
        left_on = max(ends_on, joined_on + timedelta(days=1))
    group = pick(rng, STAFF_GROUPS)
    return Member(project.project_id, person_id, role, owner.code, unit_code, group, joined_on, left_on)
