with
source as (
    select * from {{ lake_table('clock', source_name='tonight') }}
),

renamed as (
    select
        as_of_date,
        run_id,
        own_organisation_code,
        release_id
    from source
)

select * from renamed
