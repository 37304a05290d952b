-- Question 24: how much of its time does the board give to improvement?
--
-- Read: one row an organisation; shares are of the minutes of board and committee meetings in the twelve months before
-- this one. visits_per_member_and_quarter are visits of board members to teams; executive_sponsors of executives in
-- post sponsor an active project; reviews_overdue is the share of commitments of the compact whose review is overdue,
-- of the organisation whose mart this is.
-- Caveats: minutes measure attention and not quality; balance is the point, and no share is right everywhere. Sponsors
-- are found only where posts and projects name people by the same identifier.
-- depends_on: {{ ref('maturity__fct_metric') }}
with
metrics as (
    select
        organisation_code,
        metric_id,
        stratum,
        value,
        lower,
        upper,
        numerator,
        denominator
    from maturity.fct_metric
    where metric_id in ('M14', 'M15', 'M25', 'M31') and organisation_code is not null and unit_code is null
)

select
    organisation_code,
    round(max(case when metric_id = 'M14' and stratum = 'improvement' then value end), 3) as improvement,
    round(max(case when metric_id = 'M14' and stratum = 'planning' then value end), 3) as planning,
    round(max(case when metric_id = 'M14' and stratum = 'control' then value end), 3) as control,
    round(max(case when metric_id = 'M14' and stratum = 'assurance' then value end), 3) as assurance,
    cast(max(case when metric_id = 'M14' then denominator end) as bigint) as minutes,
    round(max(case when metric_id = 'M15' then value end), 2) as visits_per_member_and_quarter,
    round(max(case when metric_id = 'M15' then lower end), 2) as visits_lower,
    round(max(case when metric_id = 'M15' then upper end), 2) as visits_upper,
    cast(max(case when metric_id = 'M31' then numerator end) as bigint) as executive_sponsors,
    cast(max(case when metric_id = 'M31' then denominator end) as bigint) as executives,
    round(max(case when metric_id = 'M25' then value end), 3) as reviews_overdue
from metrics
group by organisation_code
order by organisation_code
