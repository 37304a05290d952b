with
chances as (
    select
        {{ spc_chart_columns() }},
        is_chosen,
        chart_type,
        points,
        signal,
        signal_direction,
        point_type,
        has_signal_at_end,
        strength,
        p_value
    from {{ ref('int_spc__chances') }}
),

judged as (
    select
        rule_set_id,
        organisation_code,
        count(*) as series
    from chances
    group by rule_set_id, organisation_code
),

judged_by_all as (
    select
        rule_set_id,
        sum(series) as series
    from judged
    group by rule_set_id
),

ranked as (
    select
        chances.*,
        judged.series as series_in_organisation,
        judged_by_all.series as series_judged,
        row_number() over (
            partition by chances.rule_set_id
            order by chances.p_value asc nulls last, chances.strength desc nulls last, chances.series_id asc nulls last
        ) as signal_rank,
        row_number() over (
            partition by chances.rule_set_id, chances.organisation_code
            order by chances.p_value asc nulls last, chances.strength desc nulls last, chances.series_id asc nulls last
        ) as rank_in_organisation
    from chances
    inner join judged
        on
            chances.rule_set_id = judged.rule_set_id
            and chances.organisation_code = judged.organisation_code
    inner join judged_by_all on chances.rule_set_id = judged_by_all.rule_set_id
    where chances.has_signal_at_end
)

-- Benjamini & Hochberg 1995: the smallest share of false signals at which the series would still be listed.
select
    {{ spc_chart_columns() }},
    is_chosen,
    chart_type,
    points,
    signal,
    signal_direction,
    point_type,
    strength,
    p_value,
    cast(signal_rank as bigint) as signal_rank,
    cast(series_judged as bigint) as series_judged,
    least(
        1.0,
        min(series_judged * p_value / signal_rank) over (
            partition by rule_set_id
            order by signal_rank nulls last
            rows between current row and unbounded following
        )
    ) as false_discovery_rate,
    cast(rank_in_organisation as bigint) as rank_in_organisation,
    cast(series_in_organisation as bigint) as series_in_organisation,
    least(
        1.0,
        min(series_in_organisation * p_value / rank_in_organisation) over (
            partition by rule_set_id, organisation_code
            order by rank_in_organisation nulls last
            rows between current row and unbounded following
        )
    ) as false_discovery_rate_in_organisation
from ranked
