{#-
    Colours by target and margin, and where they change. Kept from night to night; a new margin colours
    everything anew, because seeds belong to the code.
-#}
-- depends_on: {{ ref('int_spc__changed_series') }}
{%- set is_partial = spc_watermark() is not none %}
with
measures as (
    select
        measure_id,
        improvement_direction
    from {{ ref('dim_measure') }}
    where is_latest and improvement_direction in ('increase', 'decrease')
),

margins as (
    select
        measures.measure_id,
        measures.improvement_direction,
        coalesce(own.amber_margin_pct, common.amber_margin_pct) / 100.0 as amber_margin
    from measures
    inner join {{ ref('rag_margin') }} as common on common.measure_id is null
    left join {{ ref('rag_margin') }} as own on measures.measure_id = own.measure_id
),

points as (
    select
        {{ spc_chart_columns('points') }},
        points.period_start,
        points.phase,
        points.value,
        points.target,
        points.signal <> 'common_cause' or coalesce(phases.has_runs_signal, false) as has_special_cause,
        -- How far the target is missed, as a share of it.
        case
            when margins.improvement_direction = 'increase' then points.target - points.value
            else points.value - points.target
        end as missed_by,
        margins.amber_margin * abs(points.target) as amber_width
    from {{ ref('fct_spc_point') }} as points
    inner join margins on points.measure_id = margins.measure_id
    {%- if is_partial %}
    inner join {{ ref('int_spc__changed_series') }} as changed on points.series_id = changed.series_id
    {%- endif %}
    left join {{ ref('fct_spc_phase') }} as phases
        on
            points.series_id = phases.series_id
            and points.rule_set_id = phases.rule_set_id
            and points.phase = phases.phase
    where points.is_chosen and points.place_in_phase is not null and points.value is not null
),

coloured as (
    select
        *,
        case
            when missed_by <= 0 then 'green'
            when missed_by <= amber_width then 'amber'
            when missed_by > amber_width then 'red'
        end as colour
    from points
),

beside_the_last as (
    select
        *,
        lag(colour) over in_time as previous_colour,
        lag(period_start) over in_time as previous_period_start,
        lag(value) over in_time as previous_value,
        lag(target) over in_time as previous_target,
        lag(has_special_cause) over in_time as had_special_cause,
        lag(phase) over in_time as previous_phase
    from coloured
    window in_time as (partition by series_id order by period_start nulls last)
)

select
    {{ spc_chart_columns() }},
    period_start,
    previous_period_start,
    previous_colour,
    colour,
    previous_value,
    value,
    previous_target,
    target,
    case
        when target <> previous_target then 'target_changed'
        -- Who rebased between the two has said that the process changed.
        when has_special_cause or had_special_cause or phase <> previous_phase then 'special_cause'
        else 'noise'
    end as change_reason
from beside_the_last
where colour <> previous_colour
