{{ config(materialized='table') }}
-- Tonight's points on the scale on which their chart is reckoned, each with its predecessor: one sort, through which
-- as little as possible is carried.
{%- set is_partial = spc_watermark() is not none %}
with
-- Series whose points do not all follow each other: a phase ends, or a point does not count.
interrupted as (
    select series_id
    from {{ ref('int_spc__phase_bounds') }}
    union
    select series_id
    from {{ ref('int_spc__point_events') }}
    where is_excluded
),

charts as (
    select
        charts.chart_no,
        charts.series_id,
        charts.chart_type,
        charts.scale,
        interrupted.series_id is not null or rule_sets.missing_in_moving_ranges = 'bridge' as passes_rows_over,
        charts.chart_type in ('p', 'pp', 'u', 'up', 'ip') as is_of_ratios,
        charts.chart_type in ('xbar', 's') as is_of_subgroups,
        {{ spc_is_weighted('charts.chart_type') }} as is_weighted,
        frequencies.period_days,
        frequencies.period_months,
        frequencies.season_points,
        rule_sets.missing_in_moving_ranges = 'bridge' as bridges_missing,
        rule_sets.transform_exponent,
        rule_sets.minimum_subgroup
    from {{ ref('int_spc__charts') }} as charts
    inner join {{ ref('dim_rule_set') }} as rule_sets on charts.rule_set_id = rule_sets.rule_set_id
    left join {{ ref('reporting_grace') }} as frequencies on charts.frequency = frequencies.frequency
    left join interrupted on charts.series_id = interrupted.series_id
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
        charts.is_weighted,
        charts.is_of_ratios,
        cast(coalesce(bounds.phase_slot, 1) as {{ dbt.type_int() }}) as phase_slot,
        points.period_start,
        points.period_end,
        coalesce(marks.is_excluded, false) as is_excluded,
        bounds.frozen_after,
        case
            when charts.chart_type = 'i' then points.value
            when charts.is_of_ratios
                then
                    coalesce(points.numerator, points.value * points.denominator / charts.scale)
                    / case when points.denominator > 0 then points.denominator end
            when charts.chart_type = 'c' then coalesce(points.numerator, points.value)
            when charts.chart_type = 'g' then coalesce(points.value, points.numerator)
            when charts.chart_type = 't'
                then power(case when points.value > 0 then points.value end, 1 / charts.transform_exponent)
            when charts.is_of_subgroups and points.subgroup_size < charts.minimum_subgroup then null
            when charts.chart_type = 'xbar' then coalesce(points.subgroup_mean, points.value)
            when charts.chart_type = 's' then points.subgroup_sd
            else points.value
        end as number,
        -- Without a value there is no denominator to draw limits by.
        case
            when
                charts.is_of_ratios
                and coalesce(points.numerator, points.value) is not null
                and points.denominator > 0
                then {{ spc_bounded('points.denominator') }}
            when charts.is_of_subgroups and points.subgroup_size >= charts.minimum_subgroup
                then cast(points.subgroup_size as double)
        end as size,
        case
            when charts.is_of_subgroups and points.subgroup_size >= charts.minimum_subgroup
                then {{ spc_bounded('points.subgroup_sd') }}
        end as spread
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

bounded as (
    select
        *,
        case when not is_of_ratios or size > 0 then {{ spc_bounded('number') }} end as plotted
    from placed
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
        frozen_after,
        plotted,
        size,
        spread,
        case when is_weighted and plotted is not null then size else 1.0 end as weight
    from bounded
),

in_order as (
    select
        chart_no,
        phase_slot,
        period_start,
        period_end,
        is_excluded,
        is_counted,
        frozen_after,
        {{ first_given('case when plotted is not null then period_start end') }} over (
            partition by chart_no, phase_slot, is_counted order by period_start nulls last
            rows between unbounded preceding and unbounded following
        ) as first_number_start,
        plotted,
        size,
        spread,
        weight,
        row_number() over before_it as place,
        lag(plotted) over before_it as previous,
        lag(plotted, 2) over before_it as before_previous,
        lag(size) over before_it as previous_size,
        lag(period_start) over before_it as previous_counted_start,
        lead(period_start) over before_it as next_period_start,
        {{ lag_by('plotted', 'season_points', 'before_it') }} as season_ago
    from counted
    window before_it as (partition by chart_no, phase_slot, is_counted order by period_start nulls last)
),

-- The row before, which may lie beyond a rebase or not count, where the one sort does not find it.
rows_before as (
    select
        charts.chart_no,
        points.period_start,
        lag(points.period_start) over (
            partition by charts.chart_no order by points.period_start nulls last
        ) as previous_period_start
    from {{ ref('fct_measure_point') }} as points
    inner join charts on points.series_id = charts.series_id and charts.passes_rows_over
    where points.is_latest and not points.is_withdrawn
)

select
    in_order.chart_no,
    in_order.phase_slot,
    in_order.period_start,
    in_order.period_end,
    in_order.is_excluded,
    in_order.is_counted,
    in_order.is_counted
    and (
        in_order.frozen_after is null
        or in_order.period_start <= in_order.frozen_after
        -- Before the first number there is nothing to freeze.
        or coalesce(in_order.frozen_after < in_order.first_number_start, false)
    ) as is_baseline,
    cast(in_order.place as {{ dbt.type_int() }}) as place,
    in_order.plotted,
    in_order.previous,
    in_order.season_ago,
    in_order.size,
    in_order.previous_size,
    in_order.spread,
    in_order.weight,
    cast(
        case
            when not in_order.is_counted then null
            -- What is drawn on chart mr is the distance.
            when charts.chart_type = 'mr'
                then
                    sign(
                        abs(in_order.plotted - in_order.previous)
                        - abs(in_order.previous - in_order.before_previous)
                    )
            else sign(in_order.plotted - in_order.previous)
        end as {{ dbt.type_int() }}
    ) as step,
    {{ spc_periods_missing('case when charts.passes_rows_over then rows_before.previous_period_start'
        ' else in_order.previous_counted_start end', 'in_order.period_start') }} as periods_missing_before,
    in_order.next_period_start
from in_order
inner join charts on in_order.chart_no = charts.chart_no
left join rows_before
    on in_order.chart_no = rows_before.chart_no and in_order.period_start = rows_before.period_start
-- depends_on: {{ ref('int_spc__changed_series') }}
