{{ config(materialized='table') }}
-- Tonight's phases: centre line and spread of each, reckoned from the points of its baseline. Sums are exact, so that
-- the same points give the same chart in whatever order they came. Observations are read where they lie: a CTE that
-- several others read is copied.
{%- set baseline = 'case when observations.is_baseline then' %}
{%- set charted = spc_charted('charts.chart_type', 'observations') %}
{%- set weighted = baseline ~ ' ' ~ charted ~ ' * observations.weight end' %}
{%- set weight = baseline ~ ' case when ' ~ charted ~ ' is not null then observations.weight end end' %}
{%- set number_weighted = baseline ~ ' observations.plotted * observations.weight end' %}
{%- set number_weight = baseline ~ ' case when observations.plotted is not null then observations.weight end end' %}
{%- set variance = baseline ~ ' (observations.size - 1) * observations.spread * observations.spread end' %}
{%- set moving_range = spc_moving_range('charts.chart_type', 'observations', 'measured.mean') %}
{%- set product_step = 'power(2e0, -60)' %}
with
charts as (
    select
        charts.*,
        rule_sets.screening_factor,
        rule_sets.screening_collapse,
        rule_sets.minimum_points,
        rule_sets.individuals_limit_factor,
        rule_sets.moving_range_divisor,
        rule_sets.moving_range_limit_factor,
        rule_sets.is_individuals_clipped,
        rule_sets.pooling,
        rule_sets.constant_limits,
        rule_sets.is_near_floored,
        rule_sets.missing_at_end = 'shown' as shows_missing_at_end,
        rule_sets.rate_moving_ranges = 'all' and charts.chart_type = 'ip' as counts_all_moving_ranges,
        rule_sets.transform_exponent,
        {{ prefixed(spc_rule_columns(), 'rule_sets') | join(',\n        ') }}
    from {{ ref('int_spc__charts') }} as charts
    inner join {{ ref('dim_rule_set') }} as rule_sets on charts.rule_set_id = rule_sets.rule_set_id
),

-- What does not depend on the order of points, and how large they are.
extents as (
    select
        observations.chart_no,
        observations.phase_slot,
        min(observations.period_start) as first_period_start,
        max(observations.period_start) as last_period_start,
        max(
            case
                when observations.is_counted and (charts.shows_missing_at_end or {{ charted }} is not null)
                    then observations.period_start
            end
        ) as last_counted_start,
        count(*) as points,
        count(observations.plotted) as points_with_value,
        count(case when observations.is_excluded then 1 end) as excluded_points,
        count(case when observations.is_counted then 1 end) as places,
        count(case when observations.is_baseline then {{ charted }} end) as baseline_points,
        max(case when observations.is_baseline then observations.period_start end) as baseline_until,
        sum(observations.periods_missing_before) as periods_missing,
        median(case when charts.chart_type in ('run', 'g') and observations.is_baseline then observations.plotted end)
            as middle,
        max(abs({{ charted }})) as largest,
        max(case when observations.is_baseline then {{ charted }} end) as highest,
        min(case when observations.is_baseline then {{ charted }} end) as lowest,
        min(case when observations.is_baseline then observations.size end)
        < max(case when observations.is_baseline then observations.size end)
            as has_unequal_sizes,
        coalesce(max(observations.plotted) - min(observations.plotted), 0) as width,
        max(observations.size) as largest_size,
        {{ sum_step('max(abs(observations.plotted * observations.weight))') }} as value_step,
        {{ sum_step('max(observations.weight)') }} as weight_step,
        {{ sum_step('max(observations.spread)') }} as spread_step,
        {{ sum_step('max(observations.size) * max(observations.spread) * max(observations.spread)') }} as variance_step
    from {{ ref('int_spc__observations') }} as observations
    inner join charts on observations.chart_no = charts.chart_no
    group by observations.chart_no, observations.phase_slot
),

averaged as (
    select
        observations.chart_no,
        observations.phase_slot,
        {{ exact_sum(weighted, 'extents.value_step') }}
        / {{ exact_sum(weight, 'extents.weight_step') }}
            as weighted_mean,
        {{ exact_sum(number_weighted, 'extents.value_step') }}
        / {{ exact_sum(number_weight, 'extents.weight_step') }}
            as mean,
        {{ exact_sum(baseline ~ ' observations.spread end', 'extents.spread_step') }}
        / nullif(count({{ baseline }} observations.spread end), 0) as mean_spread,
        {{ exact_sum(variance, 'extents.variance_step') }}
        / nullif(sum({{ baseline }} case when observations.spread is not null then observations.size - 1 end end), 0)
            as pooled_variance
    from {{ ref('int_spc__observations') }} as observations
    inner join charts on observations.chart_no = charts.chart_no
    inner join extents
        on observations.chart_no = extents.chart_no and observations.phase_slot = extents.phase_slot
    group by observations.chart_no, observations.phase_slot
),

