-- Question 16: do executives and the front line see the same organisation?
--
-- Read: one row a component of NHS IMPACT and assessment. gap is the median level that executives gave minus that of
-- front-line staff; positive where executives see more maturity. change_in_gap is against the assessment before.
-- Caveats: a gap says that two groups see different things, not which is right; with few judgements a median jumps.
-- Only the organisation whose mart this is is shown (QI_OWN_ORGANISATION).
-- depends_on: {{ ref('maturity__fct_metric') }}
select
    organisation_code,
    stratum as component,
    period_end as assessed_on,
    value as gap,
    value - lag(value) over (partition by organisation_code, stratum order by period_end) as change_in_gap,
    n as judgements
from maturity.fct_metric
where metric_id = 'M02' and unit_code is null and not is_suppressed
order by organisation_code, component, assessed_on
