"""The size of an effect in time: segmented regression of many series, each on either side of its change.

Belongs here: the estimate, its interval and whether its assumptions hold. Whether something changed at all is
for the control chart to say.

Written out in numpy for all series at once, because statsmodels takes milliseconds for one; the tests hold it
against statsmodels and scipy. Two lines that may differ in level and slope are two regressions, so that sums
of each side are all that is needed; only the errors look across the change.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from pipelines.metrics.intervals import CONFIDENCE

FEWEST_ON_A_SIDE = 8
LARGEST_SHARE_AT_ONE_VALUE = 0.5
SIGNIFICANT = 0.01
COEFFICIENTS = 4
POINTS_AT_ONCE = 200_000


@dataclass(frozen=True)
class Interruptions:
    """What each series did at its change, in its own unit; slopes are per point. Arrays over the series.

    `effect`: the fitted value minus what the line before the change would have come to
    (`expected_without_change`), `effect_after` points after the change: as many as there were before it, or
    the last, because a line is not to be drawn on for longer than it was seen. `assumptions_failed`: what
    does not hold, in words, parted by semicolons; None when nothing was found.
    """

    points_before: np.ndarray
    points_after: np.ndarray
    slope_before: np.ndarray
    level_change: np.ndarray
    level_change_lower: np.ndarray
    level_change_upper: np.ndarray
    slope_change: np.ndarray
    slope_change_lower: np.ndarray
    slope_change_upper: np.ndarray
    effect_after: np.ndarray
    effect: np.ndarray
    effect_lower: np.ndarray
    effect_upper: np.ndarray
    expected_without_change: np.ndarray
    lags: np.ndarray
    autocorrelation: np.ndarray
    residuals_p_value: np.ndarray
    assumptions_failed: np.ndarray


def has_enough_points(points: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Whether each side has the eight points below which a slope is not worth estimating (Wagner et al.
    2002)."""
    return np.minimum(before, points - before) >= FEWEST_ON_A_SIDE


def interrupted(values: np.ndarray, points: np.ndarray, before: np.ndarray) -> Interruptions:
    """Segmented regression (Wagner et al. 2002) by least squares with Newey and West's errors, small-sample
    correction and t quantiles.

    `values`: those of all series, one series after the other, each in order of time; `points`: how many each
    has; `before`: how many of them came before its change. Lags: 4 (n / 100)^(2/9), rounded down, at least
    one. Raises ValueError without `has_enough_points`.
    """
    values, points, before = np.asarray(values, float), np.asarray(points), np.asarray(before)
    if not has_enough_points(points, before).all():
        raise ValueError(f"fewer than {FEWEST_ON_A_SIDE} points on a side")
    starts = np.cumsum(points) - points
    batches = list(_batches(points))
    parts = [
        _fitted(values[starts[chosen][:, None] + np.arange(points[chosen].max(initial=0))], before[chosen])
        for chosen in batches
    ]
    back = np.argsort(np.concatenate(batches))
    names = [field.name for field in fields(Interruptions)]
    return Interruptions(
        **{name: np.concatenate([getattr(part, name) for part in parts])[back] for name in names}
    )


