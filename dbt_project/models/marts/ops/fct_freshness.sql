with
clock as (
    select as_of_date
    from {{ ref('stg_tonight__clock') }}
),

loads as (
    select
        load_id,
        source_system,
        extract,
        received_at,
        verdict in ('accepted', 'released') and not is_taken_back as has_standing_rows
    from {{ ref('fct_load') }}
    where extract is not null and verdict <> 'withdrawn'
),

arrivals as (
    select
        source_system,
        extract,
        max(received_at) as last_received_at,
        max(case when has_standing_rows then received_at end) as last_accepted_at,
        max(case when has_standing_rows then load_id end) as last_accepted_load_id
    from loads
    group by source_system, extract
),

periods as (
    select
        loads.source_system,
        loads.extract,
        max(points.period_start) as latest_period_start
    from {{ ref('fct_measure_point') }} as points
    inner join loads on points.load_id = loads.load_id
    where points.is_latest and not points.is_withdrawn
    group by loads.source_system, loads.extract
)

select
    {{ surrogate_key(['arrivals.source_system', 'arrivals.extract']) }} as freshness_id,
    arrivals.source_system,
    arrivals.extract,
    arrivals.last_received_at,
    arrivals.last_accepted_at,
    arrivals.last_accepted_load_id,
    periods.latest_period_start,
    {{ days_between('cast(arrivals.last_received_at as date)', 'clock.as_of_date') }} as days_since_received,
    {{ days_between('cast(arrivals.last_accepted_at as date)', 'clock.as_of_date') }} as days_since_accepted
from arrivals
cross join clock
left join periods
    on
        arrivals.source_system is not distinct from periods.source_system
        and arrivals.extract = periods.extract
