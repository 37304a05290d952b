"""Who the synthetic organisations are, and the units they have.

Every name says "(synthetic)". Codes begin with ZZ, which no trust, board or hospice has. The places and
organisations do not exist.
"""

from dataclasses import dataclass, replace
from datetime import date

from pipelines.demo.chance import stream
from pipelines.demo.timeline import Timeline

ICB_CODE = "ZZQ"
REGION_CODE = "ZZY"
RENAMED_CODE, RENAMED_TO = "ZZC", "Aldermere Community and Wellbeing NHS Trust (synthetic)"
MERGED_CODE = "ZZS"
SILENCED_CODE = "ZZH"
LATE_CODE, LATE_NAME = "ZZN", "Northmere Urgent Response Service (synthetic)"

UNITS_WITHOUT_QI = 11
"""Wards, teams and services in which nobody has ever started a project."""


@dataclass(frozen=True)
class Organisation:
    """One organisation. `share`: of all projects."""

    code: str
    name: str
    type: str
    share: float


@dataclass(frozen=True)
class Unit:
    """A directorate (`parent_code` null) or a ward, team or service in one.

    `weight`: how likely it is to start a project; 0 in a directorate and where there is no improvement work.
    """

    code: str
    organisation: Organisation
    name: str
    type: str
    directorate: str
    parent_code: str | None
    weight: float


ORGANISATIONS = (
    Organisation("ZZA", "Aldermere University Hospitals NHS Trust (synthetic)", "acute", 0.36),
    Organisation("ZZB", "Fenwater Hospitals NHS Trust (synthetic)", "acute", 0.21),
    Organisation("ZZC", "Aldermere Community Health NHS Trust (synthetic)", "community", 0.15),
    Organisation("ZZM", "Fenwater Mental Health Partnership (synthetic)", "mental_health", 0.18),
    Organisation("ZZH", "Larkholme Hospice (synthetic)", "hospice", 0.03),
    Organisation("ZZS", "Saltmere Community Hospital Trust (synthetic)", "community", 0.04),
    Organisation("ZZQ", "Aldermere and Fenwater Integrated Care Board (synthetic)", "icb", 0.03),
)

DIRECTORATES: dict[str, dict[str, str]] = {
    "ZZA": {
        "Urgent and Emergency Care": "service:Emergency Department, ward:Acute Medical Unit, "
        "service:Same Day Emergency Care, ward:Short Stay Ward",
        "Medicine": "ward:Respiratory Ward, ward:Cardiology Ward, ward:Stroke Unit, ward:Heron Ward, "
        "ward:Kestrel Ward, ward:Renal Ward, service:Endoscopy",
        "Surgery": "ward:General Surgery Ward, ward:Trauma and Orthopaedics Ward, service:Theatres, "
        "ward:Critical Care, ward:Urology Ward",
        "Women and Children": "ward:Maternity Ward, ward:Neonatal Unit, ward:Children's Ward",
        "Clinical Support": "service:Pharmacy, service:Imaging, service:Pathology, service:Outpatients",
    },
    "ZZB": {
        "Emergency and Medicine": "service:Emergency Department, ward:Acute Assessment Ward, "
        "ward:Swift Ward, ward:Plover Ward, ward:Coronary Care",
        "Surgery and Theatres": "ward:Surgical Ward, ward:Orthopaedic Ward, service:Day Surgery",
        "Family Services": "ward:Maternity Ward, ward:Children's Ward",
        "Diagnostics and Outpatients": "service:Imaging, service:Outpatients, service:Pharmacy",
    },
    "ZZC": {
        "Adult Community": "team:District Nursing East, team:District Nursing West, "
        "team:Urgent Response Team, ward:Rehabilitation Ward",
        "Children and Specialist": "team:Health Visiting, team:Speech and Language Therapy, team:Podiatry",
    },
    "ZZM": {
        "Inpatient Care": "ward:Willow Ward, ward:Rowan Ward, ward:Hazel Older Adults Ward, "
        "ward:Forensic Ward",
        "Community Mental Health": "team:Community Team North, team:Community Team South, team:Crisis Team, "
        "team:Early Intervention Team, team:Memory Clinic",
    },
    "ZZH": {"Hospice Care": "ward:In-patient Unit, team:Hospice at Home"},
    "ZZS": {"Community Hospital": "ward:Saltmere Ward, service:Minor Injuries Unit, team:Therapy Team"},
    "ZZQ": {"System Improvement": "team:Primary Care Transformation, team:Population Health Team"},
}
"""Directorates by organisation code; each lists its units as `type:name`."""


def organisation(code: str) -> Organisation:
    """The organisation with this code."""
    return next(known for known in ORGANISATIONS if known.code == code)


def make_units(seed: int) -> list[Unit]:
    """Every unit of every organisation, directorates before what belongs to them.

    Within an organisation few units carry most projects: weights are log-normal.
    """
    units = []
    for owner in ORGANISATIONS:
        for number, (directorate, listed) in enumerate(DIRECTORATES[owner.code].items(), start=1):
            parent = f"{owner.code}-D{number}"
            units.append(Unit(parent, owner, directorate, "directorate", directorate, None, 0.0))
            for place, entry in enumerate(listed.split(", "), start=1):
                unit_type, name = entry.split(":")
                units.append(Unit(f"{parent}-{place:02d}", owner, name, unit_type, directorate, parent, 1.0))
    return _weigh(units, seed)


def _weigh(units: list[Unit], seed: int) -> list[Unit]:
    rng = stream(seed, "unit weights")
    raw = {unit.code: float(rng.lognormal(0.0, 0.8)) for unit in units if unit.parent_code}
    large = [unit for unit in units if unit.parent_code and unit.organisation.share > 0.1]
    idle = {large[k].code for k in rng.choice(len(large), UNITS_WITHOUT_QI, replace=False)}
    weights = {code: 0.0 if code in idle else weight for code, weight in raw.items()}
    totals = {owner.code: 0.0 for owner in ORGANISATIONS}
    for unit in units:
        totals[unit.organisation.code] += weights.get(unit.code, 0.0)
    return [
        replace(
            unit,
            weight=unit.organisation.share * weights.get(unit.code, 0.0) / totals[unit.organisation.code],
        )
        for unit in units
    ]


def merged_on(timeline: Timeline) -> date:
    """The day on which the merged organisation closes: that of the backlog delivery."""
    return timeline.deliveries[0]


def renamed_on(timeline: Timeline) -> date:
    """The day from which the renamed organisation has its new name."""
    return timeline.deliveries[2].replace(day=1)
