-- Question 15: how has our own maturity moved?
--
-- Read: one row a component of NHS IMPACT and assessment. median_level is 1 (starting) to 5 (improving and sustaining),
-- from lower to upper quartile of the items; change_since_last is against the one before.
-- Caveats: levels are ordinal, so a median and no mean, and a step from 1 to 2 need not be as large as one from 4 to 5.
-- These are the organisation's own judgements: only those of the organisation whose mart this is are shown
-- (QI_OWN_ORGANISATION), and they are not to be ranked.
-- depends_on: {{ ref('maturity__fct_metric') }}
select
    levels.organisation_code,
    levels.period_end as assessed_on,
    levels.stratum as component,
    levels.value as median_level,
    levels.lower as lower_quartile,
    levels.upper as upper_quartile,
    changes.value as change_since_last,
    levels.n as judgements
from maturity.fct_metric as levels
left join maturity.fct_metric as changes
    on
        levels.organisation_code = changes.organisation_code
        and changes.unit_code is null
        and levels.period_end = changes.period_end
        and changes.metric_id = 'M01'
        and levels.stratum || ', change since the last' = changes.stratum
where
    levels.metric_id = 'M01'
    and levels.unit_code is null
    and not levels.is_suppressed
    and levels.stratum not like '%, change since the last'
order by levels.organisation_code, component, assessed_on
