{{ config(materialized='table') }}
-- One row a series and rule set to chart tonight: the chart it is drawn as, and why.
{%- set is_partial = spc_watermark() is not none %}
{%- set count = 'case when value >= 0 and value < 1e9 and value = floor(value) then value end' %}
with
points as (
    select
        {{ series_columns('points') }},
        points.value,
        points.numerator,
        points.denominator,
        points.subgroup_size,
        points.subgroup_sd
    from {{ ref('fct_measure_point') }} as points
    {%- if is_partial %}
    inner join {{ ref('int_spc__changed_series') }} as changed on points.series_id = changed.series_id
    {%- endif %}
    where points.is_latest and not points.is_withdrawn
),

-- What the points of a series are like.
series as (
    select
        series_id,
        any_value(measure_id) as measure_id,
        any_value(organisation_code) as organisation_code,
        any_value(unit_code) as unit_code,
        any_value(stratum) as stratum,
        count(value) as values_given,
        count(case when value is not null and denominator is null then 1 end) as values_without_ratio,
        count(case when value is not null and subgroup_size is null then 1 end) as values_without_subgroup,
        count(case when denominator > 0 and (numerator is not null or value is not null) then 1 end) as ratios_given,
        count(case when subgroup_size >= 1 and value is not null then 1 end) as subgroups_given,
        count(subgroup_sd) as spreads_given,
        count(numerator) as numerators_given,
        count(case when numerator < 0 or numerator <> floor(numerator) then 1 end) as numerators_not_counts,
        count(case when numerator > denominator then 1 end) as numerators_above,
        count(case when value is not null and {{ count }} is null then 1 end) as values_not_counts,
        count(case when value <= 0 then 1 end) as values_not_positive,
        count(case when numerator < 0 then 1 end) as numerators_negative,
        count(case when value < 0 then 1 end) as values_negative,
        -- Sums of whole numbers, which have no order; read of counts only.
        cast(sum(cast({{ count }} as decimal(38, 0))) as double) / nullif(count({{ count }}), 0) as mean_count,
        cast(sum(cast({{ count }} * {{ count }} as decimal(38, 0))) as double) as square_of_counts
    from points
    group by series_id
),

measures as (
    select
        measure_id,
        chart_type,
        rule_set_id,
        improvement_direction,
        frequency,
        multiplier,
        lower(unit_of_measure) as unit_of_measure
    from {{ ref('dim_measure') }}
    where is_latest
),

rule_sets as (
    select *
    from {{ ref('dim_rule_set') }}
),

-- The measure's own rule set, else the default, and those that are computed for every series.
chosen as (
    select
        measures.*,
        coalesce(own.rule_set_id, fallback.rule_set_id) as chosen_rule_set_id,
        measures.rule_set_id is not null and own.rule_set_id is null as is_rule_set_unknown
    from measures
    left join rule_sets as own on measures.rule_set_id = own.rule_set_id
    inner join rule_sets as fallback on fallback.is_default
),

asked as (
    select
        series.*,
        chosen.chart_type as asked_chart,
        chosen.improvement_direction,
        chosen.frequency,
        chosen.multiplier,
        chosen.unit_of_measure,
        chosen.is_rule_set_unknown,
        rule_sets.rule_set_id,
        rule_sets.rule_set_id = chosen.chosen_rule_set_id as is_chosen,
        rule_sets.auto_chart,
        rule_sets.overdispersed_above,
        rule_sets.rare_below,
        series.ratios_given > 0 as has_ratios,
        -- A point that is given as a value only would be missing from a chart of ratios or of subgroups.
        series.ratios_given > 0 and series.values_without_ratio = 0 as has_ratios_throughout,
        series.spreads_given > 0 and series.values_without_subgroup = 0 as has_subgroups_throughout,
        -- Counted people of counted people, and not events per exposure.
        series.numerators_above = 0
        and (
            chosen.multiplier = 100
            or chosen.unit_of_measure in ('percent', 'percentage', 'per cent', '%', 'proportion', 'fraction')
            or (chosen.multiplier = 1 and chosen.unit_of_measure is null)
        ) as is_proportion
    from series
    inner join chosen on series.measure_id = chosen.measure_id
    inner join rule_sets
        on chosen.chosen_rule_set_id = rule_sets.rule_set_id or rule_sets.is_computed_for_all
),

decided as (
    select
        *,
        case
            when asked_chart in ('p', 'pp', 'u', 'up', 'ip') and not has_ratios then 'i'
            when asked_chart = 'xbar' and (spreads_given = 0 or subgroups_given = 0) then 'i'
            when asked_chart = 's' and spreads_given = 0 then 'i'
            when asked_chart = 't' and values_not_positive > 0 then 'i'
            -- Not counted: less than nothing, or more than all.
            when asked_chart in ('p', 'pp') and numerators_above > 0 then 'i'
            when asked_chart in ('p', 'pp', 'u', 'up', 'c', 'g') and numerators_negative > 0 then 'i'
            when asked_chart in ('c', 'g') and values_negative > 0 then 'i'
            when asked_chart <> 'auto' then asked_chart
            when auto_chart <> 'by_data' then auto_chart
            when has_subgroups_throughout and subgroups_given > 0 then 'xbar'
            when frequency = 'event' and values_not_counts = 0 then 'g'
            when frequency = 'event' and values_not_positive = 0 then 't'
            when has_ratios_throughout and numerators_given > 0 and numerators_not_counts = 0 and is_proportion then 'p'
            when has_ratios_throughout and numerators_given > 0 and numerators_not_counts = 0 then 'u'
            when has_ratios then 'i'
            when
                values_given > 0
                and values_not_counts = 0
                and (unit_of_measure is null or unit_of_measure not in ('percent', 'percentage', 'per cent', '%'))
                -- The variance of the counts, against their mean.
                and square_of_counts - values_given * mean_count * mean_count
                <= overdispersed_above * overdispersed_above * mean_count * (values_given - 1)
                then 'c'
            else 'i'
        end as chart_type
    from asked
)

select
    {{ number_of(dbt.concat(['series_id', "'~|~'", 'rule_set_id'])) }} as chart_no,
    {{ number_of('series_id') }} as series_no,
    (
        select coalesce(max(cast(substr(loads.load_id, 2) as bigint)), 0)
        from {{ ref('int_loads__standing') }} as loads
    ) as night_no,
    {{ spc_chart_columns() }},
    is_chosen,
    is_rule_set_unknown,
    improvement_direction,
    frequency,
    asked_chart = 'auto' and auto_chart = 'by_data' and chart_type in ('p', 'u') as may_be_overdispersed,
    chart_type,
    case
        when asked_chart not in ('auto', chart_type) then 'asked_chart_impossible'
        when asked_chart <> 'auto' then 'asked'
        when auto_chart <> 'by_data' then 'rule_set'
        when chart_type = 'xbar' then 'subgroups'
        when chart_type = 'g' then 'cases_between_events'
        when chart_type = 't' then 'time_between_events'
        when chart_type = 'p' then 'proportion'
        when chart_type = 'u' then 'rate'
        when chart_type = 'c' then 'counts'
        else 'individual_values'
    end as chart_reason,
    chart_type = 'c' and coalesce(mean_count < rare_below, false) as is_rare,
    case when {{ spc_is_weighted('chart_type') }} and chart_type <> 'xbar' then multiplier else 1.0 end as scale,
    cast(case when unit_of_measure in ('percent', 'percentage', 'per cent', '%') then 100 end as double)
        as highest_value
from decided
-- depends_on: {{ ref('int_spc__changed_series') }}
