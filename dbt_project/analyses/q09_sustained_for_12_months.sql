-- Question 9: of the projects that met their aim, how many still hold the gain 12 months after closing?
--
-- Read: one row a cohort and organisation; the row without an organisation is all together. share_sustained is the
-- share of watched projects, sustained of them, that had no sign of concern on their outcome measures in the year
-- after closing; met is how many met their aim.
-- Caveats: only projects closed a year ago or earlier with at least six points since can be judged: where watched is
-- far below met, teams stopped measuring, and what became of the gain is unknown. Fewer than five show no share.
-- depends_on: {{ ref('outcomes__fct_metric') }}
with
metrics as (
    select
        organisation_code,
        period_start,
        metric_id,
        value,
        lower,
        upper,
        numerator,
        denominator
    from outcomes.fct_metric
    where metric_id in ('O02', 'O07') and unit_code is null
)

select
    sustained.organisation_code,
    year(sustained.period_start) as cohort_from_april,
    round(sustained.value, 3) as share_sustained,
    round(sustained.lower, 3) as lower,
    round(sustained.upper, 3) as upper,
    cast(sustained.numerator as bigint) as sustained,
    cast(sustained.denominator as bigint) as watched,
    cast(met.numerator as bigint) as met
from metrics as sustained
left join metrics as met
    on
        sustained.organisation_code is not distinct from met.organisation_code
        and sustained.period_start = met.period_start
        and met.metric_id = 'O02'
where sustained.metric_id = 'O07'
order by sustained.organisation_code nulls first, cohort_from_april
