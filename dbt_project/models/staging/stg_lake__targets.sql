with
source as (
    select * from {{ lake_table('targets') }}
),

renamed as (
    select
        measure_id,
        organisation_code,
        valid_from as applies_from,
        target,
        basis,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
