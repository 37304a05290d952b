"""Which mapping a file fits, and what is said when none does."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from pipelines.extracts.mapping import Mapping, canonical_mapping
from pipelines.extracts.recognise import Unrecognised, recognise
from tests.unit.extract_cases import SHARED_DATA, contracts, make_mapping, mappings

POINTS = "measure_id,organisation_code,period_start,value"


def recognised(path: Path, content: str | bytes, *more: Mapping) -> Mapping | Unrecognised:
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return recognise(path, [*mappings(), *more])


def name_of(found: Mapping | Unrecognised) -> str | None:
    return found.name if isinstance(found, Mapping) else None


def reason_of(found: Mapping | Unrecognised) -> str:
    assert isinstance(found, Unrecognised)
    return found.reason


@pytest.mark.parametrize(
    ("name", "extract"),
    [
        ("measure_points.csv", "measure_points"),
        ("MEASURE_POINTS_2026-10-01.CSV", "measure_points"),
        ("project_members.csv", "project_members"),
        ("projects_trust_a.csv", "projects"),
        ("measures.csv", "measures"),
        ("measure_events 3.csv", "measure_events"),
    ],
)
def test_canonical_files(tmp_path: Path, name: str, extract: str) -> None:
    header = ",".join(column.name for column in contracts()[extract].columns)
    assert name_of(recognised(tmp_path / name, f"{header}\n")) == f"canonical_{extract}"


def test_the_longest_name_wins(tmp_path: Path) -> None:
    contract = contracts()["organisations"]
    shorter = canonical_mapping(contract.model_copy(update={"extract": "org"}))
    found = recognised(tmp_path / "organisations.csv", "organisation_code\nRXX\n", shorter)
    assert name_of(found) == "canonical_organisations"
    assert name_of(recognised(tmp_path / "org.csv", "organisation_code\nRXX\n", shorter)) == "canonical_org"


def test_packed_and_tab_separated_files(tmp_path: Path) -> None:
    packed = gzip.compress(f"{POINTS}\n".encode())
    assert name_of(recognised(tmp_path / "measure_points.csv.gz", packed)) == "canonical_measure_points"
    tabs = POINTS.replace(",", "\t")
    assert name_of(recognised(tmp_path / "measure_points.tsv", tabs)) == "canonical_measure_points"


def test_a_supplier_file_needs_name_and_header(tmp_path: Path) -> None:
    real = next((SHARED_DATA / "ae_monthly_raw_2024_25").glob("*April-2025.csv")).read_text(encoding="utf-8")
    assert name_of(recognised(tmp_path / "Monthly-AE-April-2025.csv", real)) == "nhs_england_ae_monthly"
    reason = reason_of(recognised(tmp_path / "april.csv", real))
    assert "nhs_england_ae_monthly" in reason
    assert "the file name does not (Monthly-AE-*.csv)" in reason
    changed = real.replace("Parent Org", "Region")
    found = recognised(tmp_path / "Monthly-AE-May-2025.csv", changed)
    assert "nhs_england_ae_monthly" in reason_of(found)
    assert "1 of its 22 columns are missing: 'Parent Org'" in reason_of(found)
    assert isinstance(found, Unrecognised)
    assert found.nearest == "nhs_england_ae_monthly"


def test_a_headerless_file_needs_name_and_width(tmp_path: Path) -> None:
    line = ",".join(["RXX"] * 24)
    assert name_of(recognised(tmp_path / "etr_2026-07.csv", line)) == "ods_trusts"
    reason = reason_of(recognised(tmp_path / "etr_2026-08.csv", line + ",x"))
    assert "25 columns instead of 24 or 27" in reason
    assert "RXX" not in reason


def test_a_canonical_file_that_lacks_a_required_column_is_left_to_the_gate(tmp_path: Path) -> None:
    lacking = POINTS.replace("organisation_code,", "")
    assert name_of(recognised(tmp_path / "measure_points.csv", lacking)) == "canonical_measure_points"
    reason = reason_of(recognised(tmp_path / "measure_points_b.csv", "Jane Doe,RXX,1\n"))
    assert "3 of its 3 columns are missing" in reason
    assert "Jane Doe" not in reason


def test_another_separator_is_hinted_at(tmp_path: Path) -> None:
    found = recognised(tmp_path / "measure_points.csv", POINTS.replace(",", "^"))
    assert "its separator may be another" in reason_of(found)


@pytest.mark.parametrize("content", [b"", b"\xff\xfea", b"measure_id\0", b"PK\x03\x04", b'"measure_id'])
def test_an_unreadable_file_of_a_known_name_is_left_to_the_reader(tmp_path: Path, content: bytes) -> None:
    assert name_of(recognised(tmp_path / "measure_points.csv", content)) == "canonical_measure_points"


def test_an_unreadable_file_of_no_known_name(tmp_path: Path) -> None:
    assert reason_of(recognised(tmp_path / "report.csv", b""))


def test_two_mappings_that_fit_are_both_named(tmp_path: Path) -> None:
    layout = "header: [org]\nextracts: {organisations: {columns: {organisation_code: {column: org}}}}\n"
    first = make_mapping(tmp_path, layout, "supplier")
    second = make_mapping(tmp_path, layout, "supplier_a")
    reason = reason_of(recognised(tmp_path / "supplier_a.csv", "org\nRXX\n", first, second))
    assert "supplier and supplier_a" in reason


def test_real_files_are_recognised_and_others_named_with_a_reason() -> None:
    found = {
        path.name: recognise(path, list(mappings())) for path in SHARED_DATA.rglob("*") if path.is_file()
    }
    used = Counter(mapping.name for mapping in found.values() if isinstance(mapping, Mapping))
    assert used == {
        "apha_cpd_survey": 1,
        "nhs_england_ae_monthly": 13,
        "nhs_england_ae_workbook": 1,
        "nhs_ae_2016_19": 1,
        "healthyr_ae_trust_monthly": 1,
        "nhs_england_rtt": 2,
        "ods_trusts": 5,
        "scotland_ae_monthly": 1,
        "shmi_2011_14": 1,
    }
    assert "'.md' are not read" in reason_of(found["ORIGIN.md"])
    assert "'.md' are not read" in reason_of(found["ORIGIN.md"])


def test_a_file_that_nobody_can_read_is_told_why(tmp_path: Path) -> None:
    for name, content, words in (
        ("of nobody.csv", b"", "There is nothing in it."),
        ("of nobody.xlsx", b"<html><table></table></html>", "the content is a web page"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        found = recognise(path, list(mappings()))
        assert isinstance(found, Unrecognised)
        assert words in found.reason
