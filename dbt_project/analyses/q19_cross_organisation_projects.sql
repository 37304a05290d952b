-- Question 19: how many projects cross organisations, and do they succeed?
--
-- Read: one row an organisation; the row without one is all together. cross_share of active projects involve two or
-- more organisations. success_difference_association is the share of due projects that met the aim with
-- several organisations, minus that of the others, with Newcombe's interval; adopted is the share of eligible units
-- that took a change up.
-- Caveats: association, not cause. Organisations count when they lead, take part in or measure a project, so a shared
-- measure is enough.
-- depends_on: {{ ref('outcomes__fct_metric') }}
with
metrics as (
    select
        organisation_code,
        metric_id,
        value,
        lower,
        upper,
        numerator,
        denominator
    from outcomes.fct_metric
    where metric_id in ('O15', 'O19', 'O20') and unit_code is null
)

select
    crossing.organisation_code,
    cast(crossing.numerator as bigint) as cross_projects,
    cast(crossing.denominator as bigint) as active_projects,
    round(crossing.value, 3) as cross_share,
    round(success.value, 3) as success_difference_association,
    round(success.lower, 3) as difference_lower,
    round(success.upper, 3) as difference_upper,
    round(spreading.value, 3) as adopted
from metrics as crossing
left join metrics as success
    on crossing.organisation_code is not distinct from success.organisation_code and success.metric_id = 'O20'
left join metrics as spreading
    on crossing.organisation_code is not distinct from spreading.organisation_code and spreading.metric_id = 'O15'
where crossing.metric_id = 'O19'
order by crossing.organisation_code nulls first
