"""What may be shown of counts of people: nobody can be told from a difference."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.metrics.disclosure import protect
from pipelines.metrics.shares import shares

GROUP = ["organisation_code"]


def cells(counts: list[int], total: bool = True) -> pd.DataFrame:
    """One group of parts with these counts, and their total."""
    strata = [f"part {at}" for at in range(len(counts))]
    frame = pd.DataFrame({"organisation_code": None, "stratum": strata, "count": counts})
    if not total:
        return frame
    whole = pd.DataFrame({"organisation_code": [None], "stratum": ["all"], "count": [sum(counts)]})
    return pd.concat([frame, whole], ignore_index=True)


def test_small_counts_are_withheld_and_others_rounded_to_five():
    found = protect(cells([0, 1, 7, 8, 12, 13], total=False), GROUP, ["count"])
    assert found["count"].fillna(-1).to_list() == [0, -1, -1, 10, 10, 15]
    assert found["suppression_reason"].fillna("").to_list() == [
        "",
        "small_number",
        "small_number",
        "",
        "",
        "",
    ]


def test_the_smallest_other_part_is_withheld_with_a_single_small_one():
    found = protect(cells([3, 40, 25, 60]), GROUP, ["count"])
    reasons = dict(zip(found["stratum"], found["suppression_reason"].fillna(""), strict=True))
    assert reasons == {
        "part 0": "small_number",
        "part 1": "",
        "part 2": "secondary",
        "part 3": "",
        "all": "",
    }


def test_a_single_part_takes_its_total_with_it():
    found = protect(cells([4]), GROUP, ["count"])
    assert found["count"].isna().all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 60), min_size=2, max_size=6))
def test_no_withheld_count_can_be_had_by_subtraction(counts):
    """An attacker knows the rule and every number shown, and tries all values that the cells may have had:
    what is left for the withheld ones must allow more than one answer for each."""
    found = protect(cells(counts), GROUP, ["count"])
    parts, total = found.iloc[:-1], found.iloc[-1]
    withheld = parts[parts["suppression_reason"].notna()]
    if withheld.empty or pd.isna(total["count"]):
        return
    shown = parts.loc[parts["suppression_reason"].isna(), "count"]
    lowest = sum(max(0, value - 2) for value in shown)
    highest = sum(value + 2 for value in shown)
    left = range(int(max(0, total["count"] - 2 - highest)), int(total["count"] + 2 - lowest) + 1)
    small = withheld["suppression_reason"] == "small_number"
    possible = [
        answer
        for answer in product(*(range(1, 8) if one else range(61) for one in small.head(2)))
        if sum(answer) in left or len(withheld) > 2
    ]
    for at in range(min(2, len(withheld))):
        assert len({answer[at] for answer in possible}) > 1


def test_what_is_computed_from_a_withheld_count_is_withheld():
    counts = pd.DataFrame(
        {
            "metric_id": "P",
            "organisation_code": "ZZ1",
            "measure_id": None,
            "period_start": pd.Timestamp("2026-04-01"),
            "period_end": pd.Timestamp("2027-03-31"),
            "stratum": ["a", "b", "all"],
            "numerator": [3.0, 31.0, 34.0],
            "denominator": [50.0, 62.0, 112.0],
        }
    )
    catalogue = pd.DataFrame({"metric_id": ["P"], "interval": ["wilson"], "counts_people": [True]})
    found = shares(counts, catalogue).set_index("stratum")
    assert (
        found.loc[["a", "b"], ["value", "lower", "upper", "numerator", "denominator", "n"]]
        .isna()
        .all(axis=None)
    )
    # Nothing shown is finer than the rounded counts.
    assert found.loc["all", "value"] == pytest.approx(35 / 110)
    assert found.loc["all", "n"] == 110
    plain = shares(counts, catalogue.assign(counts_people=False)).set_index("stratum")
    assert np.allclose(plain["value"].astype(float), [3 / 50, 34 / 112, 0.5])
