{#- What chance is asked about: every chart's last phase, how long it is, and how strong its signal at the end. -#}
{%- set broken = {
    'outside': 'points.outside_side <> 0',
    'shift': 'points.shift_side <> 0',
    'trend': 'points.trend_side <> 0',
    'two_in_three': 'points.two_in_three_side <> 0',
    'four_in_five': 'points.is_four_in_five',
    'alternating': 'points.is_alternating',
    'hugging': 'points.is_hugging',
    'avoiding': 'points.is_avoiding'
} %}
{%- set tail_step = 'power(2e0, -60)' %}
{%- set near_pair -%}
    case
        when numbers.hits between 2 and chances.two_in_three_window
            then {{ binomial_probability('numbers.hits', 'chances.two_in_three_window', 'chances.near_share') }}
    end
{%- endset %}
{%- set beyond_zone -%}
    case
        when numbers.hits between chances.four_in_five_points and chances.four_in_five_window
            then {{ binomial_probability('numbers.hits', 'chances.four_in_five_window', 'chances.zone_share') }}
    end
{%- endset %}
with
phases as (
    select
        charts.chart_no,
        charts.night_no,
        {{ spc_chart_columns('phases') }},
        phases.is_chosen,
        phases.chart_type,
        phases.phase,
        phases.useful_points,
        phases.longest_run,
        phases.crossings,
        coalesce(phases.has_runs_signal, false) as has_runs_signal,
        phases.signalling_points,
        row_number() over (partition by charts.chart_no order by phases.phase desc nulls last) as from_the_end
    from {{ ref('fct_spc_phase') }} as phases
    inner join {{ ref('int_spc__charts') }} as charts
        on phases.series_id = charts.series_id and phases.rule_set_id = charts.rule_set_id
),

last_phases as (
    select *
    from phases
    where from_the_end = 1
),

-- How far back each kind of signal reaches from the last point.
stretches as (
    select
        points.chart_no,
        count(points.value) as points,
        max(points.place_in_phase) as last_place,
        {%- for rule in ['trend', 'alternating', 'hugging', 'avoiding'] %}
        max(case when not {{ broken[rule] }} then points.place_in_phase end) as last_without_{{ rule }},
        {%- endfor %}
        {%- for column in ['signal', 'signal_side', 'point_type'] %}
        max(case when points.is_last_in_phase then points.{{ column }} end) as {{ column }},
        {%- endfor %}
        {%- for rule, is_broken in broken.items() %}
        max(case when points.is_last_in_phase and {{ is_broken }} then 1 else 0 end) = 1 as is_{{ rule }},
        {%- endfor %}
        max(case when points.is_last_in_phase then points.run_length end) as run_length,
        max(
            case
                when not points.is_last_in_phase then null
                when points.value >= points.centre_line
                    then (points.value - points.centre_line) / nullif(points.upper_limit - points.centre_line, 0)
                else (points.centre_line - points.value) / nullif(points.centre_line - points.lower_limit, 0)
            end
        ) as limits_from_centre
    from {{ ref('int_spc__points') }} as points
    inner join last_phases
        on
            points.chart_no = last_phases.chart_no
            and points.night_no = last_phases.night_no
            and points.phase = last_phases.phase
    where points.place_in_phase is not null
    group by points.chart_no
),

-- What chance does with a point near a limit, or beyond one sigma; whatever the numbers of a rule set, a chance.
shares as (
    select
        *,
        {{ normal_tail('near_limit_sigmas') }}
        - case when two_in_three_stops_at_limit then {{ normal_tail('limit_sigmas') }} else 0 end as near_share,
        {{ normal_tail('zone_sigmas') }} as zone_share
    from {{ ref('dim_rule_set') }}
),

chances as (
    select
        rule_set_id,
        limit_sigmas,
        two_in_three_window,
        four_in_five_points,
        four_in_five_window,
        least(greatest(near_share, 1e-12), 0.5e0) as near_share,
        least(greatest(zone_share, 1e-12), 0.5e0) as zone_share
    from shares
),

-- One row a number of hits in a window. Numbers of points stand for them.
numbers as (
    select distinct useful_points as hits
    from {{ ref('crossings_limit') }}
),

tails as (
    select
        chances.rule_set_id,
        {{ exact_sum(near_pair, tail_step) }} as near_pair_tail,
        {{ exact_sum(beyond_zone, tail_step) }} as zone_tail
    from chances
    inner join numbers on greatest(chances.two_in_three_window, chances.four_in_five_window) >= numbers.hits
    group by chances.rule_set_id
),

rule_sets as (
    select
        chances.rule_set_id,
        chances.limit_sigmas,
        -log10(nullif(2 * tails.near_pair_tail, 0)) as near_pair_strength,
        -log10(nullif(2 * tails.zone_tail, 0)) as zone_strength,
        -log10(nullif(1 - 2 * chances.zone_share, 0)) as hugging_point_strength,
        -log10(2 * chances.zone_share) as avoiding_point_strength
    from chances
    left join tails on chances.rule_set_id = tails.rule_set_id
),

-- Beyond 30 sigma a double can no longer tell the tail from nothing.
measured as (
    select
        stretches.*,
        last_phases.useful_points,
        last_phases.longest_run,
        last_phases.crossings,
        last_phases.has_runs_signal,
        rule_sets.near_pair_strength,
        rule_sets.zone_strength,
        rule_sets.hugging_point_strength,
        rule_sets.avoiding_point_strength,
        least(stretches.limits_from_centre * rule_sets.limit_sigmas, 30) as sigmas,
        (last_phases.useful_points - 1) / 2e0 - last_phases.crossings - 0.5e0 as crossings_missing
    from stretches
    inner join last_phases on stretches.chart_no = last_phases.chart_no
    inner join rule_sets on last_phases.rule_set_id = rule_sets.rule_set_id
),

-- -log10 of the chance of each pattern that the end shows: see pipelines/metrics/strength.py.
strengths as (
    select
        *,
        case when is_outside then -log10(2 * {{ normal_tail('sigmas') }}) end as outside_strength,
        case when is_shift then (run_length - 1) * log10(2e0) end as shift_strength,
        case
            when is_trend
                then ({{ ln_factorial('(last_place - coalesce(last_without_trend, 0))') }} - ln(2e0)) / ln(10e0)
        end as trend_strength,
        case when is_two_in_three then near_pair_strength end as two_in_three_strength,
        case when is_four_in_five then zone_strength end as four_in_five_strength,
        case
            when is_alternating
                then -log10(4e0) - (last_place - coalesce(last_without_alternating, 0) + 1) * log10(2 / pi())
        end as alternating_strength,
        case
            when is_hugging
                then (last_place - coalesce(last_without_hugging, 0)) * hugging_point_strength
        end as hugging_strength,
        case
            when is_avoiding
                then (last_place - coalesce(last_without_avoiding, 0)) * avoiding_point_strength
        end as avoiding_strength,
        case
            when has_runs_signal
                then longest_run * log10(2e0) - log10(greatest(useful_points - longest_run + 2, 1))
        end as longest_run_strength,
        case
            when has_runs_signal and crossings_missing > 0
                then -log10({{ normal_tail('(crossings_missing * 2 / sqrt(useful_points - 1))') }})
        end as crossings_strength
    from measured
)

select
    {{ spc_chart_columns('last_phases') }},
    last_phases.is_chosen,
    last_phases.chart_type,
    last_phases.phase,
    cast(strengths.points as bigint) as points,
    case
        when strengths.signal = 'common_cause' and last_phases.has_runs_signal then 'runs'
        else strengths.signal
    end as signal, -- noqa: RF04
    {{ spc_signal_direction('strengths.signal_side') }} as signal_direction,
    strengths.point_type,
    last_phases.has_runs_signal,
    last_phases.signalling_points > 0 or last_phases.has_runs_signal as has_any_signal,
    strengths.signal <> 'common_cause' or last_phases.has_runs_signal as has_signal_at_end,
    case
        when strengths.signal <> 'common_cause' or last_phases.has_runs_signal
            then greatest(
                {%- for rule in (broken | list) + ['longest_run', 'crossings'] %}
                coalesce({{ rule }}_strength, 0){{ ',' if not loop.last }}
                {%- endfor %}
            )
    end as strength
from last_phases
inner join strengths on last_phases.chart_no = strengths.chart_no
-- depends_on: {{ ref('int_spc__changed_series') }}
