"""A draft of a known file finds the columns that its mapping uses, loads, and reads the file."""

from functools import cache
from pathlib import Path

import pytest
import xlsxwriter
import yaml
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.extracts.mapping import load_mapping
from pipelines.extracts.onboard import onboard
from pipelines.extracts.read import Extracted, read
from tests.unit.extract_cases import SHARED_DATA, contracts, mapping_named, mappings

FILES = {
    "nhs_england_ae_monthly": "ae_monthly_raw_2024_25/Monthly-AE-September-2024.csv",
    "nhs_england_ae_workbook": "ae_monthly_raw_2024_25/June-2025-AE-by-provider-3euC4-1.xlsx",
    "nhs_ae_2016_19": "ae_attendances_2016_19/ae_attendances.csv",
    "healthyr_ae_trust_monthly": "ae_trust_monthly/england_trust_accidents_emergency.parquet",
    "scotland_ae_monthly": "scotland_ae/scotland_ae_attendance.parquet",
    "shmi_2011_14": "shmi_2011_14/shmi.csv",
    "ods_trusts": "ods_trusts/etr_repo2026-07.csv",
}


@cache
def drafted(path: Path) -> tuple[str, str]:
    found = onboard(path, contracts(), list(mappings()))
    return found.name, found.text


def of(text: str) -> dict:
    return yaml.safe_load(text)


def read_with_draft(path: Path, folder: Path) -> dict[str, Extracted]:
    name, text = drafted(path)
    target = folder / f"{name}.yml"
    target.write_text(text, encoding="utf-8")
    mapping = load_mapping(target, contracts())
    return {each: read(path, mapping, each, contracts()[each]) for each in mapping.extracts}