def _batches(points: np.ndarray) -> Iterator[np.ndarray]:
    """Series of one length, of so many points at once: a sum then does not depend on what else is computed.
    One empty batch where there is no series."""
    if not len(points):
        yield np.arange(0)
    for length in np.unique(points):
        alike = np.flatnonzero(points == length)
        yield from np.array_split(alike, 1 + len(alike) * length // POINTS_AT_ONCE)


@dataclass(frozen=True)
class _Side:
    """A line through the points of one side: `middle` of its times, `level` there, `slope`, and the sums of
    squares of times and residuals. Arrays over the series; `is_in` and `time` (from the middle) over series
    x time."""

    is_in: np.ndarray
    time: np.ndarray
    points: np.ndarray
    middle: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    spread: np.ndarray
    residuals: np.ndarray

    def at(self, time: np.ndarray) -> np.ndarray:
        """The line at a time."""
        return self.level + self.slope * (time - self.middle)

    @property
    def left(self) -> np.ndarray:
        """Sum of squared residuals."""
        return (self.residuals**2).sum(axis=1)


def _side(values: np.ndarray, is_in: np.ndarray, first: np.ndarray) -> _Side:
    points = is_in.sum(axis=1)
    middle = first + (points - 1) / 2
    time = np.where(is_in, np.arange(values.shape[1]) - middle[:, None], 0.0)
    level = np.where(is_in, values, 0.0).sum(axis=1) / points
    centred = np.where(is_in, values - level[:, None], 0.0)
    spread = (time**2).sum(axis=1)
    slope = (time * centred).sum(axis=1) / spread
    return _Side(is_in, time, points, middle, level, slope, spread, centred - slope[:, None] * time)


def _fitted(values: np.ndarray, at: np.ndarray) -> Interruptions:
    """`values`: series x time; `at`: where each changes."""
    from scipy.special import stdtrit

    points = np.full(len(at), values.shape[1])
    is_before = np.arange(values.shape[1]) < at[:, None]
    before, after = _side(values, is_before, np.zeros(len(at))), _side(values, ~is_before, at)
    lags = np.maximum(1, (4 * (points / 100) ** (2 / 9)).astype(int))
    covariance = _newey_west(before, after, points, lags)
    quantile = stdtrit(points - COEFFICIENTS, (1 + CONFIDENCE) / 2)

    def change(weights: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        contrast = np.stack(weights, axis=1)
        parameters = np.stack([before.level, before.slope, after.level, after.slope], axis=1)
        value = (contrast * parameters).sum(axis=1)
        variance = np.einsum("sk,skm,sm->s", contrast, covariance, contrast)
        half = quantile * np.sqrt(np.maximum(variance, 0))
        return value, value - half, value + half

    def difference_at(time: np.ndarray) -> list[np.ndarray]:
        one = np.ones(len(at))
        return [-one, before.middle - time, one, time - after.middle]

    none, one = np.zeros(len(at)), np.ones(len(at))
    horizon = np.minimum(at, points - at) - 1
    level, slope = change(difference_at(at)), change([none, -one, none, one])
    effect = change(difference_at(at + horizon))
    residuals = before.residuals + after.residuals
    autocorrelation = _over((residuals[:, 1:] * residuals[:, :-1]).sum(axis=1), (residuals**2).sum(axis=1))
    normal = _normality_p_value(residuals, points)
    return Interruptions(
        points_before=at,
        points_after=points - at,
        slope_before=before.slope,
        level_change=level[0],
        level_change_lower=level[1],
        level_change_upper=level[2],
        slope_change=slope[0],
        slope_change_lower=slope[1],
        slope_change_upper=slope[2],
        effect_after=horizon + 1,
        effect=effect[0],
        effect_lower=effect[1],
        effect_upper=effect[2],
        expected_without_change=before.at(at + horizon),
        lags=lags,
        autocorrelation=autocorrelation,
        residuals_p_value=normal,
        assumptions_failed=_failed(values, points, before, after, autocorrelation, normal),
    )


def _newey_west(before: _Side, after: _Side, points: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Covariance of level and slope before and level and slope after: series x 4 x 4 (Newey and West 1987,
    with Bartlett's weights). Times counted from the middle of their side make the regressors orthogonal."""
    residuals = before.residuals + after.residuals
    columns = [before.is_in, before.time, after.is_in, after.time]
    scores = np.stack([column * residuals for column in columns], axis=2)
    turned = scores.transpose(0, 2, 1)
    meat = turned @ scores
    for lag in range(1, int(lags.max(initial=0)) + 1):
        weight = np.maximum(0.0, 1 - lag / (lags + 1))
        lagged = turned[:, :, lag:] @ scores[:, :-lag]
        meat += weight[:, None, None] * (lagged + lagged.transpose(0, 2, 1))
    squares = np.stack([before.points, before.spread, after.points, after.spread], axis=1)
    small = points / (points - COEFFICIENTS)
    return small[:, None, None] * meat / (squares[:, :, None] * squares[:, None, :])


def _over(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part` / `whole`; 0 where there is no whole."""
    return np.divide(part, whole, out=np.zeros_like(part, float), where=whole > 0)


def _normality_p_value(residuals: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Of normal residuals, by Jarque and Bera (1980); 1 where nothing is left."""
    from scipy.special import chdtrc

    squares = residuals * residuals
    second, third, fourth = (
        power.sum(axis=1) / points for power in (squares, squares * residuals, squares * squares)
    )
    skewness, kurtosis = _over(third, second**1.5), _over(fourth, second**2)
    statistic = points / 6 * (skewness**2 + (kurtosis - 3) ** 2 / 4)
    return np.where(second > 0, chdtrc(2, statistic), 1.0)


def _failed(
    values: np.ndarray,
    points: np.ndarray,
    before: _Side,
    after: _Side,
    autocorrelation: np.ndarray,
    normal: np.ndarray,
) -> np.ndarray:
    """Assumptions that each series breaks, in words: what is rarer than one in a hundred when they hold."""
    failed = {
        "residuals depend on the point before": np.abs(autocorrelation) > 2.58 / np.sqrt(points),
        "residuals are far from normal": normal < SIGNIFICANT,
        "scatter differs between before and after": _scatter_p_value(before, after) < SIGNIFICANT,
        "most points have the same value": _largest_share(values, points) > LARGEST_SHARE_AT_ONE_VALUE,
        "the line before the change is not straight": _bend_p_value(before) < SIGNIFICANT,
    }
    names = list(failed)
    broken = np.stack(list(failed.values()), axis=1)
    words = [
        "; ".join(name for name, is_broken in zip(names, row, strict=True) if is_broken) for row in broken
    ]
    return np.array([word or None for word in words], dtype=object)


def _scatter_p_value(before: _Side, after: _Side) -> np.ndarray:
    """Of residuals varying alike before and after the change: F test, two-sided; 1 where a side has none."""
    from scipy.special import fdtr

    half = COEFFICIENTS // 2
    free, other_free = after.points - half, before.points - half
    one, other = after.left / free, before.left / other_free
    tail = fdtr(free, other_free, _over(one, other))
    return np.where((one > 0) & (other > 0), 2 * np.minimum(tail, 1 - tail), 1.0)


def _largest_share(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Share of the points that have the middle value, which is the commonest if more than half have it."""
    middle = np.sort(values, axis=1)[np.arange(len(points)), points // 2]
    return (values == middle[:, None]).sum(axis=1) / points


def _bend_p_value(before: _Side) -> np.ndarray:
    """Of a curve describing the points before the change no better than a line: F test of the square of time,
    which is orthogonal to the line when its mean is taken off."""
    from scipy.special import fdtrc

    bend = np.where(before.is_in, before.time**2 - (before.spread / before.points)[:, None], 0.0)
    gained = (bend * before.residuals).sum(axis=1) ** 2 / (bend**2).sum(axis=1)
    left, free = before.left - gained, before.points - 3
    statistic = _over(gained, left / free)
    return np.where(left > 0, fdtrc(1, free, np.maximum(statistic, 0)), 1.0)
