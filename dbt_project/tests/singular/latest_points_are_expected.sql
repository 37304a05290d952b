{{ config(
    description='Every latest point of a regular measure, in the calendar, is counted in the expected grid.',
    meta={'dagster': {'ref': {'name': 'fct_expected_point'}}}
) }}
with
calendar as (
    select
        min(date_day) as first_day,
        max(date_day) as last_day
    from {{ ref('dim_date') }}
),

points as (
    select
        points.measure_id,
        points.organisation_code,
        count(*) as points
    from {{ ref('fct_measure_point') }} as points
    inner join {{ ref('dim_measure') }} as measures
        on points.measure_id = measures.measure_id and measures.is_latest and not measures.is_withdrawn
    inner join calendar on points.period_start between calendar.first_day and calendar.last_day
    where points.is_latest and measures.frequency <> 'event'
    group by points.measure_id, points.organisation_code
),

expected as (
    select
        measure_id,
        organisation_code,
        sum(points_received + points_withdrawn) as points
    from {{ ref('fct_expected_point') }}
    group by measure_id, organisation_code
)

select
    points.measure_id,
    points.organisation_code,
    points.points,
    expected.points as points_in_grid
from points
left join expected
    on points.measure_id = expected.measure_id and points.organisation_code = expected.organisation_code
where coalesce(expected.points, 0) < points.points
