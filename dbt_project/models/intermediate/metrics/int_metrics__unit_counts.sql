{#-
    How many of how many in the units of organisations, from the extracts on maturity, culture and the workforce that
    say where. `people`: on how many people a count of something else rests, so that it speaks of nobody alone.
-#}
{%- set quarters = 4 -%}
{#- A sum's last digits depend on the order of its rows. -#}
{%- set decimals = 9 -%}
with
clock as (
    {{ month_and_year() }}
),

support as (
    select
        organisation_code,
        unit_code,
        role,
        month,
        wte,
        needed,
        hours_used,
        month = max(month) over (partition by organisation_code, role) as is_latest_month
    from {{ ref('fct_support_role') }}
    where unit_code is not null
),

trained as (
    select
        organisation_code,
        unit_code,
        level, -- noqa: RF04
        count(distinct person_id) as people
    from {{ ref('fct_training') }}
    where completed_on is not null and left_organisation_on is null
    group by organisation_code, unit_code, level
),

needed as (
    select
        organisation_code,
        unit_code,
        role as level, -- noqa: RF04
        sum(needed) as people
    from support
    where is_latest_month and needed > 0
    group by organisation_code, unit_code, role
),

joiners as (
    {{ joiners() }}
),

board as (
    select
        posts.organisation_code,
        count(distinct posts.post_id) as members
    from {{ ref('fct_leadership_post') }} as posts
    cross join clock
    where
        posts.post_level in ('executive', 'non_executive')
        and posts.started_on <= clock.year_end
        and coalesce(posts.ended_on, clock.year_end) >= clock.year_start
    group by posts.organisation_code
),

visits as (
    select
        events.organisation_code,
        events.unit_code,
        sum(events.attended) as visits
    from {{ ref('fct_experience_event') }} as events
    cross join clock
    where
        events.kind = 'board_visit'
        and events.attendee_group = 'board'
        and events.status = 'held'
        and events.held_on between clock.year_start and clock.year_end
        and events.unit_code is not null
        and events.attended is not null
    group by events.organisation_code, events.unit_code
),

-- A unit's row for all staff groups, or else its groups: never both.
staff as (
    select
        months.organisation_code,
        months.unit_code,
        months.month,
        months.headcount,
        months.sick_days,
        months.available_days,
        months.headcount_year_before,
        months.stayed_headcount
    from {{ ref('fct_workforce_month') }} as months
    cross join clock
    where months.unit_code is not null and months.month between clock.year_start and clock.year_end
    qualify
        (months.staff_group = 'all')
        = max(months.staff_group = 'all') over (
            partition by months.organisation_code, months.unit_code, months.month
        )
),

counted as (
    select
        'M03' as metric_id,
        needed.organisation_code,
        needed.unit_code,
        clock.month_start as period_start,
        clock.month_end as period_end,
        needed.level as stratum,
        least(coalesce(trained.people, 0), needed.people) as numerator,
        needed.people as denominator,
        cast(null as double) as people
    from needed
    cross join clock
    left join trained
        on
            needed.organisation_code = trained.organisation_code
            and needed.unit_code = trained.unit_code
            and needed.level = trained.level
    union all
    select
        'M04' as metric_id,
        organisation_code,
        unit_code,
        period_start,
        {{ add_days(-1, add_months(12, 'period_start')) }} as period_end,
        'all' as stratum,
        count(case when has_applied then 1 end) as numerator,
        count(*) as denominator,
        cast(null as double) as people
    from joiners
    where unit_code is not null
    group by organisation_code, unit_code, period_start
    union all
    select
        'M15' as metric_id,
        visits.organisation_code,
        visits.unit_code,
        clock.year_start as period_start,
        clock.year_end as period_end,
        'all' as stratum,
        visits.visits as numerator,
        {{ quarters }} * board.members as denominator,
        cast(null as double) as people
    from visits
    cross join clock
    inner join board on visits.organisation_code = board.organisation_code
    union all
    select
        'M16' as metric_id,
        answers.organisation_code,
        answers.unit_code,
        answers.period_start,
        coalesce(answers.period_end, clock.month_end) as period_end,
        answers.concept as stratum,
        sum(answers.numerator) as numerator,
        sum(answers.denominator) as denominator,
        cast(null as double) as people
    from {{ ref('fct_survey_result') }} as answers
    cross join clock
    where
        answers.breakdown = 'all'
        and answers.unit_code is not null
        and answers.numerator is not null
        and answers.denominator > 0
    group by
        answers.organisation_code,
        answers.unit_code,
        answers.period_start,
        answers.period_end,
        clock.month_end,
        answers.concept
    union all
    select
        'M26' as metric_id,
        support.organisation_code,
        support.unit_code,
        clock.year_start as period_start,
        clock.year_end as period_end,
        'all' as stratum,
        sum(support.hours_used) as numerator,
        sum(support.wte) as denominator,
        cast(null as double) as people
    from support
    cross join clock
    where
        support.role = 'qi_time'
        and support.hours_used is not null
        and support.wte > 0
        and support.month between clock.year_start and clock.year_end
    group by support.organisation_code, support.unit_code, clock.year_start, clock.year_end
    union all
    -- A month of a unit is too little to go by: the year.
    select
        'O13' as metric_id,
        staff.organisation_code,
        staff.unit_code,
        clock.year_start as period_start,
        clock.year_end as period_end,
        'all' as stratum,
        sum(staff.sick_days) as numerator,
        sum(staff.available_days) as denominator,
        sum(staff.headcount) * 1e0 / count(distinct staff.month) as people
    from staff
    cross join clock
    where staff.sick_days is not null and staff.available_days > 0
    group by staff.organisation_code, staff.unit_code, clock.year_start, clock.year_end
    union all
    select
        'O14' as metric_id,
        organisation_code,
        unit_code,
        month as period_start,
        {{ add_days(-1, add_months(1, 'month')) }} as period_end,
        'all' as stratum,
        sum(stayed_headcount) as numerator,
        sum(headcount_year_before) as denominator,
        cast(null as double) as people
    from staff
    where stayed_headcount is not null and headcount_year_before > 0
    group by organisation_code, unit_code, month
    qualify month = max(month) over (partition by organisation_code)
)

select
    metric_id,
    organisation_code,
    unit_code,
    period_start,
    period_end,
    stratum,
    round(cast(numerator as double), {{ decimals }}) as numerator,
    round(cast(denominator as double), {{ decimals }}) as denominator,
    people
from counted
