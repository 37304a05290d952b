"""Metrics that are how many of how many, or how many per how many."""

import numpy as np
import pandas as pd

from pipelines.metrics.disclosure import protect
from pipelines.metrics.intervals import byar, clustered_mean, wilson
from pipelines.metrics.rows import shaped

WITHIN = ["metric_id", "organisation_code", "measure_id", "period_start", "period_end"]
ALIKE = [*WITHIN, "stratum"]


def shares(counts: pd.DataFrame, catalogue: pd.DataFrame) -> pd.DataFrame:
    """Values with the interval that the catalogue names, from counts of whatever is counted.

    `counts`: `ALIKE`, `numerator`, `denominator`; rows that are alike are added up, so that those of all
    organisations give the value of all together. `catalogue`: metric_id, interval, counts_people.
    """
    if counts.empty:
        return shaped(counts)
    summed = counts.groupby(ALIKE, dropna=False, as_index=False)[["numerator", "denominator"]].sum()
    facts = summed[["metric_id"]].merge(catalogue, on="metric_id", how="left")
    interval = facts["interval"].to_numpy()
    is_people = facts["counts_people"].to_numpy(bool)
    summed["suppression_reason"] = None
    if is_people.any():
        protected = protect(summed[is_people], WITHIN, ["numerator", "denominator"])
        summed = pd.concat([summed[~is_people], protected]).loc[summed.index]
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
