"""Files for others, from the published mart: the answer to a query as CSV, Parquet or a workbook.

Belongs here: writing an answer to a file, whole or not at all. Does not belong here: answers for the screen
(`query`), NHS England's long format (`cml`).
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from pipelines.lake.durable import move_into_place
from pipelines.mart.notes import notes
from pipelines.mart.warehouse import reading
from pipelines.spreadsheet import Sheet, write_csv, write_xlsx

FORMATS = ("csv", "parquet", "xlsx")
ROWS_AT_ONCE = 10_000

Write = Callable[[duckdb.DuckDBPyRelation, Path], None]


def export_answer(mart_file: Path, query: str, file_format: str, target: Path) -> int:
    """Write the answer to a query (SQL, or the name of a table) to a file. Returns the number of its rows.

    Text of CSV and workbooks is guarded, so that no cell becomes a formula; Parquet holds it as it is. A
    workbook has a second sheet, `notes`: release, question, what columns mean, what not to trust.

    Raises:
        duckdb.Error: with DuckDB's own message.
        TooLargeForSheet: a workbook cannot hold the answer. No file is left.
        ValueError: the query gives no rows and columns, such as `load`.
    """
    with reading(mart_file) as connection:
        sql = query if " " in query.strip() else f"from {query}"
        answer = connection.sql(sql)
        if answer is None:
            raise ValueError("That is no question: it has no answer of rows and columns.")
        sheets = [notes(connection, sql, answer.columns)] if file_format == "xlsx" else []
        write_whole(answer, file_format, target, sheets)
        counted = answer.count("*").fetchone()
        return counted[0] if counted is not None else 0


def write_whole(
    answer: duckdb.DuckDBPyRelation, file_format: str, target: Path, sheets: Sequence[Sheet] = ()
) -> None:
    """Write an answer to a file of one of FORMATS, which appears when it is finished. `sheets`: what a
    workbook has beside it."""

    def write_workbook(answer: duckdb.DuckDBPyRelation, path: Path) -> None:
        write_xlsx(path, [Sheet("answer", answer.columns, _rows(answer)), *sheets])

    writers: dict[str, Write] = {"csv": _write_csv, "parquet": _write_parquet, "xlsx": write_workbook}
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        writers[file_format](answer, part)
        move_into_place(part, target)
    finally:
        part.unlink(missing_ok=True)


def _write_csv(answer: duckdb.DuckDBPyRelation, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        write_csv(file, answer.columns, _rows(answer))


def _write_parquet(answer: duckdb.DuckDBPyRelation, path: Path) -> None:
    answer.write_parquet(str(path), compression="zstd")


def _rows(answer: duckdb.DuckDBPyRelation) -> Iterator[tuple[Any, ...]]:
    while rows := answer.fetchmany(ROWS_AT_ONCE):
        yield from rows
