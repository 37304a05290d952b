-- Question 21: what did we report as at a date, and what was revised since?
--
-- Read: one row a point that was known to us on known_on or has changed since. reported_value is what the
-- mart would have shown that evening; current_value what it shows now; outcome says what happened: unchanged,
-- revised, value withdrawn, value added (there was none), or new edition, same value.
-- Set the parameters; null means every measure or organisation.
-- Caveats: the axis is when we came to know (known_from, known_to); for when the publisher published take
-- valid_from and valid_to. The computed value of an earlier version uses today's multiplier; a change of
-- definition is question 22.
-- depends_on: {{ ref('fct_measure_point') }}, {{ ref('release') }}
with
parameters as (
    select
        cast((select max(as_of_date) from ops.release) - interval 30 day as date) as known_on,
        cast(null as varchar) as measure_id,
        cast(null as varchar) as organisation_code
),

versions as (
    select
        points.point_key,
        points.measure_id,
        points.organisation_code,
        points.unit_code,
        points.stratum,
        points.period_start,
        points.value,
        points.edition,
        points.is_latest,
        points.load_id,
        points.known_from,
        points.known_from < parameters.known_on + interval 1 day
        and points.known_to >= parameters.known_on + interval 1 day as was_known
    from core.fct_measure_point as points
    cross join parameters
    where
        (parameters.measure_id is null or points.measure_id = parameters.measure_id)
        and (parameters.organisation_code is null or points.organisation_code = parameters.organisation_code)
),

known as (
    select
        point_key,
        value,
        edition,
        load_id
    from versions
    where was_known
),

compared as (
    select
        latest.measure_id,
        latest.organisation_code,
        latest.unit_code,
        latest.stratum,
        latest.period_start,
        known.value as reported_value,
        known.edition as reported_edition,
        known.load_id as reported_load_id,
        latest.value as current_value,
        latest.edition as current_edition,
        latest.load_id as current_load_id,
        latest.known_from as current_known_from,
        known.point_key is not null as was_known
    from versions as latest
    left join known on latest.point_key = known.point_key
    where latest.is_latest
)

select
    measure_id,
    organisation_code,
    unit_code,
    stratum,
    period_start,
    reported_value,
    reported_edition,
    reported_load_id,
    current_value,
    current_edition,
    current_load_id,
    current_known_from,
    current_value - reported_value as difference,
    case
        when not was_known then 'not known then'
        when reported_value is not null and current_value is null then 'value withdrawn'
        when reported_value is null and current_value is not null then 'value added'
        when reported_value <> current_value then 'revised'
        when reported_edition <> current_edition then 'new edition, same value'
        else 'unchanged'
    end as outcome
from compared
order by
    case outcome when 'unchanged' then 2 when 'not known then' then 1 else 0 end,
    measure_id,
    organisation_code,
    unit_code nulls first,
    stratum,
    period_start
