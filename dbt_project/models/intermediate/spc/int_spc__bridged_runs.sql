{{ config(materialized='table') }}
-- Runs on one side of the centre line, for rule sets that leave out points on the line; one row a useful point.
with
useful as (
    select
        chart_no,
        phase_slot,
        place,
        side,
        row_number() over in_phase as useful_place,
        lag(side) over in_phase as previous_side
    from {{ ref('int_spc__sides') }}
    where shift_tie = 'skip' and is_counted and side <> 0
    window in_phase as (partition by chart_no, phase_slot order by place nulls last)
),

runs as (
    select
        chart_no,
        phase_slot,
        place,
        useful_place,
        coalesce(previous_side <> side, false) as is_crossing,
        max(case when previous_side is distinct from side then useful_place end) over (
            in_phase rows between unbounded preceding and current row
        ) as run_from,
        min(case when previous_side is distinct from side then useful_place end) over (
            in_phase rows between 1 following and unbounded following
        ) as next_run_from,
        count(*) over (partition by chart_no, phase_slot) as useful_places
    from useful
    window in_phase as (partition by chart_no, phase_slot order by place nulls last)
)

select
    chart_no,
    phase_slot,
    place,
    is_crossing,
    coalesce(next_run_from, useful_places + 1) - run_from as run_length
from runs
