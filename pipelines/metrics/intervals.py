"""Shares, rates and means with their intervals.

Belongs here: one number and how sure it is. Does not belong here: comparing two groups
(`pipelines.metrics.association`). Packages are imported where they are used: they take a second to import,
and a night on which nothing changed needs none.
"""

from typing import Any

import numpy as np
import pandas as pd

CONFIDENCE = 0.95
FEWEST_FOR_BYAR = 10


def wilson(
    part: np.ndarray, whole: np.ndarray, confidence: float = CONFIDENCE
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of a share (Wilson 1927; Newcombe 1998, method 3), by statsmodels.

    `part`, `whole`: arrays of the same length. NaN where there is no whole or a count is missing.
    """
    from statsmodels.stats.proportion import proportion_confint

    part, whole = np.asarray(part, float), np.asarray(whole, float)
    known = (whole > 0) & ~np.isnan(part)
    lower, upper = np.full(part.shape, np.nan), np.full(part.shape, np.nan)
    if known.any():
        lower[known], upper[known] = proportion_confint(
            part[known], whole[known], alpha=1 - confidence, method="wilson"
        )
    return lower, upper


def byar(
    events: np.ndarray, exposure: np.ndarray, confidence: float = CONFIDENCE
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a rate of events for an exposure: Byar's approximation from ten events on, exact below.

    Formula: Breslow and Day, Statistical Methods in Cancer Research II (1987), page 69; as Public Health
    England's Technical Guide. Exact: Garwood (1936), by chi-squared quantiles.
    """
    from scipy.stats import chi2, norm

    events, exposure = np.asarray(events, float), np.asarray(exposure, float)
    z, tail = norm.ppf((1 + confidence) / 2), (1 - confidence) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        next_event = events + 1
        lower = events * (1 - 1 / (9 * events) - z / (3 * np.sqrt(events))) ** 3
        upper = next_event * (1 - 1 / (9 * next_event) + z / (3 * np.sqrt(next_event))) ** 3
        is_few = events < FEWEST_FOR_BYAR
        exact_lower = np.where(events > 0, chi2.ppf(tail, 2 * events) / 2, 0.0)
        exact_upper = chi2.ppf(1 - tail, 2 * next_event) / 2
        return (
            np.where(is_few, exact_lower, lower) / np.where(exposure > 0, exposure, np.nan),
            np.where(is_few, exact_upper, upper) / np.where(exposure > 0, exposure, np.nan),
        )


def clustered_mean(
    values: pd.Series, clusters: pd.Series, weights: pd.Series | None = None
) -> tuple[float, float, float]:
    """Mean and 95% interval, allowing for values of one cluster being alike (sandwich errors, t of clusters -
    1).

    With `weights` the mean is a ratio of sums, such as the share of an amount. The interval is NaN with fewer
    than two clusters.
    """
    from statsmodels.regression.linear_model import WLS

    weight: Any = np.ones(len(values)) if weights is None else weights.to_numpy(float)
    if clusters.nunique() < 2:
        return float(np.average(values, weights=weight)), np.nan, np.nan
    codes = pd.factorize(clusters)[0]
    fit = WLS(values.to_numpy(float), np.ones((len(values), 1)), weights=weight).fit(
        cov_type="cluster", cov_kwds={"groups": codes}, use_t=True
    )
    lower, upper = fit.conf_int()[0]
    return float(fit.params[0]), float(lower), float(upper)
