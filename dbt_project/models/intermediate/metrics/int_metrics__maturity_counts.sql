{#- How many of how many, from the extracts on maturity, culture and the workforce. -#}
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
        held,
        planned,
        hours_used,
        month = max(month) over (partition by organisation_code, role) as is_latest_month
    from {{ ref('fct_support_role') }}
),

trained as (
    select
        organisation_code,
        level, -- noqa: RF04
        count(distinct person_id) as people
    from {{ ref('fct_training') }}
    where completed_on is not null and left_organisation_on is null
    group by organisation_code, level
),

needed as (
    select
        organisation_code,
        role as level, -- noqa: RF04
        sum(needed) as people
    from support
    where is_latest_month and needed is not null
    group by organisation_code, role
),

joiners as (
    {{ joiners() }}
),

minutes as (
    select
        items.organisation_code,
        items.function, -- noqa: RF04
        sum(items.minutes) as minutes
    from {{ ref('fct_governance_item') }} as items
    cross join clock
    where
        items.forum in ('board', 'committee')
        and items.function is not null
        and items.met_on between clock.year_start and clock.year_end
    group by items.organisation_code, items.function
),

posts as (
    select
        posts.organisation_code,
        posts.post_id,
        posts.post_level,
        posts.holding,
        greatest(
            {{ days_between(
                'greatest(posts.started_on, clock.year_start)',
                'least(coalesce(posts.ended_on, clock.year_end), clock.year_end)'
            ) }} + 1,
            0
        ) as days_in_year
    from {{ ref('fct_leadership_post') }} as posts
    cross join clock
),

board as (
    select
        organisation_code,
        count(distinct post_id) as members
    from posts
    where post_level in ('executive', 'non_executive') and days_in_year > 0
    group by organisation_code
),

executives as (
    select distinct
        posts.organisation_code,
        posts.holder_id
    from {{ ref('fct_leadership_post') }} as posts
    cross join clock
    where
        posts.post_level = 'executive'
        and posts.holder_id is not null
        and posts.started_on <= clock.as_of_date
        and (posts.ended_on is null or posts.ended_on >= clock.as_of_date)
),

-- Named in the register or among the members, of projects that are active.
sponsors as (
    select sponsor_id as person_id
    from {{ ref('fct_project') }}
    where is_active and sponsor_id is not null
    union
    select members.person_id
    from {{ ref('bridge_project_member') }} as members
    cross join clock
    inner join {{ ref('fct_project') }} as projects on members.project_id = projects.project_id
    where
        projects.is_active
        and members.role = 'sponsor'
        and (members.left_on is null or members.left_on > clock.as_of_date)
),

planned_rounds as (
    select
        rounds.organisation_code,
        rounds.event_id,
        max(case when rounds.status = 'held' then 1 else 0 end) as is_held
    from {{ ref('fct_experience_event') }} as rounds
    cross join clock
    where
        rounds.kind = 'schwartz_round'
        and coalesce(rounds.planned_on, rounds.held_on) between clock.year_start and clock.year_end
    group by rounds.organisation_code, rounds.event_id
),

events as (
    select
        events.organisation_code,
        events.kind,
        events.attendee_group,
        events.attended
    from {{ ref('fct_experience_event') }} as events
    cross join clock
    where events.status = 'held' and events.held_on between clock.year_start and clock.year_end
),

visits as (
    select
        organisation_code,
        sum(attended) as visits
    from events
    where kind = 'board_visit' and attendee_group = 'board'
    group by organisation_code
),

commitments as (
    select
        commitments.organisation_code,
        coalesce(commitments.evidenced_on >= clock.year_start, false) as is_honoured,
        coalesce(
            commitments.review_due_on < clock.month_start
            and (commitments.reviewed_on is null or commitments.reviewed_on < commitments.review_due_on),
            false
        ) as is_overdue,
        commitments.given_by
    from {{ ref('fct_compact_commitment') }} as commitments
    cross join clock
    where commitments.ended_on is null or commitments.ended_on > clock.as_of_date
),

