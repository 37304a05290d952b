with
source as (
    select * from {{ lake_table('support_roles') }}
),

renamed as (
    select
        organisation_code,
        unit_code,
        role,
        month,
        people,
        wte,
        needed,
        held,
        planned,
        hours_rostered,
        hours_used,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
