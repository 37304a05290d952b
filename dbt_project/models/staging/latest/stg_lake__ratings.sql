with
source as (
    select * from {{ lake_table('ratings') }}
),

renamed as (
    select
        organisation_code,
        location_code,
        location_name,
        service,
        domain,
        rating,
        inspected_on,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
