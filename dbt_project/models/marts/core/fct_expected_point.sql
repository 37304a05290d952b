with
clock as (
    select as_of_date
    from {{ ref('stg_tonight__clock') }}
),

measures as (
    select
        measures.measure_id,
        measures.frequency,
        graces.grace_days,
        -- A project's own measure is expected for as long as the project runs.
        least(
            coalesce(measures.ends_on, projects.closed_on),
            coalesce(projects.closed_on, measures.ends_on)
        ) as ends_on
    from {{ ref('dim_measure') }} as measures
    inner join {{ ref('reporting_grace') }} as graces on measures.frequency = graces.frequency
    left join {{ ref('dim_project') }} as projects
        on measures.project_id = projects.project_id and projects.is_latest
    where measures.is_latest and not measures.is_withdrawn
),

organisations as (
    select
        organisation_code,
        closed_on
    from {{ ref('dim_organisation') }}
    where is_latest
),

points as (
    select
        points.measure_id,
        points.organisation_code,
        points.period_start,
        points.value,
        points.suppression_reason,
        points.is_withdrawn
    from {{ ref('fct_measure_point') }} as points
    inner join measures on points.measure_id = measures.measure_id
    where points.is_latest
),

waiting_rows as (
    select
        quarantined.measure_id,
        quarantined.organisation_code,
        quarantined.period_start
    from {{ ref('stg_lake__quarantined_measure_points') }} as quarantined
    inner join {{ ref('int_quarantined_rows__open') }} as open_rows
        on quarantined.load_id = open_rows.load_id and quarantined.source_row = open_rows.source_row
    where open_rows.extract = 'measure_points'
),

first_points as (
    select
        measure_id,
        min(period_start) as period_start
    from points
    group by measure_id
),

anchors as (
    select
        measures.measure_id,
        measures.frequency,
        measures.grace_days,
        measures.ends_on,
        {{ period_anchor('measures.frequency', 'first_points.period_start') }} as anchor
    from measures
    inner join first_points on measures.measure_id = first_points.measure_id
),

cadences as (
    select distinct
        frequency,
        anchor,
        grace_days
    from anchors
),

period_starts as (
    select
        cadences.frequency,
        cadences.anchor,
        cadences.grace_days,
        dates.date_day as period_start
    from cadences
    cross join {{ ref('dim_date') }} as dates
    where
        case cadences.frequency
            when 'day' then true
            when 'week' then dates.iso_weekday = cadences.anchor
            when 'month' then dates.day_of_month = 1
            when 'quarter' then dates.day_of_month = 1 and mod(dates.month_number, 3) = cadences.anchor
            when 'year' then dates.day_of_month = 1 and dates.month_number = cadences.anchor
            else false
        end
),

neighbours as (
    select
        frequency,
        anchor,
        grace_days,
        period_start,
        lead(period_start) over (
            partition by frequency, anchor order by period_start nulls last
        ) as next_period_start
    from period_starts
),

periods as (
    select
        frequency,
        anchor,
        period_start,
        {{ add_days('-1', 'next_period_start') }} as period_end,
        {{ add_days('grace_days', 'next_period_start') }} as due_on
    from neighbours
    where next_period_start is not null
),

placed_points as (
    select
        points.measure_id,
        points.organisation_code,
        {{ period_start_of('anchors.frequency', 'anchors.anchor', 'points.period_start') }} as period_start,
        points.value,
        points.suppression_reason,
        points.is_withdrawn
    from points
    inner join anchors on points.measure_id = anchors.measure_id
),

delivered as (
    select
        measure_id,
        organisation_code,
        period_start,
        sum(case when is_withdrawn then 0 else 1 end) as points_received,
        sum(case when value is not null then 1 else 0 end) as points_with_value,
        sum(case when suppression_reason is not null and not is_withdrawn then 1 else 0 end) as points_suppressed,
        sum(case when is_withdrawn then 1 else 0 end) as points_withdrawn
    from placed_points
    group by measure_id, organisation_code, period_start
),

placed_waiting_rows as (
    select
        waiting_rows.measure_id,
        waiting_rows.organisation_code,
        {{ period_start_of('anchors.frequency', 'anchors.anchor', 'waiting_rows.period_start') }} as period_start
    from waiting_rows
    inner join anchors on waiting_rows.measure_id = anchors.measure_id
),

