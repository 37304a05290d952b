{{ config(materialized='table') }}
-- Runs on one side of the centre line, for rule sets that leave out points on the line; one row a point with a
-- value. A point on the line is in a run when the run goes on beyond it.
{%- set place_and_side = 'case when side <> 0 then 2 * place + case when side = 1 then 1 else 0 end end' %}
{%- set in_phase = 'partition by chart_no, phase_slot order by place nulls last' %}
with
points as (
    select
        chart_no,
        phase_slot,
        place,
        side,
        count(case when side <> 0 then 1 end) over (
            {{ in_phase }} rows between unbounded preceding and current row
        ) as useful_place,
        count(case when side <> 0 then 1 end) over (partition by chart_no, phase_slot) as useful_places,
        -- 1 above, 0 below: the side of the nearest useful point, found with its place.
        mod(
            max({{ place_and_side }}) over ({{ in_phase }} rows between unbounded preceding and 1 preceding), 2
        ) as was_high,
        mod(
            min({{ place_and_side }}) over ({{ in_phase }} rows between current row and unbounded following), 2
        ) as stays_high
    from {{ ref('int_spc__sides') }}
    where shift_tie = 'skip' and is_counted and side is not null
),

begun as (
    select
        *,
        case when side <> 0 and coalesce(was_high, -1) <> stays_high then useful_place end as begins_at
    from points
),

runs as (
    select
        chart_no,
        phase_slot,
        place,
        side,
        was_high,
        stays_high,
        useful_places,
        max(begins_at) over ({{ in_phase }} rows between unbounded preceding and current row) as begins_at,
        min(begins_at) over ({{ in_phase }} rows between 1 following and unbounded following) as next_begins_at
    from begun
)

select
    chart_no,
    phase_slot,
    place,
    side <> 0 as is_useful,
    side <> 0 and coalesce(was_high <> stays_high, false) as is_crossing,
    case
        when side <> 0 then side
        when was_high = stays_high then cast(2 * was_high - 1 as {{ dbt.type_int() }})
        else 0
    end as run_side,
    coalesce(next_begins_at, useful_places + 1) - begins_at as run_length
from runs