measured as (
    select
        extents.*,
        averaged.weighted_mean,
        averaged.mean,
        averaged.mean_spread,
        averaged.pooled_variance,
        -- No moving range is wider than this.
        {{ sum_step('2 * ' ~ spc_widest_range('charts.chart_type')) }} as range_step,
        nullif(extents.width, 0) as unit
    from extents
    inner join charts on extents.chart_no = charts.chart_no
    inner join averaged on extents.chart_no = averaged.chart_no and extents.phase_slot = averaged.phase_slot
),

-- Deviations are shares of the widest, whose square cancels out where products are divided.
deviating as (
    select
        observations.chart_no,
        observations.phase_slot,
        observations.is_baseline,
        measured.range_step,
        case when observations.is_baseline or charts.counts_all_moving_ranges then {{ moving_range }} end
            as moving_range,
        {{ baseline }} (observations.plotted - measured.mean) / measured.unit end as deviation,
        (observations.previous - measured.mean) / measured.unit as previous_deviation,
        (observations.season_ago - measured.mean) / measured.unit as season_deviation
    from {{ ref('int_spc__observations') }} as observations
    inner join charts on observations.chart_no = charts.chart_no
    inner join measured
        on observations.chart_no = measured.chart_no and observations.phase_slot = measured.phase_slot
),

summed as (
    select
        chart_no,
        phase_slot,
        {{ exact_sum('moving_range', 'range_step') }} / nullif(count(moving_range), 0) as mean_moving_range,
        count(case when is_baseline then moving_range end) as moving_ranges,
        {{ exact_sum('deviation * deviation', product_step) }} as squares,
        {{ exact_sum('deviation * previous_deviation', product_step) }} as lag_products,
        {{ exact_sum('deviation * season_deviation', product_step) }} as season_products,
        count(deviation * season_deviation) as season_pairs
    from deviating
    group by chart_no, phase_slot
),

-- Moving ranges that are no wider than chance allows, once (Nelson 1982).
screened as (
    select
        observations.chart_no,
        observations.phase_slot,
        {{ exact_sum(moving_range, 'measured.range_step') }} / count(*) as mean_moving_range,
        count(*) as moving_ranges
    from {{ ref('int_spc__observations') }} as observations
    inner join charts on observations.chart_no = charts.chart_no
    inner join measured
        on observations.chart_no = measured.chart_no and observations.phase_slot = measured.phase_slot
    inner join summed
        on observations.chart_no = summed.chart_no and observations.phase_slot = summed.phase_slot
    where
        charts.screening_factor is not null
        and (observations.is_baseline or charts.counts_all_moving_ranges)
        and {{ moving_range }} < charts.screening_factor * summed.mean_moving_range
    group by observations.chart_no, observations.phase_slot
),

judged as (
    select
        charts.*,
        measured.phase_slot,
        measured.first_period_start,
        measured.last_period_start,
        measured.last_counted_start,
        measured.points,
        measured.points_with_value,
        measured.excluded_points,
        measured.places,
        measured.baseline_points,
        measured.baseline_until,
        measured.periods_missing,
        measured.weighted_mean,
        measured.middle,
        measured.highest,
        measured.lowest,
        measured.mean_spread,
        measured.pooled_variance,
        measured.has_unequal_sizes,
        summed.lag_products / nullif(summed.squares, 0) as autocorrelation,
        summed.season_products / nullif(summed.squares, 0) as seasonality,
        summed.season_pairs,
        measured.largest * {{ var('spc_tolerance') }} as tolerance,
        summed.mean_moving_range as unscreened_moving_range,
        summed.moving_ranges,
        case
            when charts.screening_factor is not null then summed.moving_ranges - coalesce(screened.moving_ranges, 0)
        end as screened_out,
        -- All that is left after screening is standing still, although the series does not.
        coalesce(
            charts.screening_factor is not null
            and charts.screening_collapse = 'unscreened'
            and coalesce(screened.mean_moving_range, 0) <= measured.largest * {{ var('spc_tolerance') }}
            and summed.mean_moving_range > measured.largest * {{ var('spc_tolerance') }},
            false
        ) as is_screening_collapsed,
        screened.mean_moving_range as screened_moving_range
    from measured
    inner join charts on measured.chart_no = charts.chart_no
    inner join summed on measured.chart_no = summed.chart_no and measured.phase_slot = summed.phase_slot
    left join screened
        on measured.chart_no = screened.chart_no and measured.phase_slot = screened.phase_slot
),

