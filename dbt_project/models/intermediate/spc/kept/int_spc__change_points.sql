{#-
    Where the level of a chart's last phase most likely changed once: of all splits of its points the one whose
    means differ most, in standard errors from the moving ranges (which a single change hardly touches). The
    likelihood ratio of one change in a normal mean against none is half the square of that distance (Hinkley
    1970, Biometrika 57:1). Only the chart of the chosen rule set.
-#}
-- depends_on: {{ ref('int_spc__changed_series') }}
{%- set is_partial = spc_watermark() is not none %}
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
        points.centre_line,
        points.signal,
        max(points.phase) over (partition by points.series_id, points.rule_set_id) as last_phase
    from {{ ref('fct_spc_point') }} as points
    {%- if is_partial %}
    inner join {{ ref('int_spc__changed_series') }} as changed on points.series_id = changed.series_id
    {%- endif %}
    where points.is_chosen and points.place_in_phase is not null and points.value is not null
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
        centre_line,
        signal,
        row_number() over before_it as place,
        lag(period_start) over before_it as previous_period_start,
        abs(value - lag(value) over before_it) as moving_range,
        sum(value) over (
            partition by series_id, rule_set_id
            order by period_start nulls last
            rows between unbounded preceding and 1 preceding
        ) as total_before,
        sum(value) over whole as total,
        count(*) over whole as points
    from points
    where phase = last_phase
    window
        before_it as (partition by series_id, rule_set_id order by period_start nulls last),
        whole as (partition by series_id, rule_set_id)
),

spread as (
    select
        in_order.series_id,
        in_order.rule_set_id,
        avg(in_order.moving_range) / max(rule_sets.moving_range_divisor) as sigma
    from in_order
    inner join {{ ref('dim_rule_set') }} as rule_sets on in_order.rule_set_id = rule_sets.rule_set_id
    group by in_order.series_id, in_order.rule_set_id
),

splits as (
    select
        in_order.series_id,
        in_order.rule_set_id,
        in_order.chart_type,
        in_order.phase,
        in_order.period_start,
        in_order.previous_period_start,
        in_order.place - 1 as points_before,
        in_order.points - in_order.place + 1 as points_after,
        in_order.total_before / (in_order.place - 1) as mean_before,
        (in_order.total - in_order.total_before) / (in_order.points - in_order.place + 1) as mean_after,
        in_order.centre_line,
        spread.sigma,
        count(*) over (partition by in_order.series_id, in_order.rule_set_id) as splits_tried
    from in_order
    inner join spread
        on in_order.series_id = spread.series_id and in_order.rule_set_id = spread.rule_set_id
    cross join criterion
    where
        in_order.place - 1 >= criterion.minimum_points_before
        and in_order.points - in_order.place + 1 >= criterion.minimum_points_after
        and spread.sigma > 0
),

standardised as (
    select
        *,
        (mean_after - mean_before) / (sigma * sqrt(1e0 / points_before + 1e0 / points_after)) as distance
    from splits
),

ranked as (
    select
        *,
        {{ normal_of_t('least(abs(distance), 1e3)', spc_moving_range_degrees('(points_before + points_after)')) }}
            as normal_distance,
        row_number() over (
            partition by series_id, rule_set_id order by abs(distance) desc nulls last, period_start nulls last
        ) as likelihood_rank
    from standardised
),

likeliest as (
    select *
    from ranked
    where likelihood_rank = 1
),

-- What the points after it are like, against the old level.
after_it as (
    select
        in_order.series_id,
        in_order.rule_set_id,
        count(case when sign(in_order.value - likeliest.mean_before) = sign(likeliest.distance) then 1 end)
            as points_beyond,
        count(case when in_order.signal <> 'common_cause' then 1 end) as special_cause_points
    from in_order
    inner join likeliest
        on in_order.series_id = likeliest.series_id and in_order.rule_set_id = likeliest.rule_set_id
    where in_order.period_start >= likeliest.period_start
    group by in_order.series_id, in_order.rule_set_id
)

select
    likeliest.series_id,
    likeliest.rule_set_id,
    likeliest.chart_type,
    likeliest.phase,
    likeliest.period_start,
    cast(likeliest.points_before as bigint) as points_before,
    cast(likeliest.points_after as bigint) as points_after,
    likeliest.mean_before,
    likeliest.mean_after,
    likeliest.centre_line,
    likeliest.sigma,
    likeliest.distance * likeliest.distance / 2 as log_likelihood_ratio,
    -- For every split that was tried one chance to look like a change (Bonferroni).
    least(1.0, 2 * likeliest.splits_tried * {{ normal_tail('likeliest.normal_distance') }}) as p_value,
    after_it.points_beyond,
    after_it.special_cause_points
from likeliest
inner join after_it
    on likeliest.series_id = after_it.series_id and likeliest.rule_set_id = after_it.rule_set_id
