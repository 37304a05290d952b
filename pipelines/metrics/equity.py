"""How unequally an outcome falls on people from the most to the least deprived fifth.

Belongs here: gaps and slopes over five groups. Vectorised over many tables of five, because every measure and
year has one; held against statsmodels' weighted least squares in the tests.
"""

import numpy as np

from pipelines.metrics.intervals import CONFIDENCE

GROUPS = 5


def slope_index(events: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope index of inequality and its standard error.

    `events`, `people`: tables x groups, the most deprived group first. The index is the difference in the
    share with the event between the two ends of society: the slope of a regression of the groups' shares,
    weighted by people, on the middle of each group's span of the population ranked from least to most
    deprived (Mackenbach and Kunst 1997). Positive: more events among the deprived. The error is that of
    binomial shares through the same weights. NaN where a group is missing.
    """
    events, people = np.asarray(events, float), np.asarray(people, float)
    weight, _ = _weights(people)
    return (weight * events / people).sum(axis=1), np.sqrt(
        (weight**2 * _variance(events, people)).sum(axis=1)
    )


def dispersion(events: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Scatter of the groups' shares round the line of `slope_index`, over what chance gives: mean of the
    squared residuals in binomial variances, one number a table; 1 when only chance is at work."""
    events, people = np.asarray(events, float), np.asarray(people, float)
    weight, centred = _weights(people)
    share, share_of_people = events / people, people / people.sum(axis=1, keepdims=True)
    slope = (weight * share).sum(axis=1, keepdims=True)
    level = (share_of_people * share).sum(axis=1, keepdims=True)
    left = share - level - slope * centred
    return (left**2 / _variance(events, people)).sum(axis=1) / (GROUPS - 2)


def _weights(people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each group's share counts for in the slope, and its rank from the mean rank."""
    share_of_people = people / people.sum(axis=1, keepdims=True)
    # Rank 1 is the most deprived end.
    rank = 1 - (np.cumsum(share_of_people, axis=1) - share_of_people / 2)
    centred = rank - (share_of_people * rank).sum(axis=1, keepdims=True)
    return share_of_people * centred / (share_of_people * centred**2).sum(axis=1, keepdims=True), centred


def _variance(events: np.ndarray, people: np.ndarray) -> np.ndarray:
    smoothed = (events + 0.5) / (people + 1)
    return smoothed * (1 - smoothed) / people


def margin(standard_error: np.ndarray) -> np.ndarray:
    """Half the width of a normal 95% interval."""
    from scipy.stats import norm

    return norm.ppf((1 + CONFIDENCE) / 2) * standard_error
