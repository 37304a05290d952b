with
source as (
    select * from {{ lake_table('units') }}
),

renamed as (
    select
        organisation_code,
        unit_code,
        unit_name,
        unit_type,
        directorate,
        parent_unit_code,
        valid_from,
        closed_on,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
