-- Question 3: what share of projects meets its aim, by cohort, on both denominators?
--
-- Read: one row a financial year of the charter and organisation; the row without an organisation is all together.
-- met_of_chartered counts every chartered project that is due, also those abandoned, withdrawn or never closed
-- (intention to improve); met_of_closed counts only those closed with an outcome. Ranges are Wilson's 95% intervals.
-- Caveats: met_of_closed leaves out what failed quietly, so the gap between the two is a result of its own. Until
-- all of a year's projects are due (due of them are), its share speaks of those with short plans. Fewer than
-- five projects show no share.
-- depends_on: {{ ref('outcomes__fct_metric') }}
with
rates as (
    select
        organisation_code,
        period_start,
        max(case when metric_id = 'O01' then value end) as met_of_chartered,
        max(case when metric_id = 'O01' then lower end) as chartered_lower,
        max(case when metric_id = 'O01' then upper end) as chartered_upper,
        max(case when metric_id = 'O01' then denominator end) as due,
        max(case when metric_id = 'O02' then value end) as met_of_closed,
        max(case when metric_id = 'O02' then lower end) as closed_lower,
        max(case when metric_id = 'O02' then upper end) as closed_upper,
        max(case when metric_id = 'O02' then denominator end) as closed
    from outcomes.fct_metric
    where metric_id in ('O01', 'O02') and unit_code is null
    group by organisation_code, period_start
)

select
    organisation_code,
    year(period_start) as cohort_from_april,
    round(met_of_chartered, 3) as met_of_chartered,
    round(chartered_lower, 3) as chartered_lower,
    round(chartered_upper, 3) as chartered_upper,
    cast(due as bigint) as due,
    round(met_of_closed, 3) as met_of_closed,
    round(closed_lower, 3) as closed_lower,
    round(closed_upper, 3) as closed_upper,
    cast(closed as bigint) as closed
from rates
order by organisation_code nulls first, cohort_from_april
