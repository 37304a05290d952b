with
source as (
    select * from {{ lake_table('leadership_posts') }}
),

renamed as (
    select
        post_id,
        organisation_code,
        unit_code,
        post_title,
        post_level,
        holder_id,
        holding,
        started_on,
        ended_on,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
