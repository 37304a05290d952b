with
source as (
    select * from {{ lake_table('projects') }}
),

renamed as (
    select
        project_id,
        organisation_code,
        unit_code,
        title,
        aim,
        method,
        origin,
        involvement,
        involvement_recorded_on,
        chartered_on,
        started_on,
        due_on,
        closed_on,
        status,
        outcome,
        progress_score,
        progress_scored_on,
        quality_domain,
        goal,
        coach_id,
        sponsor_id,
        source_system,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
