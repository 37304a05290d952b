with
source as (
    select * from {{ lake_table('loads') }}
),

renamed as (
    select
        load_id,
        run_id,
        extract,
        mapping,
        source_system,
        file_path,
        file_name,
        file_table,
        file_sha256,
        file_bytes,
        edition,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        {{ as_timestamp('loaded_at') }} as loaded_at,
        verdict,
        reason,
        rows_received,
        rows_accepted,
        rows_quarantined,
        rows_refused,
        rows_ignored,
        records_accepted,
        records_quarantined,
        retry_of,
        is_synthetic,
        mapping_sha256,
        contract_sha256,
        gate_sha256,
        code_version
    from source
)

select * from renamed
