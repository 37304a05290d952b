"""Who has learnt to improve and used it, and what supports improvement in the units."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np

from pipelines.demo import culture_parameters as planted
from pipelines.demo.chance import chance, choose, stream
from pipelines.demo.members import Member
from pipelines.demo.organisation import Unit
from pipelines.demo.people import COACHES, SPONSORS, STAFF_GROUPS, lead_identifiers, learner
from pipelines.demo.timeline import Timeline
from pipelines.demo.told import Cell, Row, Told, employers, month_end, month_starts, places_of, providers
from pipelines.demo.workforce import unit_wte

COURSES = {"awareness": "QI in a morning", "foundation": "QI fundamentals", "practitioner": "QI practitioner"}
LEVEL_SHARE = {"awareness": 0.3, "foundation": 0.5, "practitioner": 0.2}
MOST_DAYS_TO_USE = 170
TAUGHT_SHARE = 0.6
"""Courses for every member of staff in a project."""

MONTHS_OF_SUPPORT = 6
HUDDLES_A_MONTH = 20


def training(seed: int, timeline: Timeline, members: list[Member]) -> list[Told]:
    """Courses of people who then joined a project, in the planted share, and of others who never did."""
    rng = stream(seed, "training")
    joined = [one for one in members if one.role in ("lead", "member", "analyst") and one.unit_code]
    joined = [one for one in joined if one.joined_on <= timeline.end]
    used: set[str] = set()
    told = []
    for place in rng.permutation(len(joined))[: int(len(joined) * TAUGHT_SHARE)]:
        member, level = joined[place], choose(rng, list(LEVEL_SHARE), list(LEVEL_SHARE.values()))
        if member.person_id in used:
            continue
        used.add(member.person_id)
        completed_on = member.joined_on - timedelta(days=int(rng.integers(5, MOST_DAYS_TO_USE)))
        is_applied = chance(rng, planted.APPLIED_SHARE[level])
        person_id = member.person_id if is_applied else learner(len(told))
        told.append(_course(rng, member, person_id, level, completed_on))
    return [*told, *_leaders(seed, timeline)]


def _course(rng: np.random.Generator, member: Member, person_id: str, level: str, completed_on: date) -> Told:
    is_unfinished = chance(rng, planted.UNFINISHED_SHARE)
    row: Row = {
        "person_id": person_id,
        "course": COURSES[level],
        "level": level,
        "organisation_code": member.organisation_code,
        "unit_code": member.unit_code,
        "staff_group": member.staff_group,
        "started_on": completed_on
        - timedelta(days=0 if level == "awareness" else int(rng.integers(20, 120))),
        "completed_on": None if is_unfinished else completed_on,
        "left_organisation_on": None,
    }
    return Told(completed_on + timedelta(days=7), row)


def _leaders(seed: int, timeline: Timeline) -> list[Told]:
    """Every coach is a coach by training; sponsors have taken the course for leaders."""
    told = []
    for owner in employers():
        rng = stream(seed, "training", owner.code)
        coaches, sponsors = lead_identifiers(owner)
        for people, level, course in ((coaches, "coach", "QI coach"), (sponsors, "leader", "QI for leaders")):
            for person_id in people:
                completed_on = timeline.start + timedelta(days=int(rng.integers(-300, 200)))
                row: Row = {
                    "person_id": person_id,
                    "course": course,
                    "level": level,
                    "organisation_code": owner.code,
                    "unit_code": None,
                    "staff_group": choose(rng, list(STAFF_GROUPS)),
                    "started_on": completed_on - timedelta(days=90),
                    "completed_on": completed_on,
                    "left_organisation_on": None,
                }
                told.append(Told(completed_on, row))
    return told


def support_roles(seed: int, timeline: Timeline, units: list[Unit]) -> list[Told]:
    """Huddles and rostered hours by unit and month, the skills each unit needs, coaches and sponsors."""
    months = month_starts(timeline.end, MONTHS_OF_SUPPORT)
    told = []
    for unit in places_of(units, providers()):
        rng = stream(seed, "support", unit.code)
        wte, has_huddles = unit_wte(seed, unit), unit.weight > 0 and chance(rng, planted.HUDDLE_SHARE)
        for month in months:
            told += _month_of_unit(rng, unit, month, wte, has_huddles)
    for owner in employers():
        for month in months:
            for role, people in (("coach", COACHES[owner.code]), ("sponsor", SPONSORS[owner.code])):
                extra = {"people": people, "needed": people + 1} | (
                    {"wte": 0.5 * people} if role == "coach" else {}
                )
                told.append(_support(owner.code, None, role, month, extra))
    return told


def _month_of_unit(
    rng: np.random.Generator, unit: Unit, month: date, wte: float, has_huddles: bool
) -> list[Told]:
    code, told = unit.organisation.code, []
    for level, share in planted.NEED_SHARE.items():
        if month.month % 3 == 1:
            told.append(_support(code, unit.code, level, month, {"needed": max(1, round(wte * share))}))
    if has_huddles:
        held = int(rng.binomial(HUDDLES_A_MONTH, planted.HUDDLES_HELD_SHARE))
        told.append(_support(code, unit.code, "huddle", month, {"held": held, "planned": HUDDLES_A_MONTH}))
    if unit.weight > 0:
        rostered = round(wte * planted.PROTECTED_HOURS_PER_WTE * float(rng.uniform(0.8, 1.2)), 1)
        used = round(
            rostered * min(1.0, planted.PROTECTED_HOURS_USED_SHARE * float(rng.uniform(0.8, 1.2))), 1
        )
        extra = {"wte": wte, "hours_rostered": rostered, "hours_used": used}
        told.append(_support(code, unit.code, "qi_time", month, extra))
    return told


def _support(code: str, unit_code: str | None, role: str, month: date, extra: Mapping[str, Cell]) -> Told:
    empty: Row = dict.fromkeys(("people", "wte", "needed", "held", "planned", "hours_rostered", "hours_used"))
    row: Row = {"organisation_code": code, "unit_code": unit_code, "role": role, "month": month}
    return Told(month_end(month), {**row, **empty, **extra})
