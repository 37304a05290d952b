"""The words of a mapping file: what each does, and what is refused when the file is loaded."""

from datetime import date
from pathlib import Path

import pytest

from pipelines.extracts.control_totals import ControlTotal
from pipelines.extracts.mapping import MappingError, load_mappings
from pipelines.extracts.read import provided
from tests.unit.extract_cases import contracts, make_mapping, read_supplied, values

POINTS = """\
extracts:
  measure_points:
    columns:
      measure_id: m
      organisation_code: {{column: org}}
      period_start: {{column: month}}
      value: {value}
header: [org, month, a, b]
"""
PLAIN = POINTS.format(value="{column: a}")
ORGANISATIONS = """\
header: [org, text]
lookups:
  regions: {{NHS England London: Y56, NHS ENGLAND MIDLANDS: Y60}}
extracts:
  organisations:
    columns:
      organisation_code: {{column: org}}
      region_code: {source}
"""


def value_of(tmp_path: Path, source: str, a: str, b: str) -> tuple[float | None, bool, str | None]:
    content = f'org,month,a,b\nRXX,2024-01-01,"{a}","{b}"\n'
    found = read_supplied(tmp_path, POINTS.format(value=source), content)
    return values(found, "value", "value__unparsed", "suppression_reason")[0]


def text_of(tmp_path: Path, source: str, text: str) -> str | None:
    mapping = ORGANISATIONS.format(source=source)
    return values(
        read_supplied(tmp_path, mapping, f'org,text\nRXX,"{text}"\n', "organisations"), "region_code"
    )[0]


@pytest.mark.parametrize(
    ("source", "a", "b", "expected"),
    [
        ("{column: a}", "1", "", (1.0, False, None)),
        ('"7"', "1", "2", (7.0, False, None)),
        ("{constant: 7.5}", "", "", (7.5, False, None)),
        ("{sum: [a, b]}", "1,000", "2.5", (1002.5, False, None)),
        ("{sum: [a, b]}", "1", "", (None, False, None)),
        ("{sum: [a, b]}", "1", "*", (None, False, "value: suppressed by the publisher")),
        ("{sum: [a, b]}", "-", "*", (None, False, "value: not stated by the publisher")),
        ("{sum: [a, b]}", "1", "two", (None, True, None)),
        ("{sum: [a, b]}", "*", "two", (None, True, "value: suppressed by the publisher")),
        ("{sum: [a, b]}", "1e308", "1e308", (None, True, None)),
        ("{difference: [a, b]}", "5", "7", (-2.0, False, None)),
        ("{difference: [{sum: [a, b]}, b]}", "5", "7", (5.0, False, None)),
        ("{difference: [a, b]}", "5", "c", (None, False, "value: confidential")),
        ('{column: a, pattern: "^(\\\\d+) of"}', "12 of 40", "", (12.0, False, None)),
        ('{sum: [{column: a, pattern: "^(\\\\d+) of"}, b]}', "12 OF 40", "1", (13.0, False, None)),
        ("{column: a, map: {none: 0}}", "None", "", (0.0, False, None)),
    ],
)
def test_numbers(
    tmp_path: Path, source: str, a: str, b: str, expected: tuple[float | None, bool, str | None]
) -> None:
    assert value_of(tmp_path, source, a, b) == expected


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("{column: text}", " Y56 ", "Y56"),
        ("Y99", "Y56", "Y99"),
        ("{column: text, case: upper}", "y56", "Y56"),
        ("{column: text, case: lower}", "Y56", "y56"),
        ("{column: text, map: {London: Y56}}", "LONDON ", "Y56"),
        ("{column: text, map: {London: Y56}}", "Leeds", "Leeds"),
        ("{column: text, map: {London: Y56}, otherwise: empty}", "Leeds", None),
        ("{column: text, lookup: regions}", "NHS  ENGLAND\u00a0LONDON", "Y56"),
        ("{column: text, lookup: regions}", "nhs england midlands", "Y60"),
        ("{column: text, lookup: regions}", "", None),
        ('{column: text, pattern: "\\\\((.*)\\\\)"}', "London (Y56)", "Y56"),
        ('{column: text, pattern: "\\\\((.*)\\\\)"}', "London", None),
        ('{column: text, pattern: "it\'s (.*)"}', "IT'S Y56", "Y56"),
        ('{column: text, pattern: "^(.)", case: upper, map: {l: Y56}}', "london", "Y56"),
        ("{from_file: name}", "", "supplier.csv"),
    ],
)
def test_texts(tmp_path: Path, source: str, text: str, expected: str | None) -> None:
    assert text_of(tmp_path, source, text) == expected


