{#-
    Where the level of a chart's last phase most likely changed once: of all splits of its points the one whose
    means differ most, in standard errors from the moving ranges (which a single change hardly touches). The
    likelihood ratio of one change in a normal mean against none is half the square of that distance (Hinkley
    1970, Biometrika 57:1). Only the chart of the chosen rule set.
-#}
-- depends_on: {{ ref('int_spc__changed_series') }}
{%- set is_partial = spc_watermark() is not none %}
{%- set before_it = 'partition by series_id order by period_start nulls last' -%}
{%- set all_before = 'over (' ~ before_it ~ ' rows between unbounded preceding and 1 preceding)' %}
with
criterion as (
    select
        minimum_points_before,
        minimum_points_after
    from {{ ref('rebase_criterion') }}
),

points as (
    select
        points.series_id,
        points.rule_set_id,
        points.chart_type,
        points.phase,
        points.period_start,
        points.value,
        points.signal <> 'common_cause' as has_signal,
        max(points.phase) over of_series as last_phase,
        {{ sum_step('max(abs(points.value)) over of_series') }} as step
    from {{ ref('fct_spc_point') }} as points
    {%- if is_partial %}
    inner join {{ ref('int_spc__changed_series') }} as changed on points.series_id = changed.series_id
    {%- endif %}
    where points.is_chosen and points.place_in_phase is not null and points.value is not null
    window of_series as (partition by points.series_id)
),

-- Of the last phase: each point with what stands before it.
in_order as (
    select
        series_id,
        rule_set_id,
        chart_type,
        phase,
        period_start,
        value,
        has_signal,
        step,
        row_number() over ({{ before_it }}) as place,
        abs(value - lag(value) over ({{ before_it }})) as moving_range,
        {{ exact_sum('value', 'step', over=all_before) }} as total_before
    from points
    where phase = last_phase
),

phases as (
    select
        in_order.series_id,
        in_order.rule_set_id,
        in_order.chart_type,
        in_order.phase,
        count(*) as points,
        {{ exact_sum('in_order.value', 'in_order.step') }} as total,
        {{ exact_sum('in_order.moving_range', '(2 * in_order.step)') }}
        / nullif(count(in_order.moving_range), 0) / max(rule_sets.moving_range_divisor) as sigma
    from in_order
    inner join {{ ref('dim_rule_set') }} as rule_sets on in_order.rule_set_id = rule_sets.rule_set_id
    group by in_order.series_id, in_order.rule_set_id, in_order.chart_type, in_order.phase
),

splits as (
    select
        in_order.series_id,
        in_order.place,
        in_order.total_before,
        (
            (phases.total - in_order.total_before) / (phases.points - in_order.place + 1)
            - in_order.total_before / (in_order.place - 1)
        )
        / (phases.sigma * sqrt(1e0 / (in_order.place - 1) + 1e0 / (phases.points - in_order.place + 1))) as distance
    from in_order
    inner join phases on in_order.series_id = phases.series_id
    cross join criterion
    where
        in_order.place - 1 >= criterion.minimum_points_before
        and phases.points - in_order.place + 1 >= criterion.minimum_points_after
        and phases.sigma > 0
),

furthest as (
    select
        series_id,
        count(*) as splits_tried,
        max(abs(distance)) as distance
    from splits
    group by series_id
),

-- Of splits that differ as much the first.
likeliest as (
    select
        splits.series_id,
        min(splits.place) as place,
        min_by(splits.distance, splits.place) as distance,
        min_by(splits.total_before, splits.place) as total_before,
        max(furthest.splits_tried) as splits_tried
    from splits
    inner join furthest on splits.series_id = furthest.series_id and abs(splits.distance) = furthest.distance
    group by splits.series_id
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
    inner join phases on likeliest.series_id = phases.series_id
),

-- What the points after it are like, against the old level.
after_it as (
    select
        in_order.series_id,
        min(in_order.period_start) as period_start,
        count(case when sign(in_order.value - levels.mean_before) = sign(levels.distance) then 1 end)
            as points_beyond,
        count(case when in_order.has_signal then 1 end) as special_cause_points
    from in_order
    inner join levels on in_order.series_id = levels.series_id
    where in_order.place > levels.points_before
    group by in_order.series_id
)

select
    levels.series_id,
    levels.rule_set_id,
    levels.chart_type,
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
inner join after_it on levels.series_id = after_it.series_id
