"""Funnels: which organisations or units differ by more than chance, and by more than they usually do.

Belongs here: limits round a common value, with and without overdispersion. Does not belong here: change over
time, which is a control chart's.
"""

import numpy as np

TRIMMED_SHARE = 0.10
OUTER = 0.998


def poisson_limits(expected: np.ndarray, confidence: float = OUTER) -> tuple[np.ndarray, np.ndarray]:
    """Exact limits of observed / expected round one, by the chi-squared quantiles of the Poisson
    distribution.

    As SHMI's (NHS Digital, Indicator specification, 2011): published as PO_LL and PO_UL.
    """
    from scipy.stats import chi2

    expected, tail = np.asarray(expected, float), (1 - confidence) / 2
    lower = chi2.ppf(tail, 2 * expected) / (2 * expected)
    upper = chi2.ppf(1 - tail, 2 * (expected + 1)) / (2 * expected)
    return lower, upper


def overdispersion(observed: np.ndarray, expected: np.ndarray, trimmed: float = TRIMMED_SHARE) -> float:
    """Variance between members beyond chance, of log(observed / expected): tau squared by moments.

    From z = log(observed / expected) * sqrt(expected) of the members left when a tenth is trimmed at each end
    (Spiegelhalter 2005; SHMI's specification). 0 when they differ by no more than chance, or with fewer than
    two members. Members with nothing observed count as half a case.
    """
    observed, expected = np.asarray(observed, float), np.asarray(expected, float)
    z = np.log(np.maximum(observed, 0.5) / expected) * np.sqrt(expected)
    cut = int(trimmed * len(z))
    kept = np.argsort(z, kind="stable")[cut : len(z) - cut]
    members = len(kept)
    if members < 2:
        return 0.0
    weights = expected[kept]
    excess = (z[kept] ** 2).sum() - (members - 1)
    return max(0.0, float(excess / (weights.sum() - (weights**2).sum() / weights.sum())))


def overdispersed_limits(
    expected: np.ndarray, tau2: float, confidence: float = OUTER
) -> tuple[np.ndarray, np.ndarray]:
    """Limits of observed / expected round one that allow for a variance `tau2` between members:
    exp(-+z sqrt(1 / expected + tau2)). SHMI publishes them for 95% as OD_LL and OD_UL."""
    from scipy.stats import norm

    z = norm.ppf((1 + confidence) / 2)
    spread = z * np.sqrt(1 / np.asarray(expected, float) + tau2)
    return np.exp(-spread), np.exp(spread)
