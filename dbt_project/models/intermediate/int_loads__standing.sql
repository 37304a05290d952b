{#- A table, so that all models of a night see the same loads, and the ledger's many files are read once. -#}
{{ config(materialized='table') }}
-- Every load, with the moment from which its rows no longer count, if it was taken back.
-- Rows released from quarantine belong to the file they came with: they are taken back with it.
with
loads as (
    select
        load_id,
        run_id,
        extract,
        verdict,
        retry_of,
        loaded_at,
        is_synthetic
    from {{ ref('stg_lake__loads') }}
),

takings_back as (
    select
        retry_of as load_id,
        min(loaded_at) as taken_back_at,
        min(load_id) as taken_back_by_load_id
    from loads
    where verdict = 'withdrawn' and retry_of is not null
    group by retry_of
)

select
    loads.load_id,
    loads.run_id,
    loads.extract,
    loads.loaded_at,
    loads.is_synthetic,
    loads.verdict in ('accepted', 'released') as has_rows,
    coalesce(own.taken_back_at, of_origin.taken_back_at) as taken_back_at,
    coalesce(own.taken_back_by_load_id, of_origin.taken_back_by_load_id) as taken_back_by_load_id
from loads
left join takings_back as own on loads.load_id = own.load_id
left join takings_back as of_origin
    on loads.retry_of = of_origin.load_id and loads.verdict = 'released'
