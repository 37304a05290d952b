-- Question 5: which outcome measures have improved since their project started?
--
-- Read: one row an outcome measure of a project, for all patients together. improved_since is the period in which
-- the improvement began; variation_icon and assurance_icon are what the chart shows today, so an improvement that
-- has gone again can be told from one that holds (still_improved). signal_order says whether it began before the
-- first PDSA cycle, while testing, or after a change was adopted; false_discovery_rate how much of a list down to
-- this row is chance.
-- Caveats: no signal is not the same as no improvement: with few points_since_begun a chart can hardly show any.
-- That an improvement follows a change does not prove that the change caused it.
-- depends_on: {{ ref('fct_time_to_signal') }}, {{ ref('fct_spc_status') }}, {{ ref('fct_signal_rank') }}
-- depends_on: {{ ref('fct_project') }}, {{ ref('dim_measure') }}
with
parameters as (
    select
        'outcome' as measure_family,
        'all' as stratum
)

select
    signals.project_id,
    projects.title,
    measures.measure_name,
    signals.organisation_code,
    signals.unit_code,
    signals.points_since_begun,
    not signals.is_censored as has_improved,
    signals.signal_began_on as improved_since,
    signals.signal_order,
    status.variation_icon,
    status.assurance_icon,
    status.variation_icon in ('improvement_high', 'improvement_low') as still_improved,
    ranks.false_discovery_rate
from spc.fct_time_to_signal as signals
inner join parameters on signals.family = parameters.measure_family and signals.stratum = parameters.stratum
inner join spc.fct_spc_status as status
    on signals.series_id = status.series_id and signals.rule_set_id = status.rule_set_id
inner join core.fct_project as projects on signals.project_id = projects.project_id
inner join core.dim_measure as measures on signals.measure_id = measures.measure_id and measures.is_latest
left join spc.fct_signal_rank as ranks
    on signals.series_id = ranks.series_id and signals.rule_set_id = ranks.rule_set_id
order by
    has_improved desc,
    still_improved desc,
    improved_since desc nulls last,
    signals.project_id asc,
    measures.measure_name asc,
    signals.series_id asc
