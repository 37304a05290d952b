"""Drawing what was counted: readings that scatter around a true level as such data do.

Belongs here: chance. Does not belong here: what the true level is (`levels.py`).
Every function takes the level in the unit of measure, one number a period, and gives as many readings.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.demo.parameters import DEPRIVATION_LOG_ODDS, QUINTILE_WEIGHTS
from pipelines.demo.topics import MeasureSpec

AUTOCORRELATION = 0.15
DELAY_SHARE = 0.03
"""Of the cases of a period: the share that is still missing when provisional figures are published."""


@dataclass(frozen=True)
class Readings:
    """What was counted, one number a period; null where the kind of measure has no such part."""

    value: np.ndarray | None = None
    numerator: np.ndarray | None = None
    denominator: np.ndarray | None = None
    subgroup_size: np.ndarray | None = None
    subgroup_mean: np.ndarray | None = None
    subgroup_sd: np.ndarray | None = None

    def __getitem__(self, chosen: np.ndarray) -> "Readings":
        parts = {name: part[chosen] for name, part in vars(self).items() if part is not None}
        return Readings(**parts)

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Numerator and denominator of a ratio; a ValueError when this is none."""
        if self.numerator is None or self.denominator is None:
            raise ValueError("only proportions and rates have a numerator and a denominator")
        return self.numerator, self.denominator


def draw(rng: np.random.Generator, spec: MeasureSpec, level: np.ndarray, size: float) -> Readings:
    """Readings of a measure of any kind but days between events."""
    match spec.kind:
        case "proportion":
            return _proportion(rng, spec, level, rng.poisson(size, len(level)))
        case "rate":
            return _rate(rng, spec, level, _exposure(rng, size, len(level)))
        case "count":
            return Readings(value=rng.poisson(level * _scatter(rng, spec.spread, len(level))).astype(float))
        case "measurement":
            return Readings(
                value=np.round(np.maximum(level * _drifting(rng, spec.spread, len(level)), 0.1), 1)
            )
        case "subgroup":
            return _subgroup(rng, spec, level, size)
    raise ValueError(f"no readings for a measure of the kind {spec.kind}")


def draw_quintiles(
    rng: np.random.Generator, spec: MeasureSpec, level: np.ndarray, size: float, gap: np.ndarray
) -> list[Readings]:
    """Readings of `all` and then of each deprivation quintile, most deprived first; `all` is their sum.

    `gap`: 1 where the planted difference between quintiles is whole, 0 where there is none.
    """
    worse = 1.0 if spec.direction == "decrease" else -1.0
    groups = []
    for place, weight in enumerate(QUINTILE_WEIGHTS):
        step = np.exp(worse * DEPRIVATION_LOG_ODDS * (2 - place) * gap)
        if spec.kind == "proportion":
            odds = level / (100 - level) * step
            readings = _proportion(rng, spec, 100 * odds / (1 + odds), rng.poisson(size * weight, len(level)))
        else:
            readings = _rate(rng, spec, level * step, _exposure(rng, size * weight, len(level)))
        groups.append(readings)
    return [total(groups), *groups]


def total(groups: list[Readings]) -> Readings:
    """The sum of numerators and denominators."""
    parts = [group.parts() for group in groups]
    return Readings(
        numerator=np.sum([numerator for numerator, _ in parts], axis=0),
        denominator=np.sum([denominator for _, denominator in parts], axis=0),
    )


def provisional(rng: np.random.Generator, final: Readings) -> Readings:
    """The same ratio before late records came in; numerator and denominator are never larger."""
    numerator, denominator = final.parts()
    seen = rng.binomial(numerator, 1 - DELAY_SHARE)
    return replace(
        final, numerator=seen, denominator=seen + rng.binomial(denominator - numerator, 1 - DELAY_SHARE)
    )


def event_days(rng: np.random.Generator, mean_days: np.ndarray, first_day: int) -> np.ndarray:
    """Days (since 1970-01-01) of rare events. `mean_days`: mean gap for each day from `first_day` on."""
    days, day = [], 0
    while True:
        gap = rng.exponential(mean_days[day])
        day += max(1, round(gap))
        if day >= len(mean_days):
            return np.array(days, dtype=np.int64) + first_day
        days.append(day)


def _proportion(
    rng: np.random.Generator, spec: MeasureSpec, level: np.ndarray, cases: np.ndarray
) -> Readings:
    level = np.clip(level, 0.2, 99.5)
    denominator = np.maximum(cases, 1)
    odds = level / (100 - level) * _scatter(rng, spec.spread, len(level))
    return Readings(numerator=rng.binomial(denominator, odds / (1 + odds)), denominator=denominator)


def _rate(rng: np.random.Generator, spec: MeasureSpec, level: np.ndarray, exposure: np.ndarray) -> Readings:
    expected = level * exposure / spec.multiplier * _scatter(rng, spec.spread, len(level))
    return Readings(numerator=np.minimum(rng.poisson(expected), exposure), denominator=exposure)


def _subgroup(rng: np.random.Generator, spec: MeasureSpec, level: np.ndarray, size: float) -> Readings:
    cases = np.maximum(rng.poisson(size, len(level)), 4)
    mean = level * _scatter(rng, 0.02, len(level)) + rng.normal(0.0, 1.0, len(level)) * spec.spread / np.sqrt(
        cases
    )
    deviation = spec.spread * np.sqrt(rng.chisquare(cases - 1) / (cases - 1))
    return Readings(
        subgroup_size=cases,
        subgroup_mean=np.round(np.maximum(mean, 0.1), 2),
        subgroup_sd=np.round(deviation, 2),
    )


def _exposure(rng: np.random.Generator, size: float, length: int) -> np.ndarray:
    return np.maximum(np.round(size * rng.normal(1.0, 0.04, length)), 1).astype(np.int64)


def _scatter(rng: np.random.Generator, spread: float, length: int) -> np.ndarray:
    return rng.lognormal(0.0, spread, length)


def _drifting(rng: np.random.Generator, spread: float, length: int) -> np.ndarray:
    """Scatter in which a period is a little like the one before."""
    noise = rng.normal(0.0, spread, length)
    noise[1:] += AUTOCORRELATION * noise[:-1]
    return np.exp(noise)
