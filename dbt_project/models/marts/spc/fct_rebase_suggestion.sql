with
criterion as (
    select
        highest_p_value,
        lowest_share_beyond,
        evidence_days,
        evidence_days_after
    from {{ ref('rebase_criterion') }}
),

measures as (
    select
        measure_id,
        project_id,
        improvement_direction
    from {{ ref('dim_measure') }}
    where is_latest
),

charts as (
    select
        {{ spc_chart_columns() }}
    from {{ ref('int_spc__summaries') }}
    where is_chosen
),

suggested as (
    select
        {{ spc_chart_columns('charts') }},
        measures.project_id,
        changes.chart_type,
        changes.phase,
        changes.period_start as suggested_period_start,
        case
            when measures.improvement_direction = 'neutral' then 'neutral'
            when (changes.mean_after > changes.mean_before) = (measures.improvement_direction = 'increase')
                then 'improvement'
            else 'concern'
        end as change_type,
        changes.points_before,
        changes.points_after,
        changes.mean_before,
        changes.mean_after,
        changes.mean_after - changes.mean_before as difference,
        (changes.mean_after - changes.mean_before) / changes.sigma as difference_sigmas,
        changes.points_beyond / cast(changes.points_after as double) as share_beyond,
        changes.special_cause_points,
        changes.log_likelihood_ratio,
        changes.p_value,
        criterion.evidence_days,
        criterion.evidence_days_after
    from {{ ref('int_spc__change_points') }} as changes
    inner join charts on changes.series_id = charts.series_id and changes.rule_set_id = charts.rule_set_id
    inner join measures on charts.measure_id = measures.measure_id
    cross join criterion
    where
        changes.p_value <= criterion.highest_p_value
        and changes.points_beyond >= criterion.lowest_share_beyond * changes.points_after
        and changes.special_cause_points > 0
),

notes as (
    select
        suggested.series_id,
        suggested.rule_set_id,
        events.period_start,
        events.reason,
        row_number() over (
            partition by suggested.series_id, suggested.rule_set_id
            order by
                abs({{ days_between('events.period_start', 'suggested.suggested_period_start') }}) nulls last,
                events.period_start nulls last,
                events.event_id nulls last
        ) as nearness
    from suggested
    inner join {{ ref('fct_measure_event') }} as events
        on suggested.series_id = events.series_id and events.event = 'annotate'
    where
        abs({{ days_between('events.period_start', 'suggested.suggested_period_start') }}) <= suggested.evidence_days
),

-- A cycle explains a change when it was being tried, or was adopted, not long before it.
cycles as (
    select
        suggested.series_id,
        suggested.rule_set_id,
        cycles.cycle_id,
        cycles.started_on,
        cycles.decision,
        row_number() over (
            partition by suggested.series_id, suggested.rule_set_id
            order by
                case when cycles.decision = 'adopt' then 0 else 1 end asc nulls last,
                cycles.started_on desc nulls last,
                cycles.cycle_id asc nulls last
        ) as nearness
    from suggested
    inner join {{ ref('fct_pdsa_cycle') }} as cycles on suggested.project_id = cycles.project_id
    where
        {{ days_between('cycles.started_on', 'suggested.suggested_period_start') }}
        between -suggested.evidence_days_after and suggested.evidence_days
)

select
    {{ spc_chart_columns('suggested') }},
    suggested.project_id,
    suggested.chart_type,
    suggested.phase,
    suggested.suggested_period_start,
    suggested.change_type,
    suggested.points_before,
    suggested.points_after,
    suggested.mean_before,
    suggested.mean_after,
    suggested.difference,
    suggested.difference_sigmas,
    suggested.share_beyond,
    suggested.special_cause_points,
    suggested.log_likelihood_ratio,
    suggested.p_value,
    notes.period_start as annotation_period_start,
    notes.reason as annotation,
    cycles.cycle_id as pdsa_cycle_id,
    cycles.started_on as pdsa_cycle_started_on,
    cycles.decision as pdsa_decision,
    notes.series_id is not null or cycles.series_id is not null as has_explanation
from suggested
left join notes
    on
        suggested.series_id = notes.series_id
        and suggested.rule_set_id = notes.rule_set_id
        and notes.nearness = 1
left join cycles
    on
        suggested.series_id = cycles.series_id
        and suggested.rule_set_id = cycles.rule_set_id
        and cycles.nearness = 1
