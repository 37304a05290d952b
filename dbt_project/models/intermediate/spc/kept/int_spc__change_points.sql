{#-
    Where the level of a chart's last phase most likely changed once: of all splits of its points the one whose
    means differ most, in standard errors from the moving ranges (which a single change hardly touches). The
    likelihood ratio of one change in a normal mean against none is half the square of that distance (Hinkley
    1970, Biometrika 57:1). Only the chart of the chosen rule set.
-#}
-- depends_on: {{ ref('int_spc__changed_series') }}
{%- set is_partial = spc_watermark() is not none %}
{%- set before_it = 'partition by points.chart_no order by points.period_start nulls last' -%}
{%- set all_before = 'over (' ~ before_it ~ ' rows between unbounded preceding and 1 preceding)' %}
with
criterion as (
    select
        minimum_points_before,
        minimum_points_after
    from {{ ref('rebase_criterion') }}
),

charts as (
    select
        summaries.chart_no,
        summaries.night_no,
        summaries.series_id,
        summaries.rule_set_id,
        summaries.chart_type,
        rule_sets.moving_range_divisor
    from {{ ref('int_spc__summaries') }} as summaries
    inner join {{ ref('dim_rule_set') }} as rule_sets on summaries.rule_set_id = rule_sets.rule_set_id
    {%- if is_partial %}
    inner join {{ ref('int_spc__changed_series') }} as changed on summaries.series_id = changed.series_id
    {%- endif %}
    where summaries.is_chosen
),

extents as (
    select
        points.chart_no,
        points.night_no,
        max(points.phase) as last_phase,
        {{ sum_step('max(abs(points.value))') }} as step
    from {{ ref('int_spc__points') }} as points
    inner join charts on points.chart_no = charts.chart_no and points.night_no = charts.night_no
    where points.place_in_phase is not null and points.value is not null
    group by points.chart_no, points.night_no
),

-- Of the last phase: each point with what stands before it.
in_order as (
    select
        points.chart_no,
        points.phase,
        points.period_start,
        points.value,
        points.signal <> 'common_cause' as has_signal,
        extents.step,
        row_number() over ({{ before_it }}) as place,
        abs(points.value - lag(points.value) over ({{ before_it }})) as moving_range,
        {{ exact_sum('points.value', 'extents.step', over=all_before) }} as total_before
    from {{ ref('int_spc__points') }} as points
    inner join extents
        on
            points.chart_no = extents.chart_no
            and points.night_no = extents.night_no
            and points.phase = extents.last_phase
    where points.place_in_phase is not null and points.value is not null
),

phases as (
    select
        in_order.chart_no,
        in_order.phase,
        count(*) as points,
        {{ exact_sum('in_order.value', 'in_order.step') }} as total,
        {{ exact_sum('in_order.moving_range', '(2 * in_order.step)') }}
        / nullif(count(in_order.moving_range), 0) / max(charts.moving_range_divisor) as sigma
    from in_order
    inner join charts on in_order.chart_no = charts.chart_no
    group by in_order.chart_no, in_order.phase
),

splits as (
    select
        in_order.chart_no,
        in_order.place,
        in_order.total_before,
        (
            (phases.total - in_order.total_before) / (phases.points - in_order.place + 1)
            - in_order.total_before / (in_order.place - 1)
        )
        / (phases.sigma * sqrt(1e0 / (in_order.place - 1) + 1e0 / (phases.points - in_order.place + 1))) as distance
    from in_order
    inner join phases on in_order.chart_no = phases.chart_no
    cross join criterion
    where
        in_order.place - 1 >= criterion.minimum_points_before
        and phases.points - in_order.place + 1 >= criterion.minimum_points_after
        and phases.sigma > 0
),

furthest as (
    select
        chart_no,
        count(*) as splits_tried,
        max(abs(distance)) as distance
    from splits
    group by chart_no
),

-- Of splits that differ as much the first.
likeliest as (
    select
        splits.chart_no,
        min(splits.place) as place,
        min_by(splits.distance, splits.place) as distance,
        min_by(splits.total_before, splits.place) as total_before,
        max(furthest.splits_tried) as splits_tried
    from splits
    inner join furthest on splits.chart_no = furthest.chart_no and abs(splits.distance) = furthest.distance
    group by splits.chart_no
),

levels as (
    select
        phases.*,
        likeliest.place - 1 as points_before,
        phases.points - likeliest.place + 1 as points_after,
        likeliest.total_before / (likeliest.place - 1) as mean_before,
        (phases.total - likeliest.total_before) / (phases.points - likeliest.place + 1) as mean_after,
        likeliest.distance,
        likeliest.splits_tried,
        {{ normal_of_t('least(abs(likeliest.distance), 1e3)', spc_moving_range_degrees('phases.points')) }}
            as normal_distance
    from likeliest
    inner join phases on likeliest.chart_no = phases.chart_no
),

-- What the points after it are like, against the old level.
after_it as (
    select
        in_order.chart_no,
        min(in_order.period_start) as period_start,
        count(case when sign(in_order.value - levels.mean_before) = sign(levels.distance) then 1 end)
            as points_beyond,
        count(case when in_order.has_signal then 1 end) as special_cause_points
    from in_order
    inner join levels on in_order.chart_no = levels.chart_no
    where in_order.place > levels.points_before
    group by in_order.chart_no
)

select
    charts.series_id,
    charts.rule_set_id,
    charts.chart_type,
    levels.phase,
    after_it.period_start,
    cast(levels.points_before as bigint) as points_before,
    cast(levels.points_after as bigint) as points_after,
    levels.mean_before,
    levels.mean_after,
    levels.sigma,
    levels.distance * levels.distance / 2 as log_likelihood_ratio,
    -- For every split that was tried one chance to look like a change (Bonferroni).
    least(1.0, 2 * levels.splits_tried * {{ normal_tail('levels.normal_distance') }}) as p_value,
    after_it.points_beyond,
    after_it.special_cause_points
from levels
inner join charts on levels.chart_no = charts.chart_no
inner join after_it on levels.chart_no = after_it.chart_no
