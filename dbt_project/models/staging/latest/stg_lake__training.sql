with
source as (
    select * from {{ lake_table('training') }}
),

renamed as (
    select
        person_id,
        course,
        level,
        organisation_code,
        unit_code,
        staff_group,
        started_on,
        completed_on,
        left_organisation_on,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
