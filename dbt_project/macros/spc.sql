{#-
    Words of control charts that several models say in the same way. Belongs here: formulas and lists that
    must not differ between models. Does not belong here: a number of a rule, which stands in dim_rule_set.
-#}

{#- Columns that identify a series, by its key and as people know it, and those of a chart of it. -#}
{% macro series_columns(relation=none) -%}
    {{- _listed(['series_id', 'measure_id', 'organisation_code', 'unit_code', 'stratum'], relation) -}}
{%- endmacro %}

{% macro spc_chart_columns(relation=none) -%}
    {{- _listed(['series_id', 'rule_set_id', 'measure_id', 'organisation_code', 'unit_code', 'stratum'], relation) -}}
{%- endmacro %}

{% macro _listed(columns, relation) -%}
    {{- (prefixed(columns, relation) if relation else columns) | join(',\n        ') -}}
{%- endmacro %}

{#- Parameters of the rule set that the later steps need, carried with each phase. -#}
{% macro spc_rule_columns() -%}
    {{ return([
        'limit_sigmas', 'near_limit_sigmas', 'zone_sigmas', 'shift_length', 'shift_tie', 'trend_length', 'trend_tie',
        'trend_direction', 'two_in_three_window', 'two_in_three_third_point', 'two_in_three_stops_at_limit',
        'four_in_five_points', 'four_in_five_window', 'alternating_length',
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

{#- On which side of a line a target lies; nearer than rounding is on it. -#}
{% macro spc_side_of_target(target, line) -%}
    {{ spc_side(target, line, var('spc_tolerance') ~ ' * greatest(abs(' ~ target ~ '), abs(' ~ line ~ '))') }}
{%- endmacro %}

{%- macro spc_signal_direction(side) -%} case {{ side }} when 1 then 'high' when -1 then 'low' end {%- endmacro %}

{#-
    The last (or first) value that is given in a frame of rows: the place where a stretch begins (or ends). Quicker
    than the greatest (or least) of the frame, which is the same where places ascend.
-#}
{% macro last_given(value) -%} {{ return(adapter.dispatch('last_given')(value)) }} {%- endmacro %}

{% macro default__last_given(value) -%} last_value({{ value }} ignore nulls) {%- endmacro %}

{% macro spark__last_given(value) -%} last_value({{ value }}, true) {%- endmacro %}

{% macro first_given(value) -%} {{ return(adapter.dispatch('first_given')(value)) }} {%- endmacro %}

{% macro default__first_given(value) -%} first_value({{ value }} ignore nulls) {%- endmacro %}

{% macro spark__first_given(value) -%} first_value({{ value }}, true) {%- endmacro %}

{#- The value of so many rows before; the number is a column, null where there is no such row. -#}
{% macro lag_by(value, rows, window_name) -%}
    {{ return(adapter.dispatch('lag_by')(value, rows, window_name)) }}
{%- endmacro %}

{% macro default__lag_by(value, rows, window_name) -%} lag({{ value }}, {{ rows }}) over {{ window_name }} {%- endmacro %}

{#- Spark takes constants only: one for each season that the seed names. -#}
{% macro spark__lag_by(value, rows, window_name) -%}
    case {{ rows }}
    {%- for length in spark_seed_numbers('core.reporting_grace', 'season_points') %}
        when {{ length }} then lag({{ value }}, {{ length }}) over {{ window_name }}
    {%- endfor %}
        when 0 then {{ value }}
    end
{%- endmacro %}

{#-
    An aggregate over the so many rows that end (`side` preceding) or begin (following) with a row; the number is a
    column, one of the rule set's.
-#}
{% macro over_so_many(aggregate, rows, side, window_name) -%}
    {{ return(adapter.dispatch('over_so_many')(aggregate, rows, side, window_name)) }}
{%- endmacro %}

{% macro default__over_so_many(aggregate, rows, side, window_name) -%}
    {%- set ends = ['current row', rows ~ ' - 1 following'] if side == 'following'
        else [rows ~ ' - 1 preceding', 'current row'] -%}
    {{ aggregate }} over ({{ window_name }} rows between {{ ends | join(' and ') }})
{%- endmacro %}

{#- Spark takes constants only: one for each number in the seed. -#}
{% macro spark__over_so_many(aggregate, rows, side, window_name) -%}
    case {{ rows }}
    {%- for number in spark_seed_numbers('spc.dim_rule_set', rows) %}
        when {{ number }} then {{ default__over_so_many(aggregate, number, side, window_name) }}
    {%- endfor %}
        when 0 then {{ aggregate }} over ({{ window_name }})
    end
{%- endmacro %}

{#- How many periods, each of so many days or months, lie between two points; null where they have no length. -#}
{% macro spc_periods_missing(earlier, later) -%}
    greatest(case
        when period_days > 0 then floor({{ days_between(earlier, later) }} / period_days) - 1
        when period_months > 0 then floor({{ months_between(earlier, later) }} / period_months) - 1
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
    A line so many sigmas above (`side` 1) or below (-1) the centre, on the scale of the chart's reckoning, and not
    beyond where its values end.
-#}
{% macro spc_line(side, sigmas) -%}
    case
        when sigma_here is not null
        {%- if side == 1 %} then least(limit_centre + {{ sigmas }} * sigma_here, highest_line)
        {%- else %} then greatest(limit_centre - {{ sigmas }} * sigma_here, lowest_line)
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

{#- A square root; null where there is none, as of a mean share above 1: such a chart has no limits. -#}
{% macro spc_root(number) -%} sqrt(case when {{ number }} >= 0 then {{ number }} end) {%- endmacro %}

{#- Sums of squares of larger numbers are none that a double holds; such a number is shown as missing. -#}
{% macro spc_bounded(number) -%} case when abs({{ number }}) <= 1e140 then {{ number }} end {%- endmacro %}

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

{#- From the scale of the reckoning to that of the measure; only a time-between chart has an exponent. -#}
{% macro spc_shown(number) -%}
    case when transform_exponent is null then {{ number }} * scale else power({{ number }}, transform_exponent) end
{%- endmacro %}

{#-
    The step of an exact sum: a power of two so small that 2 to the 60 of them reach the largest number of the sum.
    A double has 53 bits, so nothing of a number is lost unless it is a hundred times smaller than the largest.
-#}
{% macro sum_step(largest) -%}
    power(2e0, greatest(floor(log2(case when {{ largest }} > 0 then {{ largest }} else 1e0 end)) - 60, -1000))
{%- endmacro %}

{#-
    A sum of doubles that is the same in whatever order engine and threads meet the rows: each number is a whole
    multiple of the step, and whole numbers add up exactly. Null when there is no number. `step` is a column, the
    same for all rows of the sum; see sum_step.
-#}
{% macro exact_sum(number, step, over='') -%}
    (
        cast(sum(cast({{ number }} / {{ step }} as decimal(38, 0))) {{ over }} as double)
        * {{ step if over else 'max(' ~ step ~ ')' }}
    )
{%- endmacro %}

{#- What is drawn: the point, on chart mr its distance from the point before. -#}
{% macro spc_charted(chart_type, points) -%}
    case
        when {{ chart_type }} <> 'mr' then {{ points }}.plotted
        when {{ points }}.is_counted then abs({{ points }}.plotted - {{ points }}.previous)
    end
{%- endmacro %}

{#-
    Distance of a point from the one before: of prime charts, and those that may become one, in z-scores (Laney
    2002), of chart i' normalised (Taylor).
-#}
{% macro spc_moving_range(chart_type, points, mean) -%}
    case
        when not {{ points }}.is_counted then null
        when {{ chart_type }} in ('p', 'pp', 'u', 'up')
            then
                abs(
                    ({{ points }}.plotted - {{ mean }}) * sqrt({{ points }}.size)
                    - ({{ points }}.previous - {{ mean }}) * sqrt({{ points }}.previous_size)
                )
                / nullif({{ spc_root(mean ~ ' * case when ' ~ spc_is_proportion(chart_type) ~ ' then 1 - ' ~ mean ~ ' else 1 end') }}, 0)
        when {{ chart_type }} = 'ip'
            then
                sqrt(pi() / 2) * abs({{ points }}.plotted - {{ points }}.previous)
                / sqrt(1 / {{ points }}.size + 1 / {{ points }}.previous_size)
        else abs({{ points }}.plotted - {{ points }}.previous)
    end
{%- endmacro %}

{#- No moving range of the phase is wider than twice this. -#}
{% macro spc_widest_range(chart_type) -%}
    case
        when {{ chart_type }} in ('p', 'pp', 'u', 'up')
            then extents.width * sqrt(extents.largest_size) / nullif({{ spc_root(
                'averaged.mean * case when ' ~ spc_is_proportion(chart_type) ~ ' then 1 - averaged.mean else 1 end'
            ) }}, 0)
        when {{ chart_type }} = 'ip' then extents.width * sqrt(extents.largest_size)
        else extents.width
    end
{%- endmacro %}
