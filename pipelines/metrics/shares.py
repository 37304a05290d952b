"""Metrics that are how many of how many, or how many per how many."""

import numpy as np
import pandas as pd

from pipelines.metrics.disclosure import is_small, rounded, withheld
from pipelines.metrics.intervals import byar, clustered_mean, wilson
from pipelines.metrics.rows import shaped

WITHIN = ["metric_id", "organisation_code", "measure_id", "period_start", "period_end"]
ALIKE = [*WITHIN, "unit_code", "stratum"]


def shares(counts: pd.DataFrame, catalogue: pd.DataFrame) -> pd.DataFrame:
    """Values with the interval that the catalogue names, from counts of whatever is counted.

    `counts`: `ALIKE`, `numerator`, `denominator`; rows that are alike are added up, so that those of all
    organisations give the value of all together. `people`, where known: on how many people a count of what is
    not people rests. `catalogue`: metric_id, interval, counts_people.
    """
    if counts.empty:
        return shaped(counts)
    amounts = counts.reindex(columns=[*ALIKE, "numerator", "denominator", "people"])
    summed = amounts.groupby(ALIKE, dropna=False, as_index=False).sum(min_count=1)
    facts = summed[["metric_id"]].merge(catalogue, on="metric_id", how="left")
    interval = facts["interval"].to_numpy()
    summed = _protected(summed, facts["counts_people"].astype(bool))
    summed["n"] = summed["denominator"].round()
    part = summed["numerator"].to_numpy(float)
    whole = summed["denominator"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        summed["value"] = np.where(whole > 0, part / whole, np.nan)
    lower, upper = np.full(len(summed), np.nan), np.full(len(summed), np.nan)
    for name, function in (("wilson", wilson), ("byar", byar)):
        chosen = interval == name
        if chosen.any():
            lower[chosen], upper[chosen] = function(part[chosen], whole[chosen])
    summed["lower"], summed["upper"] = lower, upper
    summed["method"] = np.where(interval == "none", "count", interval)
    return shaped(summed)


def _protected(summed: pd.DataFrame, is_people: pd.Series) -> pd.DataFrame:
    """Counts of people rounded or withheld; other counts withheld where they rest on few people."""
    people = summed["people"].astype(float)
    small = is_small(people)
    for name in ("numerator", "denominator"):
        small |= is_people & is_small(summed[name])
    summed["suppression_reason"] = pd.Series(None, index=summed.index, dtype=object)
    guarded = is_people | people.notna()
    if guarded.any():
        reason = withheld(summed[guarded], WITHIN, small[guarded], "numerator")
        summed.loc[guarded, "suppression_reason"] = reason
    is_shown = summed["suppression_reason"].isna()
    for name in ("numerator", "denominator"):
        amount = summed[name].astype(float)
        summed[name] = amount.mask(is_people, rounded(amount)).where(is_shown)
    return summed


def mean_fidelity(cycles: pd.DataFrame) -> pd.DataFrame:
    """Mean fidelity of PDSA cycles by organisation, M08; cycles of one project are alike.

    `cycles`: organisation_code, project_id, period_start, period_end, fidelity (0 to 4).
    """
    rows = []
    keys = ["organisation_code", "period_start", "period_end"]
    for key, group in cycles.groupby(keys, dropna=False):
        value, lower, upper = clustered_mean(group["fidelity"], group["project_id"])
        rows.append(
            dict(zip(keys, key, strict=True))
            | {
                "metric_id": "M08",
                "stratum": "all",
                "value": value,
                "lower": lower,
                "upper": upper,
                "numerator": float(group["fidelity"].sum()),
                "denominator": len(group),
                "n": len(group),
                "method": "mean_clustered_by_project",
            }
        )
    return shaped(pd.DataFrame(rows))
