"""What the reference tools printed, in the words of the mart: same keys, same columns, same vocabulary.

Each function gives a data frame with the key of a table of schema `spc` and some of its columns; untyped,
because pandas' types take every selection for something else.
"""

from typing import Any

import pandas as pd

from tests.parity.oracle import AE_QIC, read

LABELS = {
    "Common Cause": ("common_cause", None),
    "Above UCL": ("outside", "high"),
    "Below LCL": ("outside", "low"),
    "7 Points Above CL": ("shift", "high"),
    "7 Points Below CL": ("shift", "low"),
    "7 Point Trend (Increasing)": ("trend", "high"),
    "7 Point Trend (Decreasing)": ("trend", "low"),
    "2 in 3 Above CL": ("two_in_three", "high"),
    "2 in 3 Below CL": ("two_in_three", "low"),
}
ASSURANCE = {
    "inconsistent": "hit_or_miss",
    "pass": "pass",
    "fail": "fail",
    "consistentPass": "pass",
    "consistentFail": "fail",
}
ICONS = {
    "commonCause": "common_cause",
    "improvementHigh": "improvement_high",
    "improvementLow": "improvement_low",
    "concernHigh": "concern_high",
    "concernLow": "concern_low",
    "neutralHigh": "neutral_high",
    "neutralLow": "neutral_low",
}
POINT_KEY = ["measure_id", "stratum", "period_start"]
PHASE_KEY = ["measure_id", "stratum", "phase"]
CHART_KEY = ["measure_id", "stratum"]


def ptd_points() -> Any:
    """Points of ptd, with the screening of the case and with it flipped, and of the A&E charts."""
    cases = read("ptd_points.parquet").assign(measure_id=lambda rows: "ptd-" + rows["series_id"])
    flipped = read("ptd_points_screenflip.parquet").assign(
        measure_id=lambda rows: "ptdflip-" + rows["series_id"]
    )
    departments = read("realworld/ae_ptd_points.parquet").assign(
        measure_id=lambda rows: "ae-ptd-" + rows["measure"]
    )
    rows: Any = pd.concat([cases, flipped, departments], ignore_index=True)
    labels = rows["special_cause_type"].map(LABELS)
    return pd.DataFrame(
        {
            "measure_id": rows["measure_id"],
            "stratum": _stratum(rows),
            "period_start": rows["x"],
            "value": rows["y"],
            "centre_line": rows["mean_col"],
            "lower_limit": rows["lpl"],
            "upper_limit": rows["upl"],
            "side_of_centre": rows["relative_to_mean"],
            "is_outside": rows["outside_limits"].fillna(False).astype(bool),
            "signal": labels.str[0],
            "signal_direction": labels.str[1],
            "point_type": rows["point_type"].str.removeprefix("special_cause_"),
        }
    )


def ptd_icons() -> Any:
    """Icons of ptd for the same charts."""
    rows: Any = pd.concat(
        [
            read("ptd_icons.parquet").assign(measure_id=lambda rows: "ptd-" + rows["series_id"]),
            read("ptd_icons_screenflip.parquet").assign(
                measure_id=lambda rows: "ptdflip-" + rows["series_id"]
            ),
            read("realworld/ae_ptd_icons.parquet").assign(
                measure_id=lambda rows: "ae-ptd-" + rows["measure"]
            ),
        ],
        ignore_index=True,
    )
    return pd.DataFrame(
        {
            "measure_id": rows["measure_id"],
            "stratum": _stratum(rows),
            "variation_icon": rows["variation_icon"],
            "assurance_icon": rows["assurance_icon"].map(ASSURANCE).fillna("none"),
        }
    )


def ptd_phases() -> Any:
    """Points and signals of each phase, as ptd sums them up."""
    rows: Any = read("ptd_summary.parquet").sort_values(["series_id", "rebase_group"])
    return pd.DataFrame(
        {
            "measure_id": "ptd-" + rows["series_id"],
            "stratum": "all",
            "phase": rows.groupby("series_id").cumcount() + 1,
            "centre_line": rows["mean_col"],
            "points": rows["n"],
        }
    )


def _qic() -> Any:
    rows: Any = pd.concat(
        [read("qic_xmr_points.parquet"), read("qic_attr_points.parquet")], ignore_index=True
    )
    word = rows["screened"].map({True: "screened", False: "all"})
    cases = rows.assign(measure_id="qic-" + rows["chart"] + "-" + word + "-" + rows["series_id"])
    departments = read("realworld/ae_qic_points.parquet")
    assert set(departments["chart"]) == set(AE_QIC)
    departments = departments.assign(measure_id="ae-qic-" + departments["chart"])
    return pd.concat([cases, departments], ignore_index=True)


