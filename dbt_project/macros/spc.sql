{#-
    Words of control charts that several models say in the same way. Belongs here: formulas and lists that
    must not differ between models. Does not belong here: a number of a rule, which stands in dim_rule_set.
-#}

{#- Columns that identify a series, as people know it. -#}
{% macro spc_series_columns() -%}
    {{ return(['series_id', 'measure_id', 'organisation_code', 'unit_code', 'stratum']) }}
{%- endmacro %}

{#- Parameters of the rule set that the later steps need, carried with each phase. -#}
{% macro spc_rule_columns() -%}
    {{ return([
        'limit_sigmas', 'near_limit_sigmas', 'zone_sigmas', 'shift_length', 'shift_tie', 'trend_length', 'trend_tie',
        'trend_direction', 'two_in_three_third_point', 'two_in_three_stops_at_limit', 'alternating_length',
        'hugging_length', 'avoiding_length', 'outside_rank', 'trend_rank', 'two_in_three_rank', 'shift_rank',
        'four_in_five_rank', 'avoiding_rank', 'alternating_rank', 'hugging_rank', 'has_runs_analysis',
        'longest_run_added', 'crossings_probability', 'conflict', 'firm_points', 'autocorrelated_above_sigmas',
        'overdispersed_above'
    ]) }}
{%- endmacro %}

{#- The chart's kind groups types that are reckoned in the same way until overdispersion is known. -#}
{% macro spc_is_proportion(chart) -%} {{ chart }} in ('p', 'pp') {%- endmacro %}

{% macro spc_is_weighted(chart) -%} {{ chart }} in ('p', 'pp', 'u', 'up', 'ip', 'xbar') {%- endmacro %}

{#- -1, 0 or 1: on which side of a line a number lies. Nearer than the tolerance is on the line. -#}
{% macro spc_side(number, line, tolerance) -%}
    case
        when {{ number }} - {{ line }} > {{ tolerance }} then 1
        when {{ line }} - {{ number }} > {{ tolerance }} then -1
        when {{ number }} - {{ line }} is not null then 0
    end
{%- endmacro %}

{#- The value one season earlier, by the frequency of the measure; null where a season is not a thing. -#}
{% macro spc_season_ago(value, frequency, window_name) -%}
    case {{ frequency }}
        when 'month' then lag({{ value }}, 12) over {{ window_name }}
        when 'quarter' then lag({{ value }}, 4) over {{ window_name }}
        when 'day' then lag({{ value }}, 7) over {{ window_name }}
    end
{%- endmacro %}

{#- How many periods lie between two points of a measure; null where periods have no fixed length. -#}
{% macro spc_periods_missing(frequency, earlier, later) -%}
    greatest(case {{ frequency }}
        when 'day' then {{ days_between(earlier, later) }} - 1
        when 'week' then floor({{ days_between(earlier, later) }} / 7.0) - 1
        when 'month' then {{ months_between(earlier, later) }} - 1
        when 'quarter' then floor({{ months_between(earlier, later) }} / 3.0) - 1
        when 'year' then floor({{ months_between(earlier, later) }} / 12.0) - 1
    end, 0)
{%- endmacro %}

{#- Calendar months from one date to another, whatever the days of the month. -#}
{% macro months_between(earlier, later) -%}
    (
        (extract(year from {{ later }}) - extract(year from {{ earlier }})) * 12
        + extract(month from {{ later }}) - extract(month from {{ earlier }})
    )
{%- endmacro %}

{#-
    A line so many sigmas above (`side` 1) or below (-1) the centre, on the scale of the chart's reckoning. Counts,
    rates, shares and spreads end at 0, shares at 1; a rule set may clip individual values too.
-#}
{% macro spc_line(side, sigmas) -%}
    case
        when sigma_here is null then null
        {%- if side == 1 %}
        when chart_type in ('p', 'pp') then least(limit_centre + {{ sigmas }} * sigma_here, 1.0)
        when highest_value is not null and chart_type in ('i', 'ip')
            then least(limit_centre + {{ sigmas }} * sigma_here, highest_value)
        else limit_centre + {{ sigmas }} * sigma_here
        {%- else %}
        when
            chart_type in ('p', 'pp', 'u', 'up', 'c', 'g', 's', 'mr')
            or (highest_value is not null and chart_type in ('i', 'ip'))
            then greatest(limit_centre - {{ sigmas }} * sigma_here, 0.0)
        else limit_centre - {{ sigmas }} * sigma_here
        {%- endif %}
    end
{%- endmacro %}

{#- c4 of a subgroup: exact from the seed, beyond it by its series (Montgomery 2009, 6.3: 1 - 1/4n - ...). -#}
{% macro spc_c4(exact, size) -%}
    coalesce(
        {{ exact }},
        case
            when {{ size }} > 1
                then 1 - 1 / (4 * {{ size }}) - 7 / (32 * {{ size }} * {{ size }})
                    - 19 / (128 * {{ size }} * {{ size }} * {{ size }})
        end
    )
{%- endmacro %}

{#- How one sigma of a point differs from that of its phase: by its denominator or subgroup size. -#}
{% macro spc_sigma_factor(chart_type, size, exact_c4) -%}
    case
        when {{ chart_type }} in ('p', 'pp', 'u', 'up', 'ip') then 1 / sqrt({{ size }})
        when {{ chart_type }} = 'xbar' then 1 / ({{ spc_c4(exact_c4, size) }} * sqrt({{ size }}))
        when {{ chart_type }} = 's'
            then sqrt(1 - {{ spc_c4(exact_c4, size) }} * {{ spc_c4(exact_c4, size) }}) / {{ spc_c4(exact_c4, size) }}
        else 1.0
    end
{%- endmacro %}

{#- From the scale of the reckoning to that of the measure; `power_of` the exponent of a time-between chart. -#}
{% macro spc_shown(number) -%}
    case when chart_type = 't' then power({{ number }}, transform_exponent) else {{ number }} * scale end
{%- endmacro %}

{#-
    1 or -1 for a point near a limit with another such point among two neighbours, so that they are two of three in
    succession; 0 else. `third_point`: same_side when the third has to lie on that side of the centre, or any.
    Nearness is 2 near a limit, 1 on that side of the centre, and negative below.
-#}
{% macro spc_near_twice(third_point) -%}
    {%- set neighbours = ['nearness_2_before', 'nearness_before', 'nearness_after', 'nearness_2_after'] -%}
    case
    {%- for side in ['', '-'] %}
        when {{ side }}nearness = 2 and (
        {%- if third_point == 'any' %}
            {%- for neighbour in neighbours %}
            {{ 'or ' if not loop.first }}{{ side }}{{ neighbour }} = 2
            {%- endfor %}
        {%- else %}
            {%- for first, second in [(0, 1), (1, 2), (2, 3)] %}
            {{ 'or ' if not loop.first }}(
                {{ side }}{{ neighbours[first] }} >= 1 and {{ side }}{{ neighbours[second] }} >= 1
                and {{ side }}({{ neighbours[first] }} + {{ neighbours[second] }}) >= 3
            )
            {%- endfor %}
        {%- endif %}
        ) then {{ side }}1
    {%- endfor %}
        else 0
    end
{%- endmacro %}
