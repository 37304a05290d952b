"""The parameters planted in the extracts on maturity, culture and outcomes: what a metric should find again.

Belongs here: every number that ties these extracts to a metric. Does not belong here: what is planted in the
register and its measures (`parameters.py`) and the dirt (`faults_in_culture.py`).

Shares are chances: a metric recovers them within its interval, not to the digit.
"""

# ---- Maturity ----------------------------------------------------------------------------------------------

MATURITY_START = {"ZZA": 1.7, "ZZB": 1.5, "ZZC": 2.0, "ZZM": 2.2, "ZZH": 1.8}
"""Latent level of the first assessment, seen by front-line staff: 1 starting, 5 improving and sustaining."""

MATURITY_GAIN = 0.45
"""Levels by which every organisation rises from one yearly assessment to the next."""

ASSESSOR_GAP = {"executive": 0.7, "middle_management": 0.3, "frontline": 0.0}
"""Levels by which a group sees the same item above front-line staff."""

MATURITY_ITEM_SPREAD = 0.4
"""Standard deviation of items round the level of their organisation, the same for all groups and years."""

MATURITY_NOISE = 0.3
"""Standard deviation of one judgement; the sum is rounded to the nearest level."""

# ---- Training ----------------------------------------------------------------------------------------------

APPLIED_SHARE = {"awareness": 0.15, "foundation": 0.45, "practitioner": 0.70}
"""Share of those who complete a course who join a project within 180 days; the others never do."""

UNFINISHED_SHARE = 0.08
"""Share of courses that are begun and not completed."""

NEED_SHARE = {"foundation": 0.20, "practitioner": 0.05}
"""Share of a unit's staff that its plan wants at a level of skill."""

# ---- Support -----------------------------------------------------------------------------------------------

HUDDLE_SHARE = 0.55
"""Share of units with improvement work that have huddles; units without any never do."""

HUDDLES_HELD_SHARE = 0.82
PROTECTED_HOURS_PER_WTE = 1.4
"""Hours a month rostered for improvement, in units with improvement work."""

PROTECTED_HOURS_USED_SHARE = 0.6

# ---- Workforce ---------------------------------------------------------------------------------------------

SICKNESS_RATE = {
    "Nursing and midwifery": 0.056,
    "Medical and dental": 0.018,
    "Allied health professionals": 0.044,
    "Administrative and clerical": 0.041,
    "Additional clinical services": 0.068,
    "Estates and ancillary": 0.063,
}
"""Days lost over days available, by staff group."""

UNIT_SICKNESS_RATE = 0.052
SICKNESS_RATIO_WITH_QI = 0.85
"""Ratio of the sickness rate in units with improvement work to that in units without: association only."""

STABILITY = 0.86
STABILITY_WITH_QI = 0.91
"""Share of staff in post a year ago who still are; in organisations and units without, and with, QI."""

# ---- Leadership --------------------------------------------------------------------------------------------

MEDIAN_TENURE_YEARS = {"executive": 3.0, "non_executive": 4.5, "director": 3.5}
"""Median time in a substantive post (Weibull, shape `TENURE_SHAPE`)."""

TENURE_SHAPE = 1.4
VACANCY_CHANCE, INTERIM_CHANCE = 0.5, 0.35
"""After a holder leaves: a vacancy of 1 to 8 months, an interim of 3 to 12 months, or a successor at once."""

# ---- Ties --------------------------------------------------------------------------------------------------

RECIPROCITY_BY_WAVE = (0.30, 0.42, 0.55)
"""Ties that are returned over all ties, 2M / (2M + A), in the three yearly waves."""

COLLABORATE_SHARE_BY_WAVE = (0.45, 0.54, 0.62)
RESPONSE_BY_WAVE = (0.82, 0.58, 0.86)
"""People who answer over people who were asked: the second wave stays below 70% and is to be withheld."""

SILENT_UNITS_BY_WAVE = (0.0, 0.25, 0.0)
"""Share of units of which nobody answers."""

TIES_PER_UNIT = 3
"""Pairs of units that work together, for each unit."""

CROSS_ORGANISATION_TIES = 0.12

# ---- Surveys, events, meetings, compact --------------------------------------------------------------------

FAVOURABLE_SHARE = {
    "able_to_improve": (0.50, 0.54, 0.59),
    "improvement_voice": (0.66, 0.68, 0.71),
    "permission": (0.48, 0.51, 0.55),
    "time": (0.27, 0.28, 0.31),
    "support": (0.57, 0.59, 0.60),
    "recommend_as_workplace": (0.58, 0.60, 0.63),
}
"""Share of favourable answers by concept in the three yearly surveys."""

SURVEY_RESPONSE = 0.52

ROUNDS_HELD_SHARE = 0.85
ATTENDANCE_PER_100_WTE = {
    "Nursing and midwifery": 1.6,
    "Medical and dental": 0.9,
    "Allied health professionals": 2.1,
    "Administrative and clerical": 1.3,
    "Additional clinical services": 0.7,
    "Estates and ancillary": 0.3,
}
"""People at one Schwartz Round for every 100 whole-time equivalents, by staff group."""

BOARD_VISITS_PER_MEMBER_AND_QUARTER = 0.8
EBCD_GOES_ON_SHARE = 0.8
"""Chance that experience-based co-design goes on to its next stage."""

BOARD_TIME = {"planning": 0.18, "control": 0.32, "improvement": 0.12, "assurance": 0.38}
"""Share of minutes by function, a year before the end; see `BOARD_TIME_SHIFT`."""

BOARD_TIME_SHIFT = 0.08
"""Share of minutes that moves from assurance to improvement within that year, month by month."""

GIVES_EVIDENCED_SHARE = 0.62
"""Share of what the organisation gives for which there was evidence in the last twelve months."""

REVIEWS_OVERDUE_SHARE = 0.25

# ---- Benefits ----------------------------------------------------------------------------------------------

BENEFIT_SHARE = 0.45
"""Share of completed projects whose aim was met, at least in part, that have a line of benefit."""

DISPLACED_SHARE = 0.35
"""Share of lines of which the benefit falls to another organisation or sector than the one that pays."""

VALIDATED_TO_FORECAST = 0.70
"""Validated benefit over forecast, both at the middle of their ranges, in lines that are no loss."""

LOSS_SHARE = 0.06
"""Share of validated lines that turn out to cost more than they bring."""

# ---- Equity ------------------------------------------------------------------------------------------------

NARROWING_MEASURE_ID = "ORG-DNA"
EQUITY_GAP_LEFT = 0.4
"""Of the planted difference between quintiles (`parameters.DEPRIVATION_LOG_ODDS`), what is left of it at the
end in the measure in which it narrows, in a straight line from the whole at the start."""
