{{ config(materialized='table') }}
-- Trends for rule sets in which equal neighbours count once; one row a point with a value. A trend begins with the
-- point just before its first move; equal points within it belong to it, those after its last move do not.
{%- set place_and_step = 'case when step <> 0 then 2 * place + case when step = 1 then 1 else 0 end end' %}
{%- set in_phase = 'partition by chart_no, phase_slot order by place nulls last' %}
with
points as (
    select
        chart_no,
        phase_slot,
        place,
        step,
        lead(step) over ({{ in_phase }}) as next_step,
        count(case when step <> 0 then 1 end) over (
            {{ in_phase }} rows between unbounded preceding and current row
        ) as moves,
        count(case when step <> 0 then 1 end) over (partition by chart_no, phase_slot) as all_moves,
        -- 1 rising, 0 falling: the direction of the nearest move, found with its place.
        mod(
            max({{ place_and_step }}) over ({{ in_phase }} rows between unbounded preceding and 1 preceding), 2
        ) as was_rising,
        mod(
            max({{ place_and_step }}) over ({{ in_phase }} rows between unbounded preceding and current row), 2
        ) as is_rising,
        mod(
            min({{ place_and_step }}) over ({{ in_phase }} rows between 1 following and unbounded following), 2
        ) as will_rise
    from {{ ref('int_spc__sides') }}
    where trend_tie = 'skip' and is_counted and plotted is not null
),

begun as (
    select
        *,
        case when step <> 0 and coalesce(was_rising, -1) <> is_rising then moves end as begins_at
    from points
),

trends as (
    select
        *,
        max(begins_at) over ({{ in_phase }} rows between unbounded preceding and current row) as own_begins_at,
        min(begins_at) over ({{ in_phase }} rows between 1 following and unbounded following) as next_begins_at,
        min(begins_at) over ({{ in_phase }} rows between 2 following and unbounded following) as later_begins_at
    from begun
),

counted as (
    select
        *,
        -- Points of the trend that goes through or ends here, and of the one that begins here.
        case
            when step <> 0 or is_rising = will_rise then coalesce(next_begins_at, all_moves + 1) - own_begins_at + 1
        end as own_length,
        case
            when next_step <> 0 and coalesce(is_rising, -1) <> will_rise
                then coalesce(later_begins_at, all_moves + 1) - next_begins_at + 1
        end as beginning_length
    from trends
)

select
    chart_no,
    phase_slot,
    place,
    greatest(
        case when is_rising = 1 then coalesce(own_length, 0) else 0 end,
        case when will_rise = 1 then coalesce(beginning_length, 0) else 0 end
    ) as rise_length,
    greatest(
        case when is_rising = 0 then coalesce(own_length, 0) else 0 end,
        case when will_rise = 0 then coalesce(beginning_length, 0) else 0 end
    ) as fall_length
from counted
