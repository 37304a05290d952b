-- Question 12: do we train enough people, and do they use it?
--
-- Read: one row an organisation. For each level of skill, trained of needed people have it (coverage); applied of
-- completed people joined a project within 180 days of their first course (applied_share), for courses completed in the
-- latest financial year with enough of them; able_to_improve is the share of staff who say they can make
-- improvements happen where they work, in the latest survey.
-- Caveats: counts of people from 1 to 7 are withheld and others rounded to 5, so small levels are empty. The need is a
-- local decision. Joining a project is not the same as using what was taught.
-- depends_on: {{ ref('maturity__fct_metric') }}
with
latest as (
    select
        metric_id,
        organisation_code,
        stratum,
        value,
        lower,
        upper,
        numerator,
        denominator
    from maturity.fct_metric
    where
        metric_id in ('M03', 'M04', 'M16')
        and organisation_code is not null
        and unit_code is null
        and value is not null
    qualify row_number() over (
        partition by metric_id, organisation_code, stratum order by period_end desc
    ) = 1
),

coverage as (
    select *
    from latest
    where metric_id = 'M03'
)

select
    organisations.organisation_code,
    coverage.stratum as skill_level,
    cast(coverage.numerator as bigint) as trained,
    cast(coverage.denominator as bigint) as needed,
    round(coverage.value, 3) as coverage,
    cast(applied.numerator as bigint) as applied,
    cast(applied.denominator as bigint) as completed,
    round(applied.value, 3) as applied_share,
    round(applied.lower, 3) as applied_lower,
    round(applied.upper, 3) as applied_upper,
    round(voice.value, 3) as able_to_improve
from (select distinct organisation_code from latest) as organisations
left join coverage on organisations.organisation_code = coverage.organisation_code
left join latest as applied
    on organisations.organisation_code = applied.organisation_code and applied.metric_id = 'M04'
left join latest as voice
    on
        organisations.organisation_code = voice.organisation_code
        and voice.metric_id = 'M16'
        and voice.stratum = 'able_to_improve'
order by organisations.organisation_code, skill_level
