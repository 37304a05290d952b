{#- What a chart says at its last point. Kept from night to night; only the clock is added in fct_spc_status. -#}
with
charts as (
    select *
    from {{ ref('int_spc__charts') }}
),

phases as (
    select phases.*
    from {{ ref('fct_spc_phase') }} as phases
    inner join charts on phases.series_id = charts.series_id and phases.rule_set_id = charts.rule_set_id
),

last_in_phase as (
    select
        points.*,
        row_number() over (partition by points.chart_no order by points.period_start desc nulls last) as from_the_end
    from {{ ref('int_spc__points') }} as points
    inner join charts on points.chart_no = charts.chart_no and points.night_no = charts.night_no
    where points.is_last_in_phase
),

last_points as (
    select *
    from last_in_phase
    where from_the_end = 1
),

-- The sequence of signalling points that reaches the end begins after the last common cause.
last_quiet_phases as (
    select
        series_id,
        rule_set_id,
        max(phase) as phase
    from phases
    where last_common_cause_start is not null
    group by series_id, rule_set_id
),

beginnings as (
    select
        phases.series_id,
        phases.rule_set_id,
        coalesce(
            max(case when phases.phase = quiet.phase then phases.after_common_cause_start end),
            min(case when phases.phase > coalesce(quiet.phase, 0) then phases.first_period_start end)
        ) as signalling_since
    from phases
    left join last_quiet_phases as quiet
        on phases.series_id = quiet.series_id and phases.rule_set_id = quiet.rule_set_id
    group by phases.series_id, phases.rule_set_id
),

-- What was recorded and has no effect: of a day without a point, or a freeze before there is anything to freeze.
unmet_events as (
    select charts.chart_no
    from charts
    inner join {{ ref('int_spc__point_events') }} as marks on charts.series_id = marks.series_id
    left join {{ ref('int_spc__observations') }} as observations
        on charts.chart_no = observations.chart_no and marks.period_start = observations.period_start
    where observations.chart_no is null
    union
    select charts.chart_no
    from charts
    inner join {{ ref('int_spc__phase_bounds') }} as bounds on charts.series_id = bounds.series_id
    left join {{ ref('int_spc__phases') }} as charted
        on charts.chart_no = charted.chart_no and bounds.phase_slot = charted.phase_slot
    where
        bounds.frozen_after is not null
        and (charted.chart_no is null or charted.baseline_until > bounds.frozen_after)
),

totals as (
    select
        series_id,
        rule_set_id,
        count(*) as phases,
        sum(points) as points,
        sum(points_with_value) as points_with_value,
        sum(periods_missing) as periods_missing,
        max(phase) as last_phase
    from phases
    group by series_id, rule_set_id
)

select
    charts.chart_no,
    charts.night_no,
    {{ spc_chart_columns('charts') }},
    charts.is_chosen,
    charts.improvement_direction,
    charts.frequency,
    last_phases.chart_type,
    last_phases.chart_reason,
    last_phases.phase as last_phase,
    totals.phases,
    cast(totals.points as bigint) as points,
    cast(totals.points_with_value as bigint) as points_with_value,
    last_points.period_start as last_period_start,
    last_points.period_end as last_period_end,
    last_points.value as last_value,
    last_points.centre_line,
    last_points.lower_limit,
    last_points.upper_limit,
    last_points.target,
    coalesce(last_points.signal, 'common_cause') as signal, -- noqa: RF04
    {{ spc_signal_direction('last_points.signal_side') }} as signal_direction,
    coalesce(last_points.point_type, 'common_cause') as point_type,
    coalesce(last_points.is_conflicting, false) as is_conflicting,
    case when last_points.signal <> 'common_cause' then beginnings.signalling_since end as signalling_since,
    case
        when charts.improvement_direction = 'neutral' or last_points.target is null then 'none'
        -- Counts that happen to be the same each time still have the limits of counts.
        when
            shown_phases.is_constant
            and coalesce({{ spc_side_of_target('last_points.upper_limit', 'last_points.lower_limit') }} = 0, true)
            then case
                when
                    {{ spc_side_of_target('last_points.target', 'last_points.centre_line') }}
                    = case charts.improvement_direction when 'increase' then 1 else -1 end
                    then 'fail'
                else 'pass'
            end
        when last_points.upper_limit is null or last_points.lower_limit is null then 'none'
        when {{ spc_side_of_target('last_points.target', 'last_points.upper_limit') }} = 1
            then case when charts.improvement_direction = 'increase' then 'fail' else 'pass' end
        when {{ spc_side_of_target('last_points.target', 'last_points.lower_limit') }} = -1
            then case when charts.improvement_direction = 'increase' then 'pass' else 'fail' end
        else 'hit_or_miss'
    end as assurance_icon,
    last_phases.points_until_firm,
    last_phases.useful_points,
    last_phases.longest_run,
    last_phases.longest_run_limit,
    last_phases.crossings,
    last_phases.crossings_limit,
    last_phases.has_runs_signal,
    nullif(concat_ws(
        ', ',
        case when last_phases.points_until_firm > 0 then 'trial_limits' end,
        case
            when last_points.upper_limit is null and last_phases.chart_type <> 'run' and not last_phases.is_constant
                then 'no_limits'
        end,
        case when last_phases.is_constant then 'constant' end,
        case when last_phases.is_screening_collapsed then 'screening_collapse' end,
        case when last_phases.is_autocorrelated then 'autocorrelation' end,
        case when last_phases.is_seasonal then 'seasonality' end,
        case when last_phases.is_overdispersed then 'overdispersion' end,
        case when totals.periods_missing > 0 then 'gaps' end,
        case when totals.points_with_value < totals.points then 'missing_values' end,
        case when charts.is_rare then 'rare_events' end,
        case when charts.chart_reason = 'asked_chart_impossible' then 'asked_chart_impossible' end,
        case when charts.is_rule_set_unknown then 'unknown_rule_set' end,
        case when unmet_events.chart_no is not null then 'events_without_point' end
    ), '') as warnings
from charts
inner join totals on charts.series_id = totals.series_id and charts.rule_set_id = totals.rule_set_id
inner join phases as last_phases
    on
        charts.series_id = last_phases.series_id
        and charts.rule_set_id = last_phases.rule_set_id
        and totals.last_phase = last_phases.phase
inner join beginnings on charts.series_id = beginnings.series_id and charts.rule_set_id = beginnings.rule_set_id
left join last_points on charts.chart_no = last_points.chart_no
left join unmet_events on charts.chart_no = unmet_events.chart_no
-- Of the point that is shown, which lies before a phase in which none is counted.
left join phases as shown_phases
    on
        charts.series_id = shown_phases.series_id
        and charts.rule_set_id = shown_phases.rule_set_id
        and last_points.phase = shown_phases.phase
-- depends_on: {{ ref('int_spc__changed_series') }}
