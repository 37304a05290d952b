{#- A year after its charter a project without a due date counts as due. -#}
{%- set days_without_due_date = 365 -%}
{%- set landmark_days = 90 -%}
{%- set settling_days = 365 -%}
with
clock as (
    select
        as_of_date,
        {{ add_days(-1, add_months(1, month_start('as_of_date'))) }} as month_end
    from {{ ref('stg_tonight__clock') }}
),

organisations as (
    select
        organisation_code,
        organisation_type
    from {{ ref('dim_organisation') }}
    where is_latest and not is_withdrawn
),

projects as (
    select
        project_id,
        organisation_code,
        unit_code,
        directorate,
        method,
        origin,
        involvement,
        involvement_recorded_on,
        chartered_on,
        coalesce(due_on, {{ add_days(days_without_due_date, 'chartered_on') }}) as due_on,
        closed_on,
        status,
        outcome,
        quality_domain,
        coach_id,
        is_active,
        has_outcome_measure and has_process_measure and has_balancing_measure as has_measure_set,
        has_coach and has_sponsor as has_coach_and_sponsor,
        is_cross_organisation
    from {{ ref('fct_project') }}
    where status <> 'proposed'
),

active as (
    select
        organisation_code,
        method,
        count(*) as projects
    from projects
    where is_active and method is not null
    group by organisation_code, method
),

-- The method that most of an organisation's active projects name.
commonest as (
    select
        organisation_code,
        method
    from (
        select
            organisation_code,
            method,
            row_number() over (partition by organisation_code order by projects desc, method asc) as place
        from active
    ) as ranked
    where place = 1
),

-- The method the organisation has declared, or else the commonest.
declared as (
    select
        organisation_code,
        max_by(declared_method, agreed_on) as declared_method
    from {{ ref('fct_compact_commitment') }}
    where declared_method is not null and ended_on is null
    group by organisation_code
),

stratified as (
    select distinct measures.project_id
    from {{ ref('dim_measure') }} as measures
    inner join {{ ref('fct_measure_point') }} as points on measures.measure_id = points.measure_id
    where
        measures.is_latest
        and measures.family = 'outcome'
        and measures.project_id is not null
        and points.is_latest
        and not points.is_withdrawn
        and points.stratum like 'quintile_%'
)

select
    projects.project_id,
    projects.organisation_code,
    organisations.organisation_type,
    projects.unit_code,
    projects.directorate,
    projects.method,
    projects.origin,
    projects.quality_domain,
    projects.coach_id,
    projects.chartered_on,
    {{ period_start_of("'year'", 4, 'projects.chartered_on') }} as cohort_start,
    {{ add_days(-1, add_months(12, period_start_of("'year'", 4, 'projects.chartered_on'))) }} as cohort_end,
    clock.month_end,
    projects.is_active,
    coalesce(projects.outcome = 'met', false) as is_met,
    projects.outcome is not null as is_closed_with_outcome,
    projects.chartered_on is not null and projects.due_on <= clock.as_of_date as is_due,
    -- What is recorded later than the landmark, or ends before it, says nothing about it.
    case
        when
            projects.involvement_recorded_on <= {{ add_days(landmark_days, 'projects.chartered_on') }}
            then projects.involvement
        when projects.involvement_recorded_on is not null then 'none'
    end as involvement_at_landmark,
    coalesce(projects.closed_on, clock.as_of_date) >= {{ add_days(landmark_days, 'projects.chartered_on') }}
        as is_open_at_landmark,
    projects.closed_on,
    coalesce(
        projects.outcome = 'met' and {{ add_days(settling_days, 'projects.closed_on') }} <= clock.as_of_date, false
    ) as is_met_a_year_ago,
    projects.involvement = 'big_i' as is_big_i,
    projects.involvement in ('big_i', 'little_i') as is_involving,
    projects.involvement is not null as has_involvement,
    projects.has_measure_set,
    projects.has_coach_and_sponsor,
    projects.is_cross_organisation,
    coalesce(projects.method = coalesce(declared.declared_method, commonest.method), false) as is_on_declared_method,
    coalesce(projects.origin in ('frontline', 'patient'), false) as is_from_the_front_line,
    stratified.project_id is not null as has_stratified_outcome
from projects
cross join clock
left join organisations on projects.organisation_code = organisations.organisation_code
left join commonest on projects.organisation_code = commonest.organisation_code
left join declared on projects.organisation_code = declared.organisation_code
left join stratified on projects.project_id = stratified.project_id