@pytest.mark.parametrize(
    ("month", "source", "expected"),
    [
        ("MSitAE-APRIL-2025", '{column: month, format: "MSitAE-%B-%Y"}', (date(2025, 4, 1), False)),
        (
            "MSitAE-APRIL-2025",
            '{column: month, format: "MSitAE-%B-%Y", period: month, edge: end}',
            (date(2025, 4, 30), False),
        ),
        (
            "2025/26 Q4 (Mar-26)",
            '{column: month, pattern: "\\\\((.*)\\\\)", format: "%b-%y", period: quarter}',
            (date(2026, 1, 1), False),
        ),
        ("2025-08-15", "{column: month, period: financial_year, edge: end}", (date(2026, 3, 31), False)),
        ("TOTAL", '{column: month, format: "MSitAE-%B-%Y"}', (None, True)),
        ("", '{column: month, format: "MSitAE-%B-%Y"}', (None, False)),
    ],
)
def test_periods(tmp_path: Path, month: str, source: str, expected: tuple[date | None, bool]) -> None:
    mapping = f"""\
        header: [org, month]
        extracts:
          measure_points:
            columns:
              measure_id: m
              organisation_code: {{column: org}}
              period_start: {source}
    """
    found = read_supplied(tmp_path, mapping, f"org,month\nRXX,{month}\n")
    assert values(found, "period_start", "period_start__unparsed") == [expected]


WIDE = """\
header: [org, month, seen, late]
optional: [note]
edition: {patterns: {revised: revised, "provisional|draft": provisional}, otherwise: final}
published_on: {pattern: '(\\d{8})', format: "%Y%m%d"}
ignore_rows:
  - {column: org, matches: "total|england", reason: total row, control_total: true}
  - {column: org, matches: "notes?:.*", reason: footnote}
suppression: {"#": fewer than 5}
extracts:
  organisations:
    columns: {organisation_code: {column: org}, valid_from: {column: month}}
    one_per: {columns: [organisation_code], earliest: valid_from}
  measure_points:
    columns:
      organisation_code: {column: org}
      period_start: {column: month}
      stratum: {column: note}
    records:
      - {measure_id: seen, value: {column: seen}}
      - measure_id: late
        numerator: {column: late}
        denominator: {column: seen}
        drop_when_zero: denominator
"""
WIDE_ROWS = (
    "org,month,seen,late\nRXX,2024-02-01,10,2\nRXX,2024-01-01,0,0\nRYY,2024-01-01,5,#\n"
    " Total ,2024-01-01,15,2\nNotes: none,,,\n"
)


def test_a_row_becomes_several_records(tmp_path: Path) -> None:
    found = read_supplied(tmp_path, WIDE, WIDE_ROWS)
    columns = (
        "source_row",
        "measure_id",
        "organisation_code",
        "value",
        "numerator",
        "denominator",
        "stratum",
    )
    assert values(found, *columns) == [
        (2, "seen", "RXX", 10.0, None, None, "all"),
        (2, "late", "RXX", None, 2.0, 10.0, "all"),
        (3, "seen", "RXX", 0.0, None, None, "all"),
        (4, "seen", "RYY", 5.0, None, None, "all"),
        (4, "late", "RYY", None, None, 5.0, "all"),
    ]
    assert values(found, "suppression_reason")[-1] == "numerator: fewer than 5"
    assert found.rows_received == 5
    assert found.rows_ignored == {"total row": 1, "footnote": 1}


