-- Question 4: do projects succeed more often when service users are full partners?
--
-- Read: one row a comparison. risk_ratio_association is how many times as often the aim was met; odds_ratio_association
-- the same for odds, which is further from one; odds_ratio_as_risk_ratio reads it as a ratio of chances, given the
-- success of the others; risk_difference_association in shares. A comparison "within layers" holds the type of
-- organisation equal (Mantel and Haenszel); homogeneity_p_value below 0.05 says that the layers differ, so that one
-- number hides something. Of exposed projects, exposed_met met their aim.
-- Caveats: association, not cause: teams that could do it chose to. Involvement is what was recorded within 90 days of
-- the charter, among projects still open then, because success makes involvement look better afterwards. The
-- published figure of 2.8 does not say which statistic it is: as an odds ratio it is a risk ratio of 1.8 when 31% of
-- the others succeed.
-- depends_on: {{ ref('outcomes__fct_metric') }}
with
estimates as (
    select
        stratum,
        metric_id,
        value,
        lower,
        upper,
        numerator,
        denominator,
        homogeneity_p_value
    from outcomes.fct_metric
    where metric_id in ('O03', 'O04', 'O05', 'O26') and organisation_code is null
)

select
    stratum as comparison,
    round(max(case when metric_id = 'O03' then value end), 2) as risk_ratio_association,
    round(max(case when metric_id = 'O03' then lower end), 2) as risk_ratio_lower,
    round(max(case when metric_id = 'O03' then upper end), 2) as risk_ratio_upper,
    round(max(case when metric_id = 'O04' then value end), 2) as odds_ratio_association,
    round(max(case when metric_id = 'O04' then lower end), 2) as odds_ratio_lower,
    round(max(case when metric_id = 'O04' then upper end), 2) as odds_ratio_upper,
    round(max(case when metric_id = 'O26' then value end), 2) as odds_ratio_as_risk_ratio,
    round(max(case when metric_id = 'O05' then value end), 3) as risk_difference_association,
    round(max(homogeneity_p_value), 3) as homogeneity_p_value,
    cast(max(numerator) as bigint) as exposed_met,
    cast(max(denominator) as bigint) as exposed
from estimates
group by stratum
order by comparison
