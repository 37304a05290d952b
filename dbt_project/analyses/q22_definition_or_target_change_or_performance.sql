-- Question 22: did the definition or the target change, or did performance?
--
-- Read: one row a series (whole organisation, all strata together) with the mean of the periods after
-- changed_from beside the mean of the periods before, over the same length of time. definition_changes and
-- target_changes count what took effect in the same stretch; signals_after counts the periods after that the
-- control chart marks as a special cause; explanation says what a reader must rule out before he calls the difference
-- performance. A definition change counts when numbers, direction or wording changed.
-- Caveats: a difference of means is no signal: without signals_after it is common cause. A definition change
-- can itself make the chart signal. changed_from is the middle of the months looked at; set it to the day you
-- are asked about. Measures for improvement are not for comparing organisations.
-- depends_on: {{ ref('fct_measure_point') }}, {{ ref('fct_spc_point') }}, {{ ref('dim_measure') }}
-- depends_on: {{ ref('dim_target') }}, {{ ref('release') }}
with
parameters as (
    select
        cast(as_of_date - interval 12 month as date) as from_date,
        cast(as_of_date - interval 6 month as date) as changed_from,
        as_of_date
    from (select max(as_of_date) as as_of_date from ops.release) as releases
),

points as (
    select
        points.measure_id,
        points.organisation_code,
        points.value,
        points.period_start >= parameters.changed_from as is_after
    from core.fct_measure_point as points
    cross join parameters
    where
        points.is_latest
        and not points.is_withdrawn
        and points.unit_code is null
        and points.stratum = 'all'
        and points.period_start between parameters.from_date and parameters.as_of_date
),

performance as (
    select
        measure_id,
        organisation_code,
        count(case when not is_after then value end) as periods_before,
        count(case when is_after then value end) as periods_after,
        avg(case when not is_after then value end) as mean_before,
        avg(case when is_after then value end) as mean_after
    from points
    group by measure_id, organisation_code
),

charted as (
    select
        points.measure_id,
        points.organisation_code,
        count(*) as signals_after
    from spc.fct_spc_point as points
    cross join parameters
    where
        points.is_chosen
        and points.unit_code is null
        and points.stratum = 'all'
        and points.signal <> 'common_cause'
        and points.period_start between parameters.changed_from and parameters.as_of_date
    group by points.measure_id, points.organisation_code
),

definitions as (
    select
        versions.measure_id,
        count(*) as definition_changes,
        max(versions.valid_from) as last_definition_change
    from core.dim_measure as versions
    cross join parameters
    where
        versions.was_in_force
        and versions.revision_number > 1
        and versions.valid_from between parameters.from_date and parameters.as_of_date
    group by versions.measure_id
),

targets as (
    select
        targets.measure_id,
        targets.organisation_code,
        targets.valid_from,
        targets.target
    from core.dim_target as targets
    cross join parameters
    where
        targets.is_latest
        and not targets.is_withdrawn
        and targets.valid_from between parameters.from_date and parameters.as_of_date
),

target_changes as (
    select
        performance.measure_id,
        performance.organisation_code,
        count(*) as target_changes,
        max(targets.valid_from) as last_target_change
    from performance
    inner join targets
        on
            performance.measure_id = targets.measure_id
            and (targets.organisation_code is null or performance.organisation_code = targets.organisation_code)
    group by performance.measure_id, performance.organisation_code
)

select
    performance.measure_id,
    measures.measure_name,
    measures.unit_of_measure,
    performance.organisation_code,
    performance.periods_before,
    performance.periods_after,
    performance.mean_before,
    performance.mean_after,
    performance.mean_after - performance.mean_before as difference,
    coalesce(charted.signals_after, 0) as signals_after,
    coalesce(definitions.definition_changes, 0) as definition_changes,
    definitions.last_definition_change,
    coalesce(target_changes.target_changes, 0) as target_changes,
    target_changes.last_target_change,
    case
        when definitions.definition_changes > 0 and target_changes.target_changes > 0
            then 'definition and target changed'
        when definitions.definition_changes > 0 then 'definition changed: means are not comparable'
        when target_changes.target_changes > 0 then 'target changed: a new colour is not a new performance'
        when performance.periods_before = 0 or performance.periods_after = 0 then 'nothing to compare'
        when charted.signals_after > 0 then 'neither changed: performance did'
        else 'neither changed, and the difference is common cause'
    end as explanation
from performance
inner join core.dim_measure as measures on performance.measure_id = measures.measure_id and measures.is_latest
left join charted
    on
        performance.measure_id = charted.measure_id
        and performance.organisation_code = charted.organisation_code
left join definitions on performance.measure_id = definitions.measure_id
left join target_changes
    on
        performance.measure_id = target_changes.measure_id
        and performance.organisation_code = target_changes.organisation_code
order by definition_changes desc, target_changes desc, performance.measure_id asc, performance.organisation_code asc
