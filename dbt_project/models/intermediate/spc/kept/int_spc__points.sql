{#-
    Charts of the series that changed replace what stood, in one transaction. Numbers instead of names, which took
    nearly half of the time to write the table; spc.fct_spc_point adds them.
-#}
{%- set up_to = 'rows between unbounded preceding and current row' -%}
{%- set before_it = 'rows between unbounded preceding and 1 preceding' -%}
{%- set from_it = 'rows between current row and unbounded following' -%}
{%- set after_it = 'rows between 1 following and unbounded following' -%}
{%- set after_next = 'rows between 2 following and unbounded following' %}
{%- set phase_columns = [
    'phase', 'scale', 'transform_exponent', 'is_near_floored', 'lowest_line', 'highest_line', 'limit_centre', 'centre',
    'last_counted_start', 'limit_sigmas', 'near_limit_sigmas', 'shift_length', 'trend_length', 'two_in_three_window',
    'alternating_length', 'hugging_length', 'avoiding_length', 'outside_rank', 'trend_rank', 'two_in_three_rank',
    'shift_rank', 'four_in_five_rank', 'avoiding_rank', 'alternating_rank', 'hugging_rank'
] %}
{%- set in_phase = 'partition by chart_no, phase_slot, is_counted order by place nulls last' %}
with
-- Words of the rule set, asked once a phase and not once a point.
phases as (
    select
        chart_no,
        series_no,
        night_no,
        phase_slot,
        {{ phase_columns | join(',\n        ') }},
        shift_tie = 'break' as is_shift_broken,
        trend_tie = 'break' as is_trend_broken,
        trend_direction = 'forward' as looks_forward,
        trend_direction = 'earlier' as goes_with_earlier,
        two_in_three_third_point = 'any' as is_third_point_anywhere,
        case improvement_direction when 'increase' then 1 when 'decrease' then -1 else 0 end as better_side,
        conflict = 'precedence' as goes_by_precedence,
        conflict = 'both' as tells_both
    from {{ ref('int_spc__phases') }}
),

-- One sort for every rule: where the stretch begins and ends in which a point lies, and which points near a limit
-- are next to it.
neighbourhoods as (
    select
        chart_no,
        phase_slot,
        period_start,
        period_end,
        is_excluded,
        is_counted,
        is_baseline,
        plotted,
        sigma_here,
        place,
        places,
        periods_missing_before,
        next_period_start,
        side,
        beyond_limit,
        step,
        nearness,
        {%- for name, side in [('high', 1), ('low', -1)] %}
        {%- set other = 'case when side is distinct from ' ~ side ~ ' then place end' %}
        {%- set near = 'case when nearness = ' ~ 2 * side ~ ' then place end' %}
        {{ last_given(other) }} over ({{ in_phase }} {{ up_to }}) as {{ name }}_after,
        {{ first_given(other) }} over ({{ in_phase }} {{ from_it }}) as {{ name }}_until,
        {{ last_given(near) }} over ({{ in_phase }} {{ before_it }}) as {{ name }}_near_before,
        {{ first_given(near) }} over ({{ in_phase }} {{ after_it }}) as {{ name }}_near_after,
        {%- endfor %}
        {%- for name, step in [('rises', 1), ('falls', -1)] %}
        {%- set other = 'case when step is distinct from ' ~ step ~ ' then place end' %}
        {{ last_given(other) }} over ({{ in_phase }} {{ up_to }}) as {{ name }}_from,
        {{ first_given(other) }} over ({{ in_phase }} {{ after_it }}) as {{ name }}_until,
        {{ first_given(other) }} over ({{ in_phase }} {{ after_next }}) as next_{{ name }}_until,
        {%- endfor %}
        lead(step) over ({{ in_phase }}) as next_step
    from {{ ref('int_spc__sides') }}
),

-- The stretch between two points on the other side of the centre, or on it.
bounded as (
    select
        *,
        case side when 1 then coalesce(high_after, 0) when -1 then coalesce(low_after, 0) end as run_after,
        case side
            when 1 then coalesce(high_until, places + 1)
            when -1 then coalesce(low_until, places + 1)
        end as run_until,
        case nearness when 2 then high_near_before when -2 then low_near_before end as near_before,
        case nearness when 2 then high_near_after when -2 then low_near_after end as near_after
    from neighbourhoods
),

stretches as (
    select
        chart_no,
        phase_slot,
        period_start,
        period_end,
        is_excluded,
        is_counted,
        is_baseline,
        plotted,
        sigma_here,
        case when is_counted then place end as place_in_phase,
        periods_missing_before,
        next_period_start,
        side,
        beyond_limit,
        coalesce(run_until - run_after - 1, 0) as run_length,
        step,
        next_step,
        coalesce(rises_until, places + 1) - rises_from as rise_length,
        coalesce(falls_until, places + 1) - falls_from as fall_length,
        case
            when next_step = 1 then coalesce(rises_until, places + 1) - rises_from
            else coalesce(next_rises_until, places + 1) - place - 1
        end as next_rise_length,
        case
            when next_step = -1 then coalesce(falls_until, places + 1) - falls_from
            else coalesce(next_falls_until, places + 1) - place - 1
        end as next_fall_length,
        nearness,
        -- Points in succession of which the first and the last are the nearest two near a limit.
        least(place - near_before, near_after - place) + 1 as pair_length,
        least(
            case when near_before > run_after then place - near_before end,
            case when near_after < run_until then near_after - place end
        ) + 1 as pair_length_in_run
    from bounded
),

ruled as (
    select
        stretches.*,
        phases.series_no,
        phases.night_no,
        {{ prefixed(phase_columns, 'phases') | join(',\n        ') }},
        phases.looks_forward,
        phases.goes_with_earlier,
        phases.is_third_point_anywhere,
        phases.better_side,
        phases.goes_by_precedence,
        phases.tells_both,
        coalesce(
            bridged_runs.run_length,
            case when phases.is_shift_broken and stretches.is_counted then stretches.run_length end,
            0
        ) as run_length_here,
        case when phases.is_shift_broken then stretches.side else bridged_runs.run_side end as run_side,
        coalesce(bridged_runs.is_crossing, false) as is_crossing,
        coalesce(case when phases.is_trend_broken then stretches.rise_length else bridged_trends.rise_length end, 0)
            as rise_length_here,
        coalesce(case when phases.is_trend_broken then stretches.fall_length else bridged_trends.fall_length end, 0)
            as fall_length_here,
        zone_tests.four_in_five_side,
        zone_tests.hugging_length as hugging_length_here,
        zone_tests.avoiding_length as avoiding_length_here,
        zone_tests.both_sides_length as both_sides_length_here,
        zone_tests.alternating_length as alternating_length_here
    from stretches
    inner join phases
        on stretches.chart_no = phases.chart_no and stretches.phase_slot = phases.phase_slot
    left join {{ ref('int_spc__bridged_runs') }} as bridged_runs
        on
            stretches.chart_no = bridged_runs.chart_no
            and stretches.phase_slot = bridged_runs.phase_slot
            and stretches.place_in_phase = bridged_runs.place
    left join {{ ref('int_spc__bridged_trends') }} as bridged_trends
        on
            stretches.chart_no = bridged_trends.chart_no
            and stretches.phase_slot = bridged_trends.phase_slot
            and stretches.place_in_phase = bridged_trends.place
    left join {{ ref('int_spc__zone_tests') }} as zone_tests
        on
            stretches.chart_no = zone_tests.chart_no
            and stretches.phase_slot = zone_tests.phase_slot
            and stretches.place_in_phase = zone_tests.place
),

-- Each rule's finding: 1 high or rising, -1 low or falling, 0 none.
found as (
    select
        *,
        case when plotted is not null then beyond_limit else 0 end as outside_side,
        case
            when shift_rank is null or not is_counted or run_length_here < shift_length then 0
            else coalesce(run_side, 0)
        end as shift_side,
        case
            when trend_rank is null or not is_counted then 0
            when rise_length_here < trend_length and fall_length_here < trend_length then 0
            when
                looks_forward
                and next_step is not null
                and (next_rise_length >= trend_length or next_fall_length >= trend_length)
                then case when next_step = 1 then 1 else -1 end
            when looks_forward then case when step = 1 then 1 else -1 end
            when rise_length_here >= trend_length and fall_length_here >= trend_length
                then case when goes_with_earlier then -next_step else next_step end
            when rise_length_here >= trend_length then 1
            else -1
        end as trend_side,
        case
            when two_in_three_rank is null or not is_counted then 0
            when
                case
                    when is_third_point_anywhere then pair_length <= two_in_three_window
                    -- The third lies on that side too.
                    else pair_length_in_run <= two_in_three_window and run_length >= two_in_three_window
                end
                then cast(sign(nearness) as {{ dbt.type_int() }})
            else 0
        end as two_in_three_side,
        case when four_in_five_rank is null then 0 else coalesce(four_in_five_side, 0) end as four_in_five_here,
        alternating_rank is not null and coalesce(alternating_length_here >= alternating_length, false)
            as is_alternating,
        hugging_rank is not null and coalesce(hugging_length_here >= hugging_length, false) as is_hugging,
        avoiding_rank is not null
        and coalesce(avoiding_length_here >= avoiding_length and both_sides_length_here <= avoiding_length, false)
            as is_avoiding
    from ruled
),

ranked as (
    select
        *,
        least(
            case when outside_side <> 0 then outside_rank end,
            case when trend_side <> 0 then trend_rank end,
            case when two_in_three_side <> 0 then two_in_three_rank end,
            case when shift_side <> 0 then shift_rank end,
            case when four_in_five_here <> 0 then four_in_five_rank end,
            case when is_alternating then alternating_rank end,
            case when is_hugging then hugging_rank end,
            case when is_avoiding then avoiding_rank end
        ) as first_rank,
        greatest(outside_side, trend_side, two_in_three_side, shift_side, four_in_five_here) = 1 as has_high,
        least(outside_side, trend_side, two_in_three_side, shift_side, four_in_five_here) = -1 as has_low
    from found
),

labelled as (
    select
        *,
        case
            when is_excluded or first_rank is null then 'common_cause'
            when first_rank = outside_rank and outside_side <> 0 then 'outside'
            when first_rank = trend_rank and trend_side <> 0 then 'trend'
            when first_rank = two_in_three_rank and two_in_three_side <> 0 then 'two_in_three'
            when first_rank = shift_rank and shift_side <> 0 then 'shift'
            when first_rank = four_in_five_rank and four_in_five_here <> 0 then 'four_in_five'
            when first_rank = alternating_rank and is_alternating then 'alternating'
            when first_rank = hugging_rank and is_hugging then 'hugging'
            else 'avoiding'
        end as signal -- noqa: RF04
    from ranked
),

directed as (
    select
        *,
        case signal
            when 'common_cause' then 0
            when 'outside' then outside_side
            when 'trend' then trend_side
            when 'two_in_three' then two_in_three_side
            when 'shift' then shift_side
            when 'four_in_five' then four_in_five_here
            else side
        end as signal_side
    from labelled
),

typed as (
    select
        *,
        case
            when signal = 'common_cause' then 'common_cause'
            when better_side = 0 or signal in ('alternating', 'hugging', 'avoiding')
                then
                    case
                        when signal_side < 0 or (better_side = 0 and tells_both and has_low) then 'neutral_low'
                        else 'neutral_high'
                    end
            when not goes_by_precedence and case better_side when 1 then has_high else has_low end
                then 'improvement'
            when signal_side = better_side then 'improvement'
            else 'concern'
        end as point_type
    from directed
)

select
    typed.series_no,
    typed.chart_no,
    typed.night_no,
    typed.period_start,
    typed.period_end,
    typed.phase,
    typed.place_in_phase,
    {{ spc_shown('typed.plotted') }} as value,
    {{ spc_shown('typed.centre') }} as centre_line,
    case
        when typed.transform_exponent is not null and {{ spc_line(-1, 'limit_sigmas') }} < 0 then 0.0
        else {{ spc_shown(spc_line(-1, 'limit_sigmas')) }}
    end as lower_limit,
    {{ spc_shown(spc_line(1, 'limit_sigmas')) }} as upper_limit,
    case
        when typed.transform_exponent is not null and {{ spc_line(-1, 'near_limit_sigmas') }} < 0
            then case when typed.is_near_floored then 0.0 end
        else {{ spc_shown(spc_line(-1, 'near_limit_sigmas')) }}
    end as lower_near_limit,
    {{ spc_shown(spc_line(1, 'near_limit_sigmas')) }} as upper_near_limit,
    targets.target,
    typed.is_baseline,
    typed.is_excluded,
    marks.exclusion_reason,
    marks.annotation,
    typed.side as side_of_centre,
    typed.four_in_five_here <> 0 as is_four_in_five,
    typed.is_alternating,
    typed.is_hugging,
    typed.is_avoiding,
    typed.outside_side,
    typed.shift_side,
    typed.trend_side,
    typed.two_in_three_side,
    case when typed.run_side <> 0 then typed.run_length_here else 0 end as run_length,
    typed.is_crossing,
    typed.signal,
    typed.signal_side,
    typed.point_type,
    typed.signal <> 'common_cause' and typed.has_high and typed.has_low as is_conflicting,
    typed.periods_missing_before,
    typed.next_period_start,
    coalesce(typed.is_counted and typed.period_start = typed.last_counted_start, false) as is_last_in_phase
from typed
left join {{ ref('int_spc__target_spans') }} as targets
    on
        typed.chart_no = targets.chart_no
        and typed.period_start >= targets.valid_from
        and typed.period_start < targets.valid_to
left join {{ ref('int_spc__point_events') }} as marks
    on typed.series_no = marks.series_no and typed.period_start = marks.period_start
-- depends_on: {{ ref('int_spc__changed_series') }}
