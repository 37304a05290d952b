with
icons as (
    select
        release_id,
        published_at,
        {{ spc_chart_columns() }},
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
    {{ spc_chart_columns('icons') }},
    icons.chart_type,
    icons.variation_icon,
    icons.assurance_icon,
    icons.last_period_start,
    icons.is_shown
from icons
inner join releases on icons.release_id = releases.release_id
