-- Question 2: which active projects have been silent for 60 days?
--
-- Read: one row a project, the longest silence first. Activity is the latest of: a PDSA cycle begun,
-- studied or completed, the end of the last period measured, the progress score set. Where nothing ever
-- happened, silence is counted from the start or the charter and never_active is true.
-- Caveats: silence may mean that the tracker or a measure's file is late and not the team: see
-- late_periods, the expected periods of its measures that have not come.
-- depends_on: {{ ref('fct_project') }}, {{ ref('fct_expected_point') }}, {{ ref('dim_measure') }}, {{ ref('release') }}
with
parameters as (
    select
        60 as silent_days,
        (select max(as_of_date) from ops.release) as as_of_date
),

projects as (
    select
        projects.project_id,
        projects.title,
        projects.organisation_code,
        projects.directorate,
        projects.has_coach,
        projects.progress_score,
        projects.last_activity_on,
        projects.last_activity_on is null as never_active,
        coalesce(projects.last_activity_on, projects.started_on, projects.chartered_on) as silent_since
    from core.fct_project as projects
    where projects.is_active
),

late as (
    select
        measures.project_id,
        count(*) as late_periods
    from core.fct_expected_point as expected
    inner join core.dim_measure as measures on expected.measure_id = measures.measure_id and measures.is_latest
    where expected.status in ('missing', 'source_late') and measures.project_id is not null
    group by measures.project_id
)

select
    projects.project_id,
    projects.title,
    projects.organisation_code,
    projects.directorate,
    projects.has_coach,
    projects.progress_score,
    projects.last_activity_on,
    projects.never_active,
    datediff('day', projects.silent_since, parameters.as_of_date) as days_silent,
    coalesce(late.late_periods, 0) as late_periods
from projects
cross join parameters
left join late on projects.project_id = late.project_id
where
    projects.silent_since is null
    or datediff('day', projects.silent_since, parameters.as_of_date) >= parameters.silent_days
order by days_silent desc nulls first, projects.project_id asc
