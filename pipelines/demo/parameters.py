"""The parameters planted in the synthetic organisation: what an analysis of it should find again.

Belongs here: every number that ties a project's method, partnership or coaching to its success, and every
share that shapes the portfolio. Does not belong here: what single measures look like (`topics.py`,
`board_measures.py`) and the dirt in the files (`dirt.py`).

The chance that a chartered project meets its aim is a product of risks, not of odds, so that the risk ratio
within a stratum is the parameter itself:

    P(met) = MET_RISK_BY_METHOD[method]
             x INVOLVEMENT_RISK_RATIO[involvement at charter]
             x ORGANISATION_RISK_RATIO[type of organisation]
             x OVERLOADED_COACH_RISK_RATIO if the coach is overloaded,        at most MET_RISK_CEILING

Big I is more frequent where success is more likely anyway (`INVOLVEMENT_SHARE`), and some teams are
called Big I only after they have succeeded (`RENAMED_BIG_I_SHARE`): the crude risk ratio is therefore too
high, the one stratified by type of organisation and fixed at charter is right.
"""

INVOLVEMENT_RISK_RATIO = {"none": 1.0, "little_i": 1.15, "big_i": 2.2}
"""Risk ratio of meeting the aim against no involvement, within method and type of organisation."""

MET_RISK_BY_METHOD = {
    "Model for Improvement": 0.26,
    "Lean": 0.25,
    "Breakthrough collaborative": 0.29,
    "Experience-based co-design": 0.27,
    "Six Sigma": 0.22,
    "Clinical audit": 0.13,
}
"""Risk of meeting the aim with no involvement, in an acute trust, with a coach who has time."""

METHOD_SHARE = {
    "Model for Improvement": 0.47,
    "Lean": 0.17,
    "Breakthrough collaborative": 0.08,
    "Experience-based co-design": 0.08,
    "Six Sigma": 0.05,
    "Clinical audit": 0.15,
}
"""Share of projects by method."""

MONTHS_TO_EFFECT_BY_METHOD = {
    "Model for Improvement": 3.0,
    "Lean": 2.5,
    "Breakthrough collaborative": 4.5,
    "Experience-based co-design": 6.5,
    "Six Sigma": 5.0,
    "Clinical audit": 7.0,
}
"""Median months from start to the change that works (log-normal, sigma `MONTHS_TO_EFFECT_SIGMA`)."""

MONTHS_TO_EFFECT_SIGMA = 0.35

ORGANISATION_RISK_RATIO = {"acute": 0.95, "community": 1.1, "mental_health": 1.25, "hospice": 1.1, "icb": 0.9}
"""Risk ratio of meeting the aim by type of organisation: the confounder of involvement."""

INVOLVEMENT_SHARE = {
    "acute": {"none": 0.52, "little_i": 0.34, "big_i": 0.14},
    "community": {"none": 0.38, "little_i": 0.34, "big_i": 0.28},
    "mental_health": {"none": 0.22, "little_i": 0.36, "big_i": 0.42},
    "hospice": {"none": 0.30, "little_i": 0.35, "big_i": 0.35},
    "icb": {"none": 0.55, "little_i": 0.35, "big_i": 0.10},
}
"""Share of projects by involvement at charter and type of organisation."""

RENAMED_BIG_I_SHARE = 0.10
"""Of successful projects without Big I at charter: recorded as Big I more than 90 days later."""

OVERLOADED_COACH_RISK_RATIO = 0.70
"""Risk ratio of meeting the aim when the coach is the busiest of a large organisation."""

MET_RISK_CEILING = 0.92

PARTLY_MET_SHARE = 0.42
"""Of projects that do not meet their aim: the share that meets it in part."""

EFFECT_SHARE = {"met": (1.05, 0.12), "partly_met": (0.52, 0.09), "not_met": (0.0, 0.08)}
"""Mean and standard deviation of the planned change that the outcome measure really shows."""

ABANDONED_SHARE = {"none": 0.20, "little_i": 0.16, "big_i": 0.10}
"""Share of chartered projects that are abandoned, by involvement; independent of what they would have met."""

WITHDRAWN_SHARE = 0.04
OPEN_ENDED_SHARE = 0.07
"""Share of chartered projects that nobody ever closes."""

SUSTAINED_SHARE = 0.72
"""Of projects that met their aim: the share that keeps the gain; the others lose most of it in months."""

BALANCING_HARM_SHARE = 0.12
"""Of projects that met their aim: the share whose balancing measure gets worse."""

SILENT_SHARE = 0.30
"""Of projects open at the end: no cycle, point or score for more than 60 days."""

PAUSED_SHARE = 0.10
STALE_SCORE_SHARE = 0.30
"""Share of projects that score themselves a few times and then never again."""

OPTIMISTIC_SCORE_SHARE = 0.22
"""Share of projects whose own score runs ahead of their evidence."""

COACHED_SHARE = 0.82
SPONSORED_SHARE = 0.74
CROSS_ORGANISATION_SHARE = 0.09
"""Share of projects with team members of a second organisation."""

SPREAD_SHARE = 0.14
"""Share of projects that take up the change of an earlier, successful one."""

STRATIFIED_SHARE = 0.30
"""Share of projects whose outcome measure is kept by deprivation quintile (where it is a ratio)."""

CYCLE_COMPLETENESS = {
    "Model for Improvement": 0.86,
    "Lean": 0.62,
    "Breakthrough collaborative": 0.80,
    "Experience-based co-design": 0.66,
    "Six Sigma": 0.74,
    "Clinical audit": 0.42,
}
"""Chance that each of prediction, data, study and decision is recorded for a PDSA cycle, by method."""

QUINTILE_WEIGHTS = (0.26, 0.22, 0.20, 0.17, 0.15)
"""Share of patients by deprivation quintile; quintile_1 is the most deprived."""

DEPRIVATION_LOG_ODDS = 0.10
"""Log odds by which an undesired result is more likely with each quintile towards the most deprived."""

WARD_STORY_SHARE = {"common_cause": 0.74, "improved": 0.12, "worsened": 0.08, "slow_trend": 0.06}
"""What happens in a ward's own series over the years."""

ORIGIN_SHARE = {"frontline": 0.46, "patient": 0.11, "directorate": 0.24, "executive": 0.12, "national": 0.07}
