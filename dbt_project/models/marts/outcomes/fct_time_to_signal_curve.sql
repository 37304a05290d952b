{#- Greenwood's variance on the log-log scale, so that an interval never leaves 0 to 1. -#}
{%- set normal_975 = 1.959963984540054 -%}
{%- set decimals = 6 -%}
with
-- As for metric O08: a project is watched until the first signal of an outcome measure, or its last point.
projects as (
    select
        organisation_code,
        greatest(
            {{ days_between('min(chartered_on)', 'coalesce(min(signalled_on), max(observed_until))') }}, 0
        ) as days, -- noqa: RF04
        min(signalled_on) is not null as has_signal
    from {{ ref('fct_time_to_signal') }}
    where family = 'outcome' and chartered_on is not null
    group by organisation_code, project_id
),

cohorts as (
    select
        organisation_code,
        days,
        has_signal
    from projects
    union all
    select
        cast(null as {{ dbt.type_string() }}) as organisation_code,
        days,
        has_signal
    from projects
),

by_day as (
    select
        organisation_code,
        days,
        count(*) as leaving,
        cast(count(case when has_signal then 1 end) as double) as signals
    from cohorts
    group by organisation_code, days
),

watched as (
    select
        organisation_code,
        days,
        leaving,
        signals,
        cast(sum(leaving) over (partition by organisation_code) as bigint) as projects,
        cast(sum(leaving) over (partition by organisation_code order by days desc) as double) as at_risk
    from by_day
),

summed as (
    select
        organisation_code,
        days,
        leaving,
        signals,
        projects,
        at_risk,
        max(case when signals = at_risk then 1 else 0 end) over up_to_the_day as is_at_zero,
        sum(case when signals < at_risk then ln(1 - signals / at_risk) else 0 end) over up_to_the_day as log_without,
        sum(case when signals < at_risk then signals / (at_risk * (at_risk - signals)) else 0 end)
            over up_to_the_day as variance
    from watched
    window up_to_the_day as (partition by organisation_code order by days)
),

fewest as (
    select minimum_n
    from {{ ref('metric') }}
    where metric_id = 'O08'
),

spread as (
    select
        summed.organisation_code,
        summed.days,
        summed.projects,
        summed.at_risk,
        summed.signals,
        summed.leaving,
        summed.log_without,
        summed.is_at_zero,
        case
            when summed.is_at_zero = 0 and summed.log_without < 0
                then {{ normal_975 }} * sqrt(summed.variance) / abs(summed.log_without)
        end as width
    from summed
    cross join fewest
    where summed.projects >= fewest.minimum_n
)

select
    {{ surrogate_key(['organisation_code', 'days']) }} as time_to_signal_curve_id,
    organisation_code,
    days,
    projects,
    cast(at_risk as bigint) as at_risk,
    cast(signals as bigint) as signals,
    cast(leaving - signals as bigint) as censored,
    case when is_at_zero = 1 then 0e0 else round(exp(log_without), {{ decimals }}) end as without_signal,
    round(exp(log_without * exp(width)), {{ decimals }}) as lower, -- noqa: RF04
    round(exp(log_without * exp(-width)), {{ decimals }}) as upper -- noqa: RF04
from spread
