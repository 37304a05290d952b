{#- Kept from night to night: of a changed series, or a changed project, the row is made anew. -#}
{%- set watermark = spc_watermark() -%}
{%- set near = 'count(case when is_two_in_three then 1 end)' -%}
{%- set beyond_zone = 'count(case when is_four_in_five then 1 end)' -%}
{%- set up_to = 'rows between unbounded preceding and current row' %}
{%- set in_phase = 'partition by series_id, phase order by place_in_phase nulls last' %}
with
{%- if watermark is not none %}
touched_projects as (
    {{ spc_touched_projects(watermark) }}
),

-- Found among phases, which are few, so that points are read by one key.
touched_series as (
    select series_id
    from {{ ref('int_spc__changed_series') }}
    union
    select phases.series_id
    from {{ ref('fct_spc_phase') }} as phases
    inner join {{ ref('dim_measure') }} as measures
        on phases.measure_id = measures.measure_id and measures.is_latest
    inner join touched_projects on measures.project_id = touched_projects.project_id
),
{%- endif %}

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
        {{ spc_chart_columns('points') }},
        points.phase,
        points.place_in_phase,
        points.period_start,
        points.period_end,
        points.point_type,
        points.is_outside,
        points.is_shift,
        points.is_trend,
        points.is_two_in_three,
        points.is_four_in_five,
        rule_sets.shift_length,
        rule_sets.trend_length,
        rule_sets.two_in_three_window,
        rule_sets.four_in_five_points,
        rule_sets.four_in_five_window
    from {{ ref('fct_spc_point') }} as points
    inner join measures on points.measure_id = measures.measure_id
    inner join {{ ref('dim_rule_set') }} as rule_sets on points.rule_set_id = rule_sets.rule_set_id
    {%- if watermark is not none %}
    inner join touched_series on points.series_id = touched_series.series_id
    {%- endif %}
    where
        points.is_chosen
        and points.place_in_phase is not null
        and points.value is not null
),

-- How much of each pattern there is so far: a chart shows it only when it is complete.
so_far as (
    select
        *,
        place_in_phase - coalesce(
            {{ last_given('case when not is_shift then place_in_phase end') }} over ({{ in_phase }} {{ up_to }}), 0
        ) as shift_points,
        place_in_phase - coalesce(
            {{ last_given('case when not is_trend then place_in_phase end') }} over ({{ in_phase }} {{ up_to }}), 0
        ) as trend_points,
        {{ over_so_many(near, 'two_in_three_window', 'preceding', in_phase) }} -- noqa: PRS
            as near_so_far,
        {{ over_so_many(beyond_zone, 'four_in_five_window', 'preceding', in_phase) }} -- noqa: PRS
            as beyond_zone_so_far
    from points
),

completed as (
    select
        *,
        point_type = 'improvement'
        and (
            is_outside
            or (is_shift and shift_points >= shift_length)
            or (is_trend and trend_points >= trend_length)
            -- A pair, as the rule's name says.
            or (is_two_in_three and near_so_far > 1)
            or (is_four_in_five and beyond_zone_so_far >= four_in_five_points)
        ) as is_complete
    from so_far
),

signalled as (
    select
        {{ spc_chart_columns('completed') }},
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
        {{ spc_chart_columns('completed') }},
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
{#- Referred to in both branches, so that dbt knows of them while it parses. #}
-- depends_on: {{ ref('int_spc__changed_series') }}
-- depends_on: {{ ref('fct_spc_phase') }}
-- depends_on: {{ ref('int_projects__versioned') }}
-- depends_on: {{ ref('int_pdsa_cycles__versioned') }}
-- depends_on: {{ ref('stg_lake__projects') }}
-- depends_on: {{ ref('stg_lake__pdsa_cycles') }}
-- depends_on: {{ ref('int_loads__standing') }}
