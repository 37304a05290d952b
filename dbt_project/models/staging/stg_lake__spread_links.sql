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
        received_at,
        load_id,
        source_row
    from source
)

select * from renamed
