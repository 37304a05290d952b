"""How often the intervals of metrics hold what the demo organisation plants, over many seeds.

python -m tests.recovery        200 seeds of every effect (minutes)
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from pipelines.demo import culture_parameters as culture
from pipelines.demo import parameters as planted
from pipelines.demo.benefits import benefits
from pipelines.demo.board_measures import BOARD_MEASURES
from pipelines.demo.maturity import LEVELS, maturity_assessments
from pipelines.demo.organisation import make_units
from pipelines.demo.projects import Project, make_projects
from pipelines.demo.readings import draw_quintiles
from pipelines.demo.series import STRATA
from pipelines.demo.timeline import make_timeline
from pipelines.metrics.comparisons import involvement
from pipelines.metrics.culture import displaced, gains
from pipelines.metrics.equity import slope_index
from pipelines.metrics.places import equity

TIMELINE = make_timeline(date(2026, 11, 21), 6)
LAST = TIMELINE.end
PROJECTS = 500
LANDMARK = timedelta(days=90)
YEARS = 4
COVERAGE = 0.95

Found = tuple[float, float, float]
"""The planted truth, and the lower and upper end of the interval."""


def fewest_hits(seeds: int) -> int:
    """Fewer are rarer than one in a thousand at the stated coverage."""
    return int(binom.ppf(0.001, seeds, COVERAGE))


def hits(found: Iterable[Found]) -> int:
    """How many intervals hold the truth."""
    return sum(lower <= truth <= upper for truth, lower, upper in found)


@lru_cache(maxsize=256)
def _projects(seed: int) -> list[Project]:
    return make_projects(seed, TIMELINE, make_units(seed), PROJECTS)


def _at_landmark(project: Project) -> str:
    """The involvement that the register shows for the landmark: none where it was recorded anew after it."""
    renamed_on = project.involvement.renamed_on
    return "none" if renamed_on and renamed_on <= LAST else project.involvement.level


def risk_ratio(seeds: Iterable[int]) -> Iterator[Found]:
    """Success with service users as full partners against others, within types of organisation (O03).

    The planted ratio of 2.2 is against no involvement, among projects that nobody abandons; the truth here is
    against all others, with their shares of abandoned projects.
    """
    lost = planted.WITHDRAWN_SHARE + planted.OPEN_ENDED_SHARE
    kept = {level: 1 - share - lost for level, share in planted.ABANDONED_SHARE.items()}
    chances = {level: ratio * kept[level] for level, ratio in planted.INVOLVEMENT_RISK_RATIO.items()}
    others = [
        (shares["none"] * chances["none"] + shares["little_i"] * chances["little_i"])
        / (shares["none"] + shares["little_i"])
        for shares in planted.INVOLVEMENT_SHARE.values()
    ]
    truth = chances["big_i"] / float(np.mean(others))
    for seed in seeds:
        rows = [
            {
                "organisation_code": None,
                "layer": project.unit.organisation.type,
                "involvement": _at_landmark(project),
                "period_start": None,
                "period_end": LAST,
                "projects": 1,
                "successes": int(project.course.ends_on is not None and project.result.outcome == "met"),
            }
            for project in _projects(seed)
            if project.course.due_on <= LAST
            and (project.course.ends_on or LAST) >= project.course.chartered_on + LANDMARK
        ]
        found = involvement(pd.DataFrame(rows)).set_index(["metric_id", "stratum"])
        row: Any = found.loc[("O03", "big_i against others, within layers")]
        yield truth, float(row["lower"]), float(row["upper"])


def maturity_gain(seeds: Iterable[int]) -> Iterator[Found]:
    """Gain of the levels of one organisation's items from one assessment to the next (M34)."""
    ranks = {level: rank for rank, level in enumerate(LEVELS, start=1)}
    for seed in seeds:
        items = pd.DataFrame([one.row for one in maturity_assessments(seed, LAST)])
        items["level_rank"] = items["level"].map(ranks)
        found = gains(items[items["organisation_code"] == "ZZB"])
        row = found[found["stratum"] == "all"].iloc[-1]
        yield culture.MATURITY_GAIN, float(row["lower"]), float(row["upper"])


def displaced_benefit(seeds: Iterable[int]) -> Iterator[Found]:
    """Share of the forecast benefit that falls to another than the one who pays (O12)."""
    for seed in seeds:
        lines = pd.DataFrame([one.row for one in benefits(seed, LAST, _projects(seed), [])])
        lines = lines[lines["stage"] == "forecast"]
        found = displaced(
            lines.assign(
                organisation_code=None,
                period_start=None,
                period_end=LAST,
                amount=(lines["amount_low"].astype(float) + lines["amount_high"].astype(float)).abs() / 2,
                is_displaced=lines["receiver_organisation_code"] != lines["payer_organisation_code"],
            )
        ).iloc[0]
        yield culture.DISPLACED_SHARE, float(found["lower"]), float(found["upper"])


def narrowing_gap(seeds: Iterable[int]) -> Iterator[Found]:
    """Change of the slope index of inequality of the measure whose gap narrows, first to last year (O21)."""
    (kept,) = (one for one in BOARD_MEASURES if one.measure_id == culture.NARROWING_MEASURE_ID)
    months = 12 * YEARS
    level, gap = np.full(months, kept.spec.base), np.linspace(1.0, culture.EQUITY_GAP_LEFT, months)
    rows, names = [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        names.append(f"seed {seed}")
        groups = draw_quintiles(rng, kept.spec, level, kept.spec.size, gap)[1:]
        for stratum, readings in zip(STRATA[1:], groups, strict=True):
            counts = (part.reshape(YEARS, 12).sum(axis=1) for part in readings.parts())
            for year, (events, people) in enumerate(zip(*counts, strict=True)):
                rows.append(
                    {
                        "organisation_code": names[-1],
                        "measure_id": kept.measure_id,
                        "period_start": pd.Timestamp(2022 + year, 4, 1),
                        "period_end": pd.Timestamp(2023 + year, 3, 31),
                        "is_complete": True,
                        "stratum": stratum,
                        "numerator": float(events),
                        "denominator": float(people),
                    }
                )
    found = equity(pd.DataFrame(rows))
    changes = found[(found["metric_id"] == "O21") & found["stratum"].str.startswith("change")]
    changes = changes.set_index("organisation_code")
    odds = kept.spec.base / (100 - kept.spec.base)
    step = np.exp(planted.DEPRIVATION_LOG_ODDS * (2 - np.arange(5))[:, None] * gap)
    share = (odds * step / (1 + odds * step)).reshape(5, YEARS, 12).mean(axis=2).T
    people = np.tile(planted.QUINTILE_WEIGHTS, (YEARS, 1)) * 1e6
    truth = slope_index(share * people, people)[0]
    for name in names:
        change: Any = changes.loc[name]
        yield float(truth[-1] - truth[0]), float(change["lower"]), float(change["upper"])


EFFECTS = (risk_ratio, maturity_gain, displaced_benefit, narrowing_gap)


def main() -> None:
    """Print how many of 200 intervals hold the truth."""
    seeds = range(200)
    for effect in EFFECTS:
        held, wanted = hits(effect(seeds)), fewest_hits(len(seeds))
        print(f"{effect.__name__:<20}{held} of {len(seeds)}, at least {wanted} wanted", flush=True)


if __name__ == "__main__":
    main()
