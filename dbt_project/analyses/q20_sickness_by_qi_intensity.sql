-- Question 20: is there less sickness where there is more improvement work?
--
-- Read: one row an organisation, the most active first. projects_per_1000_wte are active projects for every thousand
-- whole-time equivalents; sickness_rate is of the twelve months before this one; rank_correlation_association is
-- Spearman's over the organisations, with its interval, and empty with fewer than five.
-- Caveats: descriptive only. Organisations differ in everything else, few of them give wide intervals, and healthy
-- places may simply have time for improvement.
-- depends_on: {{ ref('fct_workforce_month') }}, {{ ref('fct_project') }}, {{ ref('maturity__fct_metric') }}
-- depends_on: {{ ref('release') }}
with
parameters as (
    select
        cast(date_trunc('month', max(as_of_date)) - interval 12 month as date) as from_month,
        cast(date_trunc('month', max(as_of_date)) as date) as until_month
    from ops.release
),

staff as (
    select
        months.organisation_code,
        sum(months.sick_days) / sum(months.available_days) as sickness_rate,
        sum(months.wte) / count(distinct months.month) as wte
    from core.fct_workforce_month as months
    cross join parameters
    where
        months.unit_code is null
        and months.staff_group <> 'all'
        and months.month >= parameters.from_month
        and months.month < parameters.until_month
    group by months.organisation_code
),

active as (
    select
        organisation_code,
        count(*) as projects
    from core.fct_project
    where is_active
    group by organisation_code
)

select
    staff.organisation_code,
    coalesce(active.projects, 0) as active_projects,
    round(1000 * coalesce(active.projects, 0) / staff.wte, 2) as projects_per_1000_wte,
    round(staff.sickness_rate, 4) as sickness_rate,
    round(correlations.value, 2) as rank_correlation_association,
    round(correlations.lower, 2) as correlation_lower,
    round(correlations.upper, 2) as correlation_upper
from staff
left join active on staff.organisation_code = active.organisation_code
left join maturity.fct_metric as correlations on correlations.metric_id = 'M30' and correlations.stratum = 'all'
order by projects_per_1000_wte desc, staff.organisation_code asc
