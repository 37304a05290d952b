"""The oracle's cases as an inbox: measures, points, events and targets in canonical form.

Belongs here: how each setting of a reference tool is said in our extracts (a freeze is an event, a direction
a column of the measure, screening a rule set). Does not belong here: what the tools printed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.settings import PROJECT_ROOT

ORACLE = PROJECT_ROOT.parent / "shared" / "oracle"
ORGANISATION = "ORACLE"
RULE_SET_BY_SCREENING = {
    "ptd": {True: "ptd", False: "ptd_unscreened"},
    "qic": {True: "anhoej_screened", False: "anhoej"},
    "pbi": {True: "pbi", False: "pbi_unscreened"},
}
AE_PTD = {"perf": ("increase", 0.95), "breaches": ("decrease", None), "attendances": ("neutral", None)}
AE_QIC = {"p": "counts", "pp": "counts", "i": "attendances", "run": "attendances"}
COUNTED = {"p", "pp", "u", "up", "ip"}


@dataclass
class Extracts:
    """Rows of each extract, as they are written to files."""

    measures: list[dict[str, Any]] = field(default_factory=list)
    points: list[pd.DataFrame] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)

    def add_measure(
        self,
        measure_id: str,
        chart: str,
        rule_set: str,
        direction: str,
        frequency: str,
        multiplier: float = 1,
    ) -> None:
        """A measure without a unit, which no rule of the gate takes for a percentage."""
        self.measures.append(
            {
                "measure_id": measure_id,
                "measure_name": f"Synthetic case {measure_id}",
                "family": "outcome",
                "chart_type": chart,
                "rule_set_id": rule_set,
                "improvement_direction": direction,
                "purpose": "assurance",
                "frequency": frequency,
                "multiplier": multiplier,
                "definition": "A case of the reference tools' parity tests",
            }
        )

    def add_points(self, measure_id: str, points: pd.DataFrame) -> None:
        self.points.append(points.assign(measure_id=measure_id))

    def add_event(self, measure_id: str, event: str, on: Any, reason: str) -> None:
        self.events.append(
            {
                "measure_id": measure_id,
                "organisation_code": ORGANISATION,
                "period_start": pd.Timestamp(on).date(),
                "event": event,
                "reason": reason,
            }
        )

    def add_target(self, measure_id: str, target: float | None) -> None:
        if target is not None and pd.notna(target):
            self.targets.append({"measure_id": measure_id, "valid_from": "1990-01-01", "target": target})

    def write(self, inbox: Path) -> None:
        """Measures and targets as CSV, points as Parquet, events as CSV."""
        inbox.mkdir(parents=True, exist_ok=True)
        organisation = {"organisation_code": ORGANISATION, "organisation_name": "Synthetic organisation"}
        pd.DataFrame([organisation]).to_csv(inbox / "organisations.csv", index=False)
        pd.DataFrame(self.measures).to_csv(inbox / "measures.csv", index=False)
        points = pd.concat(self.points, ignore_index=True).assign(organisation_code=ORGANISATION)
        points.to_parquet(inbox / "measure_points.parquet", index=False)
        pd.DataFrame(self.events).to_csv(inbox / "measure_events.csv", index=False)
        pd.DataFrame(self.targets).to_csv(inbox / "targets.csv", index=False)


def read(name: str) -> pd.DataFrame:
    """A table of the oracle, its dates as dates."""
    path = ORACLE / name
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    for column in ("date", "x", "last_date"):
        if column in table and not isinstance(table[column].iloc[0], str):
            table[column] = pd.to_datetime(table[column])
    return table


def write_inbox(inbox: Path) -> None:
    """Every case of the oracle as a measure of its own (the A&E series as strata of a few measures)."""
    extracts = Extracts()
    _add_individuals(extracts)
    _add_attributes(extracts)
    _add_accident_and_emergency(extracts)
    extracts.write(inbox)


def _add_individuals(extracts: Extracts) -> None:
    points = dict(tuple(read("xmr_points.parquet").sort_values(["series_id", "t"]).groupby("series_id")))
    for case in read("xmr_series.parquet").to_dict("records"):
        rows = points[case["series_id"]]
        for measure_id, chart, rule_set in _charts_of_individuals(case):
            extracts.add_measure(measure_id, chart, rule_set, case["improvement_direction"], case["freq"])
            extracts.add_points(
                measure_id, pd.DataFrame({"period_start": rows["date"].dt.date, "value": rows["value"]})
            )
            extracts.add_target(measure_id, case["target"])
            _add_phases_of_individuals(extracts, measure_id, case, rows)


def _charts_of_individuals(case: dict[Any, Any]) -> Iterator[tuple[str, str, str]]:
    series = case["series_id"]
    own = bool(case["screen_outliers"])
    yield f"ptd-{series}", "i", RULE_SET_BY_SCREENING["ptd"][own]
    yield f"ptdflip-{series}", "i", RULE_SET_BY_SCREENING["ptd"][not own]
    yield f"qic-i-screened-{series}", "i", "anhoej_screened"
    yield f"qic-i-all-{series}", "i", "anhoej"
    yield f"qic-run-screened-{series}", "run", "anhoej_screened"
    yield f"qic-mr-screened-{series}", "mr", "anhoej_screened"
    yield f"pbi-i-{series}", "i", RULE_SET_BY_SCREENING["pbi"][own]


def _add_phases_of_individuals(
    extracts: Extracts, measure_id: str, case: dict[Any, Any], rows: pd.DataFrame
) -> None:
    """Rebase dates start phases; a fixed baseline is a freeze: in each phase for ptd, in the first for pbi.
    qic ignores it when there are parts, so that its cases get none then."""
    dates = list(rows["date"])
    given = case["rebase_dates"]
    wanted = {pd.Timestamp(text) for text in given.split(";")} if isinstance(given, str) else set()
    for on in sorted(wanted):
        extracts.add_event(measure_id, "rebase", on, "rebase date of the case")
    if pd.isna(case["fix_after_n_points"]):
        return
    starts = sorted({0} | {dates.index(on) for on in wanted if on in dates})
    phases = list(zip(starts, [*starts[1:], len(dates)], strict=True))
    if measure_id.startswith("qic") and len(phases) > 1:
        return
    for start, end in phases[:1] if measure_id.startswith("pbi") else phases:
        last = min(start + int(case["fix_after_n_points"]), end) - 1
        extracts.add_event(measure_id, "freeze", dates[last], "fix_after_n_points of the case")


def _add_attributes(extracts: Extracts) -> None:
    points = dict(tuple(read("attr_points.parquet").sort_values(["series_id", "row"]).groupby("series_id")))
    for case in read("attr_series.parquet").to_dict("records"):
        rows = _points_of_attributes(case["chart"], points[case["series_id"]])
        for tool in ("qic", "pbi"):
            for is_screened in (True, False):
                word = "screened" if is_screened else "all"
                measure_id = f"{tool}-{case['chart']}-{word}-{case['series_id']}"
                direction = "increase" if tool == "pbi" else "neutral"
                rule_set = RULE_SET_BY_SCREENING[tool][is_screened]
                chart, multiplier = case["chart"], case["multiply"]
                extracts.add_measure(measure_id, chart, rule_set, direction, "event", multiplier)
                extracts.add_points(measure_id, rows)
                _add_phases_of_attributes(extracts, measure_id, case, list(rows["period_start"]), tool)


def _points_of_attributes(chart: str, rows: pd.DataFrame) -> pd.DataFrame:
    if chart in {"xbar", "s"}:
        groups = rows.groupby("date")["y"].agg(["count", "mean", "std"]).reset_index()
        return pd.DataFrame(
            {
                "period_start": groups["date"].dt.date,
                "subgroup_size": groups["count"].where(groups["count"] > 0).astype("Int64"),
                "subgroup_mean": groups["mean"],
                "subgroup_sd": groups["std"],
            }
        )
    start = rows["date"].dt.date
    if chart in COUNTED:
        return pd.DataFrame({"period_start": start, "numerator": rows["y"], "denominator": rows["n"]})
    return pd.DataFrame({"period_start": start, "value": rows["y"]})


def _add_phases_of_attributes(
    extracts: Extracts, measure_id: str, case: dict[Any, Any], dates: list, tool: str
) -> None:
    """`part` breaks after a point, `freeze` ends the baseline with one, `exclude` lists some (qic only)."""
    if pd.notna(case["part"]):
        extracts.add_event(measure_id, "rebase", dates[int(case["part"])], "part of the case")
    elif pd.notna(case["freeze"]):
        extracts.add_event(measure_id, "freeze", dates[int(case["freeze"]) - 1], "freeze of the case")
    if tool == "qic" and isinstance(case["exclude"], str):
        for position in case["exclude"].split(";"):
            extracts.add_event(measure_id, "exclude", dates[int(position) - 1], "exclude of the case")


def _add_accident_and_emergency(extracts: Extracts) -> None:
    """Three charts of ptd and four of qic for each department, as strata."""
    rows = read("realworld/ae_input.parquet").sort_values(["series_id", "date"])
    shared = {"stratum": rows["series_id"], "period_start": rows["date"].dt.date}
    for name, (direction, target) in AE_PTD.items():
        extracts.add_measure(f"ae-ptd-{name}", "i", "ptd", direction, "month")
        extracts.add_points(f"ae-ptd-{name}", pd.DataFrame(shared | {"value": rows[name].astype(float)}))
        extracts.add_target(f"ae-ptd-{name}", target)
    counts = {"numerator": rows["breaches"], "denominator": rows["attendances"]}
    for chart, what in AE_QIC.items():
        extracts.add_measure(f"ae-qic-{chart}", chart, "anhoej_screened", "neutral", "month")
        numbers = counts if what == "counts" else {"value": rows[what].astype(float)}
        extracts.add_points(f"ae-qic-{chart}", pd.DataFrame(shared | numbers))
