with
source as (
    select * from {{ lake_table('compact_commitments') }}
),

renamed as (
    select
        commitment_id,
        organisation_code,
        unit_code,
        given_by,
        commitment,
        declared_method,
        agreed_on,
        ended_on,
        evidenced_on,
        evidence,
        reviewed_on,
        review_due_on,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
