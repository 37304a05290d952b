-- Question 26: which numbers speak to each of the 27 claims about improvement, and what do they say?
--
-- Read: one row a metric, in the order of the claims that it makes measurable (claim, by the numbers of the catalogue).
-- organisations have a value in the newest period (newest_period ends on); lowest, middle and highest are theirs for
-- everything (stratum all), and together is the value of all of them as one; where they are empty the metric is
-- kept by group only. groups counts the strata, and withheld the rows that may not be shown.
-- Caveats: a table of contents and no scorecard: intervals, denominators and caveats stand in the metrics themselves
-- (dim_metric and fct_metric). What is local has a value for the organisation whose mart this is, and no range.
-- depends_on: {{ ref('maturity__fct_metric') }}, {{ ref('outcomes__fct_metric') }}
with
catalogue as (
    select * from maturity.dim_metric
    union all by name
    select * from outcomes.dim_metric
),

results as (
    select
        metric_id,
        organisation_code,
        stratum,
        period_end,
        value,
        is_suppressed,
        rank() over (partition by metric_id, organisation_code, stratum order by period_end desc) as age
    from (
        select * from maturity.fct_metric
        union all by name
        select * from outcomes.fct_metric
    ) as every_result
    where unit_code is null
),

said as (
    select
        metric_id,
        max(period_end) as newest_period,
        count(distinct case when age = 1 and value is not null then organisation_code end) as organisations,
        min(case when age = 1 and stratum = 'all' and organisation_code is not null then value end) as lowest,
        median(case when age = 1 and stratum = 'all' and organisation_code is not null then value end) as middle,
        max(case when age = 1 and stratum = 'all' and organisation_code is not null then value end) as highest,
        max(case when age = 1 and stratum = 'all' and organisation_code is null then value end) as together,
        count(distinct stratum) as groups, -- noqa: RF04
        count(case when value is not null then 1 end) as shown,
        count(case when is_suppressed then 1 end) as withheld
    from results
    group by metric_id
)

select
    catalogue.claim,
    catalogue.metric_id,
    catalogue.metric_name,
    catalogue.unit,
    catalogue.direction as better_when,
    catalogue.question,
    said.newest_period,
    coalesce(said.organisations, 0) as organisations,
    round(said.lowest, 3) as lowest,
    round(said.middle, 3) as middle,
    round(said.highest, 3) as highest,
    round(said.together, 3) as together,
    coalesce(said.groups, 0) as groups, -- noqa: RF04
    coalesce(said.shown, 0) as shown,
    coalesce(said.withheld, 0) as withheld
from catalogue
left join said on catalogue.metric_id = said.metric_id
order by catalogue.claim, catalogue.metric_id
