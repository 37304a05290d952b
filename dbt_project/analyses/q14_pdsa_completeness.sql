-- Question 14: how complete are our PDSA cycles?
--
-- Read: one row a directorate, for cycles begun in the twelve months before the release. fidelity_mean is
-- 0 to 4 (prediction, data, study, decision); the shares say which step is left out. cycles_per_project_month
-- relates cycles to the months in which the projects were open.
-- Caveats: shares count cycles old enough to be complete (begun 60 days ago or earlier), so that running
-- cycles do not look careless; with fewer than 10 of them take no share as a finding. Records show what was
-- written down, not what was done.
-- depends_on: {{ ref('fct_pdsa_cycle') }}, {{ ref('fct_project') }}, {{ ref('fct_project_month') }}
-- depends_on: {{ ref('release') }}
with
parameters as (
    select
        as_of_date,
        as_of_date - interval 12 month as from_date,
        as_of_date - interval 60 day as mature_before
    from (select max(as_of_date) as as_of_date from ops.release) as releases
),

cycles as (
    select
        projects.organisation_code,
        coalesce(projects.directorate, '(no directorate)') as directorate,
        cycles.cycle_id,
        cycles.project_id,
        cycles.started_on <= parameters.mature_before as is_mature,
        cycles.has_prediction,
        cycles.has_data,
        cycles.has_study,
        cycles.has_decision,
        cycles.fidelity
    from core.fct_pdsa_cycle as cycles
    inner join core.fct_project as projects on cycles.project_id = projects.project_id
    cross join parameters
    where cycles.started_on between parameters.from_date and parameters.as_of_date
),

months as (
    select
        projects.organisation_code,
        coalesce(projects.directorate, '(no directorate)') as directorate,
        count(*) as project_months
    from core.fct_project_month as months
    inner join core.fct_project as projects on months.project_id = projects.project_id
    cross join parameters
    where months.is_open and months.month_start between parameters.from_date and parameters.as_of_date
    group by projects.organisation_code, coalesce(projects.directorate, '(no directorate)')
)

select
    cycles.organisation_code,
    cycles.directorate,
    count(distinct cycles.project_id) as projects_with_cycles,
    count(*) as cycles_begun,
    round(count(*) / nullif(max(months.project_months), 0), 3) as cycles_per_project_month,
    cast(sum(case when cycles.is_mature then 1 else 0 end) as bigint) as cycles_mature,
    round(avg(case when cycles.is_mature then cycles.fidelity end), 2) as fidelity_mean,
    round(avg(case when cycles.is_mature then cast(cycles.has_prediction as int) end), 3) as share_with_prediction,
    round(avg(case when cycles.is_mature then cast(cycles.has_data as int) end), 3) as share_with_data,
    round(avg(case when cycles.is_mature then cast(cycles.has_study as int) end), 3) as share_with_study,
    round(avg(case when cycles.is_mature then cast(cycles.has_decision as int) end), 3) as share_with_decision
from cycles
left join months
    on cycles.organisation_code = months.organisation_code and cycles.directorate = months.directorate
group by cycles.organisation_code, cycles.directorate
order by cycles.organisation_code, cycles.directorate
