"""Files as suppliers lay them out, made by code, and what is wrong with them: the corpus of the mappings.

Belongs here: one good file of each layout (`SUPPLIERS`), every number in it invented, and the bad ones made
of it (`supplied_files`). Does not belong here: files with canonical columns (`good`, `cases`).
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.corpus.good import REGISTERS, Row, as_csv, as_parquet, zipped
from tests.unit.extract_cases import mapping_named
from tests.unit.workbook_files import write_xlsx

Change = Callable[[list[Row]], list[Row]]

TRUSTS = [f"RX{at}" for at in range(6)]


@dataclass(frozen=True)
class Supplier:
    """A layout: the `mapping` it has, the name of its good file, its rows and how they become bytes.
    `first_line`: the line of the first row."""

    mapping: str
    file_name: str
    rows: Callable[[], list[Row]]
    write: Callable[[list[Row]], bytes]
    first_line: int = 2


@dataclass(frozen=True)
class SuppliedFile:
    """A bad file of a supplier. `lines`: line -> what must be said of it as points (as organisations where it
    has no points), of these lines and no other; `code`: what the file is refused for; `words`: what must be
    said of one that is not recognised."""

    name: str
    file_name: str
    make: Callable[[], bytes]
    verdict: str
    lines: dict[int, str] = field(default_factory=dict)
    code: str | None = None
    words: str = ""


def header_of(mapping: str) -> list[str]:
    return list(mapping_named(mapping).definition.header or ())


def total_of(rows: list[Row], named: Row) -> Row:
    """A row that adds the others up, column by column where they are numbers."""
    sums = {
        name: str(sum(int(row[name]) for row in rows))
        for name in rows[0]
        if all(row[name].isdigit() for row in rows)
    }
    return {name: sums.get(name, "") for name in rows[0]} | named


# ---- NHS England's A&E, CSV and workbook -------------------------------------------------------------------


def monthly_rows() -> list[Row]:
    rows = []
    for at, code in enumerate(TRUSTS):
        row = dict.fromkeys(header_of("nhs_england_ae_monthly"), str(at))
        row |= {name: str(900 + at) for name in row if name.startswith("A&E attendances")}
        row |= {"Period": "MSitAE-MARCH-2026", "Org Code": code, "Org name": f"TRUST {at}"}
        rows.append(row | {"Parent Org": "NHS ENGLAND LONDON"})
    return [*rows, total_of(rows, {"Period": "TOTAL", "Org Code": "TOTAL"})]


def workbook_rows() -> list[Row]:
    rows = []
    for at, code in enumerate(TRUSTS):
        row = dict.fromkeys(header_of("nhs_england_ae_workbook"), str(10 + at))
        row |= {name: str(900 + at) for name in row if name.startswith("A&E attendances / ")}
        attended = str(3 * (900 + at))
        row |= {name: attended for name in row if name == "A&E attendances / Total attendances"}
        row |= {"Code": code, "Region": "NHS England London", "Name": f"Trust {at}"}
        rows.append(row)
    return [total_of(rows, {"Code": "-", "Region": "-", "Name": "England"}), *rows]


def as_workbook(rows: list[Row], sheet: str = "Provider Level Data", period: str = "March 2026") -> bytes:
    """As published: notes above, and a header over two rows whose upper cells are merged."""
    above, below, last = [], [], ""
    for name in rows[0]:
        group, _, column = name.rpartition(" / ")
        above.append(group if group != last else None)
        below.append(column)
        last = group
    cells = [[_number(value) for value in row.values()] for row in rows]
    notes = [["Title:", "A&E (synthetic)"], ["Period:", period], ["Published:", "9 April 2026"], []]
    return _bytes_of_workbook({sheet: [*notes, above, below, *cells]})


def _number(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def _bytes_of_workbook(sheets: dict) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_xlsx(Path(folder) / "book.xlsx", sheets).read_bytes()


# ---- RTT ------------------------------------------------------------------------------------------------


def rtt_rows() -> list[Row]:
    """Two treatment functions of each provider, and the total C_999 of both."""
    rows = []
    for at, code in enumerate(TRUSTS[:3]):
        functions = [_rtt_row(code, name, 5 + at + number) for number, name in enumerate(("C_100", "C_110"))]
        total = total_of(functions, {name: functions[0][name] for name in RTT_TEXTS})
        rows += [*functions, total | {"Treatment Function Code": "C_999"}]
    return rows


RTT_TEXTS = (
    "Period",
    "Provider Parent Org Code",
    "Provider Org Code",
    "Provider Org Name",
    "Commissioner Org Code",
    "RTT Part Type",
)


def _rtt_row(code: str, function: str, waiting: int) -> Row:
    header = header_of("nhs_england_rtt")
    row = {name: str(waiting) for name in header if name.startswith("Gt ")}
    texts = ("RTT-March-2026", "QWE", code, f"Trust {code}", "01A", "Part_2")
    total = {"Treatment Function Code": function, "Total All": str(waiting * len(row))}
    return {name: (row | total | dict(zip(RTT_TEXTS, texts, strict=True)))[name] for name in header}


# ---- Others ---------------------------------------------------------------------------------------------


def healthyr_rows() -> list[Row]:
    names = header_of("healthyr_ae_trust_monthly")
    return [
        dict(
            zip(
                names,
                (code, "March 2026", str(900 + at), str(200 + at), str(150 + at), str(20 + at)),
                strict=True,
            )
        )
        for at, code in enumerate(TRUSTS)
    ]


def scotland_rows() -> list[Row]:
    return [
        {
            "hospital_code": f"Z10{at}H",
            "hospital_name": f"Hospital {at}{' - Type 1' if at % 2 else ''}",
            "date": f"2026-0{1 + at % 3}-01",
            "attendances": str(500 + at),
            "within_4_hours": str(400 + at),
            "over_4_hours": "100",
        }
        for at in range(6)
    ]


def shmi_rows() -> list[Row]:
    return [
        {
            "DATE": "2014-04-01",
            "PROVIDER": code,
            "PROVIDER NAME": f"TRUST {at}",
            "DENOMINATOR": str(18000 + at),
            "OBSERVED": str(900 + at),
            "EXPECTED": f"{880 + at}.4005",
            "VALUE": "1.02",
        }
        for at, code in enumerate(TRUSTS)
    ]


def cml_rows() -> list[Row]:
    return [
        {
            "datapoint_id": f"D{at}",
            "metric_id": REGISTERS["measures"][0]["measure_id"],
            "metric_dimension_id": "all",
            "location_id": code,
            "location_type": "trust",
            "metric_value": str(70 + at),
            "reporting_period_start_datetime": "2026-03-01T00:00:00",
            "publication_date": "2026-04-09",
        }
        for at, code in enumerate(TRUSTS)
    ]


def ods_rows() -> list[Row]:
    return [
        {str(at): "" for at in range(27)}
        | {"0": code, "1": f"TRUST {at}", "2": "Y56", "3": "QWE", "10": "20110401"}
        for at, code in enumerate(TRUSTS)
    ]


def without_header(rows: list[Row]) -> bytes:
    return as_csv(rows).partition(b"\n")[2]


def ae_2016_rows() -> list[Row]:
    return [
        {
            "period": "2018-03-01",
            "org_code": code,
            "type": ("1", "2", "other")[at % 3],
            "attendances": f"{900 + at}.0",
            "breaches": f"{90 + at}.0",
            "admissions": f"{50 + at}.0",
        }
        for at, code in enumerate(TRUSTS)
    ]


SUPPLIERS = {
    each.mapping: each
    for each in (
        Supplier("nhs_england_ae_monthly", "Monthly-AE-March-2026.csv", monthly_rows, as_csv),
        Supplier("nhs_england_ae_workbook", "March-2026-AE-by-provider.xlsx", workbook_rows, as_workbook, 7),
        Supplier("nhs_england_rtt", "20260430-RTT-March-2026-full-extract.csv", rtt_rows, as_csv),
        Supplier(
            "healthyr_ae_trust_monthly",
            "england_trust_accidents_emergency.parquet",
            healthyr_rows,
            as_parquet,
            1,
        ),
        Supplier("scotland_ae_monthly", "scotland_ae_attendance.parquet", scotland_rows, as_parquet, 1),
        Supplier("shmi_2011_14", "shmi.csv", shmi_rows, as_csv),
        Supplier("cml_metric", "metric.csv", cml_rows, as_csv),
        Supplier("ods_trusts", "etr_2026-03-01.csv", ods_rows, without_header, 1),
        Supplier("nhs_ae_2016_19", "ae_attendances.csv", ae_2016_rows, as_csv),
    )
}


# ---- What is wrong with them -----------------------------------------------------------------------------

TYPE_1 = "A&E attendances Type 1"
OVER_1 = "Attendances over 4hrs Type 1"
SHEET_TYPE_1 = "A&E attendances / Type 1 Departments - Major A&E"
SHEET_OVER_12H = (
    "Emergency Admissions / Number of patients spending >12 hours from decision to admit to admission"
)
WEEK = "Gt 03 To 04 Weeks SUM 1"
FAULTY = 2
FAULTY_ROWS = (1, FAULTY, 4)

# Of each layout: a cell, and the code that must be said of its row alone.
CELLS: dict[str, list[tuple[str, str, str]]] = {
    "nhs_england_ae_monthly": [
        (TYPE_1, "many", "VALUE_UNREADABLE"),
        ("Org Code", "", "ORGANISATION_CODE_MISSING"),
        ("Period", "MSitAE-SMARCH-2026", "PERIOD_START_UNREADABLE"),
        ("Period", "MSitAE-MARCH-2027", "PERIOD_IN_FUTURE"),
        ("Emergency admissions via A&E - Type 1", "1 or 2", "VALUE_UNREADABLE"),
    ],
    "nhs_england_ae_workbook": [
        (SHEET_TYPE_1, "many", "VALUE_UNREADABLE"),
        (SHEET_TYPE_1, "#DIV/0!", "DENOMINATOR_UNREADABLE"),
        (SHEET_OVER_12H, "provisional", "VALUE_UNREADABLE"),
        ("Code", "", "ORGANISATION_CODE_MISSING"),
    ],
    "healthyr_ae_trust_monthly": [
        ("total_attendances", "many", "VALUE_UNREADABLE"),
        ("attendances_over_4hours", "9999", "NUMERATOR_OVER_DENOMINATOR"),
        ("date", "2026", "PERIOD_START_UNREADABLE"),
        ("nhs_trust22_code", "", "ORGANISATION_CODE_MISSING"),
    ],
    "scotland_ae_monthly": [
        ("attendances", "many", "DENOMINATOR_UNREADABLE"),
        ("within_4_hours", "9999", "NUMERATOR_OVER_DENOMINATOR"),
        ("date", "soon", "PERIOD_START_UNREADABLE"),
        ("date", "2027-01-01", "PERIOD_IN_FUTURE"),
        ("hospital_code", "", "ORGANISATION_CODE_MISSING"),
    ],
    "shmi_2011_14": [
        ("OBSERVED", "many", "NUMERATOR_UNREADABLE"),
        ("EXPECTED", "880,5", "DENOMINATOR_UNREADABLE"),
        ("DATE", "2014-13-01", "PERIOD_START_UNREADABLE"),
        ("PROVIDER", "", "ORGANISATION_CODE_MISSING"),
    ],
    "cml_metric": [
        ("metric_value", "many", "VALUE_UNREADABLE"),
        ("metric_id", "NOWHERE", "UNKNOWN_MEASURE"),
        ("reporting_period_start_datetime", "soon", "PERIOD_START_UNREADABLE"),
        ("publication_date", "2027-01-01", "PUBLISHED_IN_FUTURE"),
        ("location_id", "", "ORGANISATION_CODE_MISSING"),
    ],
    "ods_trusts": [
        ("11", "20261301", "CLOSED_ON_UNREADABLE"),
        ("0", "", "ORGANISATION_CODE_MISSING"),
    ],
    "nhs_ae_2016_19": [
        ("attendances", "many", "VALUE_UNREADABLE"),
        ("breaches", "99999", "NUMERATOR_OVER_DENOMINATOR"),
        ("type", "9", "MEASURE_ID_MISSING"),
        ("period", "2018-31-03", "PERIOD_START_UNREADABLE"),
        ("org_code", "", "ORGANISATION_CODE_MISSING"),
    ],
}


def supplied_files() -> list[SuppliedFile]:
    """Every case; names are unique."""
    return [*_cells(), *_without_a_column(), *_twice(), *_totals(), *_sums(), *_containers()]


def changed(mapping: str, change: Change) -> Callable[[], bytes]:
    supplier = SUPPLIERS[mapping]
    return lambda: supplier.write(change(supplier.rows()))


def with_cells(cells: dict[int, Row]) -> Change:
    return lambda rows: [row | cells.get(at, {}) for at, row in enumerate(rows)]


def _cells() -> Iterator[SuppliedFile]:
    """As many faulty cells in a file as leave half of the rows good."""
    for mapping, cells in CELLS.items():
        supplier = SUPPLIERS[mapping]
        for some in (cells[at : at + len(FAULTY_ROWS)] for at in range(0, len(cells), len(FAULTY_ROWS))):
            planted = {at: {column: value} for at, (column, value, _) in zip(FAULTY_ROWS, some, strict=False)}
            said = zip(FAULTY_ROWS, [code for _, _, code in some], strict=False)
            yield SuppliedFile(
                f"{mapping} {'; '.join(f'{column}={value!r} {code}' for column, value, code in some)}",
                supplier.file_name,
                changed(mapping, with_cells(planted)),
                "accepted",
                {supplier.first_line + at: code for at, code in said},
            )


def _without_a_column() -> Iterator[SuppliedFile]:
    """A supplier changed the layout: nothing is read in the old way."""
    for mapping, supplier in SUPPLIERS.items():
        column = CELLS.get(mapping, [(WEEK, "", "")])[0][0]
        make = changed(mapping, lambda rows, gone=column: [_without(row, gone) for row in rows])
        words = "26 columns instead of 24 or 27" if mapping == "ods_trusts" else f"missing: '{column}'"
        yield SuppliedFile(
            f"{mapping} without {column}", supplier.file_name, make, "unrecognised", words=words
        )
        name = f"attendances-and-so-on{Path(supplier.file_name).suffix}"
        if mapping not in ("ods_trusts", "nhs_england_ae_workbook"):
            yield SuppliedFile(
                f"{mapping} under another name",
                name,
                changed(mapping, list),
                "unrecognised",
                words=f"The columns fit the mapping {mapping}, but the file name does not",
            )


def _without(row: Row, column: str) -> Row:
    return {name: value for name, value in row.items() if name != column}


def _twice() -> Iterator[SuppliedFile]:
    for mapping, column, other in (
        ("healthyr_ae_trust_monthly", "total_attendances", "1000"),
        ("shmi_2011_14", "OBSERVED", "1"),
        ("cml_metric", "metric_value", "1"),
        ("ods_trusts", "1", "ANOTHER NAME"),
        ("nhs_ae_2016_19", "admissions", "1.0"),
    ):
        supplier = SUPPLIERS[mapping]
        first, last = supplier.first_line + 1, supplier.first_line + 6
        again = {column: other}
        yield SuppliedFile(
            f"{mapping} a row twice, and one with another {column}",
            supplier.file_name,
            changed(mapping, lambda rows, again=again: [*rows, rows[1] | again, rows[3]]),
            "accepted",
            {first: "DUPLICATE_KEY", last: "DUPLICATE_KEY", last + 1: "DUPLICATE_ROW"},
        )


def _totals() -> Iterator[SuppliedFile]:
    """What the publisher's own total gives away: a number altered, a row twice, or none."""
    for mapping, what, change in (
        ("nhs_england_ae_monthly", "a number altered", with_cells({FAULTY: {TYPE_1: "90"}})),
        ("nhs_england_ae_monthly", "breaches over attendances", with_cells({FAULTY: {OVER_1: "5000"}})),
        ("nhs_england_ae_monthly", "a total altered", with_cells({6: {TYPE_1: "99999"}})),
        ("nhs_england_ae_monthly", "a row twice", lambda rows: [rows[0], *rows]),
        ("nhs_england_ae_monthly", "a row missing", lambda rows: rows[1:]),
        ("nhs_england_ae_workbook", "a number altered", with_cells({FAULTY: {SHEET_TYPE_1: "90"}})),
        ("nhs_england_ae_workbook", "a total altered", with_cells({0: {SHEET_TYPE_1: "99999"}})),
        ("nhs_england_rtt", "a number altered", with_cells({0: {WEEK: "90"}})),
        ("nhs_england_rtt", "a total altered", with_cells({FAULTY: {"Total All": "1"}})),
        ("nhs_england_rtt", "a row twice", lambda rows: [*rows, rows[0]]),
        ("nhs_england_rtt", "a provider's code missing", with_cells({0: {"Provider Org Code": ""}})),
        ("nhs_england_rtt", "an unknown part", with_cells({0: {"RTT Part Type": "Part_9"}})),
    ):
        yield SuppliedFile(
            f"{mapping} {what}",
            SUPPLIERS[mapping].file_name,
            changed(mapping, change),
            "refused",
            code="CONTROL_TOTAL",
        )
    rtt = SUPPLIERS["nhs_england_rtt"]
    yield SuppliedFile(
        "nhs_england_rtt totals alone",
        rtt.file_name,
        changed("nhs_england_rtt", lambda rows: rows[2::3]),
        "refused",
        code="NO_ROWS",
    )


