"""The workforce by month, and who held which leadership post."""

from datetime import date, timedelta

import numpy as np

from pipelines.demo import culture_parameters as planted
from pipelines.demo.chance import chance, stream
from pipelines.demo.organisation import Organisation, Unit
from pipelines.demo.people import STAFF_GROUPS, former_leader, lead_identifiers
from pipelines.demo.timeline import Timeline
from pipelines.demo.told import WTE, Row, Told, employers, month_end, month_starts, places_of, providers

MONTHS, MONTHS_OF_UNITS = 24, 6
HEADS_PER_WTE = 1.14
POSTS = {"executive": 6, "non_executive": 5, "director": 3}
TITLES = {
    "executive": (
        "Chief executive",
        "Chief nurse",
        "Medical director",
        "Director of finance",
        "Chief operating officer",
        "Chief people officer",
    ),
    "non_executive": ("Chair", *(["Non-executive director"] * 4)),
    "director": ("Director of improvement", "Director of strategy", "Director of digital"),
}
YEARS_OF_POSTS = 10
DAYS_A_YEAR = 365.25


def unit_wte(seed: int, unit: Unit) -> float:
    """Whole-time equivalents of a unit, the same wherever it is told."""
    return round(float(stream(seed, "unit wte", unit.code).uniform(18, 70)), 1)


def workforce_months(seed: int, timeline: Timeline, units: list[Unit]) -> list[Told]:
    """Organisations by staff group, and their units for the last months; other staff belong to no unit."""
    told = []
    for owner in employers():
        rng = stream(seed, "workforce", owner.code)
        for group, share in STAFF_GROUPS.items():
            wte = WTE[owner.code] * share
            rate, stability = planted.SICKNESS_RATE[group], planted.STABILITY
            for month in month_starts(timeline.end, MONTHS):
                told.append(_month(rng, (owner.code, None, group), month, wte, rate, stability))
    for unit in places_of(units, providers()):
        rng, has_qi = stream(seed, "workforce", unit.code), unit.weight > 0
        rate = planted.UNIT_SICKNESS_RATE * (planted.SICKNESS_RATIO_WITH_QI if has_qi else 1.0)
        stability = planted.STABILITY_WITH_QI if has_qi else planted.STABILITY
        for month in month_starts(timeline.end, MONTHS_OF_UNITS):
            place = (unit.organisation.code, unit.code, "all")
            told.append(_month(rng, place, month, unit_wte(seed, unit), rate, stability))
    return told


def _month(
    rng: np.random.Generator,
    place: tuple[str, str | None, str],
    month: date,
    usual: float,
    sickness: float,
    stability: float,
) -> Told:
    wte = round(usual * float(rng.uniform(0.98, 1.02)), 1)
    heads = max(1, round(wte * HEADS_PER_WTE))
    days = round(wte * month_end(month).day)
    winter = 1 + 0.12 * np.cos((month.month - 1) / 6 * np.pi)
    before = max(1, round(heads * float(rng.uniform(0.96, 1.02))))
    stayed = int(rng.binomial(before, stability))
    leavers = int(rng.binomial(heads, (1 - stability) / 12))
    row: Row = {
        "organisation_code": place[0],
        "unit_code": place[1],
        "staff_group": place[2],
        "month": month,
        "headcount": heads,
        "wte": wte,
        "sick_days": int(rng.binomial(days, sickness * winter)),
        "available_days": days,
        "headcount_year_before": before,
        "stayed_headcount": stayed,
        "joiners": int(rng.poisson(leavers + 0.5)),
        "leavers": leavers,
    }
    return Told(month_end(month), row)


def leadership_posts(seed: int, timeline: Timeline, last: date) -> list[Told]:
    """Ten years of every post up to `last`; present executives are those who sponsor projects."""
    told = []
    for owner in employers():
        _, sponsors = lead_identifiers(owner)
        heirs = iter(sponsors)
        for level, number in POSTS.items():
            for place in range(number):
                present = next(heirs, None) if level == "executive" else None
                told += _post(seed, owner, level, place, present, last)
    return told


def _post(
    seed: int, owner: Organisation, level: str, place: int, present: str | None, last: date
) -> list[Told]:
    rng = stream(seed, "posts", owner.code, level, place)
    spells = _spells(rng, planted.MEDIAN_TENURE_YEARS[level], last)
    holders = [number for number, (holding, _, _) in enumerate(spells) if holding != "vacant"]
    told = []
    for number, (holding, started_on, ended_on) in enumerate(spells):
        code = list(POSTS).index(level) * 10 + place
        holder = None if holding == "vacant" else former_leader(owner, code, number)
        is_present = number == holders[-1] and holding == "substantive" and ended_on is None
        row: Row = {
            "post_id": f"{owner.code}-{level[:3].upper()}-{place + 1}",
            "organisation_code": owner.code,
            "unit_code": None,
            "post_title": TITLES[level][place],
            "post_level": level,
            "holder_id": present if is_present and present else holder,
            "holding": holding,
            "started_on": started_on,
            "ended_on": ended_on,
        }
        told.append(Told(started_on, row))
    return told


def _spells(rng: np.random.Generator, median: float, last: date) -> list[tuple[str, date, date | None]]:
    """How a post was held, from when, and to when, until the spell that lasts on the day `last`."""
    scale = median / np.log(2) ** (1 / planted.TENURE_SHAPE)
    day, spells = date(last.year - YEARS_OF_POSTS, 4, 1) + timedelta(days=int(rng.integers(0, 400))), []
    while True:
        days = max(30, int(scale * rng.weibull(planted.TENURE_SHAPE) * DAYS_A_YEAR))
        for holding, length in (("substantive", days), *_gap(rng)):
            ends_on = day + timedelta(days=length - 1)
            if ends_on >= last:
                return [*spells, (holding, day, None)]
            spells.append((holding, day, ends_on))
            day = ends_on + timedelta(days=1)


def _gap(rng: np.random.Generator) -> list[tuple[str, int]]:
    if chance(rng, planted.VACANCY_CHANCE):
        return [("vacant", int(rng.integers(30, 240)))]
    if chance(rng, planted.INTERIM_CHANCE / (1 - planted.VACANCY_CHANCE)):
        return [("interim", int(rng.integers(90, 365)))]
    return []
