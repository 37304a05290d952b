with
source as (
    select * from {{ lake_table('survey_results') }}
),

renamed as (
    select
        survey,
        organisation_code,
        unit_code,
        concept,
        question,
        period_start,
        period_end,
        breakdown,
        breakdown_group,
        numerator,
        denominator,
        value,
        invited,
        suppression_reason,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
