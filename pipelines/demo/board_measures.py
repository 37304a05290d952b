"""The organisations' own measures: the catalogue for board and ward reports, their stories and targets.

Belongs here: which measure is kept where, at what level, and what happens to it over the years. Does not
belong here: measures of projects (`topics.py`).
"""

from dataclasses import dataclass, replace

from pipelines.demo.topics import MeasureSpec, amount, count, days_between, mean_of, per_thousand, percent


@dataclass(frozen=True)
class Story:
    """What happens to a series. `shape`: shift, trend or episode (a shift that ends); `at`, `until`: share of
    the history gone by, from 0 to 1; `level`: the new level, in the unit of measure."""

    shape: str
    at: float
    level: float
    until: float = 2.0


@dataclass(frozen=True)
class TargetStep:
    """A target from a share `at` of the history on; `target` null: it ended."""

    at: float
    target: float | None
    basis: str


@dataclass(frozen=True)
class BoardMeasure:
    """One measure of the organisations themselves.

    `kept_by`: organisation codes. `places`: types of unit with a series of their own (none: the whole
    organisation only). `has_quintiles`: also by deprivation quintile. `is_revised`: published as provisional,
    a month later as revised. `lag_days`: from the end of a period to its publication.
    """

    measure_id: str
    spec: MeasureSpec
    kept_by: tuple[str, ...]
    quality_domain: str
    lag_days: int
    places: tuple[str, ...] = ()
    has_quintiles: bool = False
    is_revised: bool = False
    targets: tuple[TargetStep, ...] = ()
    purpose: str = "assurance"
    rule_set_id: str | None = None


ACUTES, BED_HOLDERS = ("ZZA", "ZZB"), ("ZZA", "ZZB", "ZZC", "ZZM", "ZZH", "ZZS")
EVERYBODY = (*BED_HOLDERS, "ZZQ")
NATIONAL, LOCAL = "National standard (synthetic)", "Board decision (synthetic)"


def winter(spec: MeasureSpec, season: float) -> MeasureSpec:
    """The same measure with a winter peak of `season` times its level."""
    return replace(spec, season=season)


