{{ config(materialized='table') }}
-- The days on which a phase may begin, from one rebase to the next, of every series that has one or a freeze.
with
events as (
    select
        series_id,
        period_start,
        event,
        reason
    from {{ ref('fct_measure_event') }}
    where event in ('rebase', 'freeze')
),

starts as (
    select
        series_id,
        cast('{{ var("start_of_time") }}' as date) as phase_from,
        cast(null as {{ dbt.type_string() }}) as rebase_reason
    from events
    group by series_id

    union all

    select
        series_id,
        period_start as phase_from,
        reason as rebase_reason
    from events
    where event = 'rebase'
),

bounds as (
    select
        series_id,
        phase_from,
        rebase_reason,
        coalesce(
            lead(phase_from) over (partition by series_id order by phase_from nulls last),
            cast({{ end_of_time() }} as date)
        ) as phase_until,
        row_number() over (partition by series_id order by phase_from nulls last) as phase_slot
    from starts
),

freezes as (
    select
        series_id,
        period_start,
        reason
    from events
    where event = 'freeze'
)

select
    bounds.series_id,
    bounds.phase_slot,
    bounds.phase_from,
    bounds.phase_until,
    bounds.rebase_reason,
    max(freezes.period_start) as frozen_after,
    max_by(freezes.reason, freezes.period_start) as freeze_reason
from bounds
left join freezes
    on
        bounds.series_id = freezes.series_id
        and bounds.phase_from <= freezes.period_start
        and bounds.phase_until > freezes.period_start
group by
    bounds.series_id,
    bounds.phase_slot,
    bounds.phase_from,
    bounds.phase_until,
    bounds.rebase_reason