methods as (
    select
        methods.organisation_code,
        max(methods.agreed_on) as agreed_on,
        -- The method agreed before these years was there; each later one is a change.
        count(case when methods.agreed_on > {{ add_months(-60, 'clock.month_start') }} then 1 end) as agreed_lately,
        count(case when methods.agreed_on <= {{ add_months(-60, 'clock.month_start') }} then 1 end) as agreed_before
    from {{ ref('fct_compact_commitment') }} as methods
    cross join clock
    where methods.declared_method is not null
    group by methods.organisation_code
),

staff as (
    select
        organisation_code,
        staff_group,
        month,
        wte,
        sick_days,
        available_days,
        headcount_year_before,
        stayed_headcount
    from {{ ref('fct_workforce_month') }}
    where unit_code is null and staff_group <> 'all'
),

mean_wte as (
    select
        staff.organisation_code,
        staff.staff_group,
        sum(staff.wte) / count(distinct staff.month) as wte
    from staff
    cross join clock
    where staff.month between clock.year_start and clock.year_end
    group by staff.organisation_code, staff.staff_group
),

rounds as (
    select
        organisation_code,
        attendee_group as staff_group,
        sum(attended) as attended
    from events
    where kind = 'schwartz_round'
    group by organisation_code, attendee_group
),

stages as (
    select
        organisation_code,
        event_id,
        max(ebcd_stage_rank) over (partition by organisation_code, coalesce(project_id, topic)) as reached,
        coalesce(project_id, topic) as codesign,
        ebcd_stage,
        ebcd_stage_rank
    from {{ ref('fct_experience_event') }}
    where kind = 'ebcd' and ebcd_stage_rank is not null and coalesce(project_id, topic) is not null
),

named_stages as (
    select distinct
        ebcd_stage,
        ebcd_stage_rank
    from stages
),

codesigns as (
    select distinct
        organisation_code,
        codesign,
        reached
    from stages
),

of_now as (
    select
        'M03' as metric_id,
        needed.organisation_code,
        needed.level as stratum,
        least(coalesce(trained.people, 0), needed.people) as numerator,
        needed.people as denominator
    from needed
    left join trained on needed.organisation_code = trained.organisation_code and needed.level = trained.level
    where needed.people > 0
    union all
    select
        'M19' as metric_id,
        organisation_code,
        'all' as stratum,
        count(case when is_honoured then 1 end) as numerator,
        count(*) as denominator
    from commitments
    where given_by = 'organisation'
    group by organisation_code
    union all
    select
        'M25' as metric_id,
        organisation_code,
        'all' as stratum,
        count(case when is_overdue then 1 end) as numerator,
        count(*) as denominator
    from commitments
    group by organisation_code
    union all
    select
        'M21' as metric_id,
        codesigns.organisation_code,
        named_stages.ebcd_stage as stratum,
        count(case when codesigns.reached >= named_stages.ebcd_stage_rank then 1 end) as numerator,
        count(*) as denominator
    from codesigns
    cross join named_stages
    group by codesigns.organisation_code, named_stages.ebcd_stage
    union all
    select
        'M22' as metric_id,
        methods.organisation_code,
        'all' as stratum,
        {{ days_between('methods.agreed_on', 'clock.month_start') }} as numerator,
        365.25 as denominator
    from methods
    cross join clock
    union all
    select
        'M23' as metric_id,
        organisation_code,
        'all' as stratum,
        agreed_lately - case when agreed_before = 0 then 1 else 0 end as numerator,
        1 as denominator
    from methods
    union all
    select
        'M28' as metric_id,
        organisation_code,
        'all' as stratum,
        count(case when held > 0 then 1 end) as numerator,
        count(*) as denominator
    from support
    where role = 'huddle' and is_latest_month and unit_code is not null
    group by organisation_code
    union all
    select
        'M31' as metric_id,
        executives.organisation_code,
        'all' as stratum,
        count(sponsors.person_id) as numerator,
        count(*) as denominator
    from executives
    left join sponsors on executives.holder_id = sponsors.person_id
    group by executives.organisation_code
),

