with
source as (
    select * from {{ lake_table('measure_points') }}
),

renamed as (
    select
        measure_id,
        organisation_code,
        unit_code,
        coalesce(stratum, 'all') as stratum,
        period_start,
        period_end,
        value,
        numerator,
        denominator,
        subgroup_size,
        subgroup_mean,
        subgroup_sd,
        coalesce(edition, 'original') as edition,
        suppression_reason,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
