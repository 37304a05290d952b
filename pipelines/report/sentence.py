"""What a control chart says, in plain English.

Belongs here: sentences made of what `spc.fct_spc_status` found. Does not belong here: any finding of our own.
"""

from collections.abc import Mapping
from typing import Any

from pipelines.report.words import is_percent, number, period, words

VARIATION = {
    "improvement_high": "Special cause: improvement, the values are higher than before.",
    "improvement_low": "Special cause: improvement, the values are lower than before.",
    "concern_high": "Special cause: concern, the values are higher than before.",
    "concern_low": "Special cause: concern, the values are lower than before.",
    "neutral_high": "Special cause: the values are higher than before.",
    "neutral_low": "Special cause: the values are lower than before.",
    "common_cause": "Common cause: the latest value is no more than this process varies by chance.",
    "none": "There are too few values to tell special cause from chance.",
}
RUNS = (
    "Special cause in the phase as a whole: values stay on one side of the centre line for longer, or cross "
    "it more rarely, than chance gives. The latest value lies within the limits."
)
ASSURANCE = {
    "pass": "As it stands, the process will meet the target of {target} every time.",
    "fail": "As it stands, the process will not meet the target of {target} unless it is changed.",
    "hit_or_miss": "The target of {target} lies within what chance alone gives, so it may be met or missed.",
}
WARNINGS = {
    "trial_limits": "Trial limits: the last phase has fewer points than the rule set asks for.",
    "no_limits": "No limits yet: they are drawn when there are enough points.",
    "constant": "Constant: every value is the same.",
    "screening_collapse": "Screening would have left limits without width, so all moving ranges are counted.",
    "autocorrelation": "Neighbouring points are alike more than chance explains, so signals come too often.",
    "seasonality": "The series has a season, so signals may follow the calendar.",
    "overdispersion": "The points vary more than this chart expects, so its limits are too narrow.",
    "gaps": "Some periods have no row; time is drawn to scale.",
    "missing_values": "Some periods have a row without a value.",
    "rare_events": "Counts are so low that days or cases between events would say more.",
    "asked_chart_impossible": "The chart asked for cannot be drawn from this data, so another is.",
    "unknown_rule_set": "The measure names a rule set that does not exist, so the default is used.",
    "events_without_point": "An excluded day or note has no point, or a freeze lies before the first value.",
    "stale": "A newer point is overdue.",
}


def sentence(status: Mapping[str, Any], rule_set: Mapping[str, Any], places: int) -> str:
    """One or two sentences on the last point and on the target."""
    if status["has_runs_signal"] and status["variation_icon"] == "common_cause":
        parts = [RUNS]
    else:
        parts = [VARIATION[status["variation_icon"]], _because(status, rule_set)]
    assurance = ASSURANCE.get(status["assurance_icon"], "")
    suffix = "%" if is_percent(status["unit_of_measure"]) else ""
    parts.append(assurance.format(target=number(status["target"], places) + suffix))
    return " ".join(part for part in parts if part)


def _because(status: Mapping[str, Any], rule_set: Mapping[str, Any]) -> str:
    """Which rule speaks, and since when."""
    signal, direction = status["signal"], status["signal_direction"]
    if signal in (None, "common_cause"):
        return ""
    side = {"high": "above", "low": "below"}.get(direction or "", "on one side of")
    rules = {
        "outside": f"The latest point lies {side} the limit.",
        "shift": f"At least {rule_set['shift_length']} points in a row lie {side} the centre line.",
        "trend": f"{rule_set['trend_length']} points in a row {'rise' if direction == 'high' else 'fall'}.",
        "two_in_three": f"Two of three points in a row lie far {side} the centre line.",
    }
    said = rules.get(signal, f"The rule “{words(signal).lower()}” speaks.")
    since = status["signalling_since"]
    return f"{said} So since {period(since, status['frequency'])}." if since is not None else said


def warnings(status: Mapping[str, Any]) -> list[str]:
    """What to beware of, in sentences."""
    codes = (status["warnings"] or "").split(", ")
    return [WARNINGS.get(code, words(code)) for code in codes if code]