ranged as (
    select
        *,
        coalesce(
            case
                when screening_factor is null or is_screening_collapsed then unscreened_moving_range
                else screened_moving_range
            end,
            case
                when constant_limits <> 'centre' or highest - lowest > tolerance then null
                when baseline_points > 1 then 0.0
                -- A share of none or all has no spread, however few points say so.
                when chart_type in ('p', 'pp', 'u', 'up') and weighted_mean = 0 then 0.0
                when {{ spc_is_proportion('chart_type') }} and weighted_mean = 1 then 0.0
            end
        ) as mean_moving_range
    from judged
),

dispersed as (
    select
        *,
        case when chart_type in ('p', 'pp', 'u', 'up') then mean_moving_range / moving_range_divisor end as sigma_z,
        -- One type for all phases of a chart, so that they can be compared.
        sum(case when may_be_overdispersed then mean_moving_range * moving_ranges end) over chart
        / nullif(sum(case when may_be_overdispersed then moving_ranges end) over chart, 0)
        / moving_range_divisor as chart_sigma_z
    from ranged
    window chart as (partition by chart_no)
),

typed as (
    select
        *,
        case
            when may_be_overdispersed and chart_sigma_z > overdispersed_above and chart_type = 'p' then 'pp'
            when may_be_overdispersed and chart_sigma_z > overdispersed_above and chart_type = 'u' then 'up'
            else chart_type
        end as drawn_as
    from dispersed
),

centred as (
    select
        *,
        case
            when drawn_as = 's' and (pooling = 'always' or has_unequal_sizes) then {{ spc_root('pooled_variance') }}
            when drawn_as = 's' then mean_spread
            when drawn_as = 'run' then middle
            when drawn_as = 'mr' then 0.0 * weighted_mean
            else weighted_mean
        end as limit_centre,
        case when drawn_as in ('run', 'g') then middle when drawn_as = 'mr' then weighted_mean end as shown_centre
    from typed
),

spread as (
    select
        *,
        coalesce(shown_centre, limit_centre) as centre,
        -- One sigma of a point whose own factor (such as one over the root of its denominator) is 1.
        case
            when baseline_points < minimum_points then null
            when drawn_as in ('i', 't') then mean_moving_range * individuals_limit_factor / limit_sigmas
            when drawn_as = 'mr' then shown_centre * moving_range_limit_factor / limit_sigmas
            when drawn_as = 'p' then {{ spc_root('limit_centre * (1 - limit_centre)') }}
            when drawn_as = 'pp' then {{ spc_root('limit_centre * (1 - limit_centre)') }} * sigma_z
            when drawn_as = 'u' then {{ spc_root('limit_centre') }}
            when drawn_as = 'up' then {{ spc_root('limit_centre') }} * sigma_z
            when drawn_as = 'ip' then mean_moving_range
            when drawn_as = 'c' then {{ spc_root('limit_centre') }}
            when drawn_as = 'g' then {{ spc_root('limit_centre * (limit_centre + 1)') }}
            when drawn_as = 'xbar' and (pooling = 'always' or has_unequal_sizes) then {{ spc_root('pooled_variance') }}
            when drawn_as = 'xbar' then mean_spread
            when drawn_as = 's' then limit_centre
        end as sigma
    from centred
)

select
    chart_no,
    phase_slot,
    cast(dense_rank() over (partition by chart_no order by phase_slot nulls last) as bigint) as phase,
    series_no,
    night_no,
    {{ spc_chart_columns() }},
    is_chosen,
    is_rule_set_unknown,
    improvement_direction,
    frequency,
    drawn_as as chart_type,
    case
        when drawn_as in ('pp', 'up') and chart_type <> drawn_as then chart_reason || '_overdispersed'
        else chart_reason
    end as chart_reason,
    is_rare,
    scale,
    case when drawn_as = 't' then transform_exponent end as transform_exponent,
    is_near_floored,
    is_individuals_clipped,
    -- Where the values of a chart end: counts, rates, shares and spreads at 0, shares at 1, and, where the rule set
    -- clips, percentages at 0 and 100.
    case
        when drawn_as in ('i', 'ip') then case when is_individuals_clipped and highest_value is not null then 0.0 end
        when drawn_as not in ('run', 't', 'xbar') then 0.0
    end as lowest_line,
    case
        when {{ spc_is_proportion('drawn_as') }} then 1.0
        when drawn_as in ('i', 'ip') and is_individuals_clipped then highest_value / scale
    end as highest_line,
    first_period_start,
    last_period_start,
    last_counted_start,
    points,
    points_with_value,
    excluded_points,
    places,
    baseline_points,
    baseline_until,
    periods_missing,
    tolerance,
    coalesce(highest - lowest <= tolerance and baseline_points > 1, false) as is_constant,
    limit_centre,
    centre,
    sigma,
    sigma_z,
    mean_moving_range,
    moving_ranges,
    screened_out,
    is_screening_collapsed,
    autocorrelation,
    seasonality,
    season_pairs,
    {{ spc_rule_columns() | join(',\n    ') }}
from spread