def _sums() -> Iterator[SuppliedFile]:
    """A sum stands and falls with each of its lines."""
    rtt, scotland = SUPPLIERS["nhs_england_rtt"], SUPPLIERS["scotland_ae_monthly"]
    yield SuppliedFile(
        "nhs_england_rtt a week unreadable",
        rtt.file_name,
        changed(rtt.mapping, with_cells({1: {WEEK: "many"}})),
        "accepted",
        {2: "NUMERATOR_UNREADABLE", 3: "NUMERATOR_UNREADABLE"},
    )
    yield SuppliedFile(
        "nhs_england_rtt a line of another width",
        rtt.file_name,
        lambda: rtt.write(rtt.rows()) + b"RTT-March-2026,QWE\n",
        "refused",
        code="SUM_INCOMPLETE",
    )
    yield SuppliedFile(
        "scotland_ae_monthly one of two lines unreadable",
        scotland.file_name,
        changed(scotland.mapping, lambda rows: [*rows, rows[1] | {"attendances": "many"}]),
        "accepted",
        {2: "VALUE_UNREADABLE", 7: "VALUE_UNREADABLE"},
    )


def _containers() -> Iterator[SuppliedFile]:
    book, monthly = SUPPLIERS["nhs_england_ae_workbook"], SUPPLIERS["nhs_england_ae_monthly"]
    for what, make, code in (
        ("its sheet under another name", lambda: as_workbook(book.rows(), sheet="Sheet1"), "NO_SUCH_SHEET"),
        ("without its period", lambda: as_workbook(book.rows(), period=""), "QUARANTINE_SHARE"),
        ("a web page", lambda: b"<html><table><tr><td>Code</td></tr></table></html>", "NOT_A_WORKBOOK"),
        ("cut short", lambda: book.write(book.rows())[:-200], "NOT_A_WORKBOOK"),
    ):
        yield SuppliedFile(f"{book.mapping} {what}", book.file_name, make, "refused", code=code)
    yield SuppliedFile(
        f"{monthly.mapping} as an Excel file that is called CSV",
        monthly.file_name,
        lambda: book.write(book.rows()),
        "refused",
        code="NOT_TEXT",
    )
    yield SuppliedFile(
        f"{monthly.mapping} in a zip that is cut short",
        "Monthly-AE-March-2026.zip",
        lambda: zipped({monthly.file_name: monthly.write(monthly.rows())})[:-30],
        "unrecognised",
        words="The packed file is damaged.",
    )
