"""What may be shown of counts of people: nobody can be told from a difference."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.metrics.disclosure import protect
from pipelines.metrics.places import variation_between_units
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


def test_a_part_of_nothing_hides_nothing():
    found = protect(cells([3, 0, 25, 60]), GROUP, ["count"])
    assert found["suppression_reason"].fillna("").to_list() == ["small_number", "", "secondary", "", ""]
    assert protect(cells([3, 0, 0, 60]), GROUP, ["count"])["count"].isna().sum() == 2


def units(counts: list[int]) -> pd.DataFrame:
    """The units of one organisation with these counts, and the organisation."""
    codes = [f"U{at}" for at in range(len(counts))]
    frame = pd.DataFrame({"organisation_code": "ZZ1", "unit_code": codes, "count": counts})
    whole = pd.DataFrame({"organisation_code": ["ZZ1"], "unit_code": [None], "count": [sum(counts)]})
    return pd.concat([frame, whole], ignore_index=True).assign(stratum="all")


def sums(parts: Sequence[range | set[int]], most: int) -> set[int]:
    """All sums, up to `most`, of one number from each part."""
    reached = {0}
    for part in parts:
        reached = {one + other for one in reached for other in part if one + other <= most}
    return reached


def recovered(frame: pd.DataFrame, rounded_by: int = 2) -> list[int]:
    """Which withheld parts an attacker knows for certain, who knows the rule, the reasons and every number
    shown: a small one is from 1 to 7, one withheld with it is not; what is shown may be so many more or
    less."""
    parts, total = frame.iloc[:-1], frame.iloc[-1]
    if pd.isna(total["count"]):
        return []
    most = int(total["count"]) + rounded_by
    small, other = range(1, 8), {0, *range(8, most + 1)}

    def about(count: float) -> range:
        return range(int(count) - rounded_by, int(count) + rounded_by + 1) if count else range(1)

    shown = [about(count) for count in parts["count"].dropna()]
    hidden = [small if reason == "small_number" else other for reason in parts["suppression_reason"].dropna()]
    left = {whole - of_shown for whole in about(total["count"]) for of_shown in sums(shown, most)}
    known = []
    for at, cell in enumerate(hidden):
        others = sums(hidden[:at] + hidden[at + 1 :], most)
        if sum(any(value + rest in left for rest in others) for value in cell) < 2:
            known.append(at)
    return known


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=6), st.sampled_from([cells, units]))
def test_no_withheld_count_can_be_had_by_subtraction(counts, parts_of):
    found = protect(parts_of(counts), GROUP, ["count"])
    assert not recovered(found), found


def test_the_attack_finds_what_is_not_protected():
    def told(counts: list[float], reasons: list[str]) -> pd.DataFrame:
        reason = pd.Series([each or None for each in [*reasons, ""]], dtype=object)
        return units([0] * len(reasons)).assign(count=counts, suppression_reason=reason)

    alone = told([np.nan, 40, 44], ["small_number", ""])
    assert recovered(alone, rounded_by=0) == [0]
    beside_nothing = told([np.nan, np.nan, 40, 44], ["small_number", "secondary", ""])
    assert recovered(beside_nothing, rounded_by=0) == [0, 1]
    beside_something = told([np.nan, 0, np.nan, 44], ["small_number", "", "secondary"])
    assert recovered(beside_something, rounded_by=0) == []


def test_units_are_withheld_where_the_organisation_would_give_them_away():
    counts = pd.DataFrame(
        {
            "metric_id": "P",
            "organisation_code": "ZZ1",
            "unit_code": [None, "A", "B", "C"],
            "measure_id": None,
            "period_start": pd.Timestamp("2026-04-01"),
            "period_end": pd.Timestamp("2027-03-31"),
            "stratum": "all",
            "numerator": [73.0, 3.0, 30.0, 40.0],
            "denominator": [260.0, 60.0, 90.0, 110.0],
        }
    )
    catalogue = pd.DataFrame({"metric_id": ["P"], "interval": ["wilson"], "counts_people": [True]})
    found = shares(counts, catalogue).set_index("unit_code")
    assert found.loc["A", "suppression_reason"] == "small_number"
    assert found.loc["B", "suppression_reason"] == "secondary"
    assert found.loc[["A", "B"], ["value", "numerator", "denominator", "n"]].isna().all(axis=None)
    assert (found.loc["C", "numerator"], found.loc["C", "denominator"]) == (40, 110)


def test_days_of_few_people_are_withheld_and_others_not_rounded():
    counts = pd.DataFrame(
        {
            "metric_id": "D",
            "organisation_code": "ZZ1",
            "unit_code": ["A", "B", "C", None],
            "measure_id": None,
            "period_start": pd.Timestamp("2026-04-01"),
            "period_end": pd.Timestamp("2027-03-31"),
            "stratum": "all",
            "numerator": [11.0, 233.0, 322.0, 566.0],
            "denominator": [900.0, 5001.0, 7003.0, 12904.0],
            "people": [4.0, 21.0, 30.0, np.nan],
        }
    )
    catalogue = pd.DataFrame({"metric_id": ["D"], "interval": ["none"], "counts_people": [False]})
    found = shares(counts, catalogue).set_index("unit_code")
    assert found.loc["A", "suppression_reason"] == "small_number"
    assert found.loc["B", "suppression_reason"] == "secondary"
    assert found.loc["C", "numerator"] == 322


def test_units_on_a_funnel_of_their_own_show_no_small_count():
    rng = np.random.default_rng(4)
    beds = rng.integers(2000, 9000, 12).astype(float)
    falls = np.array([*rng.poisson(beds[:10] * 0.006), 300.0, 4.0])
    members = pd.DataFrame(
        {
            "organisation_code": "ZZ1",
            "unit_code": [f"U{at}" for at in range(12)],
            "measure_id": "FALLS",
            "period_start": pd.Timestamp("2025-11-01"),
            "period_end": pd.Timestamp("2026-10-31"),
            "numerator": falls,
            "denominator": beds,
        }
    )
    found = variation_between_units(members)
    each = found[(found["metric_id"] == "O16") & found["unit_code"].notna()].set_index("unit_code")
    assert each.loc["U10", "stratum"] == "above limits"
    assert each.loc["U11", "suppression_reason"] == "small_number"
    assert (each["suppression_reason"] == "secondary").sum() == 1
    assert each[["value", "numerator", "denominator"]].loc[["U11"]].isna().all(axis=None)
    shown = each[each["suppression_reason"].isna()]
    assert (shown["numerator"].astype(float) % 5 == 0).all()
    total = found[found["unit_code"].isna() & (found["metric_id"] == "O25")].set_index("stratum")
    assert total.loc["share of units outside limits", "n"] == 10
    few = variation_between_units(members.head(4))
    assert few[few["value"].notna()].empty


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
