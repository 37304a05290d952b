with
source as (
    select * from {{ lake_table('published_metrics') }}
),

renamed as (
    select
        release_id,
        {{ as_timestamp('published_at') }} as published_at,
        metric_result_id,
        metric_id,
        organisation_code,
        unit_code,
        measure_id,
        period_start,
        period_end,
        stratum,
        value,
        lower,
        upper,
        numerator,
        denominator,
        n,
        p_value,
        homogeneity_p_value,
        method,
        suppression_reason,
        is_shown
    from source
)

select * from renamed
