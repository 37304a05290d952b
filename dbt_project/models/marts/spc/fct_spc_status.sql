with
clock as (
    select as_of_date
    from {{ ref('stg_tonight__clock') }}
),

summaries as (
    select
        summaries.*,
        -- The period after the last one is over when two have passed since the last one began.
        {{ add_days('2 * frequencies.period_days',
            add_months('2 * frequencies.period_months', 'summaries.last_period_start')) }} as next_period_over_on,
        frequencies.grace_days
    from {{ ref('int_spc__summaries') }} as summaries
    left join {{ ref('reporting_grace') }} as frequencies on summaries.frequency = frequencies.frequency
),

judged as (
    select
        summaries.*,
        coalesce({{ days_between('summaries.next_period_over_on', 'clock.as_of_date') }} > summaries.grace_days, false)
            as is_stale
    from summaries
    cross join clock
)

select
    {{ spc_chart_columns() }},
    is_chosen,
    chart_type,
    chart_reason,
    last_phase,
    phases,
    points,
    points_with_value,
    last_period_start,
    last_value,
    centre_line,
    lower_limit,
    upper_limit,
    target,
    signal,
    signal_direction,
    point_type,
    signalling_since,
    case
        when last_period_start is null then 'none'
        when point_type = 'common_cause' then 'common_cause'
        when point_type in ('neutral_high', 'neutral_low') then point_type
        when point_type = 'improvement' and improvement_direction = 'increase' then 'improvement_high'
        when point_type = 'improvement' then 'improvement_low'
        when improvement_direction = 'increase' then 'concern_low'
        else 'concern_high'
    end as variation_icon,
    is_conflicting as has_conflicting_signals,
    assurance_icon,
    points_until_firm,
    useful_points,
    longest_run,
    longest_run_limit,
    crossings,
    crossings_limit,
    has_runs_signal,
    is_stale,
    nullif(concat_ws(', ', warnings, case when is_stale then 'stale' end), '') as warnings
from judged
