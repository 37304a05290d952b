"""Good files, from which the bad ones of the corpus are made. Everything in them is invented.

Rows are the contracts' own examples with keys of their own; what they refer to is in `REGISTERS`.
"""

import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from tests.unit.gate_cases import CONTRACTS
from tests.unit.workbook_files import Sheets, write_ods, write_xlsb

ROWS = 6
Row = dict[str, str]

KEYS: dict[str, Callable[[int], Row]] = {
    "organisations": lambda at: {"organisation_code": f"RX{at}"},
    "units": lambda at: {"unit_code": f"WARD-1{at}", "parent_unit_code": ""},
    "projects": lambda at: {"project_id": f"PRJ-1{at}"},
    "project_members": lambda at: {"person_id": f"staff number 47{at}"},
    "pdsa_cycles": lambda at: {"cycle_id": f"PDSA-1{at}", "cycle_number": str(at + 1)},
    "spread_links": lambda at: {"child_project_id": f"PRJ-090{at}"},
    "measures": lambda at: {"measure_id": f"M-1{at}"},
    "measure_points": lambda at: {
        "period_start": f"2024-0{at + 1}-01",
        "period_end": (date(2024, at + 2, 1) - timedelta(days=1)).isoformat(),
        "numerator": str(60 + at),
        "value": "",
        "published_on": "2024-12-10",
    },
    "measure_events": lambda at: {"period_start": f"2024-0{at + 1}-01"},
    "targets": lambda at: {"valid_from": f"202{at}-04-01", "target": str(90 + at)},
    "maturity_assessments": lambda at: {"item_code": f"L{at}"},
    "training": lambda at: {"person_id": f"staff number 47{at}"},
    "survey_results": lambda at: {"breakdown": "staff_group", "breakdown_group": f"Group {at}"},
    "workforce_months": lambda at: {"month": f"2024-0{at + 1}-01"},
    "leadership_posts": lambda at: {"post_id": f"RQ1-POST-{at}"},
    "collaboration_ties": lambda at: {"wave": f"202{at}"},
    "experience_events": lambda at: {"event_id": f"SR-RQ1-{at}"},
    "governance_time": lambda at: {"item_number": str(at + 1)},
    "support_roles": lambda at: {"month": f"2024-0{at + 1}-01"},
    "compact_commitments": lambda at: {"commitment_id": f"COMPACT-RQ1-0{at}"},
    "benefits": lambda at: {"benefit_line": f"Line {at}"},
    "ratings": lambda at: {"location_code": f"RQ1-0{at}"},
}


def example(extract: str, **changes: str) -> Row:
    """The contract's example as a file would hold it."""
    contract = CONTRACTS[extract]
    row = {name: str(contract.example.get(name, "")) for name in contract.column_names}
    return {
        name: value.lower() if value in ("True", "False") else value
        for name, value in (row | changes).items()
    }


def good_rows(extract: str) -> list[Row]:
    """Rows that pass every rule that can keep a row out."""
    return [example(extract, **KEYS[extract](at)) for at in range(ROWS)]


REGISTERS: dict[str, list[Row]] = {
    "organisations": [example("organisations")],
    "units": [
        example("units", parent_unit_code=""),
        example("units", parent_unit_code="", unit_code="MEDICINE"),
    ],
    "projects": [
        example("projects"),
        *(example("projects", project_id=f"PRJ-090{at}") for at in range(ROWS)),
    ],
    "measures": [example("measures")],
}


def as_csv(rows: list[Row], delimiter: str = ",") -> bytes:
    """The rows with a header; no cell of a good row needs quotes but those that hold a comma."""

    def cell(value: str) -> str:
        return f'"{value}"' if delimiter in value or "\n" in value else value

    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    return "".join(delimiter.join(map(cell, line)) + "\n" for line in lines).encode("utf-8")


def as_parquet(rows: list[Row]) -> bytes:
    columns = {name: pa.array([row[name] or None for row in rows], pa.string()) for name in rows[0]}
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def as_xlsx(rows: list[Row]) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, line in enumerate([list(rows[0]), *(list(row.values()) for row in rows)]):
            for at, value in enumerate(line):
                sheet.write_string(number, at, value)
    return target.getvalue()


def as_workbook(write: Callable[[Path, Sheets], Path], rows: list[Row]) -> bytes:
    """One sheet with the rows as text, in the format of a writer."""
    cells = [list(rows[0]), *([value or None for value in row.values()] for row in rows)]
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder) / "book", {"Data": cells}).read_bytes()


def as_json_lines(rows: list[Row]) -> bytes:
    return "".join(
        json.dumps({name: value or None for name, value in row.items()}) + "\n" for row in rows
    ).encode()


def zipped(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


# How a file is written, and the number of its first row of data.
FORMATS: dict[str, tuple[Callable[[str, list[Row]], bytes], int]] = {
    "csv": (lambda name, rows: as_csv(rows), 2),
    "tsv": (lambda name, rows: as_csv(rows, "\t"), 2),
    "parquet": (lambda name, rows: as_parquet(rows), 1),
    "xlsx": (lambda name, rows: as_xlsx(rows), 2),
    "xlsb": (lambda name, rows: as_workbook(write_xlsb, rows), 2),
    "ods": (lambda name, rows: as_workbook(write_ods, rows), 2),
    "jsonl": (lambda name, rows: as_json_lines(rows), 1),
    # Text in UTF-16.
    "txt": (lambda name, rows: as_csv(rows, ";").decode().encode("utf-16"), 2),
    "csv.gz": (lambda name, rows: gzip.compress(as_csv(rows), mtime=0), 2),
    "csv.zip": (lambda name, rows: zipped({f"{name}.csv": as_csv(rows)}), 2),
}
