{{ config(materialized='table') }}
-- Which target holds for a chart of tonight from when until when. An organisation's own targets go before
-- those for all, from the first of them on.
with
targets as (
    select
        measure_id,
        organisation_code,
        valid_from,
        valid_to,
        target
    from {{ ref('dim_target') }}
    where is_latest and not is_withdrawn
),

own_beginnings as (
    select
        measure_id,
        organisation_code,
        min(valid_from) as own_from
    from targets
    where organisation_code is not null
    group by measure_id, organisation_code
),

charts as (
    select
        charts.chart_no,
        charts.measure_id,
        charts.organisation_code,
        own_beginnings.own_from
    from {{ ref('int_spc__charts') }} as charts
    left join own_beginnings
        on
            charts.measure_id = own_beginnings.measure_id
            and charts.organisation_code = own_beginnings.organisation_code
)

select
    charts.chart_no,
    targets.valid_from,
    targets.valid_to,
    targets.target
from charts
inner join targets
    on
        charts.measure_id = targets.measure_id
        and charts.organisation_code = targets.organisation_code

union all

select
    charts.chart_no,
    targets.valid_from,
    least(targets.valid_to, coalesce(charts.own_from, targets.valid_to)) as valid_to,
    targets.target
from charts
inner join targets on charts.measure_id = targets.measure_id
where
    targets.organisation_code is null
    and (charts.own_from is null or targets.valid_from < charts.own_from)
