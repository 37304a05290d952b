"""Maturity and culture: levels that assessors gave, tenure of leaders, ties between units, benefits,
sickness."""

import numpy as np
import pandas as pd

from pipelines.metrics.intervals import clustered_mean
from pipelines.metrics.network import network
from pipelines.metrics.rows import shaped
from pipelines.metrics.survival import median_time

PERIOD = ["period_start", "period_end"]
LOWEST_RESPONSE = 0.70
DAYS_A_MONTH = 365.25 / 12
HIGHER, LOWER = "executive", "frontline"


def levels(items: pd.DataFrame) -> pd.DataFrame:
    """Median level by component and its change (M01), and executive minus front-line level (M02).

    `items`: organisation_code, unit_code (null: the organisation itself), assessed_on, component,
    assessor_group, level_rank. Levels are ordinal: medians and quartiles, no mean. Rows of one assessment are
    those of an organisation or unit and day. All organisations together have no level.
    """
    known = items.dropna(subset=["organisation_code", "level_rank"])
    if known.empty:
        return shaped(known)
    every = pd.concat([known, known.assign(component="all")])
    whose = ["organisation_code", "unit_code"]
    key = [*whose, "assessed_on", "component"]
    by_component = every.groupby(key, dropna=False)["level_rank"]
    found = by_component.median().rename("value").reset_index()
    found = found.rename(columns={"component": "stratum"}).assign(
        lower=by_component.quantile(0.25).to_numpy(),
        upper=by_component.quantile(0.75).to_numpy(),
        n=by_component.size().to_numpy(),
        metric_id="M01",
        method="median_and_quartiles",
    )
    one = [*whose, "stratum"]
    change = found.sort_values("assessed_on").assign(
        earlier=lambda rows: rows.groupby(one, dropna=False)["value"].shift(),
        value=lambda rows: rows["value"] - rows["earlier"],
        stratum=lambda rows: rows["stratum"] + ", change since the last",
        lower=np.nan,
        upper=np.nan,
    )
    change = change.dropna(subset="earlier")
    higher, lower = (
        every[every["assessor_group"] == group]
        .groupby(key, dropna=False)
        .agg(value=("level_rank", "median"), n=("level_rank", "size"))
        for group in (HIGHER, LOWER)
    )
    gaps = (higher - lower)["value"].dropna().reset_index().rename(columns={"component": "stratum"})
    counted = (higher["n"] + lower["n"]).dropna().to_numpy()
    gaps = gaps.assign(metric_id="M02", n=counted, method="difference_of_medians")
    made = pd.concat([found, change, gaps], ignore_index=True)
    return shaped(made.assign(period_start=made["assessed_on"], period_end=made["assessed_on"]))


def gains(items: pd.DataFrame) -> pd.DataFrame:
    """Mean change of the items' levels since the assessment before (M34), by component and for all.

    `items`: as for `levels`, with item_code. Only judgements by the same group on the same item in both
    assessments count; the interval allows for those on one item being alike.
    """
    one = ["organisation_code", "unit_code", "component", "item_code", "assessor_group"]
    known = items.dropna(subset=["organisation_code", "level_rank"]).sort_values("assessed_on")
    place = known.groupby(["organisation_code", "unit_code"], dropna=False)["assessed_on"].rank("dense")
    known = known.assign(place=place)
    earlier = known[[*one, "place", "assessed_on", "level_rank"]].assign(place=known["place"] + 1)
    pairs = known.merge(earlier, on=[*one, "place"], suffixes=("", "_before"))
    pairs["change"] = pairs["level_rank"] - pairs["level_rank_before"]
    pairs["item"] = pairs["component"] + "|" + pairs["item_code"]
    every = pd.concat([pairs.assign(component="all"), pairs])
    rows = []
    key = ["organisation_code", "unit_code", "component", "assessed_on_before", "assessed_on"]
    names = ["organisation_code", "unit_code", "stratum", "period_start", "period_end"]
    for keys, group in every.groupby(key, dropna=False):
        value, lower, upper = clustered_mean(group["change"], group["item"])
        rows.append(
            dict(zip(names, keys, strict=True))
            | {
                "metric_id": "M34",
                "value": value,
                "lower": lower,
                "upper": upper,
                "n": len(group),
                "method": "mean_clustered_by_item",
            }
        )
    return shaped(pd.DataFrame(rows))


def tenure(posts: pd.DataFrame) -> pd.DataFrame:
    """Median months in a leadership post (M17), by level of post and for all.

    `posts`: organisation_code, post_level, days, has_ended, period_start, period_end; one row a substantive
    holder.
    """
    rows = []
    everyone = pd.concat([posts.assign(post_level="all"), posts])
    for keys, group in everyone.groupby(["organisation_code", *PERIOD, "post_level"], dropna=False):
        found = median_time(group["days"].to_numpy() / DAYS_A_MONTH, group["has_ended"].to_numpy())
        rows.append(
            dict(zip(["organisation_code", *PERIOD, "stratum"], keys, strict=True))
            | {
                "metric_id": "M17",
                "value": found.value,
                "lower": found.lower,
                "upper": found.upper,
                "numerator": float(group["has_ended"].sum()),
                "denominator": len(group),
                "n": len(group),
                "method": "kaplan_meier",
            }
        )
    return shaped(pd.DataFrame(rows))


