with
source as (
    select * from {{ lake_table('workforce_months') }}
),

renamed as (
    select
        organisation_code,
        unit_code,
        staff_group,
        month,
        headcount,
        wte,
        sick_days,
        available_days,
        headcount_year_before,
        stayed_headcount,
        joiners,
        leavers,
        suppression_reason,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
