"""Self-assessments of the improvement system, and the regulator's ratings."""

from datetime import date, timedelta

import numpy as np

from pipelines.demo import culture_parameters as planted
from pipelines.demo.chance import choose, stream
from pipelines.demo.told import Row, Told, providers

ASSESSMENTS = 3
LEVELS = ("starting", "developing", "progressing", "spreading", "improving_and_sustaining")
ITEMS = {
    "purpose_and_vision": (
        "A shared purpose that people can say in their own words",
        "A vision of improvement that patients helped to write",
        "Goals of the organisation that teams can see in their work",
        "Improvement as the way to reach the plan of the year",
    ),
    "people_and_culture": (
        "Staff say what worries them and see what follows",
        "Patients and carers are partners in the work",
        "Managers make time for improvement",
        "Success and failure are shared openly",
        "New staff meet improvement in their first month",
    ),
    "leadership_behaviours": (
        "Leaders spend time where the work is done",
        "Leaders coach and ask before they tell",
        "Leaders keep to one method",
        "The board looks at variation over time",
    ),
    "capability_and_capacity": (
        "A plan says how many people need which skill",
        "Courses lead to work in projects",
        "Every project has a coach",
        "Analysts support teams with data",
    ),
    "management_system": (
        "Huddles at the board in every unit",
        "Problems are raised to where they can be solved",
        "Priorities are few and agreed",
        "Results are held over time",
        "What works is spread by plan",
    ),
}


def maturity_assessments(seed: int, last: date) -> list[Told]:
    """Yearly assessments in March, the last of them before `last`."""
    newest = last.year if last >= date(last.year, 4, 30) else last.year - 1
    told = []
    for owner in providers():
        rng = stream(seed, "maturity", owner.code)
        items = [(part, place, words) for part, all_ in ITEMS.items() for place, words in enumerate(all_, 1)]
        spread = rng.normal(0.0, planted.MATURITY_ITEM_SPREAD, len(items))
        for number in range(ASSESSMENTS):
            year = newest - ASSESSMENTS + 1 + number
            day = date(year, 3, int(rng.integers(4, 29)))
            base = planted.MATURITY_START[owner.code] + number * planted.MATURITY_GAIN
            for group, gap in planted.ASSESSOR_GAP.items():
                people = int(rng.integers(6, 25))
                seen = base + gap + spread + rng.normal(0.0, planted.MATURITY_NOISE, len(items))
                places = np.clip(np.rint(seen), 1, len(LEVELS)).astype(int)
                for (part, place, words), level in zip(items, places, strict=True):
                    row: Row = {
                        "assessment_id": f"{owner.code}-{year}",
                        "organisation_code": owner.code,
                        "unit_code": None,
                        "framework": "NHS IMPACT",
                        "framework_version": "2023",
                        "assessed_on": day,
                        "component": part,
                        "item_code": f"{part[:2].upper()}{place}",
                        "item": words,
                        "assessor_group": group,
                        "assessors": people,
                        "level": LEVELS[level - 1],
                        "evidence": "Minutes and boards seen by the assessors" if level > 3 else None,
                    }
                    told.append(Told(day + timedelta(days=30), row))
    return told


def ratings(seed: int, last: date) -> list[Told]:
    """Two inspections of each provider, years apart."""
    told = []
    for owner in providers():
        rng = stream(seed, "ratings", owner.code)
        inspected = date(last.year - 5, 1, 15) + timedelta(days=int(rng.integers(0, 300)))
        for number in range(2):
            inspected += timedelta(days=int(rng.integers(700, 1000)) * number)
            published = inspected + timedelta(days=int(rng.integers(60, 120)))
            for domain in ("overall", "safe", "effective", "caring", "responsive", "well_led"):
                weights = (0.2, 0.5, 0.3) if number == 0 else (0.05, 0.35, 0.6)
                rating = choose(rng, ("inadequate", "requires_improvement", "good"), weights)
                row: Row = {
                    "organisation_code": owner.code,
                    "location_code": f"{owner.code}-LOC",
                    "location_name": owner.name,
                    "service": "overall",
                    "domain": domain,
                    "rating": rating,
                    "inspected_on": inspected,
                    "published_on": published,
                }
                told.append(Told(published, row))
    return told
