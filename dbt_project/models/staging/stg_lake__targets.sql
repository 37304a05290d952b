with
source as (
    select * from {{ lake_table('targets') }}
),

renamed as (
    select
        measure_id,
        organisation_code,
        valid_from as applies_from,
        target,
        basis,
        published_on,
        received_at,
        load_id,
        source_row
    from source
)

select * from renamed
