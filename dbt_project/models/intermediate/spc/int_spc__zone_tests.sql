{{ config(materialized='table') }}
-- The tests by zones of one sigma and by alternation, for rule sets that have them (Nelson 1984, tests 4 and 6
-- to 8; Western Electric 1956, test 3).
{%- set window = 'four_in_five_window' -%}
{%- set up_to = 'rows between unbounded preceding and current row' -%}
{%- set from_it = 'rows between current row and unbounded following' -%}
{%- set after_it = 'rows between 1 following and unbounded following' -%}
{%- set after_next = 'rows between 2 following and unbounded following' %}
{%- set in_phase = 'partition by chart_no, phase_slot order by place nulls last' %}
with
points as (
    select
        chart_no,
        phase_slot,
        place,
        places,
        beyond_zone,
        four_in_five_points,
        four_in_five_window,
        step * lag(step) over ({{ in_phase }}) = -1 as turns,
        {{ over_so_many('count(case when beyond_zone = 1 then 1 end)', window, 'preceding', in_phase) }} -- noqa: PRS
            as high_of_five,
        {{ over_so_many('count(case when beyond_zone = -1 then 1 end)', window, 'preceding', in_phase) }} -- noqa: PRS
            as low_of_five
    from {{ ref('int_spc__sides') }}
    where has_zone_tests and is_counted
),

stretches as (
    select
        *,
        {{ over_so_many('max(high_of_five)', window, 'following', in_phase) }} as most_high_of_five, -- noqa: PRS
        {{ over_so_many('max(low_of_five)', window, 'following', in_phase) }} as most_low_of_five, -- noqa: PRS
        max(case when beyond_zone is distinct from 0 then place end) over ({{ in_phase }} {{ up_to }}) as hugs_after,
        min(case when beyond_zone is distinct from 0 then place end) over ({{ in_phase }} {{ from_it }}) as hugs_until,
        max(case when coalesce(beyond_zone, 0) = 0 then place end) over ({{ in_phase }} {{ up_to }}) as avoids_after,
        min(case when coalesce(beyond_zone, 0) = 0 then place end) over ({{ in_phase }} {{ from_it }}) as avoids_until,
        {%- for name, side in [('high', 1), ('low', -1)] %}
        max(case when beyond_zone = {{ side }} then place end) over ({{ in_phase }} {{ up_to }}) as {{ name }}_before,
        min(case when beyond_zone = {{ side }} then place end) over ({{ in_phase }} {{ from_it }}) as {{ name }}_after,
        {%- endfor %}
        max(case when not coalesce(turns, false) then place end) over ({{ in_phase }} {{ up_to }}) as turns_after,
        min(case when not coalesce(turns, false) then place end) over ({{ in_phase }} {{ after_it }}) as turns_until,
        min(case when not coalesce(turns, false) then place end) over ({{ in_phase }} {{ after_next }})
            as turns_later_until
    from points
),

-- The nearest points on the other side.
sided as (
    select
        *,
        case beyond_zone when 1 then low_before when -1 then high_before end as other_before,
        case beyond_zone when 1 then low_after when -1 then high_after end as other_after
    from stretches
)

select
    chart_no,
    phase_slot,
    place,
    case
        when beyond_zone = 1 and most_high_of_five >= four_in_five_points then 1
        when beyond_zone = -1 and most_low_of_five >= four_in_five_points then -1
        else 0
    end as four_in_five_side,
    case when beyond_zone = 0 then coalesce(hugs_until, places + 1) - coalesce(hugs_after, 0) - 1 else 0 end
        as hugging_length,
    case when beyond_zone <> 0 then coalesce(avoids_until, places + 1) - coalesce(avoids_after, 0) - 1 else 0 end
        as avoiding_length,
    -- Points from it to the nearest on the other side, in the same stretch.
    least(
        case when other_before > coalesce(avoids_after, 0) then place - other_before end,
        case when other_after < coalesce(avoids_until, places + 1) then other_after - place end
    ) + 1 as both_sides_length,
    -- Points of the zigzag that the point is in: as a turn, as its second point, or as its first.
    greatest(
        case
            when turns or coalesce(turns_until, places + 1) > place + 1
                then coalesce(turns_until, places + 1) - coalesce(turns_after, 0) + 1
            else 0
        end,
        case
            when coalesce(turns_until, places + 1) = place + 1
                then coalesce(turns_later_until, places + 1) - (place + 1) + 1
            else 0
        end
    ) as alternating_length
from sided
