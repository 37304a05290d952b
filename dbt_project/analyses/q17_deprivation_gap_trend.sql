-- Question 17: is the gap between the most and the least deprived closing?
--
-- Read: one row a measure, organisation and financial year. absolute_gap is the share of the most deprived fifth minus
-- that of the least deprived; relative_gap their ratio; slope_index the difference between the ends of society from a
-- regression over all five fifths, with its 95% interval. slope_change compares the last complete year with the first.
-- Caveats: whether a positive gap is bad depends on better_when. A gap can close because the better-off get
-- worse: look at the shares of the fifths (stratum quintile_1 to quintile_5 of metric O09). Counts are of people: small
-- ones are withheld, others rounded to 5.
-- depends_on: {{ ref('outcomes__fct_metric') }}, {{ ref('dim_measure') }}
with
equity as (
    select
        organisation_code,
        measure_id,
        period_start,
        max(case when metric_id = 'O09' and stratum like 'absolute gap%' then value end) as absolute_gap,
        max(case when metric_id = 'O09' and stratum like 'relative gap%' then value end) as relative_gap,
        max(case when metric_id = 'O21' and stratum = 'all' then value end) as slope_index,
        max(case when metric_id = 'O21' and stratum = 'all' then lower end) as slope_lower,
        max(case when metric_id = 'O21' and stratum = 'all' then upper end) as slope_upper
    from outcomes.fct_metric
    where metric_id in ('O09', 'O21') and unit_code is null
    group by organisation_code, measure_id, period_start
),

changes as (
    select
        organisation_code,
        measure_id,
        value,
        lower,
        upper
    from outcomes.fct_metric
    where metric_id = 'O21' and unit_code is null and stratum like 'change%'
)

select
    measures.measure_name,
    equity.organisation_code,
    year(equity.period_start) as year_from_april,
    measures.improvement_direction as better_when,
    round(equity.absolute_gap, 4) as absolute_gap,
    round(equity.relative_gap, 3) as relative_gap,
    round(equity.slope_index, 4) as slope_index,
    round(equity.slope_lower, 4) as slope_lower,
    round(equity.slope_upper, 4) as slope_upper,
    round(changes.value, 4) as slope_change,
    round(changes.lower, 4) as change_lower,
    round(changes.upper, 4) as change_upper
from equity
inner join core.dim_measure as measures on equity.measure_id = measures.measure_id and measures.is_latest
left join changes
    on equity.organisation_code = changes.organisation_code and equity.measure_id = changes.measure_id
where equity.slope_index is not null
order by measures.measure_name, equity.organisation_code, year_from_april
