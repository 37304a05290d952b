{#- Kept from night to night: of a changed series, or a changed project, the row is made anew. -#}
{%- set watermark = spc_watermark() -%}
{%- set beyond_zone = 'count(case when is_four_in_five then 1 end)' -%}
{%- set up_to = 'rows between unbounded preceding and current row' %}
{%- set in_phase = 'partition by chart_no, phase order by place_in_phase nulls last' %}
with
{%- if watermark is not none %}
touched_projects as (
    {{ spc_touched_projects(watermark) }}
),

touched_series as (
    select series_id
    from {{ ref('int_spc__changed_series') }}
    union
    select summaries.series_id
    from {{ ref('int_spc__summaries') }} as summaries
    inner join {{ ref('dim_measure') }} as measures
        on summaries.measure_id = measures.measure_id and measures.is_latest
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

charts as (
    select
        summaries.chart_no,
        summaries.night_no,
        {{ spc_chart_columns('summaries') }},
        measures.project_id,
        measures.family,
        projects.begun_on,
        rule_sets.shift_length,
        rule_sets.trend_length,
        rule_sets.two_in_three_window,
        rule_sets.four_in_five_points,
        rule_sets.four_in_five_window
    from {{ ref('int_spc__summaries') }} as summaries
    inner join measures on summaries.measure_id = measures.measure_id
    inner join projects on measures.project_id = projects.project_id
    inner join {{ ref('dim_rule_set') }} as rule_sets on summaries.rule_set_id = rule_sets.rule_set_id
    {%- if watermark is not none %}
    inner join touched_series on summaries.series_id = touched_series.series_id
    {%- endif %}
    where summaries.is_chosen
),

observed as (
    select
        points.chart_no,
        count(*) as points_since_begun,
        max(points.period_end) as observed_until
    from {{ ref('int_spc__points') }} as points
    inner join charts on points.chart_no = charts.chart_no and points.night_no = charts.night_no
    where points.place_in_phase is not null and points.value is not null and points.period_end >= charts.begun_on
    group by points.chart_no
),

-- Elsewhere there is no pattern to complete.
improving_phases as (
    select
        charts.chart_no,
        phases.phase
    from {{ ref('fct_spc_phase') }} as phases
    inner join charts on phases.series_id = charts.series_id and phases.rule_set_id = charts.rule_set_id
    where phases.improvement_points > 0
),

points as (
    select
        points.chart_no,
        points.phase,
        points.place_in_phase,
        points.period_start,
        points.period_end,
        points.point_type = 'improvement' as is_improvement,
        points.outside_side <> 0 as is_outside,
        points.shift_side <> 0 as is_shift,
        points.trend_side <> 0 as is_trend,
        points.two_in_three_side <> 0 as is_two_in_three,
        points.is_four_in_five,
        charts.begun_on,
        charts.shift_length,
        charts.trend_length,
        charts.two_in_three_window,
        charts.four_in_five_points,
        charts.four_in_five_window
    from {{ ref('int_spc__points') }} as points
    inner join improving_phases
        on points.chart_no = improving_phases.chart_no and points.phase = improving_phases.phase
    inner join charts on points.chart_no = charts.chart_no and points.night_no = charts.night_no
    where points.place_in_phase is not null and points.value is not null
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
        place_in_phase - {{ last_given('case when is_two_in_three then place_in_phase end') }} over (
            {{ in_phase }} rows between unbounded preceding and 1 preceding
        ) + 1 as pair_length,
        {{ over_so_many(beyond_zone, 'four_in_five_window', 'preceding', in_phase) }} -- noqa: PRS
            as beyond_zone_so_far
    from points
),

signalled as (
    select
        chart_no,
        min(period_start) as signal_began_on,
        min(
            case
                when
                    is_outside
                    or (is_shift and shift_points >= shift_length)
                    or (is_trend and trend_points >= trend_length)
                    -- A pair, as the rule's name says.
                    or (is_two_in_three and pair_length <= two_in_three_window)
                    or (is_four_in_five and beyond_zone_so_far >= four_in_five_points)
                    then period_end
            end
        ) as signalled_on
    from so_far
    where is_improvement and period_end >= begun_on
    group by chart_no
)

select
    charts.project_id,
    charts.series_id,
    charts.rule_set_id,
    charts.measure_id,
    charts.family,
    charts.organisation_code,
    charts.unit_code,
    charts.stratum,
    projects.method,
    projects.chartered_on,
    charts.begun_on,
    cycles.first_test_on,
    cycles.first_adopt_on,
    coalesce(cycles.pdsa_cycles, 0) as pdsa_cycles,
    cast(observed.points_since_begun as bigint) as points_since_begun,
    observed.observed_until,
    case when signalled.signalled_on is not null then signalled.signal_began_on end as signal_began_on,
    signalled.signalled_on,
    signalled.signalled_on is null as is_censored,
    {{ days_between('charts.begun_on', 'coalesce(signalled.signalled_on, observed.observed_until)') }}
        as days_observed,
    {{ days_between('charts.begun_on', 'signalled.signalled_on') }} as days_to_signal,
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
from charts
inner join observed on charts.chart_no = observed.chart_no
inner join projects on charts.project_id = projects.project_id
left join signalled on charts.chart_no = signalled.chart_no
left join cycles on charts.project_id = cycles.project_id
{#- Referred to in both branches, so that dbt knows of them while it parses. #}
-- depends_on: {{ ref('int_spc__changed_series') }}
-- depends_on: {{ ref('fct_spc_phase') }}
-- depends_on: {{ ref('int_projects__versioned') }}
-- depends_on: {{ ref('int_pdsa_cycles__versioned') }}
-- depends_on: {{ ref('stg_lake__projects') }}
-- depends_on: {{ ref('stg_lake__pdsa_cycles') }}
-- depends_on: {{ ref('int_loads__standing') }}
