with
source as (
    select * from {{ lake_table('organisations') }}
),

renamed as (
    select
        organisation_code,
        organisation_name,
        organisation_type,
        region_code,
        icb_code,
        valid_from,
        closed_on,
        coalesce(register_rank, 1) as register_rank,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
