"""Two groups compared: ratios and differences of shares, crude and within strata, with their intervals.

Belongs here: the arithmetic of 2 x 2 tables. Nothing here says that one thing causes another.

A table is (events and number of the exposed, events and number of the others). What takes a `Table` of arrays
gives arrays: one estimate for each table.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.metrics.intervals import CONFIDENCE

FEWEST_EXPECTED = 5

Numbers = Any
"""A number, or an array with one for each table."""


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95% interval, how it was found, and the p value of no association.

    `homogeneity_p_value`: of the odds ratio being the same in all strata; None without strata.
    """

    value: Numbers
    lower: Numbers
    upper: Numbers
    method: str | np.ndarray
    p_value: Numbers = None
    homogeneity_p_value: float | None = None


@dataclass(frozen=True)
class Table:
    """Events among the exposed and among the others; numbers, or arrays over tables."""

    exposed_events: Numbers
    exposed: Numbers
    other_events: Numbers
    others: Numbers

    @property
    def cells(self) -> np.ndarray:
        return np.array(
            [
                [self.exposed_events, self.exposed - self.exposed_events],
                [self.other_events, self.others - self.other_events],
            ]
        )

    @property
    def is_sparse(self) -> Any:
        """Whether an expected count is below five, so that large-sample methods do not hold."""
        cells = self.cells
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = (
                cells.sum(axis=1, keepdims=True) * cells.sum(axis=0, keepdims=True) / cells.sum(axis=(0, 1))
            )
        return (expected < FEWEST_EXPECTED).any(axis=(0, 1))


def is_comparable(table: Table) -> Any:
    """Whether both groups have members and somebody had the event."""
    return (
        (np.asarray(table.exposed) > 0)
        & (np.asarray(table.others) > 0)
        & (np.asarray(table.exposed_events) + table.other_events > 0)
    )


def p_value(table: Table) -> Any:
    """Of no association: Fisher's exact test when an expected count is below five, else Pearson's
    chi-squared, whose statistic of a 2 x 2 table is written out because scipy's general one takes a
    millisecond."""
    from scipy.special import chdtrc
    from scipy.stats import fisher_exact

    cells = table.cells
    rows, columns = cells.sum(axis=1), cells.sum(axis=0)
    cross = cells[0, 0] * cells[1, 1] - cells[0, 1] * cells[1, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = cells.sum(axis=(0, 1)) * cross**2 / (rows.prod(axis=0) * columns.prod(axis=0))
    found = np.array(chdtrc(1, statistic))
    is_empty = (columns == 0).any(axis=0)
    for at in np.argwhere(table.is_sparse & ~is_empty):
        exact: Any = fisher_exact(cells[:, :, *at])
        found[*at] = exact.pvalue
    return np.where(is_empty, 1.0, found)[()]


def risk_ratio(table: Table) -> Estimate:
    """Risk ratio with Katz's log interval (Katz 1978); half a case is added when a group has no event."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    events, exposed, other_events, others = (
        np.asarray(each, float)
        for each in (table.exposed_events, table.exposed, table.other_events, table.others)
    )
    is_empty = (events == 0) | (other_events == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain, adjusted = (
            confint_proportions_2indep(
                events, exposed, other_events, others, compare="ratio", method=method, alpha=1 - CONFIDENCE
            )
            for method in ("log", "log-adjusted")
        )
    lower, upper = np.where(is_empty, adjusted, plain)
    half = np.where(is_empty, 0.5, 0.0)
    value = ((events + half) / (exposed + half)) / ((other_events + half) / (others + half))
    return Estimate(value, lower, upper, np.where(is_empty, "katz_plus_half", "katz")[()], p_value(table))


def odds_ratio(table: Table) -> Estimate:
    """Odds ratio of a single table with Woolf's log interval, half a case in every cell when one is empty
    (Haldane and Anscombe).

    With an expected count below five: the conditional estimate with its exact interval, as Fisher's test.
    """
    from scipy.stats.contingency import odds_ratio as conditional
    from statsmodels.stats.contingency_tables import Table2x2

    if table.is_sparse:
        found = conditional(table.cells.astype(int), kind="conditional")
        lower, upper = found.confidence_interval(CONFIDENCE)
        return Estimate(float(found.statistic), float(lower), float(upper), "fisher_exact", p_value(table))
    is_empty = (table.cells == 0).any()
    fit: Any = Table2x2(table.cells, shift_zeros=True)
    lower, upper = fit.oddsratio_confint(1 - CONFIDENCE)
    method = "woolf_plus_half" if is_empty else "woolf"
    return Estimate(float(fit.oddsratio), float(lower), float(upper), method, p_value(table))


def risk_difference(table: Table) -> Estimate:
    """Difference of two shares with Newcombe's hybrid score interval (Newcombe 1998, method 10)."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    lower, upper = confint_proportions_2indep(
        table.exposed_events,
        table.exposed,
        table.other_events,
        table.others,
        compare="diff",
        method="newcomb",
        alpha=1 - CONFIDENCE,
    )
    value = table.exposed_events / table.exposed - table.other_events / table.others
    return Estimate(value, lower, upper, "newcombe", p_value(table))


