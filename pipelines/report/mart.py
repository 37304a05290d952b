"""What the pages need from the published mart, each table read once.

Belongs here: queries. Does not belong here: words and HTML. Nothing here is reckoned anew: limits, signals,
icons, counts and verdicts are the mart's.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import duckdb

Row = dict[str, Any]

TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F))

_SERIES = """
select
    status.*,
    coalesce(measure.measure_name, status.measure_id) as measure_name, measure.family,
    coalesce(measure.unit_of_measure, '') as unit_of_measure, measure.purpose, measure.frequency,
    measure.definition, measure.quality_domain, measure.improvement_direction, measure.project_id,
    coalesce(organisation.organisation_name, status.organisation_code) as organisation_name,
    unit.unit_name, unit.directorate, project.title as project_title
from spc.fct_spc_status as status
left join core.dim_measure as measure on status.measure_id = measure.measure_id and measure.is_latest
left join core.dim_organisation as organisation
    on status.organisation_code = organisation.organisation_code and organisation.is_latest
left join core.dim_unit as unit
    on status.organisation_code = unit.organisation_code and status.unit_code = unit.unit_code
    and unit.is_latest
left join core.fct_project as project on measure.project_id = project.project_id
where status.is_chosen
"""
# The hash stands for all of the row in the key of a page.
SERIES = f"select hashed.*, hash(hashed) as row_hash from ({_SERIES}) as hashed order by series_id"
# A point that was ever withheld shows none of its versions: an older one would give it away.
POINTS = """
create temp view points as
select
    chart.series_id, chart.period_start, chart.value, chart.centre_line, chart.lower_limit,
    chart.upper_limit, chart.target, chart.phase, chart.point_type, chart.signal, chart.is_excluded,
    chart.exclusion_reason, chart.annotation,
    case when point.suppression_reason is null then point.numerator end as numerator,
    case when point.suppression_reason is null then point.denominator end as denominator,
    point.suppression_reason, point.load_id
from spc.fct_spc_point as chart
left join core.fct_measure_point as point
    on chart.series_id = point.series_id and chart.period_start = point.period_start and point.is_latest
where chart.is_chosen and chart.series_id in (from wanted)
"""
# The last values of each series as the path of a small line, 120 wide and 28 high.
SPARKS = """
with shown as (
    select series_id, list(value order by period_start)[-24:] as line
    from spc.fct_spc_point
    where is_chosen and value is not null and not coalesce(is_excluded, false)
    group by series_id
),

bounded as (
    select series_id, line, list_min(line) as low, list_max(line) as high from shown
)

select series_id,
    'M' || array_to_string(
        list_transform(line, lambda value, place: (121 - 5 * (len(line) - place + 1)) || ' '
            || case when high > low then cast(24 - 20 * (value - low) / (high - low) as int) else 14 end), 'L'
    ) as path
from bounded
"""
REVISIONS = """
create temp view revisions as
select series_id, period_start, value, valid_from, valid_to, edition, is_withdrawn, is_latest, load_id
from core.fct_measure_point
where was_in_force and series_id in (from wanted)
qualify
    count(*) over (partition by point_key) > 1
    and count(suppression_reason) over (partition by point_key) = 0
"""
CHART_HASHES = """
select series_id, count(*) || ':' || sum(hash(period_start, value, centre_line, lower_limit, upper_limit,
    target, phase, point_type, signal, is_excluded, exclusion_reason, annotation)::hugeint)
from spc.fct_spc_point where is_chosen group by series_id
"""
VERSION_HASHES = """
select series_id, count(*) || ':' || sum(hash(period_start, value, numerator, denominator, suppression_reason,
    valid_from, valid_to, edition, is_withdrawn, is_latest, load_id)::hugeint),
    list(distinct load_id order by load_id) filter (where is_latest and load_id is not null)
from core.fct_measure_point where was_in_force or is_latest group by series_id
"""
CYCLES = """
select project_id, cycle_number, change_idea, measure_id, started_on, studied_on, completed_on, prediction,
    study_finding, decision, fidelity
from core.fct_pdsa_cycle order by project_id, cycle_number
"""
PHASES = """
select series_id, phase, first_period_start, last_period_start, rebase_reason, is_frozen, baseline_until,
    freeze_reason, points, points_with_value, centre_line
from spc.fct_spc_phase where is_chosen order by series_id, phase
"""
LOADS = """
select load.load_id, load.file_name, load.file_path, load.received_at, load.verdict, load.rows_received,
    load.rows_accepted, load.rows_quarantined, load.rows_refused, load.rows_ignored, load.extract,
    load.reason, load.is_taken_back, load.loaded_at, load.source_system,
    count(gate.code) filter (where not gate.is_passed) as rules_failed,
    count(gate.code) filter (where gate.is_passed) as rules_passed,
    string_agg(distinct gate.code, ', ' order by gate.code) filter (where not gate.is_passed) as codes_failed
from ops.fct_load as load left join ops.fct_gate_result as gate on load.load_id = gate.load_id
group by all order by load.load_id
"""
SUGGESTIONS = """
select series_id, suggested_period_start, change_type, mean_before, mean_after, annotation, pdsa_cycle_id
from spc.fct_rebase_suggestion
order by series_id, suggested_period_start
"""
RANKS = """
select series_id, strength, signal_rank, rank_in_organisation, false_discovery_rate_in_organisation
from spc.fct_signal_rank where is_chosen
"""


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    """The answer to a query, a dict a row."""
    answer = connection.execute(query)
    names = [column[0] for column in answer.description or []]
    return [
        {
            name: value if not isinstance(value, str) or value.isascii() else plain(value)
            for name, value in zip(names, row, strict=True)
        }
        for row in answer.fetchall()
    ]


def plain(text: str) -> str:
    """Text without the signs that turn the direction in which what follows is read."""
    return text.translate(TURNING)


def grouped(found: Iterable[Row], by: str) -> dict[Any, list[Row]]:
    """Rows by the value of one of their columns, in their order."""
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in found:
        groups[row[by]].append(row)
    return groups


def digest(*parts: object) -> str:
    """A hash of plain values that is the same in every process."""
    return hashlib.sha256(repr(parts).encode("utf-8")).hexdigest()[:24]


def chart_hashes(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """A hash of the points of each series as its chart shows them, whatever their order."""
    return dict(connection.execute(CHART_HASHES).fetchall())


def version_hashes(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, list[str]]]:
    """A hash of all versions of the points of each series, and the loads of the latest ones."""
    found = connection.execute(VERSION_HASHES).fetchall()
    return {series_id: (hashed, loads) for series_id, hashed, loads in found}
