"""Answers from the published mart: any SQL, read only."""

from pathlib import Path

import duckdb

from pipelines.mart.warehouse import reading

FORMATS = ("table", "csv", "json")
ROWS_SHOWN = 200


def query(mart_file: Path, sql: str, file_format: str) -> str:
    """The answer to one query as text. Raises duckdb.Error with DuckDB's own message."""
    with reading(mart_file) as connection:
        answer = connection.sql(sql)
        if answer is None:
            return ""
        if file_format == "csv":
            return answer.df().to_csv(index=False).rstrip("\n")
        if file_format == "json":
            return str(answer.df().to_json(orient="records", date_format="iso", indent=1))
        return _table(answer)


def _table(answer: duckdb.DuckDBPyRelation) -> str:
    shown = answer.limit(ROWS_SHOWN + 1).df()
    more = f"\n… more than {ROWS_SHOWN} rows; use --format csv for all." if len(shown) > ROWS_SHOWN else ""
    text = shown.head(ROWS_SHOWN).to_string(index=False, na_rep="")
    count = min(len(shown), ROWS_SHOWN)
    return f"{text}\n({count} row{'' if count == 1 else 's'}){more}"