waiting as (
    select
        measure_id,
        organisation_code,
        period_start,
        count(*) as points_quarantined
    from placed_waiting_rows
    group by measure_id, organisation_code, period_start
),

due as (
    select
        periods.frequency,
        periods.anchor,
        max(periods.period_start) as last_due
    from periods
    cross join clock
    where periods.due_on <= clock.as_of_date
    group by periods.frequency, periods.anchor
),

last_delivered as (
    select
        measure_id,
        coalesce(
            max(case when points_received > 0 then period_start end), max(period_start)
        ) as period_start,
        count(distinct organisation_code) as organisations
    from delivered
    group by measure_id
),

-- Periods that somebody delivered: there an absent organisation is missing, not the source late.
delivered_periods as (
    select distinct
        measure_id,
        period_start
    from delivered
    where points_received > 0
),

measure_ends as (
    select
        anchors.measure_id,
        anchors.frequency,
        anchors.anchor,
        anchors.ends_on,
        last_delivered.period_start as last_delivered,
        last_delivered.organisations,
        greatest(last_delivered.period_start, coalesce(due.last_due, last_delivered.period_start)) as last_expected
    from anchors
    inner join last_delivered on anchors.measure_id = last_delivered.measure_id
    left join due on anchors.frequency = due.frequency and anchors.anchor = due.anchor
),

series as (
    select
        measure_id,
        organisation_code,
        min(period_start) as first_period,
        max(period_start) as last_period
    from delivered
    group by measure_id, organisation_code
),

-- From an organisation's first period to the last that is expected of it, or that it delivered.
spans as (
    select
        series.measure_id,
        series.organisation_code,
        ends.frequency,
        ends.anchor,
        ends.last_delivered,
        ends.organisations,
        organisations.closed_on,
        series.first_period,
        greatest(
            series.last_period,
            least(
                ends.last_expected,
                coalesce(ends.ends_on, ends.last_expected),
                coalesce(organisations.closed_on, ends.last_expected)
            )
        ) as last_period
    from series
    inner join measure_ends as ends on series.measure_id = ends.measure_id
    left join organisations on series.organisation_code = organisations.organisation_code
),

grid as (
    select
        spans.measure_id,
        spans.organisation_code,
        spans.frequency,
        periods.period_start,
        periods.period_end,
        periods.due_on,
        spans.closed_on,
        -- Behind a measure of one organisation there is no source beside the organisation itself.
        delivered_periods.period_start is not null
        or (spans.organisations = 1 and periods.period_start < spans.last_delivered) as is_source_there,
        coalesce(delivered.points_received, 0) as points_received,
        coalesce(delivered.points_with_value, 0) as points_with_value,
        coalesce(delivered.points_suppressed, 0) as points_suppressed,
        coalesce(delivered.points_withdrawn, 0) as points_withdrawn,
        coalesce(waiting.points_quarantined, 0) as points_quarantined
    from spans
    inner join periods
        on
            spans.frequency = periods.frequency
            and spans.anchor = periods.anchor
            and periods.period_start between spans.first_period and spans.last_period
    left join delivered
        on
            spans.measure_id = delivered.measure_id
            and spans.organisation_code = delivered.organisation_code
            and periods.period_start = delivered.period_start
    left join delivered_periods
        on spans.measure_id = delivered_periods.measure_id and periods.period_start = delivered_periods.period_start
    left join waiting
        on
            spans.measure_id = waiting.measure_id
            and spans.organisation_code = waiting.organisation_code
            and periods.period_start = waiting.period_start
)

-- The first that holds is the status; the order is that of the vocabulary expected_point_status.
select
    {{ surrogate_key(['measure_id', 'organisation_code', 'period_start']) }} as expected_point_id,
    measure_id,
    organisation_code,
    period_start,
    period_end,
    frequency,
    due_on,
    case
        when points_with_value > 0 then 'received'
        when points_suppressed > 0 then 'suppressed'
        when points_received > 0 then 'no_value'
        when points_withdrawn > 0 then 'withdrawn'
        when points_quarantined > 0 then 'quarantined'
        when closed_on <= period_end then 'closed'
        when is_source_there then 'missing'
        else 'source_late'
    end as status,
    cast(points_received as bigint) as points_received,
    cast(points_with_value as bigint) as points_with_value,
    cast(points_suppressed as bigint) as points_suppressed,
    cast(points_withdrawn as bigint) as points_withdrawn,
    cast(points_quarantined as bigint) as points_quarantined
from grid
