{#- A table, so that all models of a night see the same loads, and the ledger's many files are read once. -#}
{{ config(materialized='table') }}
-- Every load, with the moment from which its rows no longer count, if it was taken back, and the moment before
-- which they did not count yet, where that is later than their receipt: rows that were released from quarantine
-- by a later run, and a load that took the place of another one of the same file.
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
        file_sha256,
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
),

replacements as (
    select distinct later.load_id
    from loads as later
    inner join loads as former
        on
            later.file_sha256 = former.file_sha256
            and later.extract = former.extract
            and later.load_id > former.load_id
            and former.verdict = 'accepted'
    inner join takings_back on former.load_id = takings_back.load_id
    where later.verdict = 'accepted' and takings_back.taken_back_at >= later.loaded_at
),

late_releases as (
    select released.load_id
    from loads as released
    inner join loads as origin on released.retry_of = origin.load_id
    where released.verdict = 'released' and released.run_id <> origin.run_id
)

select
    loads.load_id,
    loads.run_id,
    loads.extract,
    loads.loaded_at,
    loads.is_synthetic,
    loads.verdict in ('accepted', 'released') as has_rows,
    coalesce(own.taken_back_at, of_origin.taken_back_at) as taken_back_at,
    case when replacements.load_id is not null or late_releases.load_id is not null then loads.loaded_at end
        as counts_from,
    coalesce(own.taken_back_by_load_id, of_origin.taken_back_by_load_id) as taken_back_by_load_id
from loads
left join takings_back as own on loads.load_id = own.load_id
left join replacements on loads.load_id = replacements.load_id
left join late_releases on loads.load_id = late_releases.load_id
left join takings_back as of_origin
    on loads.retry_of = of_origin.load_id and loads.verdict = 'released'
