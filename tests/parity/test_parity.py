"""The published mart says what the reference tools printed, number for number and label for label.

Whatever differs is a row of `deviations.csv` with its reason, and each of its rows does differ.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.parity import printed

DEVIATIONS = Path(__file__).with_name("deviations.csv")
RELATIVE = 1e-9
# Sums that are 0 in exact arithmetic come out as some 1e-14.
ABSOLUTE = 1e-12

TABLES = {
    "ptd_points": (printed.ptd_points, "fct_spc_point", printed.POINT_KEY),
    "ptd_phases": (printed.ptd_phases, "fct_spc_phase", printed.PHASE_KEY),
    "ptd_icons": (printed.ptd_icons, "fct_spc_status", printed.CHART_KEY),
    "qic_points": (printed.qic_points, "fct_spc_point", printed.POINT_KEY),
    "qic_phases": (printed.qic_phases, "fct_spc_phase", printed.PHASE_KEY),
    "pbi_points": (printed.pbi_points, "fct_spc_point", printed.POINT_KEY),
    "pbi_icons": (printed.pbi_icons, "fct_spc_status", printed.CHART_KEY),
}
FEWEST_ROWS = {
    "ptd_points": 49_000,
    "ptd_phases": 200,
    "ptd_icons": 1_500,
    "qic_points": 80_000,
    "qic_phases": 2_400,
    "pbi_points": 10_000,
    "pbi_icons": 178,
}


def differences(expected: Any, ours: Any, key: list[str]) -> set[tuple[str, str]]:
    """(case, column) wherever a row of `expected` says something else than the row of ours with its key."""
    columns = [column for column in expected if column not in key]
    both = expected.merge(
        ours[key + columns], on=key, how="left", suffixes=("_printed", ""), indicator=True, validate="1:1"
    )
    missing = both[both["_merge"] != "both"]
    assert missing.empty, missing[key].head(10)
    case = both["measure_id"] + np.where(both["stratum"] == "all", "", "/" + both["stratum"])
    found: set[tuple[str, str]] = set()
    for column in columns:
        differs = ~_same(both[f"{column}_printed"], both[column])
        found |= {(name, column) for name in case[differs].unique()}
    return found


def _same(printed_values: Any, our_values: Any) -> Any:
    neither = printed_values.isna() & our_values.isna()
    if pd.api.types.is_float_dtype(printed_values) or pd.api.types.is_float_dtype(our_values):
        theirs, ours = printed_values.astype(float), our_values.astype(float)
        near = (theirs - ours).abs() <= RELATIVE * np.maximum(theirs.abs(), ours.abs()) + ABSOLUTE
        return neither | near
    return neither | (printed_values == our_values).fillna(False).astype(bool)


@pytest.mark.parametrize("name", TABLES)
def test_the_mart_says_what_the_tool_printed(name: str, charts: dict[str, Any]) -> None:
    make_expected, table, key = TABLES[name]
    expected = make_expected()
    assert len(expected) >= FEWEST_ROWS[name]
    found = differences(expected, charts[table], key)
    listed: Any = pd.read_csv(DEVIATIONS)
    listed = listed[listed["compared"] == name]
    allowed = set(zip(listed["case"], listed["column"], strict=True))
    assert found == allowed, (
        f"unlisted: {sorted(found - allowed)[:20]}; listed: {sorted(allowed - found)[:20]}"
    )


def test_each_deviation_has_a_reason() -> None:
    listed: Any = pd.read_csv(DEVIATIONS)
    assert not listed.duplicated(["compared", "case", "column"]).any()
    assert listed.notna().all().all()
    assert set(listed["compared"]) <= set(TABLES)


def test_a_series_in_which_ptd_fails_is_charted(charts: dict[str, Any]) -> None:
    """A missing value inside a trend stops ptd; ours breaks the trend there and goes on."""
    failed = "ptd-" + printed.read("errors.csv")["series_id"]
    status = charts["fct_spc_status"]
    of_failed = status[status["measure_id"].isin(failed)]
    assert len(of_failed) == len(failed) > 0
    assert of_failed["centre_line"].notna().all()
