"""Random streams that do not disturb each other: each is named by what it is for."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The random stream of one thing, for instance `stream(seed, "project", 17)`.

    A part that draws more or fewer numbers changes nothing in any other part.
    """
    return np.random.default_rng([seed, zlib.crc32("/".join(str(name) for name in names).encode())])


def pick(rng: np.random.Generator, shares: Mapping[Item, float]) -> Item:
    """One key of `shares`, with the chance its value gives (values are scaled to a sum of 1)."""
    return choose(rng, list(shares), list(shares.values()))


def choose(rng: np.random.Generator, items: Sequence[Item], weights: Sequence[float] | None = None) -> Item:
    """One of `items`; equally likely without `weights`."""
    if weights is None:
        return items[int(rng.integers(len(items)))]
    reached = np.cumsum(weights)
    return items[int(np.searchsorted(reached, rng.random() * reached[-1], side="right"))]


def chance(rng: np.random.Generator, share: float) -> bool:
    """True with the probability `share`."""
    return bool(rng.random() < share)


def days_after(rng: np.random.Generator, day: date, fewest: int, most: int) -> date:
    """A day from `fewest` to `most` days after `day`, both included."""
    return day + timedelta(days=int(rng.integers(fewest, most + 1)))
