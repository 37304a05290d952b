with
measures as (
    select
        measure_id,
        project_id,
        family
    from {{ ref('dim_measure') }}
    where is_latest and not is_withdrawn and project_id is not null and family in ('outcome', 'process')
),

projects as (
    select
        project_id,
        method,
        chartered_on,
        started_on,
        coalesce(started_on, chartered_on) as begun_on
    from {{ ref('dim_project') }}
    where is_latest and not is_withdrawn
),

cycles as (
    select
        project_id,
        min(started_on) as first_test_on,
        min(case when decision = 'adopt' then coalesce(completed_on, studied_on, started_on) end) as first_adopt_on,
        count(*) as pdsa_cycles
    from {{ ref('fct_pdsa_cycle') }}
    group by project_id
),

points as (
    select
        points.series_id,
        points.rule_set_id,
        points.measure_id,
        points.organisation_code,
        points.unit_code,
        points.stratum,
        points.phase,
        points.place_in_phase,
        points.period_start,
        points.period_end,
        points.point_type,
        points.is_outside,
        points.is_shift,
        points.is_trend,
        points.is_two_in_three,
        points.is_four_in_five
    from {{ ref('fct_spc_point') }} as points
    inner join measures on points.measure_id = measures.measure_id
    where points.is_chosen and points.place_in_phase is not null and points.value is not null
),

-- How much of each pattern there is so far: a chart shows it only when it is complete.
so_far as (
    select
        *,
        place_in_phase - coalesce(
            max(case when not is_shift then place_in_phase end) over up_to_here, 0
        ) as shift_points,
        place_in_phase - coalesce(
            max(case when not is_trend then place_in_phase end) over up_to_here, 0
        ) as trend_points,
        sum(case when is_two_in_three then 1 else 0 end) over (
            partition by series_id, phase order by place_in_phase nulls last rows between 2 preceding and current row
        ) as of_last_three,
        sum(case when is_four_in_five then 1 else 0 end) over (
            partition by series_id, phase order by place_in_phase nulls last rows between 4 preceding and current row
        ) as of_last_five
    from points
    window up_to_here as (
        partition by series_id, phase
        order by place_in_phase nulls last
        rows between unbounded preceding and current row
    )
),

completed as (
    select
        so_far.*,
        so_far.point_type = 'improvement'
        and (
            so_far.is_outside
            or (so_far.is_shift and so_far.shift_points >= rule_sets.shift_length)
            or (so_far.is_trend and so_far.trend_points >= rule_sets.trend_length)
            or (so_far.is_two_in_three and so_far.of_last_three >= 2)
            or (so_far.is_four_in_five and so_far.of_last_five >= 4)
        ) as is_complete
    from so_far
    inner join {{ ref('dim_rule_set') }} as rule_sets on so_far.rule_set_id = rule_sets.rule_set_id
),

signalled as (
    select
        completed.series_id,
        completed.rule_set_id,
        completed.measure_id,
        completed.organisation_code,
        completed.unit_code,
        completed.stratum,
        measures.project_id,
        measures.family,
        projects.begun_on,
        count(*) as points_since_begun,
        max(completed.period_end) as observed_until,
        min(case when completed.point_type = 'improvement' then completed.period_start end) as signal_began_on,
        min(case when completed.is_complete then completed.period_end end) as signalled_on
    from completed
    inner join measures on completed.measure_id = measures.measure_id
    inner join projects on measures.project_id = projects.project_id
    where completed.period_end >= projects.begun_on
    group by
        completed.series_id,
        completed.rule_set_id,
        completed.measure_id,
        completed.organisation_code,
        completed.unit_code,
        completed.stratum,
        measures.project_id,
        measures.family,
        projects.begun_on
)

select
    signalled.project_id,
    signalled.series_id,
    signalled.rule_set_id,
    signalled.measure_id,
    signalled.family,
    signalled.organisation_code,
    signalled.unit_code,
    signalled.stratum,
    projects.method,
    projects.chartered_on,
    signalled.begun_on,
    cycles.first_test_on,
    cycles.first_adopt_on,
    coalesce(cycles.pdsa_cycles, 0) as pdsa_cycles,
    cast(signalled.points_since_begun as bigint) as points_since_begun,
    signalled.observed_until,
    case when signalled.signalled_on is not null then signalled.signal_began_on end as signal_began_on,
    signalled.signalled_on,
    signalled.signalled_on is null as is_censored,
    {{ days_between('signalled.begun_on', 'coalesce(signalled.signalled_on, signalled.observed_until)') }}
        as days_observed,
    {{ days_between('signalled.begun_on', 'signalled.signalled_on') }} as days_to_signal,
    {{ days_between('cycles.first_test_on', 'signalled.signalled_on') }} as days_from_first_test,
    {{ days_between('cycles.first_adopt_on', 'signalled.signalled_on') }} as days_from_first_adopt,
    case
        when signalled.signalled_on is null then 'no_signal_yet'
        when cycles.project_id is null then 'no_cycle_recorded'
        when cycles.first_test_on is null or signalled.signal_began_on < cycles.first_test_on then 'before_first_test'
        when cycles.first_adopt_on is null then 'while_testing'
        when signalled.signal_began_on < cycles.first_adopt_on then 'between_test_and_adopt'
        else 'after_adopt'
    end as signal_order
from signalled
inner join projects on signalled.project_id = projects.project_id
left join cycles on signalled.project_id = cycles.project_id
