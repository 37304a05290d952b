"""Staff identifiers that name nobody, and which of them coach and sponsor.

An identifier is `STAFF-` or `PARTNER-` (patient partners) and six digits. There are no names. Numbers of an
organisation follow each other: coaches, sponsors, everybody else.
"""

from functools import cache

import numpy as np

from pipelines.demo.chance import choose
from pipelines.demo.organisation import ORGANISATIONS, Organisation

COACHES = {"ZZA": 9, "ZZB": 6, "ZZC": 4, "ZZM": 5, "ZZH": 1, "ZZS": 1, "ZZQ": 2}
SPONSORS = {"ZZA": 6, "ZZB": 5, "ZZC": 4, "ZZM": 4, "ZZH": 2, "ZZS": 2, "ZZQ": 3}
STAFF_PER_SHARE = 4200
"""Staff who may join a project, in an organisation that has all of the projects."""

PARTNERS = 400
STAFF_GROUPS = {
    "Nursing and midwifery": 0.41,
    "Medical and dental": 0.17,
    "Allied health professionals": 0.17,
    "Administrative and clerical": 0.12,
    "Additional clinical services": 0.10,
    "Estates and ancillary": 0.03,
}


@cache
def _first_numbers() -> dict[str, int]:
    numbers, first = {}, 1
    for owner in ORGANISATIONS:
        numbers[owner.code] = first
        first += 1000 * (1 + int(owner.share * STAFF_PER_SHARE) // 1000)
    return numbers


def _staff_id(owner: Organisation, place: int) -> str:
    return f"STAFF-{_first_numbers()[owner.code] + place:06d}"


def coach_of(rng: np.random.Generator, owner: Organisation) -> str:
    """A coach of the organisation; the first carries by far the most projects."""
    coaches = range(COACHES[owner.code])
    return _staff_id(owner, choose(rng, coaches, [1 / (1 + place) for place in coaches]))


@cache
def overloaded_coaches() -> frozenset[str]:
    """The busiest coach of each organisation that has at least five."""
    return frozenset(_staff_id(owner, 0) for owner in ORGANISATIONS if COACHES[owner.code] >= 5)


def sponsor_of(rng: np.random.Generator, owner: Organisation) -> str:
    """An executive or director of the organisation who sponsors a project."""
    return _staff_id(owner, COACHES[owner.code] + int(rng.integers(SPONSORS[owner.code])))


def staff_of(rng: np.random.Generator, owner: Organisation, wanted: int) -> list[str]:
    """Different members of staff who neither coach nor sponsor."""
    first = COACHES[owner.code] + SPONSORS[owner.code]
    places = rng.choice(int(owner.share * STAFF_PER_SHARE), wanted, replace=False)
    return [_staff_id(owner, first + int(place)) for place in places]


def partners(rng: np.random.Generator, wanted: int) -> list[str]:
    """Different patient partners."""
    return [f"PARTNER-{int(number) + 1:06d}" for number in rng.choice(PARTNERS, wanted, replace=False)]


def lead_identifiers(owner: Organisation) -> tuple[list[str], list[str]]:
    """The coaches and the sponsors of an organisation."""
    coaches, sponsors = COACHES[owner.code], SPONSORS[owner.code]
    return (
        [_staff_id(owner, place) for place in range(coaches)],
        [_staff_id(owner, coaches + place) for place in range(sponsors)],
    )


def learner(number: int) -> str:
    """Someone who takes a course and never joins a project."""
    return f"STAFF-{800_000 + number:06d}"


def former_leader(owner: Organisation, post: int, spell: int) -> str:
    """Someone who holds or held a post and is in no project."""
    return f"STAFF-{900_000 + 1000 * ORGANISATIONS.index(owner) + 30 * post + spell:06d}"
