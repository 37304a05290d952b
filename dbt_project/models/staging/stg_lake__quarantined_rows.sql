with
source as (
    select * from {{ lake_table('quarantined_rows') }}
),

renamed as (
    select
        load_id,
        extract,
        origin_load_id,
        source_row,
        code,
        column_name,
        event
    from source
)

select * from renamed