def test_a_record_with_an_unknown_denominator_is_kept(tmp_path: Path) -> None:
    found = read_supplied(tmp_path, WIDE, "org,month,seen,late\nRXX,2024-02-01,*,2\nRXX,2024-03-01,,2\n")
    assert values(found, "measure_id") == ["seen", "late"] * 2


def test_one_record_for_each_key(tmp_path: Path) -> None:
    found = read_supplied(tmp_path, WIDE, WIDE_ROWS, "organisations")
    assert values(found, "source_row", "organisation_code", "valid_from") == [
        (3, "RXX", date(2024, 1, 1)),
        (4, "RYY", date(2024, 1, 1)),
    ]
    assert found.rows_received == 5


def test_control_totals(tmp_path: Path) -> None:
    found = read_supplied(tmp_path, WIDE, WIDE_ROWS)
    # One number of `late` is withheld, so that nobody can say what its sum is.
    assert found.control_totals == [ControlTotal("seen", 15.0, 15.0), ControlTotal("late", 2.0, None)]
    wrong = read_supplied(tmp_path, WIDE, "org,month,seen,late\nRXX,2024-02-01,10,2\nTOTAL,,11,2\n")
    assert wrong.control_totals == [ControlTotal("seen", 11.0, 10.0), ControlTotal("late", 2.0, 2.0)]


@pytest.mark.parametrize(
    ("name", "edition", "published_on"),
    [
        ("supplier.csv", "final", None),
        ("supplier-REVISED.csv", "revised", None),
        ("supplier_draft_20240310.csv", "provisional", date(2024, 3, 10)),
        ("supplier_20241399.csv", "final", None),
    ],
)
def test_what_the_file_name_tells(tmp_path: Path, name: str, edition: str, published_on: date | None) -> None:
    found = read_supplied(tmp_path, WIDE, WIDE_ROWS, name=name)
    assert (found.edition, found.published_on) == (edition, published_on)
    assert set(values(found, "edition", "published_on")) == {(edition, published_on)}


def test_optional_columns_may_come_and_go(tmp_path: Path) -> None:
    found = read_supplied(tmp_path, WIDE, "note,late,seen,month,org\nmen,2,10,2024-02-01,RXX\n")
    assert values(found, "stratum", "value") == [("men", 10.0), ("men", None)]
    assert found.unknown_columns == []


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_headerless_file(tmp_path: Path, mark: str) -> None:
    mapping = """\
        delimiter: ";"
        headerless: {widths: [3, 4], columns: {1: code, 3: name}}
        extracts:
          organisations:
            columns: {organisation_code: {column: code}, organisation_name: {column: name}}
    """
    found = read_supplied(
        tmp_path, mapping, mark + 'RXX;;"The; Trust"\nRYY;x\nRZZ;;Another\n', "organisations"
    )
    assert values(found, "source_row", "organisation_code", "organisation_name") == [
        (1, "RXX", "The; Trust"),
        (3, "RZZ", "Another"),
    ]
    assert found.malformed_rows.described == [(2, "2 fields instead of 3")]
    assert found.unknown_columns == []


PROVIDING = """\
header: [org]
extracts:
  organisations:
    columns: {organisation_code: {column: org}}
provides:
  measures:
    shared: {family: process, purpose: assurance, frequency: month, improvement_direction: decrease}
    rows:
      - {measure_id: m1, measure_name: No, multiplier: 100}
      - measure_id: m2
        measure_name: Two
        improvement_direction: increase
        starts_on: 2024-04-01
"""


