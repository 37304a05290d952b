"""What teams improve: the catalogue of topics, each with the measures a project on it keeps.

Belongs here: titles, measures, usual levels and how much they scatter. Does not belong here: which project
takes which topic (`projects.py`) and how points are drawn (`points.py`).
"""

from dataclasses import dataclass

ACUTE = ("acute",)
ACUTE_AND_COMMUNITY = ("acute", "community")
MENTAL_HEALTH = ("mental_health",)
COMMUNITY = ("community",)
HOSPICE = ("hospice",)
ANY = ("acute", "community", "mental_health", "hospice", "icb")


@dataclass(frozen=True)
class MeasureSpec:
    """One kind of measure: how it is built, where it stands and how it scatters.

    `kind`: proportion and rate have numerator and denominator; count and measurement have a value; subgroup
    has size, mean and standard deviation; days_between has one point an event. `base`, `aim`: levels in the
    unit of measure, before and after a change that works. `size`: mean denominator or subgroup size a month.
    `spread`: scatter beyond chance, as a share of the level (subgroup: standard deviation of one case, in the
    unit of measure). `season`: share of the level by which winter is above the mean.
    """

    name: str
    kind: str
    unit: str
    direction: str
    base: float
    aim: float
    size: float = 0.0
    spread: float = 0.05
    of: str = ""
    frequency: str = "month"
    chart_type: str = "auto"
    season: float = 0.0
    multiplier: int = 1

    @property
    def definition(self) -> str:
        """One or two plain sentences saying what is counted."""
        if self.kind == "proportion":
            return f"{self.name}. Numerator: those for whom it holds. Denominator: {self.of} in the period."
        if self.kind == "rate":
            return f"{self.name}. Numerator: events in the period. Denominator: {self.of}."
        if self.kind == "days_between":
            return f"{self.name}. One point an event: whole days since the one before."
        if self.kind == "subgroup":
            return f"{self.name}. Mean and standard deviation of {self.of} in the period."
        return f"{self.name}, in the whole period, as counted by the team."


@dataclass(frozen=True)
class Topic:
    """One subject of improvement. `places`: types of unit it fits; `types`: types of organisation."""

    title: str
    places: tuple[str, ...]
    types: tuple[str, ...]
    quality_domain: str
    goal: str
    outcome: MeasureSpec
    process_name: str


def percent(
    name: str,
    base: float,
    aim: float,
    size: float,
    of: str,
    frequency: str = "month",
    chart_type: str = "auto",
) -> MeasureSpec:
    """A percentage of `of`; the direction follows from base and aim."""
    direction = "increase" if aim > base else "decrease"
    return MeasureSpec(
        name, "proportion", "%", direction, base, aim, size, 0.04, of, frequency, chart_type, multiplier=100
    )


def per_thousand(
    name: str, base: float, aim: float, size: float, of: str, season: float = 0.0
) -> MeasureSpec:
    """Events for each 1,000 `of`; fewer are better."""
    unit = f"per 1,000 {of}"
    return MeasureSpec(
        name,
        "rate",
        unit,
        "decrease",
        base,
        aim,
        size,
        0.05,
        of,
        chart_type="u",
        season=season,
        multiplier=1000,
    )


def amount(
    name: str,
    unit: str,
    base: float,
    aim: float,
    spread: float,
    frequency: str = "month",
    season: float = 0.0,
) -> MeasureSpec:
    """A measured value of a period, for an individuals chart."""
    direction = "increase" if aim > base else "decrease"
    return MeasureSpec(
        name, "measurement", unit, direction, base, aim, 0.0, spread, "", frequency, season=season
    )


def count(
    name: str, unit: str, base: float, aim: float, frequency: str = "month", chart: str = "c"
) -> MeasureSpec:
    """A number of events of a period."""
    direction = "increase" if aim > base else "decrease"
    return MeasureSpec(name, "count", unit, direction, base, aim, 0.0, 0.0, "", frequency, chart)


def mean_of(
    name: str, unit: str, base: float, aim: float, size: float, spread: float, of: str
) -> MeasureSpec:
    """The mean of a subgroup of cases; fewer are better."""
    return MeasureSpec(name, "subgroup", unit, "decrease", base, aim, size, spread, of, chart_type="xbar")


