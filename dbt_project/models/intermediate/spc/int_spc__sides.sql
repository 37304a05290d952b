-- Where each of tonight's points lies: above or below the centre, beyond which line.
with
phases as (
    select
        chart_no,
        phase_slot,
        chart_type,
        chart_type in ('xbar', 's') as is_of_subgroups,
        places,
        tolerance,
        centre,
        limit_centre,
        sigma,
        limit_sigmas,
        near_limit_sigmas,
        zone_sigmas,
        lowest_line,
        highest_line,
        two_in_three_stops_at_limit,
        four_in_five_points,
        four_in_five_window,
        shift_tie,
        trend_tie,
        four_in_five_rank,
        avoiding_rank,
        alternating_rank,
        hugging_rank
    from {{ ref('int_spc__phases') }}
),

-- A join on the size alone would also look up denominators, which may be fractions.
constants as (
    select
        cast(subgroup_size as double) as subgroup_size,
        c4
    from {{ ref('subgroup_constant') }}
),

joined as (
    select
        observations.chart_no,
        observations.phase_slot,
        observations.period_start,
        observations.period_end,
        observations.is_excluded,
        observations.is_counted,
        observations.is_baseline,
        observations.place,
        {{ spc_charted('phases.chart_type', 'observations') }} as plotted,
        observations.step,
        observations.periods_missing_before,
        observations.next_period_start,
        phases.chart_type,
        phases.places,
        phases.tolerance,
        phases.centre,
        phases.limit_centre,
        phases.sigma * {{ spc_sigma_factor('phases.chart_type', 'observations.size', 'constants.c4') }} as sigma_here,
        phases.limit_sigmas,
        phases.near_limit_sigmas,
        phases.zone_sigmas,
        phases.lowest_line,
        phases.highest_line,
        phases.two_in_three_stops_at_limit,
        phases.four_in_five_points,
        phases.four_in_five_window,
        phases.shift_tie,
        phases.trend_tie,
        phases.four_in_five_rank,
        phases.avoiding_rank,
        phases.alternating_rank,
        phases.hugging_rank
    from {{ ref('int_spc__observations') }} as observations
    inner join phases
        on observations.chart_no = phases.chart_no and observations.phase_slot = phases.phase_slot
    left join constants
        on case when phases.is_of_subgroups then observations.size end = constants.subgroup_size
),

lined as (
    select
        *,
        {{ spc_side('plotted', 'centre', 'tolerance') }} as side,
        case
            when plotted - {{ spc_line(1, 'limit_sigmas') }} > tolerance then 1
            when {{ spc_line(-1, 'limit_sigmas') }} - plotted > tolerance then -1
            else 0
        end as beyond_limit,
        case
            when plotted - {{ spc_line(1, 'near_limit_sigmas') }} > tolerance then 1
            when {{ spc_line(-1, 'near_limit_sigmas') }} - plotted > tolerance then -1
            else 0
        end as beyond_near_limit,
        case
            when plotted - {{ spc_line(1, 'zone_sigmas') }} > tolerance then 1
            when {{ spc_line(-1, 'zone_sigmas') }} - plotted > tolerance then -1
            when plotted is not null and sigma_here is not null then 0
        end as beyond_zone
    from joined
)

select
    chart_no,
    phase_slot,
    period_start,
    period_end,
    is_excluded,
    is_counted,
    is_baseline,
    place,
    plotted,
    step,
    periods_missing_before,
    next_period_start,
    places,
    sigma_here,
    shift_tie,
    trend_tie,
    four_in_five_points,
    four_in_five_window,
    four_in_five_rank is not null
    or avoiding_rank is not null
    or alternating_rank is not null
    or hugging_rank is not null as has_zone_tests,
    side,
    beyond_limit,
    beyond_zone,
    -- 2 and -2 near a limit, 1 and -1 elsewhere on a side, 0 on the centre line.
    case
        when beyond_near_limit = 0 or (two_in_three_stops_at_limit and beyond_limit <> 0) then side
        else 2 * beyond_near_limit
    end as nearness
from lined
