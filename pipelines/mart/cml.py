"""NHS England's long format for metrics (CML), written from the published mart.

Belongs here: which column of the mart becomes which of CML's tables METRIC and DIMENSION. Does not belong
here: reading CML (the mapping `cml_metric`).

CML has one number a data point. What a point of the mart has beside its value stands in
`additional_metric_values`, a JSON object with the keys numerator, denominator, subgroup_size, subgroup_mean,
subgroup_sd, reporting_period_end, edition and suppression_reason, each only where there is something to say.
`metric_dimension_id` is the stratum, with `unit:<code>|` before it where the point is about a unit; DIMENSION
spells both out, and says `all_unit` and `all_stratum` where a point is about all.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipelines.mart.export import write_whole
from pipelines.mart.warehouse import reading

# Measures for improvement never reach a view across organisations; a library of metrics is one.
PURPOSES = ("assurance", "research")

_POINTS = """
    with
    points as (
        select
            points.*,
            case
                when points.unit_code is not null or starts_with(points.stratum, 'unit:')
                    then 'unit:' || coalesce(points.unit_code, '') || '|'
                else ''
            end || points.stratum as metric_dimension_id,
            coalesce(
                nullif(
                    trim(
                        regexp_replace(lower(organisations.organisation_type), '[^a-z0-9]+', '-', 'g'), '-'
                    ),
                    ''
                ),
                'organisation'
            ) as location_type
        from core.fct_measure_point as points
        inner join core.dim_measure as measures
            on points.measure_id = measures.measure_id and measures.is_latest
        left join core.dim_organisation as organisations
            on points.organisation_code = organisations.organisation_code and organisations.is_latest
        where points.is_latest and not points.is_withdrawn and list_contains({purposes}, measures.purpose)
    )
"""

_METRIC = """
    select
        point_id as datapoint_id,
        measure_id as metric_id,
        metric_dimension_id,
        organisation_code as location_id,
        location_type,
        value as metric_value,
        cast(period_start as timestamp) as reporting_period_start_datetime,
        received_at as last_record_timestamp,
        published_on as publication_date,
        received_at as last_ingest_timestamp,
        '{{' || concat_ws(
            ', ',
            '"numerator": ' || cast(numerator as varchar),
            '"denominator": ' || cast(denominator as varchar),
            '"subgroup_size": ' || cast(subgroup_size as varchar),
            '"subgroup_mean": ' || cast(subgroup_mean as varchar),
            '"subgroup_sd": ' || cast(subgroup_sd as varchar),
            '"reporting_period_end": "' || cast(period_end as varchar) || '"',
            '"edition": "' || edition || '"',
            '"suppression_reason": ' || cast(to_json(suppression_reason) as varchar)
        ) || '}}' as additional_metric_values
    from points
    order by metric_id, location_id, metric_dimension_id, reporting_period_start_datetime
"""

_DIMENSION = """
    select distinct
        metric_dimension_id,
        (unit_code is not null)::integer + (stratum <> 'all')::integer as dimension_count,
        coalesce(unit_code, 'all_unit') as unit,
        case when stratum = 'all' then 'all_stratum' else stratum end as stratum
    from points
    order by metric_dimension_id
"""


class NotForCml(ValueError):
    """The mart holds what CML cannot say; the message tells what."""


def export_cml(
    mart_file: Path, folder: Path, file_type: str = "parquet", purposes: Sequence[str] = PURPOSES
) -> dict[str, int]:
    """Write the latest version of every published point as `metric` and `dimension` files into a folder.

    `purposes`: of the measures that are written. Returns the rows of each file.

    Raises:
        NotForCml: a unit's code holds the mark that divides it from the stratum.
    """
    with reading(mart_file) as connection:
        points = _POINTS.format(purposes=list(purposes))
        odd = _count(connection, f"{points} select * from points where contains(unit_code, '|')")
        if odd:
            raise NotForCml(
                f"{odd} points are about units whose code holds a |, which CML files cannot tell."
            )
        counts = {}
        for name, select in {"metric": _METRIC.format(), "dimension": _DIMENSION}.items():
            answer = connection.sql(points + select)
            target = folder / f"{name}.{file_type}"
            write_whole(answer, file_type, target)
            counts[target.name] = _count(connection, points + select)
        return counts


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    found = connection.execute(f"select count(*) from ({query})").fetchone()
    return found[0] if found is not None else 0
