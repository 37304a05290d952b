{{ config(materialized='table') }}
-- Trends for rule sets in which equal neighbours count once; one row a point that differs from the one before.
{%- set up_to = 'rows between unbounded preceding and current row' -%}
{%- set after_it = 'rows between 1 following and unbounded following' %}
with
moves as (
    select
        chart_no,
        phase_slot,
        place,
        step,
        row_number() over in_phase as move_place,
        count(*) over (partition by chart_no, phase_slot) as move_places
    from {{ ref('int_spc__sides') }}
    where trend_tie = 'skip' and is_counted and step is distinct from 0
    window in_phase as (partition by chart_no, phase_slot order by place nulls last)
),

stretches as (
    select
        *,
        max(case when step is distinct from 1 then move_place end) over (in_phase {{ up_to }}) as rises_from,
        min(case when step is distinct from 1 then move_place end) over (in_phase {{ after_it }}) as rises_until,
        max(case when step is distinct from -1 then move_place end) over (in_phase {{ up_to }}) as falls_from,
        min(case when step is distinct from -1 then move_place end) over (in_phase {{ after_it }}) as falls_until
    from moves
    window in_phase as (partition by chart_no, phase_slot order by place nulls last)
)

select
    chart_no,
    phase_slot,
    place,
    coalesce(rises_until, move_places + 1) - rises_from as rise_length,
    coalesce(falls_until, move_places + 1) - falls_from as fall_length
from stretches
