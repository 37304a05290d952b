-- Question 6: which numbers are red although nothing has changed?
--
-- Read: one row a series whose last point misses its target by more than the amber margin and does not signal: the
-- process is as it was, and asking why this month is red has no answer. The worst miss comes first, as a share of
-- the target; last_value, target and centre_line are in unit_of_measure. assurance_icon tells whether the process
-- can meet the target at all. noise_pct is the share of its colour changes in two years that had no special cause.
-- Caveats: common cause is not the same as good. A series that fails its target needs a changed process, not an
-- explanation of its last point. Short series (points) may hide a signal. noise_pct is empty where no colour
-- changed. Series whose newest point is overdue are left out: what they are tonight is not known.
-- depends_on: {{ ref('fct_spc_status') }}, {{ ref('dim_measure') }}, {{ ref('rag_margin') }}
-- depends_on: {{ ref('fct_rag_noise') }}
with
parameters as (
    select amber_margin_pct / 100 as amber_margin
    from spc.rag_margin
    where measure_id is null
),

missed as (
    select
        status.series_id,
        status.measure_id,
        status.organisation_code,
        status.unit_code,
        status.stratum,
        status.last_period_start,
        status.last_value,
        status.target,
        status.centre_line,
        status.points,
        status.assurance_icon,
        measures.measure_name,
        measures.unit_of_measure,
        case
            when measures.improvement_direction = 'increase' then status.target - status.last_value
            else status.last_value - status.target
        end as missed_by,
        coalesce(margins.amber_margin_pct / 100, parameters.amber_margin) * abs(status.target) as amber_width
    from spc.fct_spc_status as status
    cross join parameters
    inner join core.dim_measure as measures on status.measure_id = measures.measure_id and measures.is_latest
    left join spc.rag_margin as margins on status.measure_id = margins.measure_id
    where
        status.is_chosen
        and not status.is_stale
        and status.variation_icon = 'common_cause'
        and not coalesce(status.has_runs_signal, false)
        and measures.improvement_direction <> 'neutral'
)

select
    missed.measure_id,
    missed.measure_name,
    missed.unit_of_measure,
    missed.organisation_code,
    missed.unit_code,
    missed.stratum,
    missed.last_period_start,
    missed.last_value,
    missed.target,
    missed.centre_line,
    missed.points,
    missed.assurance_icon,
    noise.colour_changes,
    noise.noise_pct
from missed
left join spc.fct_rag_noise as noise on missed.series_id = noise.series_id and noise.level_name = 'series'
where missed.missed_by > missed.amber_width
order by missed.missed_by / nullif(abs(missed.target), 0) desc nulls last, missed.measure_id asc, missed.series_id asc
