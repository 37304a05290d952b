with
source as (
    select * from {{ lake_table('governance_time') }}
),

renamed as (
    select
        meeting_id,
        organisation_code,
        forum,
        met_on,
        item_number,
        item,
        function,
        minutes,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
