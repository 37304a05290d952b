with
clock as (
    select as_of_date
    from {{ ref('stg_tonight__clock') }}
),

projects as (
    select
        project_id,
        organisation_code,
        unit_code,
        title,
        aim,
        method,
        origin,
        involvement,
        involvement_recorded_on,
        chartered_on,
        started_on,
        due_on,
        closed_on,
        status,
        outcome,
        progress_score,
        progress_scored_on,
        quality_domain,
        goal,
        coach_id,
        sponsor_id,
        source_system,
        valid_from,
        received_at,
        load_id,
        source_row,
        last_confirmed_load_id,
        is_synthetic
    from {{ ref('dim_project') }}
    where is_latest and not is_withdrawn
),

units as (
    select
        organisation_code,
        unit_code,
        unit_name,
        directorate
    from {{ ref('dim_unit') }}
    where is_latest and not is_withdrawn
),

cycles as (
    select
        project_id,
        count(*) as pdsa_cycles,
        sum(case when is_complete then 1 else 0 end) as pdsa_cycles_completed,
        max(started_on) as last_cycle_started_on,
        avg(fidelity) as mean_fidelity
    from {{ ref('fct_pdsa_cycle') }}
    group by project_id
),

members as (
    select
        project_id,
        count(distinct person_id) as members,
        bool_or(role = 'coach') as has_coach_member,
        bool_or(role = 'sponsor') as has_sponsor_member
    from {{ ref('bridge_project_member') }}
    group by project_id
),

measures as (
    select
        measure_id,
        project_id,
        family
    from {{ ref('dim_measure') }}
    where is_latest and not is_withdrawn and project_id is not null
),

families as (
    select
        project_id,
        count(*) as measures,
        bool_or(family = 'outcome') as has_outcome_measure,
        bool_or(family = 'process') as has_process_measure,
        bool_or(family = 'balancing') as has_balancing_measure
    from measures
    group by project_id
),

points as (
    select
        measures.project_id,
        points.organisation_code,
        count(*) as measure_points,
        max(coalesce(points.period_end, points.period_start)) as last_measured_on
    from {{ ref('fct_measure_point') }} as points
    inner join measures on points.measure_id = measures.measure_id
    where points.is_latest and not points.is_withdrawn
    group by measures.project_id, points.organisation_code
),

point_totals as (
    select
        project_id,
        sum(measure_points) as measure_points,
        max(last_measured_on) as last_measured_on
    from points
    group by project_id
),

-- Organisations that lead, take part in or measure a project.
involved as (
    select
        project_id,
        organisation_code
    from projects
    union all
    select
        project_id,
        organisation_code
    from {{ ref('bridge_project_member') }}
    union all
    select
        project_id,
        organisation_code
    from points
),

organisations as (
    select
        project_id,
        count(distinct organisation_code) as organisations
    from involved
    group by project_id
),

-- What happened in a project, each kind of event with its date; planned dates do not count.
activities as (
    select
        project_id,
        started_on as happened_on
    from {{ ref('fct_pdsa_cycle') }}
    union all
    select
        project_id,
        studied_on as happened_on
    from {{ ref('fct_pdsa_cycle') }}
    union all
    select
        project_id,
        completed_on as happened_on
    from {{ ref('fct_pdsa_cycle') }}
    union all
    select
        project_id,
        last_measured_on as happened_on
    from point_totals
    union all
    select
        project_id,
        progress_scored_on as happened_on
    from projects
),

last_activities as (
    select
        activities.project_id,
        max(least(activities.happened_on, clock.as_of_date)) as last_activity_on
    from activities
    cross join clock
    where activities.happened_on is not null
    group by activities.project_id
)

select
    projects.project_id,
    projects.organisation_code,
    projects.unit_code,
    units.unit_name,
    units.directorate,
    projects.title,
    projects.aim,
    projects.method,
    projects.origin,
    projects.involvement,
    projects.involvement_recorded_on,
    projects.chartered_on,
    projects.started_on,
    projects.due_on,
    projects.closed_on,
    projects.status,
    projects.outcome,
    projects.progress_score,
    projects.progress_scored_on,
    projects.quality_domain,
    projects.goal,
    projects.coach_id,
    projects.sponsor_id,
    projects.source_system,
    projects.status = 'active' as is_active,
    last_activities.last_activity_on,
    {{ days_between('last_activities.last_activity_on', 'clock.as_of_date') }} as days_since_activity,
    {{ days_between('projects.progress_scored_on', 'clock.as_of_date') }} as days_since_scored,
    coalesce(cycles.pdsa_cycles, 0) as pdsa_cycles,
    cast(coalesce(cycles.pdsa_cycles_completed, 0) as bigint) as pdsa_cycles_completed,
    cycles.last_cycle_started_on,
    cycles.mean_fidelity as mean_pdsa_fidelity,
    coalesce(members.members, 0) as members,
    coalesce(families.measures, 0) as measures,
    cast(coalesce(point_totals.measure_points, 0) as bigint) as measure_points,
    coalesce(families.has_outcome_measure, false) as has_outcome_measure,
    coalesce(families.has_process_measure, false) as has_process_measure,
    coalesce(families.has_balancing_measure, false) as has_balancing_measure,
    projects.coach_id is not null or coalesce(members.has_coach_member, false) as has_coach,
    projects.sponsor_id is not null or coalesce(members.has_sponsor_member, false) as has_sponsor,
    organisations.organisations,
    organisations.organisations > 1 as is_cross_organisation,
    projects.valid_from,
    projects.received_at,
    projects.load_id,
    projects.source_row,
    projects.last_confirmed_load_id,
    projects.is_synthetic
from projects
cross join clock
left join units
    on projects.organisation_code = units.organisation_code and projects.unit_code = units.unit_code
left join cycles on projects.project_id = cycles.project_id
left join members on projects.project_id = members.project_id
left join families on projects.project_id = families.project_id
left join point_totals on projects.project_id = point_totals.project_id
left join organisations on projects.project_id = organisations.project_id
left join last_activities on projects.project_id = last_activities.project_id
