"""A check as a table to send back to whoever delivered the files: CSV, or a workbook.

Nothing in it is a formula, whatever a file or a column is called, and no cell of a file is repeated.
"""

from collections.abc import Iterator
from pathlib import Path

from pipelines import spreadsheet
from pipelines.check.check import Check, ExtractCheck, in_file
from pipelines.check.text import FATES, WORDS, lines_of, not_checked
from pipelines.spreadsheet import Sheet

HEADER = (
    "file",
    "extract",
    "line",
    "column_in_file",
    "column",
    "rule",
    "what_follows",
    "reason",
    "remedy",
)
SUMMARY_HEADER = (
    "file",
    "verdict",
    "mapping",
    "extract",
    "rows_received",
    "rows_accepted",
    "rows_quarantined",
    "rows_waiting",
    "rows_refused",
    "rows_ignored",
    "note",
)
ROWS_OF_A_SHEET = 1_000_000

Cell = str | int | None


def write_csv(check: Check, path: Path) -> None:
    """One row for each line and rule that fails, and for each rule that fails the file; UTF-8 with BOM, so
    that a spreadsheet reads it rightly."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        spreadsheet.write_csv(file, HEADER, _rows(check))


def write_xlsx(check: Check, path: Path) -> None:
    """A sheet `files` with the counts of each, and `failures` with the rows of the CSV."""
    rows = list(_rows(check))
    parts = [rows[start : start + ROWS_OF_A_SHEET] for start in range(0, len(rows), ROWS_OF_A_SHEET)]
    failures = [
        Sheet("failures" if number == 1 else f"failures {number}", HEADER, part)
        for number, part in enumerate(parts or [[]], start=1)
    ]
    spreadsheet.write_xlsx(path, [Sheet("files", SUMMARY_HEADER, list(_summary(check))), *failures])


def _rows(check: Check) -> Iterator[tuple[Cell, ...]]:
    for file in check.files:
        if not file.extracts and file.verdict:
            yield (file.name, None, None, None, None, None, WORDS[file.verdict], file.reason, None)
        for extract in file.extracts:
            yield from _of_extract(extract)


def _of_extract(check: ExtractCheck) -> Iterator[tuple[Cell, ...]]:
    extract = check.row.extract
    if check.row.verdict == "error":
        yield (check.row.place, extract, None, None, None, None, WORDS[check.verdict], check.row.reason, None)
    for result in check.results:
        fate, own = FATES[result.action], in_file(result.column_name, check.file_columns)
        same = (own, result.column_name, result.code, fate)
        lines = lines_of(check, result)
        if not lines:
            yield (check.row.place, extract, None, *same, f"{result.message} {result.reason}", result.remedy)
        for line in sorted(set(lines)):
            yield (check.row.place, extract, line, *same, result.reason, result.remedy)


def _summary(check: Check) -> Iterator[tuple[Cell, ...]]:
    for file in check.files:
        if not file.extracts:
            yield (file.name, WORDS[file.verdict], file.mapping, *[None] * 7, file.reason)
        for each in file.extracts:
            row = each.row
            counts = (row.rows_received, row.rows_accepted, row.rows_quarantined, each.rows_waiting)
            yield (
                row.place,
                WORDS[each.verdict],
                file.mapping,
                row.extract,
                *counts,
                row.rows_refused,
                row.rows_ignored,
                not_checked(each),
            )
