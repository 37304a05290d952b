{{ config(
    description='Every load has as many records in the lake, for each extract, as its ledger row says.',
    meta={'dagster': {'ref': {'name': 'fct_load'}}}
) }}
with
records as (
    {%- for extract in lake_extracts() %}
    select
        '{{ extract }}' as extract,
        load_id,
        count(*) as records
    from {{ lake_table(extract) }}
    group by load_id
    union all
    {%- endfor %}
    select
        extract,
        load_id,
        0 as records
    from {{ ref('fct_load') }}
    where false
),

loads as (
    select
        load_id,
        extract,
        records_accepted
    from {{ ref('fct_load') }}
    where records_accepted > 0
)

select
    coalesce(loads.load_id, records.load_id) as load_id,
    coalesce(loads.extract, records.extract) as extract,
    loads.records_accepted,
    records.records
from loads
full outer join records on loads.load_id = records.load_id and loads.extract = records.extract
where loads.records_accepted is distinct from records.records
