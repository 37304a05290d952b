"""What staff say, where experience is heard, how boards spend their time, and what was promised."""

from datetime import date, timedelta

import numpy as np

from pipelines.demo import culture_parameters as planted
from pipelines.demo.chance import chance, choose, stream
from pipelines.demo.organisation import Organisation, Unit
from pipelines.demo.people import STAFF_GROUPS
from pipelines.demo.projects import Project
from pipelines.demo.told import WTE, Cell, Row, Told, employers, month_starts, places_of, providers
from pipelines.demo.workforce import HEADS_PER_WTE, POSTS

SURVEYS = 3
ROUNDS, QUARTERS_OF_VISITS, MONTHS_OF_BOARDS = 9, 4, 12
EBCD = "Experience-based co-design"
EBCD_STAGES = (
    "setting_up",
    "staff_experience",
    "patient_experience",
    "joint_event",
    "co_design",
    "celebration",
)
TOPICS = ("A day that I will not forget", "When I could not help", "The patient who taught me", "Night shift")
AGENDA = {
    "planning": ("Plan of the year", "Capital plan"),
    "control": ("Performance report", "Finance report", "Waiting times"),
    "improvement": ("Results of the falls collaborative", "A project tells its story"),
    "assurance": ("Risk register", "Safeguarding", "Audit opinion"),
}
GIVES = {
    "organisation": (
        "Every team has protected hours a month for improvement",
        "Every project has a coach",
        "Nobody is blamed for a test that fails",
        "Leaders come to see the work each month",
        "Data for every team without having to ask",
        "Courses are open to everyone",
    ),
    "staff": (
        "We test small changes and share what we learn",
        "We work with patients as partners",
        "We show our results openly",
        "We bring problems with an idea",
    ),
}
METHODS = {
    "ZZA": (("Lean", 2017), ("Model for Improvement", 2022)),
    "ZZB": (("Model for Improvement", 2020),),
    "ZZC": (("Six Sigma", 2018), ("Lean", 2021), ("Model for Improvement", 2024)),
    "ZZM": (("Model for Improvement", 2016),),
}
"""Method to which an organisation commits itself, and the year from whose April on."""


def survey_results(seed: int, last: date) -> list[Told]:
    """Three yearly surveys in October, by staff group and as their sum."""
    newest = last.year if last >= date(last.year, 12, 15) else last.year - 1
    told = []
    for owner in employers():
        rng = stream(seed, "survey", owner.code)
        for number in range(SURVEYS):
            year = newest - SURVEYS + 1 + number
            asked = {
                group: round(WTE[owner.code] * HEADS_PER_WTE * share) for group, share in STAFF_GROUPS.items()
            }
            answered = {
                group: int(rng.binomial(people, planted.SURVEY_RESPONSE)) for group, people in asked.items()
            }
            for concept, shares in planted.FAVOURABLE_SHARE.items():
                agree = {
                    group: int(rng.binomial(people, shares[number])) for group, people in answered.items()
                }
                for group in (None, *STAFF_GROUPS):
                    told.append(_answers(owner, concept, year, group, agree, answered, asked))
    return told


def _answers(
    owner: Organisation,
    concept: str,
    year: int,
    group: str | None,
    agree: dict[str, int],
    answered: dict[str, int],
    asked: dict[str, int],
) -> Told:
    groups = [group] if group else list(asked)
    row: Row = {
        "survey": "Staff pulse",
        "organisation_code": owner.code,
        "unit_code": None,
        "concept": concept,
        "question": f"Agree or strongly agree: {concept.replace('_', ' ')}",
        "period_start": date(year, 10, 1),
        "period_end": date(year, 10, 31),
        "breakdown": "staff_group" if group else "all",
        "breakdown_group": group or "all",
        "numerator": sum(agree[each] for each in groups),
        "denominator": sum(answered[each] for each in groups),
        "value": None,
        "invited": sum(asked[each] for each in groups),
    }
    return Told(date(year, 12, 15), row)


def experience_events(seed: int, last: date, units: list[Unit], projects: list[Project]) -> list[Told]:
    """Schwartz Rounds every other month, visits of board members, and steps of co-design."""
    told = []
    for owner in providers():
        rng = stream(seed, "events", owner.code)
        for number, month in enumerate(month_starts(last, 2 * ROUNDS)[::2]):
            told += _round(rng, owner, number, month)
        told += _visits(rng, owner, places_of(units, [owner]), last)
    for project in projects:
        if project.method == EBCD:
            told += _co_design(stream(seed, "events", project.project_id), project, last)
    return told


def _event(kind: str, event_id: str, owner: Organisation, planned_on: date, **more: Cell) -> Row:
    row: Row = {
        "event_id": event_id,
        "organisation_code": owner.code,
        "unit_code": None,
        "project_id": None,
        "kind": kind,
        "ebcd_stage": None,
        "topic": None,
        "planned_on": planned_on,
        "held_on": planned_on,
        "status": "held",
        "attendee_group": "all",
        "attended": None,
    }
    return row | more


def _round(rng: np.random.Generator, owner: Organisation, number: int, month: date) -> list[Told]:
    day, event_id = month + timedelta(days=int(rng.integers(7, 21))), f"SR-{owner.code}-{month:%Y-%m}"
    topic = TOPICS[number % len(TOPICS)]
    if not chance(rng, planted.ROUNDS_HELD_SHARE):
        row = _event("schwartz_round", event_id, owner, day, topic=topic, held_on=None, status="cancelled")
        return [Told(day, row)]
    told = []
    for group, rate in planted.ATTENDANCE_PER_100_WTE.items():
        came = int(rng.poisson(rate * WTE[owner.code] * STAFF_GROUPS[group] / 100))
        row = _event("schwartz_round", event_id, owner, day, topic=topic, attendee_group=group, attended=came)
        told.append(Told(day, row))
    return told


