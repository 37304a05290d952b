{#- A mean's last digits depend on the order in which it was summed. -#}
{%- set decimals = 6 -%}
with
clock as (
    select as_of_date
    from {{ ref('stg_tonight__clock') }}
),

projects as (
    select
        project_id,
        organisation_code,
        chartered_on,
        progress_score,
        progress_scored_on,
        days_since_scored,
        members,
        measures,
        measure_points,
        pdsa_cycles,
        pdsa_cycles_completed,
        is_active
    from {{ ref('fct_project') }}
),

rules as (
    select
        rule_version,
        progress_score,
        evidence,
        at_least,
        meaning
    from {{ ref('progress_rule') }}
    qualify rule_version = max(rule_version) over ()
),

versions as (
    select max(rule_version) as rule_version
    from rules
),

signals as (
    select
        project_id,
        min(signal_began_on) as signal_began_on
    from {{ ref('fct_time_to_signal') }}
    where family = 'outcome' and not is_censored
    group by project_id
),

-- What the charts still show: an improvement that has gone again is no evidence.
standing as (
    select
        measures.project_id,
        count(*) as outcome_signals
    from {{ ref('fct_spc_status') }} as status
    inner join {{ ref('dim_measure') }} as measures
        on status.measure_id = measures.measure_id and measures.is_latest and measures.family = 'outcome'
    where
        status.is_chosen
        and measures.project_id is not null
        and status.variation_icon in ('improvement_high', 'improvement_low')
    group by measures.project_id
),

levels as (
    select
        project_id,
        organisation_code,
        measure_id,
        round(avg(case when not is_after then value end), {{ decimals }}) as baseline,
        round(avg(case when is_current then value end), {{ decimals }}) as current_level
    from {{ ref('int_metrics__primary_points') }}
    group by project_id, organisation_code, measure_id
),

aims as (
    select
        levels.project_id,
        levels.baseline,
        levels.current_level,
        targets.target,
        round(
            100e0 * (levels.current_level - levels.baseline) / nullif(targets.target - levels.baseline, 0),
            {{ decimals }}
        ) as aim_share_pct
    from levels
    inner join {{ ref('dim_target') }} as targets
        on
            levels.measure_id = targets.measure_id
            and (targets.organisation_code is null or levels.organisation_code = targets.organisation_code)
    where targets.is_latest and not targets.is_withdrawn
    qualify row_number() over (
        partition by levels.project_id
        order by targets.organisation_code asc nulls last, targets.valid_from desc
    ) = 1
),

amounts as (
    select
        projects.project_id,
        projects.organisation_code,
        projects.chartered_on,
        projects.members,
        projects.measures,
        projects.measure_points,
        projects.pdsa_cycles,
        projects.pdsa_cycles_completed,
        coalesce(standing.outcome_signals, 0) as outcome_signals,
        case
            when standing.outcome_signals > 0 then {{ days_between('signals.signal_began_on', 'clock.as_of_date') }}
        end as days_since_signal,
        aims.baseline,
        aims.current_level,
        aims.target,
        aims.aim_share_pct
    from projects
    cross join clock
    left join standing on projects.project_id = standing.project_id
    left join signals on projects.project_id = signals.project_id
    left join aims on projects.project_id = aims.project_id
),

judged as (
    select
        amounts.project_id,
        rules.progress_score,
        rules.meaning,
        coalesce(
            case rules.evidence
                when 'is_registered' then 1
                when 'has_charter' then case when amounts.chartered_on is not null then 1 else 0 end
                when 'members' then amounts.members
                when 'plans' then amounts.measures + amounts.pdsa_cycles
                when 'activities' then amounts.measure_points + amounts.pdsa_cycles
                when 'tests_completed' then amounts.pdsa_cycles_completed
                when 'outcome_signals' then amounts.outcome_signals
                when 'days_since_signal' then amounts.days_since_signal
                when 'aim_share_pct' then amounts.aim_share_pct
            end >= rules.at_least,
            false
        ) as is_met
    from amounts
    cross join rules
),

-- A score stands on all that the scores below it ask for.
first_missing as (
    select
        project_id,
        min(case when not is_met then progress_score end) as first_missing_score
    from judged
    group by project_id
),

computed as (
    select
        judged.project_id,
        max(
            case
                when judged.progress_score < coalesce(first_missing.first_missing_score, 99) then judged.progress_score
            end
        ) as computed_score
    from judged
    inner join first_missing on judged.project_id = first_missing.project_id
    group by judged.project_id
),

-- What is missing for the score that the team claims, or else for the next one.
missing as (
    select
        judged.project_id,
        {{ dbt.listagg('judged.meaning', "' '", 'order by judged.progress_score, judged.meaning') }} as missing_evidence
    from judged
    inner join projects on judged.project_id = projects.project_id
    inner join first_missing on judged.project_id = first_missing.project_id
    where
        not judged.is_met
        and judged.progress_score <= greatest(coalesce(projects.progress_score, 0), first_missing.first_missing_score)
    group by judged.project_id
)

select
    projects.project_id,
    projects.organisation_code,
    projects.is_active,
    projects.progress_score as self_score,
    projects.progress_scored_on as self_scored_on,
    projects.days_since_scored,
    computed.computed_score,
    projects.progress_score - computed.computed_score as score_gap,
    missing.missing_evidence,
    versions.rule_version,
    amounts.baseline,
    amounts.current_level,
    amounts.target,
    amounts.aim_share_pct,
    amounts.outcome_signals,
    amounts.days_since_signal
from projects
inner join amounts on projects.project_id = amounts.project_id
inner join computed on projects.project_id = computed.project_id
cross join versions
left join missing on projects.project_id = missing.project_id
