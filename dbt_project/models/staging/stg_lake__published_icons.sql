with
source as (
    select * from {{ lake_table('published_icons') }}
),

renamed as (
    select
        release_id,
        {{ as_timestamp('published_at') }} as published_at,
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
    from source
)

select * from renamed
