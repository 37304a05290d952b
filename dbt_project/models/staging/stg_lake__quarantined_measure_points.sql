with
source as (
    select * from {{ lake_table('quarantined_measure_points') }}
),

renamed as (
    select
        measure_id,
        organisation_code,
        unit_code,
        coalesce(stratum, 'all') as stratum,
        period_start,
        codes,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
