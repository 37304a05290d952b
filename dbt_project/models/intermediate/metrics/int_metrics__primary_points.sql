{#- The current level of a series is the mean of its last points. -#}
{%- set last_points = 6 -%}
with
projects as (
    select
        project_id,
        organisation_code,
        coalesce(started_on, chartered_on) as begun_on
    from {{ ref('fct_project') }}
    where coalesce(started_on, chartered_on) is not null
),

outcome_points as (
    select
        measures.project_id,
        projects.organisation_code,
        projects.begun_on,
        points.series_id,
        points.measure_id,
        points.period_start,
        points.value,
        points.point_type,
        measures.improvement_direction,
        count(*) over (partition by points.series_id) as points
    from {{ ref('fct_spc_point') }} as points
    inner join {{ ref('dim_measure') }} as measures
        on points.measure_id = measures.measure_id and measures.is_latest and not measures.is_withdrawn
    inner join projects on measures.project_id = projects.project_id
    where
        points.is_chosen
        and not points.is_excluded
        and points.value is not null
        and points.stratum = 'all'
        and measures.family = 'outcome'
),

-- A project's primary outcome: its longest series.
ranked as (
    select
        *,
        dense_rank() over (partition by project_id order by points desc, series_id asc) as series_place
    from outcome_points
)

select
    project_id,
    organisation_code,
    series_id,
    measure_id,
    improvement_direction,
    begun_on,
    period_start,
    value,
    point_type,
    period_start >= begun_on as is_after,
    row_number() over (partition by series_id order by period_start) as place,
    row_number() over (partition by series_id order by period_start desc) <= {{ last_points }} as is_current
from ranked
where series_place = 1
