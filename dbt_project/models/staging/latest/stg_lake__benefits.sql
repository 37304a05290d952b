with
source as (
    select * from {{ lake_table('benefits') }}
),

renamed as (
    select
        project_id,
        benefit_line,
        benefit_type,
        description,
        measure_id,
        period_start,
        period_end,
        payer_organisation_code,
        receiver_organisation_code,
        receiver_sector,
        stage,
        stated_on,
        amount_low,
        amount_high,
        cost,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
