with
source as (
    select * from {{ lake_table('collaboration_ties') }}
),

renamed as (
    select
        wave,
        surveyed_on,
        organisation_code,
        unit_code,
        to_organisation_code,
        to_unit_code,
        tie,
        invited,
        answered,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
