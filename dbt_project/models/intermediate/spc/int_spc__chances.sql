-- What chance alone would do to each chart of last night's length: the simulated rates, between two lengths in
-- proportion; beyond the longest as many stretches of it.
with
rates as (
    select
        rule_set_id,
        chart_type,
        {%- for column in spc_chance_columns() %}
        {{ column }},
        lead({{ column }}) over longer as next_{{ column }},
        {%- endfor %}
        points as from_points,
        lead(points) over longer as until_points,
        min(points) over (partition by rule_set_id, chart_type) as fewest_points
    from {{ ref('spc_in_control_rate') }}
    window longer as (partition by rule_set_id, chart_type order by points nulls last)
),

placed as (
    select
        ends.*,
        {%- for column in spc_chance_columns() %}
        rates.{{ column }},
        rates.next_{{ column }},
        {%- endfor %}
        rates.from_points,
        rates.until_points,
        case
            when rates.until_points is null then 0
            else greatest(ends.points - rates.from_points, 0) / cast(rates.until_points - rates.from_points as double)
        end as way
    from {{ ref('int_spc__ends') }} as ends
    inner join rates
        on
            ends.rule_set_id = rates.rule_set_id
            and ends.chart_type = rates.chart_type
            and greatest(ends.points, rates.fewest_points) >= rates.from_points
            and (greatest(ends.points, rates.fewest_points) < rates.until_points or rates.until_points is null)
),

between_lengths as (
    select
        {{ spc_chart_columns() }},
        is_chosen,
        chart_type,
        phase,
        points,
        signal,
        signal_direction,
        point_type,
        has_any_signal,
        has_signal_at_end,
        strength,
        {%- for column in spc_chance_columns() %}
        {{ column }} + way * (coalesce(next_{{ column }}, {{ column }}) - {{ column }}) as {{ column }},
        {%- endfor %}
        case
            when until_points is null and points > from_points then points / cast(from_points as double)
            else 1
        end as times_longest
    from placed
)

select
    {{ spc_chart_columns() }},
    is_chosen,
    chart_type,
    phase,
    points,
    signal,
    signal_direction,
    point_type,
    has_any_signal,
    has_signal_at_end,
    strength,
    1 - power(1 - any_point_rate, times_longest) as any_point_rate,
    any_point_se * times_longest as any_point_se,
    end_rate,
    end_se,
    case when has_signal_at_end then {{ spc_chance_of_strength('strength') }} end as p_value
from between_lengths