def informative(tables: list[Table]) -> list[Table]:
    """Strata that say something: both groups there."""
    return [table for table in tables if table.exposed > 0 and table.others > 0]


def stratified_odds_ratio(tables: list[Table]) -> Estimate:
    """Mantel and Haenszel's odds ratio within strata, interval by Robins, Breslow and Greenland, with Breslow
    and Day's test of homogeneity in Tarone's form; all by statsmodels. `tables`: informative ones."""
    from statsmodels.stats.contingency_tables import StratifiedTable

    fit: Any = StratifiedTable([table.cells for table in tables])
    with np.errstate(divide="ignore", invalid="ignore"):
        lower, upper = fit.oddsratio_pooled_confint(1 - CONFIDENCE)
        homogeneity = fit.test_equal_odds(adjust=True).pvalue if len(tables) > 1 else None
    null = fit.test_null_odds(correction=False)
    return Estimate(
        float(fit.oddsratio_pooled),
        float(lower),
        float(upper),
        "mantel_haenszel",
        float(null.pvalue),
        homogeneity,
    )


def stratified_risk_ratio(tables: list[Table]) -> Estimate:
    """Mantel and Haenszel's risk ratio within strata, with Greenland and Robins' interval (Biometrics 1985).

    No package that we use has it: Rothman, Modern Epidemiology, 3rd edition, page 275. `tables`: informative
    ones.
    """
    from scipy.stats import norm

    one = np.array(
        [[table.exposed_events, table.exposed, table.other_events, table.others] for table in tables]
    )
    events, exposed, other_events, others = one.T
    total = exposed + others
    above, below = (events * others / total).sum(), (other_events * exposed / total).sum()
    if above == 0 or below == 0:
        return Estimate(np.nan, np.nan, np.nan, "mantel_haenszel")
    all_events = events + other_events
    variance = ((exposed * others * all_events - events * other_events * total) / total**2).sum() / (
        above * below
    )
    margin = norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(variance)
    odds = stratified_odds_ratio(tables)
    value = above / below
    return Estimate(
        float(value),
        float(value * np.exp(-margin)),
        float(value * np.exp(margin)),
        "mantel_haenszel",
        odds.p_value,
        odds.homogeneity_p_value,
    )


def odds_ratio_as_risk_ratio(table: Table) -> Estimate:
    """The risk ratio that the odds ratio of a table amounts to, with its interval turned in the same way."""
    found = odds_ratio(table)
    base_rate = table.other_events / table.others
    value, lower, upper = (
        odds_to_risk_ratio(odds, base_rate) for odds in (found.value, found.lower, found.upper)
    )
    return Estimate(value, lower, upper, f"zhang_yu_of_{found.method}", found.p_value)


def odds_to_risk_ratio(odds: float, base_rate: float) -> float:
    """The risk ratio that an odds ratio amounts to, when `base_rate` of the others have the event (Zhang and
    Yu, JAMA 1998)."""
    if np.isinf(odds):
        return 1 / base_rate if base_rate > 0 else np.inf
    return odds / (1 - base_rate + base_rate * odds)
