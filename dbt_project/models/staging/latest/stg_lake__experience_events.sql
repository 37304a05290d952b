with
source as (
    select * from {{ lake_table('experience_events') }}
),

renamed as (
    select
        event_id,
        organisation_code,
        unit_code,
        project_id,
        kind,
        topic,
        ebcd_stage,
        planned_on,
        held_on,
        status,
        attendee_group,
        attended,
        suppression_reason,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
