-- Question 7: which targets can the process not reach unless it is changed?
--
-- Read: one row a series whose target lies beyond the limits of its chart, on the wrong side: assurance_icon fail.
-- sigmas_to_target says how far the centre line is from the target; change_needed is the move of the mean that
-- would bring the whole spread of the process to the target, in the measure's unit. is_improving is true where the
-- last point signals an improvement, so that limits may be about to move.
-- Caveats: series whose newest point is overdue are left out. Limits of few points (points_until_firm above 0) are
-- trial limits. Where the target is a limit that a percentage cannot pass, such as 100%, the upper limit may lie
-- above it and the icon can never be fail.
-- depends_on: {{ ref('fct_spc_status') }}, {{ ref('dim_measure') }}, {{ ref('dim_rule_set') }}
with
parameters as (
    select 'fail' as assurance_icon
)

select
    status.measure_id,
    measures.measure_name,
    measures.unit_of_measure,
    status.organisation_code,
    status.unit_code,
    status.stratum,
    status.assurance_icon,
    status.target,
    status.last_value,
    status.centre_line,
    abs(status.target - status.centre_line)
    / nullif((status.upper_limit - status.lower_limit) / (2 * rule_sets.limit_sigmas), 0) as sigmas_to_target,
    case
        when measures.improvement_direction = 'increase' then status.target - status.lower_limit
        else status.target - status.upper_limit
    end as change_needed,
    coalesce(status.point_type = 'improvement', false) as is_improving,
    status.signalling_since,
    status.points_until_firm
from spc.fct_spc_status as status
inner join parameters on status.assurance_icon = parameters.assurance_icon
inner join spc.dim_rule_set as rule_sets on status.rule_set_id = rule_sets.rule_set_id
inner join core.dim_measure as measures on status.measure_id = measures.measure_id and measures.is_latest
where status.is_chosen and not status.is_stale
order by sigmas_to_target desc nulls last, status.measure_id asc, status.series_id asc
