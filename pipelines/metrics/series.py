"""The size of an effect in time: segmented regression of one series on either side of a change.

Belongs here: the estimate, its interval and whether its assumptions hold. Whether something changed at all is
for the control chart to say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.metrics.intervals import CONFIDENCE

FEWEST_ON_A_SIDE = 8
LARGEST_SHARE_AT_ONE_VALUE = 0.5
SIGNIFICANT = 0.01


@dataclass(frozen=True)
class Interruption:
    """What a series did at a change, in its own unit; slopes are per point.

    `effect`: the fitted value minus what the line before the change would have come to
    (`expected_without_change`), `effect_after` points after the change: as many as there were before it, or
    the last, because a line is not to be drawn on for longer than it was seen. `assumptions_failed`: what
    does not hold, in words; empty when nothing was found.
    """

    points_before: int
    points_after: int
    slope_before: float
    level_change: float
    level_change_lower: float
    level_change_upper: float
    slope_change: float
    slope_change_lower: float
    slope_change_upper: float
    effect_after: int
    effect: float
    effect_lower: float
    effect_upper: float
    expected_without_change: float
    lags: int
    autocorrelation: float
    residuals_p_value: float
    assumptions_failed: tuple[str, ...]


def has_enough_points(is_after: np.ndarray) -> bool:
    """Whether each side has the eight points below which a slope is not worth estimating (Wagner et al.
    2002)."""
    after = int(np.sum(is_after))
    return min(after, len(is_after) - after) >= FEWEST_ON_A_SIDE


def interrupted(values: np.ndarray, is_after: np.ndarray) -> Interruption:
    """Segmented regression (Wagner et al. 2002) by least squares with Newey and West's errors, small-sample
    correction and t quantiles; statsmodels. `values` in order of time; `is_after`: from the change on.

    Lags: 4 (n / 100)^(2/9), rounded down, at least one. Raises ValueError without `has_enough_points`.
    """
    from scipy.stats import jarque_bera
    from statsmodels.regression.linear_model import OLS

    if not has_enough_points(is_after):
        raise ValueError(f"fewer than {FEWEST_ON_A_SIDE} points on a side")
    values, after = np.asarray(values, float), np.asarray(is_after, float)
    n, at = len(values), int(np.argmax(after))
    time = np.arange(n, dtype=float)
    design = np.column_stack([np.ones(n), time, after, after * (time - at)])
    lags = max(1, int(4 * (n / 100) ** (2 / 9)))
    fit = OLS(values, design).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True
    )
    horizon = min(at, n - at) - 1
    there = fit.t_test(np.array([0.0, 0.0, 1.0, horizon]))
    bounds, effect_bounds = fit.conf_int(1 - CONFIDENCE), there.conf_int(1 - CONFIDENCE)[0]
    residuals = np.asarray(fit.resid)
    spread = float(residuals @ residuals)
    autocorrelation = float(residuals[1:] @ residuals[:-1] / spread) if spread > 0 else 0.0
    normality: Any = jarque_bera(residuals) if spread > 0 else None
    normal = float(normality.pvalue) if normality else 1.0
    return Interruption(
        points_before=at,
        points_after=n - at,
        slope_before=float(fit.params[1]),
        level_change=float(fit.params[2]),
        level_change_lower=float(bounds[2][0]),
        level_change_upper=float(bounds[2][1]),
        slope_change=float(fit.params[3]),
        slope_change_lower=float(bounds[3][0]),
        slope_change_upper=float(bounds[3][1]),
        effect_after=horizon + 1,
        effect=float(np.squeeze(there.effect)),
        effect_lower=float(effect_bounds[0]),
        effect_upper=float(effect_bounds[1]),
        expected_without_change=float(fit.params[0] + fit.params[1] * (at + horizon)),
        lags=lags,
        autocorrelation=autocorrelation,
        residuals_p_value=normal,
        assumptions_failed=tuple(_failed(values, design, residuals, autocorrelation, normal, at)),
    )


def _failed(
    values: np.ndarray,
    design: np.ndarray,
    residuals: np.ndarray,
    autocorrelation: float,
    normal: float,
    at: int,
) -> Iterator[str]:
    """Assumptions that the series breaks, in words: what is rarer than one in a hundred when they hold."""
    n, coefficients = len(values), design.shape[1]
    if abs(autocorrelation) > 2.58 / np.sqrt(n):
        yield "residuals depend on the point before"
    if normal < SIGNIFICANT:
        yield "residuals are far from normal"
    before, after = residuals[:at].var(), residuals[at:].var()
    halves = coefficients // 2
    if _ratio_p_value(after, before, n - at - halves, at - halves) < SIGNIFICANT:
        yield "scatter differs between before and after"
    if np.unique(values, return_counts=True)[1].max() / n > LARGEST_SHARE_AT_ONE_VALUE:
        yield "most points have the same value"
    if _bend_p_value(values[:at]) < SIGNIFICANT:
        yield "the line before the change is not straight"


def _ratio_p_value(one: float, other: float, one_free: int, other_free: int) -> float:
    """Of two variances being the same, two-sided."""
    from scipy.stats import f

    if min(one, other) <= 0:
        return 1.0
    tail = float(f.cdf(one / other, one_free, other_free))
    return 2 * min(tail, 1 - tail)


def _bend_p_value(before: np.ndarray) -> float:
    """Of a curve describing the points before the change no better than a line (F test)."""
    from scipy.stats import f

    time = np.linspace(-1, 1, len(before))
    line = before - np.polyval(np.polyfit(time, before, 1), time)
    curve = before - np.polyval(np.polyfit(time, before, 2), time)
    left, free = float(curve @ curve), len(before) - 3
    if left <= 0:
        return 1.0
    return float(f.sf((float(line @ line) - left) / (left / free), 1, free))
