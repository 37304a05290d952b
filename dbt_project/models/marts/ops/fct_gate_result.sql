with
results as (
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
    from {{ ref('stg_lake__gate_results') }}
)

select
    {{ surrogate_key(['results.load_id', 'results.extract', 'results.code', 'results.column_name']) }}
        as gate_result_id,
    results.load_id,
    loads.run_id,
    results.extract,
    loads.source_system,
    results.code,
    results.column_name,
    results.category,
    results.action,
    results.is_passed,
    results.rows_checked,
    results.rows_failed,
    results.message,
    results.reason,
    results.owner,
    results.remedy,
    loads.verdict as load_verdict
from results
inner join {{ ref('stg_lake__loads') }} as loads on results.load_id = loads.load_id
