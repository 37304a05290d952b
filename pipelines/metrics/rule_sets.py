"""The rule sets of the mart as the simulation needs them, read from the seed that the SQL reads too.

Belongs here: which column of `dim_rule_set` is which parameter. Does not belong here: a number of a rule.
"""

import csv
from pathlib import Path

import numpy as np

from pipelines.metrics.signals import Rules
from pipelines.settings import DBT_PROJECT

RULE_SETS = DBT_PROJECT / "seeds" / "spc" / "dim_rule_set.csv"


def read_rule_sets(path: Path = RULE_SETS) -> list[Rules]:
    """Every rule set of the seed, in its order. Raises KeyError when a column is missing."""
    with path.open(encoding="utf-8", newline="") as handle:
        return [_rules(row) for row in csv.DictReader(handle)]


def _rules(row: dict[str, str]) -> Rules:
    def used(rule: str, number: str) -> float:
        """The number of a rule; 0 where the rule set does not rank it, which means that it is not used."""
        return float(row[number]) if row[f"{rule}_rank"] else 0

    sigmas = float(row["limit_sigmas"])
    return Rules(
        rule_set_id=row["rule_set_id"],
        outside=used("outside", "limit_sigmas"),
        shift_length=int(used("shift", "shift_length")),
        ties=row["shift_tie"],
        trend_length=int(used("trend", "trend_length")),
        equal_neighbours=row["trend_tie"],
        two_in_three=used("two_in_three", "near_limit_sigmas"),
        two_in_three_window=int(row["two_in_three_window"]),
        two_in_three_below=sigmas if row["two_in_three_stops_at_limit"] == "true" else np.inf,
        is_third_same_side=row["two_in_three_third_point"] == "same_side",
        four_in_five=used("four_in_five", "zone_sigmas"),
        four_in_five_points=int(row["four_in_five_points"]),
        four_in_five_window=int(row["four_in_five_window"]),
        alternating_length=int(used("alternating", "alternating_length")),
        hugging_length=int(used("hugging", "hugging_length")),
        avoiding_length=int(used("avoiding", "avoiding_length")),
        zone=float(row["zone_sigmas"]),
        has_runs_test=row["has_runs_analysis"] == "true",
        sigma_per_moving_range=float(row["individuals_limit_factor"]) / sigmas,
        screening_factor=float(row["screening_factor"]) if row["screening_factor"] else np.inf,
        minimum_points=int(row["minimum_points"]),
    )
