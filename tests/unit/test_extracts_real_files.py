"""The publishers' own files: what is read from them equals what they say and what pandas computes."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from pipelines.extracts.mapping import Mapping
from pipelines.extracts.read import Extracted, provided, read
from pipelines.extracts.recognise import recognise
from tests.unit.extract_cases import SHARED_DATA, contracts, mapping_named, mappings, values

MONTHLY = sorted((SHARED_DATA / "ae_monthly_raw_2024_25").glob("*.csv"))
ATTENDANCES = SHARED_DATA / "ae_attendances_2016_19" / "ae_attendances.csv"
SCOTLAND = SHARED_DATA / "scotland_ae" / "scotland_ae_attendance.parquet"
SURVEY = SHARED_DATA / "apha_cpd_survey" / "apha_cpd_survey.csv"
SHMI = SHARED_DATA / "shmi_2011_14" / "shmi.csv"
TRUSTS = SHARED_DATA / "ae_trust_monthly" / "england_trust_accidents_emergency.parquet"
WORKBOOK = SHARED_DATA / "ae_monthly_raw_2024_25" / "June-2025-AE-by-provider-3euC4-1.xlsx"
SNAPSHOTS = sorted((SHARED_DATA / "ods_trusts").glob("*.csv"))

# What the comment in the mapping says: publisher's column -> parts of points that give it.
BY_TYPE = {"type_1": "Type 1", "type_2": "Type 2", "other": "Other"}
COLUMNS = {
    "value": "A&E attendances {}",
    "booked": "A&E attendances Booked Appointments {}",
    "over": "Attendances over 4hrs {}",
    "booked_over": "Attendances over 4hrs Booked Appointments {}",
    "admissions": "Emergency admissions via A&E - {}",
}


def extracted(path: Path, extract: str) -> Extracted:
    mapping = recognise(path, list(mappings()))
    assert isinstance(mapping, Mapping)
    return read(path, mapping, extract, contracts()[extract])


def published(path: Path) -> tuple[Any, Any]:
    """Rows and total row of a monthly file, as pandas reads them."""
    frame: Any = pd.read_csv(path, dtype=str).iloc[:, :22]
    frame = frame.set_index(frame["Org Code"].str.strip().str.upper()).iloc[:, 4:].astype(int)
    return frame.drop(index="TOTAL"), frame.loc["TOTAL"]


def column_named(total: Any, pattern: str, kind: str) -> int:
    start = pattern.format(BY_TYPE[kind])
    return int(total[next(name for name in total.index if str(name).startswith(start))])


def test_thirteen_months_one_collection_and_five_snapshots_are_there() -> None:
    assert (len(MONTHLY), ATTENDANCES.is_file(), len(SNAPSHOTS)) == (13, True, 5)


@pytest.mark.parametrize("path", MONTHLY, ids=lambda path: path.stem)
def test_the_total_row_is_no_data_and_reconciles(path: Path) -> None:
    found = extracted(path, "measure_points")
    rows, total = published(path)
    assert found.rows_ignored == {"total row": 1}
    assert found.rows_received == len(rows) + 1
    assert not found.malformed_rows
    assert {each.name: (each.published, each.summed) for each in found.control_totals} == {
        name: (number, number) for name, number in total.items()
    }
    assert "TOTAL" not in {code.strip().upper() for code in values(found, "organisation_code")}
    flags = [name for name in found.table.column_names if name.endswith("__unparsed")]
    assert not any(any(values(found, flag)) for flag in flags)


@pytest.mark.parametrize("path", MONTHLY, ids=lambda path: path.stem)
def test_every_number_of_the_total_row_can_be_had_back_from_the_points(path: Path) -> None:
    connection = duckdb.connect()
    connection.register("points", extracted(path, "measure_points").table)
    summed = connection.execute(
        "select measure_id, sum(value), sum(numerator), sum(denominator) from points group by measure_id"
    ).fetchall()
    value = {measure: number for measure, number, _, _ in summed}
    numerator = {measure: number for measure, _, number, _ in summed}
    denominator = {measure: number for measure, _, _, number in summed}
    _, total = published(path)
    for kind in BY_TYPE:
        booked, over = f"ae_booked_over_4h_{kind}", f"ae_over_4h_{kind}"
        found = {
            "value": value[f"ae_attendances_{kind}"] - denominator.get(booked, 0),
            "booked": denominator.get(booked, 0),
            "over": numerator[over] - numerator.get(booked, 0),
            "booked_over": numerator.get(booked, 0),
            "admissions": value[f"ae_emergency_admissions_{kind}"],
        }
        assert found == {name: column_named(total, pattern, kind) for name, pattern in COLUMNS.items()}
        assert denominator[over] == value[f"ae_attendances_{kind}"]
    assert value["ae_waits_4_to_12h_dta"] == total.iloc[12]
    assert value["ae_waits_12h_dta"] == numerator["ae_waits_12h_dta_share"] == total.iloc[13]
    assert value["ae_emergency_admissions_not_via_ae"] == total.iloc[17]
    assert value["ae_emergency_admissions_all"] == total.iloc[14:18].sum()
    assert denominator["ae_waits_12h_dta_share"] == total.iloc[14:17].sum()
    assert value["ae_attendances_all"] == denominator["ae_within_4h_all"] == total.iloc[:6].sum()
    assert numerator["ae_over_4h_all"] == total.iloc[6:12].sum()
    assert numerator["ae_within_4h_all"] == total.iloc[:6].sum() - total.iloc[6:12].sum()


@pytest.mark.parametrize("path", MONTHLY, ids=lambda path: path.stem)
def test_points_of_each_organisation(path: Path) -> None:
    points = extracted(path, "measure_points").table.to_pandas()
    rows, _ = published(path)
    month = pd.Timestamp("1 " + " ".join(path.stem.split("-")[2:4]).replace(" copy", ""))
    assert set(points["period_start"]) == {month.date()}
    assert set(points["period_end"]) == {(month + pd.offsets.MonthEnd()).date()}
    assert set(points["edition"]) == {"revised" if "revised" in path.stem else "original"}
    assert not points.duplicated(["measure_id", "organisation_code"]).any()
    within = points[points["measure_id"] == "ae_within_4h_all"].set_index("organisation_code")
    attended = rows.iloc[:, :6].sum(axis=1)
    expected = attended - rows.iloc[:, 6:12].sum(axis=1)
    pd.testing.assert_series_equal(
        within["numerator"].sort_index(),
        expected[attended > 0].sort_index(),
        check_names=False,
        check_dtype=False,
    )
    lines = dict(zip(rows.index, range(2, len(rows) + 2), strict=True))
    assert (points["source_row"] == points["organisation_code"].map(lines)).all()


def test_stray_columns_are_reported() -> None:
    september = next(path for path in MONTHLY if "September" in path.name)
    assert extracted(september, "measure_points").unknown_columns == ["a"]


@pytest.mark.parametrize("path", MONTHLY, ids=lambda path: path.stem)
def test_providers_have_names_and_regions(path: Path) -> None:
    found = extracted(path, "organisations").table.to_pandas()
    rows, _ = published(path)
    assert sorted(found["organisation_code"]) == sorted(rows.index)
    assert set(found["region_code"]) == {"Y56", "Y58", "Y59", "Y60", "Y61", "Y62", "Y63"}
    assert (found["organisation_name"] == found["organisation_name"].str.strip()).all()
    assert set(found["register_rank"]) == {3}
    assert found["valid_from"].nunique() == 1


def test_2016_19_sums_and_records() -> None:
    found = extracted(ATTENDANCES, "measure_points")
    points: Any = found.table.to_pandas()
    raw: Any = pd.read_csv(ATTENDANCES)
    assert found.rows_received == len(raw) == 12765
    sums = points.groupby("measure_id")[["value", "numerator", "denominator"]].sum()
    for kind, rows in raw.groupby("type"):
        suffix = {"1": "type_1", "2": "type_2"}.get(str(kind), "other")
        assert sums.loc[f"ae_attendances_{suffix}", "value"] == rows["attendances"].sum()
        assert sums.loc[f"ae_over_4h_{suffix}", "numerator"] == rows["breaches"].sum()
        assert sums.loc[f"ae_over_4h_{suffix}", "denominator"] == rows["attendances"].sum()
        assert sums.loc[f"ae_emergency_admissions_{suffix}", "value"] == rows["admissions"].sum()
    assert sums["denominator"].sum() == 72_019_402
    assert sums["numerator"].sum() == 8_295_237
    assert len(points) == 3 * len(raw)
    assert not points.duplicated(["measure_id", "organisation_code", "period_start"]).any()
    assert (points["period_start"].min(), points["period_end"].max()) == (date(2016, 4, 1), date(2019, 3, 31))


def test_2016_19_organisations_are_named_once_from_their_first_month() -> None:
    found = extracted(ATTENDANCES, "organisations").table.to_pandas()
    raw: Any = pd.read_csv(ATTENDANCES)
    first = raw.groupby("org_code")["period"].min()
    assert dict(zip(found["organisation_code"], found["valid_from"].astype(str), strict=True)) == dict(first)
    assert found["organisation_name"].isna().all()
    assert set(found["register_rank"]) == {3}


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_each_snapshot_is_a_version_of_every_trust(path: Path) -> None:
    found = extracted(path, "organisations")
    raw: Any = pd.read_csv(path, header=None, dtype=str)
    table = found.table.to_pandas()
    day = date.fromisoformat(f"{path.stem.removeprefix('etr_repo')}-01")
    assert found.published_on == day
    assert set(table["valid_from"]) == {day}
    assert len(table) == len(raw) == found.rows_received
    for position, column in {
        0: "organisation_code",
        1: "organisation_name",
        2: "region_code",
        3: "icb_code",
    }.items():
        expected = raw[position].where(raw[position].notna(), None)
        assert [None if pd.isna(text) else text for text in table[column]] == [
            None if pd.isna(text) else text for text in expected
        ]
    closed = pd.to_datetime(raw[11], format="%Y%m%d").dt.date
    assert [None if pd.isna(day) else day for day in table["closed_on"]] == [
        None if pd.isna(day) else day for day in closed
    ]
    assert list(table["source_row"]) == list(range(1, len(raw) + 1))
    assert set(table["register_rank"]) == {1}


def test_regions_changed_between_snapshots() -> None:
    regions = [
        set(values(extracted(path, "organisations"), "region_code")) for path in (SNAPSHOTS[0], SNAPSHOTS[-1])
    ]
    assert "Y55" in regions[0]
    assert "Y55" not in regions[1]
    assert None in regions[0]


def test_the_layout_defines_every_measure_it_feeds() -> None:
    monthly = mapping_named("nhs_england_ae_monthly")
    definitions = provided(monthly, "measures", contracts()["measures"])
    defined = set(values(definitions, "measure_id"))
    fed = {
        point
        for path in (*MONTHLY, ATTENDANCES)
        for point in values(extracted(path, "measure_points"), "measure_id")
    }
    assert fed == defined
    assert all(values(definitions, "definition"))
    unparsed = [name for name in definitions.table.column_names if name.endswith("__unparsed")]
    assert not any(any(values(definitions, name)) for name in unparsed)
    assert mapping_named("nhs_ae_2016_19").definition.defined_in == "nhs_england_ae_monthly"


def by_key(points: Any, measure: str, *columns: str) -> Any:
    """Points of a measure as pandas has them, by organisation and month."""
    chosen = points[points["measure_id"] == measure]
    months = pd.to_datetime(chosen["period_start"]).astype("datetime64[us]")
    frame = chosen[list(columns)].set_index([chosen["organisation_code"], months])
    assert frame.index.is_unique
    return frame.rename_axis(["organisation", "month"]).sort_index()


def test_scotland_adds_up_the_lines_of_a_hospital_and_month() -> None:
    found = extracted(SCOTLAND, "measure_points")
    points: Any = found.table.to_pandas()
    raw: Any = pd.read_parquet(SCOTLAND)
    assert found.rows_received == len(raw) == 17844
    raw["month"] = pd.to_datetime(raw["date"]).dt.to_period("M").dt.to_timestamp()
    is_type_1 = raw["hospital_name"].str.endswith("Type 1")
    for kind, rows in {"all": raw, "type_1": raw[is_type_1], "other": raw[~is_type_1]}.items():
        names = {"attendances": "denominator", "within_4_hours": "numerator"}
        expected = rows.groupby(["hospital_code", "month"])[list(names)].sum().rename(columns=names)
        expected = expected.rename_axis(["organisation", "month"]).sort_index()
        found_rows = by_key(points, f"scot_ae_within_4h_{kind}", *names.values())
        pd.testing.assert_frame_equal(found_rows, expected, check_dtype=False)
        attended = by_key(points, f"scot_ae_attendances_{kind}", "value")["value"]
        pd.testing.assert_series_equal(
            attended, expected["denominator"], check_names=False, check_dtype=False
        )
    twice = raw.duplicated(["hospital_code", "month"], keep=False)
    assert found.units is not None
    assert found.units.num_rows == twice.sum() == 148
    assert set(found.units.column("source_row").to_pylist()) == {line + 1 for line in raw.index[twice]}


def test_scotland_names_a_site_from_its_first_month() -> None:
    found = extracted(SCOTLAND, "organisations").table.to_pandas()
    names = dict(found[found["organisation_code"] == "G405H"][["valid_from", "organisation_name"]].values)
    assert names == {
        date(2007, 7, 1): "Southern General Hospital",
        date(2015, 5, 1): "Queen Elizabeth University Hospital",
    }
    assert not found.duplicated(["organisation_code", "valid_from"]).any()


def test_shmi_is_observed_over_expected() -> None:
    points: Any = extracted(SHMI, "measure_points").table.to_pandas()
    raw: Any = pd.read_csv(SHMI)
    ratio = points[points["measure_id"] == "shmi"].reset_index(drop=True)
    assert len(ratio) == len(raw) == 1576
    assert list(ratio["numerator"]) == list(raw["OBSERVED"])
    assert list(ratio["denominator"]) == list(raw["EXPECTED"])
    assert list((ratio["numerator"] / ratio["denominator"]).round(4)) == list(raw["VALUE"])
    spells = points[points["measure_id"] == "shmi_spells"]
    assert list(spells["value"]) == list(raw["DENOMINATOR"])
    periods = dict(
        zip(ratio["published_on"], zip(ratio["period_start"], ratio["period_end"], strict=True), strict=True)
    )
    # As the publisher's pages of these two releases say.
    assert periods[date(2011, 10, 1)] == (date(2010, 4, 1), date(2011, 3, 31))
    assert periods[date(2012, 10, 1)] == (date(2011, 4, 1), date(2012, 3, 31))
    assert len(periods) == 11


def test_the_repacked_trusts_are_the_publisher_s_measures() -> None:
    found = extracted(TRUSTS, "measure_points")
    points: Any = found.table.to_pandas()
    raw: Any = pd.read_parquet(TRUSTS)
    raw["month"] = pd.to_datetime("1 " + raw["date"])
    raw = raw.set_index(["nhs_trust22_code", "month"]).rename_axis(["organisation", "month"]).sort_index()
    for measure, column in {
        "ae_attendances_all": "total_attendances",
        "ae_waits_over_4h_dta": "emergency_admissions_over_4hours",
        "ae_emergency_admissions_all": "total_emergency_admissions",
    }.items():
        pd.testing.assert_series_equal(
            by_key(points, measure, "value")["value"], raw[column], check_names=False
        )
    attended = raw[raw["total_attendances"] > 0]
    over = by_key(points, "ae_over_4h_all", "numerator", "denominator")
    assert list(over["denominator"]) == list(attended["total_attendances"])
    pd.testing.assert_series_equal(over["numerator"], attended["attendances_over_4hours"], check_names=False)
    assert set(points["edition"]) == {"provisional"}


def test_the_repacked_trusts_equal_the_publisher_but_for_two_cloned_months() -> None:
    """The reason for which both feed the same measures."""
    ours: Any = extracted(TRUSTS, "measure_points").table.to_pandas()
    for path in MONTHLY:
        theirs: Any = extracted(path, "measure_points").table.to_pandas()
        for measure in ("ae_attendances_all", "ae_waits_over_4h_dta", "ae_emergency_admissions_all"):
            both = by_key(ours, measure, "value").join(
                by_key(theirs, measure, "value"), rsuffix="s", how="inner"
            )
            share = (both["value"] == both["values"]).mean()
            is_cloned = "February-2025" in path.name or "March-2025" in path.name
            assert share < 0.25 if is_cloned else share > 0.99, path.name


def test_the_workbook_s_attendances_are_the_csv_s_unheralded_and_booked_ones() -> None:
    points: Any = extracted(WORKBOOK, "measure_points").table.to_pandas()
    june = next(path for path in MONTHLY if "June-2025" in path.name)
    rows, total = published(june)
    for kind in BY_TYPE:
        plain = column_named(total, COLUMNS["value"], kind)
        booked = column_named(total, COLUMNS["booked"], kind)
        names = [
            next(name for name in rows.columns if name.startswith(COLUMNS[each].format(BY_TYPE[kind])))
            for each in ("value", "booked")
        ]
        found = points[points["measure_id"] == f"ae_attendances_{kind}"].set_index("organisation_code")[
            "value"
        ]
        pd.testing.assert_series_equal(
            found.sort_index(), rows[names].sum(axis=1).sort_index(), check_names=False, check_dtype=False
        )
        assert found.sum() == plain + booked
        if kind == "type_1":
            assert (plain, booked, plain + booked) == (1_395_330, 33_233, 1_428_563)


def test_workbook_and_csv_of_a_month_bring_the_same_points() -> None:
    keys = ["measure_id", "organisation_code"]
    from_sheet = extracted(WORKBOOK, "measure_points")
    june = next(path for path in MONTHLY if "June-2025" in path.name)
    tables = []
    for found in (from_sheet, extracted(june, "measure_points")):
        frame: Any = found.table.to_pandas().drop(columns=["source_row", "published_on"])
        tables.append(frame[~frame["measure_id"].str.startswith("ae_booked")].sort_values(keys))
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in tables))
    assert from_sheet.published_on == date(2025, 7, 10)
    assert from_sheet.rows_ignored == {"total row": 1}
    assert all(total.published == total.summed for total in from_sheet.control_totals)
    assert len(from_sheet.control_totals) == 16


def test_the_four_hour_standard_has_dated_targets() -> None:
    found = provided(mapping_named("nhs_england_ae_monthly"), "targets", contracts()["targets"])
    assert values(found, "measure_id", "valid_from", "target") == [
        ("ae_within_4h_all", date(2010, 6, 22), 95.0),
        ("ae_within_4h_all", date(2023, 4, 1), 76.0),
        ("ae_within_4h_all", date(2024, 4, 1), 78.0),
        ("ae_within_4h_all", date(2025, 4, 1), 95.0),
    ]
    lines = Path(str(mapping_named("nhs_england_ae_monthly").path)).read_text(encoding="utf-8").splitlines()
    assert all("valid_from" in lines[line - 1] for line in values(found, "source_row"))


def test_a_whole_file_has_one_table_schema() -> None:
    schemas = {str(extracted(path, "measure_points").table.schema) for path in (*MONTHLY, ATTENDANCES)}
    assert len(schemas) == 1
    assert isinstance(extracted(ATTENDANCES, "measure_points").table, pa.Table)


def test_the_analysts_survey_becomes_counts_by_concept_and_pay_band() -> None:
    found = extracted(SURVEY, "survey_results")
    results: Any = found.table.to_pandas()
    raw: Any = pd.read_csv(SURVEY, dtype=str)
    band = raw["q05a_afc_band_cat"].where(raw["q05a_afc_band_cat"].str.match(r"Band \d"), "other grades")
    favourable = {
        "time": ("q12a_cpd_time_at_work_cat", ("Always", "Often")),
        "permission": ("q18a_org_study_leave_ind", ("Yes",)),
        "support": ("q14a_mgr_cpd_supportive_cat", ("Very",)),
        "organisation_support": ("q16a_org_cpd_supportive_cat", ("Very",)),
    }
    expected = {}
    for concept, (column, words) in favourable.items():
        answered = raw[column] != "-"
        yes = raw[column].str.startswith(words)
        expected[(concept, "all")] = (int(yes.sum()), int(answered.sum()))
        for name, people in raw.groupby(band).groups.items():
            expected[(concept, name)] = (int(yes[people].sum()), int(answered[people].sum()))
    counted = {
        (row.concept, row.breakdown_group): (row.numerator, row.denominator) for row in results.itertuples()
    }
    assert counted == expected
    assert (counted[("time", "all")], counted[("permission", "all")]) == ((81, 237), (113, 215))
    assert set(results["breakdown"]) == {"all", "pay_band"}
    assert found.unknown_columns == []
