{#- Phases of the series that changed replace what stood, in one transaction. -#}
with
phases as (
    select *
    from {{ ref('int_spc__phases') }}
),

points as (
    select
        points.chart_no,
        points.phase,
        count(case when points.signal <> 'common_cause' then 1 end) as signalling_points,
        count(case when points.point_type = 'improvement' then 1 end) as improvement_points,
        count(case when points.point_type = 'concern' then 1 end) as concern_points,
        count(case when points.outside_side <> 0 then 1 end) as outside_points,
        max(
            case
                when points.signal = 'common_cause' and points.place_in_phase is not null and points.value is not null
                    then points.period_start
            end
        ) as last_common_cause_start,
        max(
            case
                when points.signal = 'common_cause' and points.place_in_phase is not null and points.value is not null
                    then points.next_period_start
            end
        ) as after_common_cause_start
    from {{ ref('int_spc__points') }} as points
    inner join {{ ref('int_spc__charts') }} as charts
        on points.chart_no = charts.chart_no and points.night_no = charts.night_no
    group by points.chart_no, points.phase
),

-- The signal of a whole phase (Anhoej & Olesen 2014).
runs as (
    select
        chart_no,
        phase_slot,
        count(*) as useful_points,
        max(run_length) as longest_run,
        count(case when is_crossing then 1 end) as crossings
    from {{ ref('int_spc__bridged_runs') }}
    where is_useful
    group by chart_no, phase_slot
),

limited as (
    select
        phases.chart_no,
        phases.phase_slot,
        case when phases.has_runs_analysis then coalesce(runs.useful_points, 0) end as useful_points,
        case when phases.has_runs_analysis then runs.longest_run end as longest_run,
        case
            when phases.has_runs_analysis
                then cast(round(log2(runs.useful_points)) as bigint) + phases.longest_run_added
        end as longest_run_limit,
        case when phases.has_runs_analysis then runs.crossings end as crossings,
        case when phases.has_runs_analysis then limits.crossings_limit end as crossings_limit
    from phases
    left join runs
        on phases.chart_no = runs.chart_no and phases.phase_slot = runs.phase_slot
    left join {{ ref('crossings_limit') }} as limits
        on
            runs.useful_points = limits.useful_points
            and phases.crossings_probability = limits.crossings_probability
)

select
    {{ spc_chart_columns('phases') }},
    phases.is_chosen,
    phases.chart_type,
    phases.chart_reason,
    phases.phase,
    phases.first_period_start,
    phases.last_period_start,
    bounds.rebase_reason,
    coalesce(phases.baseline_until <= bounds.frozen_after, false) as is_frozen,
    phases.baseline_until,
    case when phases.baseline_until <= bounds.frozen_after then bounds.freeze_reason end as freeze_reason,
    phases.points,
    phases.points_with_value,
    phases.excluded_points,
    phases.baseline_points,
    greatest(phases.firm_points - phases.baseline_points, 0) as points_until_firm,
    cast(coalesce(phases.periods_missing, 0) as bigint) as periods_missing,
    {{ spc_shown('phases.centre') }} as centre_line,
    phases.mean_moving_range,
    phases.screened_out as moving_ranges_screened_out,
    phases.is_screening_collapsed,
    phases.is_constant,
    phases.sigma_z,
    coalesce(phases.chart_type in ('p', 'u') and phases.sigma_z > phases.overdispersed_above, false)
        as is_overdispersed,
    phases.autocorrelation,
    coalesce(
        phases.autocorrelation > phases.autocorrelated_above_sigmas / sqrt(nullif(phases.baseline_points, 0)), false
    ) as is_autocorrelated,
    case when phases.season_pairs > 0 then phases.seasonality end as seasonality,
    coalesce(
        phases.season_pairs >= phases.firm_points
        and phases.seasonality > phases.autocorrelated_above_sigmas / sqrt(nullif(phases.baseline_points, 0)),
        false
    ) as is_seasonal,
    limited.useful_points,
    limited.longest_run,
    limited.longest_run_limit,
    limited.crossings,
    limited.crossings_limit,
    case
        when phases.has_runs_analysis
            then
                phases.chart_type <> 'mr'
                and coalesce(
                    limited.longest_run > limited.longest_run_limit
                    or limited.crossings < limited.crossings_limit,
                    false
                )
    end as has_runs_signal,
    coalesce(points.signalling_points, 0) as signalling_points,
    coalesce(points.improvement_points, 0) as improvement_points,
    coalesce(points.concern_points, 0) as concern_points,
    coalesce(points.outside_points, 0) as outside_points,
    points.last_common_cause_start,
    points.after_common_cause_start
from phases
inner join limited on phases.chart_no = limited.chart_no and phases.phase_slot = limited.phase_slot
left join {{ ref('int_spc__phase_bounds') }} as bounds
    on phases.series_id = bounds.series_id and phases.phase_slot = bounds.phase_slot
left join points
    on
        phases.chart_no = points.chart_no
        and phases.phase = points.phase
-- depends_on: {{ ref('int_spc__changed_series') }}
