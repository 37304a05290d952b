-- Question 18: how much of the forecast benefit was validated, and who gained?
--
-- Read: one row a payer, receiver and kind of benefit. Amounts are pounds before cost, from low to high, forecast
-- and validated; is_displaced marks what falls to another organisation or another part of the system than the payer.
-- validated_share is the middle of the validated range over that of the forecast.
-- Caveats: not to be added up over projects that share a measure: such lines say the same pounds twice
-- (shared_measure_lines counts them). What is not validated yet may still be.
-- depends_on: {{ ref('fct_benefit') }}
with
benefits as (
    select
        *,
        case
            when measure_id is not null
                then count(distinct project_id) over (partition by measure_id, stage) > 1
            else false
        end as is_shared
    from core.fct_benefit
)

select
    payer_organisation_code,
    coalesce(receiver_organisation_code, receiver_sector, 'not recorded') as receiver,
    benefit_type,
    coalesce(receiver_organisation_code, payer_organisation_code) <> payer_organisation_code
    or coalesce(receiver_sector, 'nhs') <> 'nhs' as is_displaced,
    round(sum(case when stage = 'forecast' then amount_low end)) as forecast_low,
    round(sum(case when stage = 'forecast' then amount_high end)) as forecast_high,
    round(sum(case when stage = 'validated' then amount_low end)) as validated_low,
    round(sum(case when stage = 'validated' then amount_high end)) as validated_high,
    round(
        sum(case when stage = 'validated' then amount_low + amount_high end)
        / nullif(sum(case when stage = 'forecast' then amount_low + amount_high end), 0),
        2
    ) as validated_share,
    count(case when is_shared then 1 end) as shared_measure_lines
from benefits
group by payer_organisation_code, receiver, benefit_type, is_displaced
order by forecast_high desc nulls last, payer_organisation_code asc, receiver asc, benefit_type asc
