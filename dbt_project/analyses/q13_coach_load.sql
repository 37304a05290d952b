-- Question 13: how many active projects does each coach carry?
--
-- Read: one row a coach, the busiest first; coaches are pseudonyms. active_projects are theirs today;
-- organisation_mean is the mean of their organisation (metric M05); silent_projects had no activity for 60 days.
-- Caveats: what a coach can carry depends on the size of the projects; the register does not say how much
-- time a coach has. Projects without a named coach are not here: metric M27 counts them.
-- depends_on: {{ ref('fct_project') }}, {{ ref('maturity__fct_metric') }}
with
parameters as (
    select 60 as silent_days
)

select
    projects.organisation_code,
    left(projects.coach_id, 8) as coach,
    count(*) as active_projects,
    round(any_value(loads.value), 1) as organisation_mean,
    count(case when projects.days_since_activity > parameters.silent_days then 1 end) as silent_projects,
    round(avg(projects.mean_pdsa_fidelity), 2) as mean_pdsa_fidelity
from core.fct_project as projects
cross join parameters
left join maturity.fct_metric as loads
    on projects.organisation_code = loads.organisation_code and loads.metric_id = 'M05' and loads.unit_code is null
where projects.is_active and projects.coach_id is not null
group by projects.organisation_code, projects.coach_id
order by active_projects desc, projects.organisation_code asc, coach asc
