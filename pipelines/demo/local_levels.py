"""The same measure in another place: usual levels differ between wards and organisations."""

from dataclasses import replace

import numpy as np

from pipelines.demo.topics import MeasureSpec

LEVEL_SPREAD = 0.10
LOG_ODDS_SPREAD = 0.15
SIZE_SPREAD = 0.25


def adjusted(rng: np.random.Generator, spec: MeasureSpec) -> MeasureSpec:
    """The measure with the base, aim and size of another place; base and aim move together."""
    size = spec.size * float(rng.lognormal(0.0, SIZE_SPREAD))
    if spec.kind == "proportion":
        shift = float(rng.normal(0.0, LOG_ODDS_SPREAD))
        base, aim = (_rounded(shifted(level, shift)) for level in (spec.base, spec.aim))
    else:
        factor = float(rng.lognormal(0.0, LEVEL_SPREAD))
        base, aim = (_rounded(level * factor) for level in (spec.base, spec.aim))
    return replace(spec, base=base, aim=aim, size=size)


def shifted(percentage: float, log_odds: float) -> float:
    """A percentage moved by `log_odds`."""
    odds = percentage / (100 - percentage) * np.exp(log_odds)
    return float(100 * odds / (1 + odds))


def _rounded(level: float) -> float:
    return round(level, 1 if level < 20 else 0)
