"""Where an organisation stands: time to signal by method, gaps between groups of people, funnels, peers."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from pipelines.metrics.association import Table, is_comparable, risk_difference, risk_ratio
from pipelines.metrics.disclosure import protect
from pipelines.metrics.equity import GROUPS, dispersion, margin, slope_index
from pipelines.metrics.funnel import OUTER, overdispersed_limits, overdispersion, poisson_limits
from pipelines.metrics.intervals import CONFIDENCE
from pipelines.metrics.rows import KEY, shaped
from pipelines.metrics.survival import median_time

PERIOD = ["period_start", "period_end"]
FIFTHS = [f"quintile_{number}" for number in range(1, GROUPS + 1)]
FEWEST_PEERS = 5
# Limits of observed / expected, given what is expected, the variance between members and the confidence.
FUNNELS: dict[str, tuple[str, Callable]] = {
    "O16": ("funnel_998_overdispersed", overdispersed_limits),
    "O25": ("funnel_998_poisson", lambda expected, _, confidence: poisson_limits(expected, confidence)),
}


def time_to_signal(watched: pd.DataFrame) -> pd.DataFrame:
    """Median days from charter to signal by method, O08.

    `watched`: organisation_code, method, days, has_signal, period_start, period_end; one row a project.
    """
    rows = []
    everything = watched.assign(method="all")
    both = pd.concat([everything, watched])
    for keys, group in both.groupby(["organisation_code", *PERIOD, "method"], dropna=False):
        median = median_time(group["days"].to_numpy(), group["has_signal"].to_numpy())
        rows.append(
            dict(zip(["organisation_code", *PERIOD, "stratum"], keys, strict=True))
            | {
                "metric_id": "O08",
                "value": median.value,
                "lower": median.lower,
                "upper": median.upper,
                "numerator": float(group["has_signal"].sum()),
                "denominator": len(group),
                "n": len(group),
                "method": "kaplan_meier",
            }
        )
    return shaped(pd.DataFrame(rows))


def equity(fifths: pd.DataFrame) -> pd.DataFrame:
    """Gaps between deprivation fifths by measure and financial year (O09), the slope index and its change
    (O21).

    `fifths`: organisation_code, measure_id, period_start, period_end, stratum (`FIFTHS`), numerator,
    denominator (people with and without the event), is_complete (the year is over). Counts are protected
    first; a year of which a fifth is missing or withheld has no gap. Shares of the fifths themselves are rows
    of O09.
    """
    if fifths.empty:
        return shaped(fifths)
    group = ["organisation_code", "measure_id", *PERIOD]
    safe = protect(fifths, group, ["numerator", "denominator"], is_total_known=True)
    safe = safe.assign(metric_id="O09", method="count")
    safe["n"], safe["value"] = safe["denominator"].round(), safe["numerator"] / safe["denominator"]
    index = [*group, "is_complete"]
    events = safe.pivot(index=index, columns="stratum", values="numerator").reindex(columns=FIFTHS)
    people = safe.pivot(index=index, columns="stratum", values="denominator").reindex(columns=FIFTHS)
    whole = (events.notna() & (people > 0)).all(axis=1)
    events, people = events[whole], people[whole]
    parts = [safe]
    if len(events):
        slopes = _slopes(events, people)
        parts += [_gaps(events, people), slopes.drop(columns="standard_error"), _slope_changes(slopes)]
    return shaped(pd.concat(parts, ignore_index=True))


def _gaps(events: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Most against least deprived fifth: difference (Newcombe) and ratio (Katz)."""
    first, last = FIFTHS[0], FIFTHS[-1]
    is_told = is_comparable(_ends(events, people))
    events, people = events[is_told], people[is_told]
    table = _ends(events, people)
    gaps = {"absolute gap": risk_difference(table), "relative gap": risk_ratio(table)}
    return pd.concat(
        events.index.to_frame(index=False).assign(
            metric_id="O09",
            stratum=f"{name}, {first} against {last}",
            value=gap.value,
            lower=gap.lower,
            upper=gap.upper,
            numerator=table.exposed_events,
            denominator=table.exposed,
            n=table.exposed + table.others,
            p_value=gap.p_value,
            method=gap.method,
        )
        for name, gap in gaps.items()
    )


def _ends(events: pd.DataFrame, people: pd.DataFrame) -> Table:
    """The most against the least deprived fifth, of every row."""
    sides = [frame[name].to_numpy(float) for name in (FIFTHS[0], FIFTHS[-1]) for frame in (events, people)]
    return Table(*sides)


