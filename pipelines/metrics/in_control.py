"""How often chance alone makes a chart signal: a seeded simulation of series that are in control.

Belongs here: simulating, and the table that the mart compares its signals with. Does not belong here: rules,
limits, strengths; each has its file.

    qi simulate                 writes dbt_project/seeds/spc/spc_in_control_rate.csv (minutes)

Every series is simulated independent from point to point, in one phase, limits estimated from its own points
as the chart does it. Autocorrelated or seasonal data signal more often than this says.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.lake.durable import move_into_place
from pipelines.metrics.charts import DRAW, Charted, charted
from pipelines.metrics.signals import Rules, has_runs_signal, point_signals
from pipelines.metrics.strength import strength_at_end
from pipelines.settings import DBT_PROJECT

RATES = DBT_PROJECT / "seeds" / "spc" / "spc_in_control_rate.csv"
SEED = 20261125
SERIES = 20_000
LENGTHS = (5, 8, 10, 13, 16, 20, 24, 30, 40, 60, 90, 120, 240)
STRENGTHS = (1.5, 2.0, 2.5, 3.0, 3.5, 4.5, 6.0)
CHUNK = 2_000


@dataclass(frozen=True)
class InControlRate:
    """One rule set, chart and length: shares of simulated in-control series, with standard errors.

    `any_point_rate`: a signal at any point, or of the phase. `end_rate`: one at the last point, which is
    what the variation icon shows, or of the phase. `strength_*_rate`: such a one at least that strong;
    (hits + 1) / (series + 1), so that it is never 0 and a p-value made of it never too small.
    """

    rule_set_id: str
    chart_type: str
    points: int
    any_point_rate: float
    any_point_se: float
    end_rate: float
    end_se: float
    strength_1_5_rate: float
    strength_2_0_rate: float
    strength_2_5_rate: float
    strength_3_0_rate: float
    strength_3_5_rate: float
    strength_4_5_rate: float
    strength_6_0_rate: float
    series_simulated: int
    simulation_seed: int


def simulate(
    rule_sets: Sequence[Rules],
    chart_types: Sequence[str] = tuple(DRAW),
    lengths: Sequence[int] = (),
    series: int = SERIES,
    seed: int = SEED,
    progress: Callable[[str], None] = lambda line: None,
) -> Iterator[InControlRate]:
    """Rates for every rule set, chart and length (`lengths_for` when none are given).

    The same arguments give the same rates: every chart and chunk of series has a stream of its own, and a
    shorter length is the beginning of a longer one.
    """
    lengths = lengths or lengths_for(rule_sets)
    for chart_type in chart_types:
        progress(f"simulating {series:,} in-control series of chart {chart_type}")
        number = sorted(DRAW).index(chart_type)
        chunks = [min(CHUNK, series - start) for start in range(0, series, CHUNK)]
        hits: dict[tuple[str, int], np.ndarray] = {}
        for chunk, size in enumerate(chunks):
            random = np.random.default_rng([seed, number, chunk])
            drawn = DRAW[chart_type](random, max(lengths), size)
            for length in lengths:
                cache: dict[tuple[float, ...], Charted] = {}
                for rules in rule_sets:
                    counted = _hits(chart_type, drawn[:length], rules, random, cache)
                    key = (rules.rule_set_id, length)
                    hits[key] = hits.get(key, np.zeros(2 + len(STRENGTHS), dtype=int)) + counted
        for rules in rule_sets:
            for length in lengths:
                yield _rate(
                    rules.rule_set_id, chart_type, length, hits[rules.rule_set_id, length], series, seed
                )


def lengths_for(rule_sets: Sequence[Rules]) -> list[int]:
    """`LENGTHS`, and on either side of the step where a rule set begins to draw limits."""
    steps = {rules.minimum_points - before for rules in rule_sets for before in (0, 1)}
    return sorted({*LENGTHS, *(points for points in steps if points > LENGTHS[0])})


def _hits(
    chart_type: str,
    values: np.ndarray,
    rules: Rules,
    random: np.random.Generator,
    cache: dict[tuple[float, ...], Charted],
) -> np.ndarray:
    """Series with a signal anywhere, at the last point, and at each strength."""
    limits = (rules.sigma_per_moving_range, rules.screening_factor, rules.minimum_points)
    if limits not in cache:
        cache[limits] = charted(chart_type, values, rules, random)
    chart = cache[limits]
    marks = point_signals(chart.values, chart.distance, chart.side, rules)
    is_signal = has_runs_signal(chart.side) if rules.has_runs_test else np.zeros(values.shape[1], dtype=bool)
    for mark in marks.values():
        is_signal |= mark.any(axis=0)
    strength = strength_at_end(chart, rules, marks)
    by_strength = [np.count_nonzero(strength >= least) for least in STRENGTHS]
    return np.array([np.count_nonzero(is_signal), np.count_nonzero(strength > 0), *by_strength])


def _rate(
    rule_set_id: str, chart_type: str, points: int, hits: np.ndarray, series: int, seed: int
) -> InControlRate:
    anywhere, last, *by_strength = (int(count) for count in hits)
    exceedances = {
        f"strength_{least:.1f}_rate".replace(".", "_"): round((count + 1) / (series + 1), 6)
        for least, count in zip(STRENGTHS, by_strength, strict=True)
    }
    return InControlRate(
        rule_set_id=rule_set_id,
        chart_type=chart_type,
        points=points,
        any_point_rate=round(anywhere / series, 6),
        any_point_se=round(standard_error(anywhere, series), 6),
        end_rate=round(last / series, 6),
        end_se=round(standard_error(last, series), 6),
        **exceedances,
        series_simulated=series,
        simulation_seed=seed,
    )


def standard_error(hits: int, trials: int) -> float:
    """Of a share; (hits + 1) / (trials + 2) stands for it, so that it is not 0 without a hit."""
    share = (hits + 1) / (trials + 2)
    return sqrt(share * (1 - share) / trials)


def write_rates(rates: Iterator[InControlRate], path: Path) -> int:
    """Write the seed, sorted by its key; it takes the old one's place whole. Returns its rows."""
    rows = sorted(rates, key=lambda rate: (rate.rule_set_id, rate.chart_type, rate.points))
    staged = path.with_name(path.name + ".part")
    with staged.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, [field.name for field in fields(InControlRate)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(rate) for rate in rows)
    move_into_place(staged, path)
    return len(rows)


def read_rates(path: Path) -> list[InControlRate]:
    """The rates of the seed."""
    with path.open(encoding="utf-8", newline="") as handle:
        return [_parsed(row) for row in csv.DictReader(handle)]


def _parsed(row: dict[str, str]) -> InControlRate:
    typed = {field.name: field.type for field in fields(InControlRate)}
    casts = {str: str, int: int, float: float}
    values: dict[str, Any] = {name: casts[typed[name]](text) for name, text in row.items()}
    return InControlRate(**values)
