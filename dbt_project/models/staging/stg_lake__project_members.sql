with
source as (
    select * from {{ lake_table('project_members') }}
),

renamed as (
    select
        project_id,
        person_id,
        role,
        organisation_code,
        unit_code,
        staff_group,
        joined_on,
        left_on,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
