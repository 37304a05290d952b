"""How long until something happens, when for some it has not happened yet."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.metrics.intervals import CONFIDENCE


@dataclass(frozen=True)
class Median:
    """Median time with its interval; NaN what cannot be said because too few had the event."""

    value: float
    lower: float
    upper: float


def median_time(durations: np.ndarray, happened: np.ndarray) -> Median:
    """Kaplan and Meier's median of `durations`, where `happened` says whether it ended with the event or was
    only watched until then. Interval by Brookmeyer and Crowley on the log-log scale; statsmodels."""
    from statsmodels.duration.survfunc import SurvfuncRight

    happened = np.asarray(happened, int)
    if not happened.any():
        return Median(np.nan, np.nan, np.nan)
    curve: Any = SurvfuncRight(np.asarray(durations, float), happened)
    value = _first_at_half(curve.surv_times, curve.surv_prob)
    with np.errstate(divide="ignore", invalid="ignore"):
        lower, upper = curve.quantile_ci(0.5, alpha=1 - CONFIDENCE, method="cloglog")
    return Median(value, *(float(bound) if np.isfinite(bound) else np.nan for bound in (lower, upper)))


def _first_at_half(times: np.ndarray, surviving: np.ndarray) -> float:
    """The first time by which half or fewer are left (statsmodels asks for fewer than half)."""
    reached = np.flatnonzero(surviving <= 0.5 + 1e-9)
    return float(times[reached[0]]) if len(reached) else np.nan
