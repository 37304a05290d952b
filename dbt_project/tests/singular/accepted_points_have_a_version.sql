{{ config(
    description='Every measure point ever accepted has at least one version in fct_measure_point.',
    meta={'dagster': {'ref': {'name': 'fct_measure_point'}}}
) }}
with
accepted as (
    select distinct
        measure_id,
        organisation_code,
        unit_code,
        stratum,
        period_start
    from {{ ref('stg_lake__measure_points') }}
    where load_id in (select loads.load_id from {{ ref('fct_load') }} as loads)
),

versions as (
    select
        measure_id,
        organisation_code,
        unit_code,
        stratum,
        period_start
    from {{ ref('fct_measure_point') }}
    where is_latest
)

select
    accepted.measure_id,
    accepted.organisation_code,
    accepted.unit_code,
    accepted.stratum,
    accepted.period_start
from accepted
left join versions
    on
        accepted.measure_id = versions.measure_id
        and accepted.organisation_code = versions.organisation_code
        and coalesce(accepted.unit_code, '') = coalesce(versions.unit_code, '')
        and accepted.stratum = versions.stratum
        and accepted.period_start = versions.period_start
where versions.measure_id is null
