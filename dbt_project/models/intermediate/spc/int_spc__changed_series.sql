{{ config(materialized='table') }}
-- Series to chart tonight. Empty and unused when everything is charted: see spc_watermark.
{%- set series = ['measure_id', 'organisation_code', 'unit_code', 'stratum'] -%}
{%- set watermark = spc_watermark() %}
with
{%- if watermark is not none %}
touched_series as (
    {{ spc_touched(ref('int_measure_points__versioned'), ref('stg_lake__measure_points'), series,
        spc_loads_after('measure_points', watermark)) }}
    union
    {{ spc_touched(ref('int_measure_events__versioned'), ref('stg_lake__measure_events'), series,
        spc_loads_after('measure_events', watermark)) }}
),

touched_measures as (
    {{ spc_touched(ref('int_measures__versioned'), ref('stg_lake__measures'), ['measure_id'],
        spc_loads_after('measures', watermark)) }}
    union
    {{ spc_touched(ref('int_targets__versioned'), ref('stg_lake__targets'), ['measure_id'],
        spc_loads_after('targets', watermark)) }}
),

of_touched_measures as (
    select distinct points.series_id
    from {{ ref('fct_measure_point') }} as points
    inner join touched_measures on points.measure_id = touched_measures.measure_id
),

changed as (
    select {{ surrogate_key(series) }} as series_id
    from touched_series
    union
    select series_id
    from of_touched_measures
)
{%- else %}
changed as (
    select cast(null as {{ dbt.type_string() }}) as series_id
)
{%- endif %}

select
    series_id,
    {{ number_of('series_id') }} as series_no
from changed
where series_id is not null
{#- Referred to in both branches, so that dbt knows of them while it parses. #}
-- depends_on: {{ ref('int_measure_points__versioned') }}
-- depends_on: {{ ref('int_measure_events__versioned') }}
-- depends_on: {{ ref('int_measures__versioned') }}
-- depends_on: {{ ref('int_targets__versioned') }}
-- depends_on: {{ ref('stg_lake__measure_points') }}
-- depends_on: {{ ref('stg_lake__measure_events') }}
-- depends_on: {{ ref('stg_lake__measures') }}
-- depends_on: {{ ref('stg_lake__targets') }}
-- depends_on: {{ ref('fct_measure_point') }}
-- depends_on: {{ ref('int_loads__standing') }}