def qic_points() -> Any:
    """Points of every chart of qic."""
    rows = _qic()
    return pd.DataFrame(
        {
            "measure_id": rows["measure_id"],
            "stratum": _stratum(rows),
            "period_start": rows["x"],
            "phase": rows["part"],
            "value": rows["y"],
            "centre_line": rows["cl"],
            "lower_limit": rows["lcl"],
            "upper_limit": rows["ucl"],
            "lower_near_limit": rows["lcl.95"],
            "upper_near_limit": rows["ucl.95"],
            "is_outside": rows["sigma.signal"].astype(bool),
            "is_excluded": ~rows["include"].astype(bool),
            "is_baseline": rows["baseline"].astype(bool) & rows["include"].astype(bool),
        }
    )


def qic_phases() -> Any:
    """Runs analysis of every part of every chart of qic."""
    rows = _qic()
    phases = pd.DataFrame(
        {
            "measure_id": rows["measure_id"],
            "stratum": _stratum(rows),
            "phase": rows["part"],
            "useful_points": rows["n.useful"],
            "longest_run": rows["longest.run"],
            "longest_run_limit": rows["longest.run.max"],
            "crossings": rows["n.crossings"],
            "crossings_limit": rows["n.crossings.min"],
            "has_runs_signal": rows["runs.signal"].astype(bool),
        }
    )
    return phases.drop_duplicates(PHASE_KEY)


def pbi_points() -> Any:
    """Points of every chart of the WA Health engine, which leaves out points without a value."""
    single: Any = read("pbispc_xmr_points.parquet")
    single = single.assign(measure_id="pbi-i-" + single["series_id"], period_start=single["date"])
    rows: Any = pd.concat([single, _pbi_attributes()], ignore_index=True)
    return pd.DataFrame(
        {
            "measure_id": rows["measure_id"],
            "stratum": "all",
            "period_start": rows["period_start"],
            "value": rows["value"],
            "centre_line": rows["target"],
            "lower_limit": rows["ll99"],
            "upper_limit": rows["ul99"],
            "lower_near_limit": rows["ll95"],
            "upper_near_limit": rows["ul95"],
            "outside_side": _sides(rows, "astpoint"),
            "shift_side": _sides(rows, "shift"),
            "trend_side": _sides(rows, "trend"),
            "two_in_three_side": _sides(rows, "two_in_three"),
        }
    )


def _pbi_attributes() -> Any:
    """Charts g and t have numbers in place of dates: the points with a value, in order."""
    rows: Any = read("pbispc_attr_points.parquet")
    given: Any = read("attr_points.parquet").dropna(subset=["y"]).sort_values(["series_id", "row"])
    given = given.assign(row=given.groupby("series_id").cumcount() + 1).set_index(["series_id", "row"])[
        "date"
    ]
    by_date = pd.to_datetime(rows["date"], format="%d/%m/%Y", errors="coerce")
    by_row = pd.Series([given.get(key) for key in zip(rows["series_id"], rows["row"], strict=True)])
    word = rows["screened"].map({True: "screened", False: "all"})
    return rows.assign(
        measure_id="pbi-" + rows["chart"] + "-" + word + "-" + rows["series_id"],
        period_start=by_date.where(by_date.notna(), pd.to_datetime(by_row)),
    )


def _sides(rows: Any, flag: str) -> list[int]:
    """1 for high or rising, -1 for low or falling, by the direction in which the case's measure improves."""
    directions: Any = read("xmr_series.parquet").set_index("series_id")["improvement_direction"]
    is_up = {"improvement": 1, "deterioration": -1, "neutral_high": 1, "neutral_low": -1, "none": 0}
    mirrored = rows["series_id"].map(directions).fillna("increase").eq("decrease")
    return [
        -is_up[word] if mirror else is_up[word] for word, mirror in zip(rows[flag], mirrored, strict=True)
    ]


def pbi_icons() -> Any:
    """Icons of the WA Health engine; it may show two of variation, improvement first."""
    rows: Any = read("pbispc_icons.parquet")
    shown = rows["variation_icons"].str.split("|")
    return pd.DataFrame(
        {
            "measure_id": "pbi-i-" + rows["series_id"],
            "stratum": "all",
            "variation_icon": shown.str[0].map(ICONS),
            "has_conflicting_signals": shown.str.len() > 1,
            "assurance_icon": rows["assurance_icon"].map(ASSURANCE).fillna("none"),
        }
    )


def _stratum(rows: Any) -> Any:
    return rows["series_id"].where(rows["measure_id"].str.startswith("ae-"), "all")
