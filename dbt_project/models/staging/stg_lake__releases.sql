with
source as (
    select * from {{ lake_table('releases') }}
),

renamed as (
    select
        release_id,
        {{ as_timestamp('published_at') }} as published_at,
        as_of_date,
        run_id,
        code_version,
        loads,
        first_load_id,
        last_load_id,
        rows_received,
        rows_accepted,
        rows_quarantined,
        rows_refused,
        rows_ignored,
        checks_passed,
        checks_failed,
        tables,
        contains_synthetic
    from source
)

select * from renamed