def columns_in(value: object) -> set[str]:
    """Every column that a part of a mapping reads."""
    if isinstance(value, dict):
        own = {value["column"]} if isinstance(value.get("column"), str) else set()
        return own.union(*(columns_in(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(columns_in(each) for each in value))
    return set()


@pytest.mark.parametrize("known", FILES)
def test_a_draft_reads_the_file_it_was_made_from(known: str, tmp_path: Path) -> None:
    path = SHARED_DATA / FILES[known]
    found = read_with_draft(path, tmp_path)
    ours = read(path, mapping_named(known), "organisations", contracts()["organisations"])
    theirs = found["organisations"]
    assert set(theirs.table.column("organisation_code").to_pylist()) == set(
        ours.table.column("organisation_code").to_pylist()
    )
    assert theirs.rows_received == ours.rows_received
    assert theirs.rows_ignored == ours.rows_ignored
    for extracted in found.values():
        flags = [name for name in extracted.table.column_names if name.endswith("__unparsed")]
        assert not any(any(extracted.table.column(flag).to_pylist()) for flag in flags)
    assert f"The mapping {known} reads this file already." in drafted(path)[1]


@pytest.mark.parametrize("known", [name for name in FILES if name != "ods_trusts"])
def test_a_draft_finds_the_numbers_and_the_period(known: str, tmp_path: Path) -> None:
    path = SHARED_DATA / FILES[known]
    definition = mapping_named(known).definition
    feed = definition.extracts["measure_points"]
    draft = of(drafted(path)[1])["extracts"]["measure_points"]
    wanted = {name for source in feed.sources for name in source.columns}
    missed = wanted - columns_in(draft)
    # A name that only tells the kind of a site, or a category that the known mapping maps to measures.
    assert missed <= {"hospital_name"}
    if known != "shmi_2011_14":
        points = read_with_draft(path, tmp_path)["measure_points"].table
        ours = read(path, mapping_named(known), "measure_points", contracts()["measure_points"]).table
        for column in ("period_start", "period_end"):
            assert set(points.column(column).to_pylist()) == set(ours.column(column).to_pylist())


def test_what_is_told_of_single_files() -> None:
    monthly = of(drafted(SHARED_DATA / FILES["nhs_england_ae_monthly"])[1])
    assert monthly["ignore_rows"][0]["control_total"] is True
    assert monthly["extracts"]["measure_points"]["columns"]["period_start"]["format"] == "MSitAE-%B-%Y"
    assert "a" in monthly["optional"]
    workbook = of(drafted(SHARED_DATA / FILES["nhs_england_ae_workbook"])[1])
    assert workbook["sheet"]["name"] == "Provider Level Data"
    assert workbook["sheet"]["header_rows"] == 2
    assert workbook["ignore_rows"][0] == {
        "column": "Name",
        "matches": "england",
        "reason": "total row",
        "control_total": True,
    }
    collection = of(drafted(SHARED_DATA / FILES["nhs_ae_2016_19"])[1])["extracts"]["measure_points"]
    assert collection["columns"]["stratum"] == {"column": "type"}
    assert collection["records"][1]["numerator"] == {"column": "breaches"}
    assert collection["records"][1]["denominator"] == {"column": "attendances"}
    mortality = of(drafted(SHARED_DATA / FILES["shmi_2011_14"])[1])["extracts"]["measure_points"]
    (ratio,) = [each for each in mortality["records"] if "numerator" in each]
    assert (ratio["numerator"]["column"], ratio["denominator"]["column"]) == ("OBSERVED", "EXPECTED")
    assert (
        "add_up" in of(drafted(SHARED_DATA / FILES["scotland_ae_monthly"])[1])["extracts"]["measure_points"]
    )
    register = of(drafted(SHARED_DATA / FILES["ods_trusts"])[1])
    assert register["headerless"]["widths"] == [27]
    assert list(register["extracts"]) == ["organisations"]
    assert register["extracts"]["organisations"]["columns"]["organisation_name"] == {"column": "column 2"}


# Synthetic: semicolons, a sign of a withheld number, a total that is not the sum, free text.
RETURN = (
    "Trust;Month;Falls;Bed days;Comment\n"
    "ZZ1;Sep-26;4;812;call Ms Example on ward one\n"
    "ZZ2;Sep-26;*;640;none of note\n"
    "Total;;9;1453;\n"
)


def test_a_return_with_odd_marks(tmp_path: Path) -> None:
    path = tmp_path / "returns_2026-09.csv"
    path.write_text(RETURN, encoding="utf-8")
    name, text = drafted(path)
    assert name == "returns"
    draft = of(text)
    assert draft["delimiter"] == ";"
    assert draft["file"] == "returns_*.csv"
    assert 'Signs of withheld numbers seen, which become null: "*".' in text
    assert draft["extracts"]["measure_points"]["columns"]["period_start"]["format"] == "%b-%y"
    assert draft["ignore_rows"] == [{"column": "Trust", "matches": "total", "reason": "total row"}]
    assert "Example" not in text
    assert "note" not in text.replace("notes", "")


def test_a_file_without_anything_known_says_so(tmp_path: Path) -> None:
    path = tmp_path / "poems.csv"
    path.write_text("title,verses\nAn ode,12\nA sonnet,14\n", encoding="utf-8")
    _, text = drafted(path)
    assert "no column looks like codes of organisations" in text
    assert "no column looks like a period" in text
    assert "sonnet" not in text


def test_side_sheets_and_titles_do_not_hide_the_table(tmp_path: Path) -> None:
    path = tmp_path / "board_report.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        cover = book.add_worksheet("Cover")
        cover.write_row(0, 0, ["Board report", "for people"])
        sheet = book.add_worksheet("Data")
        sheet.write(0, 0, "Falls by trust")
        sheet.write_row(1, 0, ["Period:", "September 2026"])
        sheet.write_row(3, 1, ["Org code", "Org name", "Falls", "Bed days"])
        for row in range(20):
            sheet.write_row(4 + row, 1, [f"ZZ{chr(65 + row)}", f"Trust number {row}", row + 1, 100 + row])
    draft = of(drafted(path)[1])
    assert draft["sheet"] == {"name": "Data", "notes": {"month": {"beside": "Period:"}}}
    points = draft["extracts"]["measure_points"]["columns"]
    assert points["organisation_code"]["column"] == "Org code"
    assert points["period_start"] == {"note": "month", "format": "%B %Y", "period": "month"}


def test_a_header_of_merged_cells_goes_on_in_the_next_row(tmp_path: Path) -> None:
    path = tmp_path / "ward_falls.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("Return")
        sheet.write_row(0, 0, ["Period", "Mar-26"])
        for column, name in ((0, "Trust code"), (1, "Ward"), (4, "Bed days")):
            sheet.merge_range(2, column, 3, column, name)
        sheet.merge_range(2, 2, 2, 3, "Falls")
        sheet.write_row(3, 2, ["With harm", "All"])
        for at in range(3):
            sheet.write_row(4 + at, 0, ["ZZA", f"W{at}", at, 5 + at, 700 + at])
    draft = of(drafted(path)[1])
    assert draft["sheet"]["header_rows"] == 2
    assert {"Falls / With harm", "Falls / All", "Bed days"} <= {*draft["header"], *draft.get("optional", ())}
    assert read_with_draft(path, tmp_path)["measure_points"].table.num_rows == 9


def test_the_command_writes_a_draft_once(tmp_path: Path) -> None:
    path, out = tmp_path / "returns_2026-09.csv", tmp_path / "kestrel.yml"
    path.write_text(RETURN, encoding="utf-8")
    shown = CliRunner().invoke(main, ["onboard", str(path)])
    assert shown.exit_code == 0
    assert shown.output.startswith("# A draft of the layout of returns_2026-09.csv.")
    first = CliRunner().invoke(main, ["onboard", str(path), "--out", str(out)])
    assert first.exit_code == 0
    assert of(out.read_text("utf-8"))["mapping"] == "kestrel"
    again = CliRunner().invoke(main, ["onboard", str(path), "--out", str(out)])
    assert again.exit_code == 1
    assert "drafts overwrite nothing" in again.output


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "letter.pdf"
    path.write_bytes(b"%PDF-1.7")
    result = CliRunner().invoke(main, ["onboard", str(path)])
    assert result.exit_code == 1
    assert "UNKNOWN_FORMAT" in result.output