def ties(named: pd.DataFrame) -> pd.DataFrame:
    """Reciprocity (M13) and density (M29) by wave; withheld when fewer than 70% of those asked answered.

    `named`: organisation_code, wave, period_start, period_end, from_unit, to_unit (null: named nobody), tie,
    invited, answered; units by names that are unique over organisations. Ties to units that were not asked
    are left out. Rows of M13 with the stratum "collaborate" are the share of ties that are collaboration.
    """
    rows = []
    for keys, group in named.groupby(["organisation_code", "wave", *PERIOD], dropna=False):
        asked = group.drop_duplicates("from_unit")
        response = asked["answered"].sum() / max(asked["invited"].sum(), 1)
        units = set(group["from_unit"])
        drawn = group[group["to_unit"].isin(units) & (group["from_unit"] != group["to_unit"])]
        found = network(units, drawn[["from_unit", "to_unit"]].itertuples(index=False, name=None))
        place = dict(zip(["organisation_code", "stratum", *PERIOD], keys, strict=True))
        reason = "low_response" if response < LOWEST_RESPONSE else None
        for metric_id, value, part, whole in (
            ("M13", found.reciprocity, found.mutual_ties, found.present),
            ("M29", found.density, found.present, found.possible),
        ):
            rows.append(
                place
                | {
                    "metric_id": metric_id,
                    "value": value,
                    "numerator": part,
                    "denominator": whole,
                    "n": found.units,
                    "method": "network",
                    "suppression_reason": reason,
                }
            )
        pairs = drawn.drop_duplicates(["from_unit", "to_unit"])
        if len(pairs):
            together = pairs["tie"] == "collaborates"
            rows.append(
                place
                | {
                    "metric_id": "M13",
                    "stratum": f"{place['stratum']}, collaborate ties",
                    "value": together.mean(),
                    "numerator": float(together.sum()),
                    "denominator": len(pairs),
                    "n": found.units,
                    "method": "count",
                    "suppression_reason": reason,
                }
            )
    return shaped(pd.DataFrame(rows))


def net_benefit(lines: pd.DataFrame) -> pd.DataFrame:
    """Net benefit from the low to the high claim by stage and financial year (O11), value in the middle.

    `lines`: organisation_code, stage, period_start, period_end, low, high (net of cost); lines that share a
    measure are already one.
    """
    summed = lines.groupby(["organisation_code", "stage", *PERIOD], dropna=False, as_index=False).agg(
        lower=("low", "sum"), upper=("high", "sum"), n=("low", "size")
    )
    return shaped(
        summed.rename(columns={"stage": "stratum"}).assign(
            metric_id="O11", value=(summed["lower"] + summed["upper"]) / 2, method="range_of_claims"
        )
    )


def displaced(lines: pd.DataFrame) -> pd.DataFrame:
    """Share of the benefit that falls to another than the one who pays, by stage (O12).

    `lines`: organisation_code, project_id, stage, period_start, period_end, amount (at least 0),
    is_displaced. The interval allows for lines of one project being alike; there is none where all lines fall
    to the same side, because nothing then says how they vary.
    """
    rows = []
    for keys, group in lines.groupby(["organisation_code", "stage", *PERIOD], dropna=False):
        fallen = group["is_displaced"].astype(float)
        value, lower, upper = clustered_mean(fallen, group["project_id"], group["amount"])
        has_both = fallen.nunique() > 1
        rows.append(
            dict(zip(["organisation_code", "stratum", *PERIOD], keys, strict=True))
            | {
                "metric_id": "O12",
                "value": value,
                "lower": max(lower, 0.0) if has_both else np.nan,
                "upper": min(upper, 1.0) if has_both else np.nan,
                "numerator": float((fallen * group["amount"]).sum()),
                "denominator": float(group["amount"].sum()),
                "n": len(group),
                "method": "ratio_clustered_by_project",
            }
        )
    return shaped(pd.DataFrame(rows))


def sickness_by_intensity(organisations: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of improvement work with sickness over organisations (M30): association only.

    `organisations`: organisation_code, projects_per_1000_wte, sickness, period_start, period_end. Interval by
    Fisher's z with Bonett and Wright's error (2000).
    """
    from scipy.stats import norm, spearmanr

    rows = []
    for keys, group in organisations.groupby(PERIOD):
        n = len(group)
        if n < 5:
            continue
        found = spearmanr(group["projects_per_1000_wte"], group["sickness"])
        rho = float(np.asarray(found)[0])
        half = norm.ppf(0.975) * np.sqrt((1 + rho**2 / 2) / (n - 3))
        rows.append(
            dict(zip(PERIOD, keys, strict=True))
            | {
                "metric_id": "M30",
                "stratum": "all",
                "value": rho,
                "lower": float(np.tanh(np.arctanh(np.clip(rho, -0.999, 0.999)) - half)),
                "upper": float(np.tanh(np.arctanh(np.clip(rho, -0.999, 0.999)) + half)),
                "n": n,
                "p_value": float(np.asarray(found)[1]),
                "method": "spearman",
            }
        )
    return shaped(pd.DataFrame(rows))
