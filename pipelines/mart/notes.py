"""What goes with an answer that leaves the mart: its release and question, what its columns mean, and what
not to trust. For whoever gets the file and has no mart to ask.
"""

from collections.abc import Iterator

import duckdb

from pipelines.spreadsheet import Sheet

NAMES = ("about", "what", "note")
WIDTHS = (22, 40, 120)
POINTS = "measure_points"
IMPROVEMENT = "Measures with purpose improvement are a team's own and not for comparing organisations."

_RELEASE = """
select release_id, strftime(as_of_date, '%-d %B %Y'), strftime(published_at, '%-d %B %Y, %H:%M'),
    contains_synthetic
from ops.release
order by release_id desc
limit 1
"""
_COMMENTS = """
select distinct column_name, comment, schema_name || '.' || table_name as place
from duckdb_columns()
where list_contains(?, schema_name || '.' || table_name) and comment is not null
order by place
"""
_EXTRACTS = """
select distinct extract from ops.dim_lineage
where list_contains(?, schema_name || '.' || table_name)
order by extract
"""
_DOUBTS = """
select 'last news of ' || extract,
    'days since it was accepted, on the day of the release: ' || min(days_since_accepted)
from ops.fct_freshness
where list_contains($extracts, extract) and days_since_accepted is not null
group by extract
union all
select 'quarantine of ' || extract,
    'lines that wait and are in no number: ' || count(distinct (load_id, source_row))
from ops.fct_quarantined_row
where list_contains($extracts, extract) and status = 'open'
group by extract
union all
select 'refused file ' || file_path, reason
from ops.fct_load
where list_contains($extracts, extract) and verdict = 'refused'
qualify row_number() over (partition by file_path order by load_id desc) = 1
order by all
"""
_LATE = """
select 'late from ' || organisation_code,
    'periods that are overdue and have not come (unknown, not zero): ' || count(*)
from core.fct_expected_point
where status in ('missing', 'source_late')
group by organisation_code
order by organisation_code
"""


def notes(connection: duckdb.DuckDBPyConnection, sql: str, columns: list[str]) -> Sheet:
    """The sheet that explains the answer to a query, in three columns of text. `columns`: the answer's."""
    return Sheet("notes", NAMES, list(_lines(connection, sql, columns)), WIDTHS)


def _lines(
    connection: duckdb.DuckDBPyConnection, sql: str, columns: list[str]
) -> Iterator[tuple[str, str, str]]:
    # A name has its alias with it.
    named = connection.get_table_names(sql, qualified=True)
    tables = sorted({name.split(" AS ")[0].replace('"', "") for name in named})
    for release_id, as_of, published, is_synthetic in connection.execute(_RELEASE).fetchall():
        yield "release", release_id, f"The mart as of {as_of}, published {published} (UTC)."
        if is_synthetic:
            yield "release", "SYNTHETIC", "All or part of the data is made up."
    yield "question", "SQL", sql
    comments = connection.execute(_COMMENTS, [tables]).fetchall()
    for column in columns:
        told = [(text, place) for name, text, place in comments if name == column]
        for text in dict.fromkeys(text for text, _ in told):
            places = ", ".join(place for each, place in told if each == text)
            yield "column", column, f"{text} ({places})"
    extracts = [name for (name,) in connection.execute(_EXTRACTS, [tables]).fetchall()]
    for what, note in connection.execute(_DOUBTS, {"extracts": extracts}).fetchall():
        yield "do not trust blindly", what, note
    if POINTS in extracts:
        for what, note in connection.execute(_LATE).fetchall():
            yield "do not trust blindly", what, note
        yield "do not trust blindly", "purpose", IMPROVEMENT
