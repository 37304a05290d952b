with
icons as (
    select
        release_id,
        published_at,
        series_id,
        measure_id,
        organisation_code,
        unit_code,
        stratum,
        rule_set_id,
        chart_type,
        variation_icon,
        assurance_icon,
        last_period_start,
        is_shown
    from {{ ref('stg_lake__published_icons') }}
),

-- A release that was killed before the lake noted it never happened.
releases as (
    select release_id
    from {{ ref('stg_lake__releases') }}
)

select
    icons.release_id,
    icons.published_at,
    icons.series_id,
    icons.measure_id,
    icons.organisation_code,
    icons.unit_code,
    icons.stratum,
    icons.rule_set_id,
    icons.chart_type,
    icons.variation_icon,
    icons.assurance_icon,
    icons.last_period_start,
    icons.is_shown
from icons
inner join releases on icons.release_id = releases.release_id
