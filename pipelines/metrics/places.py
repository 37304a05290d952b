"""Where an organisation stands: time to signal by method, gaps between groups of people, funnels, peers."""

import numpy as np
import pandas as pd

from pipelines.metrics.association import Table, is_comparable, risk_difference, risk_ratio
from pipelines.metrics.disclosure import protect
from pipelines.metrics.equity import GROUPS, margin, slope_index
from pipelines.metrics.funnel import overdispersed_limits, overdispersion
from pipelines.metrics.rows import KEY, shaped
from pipelines.metrics.survival import median_time

PERIOD = ["period_start", "period_end"]
FIFTHS = [f"quintile_{number}" for number in range(1, GROUPS + 1)]
FEWEST_PEERS = 5


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
    slope, error = slope_index(events.to_numpy(), people.to_numpy())
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
    """Organisations on a funnel with overdispersion, O16.

    `members`: organisation_code, measure_id, period_start, period_end, numerator, denominator. A member's
    value is its share or rate over the common one; lower and upper are the funnel's 99.8% limits. The row
    without an organisation is the share of members outside them.
    """
    rows = []
    for keys, group in members.groupby(["measure_id", *PERIOD]):
        common = group["numerator"].sum() / group["denominator"].sum()
        if len(group) < FEWEST_PEERS or common == 0:
            continue
        expected = (group["denominator"] * common).to_numpy()
        tau2 = overdispersion(group["numerator"].to_numpy(), expected)
        lower, upper = overdispersed_limits(expected, tau2)
        ratio = group["numerator"].to_numpy() / expected
        outside = (ratio < lower) | (ratio > upper)
        facts = dict(zip(["measure_id", *PERIOD], keys, strict=True)) | {"metric_id": "O16"}
        place = np.where(~outside, "within limits", np.where(ratio > upper, "above limits", "below limits"))
        each = group.assign(
            metric_id="O16",
            stratum=place,
            value=ratio,
            lower=lower,
            upper=upper,
            n=group["denominator"].round(),
            method="funnel_998_overdispersed",
        )
        total = facts | {
            "stratum": "share outside limits",
            "value": outside.mean(),
            "numerator": float(outside.sum()),
            "denominator": len(group),
            "n": len(group),
            "method": "count",
        }
        rows += [each, pd.DataFrame([total])]
    return shaped(pd.concat(rows, ignore_index=True) if rows else pd.DataFrame())


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