def days_between(name: str, base: float, aim: float) -> MeasureSpec:
    """Days between rare events; more are better."""
    return MeasureSpec(name, "days_between", "days", "increase", base, aim, frequency="event", chart_type="t")


WARD, WARD_OR_TEAM, SERVICE = ("ward",), ("ward", "team"), ("service",)
TEAM, PLACE = ("team",), ("ward", "team", "service")

TOPICS = (
    Topic(
        "Fewer falls with harm",
        WARD,
        ("acute", "community", "mental_health"),
        "safe",
        "quality",
        per_thousand("Falls", 8.2, 4.1, 620, "occupied bed days"),
        "Falls care plan in place",
    ),
    Topic(
        "Preventing pressure ulcers",
        WARD,
        ACUTE_AND_COMMUNITY,
        "safe",
        "quality",
        per_thousand("Hospital-acquired pressure ulcers", 6.4, 2.6, 640, "occupied bed days"),
        "Skin bundle complete",
    ),
    Topic(
        "Fewer omitted doses",
        WARD,
        ("acute", "community", "mental_health"),
        "safe",
        "quality",
        percent("Omitted doses of critical medicines", 9.5, 4.0, 190, "critical doses prescribed"),
        "Medicines huddle held",
    ),
    Topic(
        "Observations on time",
        WARD,
        ("acute", "community", "mental_health"),
        "safe",
        "quality",
        percent("Observations taken on time", 71, 93, 60, "observations due", "week", "p"),
        "Handover board used",
    ),
    Topic(
        "Clot risk assessed on admission",
        WARD,
        ACUTE,
        "safe",
        "quality",
        percent("Clot risk assessed within 14 hours", 83, 96, 150, "admissions"),
        "Prompt shown at clerking",
    ),
    Topic(
        "Antibiotics within the hour in sepsis",
        PLACE,
        ACUTE,
        "effective",
        "quality",
        percent("Antibiotics given within one hour", 56, 86, 19, "patients with red-flag sepsis"),
        "Sepsis screen complete",
    ),
    Topic(
        "Home before noon",
        WARD,
        ACUTE_AND_COMMUNITY,
        "efficient",
        "access",
        percent("Discharged before noon", 17, 32, 115, "discharges"),
        "Board round before nine o'clock",
    ),
    Topic(
        "Faster first assessment",
        SERVICE,
        ACUTE,
        "timely",
        "access",
        amount("Median time to first assessment", "minutes", 26, 15, 0.12, "week"),
        "Streaming nurse on shift",
    ),
    Topic(
        "Shorter length of stay",
        WARD,
        ("acute", "community", "mental_health"),
        "efficient",
        "money",
        mean_of("Length of stay", "days", 8.4, 6.3, 26, 3.6, "stays that ended"),
        "Expected discharge date set",
    ),
    Topic(
        "Fewer missed appointments",
        ("service", "team"),
        ANY,
        "equitable",
        "access",
        percent("Appointments not attended", 13.2, 8.4, 280, "appointments booked"),
        "Reminder sent twice",
    ),
    Topic(
        "Safer high-risk medicines",
        PLACE,
        ("acute", "mental_health"),
        "safe",
        "quality",
        days_between("Days between medication incidents with harm", 13, 33),
        "Independent second check",
    ),
    Topic(
        "Fewer catheter infections",
        WARD,
        ACUTE_AND_COMMUNITY,
        "safe",
        "quality",
        days_between("Days between catheter infections", 19, 50),
        "Catheter reviewed daily",
    ),
    Topic(
        "Clean hands",
        WARD_OR_TEAM,
        ("acute", "community", "hospice"),
        "safe",
        "quality",
        percent("Hand hygiene opportunities taken", 76, 94, 34, "opportunities observed", "week"),
        "Audit fed back",
    ),
    Topic(
        "Safer wards: less violence",
        WARD,
        MENTAL_HEALTH,
        "safe",
        "staff",
        per_thousand("Incidents of violence", 15.0, 8.0, 540, "occupied bed days"),
        "Safety huddle held",
    ),
    Topic(
        "Less restrictive practice",
        WARD,
        MENTAL_HEALTH,
        "patient_centred",
        "quality",
        count("Uses of restraint", "uses", 14, 6.5),
        "Positive behaviour plan in place",
    ),
    Topic(
        "Physical health checks",
        TEAM,
        MENTAL_HEALTH,
        "effective",
        "quality",
        percent("Physical health check complete", 51, 84, 46, "people on the caseload due a check"),
        "Check booked at review",
    ),
    Topic(
        "Shorter wait for a first appointment",
        TEAM,
        ("mental_health", "community"),
        "timely",
        "access",
        amount("Mean wait for a first appointment", "weeks", 11.5, 6.5, 0.10),
        "Slots released weekly",
    ),
    Topic(
        "Two-hour urgent response",
        TEAM,
        COMMUNITY,
        "timely",
        "access",
        percent("Seen within two hours", 67, 84, 62, "urgent referrals"),
        "Referral triaged in ten minutes",
    ),
    Topic(
        "Pain assessed at once",
        WARD_OR_TEAM,
        HOSPICE,
        "patient_centred",
        "quality",
        percent("Pain assessed within one hour", 69, 92, 13, "admissions and first visits"),
        "Pain tool at bedside",
    ),
    Topic(
        "Wishes known and recorded",
        WARD_OR_TEAM,
        ("hospice", "community"),
        "patient_centred",
        "quality",
        percent("Advance care plan recorded", 47, 79, 17, "people in the last year of life"),
        "Conversation offered",
    ),
    Topic(
        "Fewer unneeded blood tests",
        WARD,
        ACUTE,
        "efficient",
        "carbon",
        count("Repeat blood tests within a day", "tests", 214, 150),
        "Test plan on the round",
    ),
    Topic(
        "Less waste of anaesthetic gas",
        SERVICE,
        ACUTE,
        "efficient",
        "carbon",
        amount("Nitrous oxide lost", "kg", 39, 21, 0.09),
        "Cylinder checked at the bedside",
    ),
    Topic(
        "Gloves off",
        WARD,
        ACUTE_AND_COMMUNITY,
        "efficient",
        "carbon",
        amount("Single-use gloves ordered", "hundreds", 96, 66, 0.08),
        "Glove round held",
    ),
    Topic(
        "First case on time",
        SERVICE,
        ACUTE,
        "efficient",
        "money",
        percent("First case started on time", 46, 77, 42, "operating lists", "month", "p"),
        "Team brief on time",
    ),
    Topic(
        "Fewer cancellations on the day",
        SERVICE,
        ACUTE,
        "efficient",
        "access",
        percent("Cancelled on the day", 8.9, 4.6, 180, "operations listed"),
        "Call three days before",
    ),
    Topic(
        "Hip fracture to theatre",
        WARD,
        ACUTE,
        "effective",
        "quality",
        percent("Operated on within 36 hours", 61, 85, 23, "people with a hip fracture"),
        "Trauma list starts with hips",
    ),
    Topic(
        "To the stroke unit in four hours",
        WARD,
        ACUTE,
        "effective",
        "quality",
        percent("On the stroke unit within four hours", 50, 75, 29, "people with stroke"),
        "Bed kept free at noon",
    ),
    Topic(
        "Smoke-free pregnancy",
        WARD,
        ACUTE,
        "equitable",
        "quality",
        percent("Smoking at time of birth", 11.4, 6.8, 150, "births"),
        "Adviser seen at booking",
    ),
    Topic(
        "Warm babies",
        WARD,
        ACUTE,
        "safe",
        "quality",
        percent("Admission temperature in range", 72, 93, 27, "admissions to the unit"),
        "Warm bundle complete",
    ),
    Topic(
        "Asthma plans for children",
        WARD_OR_TEAM,
        ACUTE_AND_COMMUNITY,
        "effective",
        "quality",
        percent("Asthma plan given", 44, 84, 18, "children who leave after an attack"),
        "Inhaler technique checked",
    ),
    Topic(
        "Joy in work",
        PLACE,
        ANY,
        "patient_centred",
        "staff",
        percent("Would recommend this team as a place to work", 53, 73, 24, "staff who answered"),
        "What matters to you conversation held",
    ),
    Topic(
        "Breaks taken",
        PLACE,
        ("acute", "mental_health"),
        "safe",
        "staff",
        percent("Shifts with a full break", 49, 78, 32, "shifts sampled", "week"),
        "Break buddy named",
    ),
    Topic(
        "Delirium found early",
        WARD,
        ACUTE_AND_COMMUNITY,
        "effective",
        "quality",
        percent("Screened for delirium within a day", 54, 88, 39, "older people admitted"),
        "Screen in admission pack",
    ),
    Topic(
        "Eating well",
        WARD,
        ("acute", "community", "mental_health"),
        "effective",
        "quality",
        percent("Nutrition screened within a day", 65, 91, 54, "admissions"),
        "Mealtime volunteer on shift",
    ),
    Topic(
        "Answers to complaints on time",
        ("team", "service"),
        ANY,
        "patient_centred",
        "quality",
        percent("Complaints answered on time", 57, 85, 12, "complaints due"),
        "First call within two days",
    ),
    Topic(
        "Wound healing at home",
        TEAM,
        COMMUNITY,
        "efficient",
        "money",
        amount("Visits for each healed wound", "visits", 14.2, 10.1, 0.10),
        "Self-care plan agreed",
    ),
    Topic(
        "Medicines to go home, sooner",
        SERVICE,
        ACUTE,
        "timely",
        "access",
        mean_of(
            "Turnaround of discharge medicines", "minutes", 96, 64, 20, 29, "discharge prescriptions sampled"
        ),
        "Prescription written the day before",
    ),
    Topic(
        "Reports back sooner",
        SERVICE,
        ACUTE,
        "timely",
        "access",
        amount("Median time to report", "hours", 31, 19, 0.11, "week"),
        "Reporting slot protected",
    ),
    Topic(
        "Samples right first time",
        SERVICE,
        ACUTE,
        "efficient",
        "money",
        percent("Samples that must be taken again", 5.6, 2.7, 880, "samples received"),
        "Phlebotomy trolley restocked",
    ),
    Topic(
        "An interpreter whenever one is needed",
        PLACE,
        ANY,
        "equitable",
        "access",
        percent("Interpreter present when needed", 41, 78, 26, "people who need an interpreter"),
        "Need recorded at referral",
    ),
    Topic(
        "Health checks for people with a learning disability",
        TEAM,
        ("community", "mental_health", "icb"),
        "equitable",
        "quality",
        percent("Annual health check done", 46, 74, 38, "people with a learning disability due a check"),
        "Easy-read invitation sent",
    ),
    Topic(
        "Same-day care instead of a bed",
        ("service", "ward"),
        ACUTE,
        "timely",
        "access",
        percent("Emergency patients cared for on the same day", 23, 36, 230, "emergency patients"),
        "Senior review at the door",
    ),
)

