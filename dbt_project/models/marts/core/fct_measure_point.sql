{#- Points are computed anew where a load touched them or the measure's multiplier has changed. -#}
{{ config(
    materialized='incremental' if target.type == 'duckdb' else 'table',
    incremental_strategy='delete+insert' if target.type == 'duckdb' else none,
    unique_key='point_key',
    on_schema_change='fail',
    post_hook="{{ record_watermark() }}"
) }}
{%- set delivered = ref('stg_lake__measure_points') -%}
{%- set new_loads = loads_since_last_build('measure_points') -%}
{%- set scope = ['measure_id', 'organisation_code', 'period_start'] -%}
{%- set is_partial = new_loads is not none -%}
{%- set has_new_loads = is_partial and new_loads | length > 0 -%}
{%- set new_multipliers -%}
    select points.measure_id
    from (select distinct measure_id, multiplier from {{ this }}) as points
    inner join {{ ref('dim_measure') }} as measures
        on points.measure_id = measures.measure_id and measures.is_latest
    where points.multiplier is distinct from measures.multiplier
{%- endset -%}
{%- set is_idle = is_partial and not has_new_loads and run_query(new_multipliers).rows | length == 0 -%}
with
{%- if is_partial and not is_idle %}
touched as (
    {%- if has_new_loads %}
    {{ touched_by(delivered, scope, new_loads) }}
    union
    {%- endif %}
    select distinct
        points.measure_id,
        points.organisation_code,
        points.period_start
    from {{ ref('int_measure_points__versioned') }} as points
    inner join ({{ new_multipliers }}) as changed on points.measure_id = changed.measure_id
),
{%- endif %}

measures as (
    select
        measure_id,
        multiplier
    from {{ ref('dim_measure') }}
    where is_latest
),

valued as (
    select
        points.version_id,
        points.entity_key,
        points.measure_id,
        points.organisation_code,
        points.unit_code,
        points.stratum,
        points.period_start,
        points.period_end,
        points.numerator,
        points.denominator,
        points.subgroup_size,
        points.subgroup_mean,
        points.subgroup_sd,
        measures.multiplier,
        points.suppression_reason,
        points.edition,
        points.published_on,
        points.valid_from,
        points.valid_to,
        points.is_latest,
        points.is_withdrawn,
        points.was_in_force,
        points.known_from,
        points.known_to,
        points.revision_number,
        points.received_at,
        points.load_id,
        points.source_row,
        points.reinstated_by_load_id,
        points.last_confirmed_load_id,
        points.is_synthetic,
        case
            when not points.is_withdrawn
                then coalesce(
                    points.value,
                    measures.multiplier * points.numerator / nullif(points.denominator, 0),
                    points.subgroup_mean
                )
        end as value
    from {{ ref('int_measure_points__versioned') }} as points
    left join measures on points.measure_id = measures.measure_id
    {%- if is_idle %}
    where 1 = 0
    {%- elif is_partial %}
    inner join touched
        on
            points.measure_id = touched.measure_id
            and points.organisation_code = touched.organisation_code
            and points.period_start = touched.period_start
    {%- endif %}
)

select
    version_id as point_id,
    entity_key as point_key,
    {{ surrogate_key(['measure_id', 'organisation_code', 'unit_code', 'stratum']) }} as series_id,
    measure_id,
    organisation_code,
    unit_code,
    stratum,
    period_start,
    period_end,
    value,
    numerator,
    denominator,
    subgroup_size,
    subgroup_mean,
    subgroup_sd,
    multiplier,
    suppression_reason,
    case when is_withdrawn then 'withdrawn' else edition end as edition,
    published_on,
    valid_from,
    valid_to,
    is_latest,
    is_withdrawn,
    was_in_force,
    known_from,
    known_to,
    revision_number,
    case
        when was_in_force
            then lag(value) over (
                partition by entity_key, was_in_force order by revision_number nulls last
            )
    end as previous_value,
    received_at,
    load_id,
    source_row,
    reinstated_by_load_id,
    last_confirmed_load_id,
    is_synthetic
from valued