def _slopes(events: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Slopes with errors that allow for the groups of a measure scattering by more than chance: by as much as
    they did over its years (McCullagh and Nelder 1989, section 4.5)."""
    slope, error = slope_index(events.to_numpy(), people.to_numpy())
    excess = pd.Series(dispersion(events.to_numpy(), people.to_numpy()), index=events.index)
    of_measure = excess.groupby(level=["organisation_code", "measure_id"], dropna=False).transform("mean")
    error = error * np.sqrt(np.maximum(of_measure.to_numpy(), 1.0))
    half = margin(error)
    return events.index.to_frame(index=False).assign(
        metric_id="O21",
        stratum="all",
        value=slope,
        lower=slope - half,
        upper=slope + half,
        standard_error=error,
        n=people.sum(axis=1).to_numpy(),
        method="weighted_regression",
    )


def _slope_changes(slopes: pd.DataFrame) -> pd.DataFrame:
    """Slope index of the last complete year minus that of the first."""
    years = slopes[slopes["is_complete"].astype(bool)].sort_values("period_start")
    one = years.groupby(["organisation_code", "measure_id"], dropna=False)
    first, last = one.first().reset_index(), one.last().reset_index()
    several = (first["period_start"] != last["period_start"]).to_numpy()
    first, last = first[several], last[several]
    change = last["value"] - first["value"]
    half = margin(np.hypot(first["standard_error"], last["standard_error"]))
    return last[["organisation_code", "measure_id", "period_end"]].assign(
        period_start=first["period_start"],
        metric_id="O21",
        stratum="change from the first to the last complete year",
        value=change,
        lower=change - half,
        upper=change + half,
        n=first["n"] + last["n"],
        method="difference_of_slopes",
    )


def variation(members: pd.DataFrame) -> pd.DataFrame:
    """Organisations on a funnel with overdispersion (O16) and on one of chance alone (O25).

    `members`: organisation_code, measure_id, period_start, period_end, numerator, denominator. A member's
    value is its share or rate over the common one; lower and upper are the funnel's 99.8% limits. Rows
    without an organisation are the share of members outside them, and outside 95% limits.
    """
    return shaped(_funnels(members, ["measure_id", *PERIOD], "share"))


def variation_between_units(members: pd.DataFrame) -> pd.DataFrame:
    """Units of an organisation among each other, as `variation`: O16 and O25.

    `members`: as for `variation`, with unit_code. Small counts are withheld and others rounded first, because
    the organisation's own count is known. Rows without a unit are the share of units outside the limits.
    """
    if members.empty:
        return shaped(members)
    group = ["organisation_code", "measure_id", *PERIOD]
    safe = protect(members.assign(stratum="all"), group, ["numerator", "denominator"])
    is_shown = safe["suppression_reason"].isna()
    hidden = safe[~is_shown].assign(stratum="withheld")
    rows = [hidden.assign(metric_id=metric_id, method=method) for metric_id, (method, _) in FUNNELS.items()]
    shown = safe[is_shown].drop(columns=["stratum", "suppression_reason"])
    return shaped(pd.concat([_funnels(shown, group, "share of units"), *rows]))


def _funnels(members: pd.DataFrame, group: list[str], share: str) -> pd.DataFrame:
    """Rows for each member of each group that has enough of them, and for the share outside the limits."""
    rows = []
    for keys, its in members.groupby(group):
        common = its["numerator"].sum() / its["denominator"].sum()
        if len(its) < FEWEST_PEERS or common == 0:
            continue
        expected = (its["denominator"] * common).to_numpy()
        ratio = its["numerator"].to_numpy() / expected
        tau2 = overdispersion(its["numerator"].to_numpy(), expected)
        facts = dict(zip(group, keys, strict=True))
        for metric_id, (method, limits) in FUNNELS.items():
            lower, upper = limits(expected, tau2, OUTER)
            side = np.where(
                ratio > upper, "above limits", np.where(ratio < lower, "below limits", "within limits")
            )
            rows.append(
                its.assign(
                    metric_id=metric_id,
                    stratum=side,
                    value=ratio,
                    lower=lower,
                    upper=upper,
                    n=its["denominator"].round(),
                    method=method,
                )
            )
            inner_lower, inner_upper = limits(expected, tau2, CONFIDENCE)
            for name, outside in (
                (f"{share} outside limits", side != "within limits"),
                (f"{share} outside 95% limits", (ratio < inner_lower) | (ratio > inner_upper)),
            ):
                total = {
                    "metric_id": metric_id,
                    "stratum": name,
                    "value": outside.mean(),
                    "numerator": float(outside.sum()),
                    "denominator": len(its),
                    "n": len(its),
                    "method": "count",
                }
                rows.append(pd.DataFrame([facts | total]))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def peers(results: pd.DataFrame, catalogue: pd.DataFrame) -> pd.DataFrame:
    """Place among peers, O23: the share of other organisations whose value is worse.

    `results`: rows of single organisations for the latest period of each metric; only metrics that may be
    compared, that have a direction and whose stratum is "all". Equal values count half. The range is the
    place that the ends of the own interval would have.
    """
    comparable = catalogue[
        (catalogue["access"] != "local") & catalogue["direction"].isin(["increase", "decrease"])
    ]
    shown = results[
        results["metric_id"].isin(comparable["metric_id"])
        & (results["stratum"] == "all")
        & results["organisation_code"].notna()
        & results["unit_code"].isna()
        & results["measure_id"].isna()
        & results["value"].notna()
    ]
    better_higher = set(comparable.loc[comparable["direction"] == "increase", "metric_id"])
    rows = []
    for (metric_id, start, end), group in shown.groupby(["metric_id", *PERIOD]):
        if len(group) <= FEWEST_PEERS:
            continue
        sign = 1 if metric_id in better_higher else -1
        value = sign * group["value"].to_numpy(float)
        others = ~np.eye(len(group), dtype=bool)
        places = []
        for name in ("value", "lower", "upper"):
            mine = sign * group[name].to_numpy(float)[:, None]
            worse = np.where(others, (value < mine) + 0.5 * (value == mine), 0.0).sum(axis=1)
            places.append(np.where(np.isnan(mine[:, 0]), np.nan, worse / others.sum(axis=1)))
        ends = np.stack(places[1:])
        rows.append(
            pd.DataFrame(
                {
                    "metric_id": "O23",
                    "organisation_code": group["organisation_code"].to_numpy(),
                    "period_start": start,
                    "period_end": end,
                    "stratum": metric_id,
                    "value": places[0],
                    "lower": ends.min(axis=0),
                    "upper": ends.max(axis=0),
                    "n": len(group),
                    "method": "rank_among_peers",
                }
            )
        )
    return shaped(pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=list(KEY)))
