"""Success compared between groups of projects, which is association and not cause."""

from collections.abc import Callable, Iterator

import pandas as pd

from pipelines.metrics.association import (
    Estimate,
    Table,
    informative,
    is_comparable,
    odds_ratio,
    odds_ratio_as_risk_ratio,
    risk_difference,
    risk_ratio,
    stratified_odds_ratio,
    stratified_risk_ratio,
)
from pipelines.metrics.rows import shaped

PERIOD = ["period_start", "period_end"]
INVOLVEMENT = {
    "big_i against others": (("big_i",), ("little_i", "none")),
    "big_i against none": (("big_i",), ("none",)),
    "little_i against none": (("little_i",), ("none",)),
}
CRUDE: dict[str, Callable[[Table], Estimate]] = {
    "O03": risk_ratio,
    "O04": odds_ratio,
    "O05": risk_difference,
    "O26": odds_ratio_as_risk_ratio,
}
STRATIFIED = {"O03": stratified_risk_ratio, "O04": stratified_odds_ratio}


def involvement(projects: pd.DataFrame) -> pd.DataFrame:
    """Association of involvement with success: O03, O04, O05 and O26, crude and within layers.

    `projects`: organisation_code (null: all together), layer (what is held equal), involvement, projects,
    successes, period_end. A stratum "..., within layers" is Mantel and Haenszel's.
    """
    rows = []
    for name, (exposed, others) in INVOLVEMENT.items():
        for keys, tables in _tables(projects, "involvement", exposed, others):
            rows += _rows(keys, name, tables, CRUDE, STRATIFIED)
    return shaped(pd.DataFrame(rows))


def cross_organisation(projects: pd.DataFrame) -> pd.DataFrame:
    """Difference in success between projects over several organisations and those of one: O20."""
    rows = []
    for keys, tables in _tables(projects, "is_cross_organisation", (True,), (False,)):
        rows += _rows(keys, "several against one organisation", tables, {"O20": risk_difference}, {})
    return shaped(pd.DataFrame(rows))


def _tables(
    projects: pd.DataFrame, by: str, exposed: tuple, others: tuple
) -> Iterator[tuple[tuple, list[Table]]]:
    """For each organisation and period the tables of its layers."""
    keys = ["organisation_code", *PERIOD]
    sides = [
        projects[["successes", "projects"]].where(projects[by].isin(side), 0).add_prefix(prefix)
        for side, prefix in ((exposed, "exposed_"), (others, "other_"))
    ]
    counted = pd.concat([projects[[*keys, "layer"]], *sides], axis=1)
    layers = counted.groupby([*keys, "layer"], dropna=False).sum().reset_index("layer", drop=True)
    for key, group in layers.groupby(keys, dropna=False):
        yield key, [Table(*row) for row in group.to_numpy(float)]


def _rows(keys: tuple, name: str, tables: list[Table], crude: dict, stratified: dict) -> Iterator[dict]:
    place = dict(zip(["organisation_code", *PERIOD], keys, strict=True))
    counts = [(table.exposed_events, table.exposed, table.other_events, table.others) for table in tables]
    whole = Table(*(sum(column) for column in zip(*counts, strict=True)))
    if not is_comparable(whole):
        return
    for metric_id, estimate in crude.items():
        yield place | _row(metric_id, name, whole, estimate(whole))
    layers = informative(tables)
    if len(layers) > 1:
        for metric_id, estimate in stratified.items():
            yield place | _row(metric_id, f"{name}, within layers", whole, estimate(layers))


def _row(metric_id: str, stratum: str, table: Table, estimate: Estimate) -> dict:
    return {
        "metric_id": metric_id,
        "stratum": stratum,
        "value": estimate.value,
        "lower": estimate.lower,
        "upper": estimate.upper,
        "numerator": table.exposed_events,
        "denominator": table.exposed,
        "n": table.exposed + table.others,
        "p_value": estimate.p_value,
        "homogeneity_p_value": estimate.homogeneity_p_value,
        "method": estimate.method,
    }
