with
clock as (
    select
        tonight.as_of_date,
        {{ add_months('-margins.months_counted', 'tonight.as_of_date') }} as from_date
    from {{ ref('stg_tonight__clock') }} as tonight
    inner join {{ ref('rag_margin') }} as margins on margins.measure_id is null
),

series as (
    select
        {{ series_columns() }}
    from {{ ref('int_spc__summaries') }}
    where is_chosen and target is not null
),

changes as (
    select
        changes.series_id,
        changes.change_reason
    from {{ ref('fct_rag_change') }} as changes
    cross join clock
    where changes.period_start > clock.from_date and changes.period_start <= clock.as_of_date
),

counted as (
    select
        series_id,
        count(*) as colour_changes,
        count(case when change_reason = 'target_changed' then 1 end) as target_changed,
        count(case when change_reason = 'special_cause' then 1 end) as special_cause,
        count(case when change_reason = 'noise' then 1 end) as noise
    from changes
    group by series_id
),

by_series as (
    select
        {{ series_columns('series') }},
        coalesce(counted.colour_changes, 0) as colour_changes,
        coalesce(counted.target_changed, 0) as target_changed,
        coalesce(counted.special_cause, 0) as special_cause,
        coalesce(counted.noise, 0) as noise
    from series
    left join counted on series.series_id = counted.series_id
),

levels as (
    select
        'series' as level_name,
        {{ series_columns() }},
        1 as series,
        colour_changes,
        target_changed,
        special_cause,
        noise
    from by_series
    union all
    select
        'organisation' as level_name,
        null as series_id,
        null as measure_id,
        organisation_code,
        null as unit_code,
        null as stratum,
        count(*) as series,
        sum(colour_changes) as colour_changes,
        sum(target_changed) as target_changed,
        sum(special_cause) as special_cause,
        sum(noise) as noise
    from by_series
    group by organisation_code
    union all
    select
        'portfolio' as level_name,
        null as series_id,
        null as measure_id,
        null as organisation_code,
        null as unit_code,
        null as stratum,
        count(*) as series,
        sum(colour_changes) as colour_changes,
        sum(target_changed) as target_changed,
        sum(special_cause) as special_cause,
        sum(noise) as noise
    from by_series
    having count(*) > 0
)

select
    {{ surrogate_key(['levels.level_name', 'levels.organisation_code', 'levels.series_id']) }} as rag_noise_id,
    levels.level_name,
    {{ series_columns('levels') }},
    clock.from_date,
    clock.as_of_date,
    cast(levels.series as bigint) as series,
    cast(levels.colour_changes as bigint) as colour_changes,
    cast(levels.target_changed as bigint) as changes_by_target,
    cast(levels.special_cause as bigint) as changes_with_special_cause,
    cast(levels.noise as bigint) as changes_by_noise,
    100e0 * levels.noise / nullif(levels.noise + levels.special_cause, 0) as noise_pct
from levels
cross join clock
