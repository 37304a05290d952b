"""Constants of control charts as dbt seeds, made by code and never typed.

Belongs here: c4 by subgroup size, and the fewest crossings that chance explains. Does not belong here: any
number of a rule, which stands in the seed `dim_rule_set`.
"""

import math
from pathlib import Path

import pandas as pd
from scipy.special import gammaln
from scipy.stats import binom

from pipelines.settings import DBT_PROJECT

SEEDS = DBT_PROJECT / "seeds" / "spc"
LARGEST_SUBGROUP = 1000
MOST_USEFUL_POINTS = 4000
CROSSINGS_PROBABILITY = 0.05


def c4(size: int) -> float:
    """Expected standard deviation of `size` normal observations over the true one (Montgomery 2009, app. VI).

    Raises ValueError for a subgroup of fewer than 2, which has no standard deviation.
    """
    if size < 2:
        raise ValueError(f"a subgroup of {size} has no standard deviation")
    return math.sqrt(2 / (size - 1)) * math.exp(gammaln(size / 2) - gammaln((size - 1) / 2))


def fewest_crossings(useful_points: int) -> int:
    """Fewest crossings of the centre line that chance explains (Anhoej & Olesen 2014): the 5% quantile of a
    binomial distribution with one trial fewer than useful points and probability a half."""
    return int(binom.ppf(CROSSINGS_PROBABILITY, max(useful_points - 1, 0), 0.5))


def subgroup_constants() -> pd.DataFrame:
    """One row a subgroup size from 2: subgroup_size, c4."""
    sizes = range(2, LARGEST_SUBGROUP + 1)
    return pd.DataFrame({"subgroup_size": list(sizes), "c4": [c4(size) for size in sizes]})


def crossings_limits() -> pd.DataFrame:
    """One row a number of useful points from 1: useful_points, crossings_probability, crossings_limit."""
    useful = range(1, MOST_USEFUL_POINTS + 1)
    return pd.DataFrame(
        {
            "useful_points": list(useful),
            "crossings_probability": CROSSINGS_PROBABILITY,
            "crossings_limit": [fewest_crossings(points) for points in useful],
        }
    )


def write_seeds(folder: Path = SEEDS) -> None:
    subgroup_constants().to_csv(folder / "subgroup_constant.csv", index=False)
    crossings_limits().to_csv(folder / "crossings_limit.csv", index=False)


if __name__ == "__main__":
    write_seeds()
