{{ config(materialized='table') }}
-- Tonight's points on the scale on which their chart is reckoned, each with its predecessor: one sort, through which
-- as little as possible is carried.
{%- set is_partial = spc_watermark() is not none %}
with
charts as (
    select
        charts.chart_no,
        charts.series_id,
        charts.chart_type,
        charts.scale,
        frequencies.period_days,
        frequencies.period_months,
        frequencies.season_points,
        rule_sets.missing_in_moving_ranges = 'bridge' as bridges_missing,
        rule_sets.transform_exponent,
        rule_sets.minimum_subgroup
    from {{ ref('int_spc__charts') }} as charts
    inner join {{ ref('dim_rule_set') }} as rule_sets on charts.rule_set_id = rule_sets.rule_set_id
    left join {{ ref('reporting_grace') }} as frequencies on charts.frequency = frequencies.frequency
),

points as (
    select
        points.series_id,
        points.period_start,
        points.period_end,
        points.value,
        points.numerator,
        points.denominator,
        points.subgroup_size,
        points.subgroup_mean,
        points.subgroup_sd
    from {{ ref('fct_measure_point') }} as points
    {%- if is_partial %}
    inner join {{ ref('int_spc__changed_series') }} as changed on points.series_id = changed.series_id
    {%- endif %}
    where points.is_latest and not points.is_withdrawn
),

placed as (
    select
        charts.chart_no,
        charts.bridges_missing,
        charts.season_points,
        {{ spc_is_weighted('charts.chart_type') }} as is_weighted,
        cast(coalesce(bounds.phase_slot, 1) as {{ dbt.type_int() }}) as phase_slot,
        points.period_start,
        points.period_end,
        coalesce(marks.is_excluded, false) as is_excluded,
        bounds.frozen_after is null or points.period_start <= bounds.frozen_after as is_before_freeze,
        case
            when charts.chart_type = 'i' then points.value
            when charts.chart_type in ('p', 'pp', 'u', 'up', 'ip')
                then
                    coalesce(points.numerator, points.value * points.denominator / charts.scale)
                    / case when points.denominator > 0 then points.denominator end
            when charts.chart_type = 'c' then coalesce(points.numerator, points.value)
            when charts.chart_type = 'g' then coalesce(points.value, points.numerator)
            when charts.chart_type = 't'
                then power(case when points.value > 0 then points.value end, 1 / charts.transform_exponent)
            when charts.chart_type in ('xbar', 's') and points.subgroup_size < charts.minimum_subgroup then null
            when charts.chart_type = 'xbar' then coalesce(points.subgroup_mean, points.value)
            when charts.chart_type = 's' then points.subgroup_sd
            else points.value
        end as plotted,
        -- Without a value there is no denominator to draw limits by.
        case
            when
                charts.chart_type in ('p', 'pp', 'u', 'up', 'ip')
                and coalesce(points.numerator, points.value) is not null
                and points.denominator > 0
                then points.denominator
            when charts.chart_type in ('xbar', 's') then cast(points.subgroup_size as double)
        end as size,
        case when charts.chart_type in ('xbar', 's') then points.subgroup_sd end as spread
    from points
    inner join charts on points.series_id = charts.series_id
    left join {{ ref('int_spc__phase_bounds') }} as bounds
        on
            points.series_id = bounds.series_id
            and points.period_start >= bounds.phase_from
            and points.period_start < bounds.phase_until
    left join {{ ref('int_spc__point_events') }} as marks
        on points.series_id = marks.series_id and points.period_start = marks.period_start
),

counted as (
    select
        chart_no,
        phase_slot,
        period_start,
        period_end,
        season_points,
        is_excluded,
        not is_excluded and (plotted is not null or not bridges_missing) as is_counted,
        is_before_freeze,
        plotted,
        size,
        spread,
        case when is_weighted and plotted is not null then size else 1.0 end as weight,
        not is_excluded and is_before_freeze and plotted is not null as is_base
    from placed
),

in_order as (
    select
        chart_no,
        phase_slot,
        period_start,
        period_end,
        is_excluded,
        is_counted,
        is_before_freeze,
        plotted,
        size,
        spread,
        weight,
        row_number() over before_it as place,
        lag(plotted) over before_it as previous,
        lag(size) over before_it as previous_size,
        lag(period_start) over before_it as previous_period_start,
        lead(period_start) over before_it as next_period_start,
        {{ lag_by('plotted', 'season_points', 'before_it') }} as season_ago,
        sum(case when is_base then plotted * weight end) over whole_phase as base_total,
        sum(case when is_base then weight end) over whole_phase as base_weight
    from counted
    window
        before_it as (partition by chart_no, phase_slot, is_counted order by period_start nulls last),
        whole_phase as (partition by chart_no, phase_slot, is_counted)
),

centred as (
    select
        in_order.*,
        charts.chart_type,
        charts.period_days,
        charts.period_months,
        in_order.base_total / in_order.base_weight as base_mean
    from in_order
    inner join charts on in_order.chart_no = charts.chart_no
)

select
    chart_no,
    phase_slot,
    period_start,
    period_end,
    is_excluded,
    is_counted,
    is_counted and is_before_freeze as is_baseline,
    cast(place as {{ dbt.type_int() }}) as place,
    case when chart_type = 'mr' then abs(plotted - previous) else plotted end as plotted,
    size,
    spread,
    weight,
    cast(
        case
            when not is_counted or plotted is null or previous is null then null
            when plotted > previous then 1
            when plotted < previous then -1
            else 0
        end as {{ dbt.type_int() }}
    ) as step,
    case
        when not is_counted then null
        when chart_type in ('p', 'pp', 'u', 'up')
            then
                abs((plotted - base_mean) * sqrt(size) - (previous - base_mean) * sqrt(previous_size))
                / nullif(
                    sqrt(base_mean * case when {{ spc_is_proportion('chart_type') }} then 1 - base_mean else 1 end), 0
                )
        when chart_type = 'ip'
            then sqrt(pi() / 2) * abs(plotted - previous) / sqrt(1 / size + 1 / previous_size)
        else abs(plotted - previous)
    end as moving_range,
    (plotted - base_mean) * (previous - base_mean) as lag_product,
    (plotted - base_mean) * (season_ago - base_mean) as season_product,
    (plotted - base_mean) * (plotted - base_mean) as square,
    {{ spc_periods_missing('previous_period_start', 'period_start') }} as periods_missing_before,
    next_period_start
from centred
-- depends_on: {{ ref('int_spc__changed_series') }}
