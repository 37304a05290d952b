with
source as (
    select * from {{ lake_table('maturity_assessments') }}
),

renamed as (
    select
        assessment_id,
        organisation_code,
        unit_code,
        framework,
        framework_version,
        assessed_on,
        component,
        item_code,
        item,
        assessor_group,
        assessors,
        level,
        evidence,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
