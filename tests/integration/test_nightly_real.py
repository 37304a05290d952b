"""The real public files, as an engineer would receive them, in one mart."""

import csv
import zipfile
from collections import Counter
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.integration.conftest import REAL_DATA

TYPES = {"Type 1": "type_1", "Type 2": "type_2", "Other A&E Department": "other"}
MONTHLY = sorted((REAL_DATA / "ae_monthly_raw_2024_25").glob("Monthly-AE-*.csv"))


def published_total(path) -> tuple[date, dict[str, int]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    total = next(row for row in rows if row["Org Code"].strip().lower() == "total")
    month = datetime.strptime(rows[0]["Period"].removeprefix("MSitAE-").title(), "%B-%Y")
    return month.date(), {name: int(text) for name, text in total.items() if text and text.isdigit()}


@pytest.mark.parametrize("path", MONTHLY, ids=lambda path: path.stem)
def test_publishers_totals_are_reproduced_to_the_unit(real_night, path):
    home, _ = real_night
    month, published = published_total(path)

    def total(measure: str) -> tuple[int, int, int]:
        (row,) = home.ask(
            "select coalesce(sum(value), 0)::bigint, coalesce(sum(numerator), 0)::bigint, "
            "coalesce(sum(denominator), 0)::bigint from core.fct_measure_point where is_latest "
            f"and not is_withdrawn and measure_id = '{measure}' and period_start = date '{month}'"
        )
        return row

    found = {}
    for words, suffix in TYPES.items():
        booked = "Other Department" if suffix == "other" else words
        attendances = total(f"ae_attendances_{suffix}")[0]
        _, booked_over, booked_all = total(f"ae_booked_over_4h_{suffix}")
        found[f"A&E attendances {words}"] = attendances - booked_all
        found[f"A&E attendances Booked Appointments {booked}"] = booked_all
        found[f"Attendances over 4hrs {'Other Department' if suffix == 'other' else words}"] = (
            total(f"ae_over_4h_{suffix}")[1] - booked_over
        )
        found[f"Attendances over 4hrs Booked Appointments {booked}"] = booked_over
        admissions = "Other A&E department" if suffix == "other" else words
        found[f"Emergency admissions via A&E - {admissions}"] = total(f"ae_emergency_admissions_{suffix}")[0]
    found["Patients who have waited 4-12 hs from DTA to admission"] = total("ae_waits_4_to_12h_dta")[0]
    found["Patients who have waited 12+ hrs from DTA to admission"] = total("ae_waits_12h_dta")[0]
    found["Other emergency admissions"] = total("ae_emergency_admissions_not_via_ae")[0]
    assert len(found) == 18
    assert found == {name: published[name] for name in found}


def test_total_rows_do_not_enter_as_data(real_night):
    home, _ = real_night
    codes = home.ask("select distinct lower(trim(organisation_code)) from core.fct_measure_point")
    assert ("total",) not in codes
    assert len(codes) > 250


def test_the_series_of_2016_to_2019_adds_up_to_its_file(real_night):
    home, _ = real_night
    expected = Counter()
    with (REAL_DATA / "ae_attendances_2016_19" / "ae_attendances.csv").open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            kind = {"1": "type_1", "2": "type_2", "other": "other"}[row["type"]]
            expected[f"ae_attendances_{kind}"] += int(float(row["attendances"]))
            expected[f"ae_emergency_admissions_{kind}"] += int(float(row["admissions"]))
            expected[f"ae_over_4h_{kind}"] += int(float(row["breaches"]))
    found = home.ask(
        "select measure_id, sum(case when measure_id like 'ae_over%' then numerator else value end)::bigint "
        "from core.fct_measure_point where is_latest and period_start < date '2019-04-01' "
        "and regexp_matches(measure_id, '^ae_.*(type_1|type_2|other)$') group by measure_id"
    )
    assert dict(found) == dict(expected)


WAITS = {
    "Full-CSV-data-file-Jan26.zip": (date(2026, 1, 1), 7_187_677),
    "20260430-RTT-April-2026-full-extract.csv.zip": (date(2026, 4, 1), 7_123_980),
}


def rtt_lines(name: str) -> Any:
    """Incomplete pathways of a full extract, totals included: provider, function, all, within 18, over 52."""
    with zipfile.ZipFile(REAL_DATA / "rtt_full_extract" / name) as archive:
        (member,) = [each for each in archive.namelist() if not each.startswith("__")]
        frame: Any = pd.read_csv(archive.open(member))
    frame = frame[frame["RTT Part Type"] == "Part_2"]
    weeks = frame.filter(regex="^Gt ")
    return pd.DataFrame(
        {
            "organisation_code": frame["Provider Org Code"],
            "stratum": frame["Treatment Function Code"],
            "denominator": frame["Total All"],
            "rtt_within_18_weeks": weeks.iloc[:, :18].sum(axis=1),
            "rtt_over_52_weeks": weeks.iloc[:, 52:].sum(axis=1),
        }
    )


@pytest.mark.parametrize("name", WAITS)
def test_the_waiting_list_is_counted_once(real_night, name):
    home, _ = real_night
    month, total = WAITS[name]
    lines = rtt_lines(name)
    assert lines["denominator"].sum() == 2 * total
    parts = lines[lines["stratum"] != "C_999"]
    for measure in ("rtt_within_18_weeks", "rtt_over_52_weeks"):
        for points, keys in (
            (measure, ["organisation_code"]),
            (f"{measure}_by_function", ["organisation_code", "stratum"]),
        ):
            found = home.ask(
                f"select {', '.join(keys)}, numerator, denominator from core.fct_measure_point "
                f"where measure_id = '{points}' and period_start = date '{month}' and is_latest "
                f"and (stratum = 'all' or measure_id like '%function') order by {', '.join(keys)}"
            )
            assert sum(row[-1] for row in found) == total
            expected = parts.groupby(keys)[[measure, "denominator"]].sum().reset_index()
            assert found == list(expected.itertuples(index=False, name=None))


def test_the_workbook_and_the_csv_of_a_month_do_not_add_up(real_night):
    home, _ = real_night
    total = home.ask(
        "select sum(value)::bigint, count(*), count(distinct organisation_code) from core.fct_measure_point "
        "where measure_id = 'ae_attendances_type_1' and period_start = date '2025-06-01' and is_latest"
    )
    assert total == [(1_428_563, 201, 201)]
    text = home.qi("explain", "ae_attendances_type_1", "RJ1", "2025-06-01")
    assert "June-2025-AE-by-provider-3euC4-1.xlsx" in text


def test_repacked_numbers_fill_months_and_overrule_nothing(real_night):
    home, _ = real_night
    editions = dict(
        home.ask(
            "select period_start, string_agg(distinct edition, ' ') from core.fct_measure_point "
            "where is_latest and measure_id = 'ae_within_4h_all' and organisation_code = 'RJ1' "
            "group by period_start"
        )
    )
    assert editions[date(2024, 5, 1)] == editions[date(2025, 7, 1)] == "provisional"
    assert {editions[date(2024, 6, 1)], editions[date(2025, 3, 1)]} == {"original"}
    assert editions[date(2025, 2, 1)] == "revised"
    assert min(editions) == date(2021, 4, 1)


def test_every_file_is_accounted_for(real_night):
    home, printed = real_night
    delivered = {path.relative_to(REAL_DATA).as_posix() for path in REAL_DATA.rglob("*") if path.is_file()}
    known = {path for (path,) in home.ask("select distinct file_path from ops.fct_load")}
    assert delivered <= known
    assert home.ask("select load_id from ops.fct_load where not is_conserved") == []
    unrecognised = home.ask("select file_path from ops.fct_load where verdict = 'unrecognised'")
    assert unrecognised
    for (path,) in unrecognised:
        assert path in printed
    loaded = home.ask(
        "select count(*) from ops.fct_load where extract = 'measure_points' and verdict = 'accepted' "
        "and rows_quarantined = 0 and rows_refused = 0"
    )
    assert loaded == [(19,)]


def test_the_cloned_months_are_caught_and_no_other_month_of_any_file(real_night):
    """healthyr publishes February and March 2025 as copies of 2024's; nothing else waits in quarantine."""
    home, _ = real_night
    caught = home.ask(
        "select distinct file_name, code from ops.fct_quarantined_row join ops.fct_load using (load_id)"
    )
    assert caught == [("england_trust_accidents_emergency.parquet", "PERIOD_CLONED")]
    lines = pd.read_parquet(REAL_DATA / "ae_trust_monthly" / "england_trust_accidents_emergency.parquet")
    cloned = np.flatnonzero(lines["date"].isin(["February 2025", "March 2025"])) + 1
    waiting = home.ask("select source_row from ops.fct_quarantined_row order by source_row")
    assert [row for (row,) in waiting] == list(cloned)


def test_revised_editions_are_told_from_originals(real_night):
    home, _ = real_night
    editions = home.ask(
        "select edition, count(distinct load_id) from core.fct_measure_point where period_start >= "
        "date '2024-01-01' and measure_id like 'ae_%' group by edition order by edition"
    )
    # The workbook came first by its date of publication; of the CSV of June only booked attendances are new.
    assert editions == [("original", 10), ("provisional", 1), ("revised", 4)]


def test_organisations_have_versions_from_five_snapshots(real_night):
    home, _ = real_night
    # Solent moved from region Y57 to Y59 when the regions were redrawn.
    regions = home.ask(
        "select region_code from core.dim_organisation where organisation_code = 'R1C' order by valid_from"
    )
    assert [code for (code,) in regions][:2] == ["Y57", "Y59"]
    (closed,) = home.ask(
        "select closed_on from core.dim_organisation where organisation_code = 'R1C' and is_latest"
    )
    assert closed == (date(2024, 9, 30),)


def test_codes_outside_the_register_are_marked(real_night):
    home, _ = real_night
    counts = dict(
        home.ask("select is_in_register, count(*) from core.dim_organisation where is_latest group by 1")
    )
    assert counts[True] > 200
    assert counts[False] > 50


@pytest.mark.parametrize(
    ("day", "target"), [("2019-01-01", 95), ("2023-06-01", 76), ("2024-06-01", 78), ("2025-06-01", 95)]
)
def test_the_four_hour_standard_has_its_dated_targets(real_night, day, target):
    home, _ = real_night
    rows = home.ask(
        "select target from core.dim_target where measure_id = 'ae_within_4h_all' and is_latest "
        f"and valid_from <= date '{day}' order by valid_from desc limit 1"
    )
    assert rows == [(target,)]


def test_what_is_missing_is_told_from_zero(real_night):
    home, _ = real_night
    statuses = dict(home.ask("select status, count(*) from core.fct_expected_point group by status"))
    assert statuses["received"] > 50_000
    assert statuses["missing"] > 0
    zero = home.ask(
        "select count(*) from core.fct_measure_point where is_latest and value = 0 "
        "and measure_id = 'ae_waits_12h_dta'"
    )
    assert zero[0][0] > 0


def test_a_number_is_followed_back_to_its_line(real_night):
    home, _ = real_night
    text = home.qi("explain", "ae_attendances_type_1", "RJ1", "2025-05-01")
    lines = (REAL_DATA / "ae_monthly_raw_2024_25" / "Monthly-AE-May-2025.csv").read_text("utf-8")
    number = next(n for n, line in enumerate(lines.splitlines(), start=1) if ",RJ1," in line)
    assert f"line {number} of the file" in text
    assert "Monthly-AE-May-2025.csv" in text
    assert "kept as received: yes" in text
