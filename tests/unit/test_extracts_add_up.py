"""Records that are sums over lines: what they add up to, which lines go together, and what is refused."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.extracts.control_totals import ControlTotal
from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.mapping import MappingError
from pipelines.extracts.read import Extracted
from pipelines.gates.gate import judge
from pipelines.gates.units import of_whole_units, whole_units
from tests.unit.extract_cases import contracts, make_mapping, read_supplied, values

# Two measures: all departments of a hospital, and each of them.
LAYOUT = """\
header: [hospital, department, month, seen, met]
ignore_rows:
  - {column: department, matches: all, reason: total row, control_total: true, within: [hospital, month]}
extracts:
  measure_points:
    columns:
      organisation_code: {column: hospital}
      period_start: {column: month}
    records:
      - {measure_id: of_all, stratum: all, numerator: {column: met}, denominator: {column: seen}}
      - measure_id: of_each
        stratum: {column: department}
        numerator: {column: met}
        denominator: {column: seen}
    add_up:
      columns: [numerator, denominator]
      per: [measure_id, organisation_code, stratum, period_start]
"""
HEADER = "hospital,department,month,seen,met\n"
LINES = (
    "H1,eyes,2024-01-01,10,9\n"
    "H1,ears,2024-01-01,20,15\n"
    "H2,eyes,2024-01-01,5,4\n"
    "H1,eyes,2024-01-01,30,20\n"
    "H1,eyes,2024-02-01,7,7\n"
)
TABLE = (
    "measure_id",
    "organisation_code",
    "stratum",
    "period_start",
    "numerator",
    "denominator",
    "source_row",
)


def read(folder: Path, lines: str) -> Extracted:
    return read_supplied(folder, LAYOUT, HEADER + lines)


def test_lines_are_added_up_and_a_sum_names_its_first_line(tmp_path: Path) -> None:
    january, february = date(2024, 1, 1), date(2024, 2, 1)
    assert values(read(tmp_path, LINES), *TABLE) == [
        ("of_all", "H1", "all", january, 44, 60, 2),
        ("of_each", "H1", "eyes", january, 29, 40, 2),
        ("of_each", "H1", "ears", january, 15, 20, 3),
        ("of_all", "H2", "all", january, 4, 5, 4),
        ("of_each", "H2", "eyes", january, 4, 5, 4),
        ("of_all", "H1", "all", february, 7, 7, 6),
        ("of_each", "H1", "eyes", february, 7, 7, 6),
    ]


def test_lines_whose_sums_share_a_line_are_one_unit(tmp_path: Path) -> None:
    found = read(tmp_path, LINES)
    assert found.units is not None
    assert found.units.to_pydict() == {"source_row": [2, 3, 5], "source_unit": [2, 2, 2]}
    assert found.rows_received == 5


@pytest.mark.parametrize(
    ("cell", "unparsed", "reason"),
    [("", False, None), ("many", True, None), ("*", False, "numerator: suppressed by the publisher")],
)
def test_a_sum_is_known_only_when_all_its_parts_are(tmp_path: Path, cell, unparsed, reason) -> None:
    found = read(tmp_path, f"H1,eyes,2024-01-01,10,9\nH1,eyes,2024-01-01,20,{cell}\n")
    assert values(found, "numerator", "numerator__unparsed", "suppression_reason", "denominator") == [
        (None, unparsed, reason, 30),
        (None, unparsed, reason, 30),
    ]


def test_a_line_that_cannot_be_read_would_be_missing_from_a_sum(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"SUM_INCOMPLETE \(line 3\)"):
        read(tmp_path, "H1,eyes,2024-01-01,10,9\nH1,ears,2024-01-01,10\n")


def judged(extracted: Extracted):
    lookups = {
        "measure": pa.table({"measure_id": ["of_all", "of_each"], "chart_type": ["p", "p"]}),
        "organisation": pa.table({"organisation_code": ["H1", "H2"]}),
        "unit": pa.table(
            {"organisation_code": pa.array([], pa.string()), "unit_code": pa.array([], pa.string())}
        ),
    }
    contract = contracts()["measure_points"]
    for lookup in contract.lookups:
        known = lookups[lookup.name]
        for name in lookup.take:
            if name not in known.column_names:
                column = pa.nulls(known.num_rows, contract_type(lookup.extract, name))
                known = known.append_column(name, column)
        lookups[lookup.name] = known
    lenient = contract.model_copy(update={"max_quarantined_share": 1.0})
    return judge(extracted, lenient, lookups, received_on=date(2026, 1, 1))


def contract_type(extract: str, name: str) -> pa.DataType:
    return next(column.arrow_type for column in contracts()[extract].columns if column.name == name)


def test_a_failing_sum_takes_all_lines_of_its_unit_into_quarantine(tmp_path: Path) -> None:
    found = judged(read(tmp_path, LINES.replace("H1,eyes,2024-01-01,30,20", "H1,eyes,2024-01-01,30,90")))
    assert found.row_codes.to_pydict()["source_row"] == [2, 3, 5]
    assert set(found.row_codes.to_pydict()["code"]) == {"NUMERATOR_OVER_DENOMINATOR"}
    assert (found.rows_accepted, found.rows_quarantined, found.rows_refused, found.rows_ignored) == (
        2,
        3,
        0,
        0,
    )
    assert sorted(found.accepted.column("source_row").to_pylist()) == [4, 4, 6, 6]
    assert sorted(found.quarantined.column("source_row").to_pylist()) == [2, 2, 3]


def test_good_sums_are_accepted_and_every_line_counts(tmp_path: Path) -> None:
    found = judged(read(tmp_path, LINES))
    assert (found.rows_accepted, found.rows_quarantined) == (5, 0)
    assert found.accepted.num_rows == 7


def test_totals_within_parts_of_a_file_are_compared_with_their_lines(tmp_path: Path) -> None:
    totals = "H1,all,2024-01-01,60,44\nH2,all,2024-01-01,5,4\nH1,all,2024-02-01,7,7\n"
    found = read(tmp_path, LINES + totals)
    assert found.rows_ignored == {"total row": 3}
    assert found.control_totals == [ControlTotal("seen", 72, 72), ControlTotal("met", 55, 55)]
    # Two errors that cancel out in the whole file are still two errors.
    found = read(tmp_path, LINES + totals.replace("60,44", "61,44").replace("5,4", "4,4"))
    assert found.control_totals == [
        ControlTotal("seen", 61, 60),
        ControlTotal("seen", 4, 5),
        ControlTotal("met", 55, 55),
    ]
    assert judged(found).is_refused
    found = read(tmp_path, LINES + "H3,all,2024-01-01,60,44\n")
    assert found.control_totals == [ControlTotal("seen", 60, 0), ControlTotal("met", 44, 0)]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "per: [measure_id",
            "per: [measured",
            "add_up names columns its contract does not have: ['measured']",
        ),
        ("stratum, period_start]", "period_start]", "add_up does not say what becomes of ['stratum']"),
        ("columns: [numerator, denominator]", "columns: [numerator]", "what becomes of ['denominator']"),
        (
            "columns: [numerator,",
            "columns: [edition, numerator,",
            "adds columns that are no numbers: ['edition']",
        ),
        ("control_total: true, ", "", "within needs control_total"),
        ("within: [hospital", "within: [hospice", "neither in header nor optional: ['hospice']"),
        (
            "    add_up:\n",
            "    one_per: {columns: [stratum], earliest: period_start}\n    add_up:\n",
            "one_per and add_up exclude each other",
        ),
    ],
)
def test_what_does_not_add_up_is_said(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in LAYOUT
    with pytest.raises(MappingError) as caught:
        make_mapping(tmp_path, LAYOUT.replace(old, new))
    assert complaint in str(caught.value)


@given(
    st.dictionaries(st.integers(1, 30), st.integers(1, 5), max_size=20),
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from("AB")), max_size=10),
)
def test_reasons_are_given_for_whole_units(members: dict[int, int], reasons: list[tuple[int, str]]) -> None:
    unit_of = {line: min(other for other in members if members[other] == members[line]) for line in members}
    lines = sorted(line for line in unit_of if list(unit_of.values()).count(unit_of[line]) > 1)
    units = pa.table(
        {
            "source_row": pa.array(lines, pa.int64()),
            "source_unit": pa.array([unit_of[line] for line in lines], pa.int64()),
        }
    )
    codes = pa.table(
        {
            "source_row": pa.array([line for line, _ in reasons], pa.int64()),
            "code": pa.array([code for _, code in reasons], pa.string()),
        }
    )
    expected = {
        (other, code)
        for line, code in reasons
        for other in (lines if line in lines else [line])
        if other == line or unit_of[other] == unit_of[line]
    }
    spread = of_whole_units(codes, units).to_pylist()
    assert {(row["source_row"], row["code"]) for row in spread} == expected
    _, found = whole_units(codes.column("source_row").to_numpy(), None)
    assert list(found) == [line for line, _ in reasons]
