"""Which unit works with which: three yearly waves of a survey of the network."""

from datetime import date
from itertools import combinations

import numpy as np

from pipelines.demo import culture_parameters as planted
from pipelines.demo.chance import chance, choose, stream
from pipelines.demo.organisation import Unit
from pipelines.demo.told import Row, Told, places_of, providers

Tie = tuple[Unit, Unit]


def collaboration_ties(seed: int, last: date, units: list[Unit]) -> list[Told]:
    """What every unit says in each wave; where units are silent their ties are lost."""
    places = places_of(units, providers())
    waves = len(planted.RECIPROCITY_BY_WAVE)
    newest = last.year if last >= date(last.year, 7, 31) else last.year - 1
    told = []
    for number in range(waves):
        rng = stream(seed, "ties", number)
        named = _ties(rng, places, planted.RECIPROCITY_BY_WAVE[number])
        response, silent = planted.RESPONSE_BY_WAVE[number], planted.SILENT_UNITS_BY_WAVE[number]
        year = newest - waves + 1 + number
        for unit in places:
            invited = int(rng.integers(8, 16))
            answered = max(1, int(rng.binomial(invited, response / (1 - silent))))
            others = [other for one, other in named if one is unit]
            if chance(rng, silent):
                answered, others = 0, []
            for other in others or [None]:
                kind = _kind(rng, number) if other else "none"
                told.append(_told(year, unit, other, kind, invited, answered))
    return told


def _ties(rng: np.random.Generator, places: list[Unit], reciprocity: float) -> list[Tie]:
    """Pairs of units, named by one or by both; mostly within an organisation."""
    near = [pair for pair in combinations(places, 2) if pair[0].organisation is pair[1].organisation]
    far = [pair for pair in combinations(places, 2) if pair[0].organisation is not pair[1].organisation]
    wanted = planted.TIES_PER_UNIT * len(places)
    across = int(rng.binomial(wanted, planted.CROSS_ORGANISATION_TIES))
    pairs = [near[place] for place in rng.choice(len(near), wanted - across, replace=False)]
    pairs += [far[place] for place in rng.choice(len(far), across, replace=False)]
    # 2M / (2M + A) is the reciprocity when a pair is mutual with this chance.
    mutual = reciprocity / (2 - reciprocity)
    ties = []
    for one, other in pairs:
        first, second = (one, other) if chance(rng, 0.5) else (other, one)
        ties.append((first, second))
        if chance(rng, mutual):
            ties.append((second, first))
    return ties


def _kind(rng: np.random.Generator, number: int) -> str:
    share = planted.COLLABORATE_SHARE_BY_WAVE[number]
    return choose(
        rng, ("collaborates", "seeks_advice", "brokers"), (share, (1 - share) * 0.6, (1 - share) * 0.4)
    )


def _told(year: int, unit: Unit, other: Unit | None, kind: str, invited: int, answered: int) -> Told:
    row: Row = {
        "wave": str(year),
        "surveyed_on": date(year, 6, 30),
        "organisation_code": unit.organisation.code,
        "unit_code": unit.code,
        "to_organisation_code": other.organisation.code if other else None,
        "to_unit_code": other.code if other else None,
        "tie": kind,
        "invited": invited,
        "answered": answered,
    }
    return Told(date(year, 7, 31), row)
