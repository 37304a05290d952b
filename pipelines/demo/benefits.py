"""What completed projects brought and cost, as forecast and as validated, and who gained."""

from datetime import date, timedelta

import numpy as np

from pipelines.demo import culture_parameters as planted
from pipelines.demo.chance import chance, choose, stream
from pipelines.demo.measures import Measure
from pipelines.demo.organisation import ICB_CODE, MERGED_CODE
from pipelines.demo.projects import Project
from pipelines.demo.told import Row, Told

DAYS_TO_VALIDATION = 200
TYPES = {"cash_releasing": 0.25, "non_cash_releasing": 0.45, "cost_avoided": 0.22, "income": 0.08}
LINES = ("Bed days", "Staff time", "Prescribing", "Repeat visits")
RANGE = 0.25
"""Half of the range of a benefit, over its middle."""


def benefits(seed: int, last: date, projects: list[Project], measures: list[Measure]) -> list[Told]:
    """Lines of projects that met their aim, at least in part; some have two that share a measure."""
    known = {one.measure_id for one in measures}
    told = []
    for project in projects:
        rng = stream(seed, "benefits", project.project_id)
        ends_on = project.course.ends_on
        is_good = project.course.fate == "completed" and project.result.outcome != "not_met"
        if ends_on is None or not is_good or project.organisation_code == MERGED_CODE:
            continue
        if not chance(rng, planted.BENEFIT_SHARE):
            continue
        measure_id = f"{project.project_id}-O1"
        start = int(rng.integers(len(LINES)))
        for line in range(2 if chance(rng, 0.25) else 1):
            name = LINES[(start + line) % len(LINES)]
            told += _line(rng, project, name, measure_id if measure_id in known else None, ends_on, last)
    return told


def _line(
    rng: np.random.Generator, project: Project, name: str, measure_id: str | None, ends_on: date, last: date
) -> list[Told]:
    receiver, sector = _receiver(rng, project.organisation_code)
    first = ends_on.replace(day=1)
    shared: Row = {
        "project_id": project.project_id,
        "benefit_line": name,
        "benefit_type": choose(rng, list(TYPES), list(TYPES.values())),
        "description": f"{name} that are no longer needed",
        "measure_id": measure_id,
        "period_start": first,
        "period_end": first.replace(year=first.year + 1) - timedelta(days=1),
        "payer_organisation_code": project.organisation_code,
        "receiver_organisation_code": receiver,
        "receiver_sector": sector,
    }
    middle = float(rng.lognormal(np.log(24_000), 0.7))
    cost = round(middle * float(rng.uniform(0.05, 0.3)))
    forecast_on = project.course.started_on + timedelta(days=30)
    told = [Told(forecast_on, shared | _amounts("forecast", forecast_on, middle, cost))]
    validated_on = ends_on + timedelta(days=DAYS_TO_VALIDATION)
    if validated_on <= last:
        found = middle * planted.VALIDATED_TO_FORECAST * float(rng.lognormal(-0.03, 0.25))
        found = -0.3 * middle if chance(rng, planted.LOSS_SHARE) else found
        told.append(Told(validated_on, shared | _amounts("validated", validated_on, found, cost)))
    return told


def _receiver(rng: np.random.Generator, payer: str) -> tuple[str | None, str]:
    """Who gains: the payer itself, or in the planted share someone else."""
    if not chance(rng, planted.DISPLACED_SHARE):
        return payer, "nhs"
    if chance(rng, 0.4):
        return None, choose(rng, ("social_care", "patients", "society"))
    return choose(rng, [code for code in (ICB_CODE, "ZZC", "ZZB") if code != payer]), "nhs"


def _amounts(stage: str, stated_on: date, middle: float, cost: int) -> Row:
    around = abs(middle) * RANGE
    return {
        "stage": stage,
        "stated_on": stated_on,
        "amount_low": round(middle - around),
        "amount_high": round(middle + around),
        "cost": cost,
    }
