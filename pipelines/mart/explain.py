"""The way of one number back to where it came from: versions, load, file, line, gate verdicts."""

from datetime import date
from pathlib import Path

from pipelines.lake.layout import Lake
from pipelines.mart.warehouse import reading

ORGANISATIONS_NAMED = 10
POINTS = """
select
    point.series_id, point.unit_code, point.stratum, point.period_start, point.value, point.numerator,
    point.denominator, point.edition, point.valid_from, point.valid_to, point.is_latest,
    point.is_withdrawn, point.was_in_force, point.suppression_reason, point.load_id, point.source_row
from core.fct_measure_point as point
where point.measure_id = ? and point.organisation_code = ? and point.period_start = ?
order by point.unit_code nulls first, point.stratum, point.valid_from, point.revision_number
"""
LOAD = """
select
    file_path || coalesce(' (' || file_table || ')', '') as place,
    file_sha256, mapping, source_system, received_at, loaded_at, verdict, rows_received,
    rows_accepted, rows_quarantined, rows_refused, rows_ignored, run_id, code_version
from ops.fct_load where load_id = ?
"""
RULES = """
select code, action, is_passed, rows_failed, rows_checked
from ops.fct_gate_result where load_id = ? order by is_passed, code
"""


def explain(mart_file: Path, lake: Lake, measure: str, organisation: str, period: date) -> list[str]:
    """Lines of text on every version of the points of a measure, organisation and period."""
    with reading(mart_file) as connection:
        points = connection.execute(POINTS, [measure, organisation, period]).fetchall()
        if not points:
            return [_nothing(connection, measure, organisation, period)]
        lines = [f"{measure}, {organisation}, period from {_day(period)}"]
        for point in points:
            lines += _point_lines(point)
        for load_id in dict.fromkeys(point[14] for point in points):
            lines += _load_lines(connection, lake, load_id)
        return lines


def _point_lines(point: tuple) -> list[str]:
    unit, stratum, value, numerator, denominator, edition = (*point[1:3], *point[4:8])
    valid_from, valid_to, is_latest, is_withdrawn, was_in_force = point[8:13]
    of = f" = {numerator:.12g} of {denominator:.12g}" if None not in (numerator, denominator) else ""
    shown = "withdrawn" if is_withdrawn else "no value" if value is None else f"{value:.12g}{of}"
    if point[13]:
        shown += f" ({point[13]})"
    state = "the latest" if is_latest else "superseded" if was_in_force else "never in force"
    until = f" until {_day(valid_to)}" if valid_to is not None and valid_to.year < 9999 else ""
    place = f"unit {unit}, " if unit else ""
    return [
        "",
        f"  {place}stratum {stratum}: {shown}",
        f"    edition {edition}, {state}, reported from {_day(valid_from)}{until}",
        f"    load {point[14]}, line {point[15]} of the file",
    ]


def _load_lines(connection, lake: Lake, load_id: str) -> list[str]:
    row = connection.execute(LOAD, [load_id]).fetchone()
    if row is None:
        return ["", f"  load {load_id}: not in ops.fct_load"]
    archived = lake.archive / row[1]
    rules = connection.execute(RULES, [load_id]).fetchall()
    failed = [rule for rule in rules if not rule[2]]
    lines = [
        "",
        f"  load {load_id}: {row[0]}",
        f"    sha256 {row[1]}",
        f"    kept as received: {'yes, lake/archive/' + row[1][:12] + '…' if archived.exists() else 'no'}",
        f"    layout {row[2]} ({row[3]}), received {_day(row[4])}, loaded {_day(row[5])} {row[5]:%H:%M} UTC",
        f"    rows: {row[7]} received = {row[8]} accepted + {row[9]} quarantined + {row[10]} refused "
        f"+ {row[11]} ignored",
        f"    run {row[12]}, code {row[13]}",
        f"    gate: {len(rules) - len(failed)} rules passed, {len(failed)} failed",
    ]
    return lines + [
        f"      {code} ({action}): {bad} of {all_rows} rows" for code, action, _, bad, all_rows in failed
    ]


def _day(moment: date) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _nothing(connection, measure: str, organisation: str, period: date) -> str:
    row = connection.execute(
        "select count(*), count(*) filter (where organisation_code = ?), min(period_start), "
        "max(period_start) from core.fct_measure_point where measure_id = ?",
        [organisation, measure],
    ).fetchone()
    if not row or not row[0]:
        return (
            f'No measure {measure} has points. `qi sql "select measure_id from core.dim_measure"` lists them.'
        )
    if not row[1]:
        codes = connection.execute(
            "select distinct organisation_code from core.fct_measure_point where measure_id = ? order by 1",
            [measure],
        ).fetchall()
        listed = ", ".join(code for (code,) in codes[:ORGANISATIONS_NAMED])
        return (
            f"The measure {measure} has {row[0]} points, none of them of organisation {organisation}. "
            f"Organisations that have some: {listed}{', …' if len(codes) > ORGANISATIONS_NAMED else ''}"
        )
    return (
        f"{organisation} has {row[1]} points of {measure}, none for the period that starts on {period}. "
        f"Periods go from {row[2]} to {row[3]}; give the first day of one."
    )
