with
source as (
    select * from {{ lake_table('gate_results') }}
),

renamed as (
    select
        load_id,
        extract,
        code,
        column_name,
        category,
        action,
        is_passed,
        rows_checked,
        rows_failed,
        message,
        reason,
        owner,
        remedy
    from source
)

select * from renamed
