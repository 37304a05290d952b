with
source as (
    select * from {{ lake_table('load_profiles') }}
),

renamed as (
    select
        load_id,
        extract,
        column_name,
        category,
        records,
        filled,
        different,
        earliest,
        latest
    from source
)

select * from renamed
