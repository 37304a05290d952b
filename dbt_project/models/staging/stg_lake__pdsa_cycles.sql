with
source as (
    select * from {{ lake_table('pdsa_cycles') }}
),

renamed as (
    select
        cycle_id,
        project_id,
        cycle_number,
        change_idea,
        measure_id,
        planned_on,
        started_on,
        studied_on,
        completed_on,
        prediction,
        has_data,
        study_finding,
        decision,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
