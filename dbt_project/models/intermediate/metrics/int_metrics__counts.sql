{#-
    Shares: how many of how many, by metric. `whole` and `part` are conditions on rows of `from`. A share of a cohort
    is about the projects chartered in a financial year; one of the month is about how things are. What is `by_unit`
    is counted for the units of an organisation too.
-#}
{%- set months_of_cycles = 12 -%}
{%- set days_until_a_cycle_is_complete = 60 -%}
{%- set months_of_deliveries = 6 -%}
{%- set busiest_share = 0.2 -%}
{%- set shares = [
    {'metric': 'O01', 'from': 'projects', 'whole': 'is_due', 'part': 'is_met', 'is_cohort': true},
    {'metric': 'O02', 'from': 'projects', 'whole': 'is_closed_with_outcome', 'part': 'is_met', 'is_cohort': true},
    {'metric': 'O06', 'from': 'series', 'whole': 'true', 'part': 'is_improving'},
    {'metric': 'O07', 'from': 'sustained', 'whole': 'true', 'part': 'is_sustained', 'is_cohort': true},
    {'metric': 'O17', 'from': 'mix', 'whole': 'true', 'part': 'is_of_domain', 'stratum_column': 'quality_domain'},
    {'metric': 'M33', 'from': 'purposes', 'whole': 'true', 'part': 'is_of_purpose', 'stratum_column': 'purpose'},
    {'metric': 'O19', 'from': 'projects', 'whole': 'is_active', 'part': 'is_cross_organisation'},
    {'metric': 'O22', 'from': 'projects', 'whole': 'is_active', 'part': 'has_stratified_outcome'},
    {'metric': 'M06', 'from': 'open_units', 'whole': 'true', 'part': 'projects > 0'},
    {'metric': 'M07', 'from': 'projects', 'whole': 'is_active and method is not null', 'part': 'is_on_declared_method'},
    {'metric': 'M08', 'from': 'cycles', 'whole': 'true', 'part': 'has_prediction', 'stratum': 'prediction',
        'by_unit': true},
    {'metric': 'M08', 'from': 'cycles', 'whole': 'true', 'part': 'has_data', 'stratum': 'data',
        'by_unit': true},
    {'metric': 'M08', 'from': 'cycles', 'whole': 'true', 'part': 'has_study', 'stratum': 'study',
        'by_unit': true},
    {'metric': 'M08', 'from': 'cycles', 'whole': 'true', 'part': 'has_decision', 'stratum': 'decision',
        'by_unit': true},
    {'metric': 'M09', 'from': 'projects', 'whole': 'is_active', 'part': 'has_measure_set'},
    {'metric': 'M10', 'from': 'expected', 'whole': 'true', 'part': 'is_received', 'by_unit': true},
    {'metric': 'M11', 'from': 'progress', 'whole': 'is_active and self_score is not null', 'part': 'score_gap > 0'},
    {'metric': 'M12', 'from': 'projects', 'whole': 'is_active and has_involvement', 'part': 'is_big_i',
        'stratum': 'big_i'},
    {'metric': 'M12', 'from': 'projects', 'whole': 'is_active and has_involvement', 'part': 'is_involving',
        'stratum': 'big_i or little_i'},
    {'metric': 'M24', 'from': 'projects', 'whole': 'is_active and origin is not null', 'part': 'is_from_the_front_line'},
    {'metric': 'M27', 'from': 'projects', 'whole': 'is_active', 'part': 'has_coach_and_sponsor'},
] -%}
with
clock as (
    select
        as_of_date,
        {{ month_start('as_of_date') }} as month_start,
        {{ add_days(-1, add_months(1, month_start('as_of_date'))) }} as month_end,
        {{ add_months(-months_of_cycles, 'as_of_date') }} as cycles_from,
        {{ add_days(-days_until_a_cycle_is_complete, 'as_of_date') }} as cycles_until,
        {{ add_months(-months_of_deliveries, 'as_of_date') }} as deliveries_from
    from {{ ref('stg_tonight__clock') }}
),

projects as (
    select * from {{ ref('int_metrics__projects') }}
),

open_units as (
    select
        units.organisation_code,
        units.unit_code,
        count(active.project_id) as projects
    from {{ ref('dim_unit') }} as units
    cross join clock
    left join {{ ref('fct_project') }} as active
        on
            units.organisation_code = active.organisation_code
            and units.unit_code = active.unit_code
            and active.is_active
    where
        units.is_latest
        and not units.is_withdrawn
        and units.parent_unit_code is not null
        and (units.closed_on is null or units.closed_on > clock.as_of_date)
    group by units.organisation_code, units.unit_code
),

series as (
    select
        status.organisation_code,
        status.variation_icon in ('improvement_high', 'improvement_low') as is_improving
    from {{ ref('fct_spc_status') }} as status
    inner join {{ ref('dim_measure') }} as measures
        on status.measure_id = measures.measure_id and measures.is_latest and not measures.is_withdrawn
    where
        status.is_chosen
        and status.variation_icon <> 'none'
        and status.stratum = 'all'
        and measures.family = 'outcome'
        and measures.project_id is not null
),

-- Points of outcome measures that ended in the year after a project had met its aim.
kept as (
    select
        projects.project_id,
        count(*) as points,
        count(case when points.point_type = 'concern' then 1 end) as concerns
    from projects
    inner join {{ ref('dim_measure') }} as measures
        on projects.project_id = measures.project_id and measures.is_latest and measures.family = 'outcome'
    inner join {{ ref('fct_spc_point') }} as points
        on
            measures.measure_id = points.measure_id
            and points.is_chosen
            and projects.closed_on < points.period_start
            and {{ add_months(12, 'projects.closed_on') }} >= points.period_end
            and points.value is not null
    where projects.is_met_a_year_ago
    group by projects.project_id
),

sustained as (
    select
        projects.organisation_code,
        projects.cohort_start,
        projects.cohort_end,
        kept.concerns = 0 as is_sustained
    from projects
    inner join kept on projects.project_id = kept.project_id
    where kept.points >= 6
),

cycles as (
    select
        projects.organisation_code,
        projects.unit_code,
        cycles.has_prediction,
        cycles.has_data,
        cycles.has_study,
        cycles.has_decision
    from {{ ref('fct_pdsa_cycle') }} as cycles
    cross join clock
    inner join projects on cycles.project_id = projects.project_id
    where cycles.started_on between clock.cycles_from and clock.cycles_until
),

expected as (
    select
        projects.organisation_code,
        projects.unit_code,
        expected.status = 'received' as is_received
    from {{ ref('fct_expected_point') }} as expected
    cross join clock
    inner join {{ ref('dim_measure') }} as measures
        on expected.measure_id = measures.measure_id and measures.is_latest
    inner join projects on measures.project_id = projects.project_id and projects.is_active
    where
        expected.due_on between clock.deliveries_from and clock.as_of_date
        and expected.status <> 'closed'
),

domains as (
    select distinct coalesce(quality_domain, 'not recorded') as quality_domain
    from projects
    where is_active
),

-- Every active project under every domain, so that an organisation with none of a domain counts too.
mix as (
    select
        projects.organisation_code,
        domains.quality_domain,
        domains.quality_domain = coalesce(projects.quality_domain, 'not recorded') as is_of_domain
    from projects
    cross join domains
    where projects.is_active
),

purposes_known as (
    select distinct purpose
    from {{ ref('dim_measure') }}
    where is_latest and not is_withdrawn and purpose is not null
),

-- Every measure that has a chart in an organisation under every purpose, as with domains.
purposes as (
    select
        charted.organisation_code,
        purposes_known.purpose,
        purposes_known.purpose = measures.purpose as is_of_purpose
    from (
        select distinct
            organisation_code,
            measure_id
        from {{ ref('fct_spc_status') }}
        where is_chosen
    ) as charted
    inner join {{ ref('dim_measure') }} as measures
        on charted.measure_id = measures.measure_id and measures.is_latest and not measures.is_withdrawn
    cross join purposes_known
    where measures.purpose is not null
),

progress as (
    select
        organisation_code,
        is_active,
        self_score,
        score_gap
    from {{ ref('fct_progress_score') }}
),

shares as (
    {%- for share in shares %}
    {%- set outer_loop = loop %}
    {%- for unit in ([none, share.from ~ '.unit_code'] if share.by_unit else [none]) %}
    select
        '{{ share.metric }}' as metric_id,
        {{ share.from }}.organisation_code,
        {{ unit or 'cast(null as ' ~ dbt.type_string() ~ ')' }} as unit_code,
        {{ share.from ~ '.cohort_start' if share.is_cohort else 'clock.month_start' }} as period_start,
        {{ share.from ~ '.cohort_end' if share.is_cohort else 'clock.month_end' }} as period_end,
        {{ share.stratum_column or "'" ~ (share.stratum or 'all') ~ "'" }} as stratum,
        count(case when {{ share.part }} then 1 end) as numerator,
        count(*) as denominator
    from {{ share.from }}
    cross join clock
    where {{ share.whole }}{{ ' and ' ~ unit ~ ' is not null' if unit }}
    group by all
    {%- if not (loop.last and outer_loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
),

adopted as (
    select
        projects.organisation_code,
        links.parent_project_id,
        count(distinct links.child_project_id) as adopters,
        max(links.eligible_units) as eligible_units
    from {{ ref('fct_spread_link') }} as links
    inner join projects on links.parent_project_id = projects.project_id
    where links.eligible_units is not null
    group by projects.organisation_code, links.parent_project_id
),

-- Units in the order of their projects: how much of the work lies in the busiest fifth?
ranked as (
    select
        organisation_code,
        projects,
        row_number() over (partition by organisation_code order by projects desc, unit_code asc) as place,
        count(*) over (partition by organisation_code) as units
    from open_units
),

sums as (
    select
        'O15' as metric_id,
        organisation_code,
        'all' as stratum,
        sum(adopters) as numerator,
        sum(eligible_units) as denominator
    from adopted
    group by organisation_code
    union all
    select
        'O18' as metric_id,
        organisation_code,
        'all' as stratum,
        sum(case when place <= ceil({{ busiest_share }} * units) then projects else 0 end) as numerator,
        sum(projects) as denominator
    from ranked
    group by organisation_code
    having sum(projects) > 0
    union all
    select
        'O10' as metric_id,
        organisation_code,
        'all' as stratum,
        changes_by_noise as numerator,
        changes_by_noise + changes_with_special_cause as denominator
    from {{ ref('fct_rag_noise') }}
    where level_name = 'organisation' and changes_by_noise + changes_with_special_cause > 0
    union all
    -- Projects per coach is no share: a coach may have many.
    select
        'M05' as metric_id,
        organisation_code,
        'all' as stratum,
        count(*) as numerator,
        count(distinct coach_id) as denominator
    from projects
    where is_active and coach_id is not null
    group by organisation_code
)

select
    metric_id,
    organisation_code,
    unit_code,
    cast(null as {{ dbt.type_string() }}) as measure_id,
    period_start,
    period_end,
    stratum,
    cast(numerator as double) as numerator,
    cast(denominator as double) as denominator
from shares
union all
select
    sums.metric_id,
    sums.organisation_code,
    cast(null as {{ dbt.type_string() }}) as unit_code,
    cast(null as {{ dbt.type_string() }}) as measure_id,
    clock.month_start as period_start,
    clock.month_end as period_end,
    sums.stratum,
    cast(sums.numerator as double) as numerator,
    cast(sums.denominator as double) as denominator
from sums
cross join clock
