-- Question 11: which units have no improvement work?
--
-- Read: one row for each open unit in which no project is active, neither in the unit nor in any unit
-- below it. last_project_closed_on is empty when the unit never had a project.
-- Caveats: a project recorded for the whole organisation, or for a directorate, counts for none of the
-- units below. Units are only as complete as the register that was delivered.
-- depends_on: {{ ref('dim_unit') }}, {{ ref('fct_project') }}, {{ ref('release') }}
with recursive
parameters as (
    select (select max(as_of_date) from ops.release) as as_of_date
),

units as (
    select
        units.organisation_code,
        units.unit_code,
        units.unit_name,
        units.unit_type,
        units.directorate,
        units.parent_unit_code
    from core.dim_unit as units
    cross join parameters
    where
        units.is_latest
        and not units.is_withdrawn
        and (units.closed_on is null or units.closed_on > parameters.as_of_date)
),

-- Every unit with all units below it; steps_down ends a register in which units stand above each other.
families as (
    select
        organisation_code,
        unit_code,
        unit_code as member_code,
        0 as steps_down
    from units

    union all

    select
        families.organisation_code,
        families.unit_code,
        units.unit_code as member_code,
        families.steps_down + 1 as steps_down
    from families
    inner join units
        on
            families.organisation_code = units.organisation_code
            and families.member_code = units.parent_unit_code
    where families.steps_down < 10
),

work as (
    select
        families.organisation_code,
        families.unit_code,
        sum(case when projects.is_active then 1 else 0 end) as active_projects,
        count(projects.project_id) as projects,
        max(projects.closed_on) as last_project_closed_on
    from families
    left join core.fct_project as projects
        on
            families.organisation_code = projects.organisation_code
            and families.member_code = projects.unit_code
    group by families.organisation_code, families.unit_code
)

select
    units.organisation_code,
    units.directorate,
    units.unit_code,
    units.unit_name,
    units.unit_type,
    work.projects as projects_ever,
    work.last_project_closed_on
from units
inner join work on units.organisation_code = work.organisation_code and units.unit_code = work.unit_code
where work.active_projects = 0
order by units.organisation_code, units.directorate nulls last, units.unit_code