of_the_year as (
    select
        'M14' as metric_id,
        organisation_code,
        function as stratum,
        minutes as numerator,
        sum(minutes) over (partition by organisation_code) as denominator
    from minutes
    union all
    select
        'M15' as metric_id,
        board.organisation_code,
        'all' as stratum,
        coalesce(visits.visits, 0) as numerator,
        {{ quarters }} * board.members as denominator
    from board
    left join visits on board.organisation_code = visits.organisation_code
    union all
    select
        'M18' as metric_id,
        organisation_code,
        coalesce(post_level, 'not recorded') as stratum,
        sum(case when holding in ('vacant', 'interim') then days_in_year else 0 end) as numerator,
        sum(days_in_year) as denominator
    from posts
    group by organisation_code, post_level
    having sum(days_in_year) > 0
    union all
    select
        'M18' as metric_id,
        organisation_code,
        'all' as stratum,
        sum(case when holding in ('vacant', 'interim') then days_in_year else 0 end) as numerator,
        sum(days_in_year) as denominator
    from posts
    group by organisation_code
    having sum(days_in_year) > 0
    union all
    select
        'M20' as metric_id,
        mean_wte.organisation_code,
        mean_wte.staff_group as stratum,
        coalesce(rounds.attended, 0) as numerator,
        mean_wte.wte / 100 as denominator
    from mean_wte
    inner join rounds
        on mean_wte.organisation_code = rounds.organisation_code and mean_wte.staff_group = rounds.staff_group
    where mean_wte.wte > 0
    union all
    select
        'M32' as metric_id,
        organisation_code,
        'all' as stratum,
        sum(is_held) as numerator,
        count(*) as denominator
    from planned_rounds
    group by organisation_code
    union all
    select
        'M26' as metric_id,
        support.organisation_code,
        'all' as stratum,
        sum(support.hours_used) as numerator,
        sum(support.wte) as denominator
    from support
    cross join clock
    where
        support.role = 'qi_time'
        and support.hours_used is not null
        and support.month between clock.year_start and clock.year_end
    group by support.organisation_code
    having sum(support.wte) > 0
),

of_their_period as (
    select
        'M04' as metric_id,
        organisation_code,
        period_start,
        {{ add_days(-1, add_months(12, 'period_start')) }} as period_end,
        'all' as stratum,
        count(case when has_applied then 1 end) as numerator,
        count(*) as denominator
    from joiners
    group by organisation_code, period_start
    union all
    select
        'M16' as metric_id,
        organisation_code,
        period_start,
        period_end,
        concept as stratum,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('fct_survey_result') }}
    where breakdown = 'all' and unit_code is null and numerator is not null and denominator > 0
    group by organisation_code, period_start, period_end, concept
    union all
    select
        'O13' as metric_id,
        organisation_code,
        month as period_start,
        {{ add_days(-1, add_months(1, 'month')) }} as period_end,
        'all' as stratum,
        sum(sick_days) as numerator,
        sum(available_days) as denominator
    from staff
    where sick_days is not null and available_days > 0
    group by organisation_code, month
    union all
    select
        'O14' as metric_id,
        organisation_code,
        month as period_start,
        {{ add_days(-1, add_months(1, 'month')) }} as period_end,
        'all' as stratum,
        sum(stayed_headcount) as numerator,
        sum(headcount_year_before) as denominator
    from staff
    where stayed_headcount is not null and headcount_year_before > 0
    group by organisation_code, month
)

select
    of_now.metric_id,
    of_now.organisation_code,
    clock.month_start as period_start,
    clock.month_end as period_end,
    of_now.stratum,
    round(cast(of_now.numerator as double), {{ decimals }}) as numerator,
    round(cast(of_now.denominator as double), {{ decimals }}) as denominator
from of_now
cross join clock
union all
select
    of_the_year.metric_id,
    of_the_year.organisation_code,
    clock.year_start as period_start,
    clock.year_end as period_end,
    of_the_year.stratum,
    round(cast(of_the_year.numerator as double), {{ decimals }}) as numerator,
    round(cast(of_the_year.denominator as double), {{ decimals }}) as denominator
from of_the_year
cross join clock
union all
select
    of_their_period.metric_id,
    of_their_period.organisation_code,
    of_their_period.period_start,
    coalesce(of_their_period.period_end, clock.month_end) as period_end,
    of_their_period.stratum,
    round(cast(of_their_period.numerator as double), {{ decimals }}) as numerator,
    round(cast(of_their_period.denominator as double), {{ decimals }}) as denominator
from of_their_period
cross join clock
