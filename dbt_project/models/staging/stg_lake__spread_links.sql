with
source as (
    select * from {{ lake_table('spread_links') }}
),

renamed as (
    select
        parent_project_id,
        child_project_id,
        link_type,
        adopted_on,
        eligible_units,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
