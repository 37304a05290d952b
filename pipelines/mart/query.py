"""Answers from the published mart: any SQL, read only."""

import io
import json
import math
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.mart.warehouse import reading
from pipelines.spreadsheet import write_csv

FORMATS = ("table", "csv", "json")
ROWS_SHOWN = 200


def query(mart_file: Path, sql: str, file_format: str) -> str:
    """The answer to one query as text, without a line break at its end. Empty cells are empty in a
    table and in CSV, null in JSON; dates are ISO dates. CSV is for spreadsheets, so text that could become a
    formula has an apostrophe in front (`pipelines.spreadsheet`). Raises duckdb.Error with DuckDB's own
    message."""
    with reading(mart_file) as connection:
        answer = connection.sql(sql)
        if answer is None:
            return ""
        if file_format == "csv":
            return _csv(answer.columns, answer.fetchall())
        if file_format == "json":
            return _json(answer.columns, answer.fetchall())
        return _table(answer.columns, answer.limit(ROWS_SHOWN + 1).fetchall())


def _csv(names: list[str], rows: list[tuple]) -> str:
    text = io.StringIO()
    write_csv(text, names, rows)
    return text.getvalue().rstrip("\n")


def _json(names: list[str], rows: list[tuple]) -> str:
    records = [dict(zip(names, map(_finite, row), strict=True)) for row in rows]
    return json.dumps(records, default=_plain, ensure_ascii=False, indent=1)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _table(names: list[str], rows: list[tuple]) -> str:
    shown = pd.DataFrame(rows[:ROWS_SHOWN], columns=names, dtype=object)
    text = shown.where(shown.notna(), "").to_string(index=False) if rows else "  ".join(names)
    more = f"\n… more than {ROWS_SHOWN} rows; use --format csv for all." if len(rows) > ROWS_SHOWN else ""
    return f"{text}\n({len(shown)} row{'' if len(shown) == 1 else 's'}){more}"