def test_rows_that_belong_to_the_layout(tmp_path: Path) -> None:
    mapping = make_mapping(tmp_path, PROVIDING)
    found = provided(mapping, "measures", contracts()["measures"])
    columns = ("source_row", "measure_id", "measure_name", "multiplier", "improvement_direction", "starts_on")
    assert values(found, *columns) == [
        (14, "m1", "No", 100.0, "decrease", None),
        (15, "m2", "Two", 1.0, "increase", date(2024, 4, 1)),
    ]
    assert found.rows_received == 2
    assert mapping.provides == ("measures",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (POINTS.format(value="{column: c}"), "columns used but neither in header nor optional: ['c']"),
        (POINTS.format(value="{colum: a}"), "colum: Extra inputs are not permitted"),
        (POINTS.format(value="{column: a, constant: 1}"), "exactly one of"),
        (POINTS.format(value="{}"), "exactly one of"),
        (POINTS.format(value="{sum: [a, b], case: upper}"), "a sum or difference takes no case"),
        (POINTS.format(value="{difference: [a]}"), "difference"),
        (POINTS.format(value="{column: a, edge: end}"), "edge needs a period"),
        (
            POINTS.format(value="{column: a, period: month}"),
            "value: only a date has a format, a period or months",
        ),
        (POINTS.format(value="{column: a, pattern: abc}"), "one pair of brackets"),
        (POINTS.format(value='{column: a, pattern: "(a"}'), "not a regular expression"),
        (POINTS.format(value='{column: a, pattern: "(?=a)(b)"}'), "not a regular expression"),
        (POINTS.format(value="{column: a, lookup: nowhere}"), "lookups used but not given: ['nowhere']"),
        (POINTS.format(value="{column: a, otherwise: empty}"), "otherwise needs a map or lookup"),
        (PLAIN + "colour: red\n", "colour: Extra inputs are not permitted"),
        (POINTS.format(value="{column: a}\n      valu: {column: b}"), "its contract does not have: ['valu']"),
        (
            POINTS.format(value="{column: a}\n      edition: newest"),
            "edition: the contract does not allow ['newest']",
        ),
        (POINTS.format(value="{column: a}\n      unit_code: {sum: [a, b]}"), "only numbers can be added"),
        (POINTS.format(value="{column: a}\n      value: {column: b}"), "value stands twice"),
        (
            PLAIN.replace("measure_id: m", "stratum: m"),
            "get no value: ['measure_id']",
        ),
        (
            PLAIN.replace("measure_points", "points"),
            "feeds points, for which there is no",
        ),
        (
            PLAIN.replace("header: [org, month, a, b]", ""),
            "either header or headerless",
        ),
        (
            PLAIN + "provides: {units: {rows: [{colour: red}]}}",
            "not have: ['colour']",
        ),
        (POINTS.format(value='{column: a, format: "%Q"}'), "a date format is made of"),
        (POINTS.format(value="[unclosed"), "line"),
        (ORGANISATIONS.format(source="{column: text, map: {a: b}, lookup: regions}"), "exclude each other"),
        (WIDE.replace("drop_when_zero: denominator", "drop_when_zero: value"), "drop_when_zero names value"),
        (WIDE.replace("stratum: {column: note}", "value: {column: seen}"), "given for all records and again"),
        (WIDE.replace("earliest: valid_from", "earliest: opened"), "one_per names columns"),
    ],
)
def test_faulty_mappings_are_refused_with_their_fault(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(MappingError) as caught:
        make_mapping(tmp_path, text)
    assert complaint in str(caught.value)
    assert str(caught.value).startswith("supplier.yml: ")


def test_a_mapping_is_named_after_its_file(tmp_path: Path) -> None:
    mapping = make_mapping(tmp_path, WIDE)
    assert mapping.path is not None
    mapping.path.rename(tmp_path / "other.yml")
    with pytest.raises(MappingError, match="the names differ"):
        load_mappings(tmp_path, contracts())


def test_the_mapping_that_defines_the_measures_must_exist(tmp_path: Path) -> None:
    make_mapping(tmp_path, WIDE + "defined_in: nowhere\n")
    with pytest.raises(MappingError, match="nowhere"):
        load_mappings(tmp_path, contracts())
