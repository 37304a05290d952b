-- Question 8: where the aim was met, did something else get worse?
--
-- Read: one row a balancing measure of a project that met its aim, wholly or partly, for all patients together.
-- has_harm is true where a period since the project began is marked as a concern; concern_periods of the
-- periods_since_begun are, the first is first_concern and the last last_concern; variation_icon says whether it
-- signals today.
-- Caveats: a balancing measure that is not collected harms nobody on paper: without_balancing_measure counts, over
-- all, the projects with a met aim that have none. A concern since the start need not come from the project.
-- depends_on: {{ ref('fct_project') }}, {{ ref('fct_spc_point') }}, {{ ref('fct_spc_status') }}
-- depends_on: {{ ref('dim_measure') }}
with
parameters as (
    select
        'balancing' as measure_family,
        'all' as stratum,
        (
            select count(*)
            from core.fct_project
            where outcome in ('met', 'partly_met') and not has_balancing_measure
        ) as without_balancing_measure
),

balancing as (
    select
        measures.measure_id,
        measures.measure_name,
        projects.project_id,
        projects.title,
        projects.outcome,
        coalesce(projects.started_on, projects.chartered_on) as begun_on,
        parameters.without_balancing_measure,
        parameters.stratum
    from core.dim_measure as measures
    inner join parameters on measures.family = parameters.measure_family
    inner join core.fct_project as projects on measures.project_id = projects.project_id
    where measures.is_latest and not measures.is_withdrawn and projects.outcome in ('met', 'partly_met')
),

since as (
    select
        points.series_id,
        points.rule_set_id,
        count(*) as periods_since_begun,
        count(case when points.point_type = 'concern' then 1 end) as concern_periods,
        min(case when points.point_type = 'concern' then points.period_start end) as first_concern,
        max(case when points.point_type = 'concern' then points.period_start end) as last_concern
    from spc.fct_spc_point as points
    inner join balancing on points.measure_id = balancing.measure_id
    where points.is_chosen and points.value is not null and points.period_start >= balancing.begun_on
    group by points.series_id, points.rule_set_id
)

select
    balancing.project_id,
    balancing.title,
    balancing.outcome,
    balancing.measure_name,
    status.organisation_code,
    status.unit_code,
    coalesce(since.concern_periods, 0) > 0 as has_harm,
    coalesce(since.periods_since_begun, 0) as periods_since_begun,
    coalesce(since.concern_periods, 0) as concern_periods,
    since.first_concern,
    since.last_concern,
    status.variation_icon,
    balancing.without_balancing_measure
from balancing
inner join spc.fct_spc_status as status
    on balancing.measure_id = status.measure_id and balancing.stratum = status.stratum and status.is_chosen
left join since on status.series_id = since.series_id and status.rule_set_id = since.rule_set_id
order by has_harm desc, concern_periods desc, balancing.project_id asc, balancing.measure_name asc, status.series_id asc