def _visits(rng: np.random.Generator, owner: Organisation, places: list[Unit], last: date) -> list[Told]:
    members = POSTS["executive"] + POSTS["non_executive"]
    told = []
    for month in month_starts(last, 3 * QUARTERS_OF_VISITS):
        left = int(rng.poisson(planted.BOARD_VISITS_PER_MEMBER_AND_QUARTER * members / 3))
        while left:
            came = min(left, int(rng.integers(1, 3)))
            left -= came
            day = month + timedelta(days=int(rng.integers(0, 28)))
            unit = choose(rng, places)
            row = _event(
                "board_visit",
                f"BV-{owner.code}-{month:%Y-%m}-{left}",
                owner,
                day,
                unit_code=unit.code,
                attendee_group="board",
                attended=came,
            )
            told.append(Told(day, row))
    return told


def _co_design(rng: np.random.Generator, project: Project, last: date) -> list[Told]:
    day, told = project.course.started_on, []
    for place, stage in enumerate(EBCD_STAGES, start=1):
        day += timedelta(days=int(rng.integers(25, 60)))
        if day > min(last, project.course.ends_on or last):
            break
        row = _event(
            "ebcd",
            f"EB-{project.project_id}-{place}",
            project.unit.organisation,
            day,
            unit_code=project.unit.code,
            project_id=project.project_id,
            ebcd_stage=stage,
            attended=int(rng.integers(6, 25)),
        )
        told.append(Told(day, row))
        if not chance(rng, planted.EBCD_GOES_ON_SHARE):
            break
    return told


def governance_time(seed: int, last: date) -> list[Told]:
    """A year of boards and every other month a committee; time moves from assurance to improvement."""
    told = []
    for owner in providers():
        rng = stream(seed, "governance", owner.code)
        for number, month in enumerate(month_starts(last, MONTHS_OF_BOARDS)):
            for forum in ("board", "committee") if number % 2 == 0 else ("board",):
                told += _meeting(rng, owner, forum, month, number / (MONTHS_OF_BOARDS - 1))
    return told


def _meeting(
    rng: np.random.Generator, owner: Organisation, forum: str, month: date, progress: float
) -> list[Told]:
    shift = planted.BOARD_TIME_SHIFT * progress
    moved = {"improvement": shift, "assurance": -shift}
    shares = {name: share + moved.get(name, 0.0) for name, share in planted.BOARD_TIME.items()}
    day, told = month + timedelta(days=int(rng.integers(18, 28))), []
    for item in range(1, 9):
        function = choose(rng, list(shares), list(shares.values()))
        row: Row = {
            "meeting_id": f"{owner.code}-{forum.upper()}-{month:%Y-%m}",
            "organisation_code": owner.code,
            "forum": forum,
            "met_on": day,
            "item_number": item,
            "item": choose(rng, AGENDA[function]),
            "function": function,
            "minutes": int(rng.integers(2, 9)) * 5,
        }
        told.append(Told(day, row))
    return told


def compact_commitments(seed: int, last: date) -> list[Told]:
    """What each side gives, with the evidence for it, and the methods that were declared."""
    told = []
    for owner in providers():
        rng = stream(seed, "compact", owner.code)
        agreed_on = date(last.year - 3, 4, 1)
        number = 0
        for side, gives in GIVES.items():
            for words in gives:
                number += 1
                row = _commitment(owner, number, side, words, agreed_on)
                told.append(Told(last, row | _kept(rng, agreed_on, last)))
        methods = METHODS.get(owner.code, ())
        for place, (method, year) in enumerate(methods):
            number += 1
            row = _commitment(
                owner, number, "organisation", f"We work with one method: {method}", date(year, 4, 1)
            )
            if place + 1 < len(methods):
                row["ended_on"] = date(methods[place + 1][1], 3, 31)
            told.append(
                Told(last, row | {"declared_method": method, "review_due_on": last + timedelta(days=200)})
            )
    return told


def _commitment(owner: Organisation, number: int, side: str, words: str, agreed_on: date) -> Row:
    return {
        "commitment_id": f"COMPACT-{owner.code}-{number:02d}",
        "organisation_code": owner.code,
        "unit_code": None,
        "given_by": side,
        "commitment": words,
        "declared_method": None,
        "agreed_on": agreed_on,
        "ended_on": None,
        "evidenced_on": None,
        "evidence": None,
        "reviewed_on": None,
        "review_due_on": None,
    }


def _kept(rng: np.random.Generator, agreed_on: date, last: date) -> Row:
    reviewed_on = last - timedelta(days=int(rng.integers(20, 300)))
    is_overdue = chance(rng, planted.REVIEWS_OVERDUE_SHARE)
    due_on = last + timedelta(days=int(rng.integers(-150, -5) if is_overdue else rng.integers(100, 300)))
    days = int(rng.integers(10, 270))
    if not chance(rng, planted.GIVES_EVIDENCED_SHARE):
        days += 380
        if chance(rng, 0.5):
            return {"reviewed_on": reviewed_on, "review_due_on": due_on}
    evidenced_on = max(agreed_on, last - timedelta(days=days))
    return {
        "evidenced_on": evidenced_on,
        "evidence": "Seen in rosters and minutes",
        "reviewed_on": reviewed_on,
        "review_due_on": due_on,
    }