BALANCING = (
    percent("Readmitted within 7 days", 4.6, 6.9, 190, "people who left"),
    amount("Overtime worked", "hours", 62, 88, 0.13),
    amount("Time spent on forms", "minutes a shift", 41, 56, 0.09),
    count("Calls to the on-call team", "calls", 33, 47),
    percent("Follow-up later than planned", 9.0, 14.5, 130, "follow-ups due"),
    percent("Staff who say the workload is too high", 38, 55, 26, "staff who answered"),
)
"""Balancing measures: `base` is the usual level, `aim` the worse one to which harm would bring it."""

CHANGE_IDEAS = (
    "a checklist at the bedside",
    "a huddle of ten minutes each morning",
    "a named lead on every shift",
    "a prompt in the electronic record",
    "a visual board in the corridor",
    "a pack prepared the day before",
    "teaching in small groups at handover",
    "feedback of last week's results on one page",
    "a standard order set",
    "a call to the patient two days before",
    "a second check by a colleague",
    "a trolley with everything in one place",
)
CHANGE_SCOPES = (
    "with one bay",
    "with one team for a week",
    "on two shifts",
    "with five patients",
    "on all shifts",
)
STUDY_FINDINGS = (
    "The change was used in most cases; results moved as predicted.",
    "Uptake was patchy on nights; days did better than predicted.",
    "No difference seen; the step took longer than predicted.",
    "Worked when the named lead was on shift, otherwise not.",
    "Better than predicted; staff asked to keep it.",
)
