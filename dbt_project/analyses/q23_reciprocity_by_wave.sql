-- Question 23: do our units work with each other, and is it mutual?
--
-- Read: one row an organisation and wave of the survey; the row without an organisation is all together. reciprocity is
-- the share of ties that are returned, 2M / (2M + A); density the share of possible ties that are there;
-- collaborate_share the share of ties that are work on a common goal. withheld_because says why a wave is empty.
-- Caveats: with fewer than 70% of answers a network is withheld, because a tie nobody answered about looks
-- like one that is not there. More ties are not better without end.
-- depends_on: {{ ref('maturity__fct_metric') }}
select
    organisation_code,
    replace(stratum, ', collaborate ties', '') as wave,
    max(case when metric_id = 'M13' and stratum not like '%collaborate%' then n end) as units,
    round(max(case when metric_id = 'M13' and stratum not like '%collaborate%' then value end), 3) as reciprocity,
    round(max(case when metric_id = 'M29' then value end), 3) as density,
    round(max(case when stratum like '%collaborate%' then value end), 3) as collaborate_share,
    max(suppression_reason) as withheld_because
from maturity.fct_metric
where metric_id in ('M13', 'M29') and unit_code is null
group by organisation_code, wave
order by organisation_code nulls first, wave