BOARD_MEASURES = (
    BoardMeasure(
        "ORG-AE-4H",
        winter(
            percent("Seen in the emergency department within four hours", 74, 82, 9400, "attendances"), -0.05
        ),
        ACUTES,
        "timely",
        11,
        has_quintiles=True,
        is_revised=True,
        targets=(
            TargetStep(0.0, 95, NATIONAL),
            TargetStep(0.52, 76, NATIONAL),
            TargetStep(0.72, 78, NATIONAL),
        ),
    ),
    BoardMeasure(
        "ORG-AE-12H",
        winter(percent("In the emergency department over 12 hours", 6.2, 3.0, 9400, "attendances"), 0.32),
        ACUTES,
        "timely",
        11,
        is_revised=True,
    ),
    BoardMeasure(
        "ORG-CANCER-62",
        percent("Treated for cancer within 62 days", 67, 75, 165, "people treated"),
        ACUTES,
        "timely",
        14,
        targets=(
            TargetStep(0.0, 85, NATIONAL),
            TargetStep(0.6, 70, NATIONAL),
            TargetStep(0.85, 75, NATIONAL),
        ),
    ),
    BoardMeasure(
        "ORG-DIAG-6W",
        percent("Waiting over six weeks for a test", 19, 9, 6200, "people on the list"),
        ACUTES,
        "timely",
        14,
        targets=(TargetStep(0.0, 5, NATIONAL),),
    ),
    BoardMeasure(
        "ORG-READMIT",
        percent("Emergency readmission within 30 days", 10.8, 9.2, 3600, "people who left"),
        (*ACUTES, "ZZC"),
        "effective",
        14,
        has_quintiles=True,
        is_revised=True,
    ),
    BoardMeasure(
        "ORG-DNA",
        percent("Appointments not attended", 9.6, 7.4, 14800, "appointments booked"),
        (*ACUTES, "ZZC", "ZZM"),
        "equitable",
        9,
        has_quintiles=True,
    ),
    BoardMeasure(
        "ORG-SICKNESS",
        winter(percent("Sickness absence", 5.2, 4.6, 61000, "days staff could have worked"), 0.13),
        EVERYBODY,
        "efficient",
        14,
        is_revised=True,
        targets=(TargetStep(0.0, 4.5, LOCAL), TargetStep(0.7, None, LOCAL)),
    ),
    BoardMeasure(
        "ORG-COMPLAINTS",
        count("Complaints received", "complaints", 36, 30),
        EVERYBODY,
        "patient_centred",
        9,
    ),
    BoardMeasure(
        "ORG-CDIFF",
        count("Clostridioides difficile infections", "infections", 5.2, 3.4),
        (*ACUTES, "ZZC", "ZZS"),
        "safe",
        9,
    ),
    BoardMeasure(
        "ORG-MRSA",
        days_between("Days between MRSA bloodstream infections", 52, 90),
        ACUTES,
        "safe",
        6,
    ),
    BoardMeasure(
        "ORG-LOS",
        winter(
            mean_of(
                "Length of stay after emergency admission", "days", 8.1, 7.2, 420, 7.5, "stays that ended"
            ),
            0.05,
        ),
        (*ACUTES, "ZZC", "ZZS"),
        "efficient",
        11,
    ),
    BoardMeasure(
        "ORG-WAIT-FIRST",
        amount("Mean wait for a first contact", "weeks", 9.4, 7.0, 0.06),
        ("ZZC", "ZZM"),
        "timely",
        11,
        targets=(TargetStep(0.3, 8, LOCAL),),
    ),
    BoardMeasure(
        "ORG-TALK-RECOVERY",
        percent("Recovered after talking therapy", 49.5, 53, 410, "people who finished"),
        ("ZZM",),
        "effective",
        14,
        has_quintiles=True,
        targets=(TargetStep(0.0, 50, NATIONAL),),
    ),
    BoardMeasure(
        "ORG-RESTRAINT",
        per_thousand("Uses of restraint", 17.5, 12, 5200, "occupied bed days"),
        ("ZZM",),
        "patient_centred",
        9,
    ),
    BoardMeasure(
        "ORG-UCR-2H",
        percent("Urgent community response within two hours", 71, 84, 640, "urgent referrals"),
        ("ZZC", "ZZS"),
        "timely",
        9,
        targets=(TargetStep(0.25, 70, NATIONAL),),
    ),
    BoardMeasure(
        "ORG-PREF-PLACE",
        percent("Died in the place of choice", 78, 86, 21, "people with a recorded choice"),
        ("ZZH",),
        "patient_centred",
        9,
    ),
    BoardMeasure(
        "WARD-FALLS",
        per_thousand("Falls", 6.1, 4.4, 660, "occupied bed days"),
        BED_HOLDERS,
        "safe",
        6,
        places=("ward",),
        targets=(TargetStep(0.0, 6.0, LOCAL), TargetStep(0.6, 5.0, LOCAL)),
    ),
    BoardMeasure(
        "WARD-PRESSURE",
        per_thousand("Pressure ulcers, category 2 and above", 2.4, 1.5, 660, "occupied bed days"),
        BED_HOLDERS,
        "safe",
        6,
        places=("ward",),
    ),
    BoardMeasure(
        "WARD-HANDS",
        percent("Hand hygiene opportunities taken", 88, 95, 52, "opportunities observed"),
        BED_HOLDERS,
        "safe",
        6,
        places=("ward", "service"),
        targets=(TargetStep(0.0, 95, LOCAL),),
    ),
    BoardMeasure(
        "WARD-OMITTED",
        percent("Omitted doses of critical medicines", 6.0, 3.5, 240, "critical doses prescribed"),
        BED_HOLDERS,
        "safe",
        6,
        places=("ward",),
    ),
    BoardMeasure(
        "WARD-NOON",
        percent("Discharged before noon", 21, 30, 96, "discharges"),
        (*ACUTES, "ZZC", "ZZS"),
        "efficient",
        6,
        places=("ward",),
        targets=(TargetStep(0.0, 33, LOCAL),),
    ),
    BoardMeasure(
        "WARD-OBS",
        percent("Observations taken on time", 84, 92, 210, "observations due", "week"),
        ACUTES,
        "safe",
        3,
        places=("ward",),
        rule_set_id="anhoej",
        purpose="improvement",
    ),
    BoardMeasure(
        "UNIT-SICKNESS",
        winter(percent("Sickness absence", 5.4, 4.6, 1150, "days staff could have worked"), 0.14),
        EVERYBODY,
        "efficient",
        14,
        places=("ward", "team", "service"),
    ),
    BoardMeasure(
        "UNIT-FRIENDS",
        percent("Patients who say the experience was good", 92, 95, 44, "patients who answered"),
        EVERYBODY,
        "patient_centred",
        9,
        places=("ward", "team", "service"),
        has_quintiles=True,
    ),
    BoardMeasure(
        "UNIT-INCIDENTS",
        count("Incidents reported", "incidents", 19, 24),
        (*ACUTES, "ZZM"),
        "safe",
        6,
        places=("ward", "service"),
        purpose="research",
    ),
)

