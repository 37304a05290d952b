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

-- The chosen charts of these measures, for which direction decides the colour.
charts as (
    select
        summaries.chart_no,
        summaries.night_no,
        {{ spc_chart_columns('summaries') }},
        margins.amber_margin,
        case margins.improvement_direction when 'increase' then 1 else -1 end as better_side
    from {{ ref('int_spc__summaries') }} as summaries
    inner join margins on summaries.measure_id = margins.measure_id
    {%- if is_partial %}
    inner join {{ ref('int_spc__changed_series') }} as changed on summaries.series_id = changed.series_id
    {%- endif %}
    where summaries.is_chosen
),

signalling_phases as (
    select
        charts.chart_no,
        phases.phase
    from {{ ref('fct_spc_phase') }} as phases
    inner join charts on phases.series_id = charts.series_id and phases.rule_set_id = charts.rule_set_id
    where phases.has_runs_signal
),

points as (
    select
        points.chart_no,
        points.period_start,
        points.phase,
        points.value,
        points.target,
        points.signal <> 'common_cause' or signalling_phases.chart_no is not null as has_special_cause,
        -- How far the target is missed, as a share of it.
        (points.target - points.value) * charts.better_side as missed_by,
        charts.amber_margin * abs(points.target) as amber_width
    from {{ ref('int_spc__points') }} as points
    inner join charts on points.chart_no = charts.chart_no and points.night_no = charts.night_no
    left join signalling_phases
        on points.chart_no = signalling_phases.chart_no and points.phase = signalling_phases.phase
    where points.place_in_phase is not null and points.value is not null
),

coloured as (
    select
        *,
        case
            when missed_by <= 0 then 0
            when missed_by <= amber_width then 1
            when missed_by > amber_width then 2
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
    window in_time as (partition by chart_no order by period_start nulls last)
)

select
    {{ spc_chart_columns('charts') }},
    changes.period_start,
    changes.previous_period_start,
    case changes.previous_colour when 0 then 'green' when 1 then 'amber' else 'red' end as previous_colour,
    case changes.colour when 0 then 'green' when 1 then 'amber' else 'red' end as colour,
    changes.previous_value,
    changes.value,
    changes.previous_target,
    changes.target,
    case
        when changes.target <> changes.previous_target then 'target_changed'
        -- Who rebased between the two has said that the process changed.
        when changes.has_special_cause or changes.had_special_cause or changes.phase <> changes.previous_phase
            then 'special_cause'
        else 'noise'
    end as change_reason
from beside_the_last as changes
inner join charts on changes.chart_no = charts.chart_no
where changes.colour <> changes.previous_colour