STORIES: dict[tuple[str, str], tuple[Story, ...]] = {
    ("ORG-AE-4H", "ZZA"): (Story("trend", 0.15, 66, 0.50), Story("shift", 0.66, 75)),
    ("ORG-AE-4H", "ZZB"): (Story("trend", 0.20, 67, 0.55),),
    ("ORG-AE-12H", "ZZB"): (Story("trend", 0.30, 9.4, 0.65),),
    ("ORG-CANCER-62", "ZZA"): (Story("shift", 0.60, 73),),
    ("ORG-DIAG-6W", "ZZA"): (Story("episode", 0.25, 27, 0.48),),
    ("ORG-DIAG-6W", "ZZB"): (Story("trend", 0.45, 11.5, 0.85),),
    ("ORG-READMIT", "ZZB"): (Story("shift", 0.70, 9.6),),
    ("ORG-DNA", "ZZC"): (Story("shift", 0.62, 7.9),),
    ("ORG-SICKNESS", "ZZM"): (Story("shift", 0.58, 6.1),),
    ("ORG-COMPLAINTS", "ZZB"): (Story("shift", 0.68, 47),),
    ("ORG-CDIFF", "ZZA"): (Story("shift", 0.55, 3.2),),
    ("ORG-MRSA", "ZZA"): (Story("shift", 0.55, 104),),
    ("ORG-LOS", "ZZA"): (Story("shift", 0.64, 7.2),),
    ("ORG-WAIT-FIRST", "ZZM"): (Story("trend", 0.35, 12.6, 0.75),),
    ("ORG-RESTRAINT", "ZZM"): (Story("shift", 0.57, 11.8),),
    ("ORG-UCR-2H", "ZZC"): (Story("trend", 0.40, 82, 0.80),),
}
"""What happened, by measure and organisation; every other series of a whole organisation is common cause."""

ORGANISATION_SIZE = {
    "ZZA": 1.0,
    "ZZB": 0.62,
    "ZZC": 0.40,
    "ZZM": 0.45,
    "ZZH": 0.05,
    "ZZS": 0.09,
    "ZZQ": 0.06,
    "ZZN": 0.08,
}
"""Size against the largest organisation; scales denominators, counts and the time between rare events."""

REDEFINED_MEASURE_ID = "ORG-READMIT"
REDEFINITION = (
    "Emergency readmission within 30 days. Numerator: readmissions to any hospital, no longer to the same "
    "hospital only. Denominator: people who left in the period."
)
REDEFINED_RATIO = 1.14
"""What the wider definition alone does to the level, with no change in care."""

RETARGETED_MEASURE_ID, NEW_TARGET = "WARD-FALLS", 4.5
"""The measure whose target changes while the demo is being delivered."""
