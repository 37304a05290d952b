with
clock as (
    select
        as_of_date,
        {{ month_start('as_of_date') }} as current_month
    from {{ ref('stg_tonight__clock') }}
),

projects as (
    select
        projects.project_id,
        projects.chartered_on,
        projects.closed_on,
        {{ month_start('coalesce(projects.chartered_on, projects.started_on, cast(projects.valid_from as date))') }}
            as first_month,
        least({{ month_start('coalesce(projects.closed_on, clock.as_of_date)') }}, clock.current_month)
            as last_month
    from {{ ref('fct_project') }} as projects
    cross join clock
),

months as (
    select
        dates.month_starts_on,
        least(dates.month_ends_on, clock.as_of_date) as known_on
    from {{ ref('dim_date') }} as dates
    cross join clock
    where dates.day_of_month = 1 and dates.month_starts_on <= clock.current_month
),

project_months as (
    select
        projects.project_id,
        months.month_starts_on,
        months.known_on,
        projects.closed_on is null or projects.closed_on > months.known_on as is_open
    from projects
    inner join months on months.month_starts_on between projects.first_month and projects.last_month
),

versions as (
    select
        project_id,
        status,
        progress_score,
        coalesce(progress_scored_on, cast(valid_from as date)) as progress_scored_on,
        valid_from,
        valid_to,
        revision_number
    from {{ ref('dim_project') }}
    where was_in_force and not is_withdrawn
),

known as (
    select
        project_months.project_id,
        project_months.month_starts_on,
        versions.status
    from project_months
    inner join versions
        on
            project_months.project_id = versions.project_id
            and versions.valid_from < {{ at_midnight(add_days(1, 'project_months.known_on')) }}
            and versions.valid_to >= {{ at_midnight(add_days(1, 'project_months.known_on')) }}
),

scored as (
    select
        project_months.project_id,
        project_months.month_starts_on,
        versions.progress_score,
        versions.progress_scored_on,
        row_number() over (
            partition by project_months.project_id, project_months.month_starts_on
            order by versions.progress_scored_on desc nulls last, versions.revision_number desc nulls last
        ) as recency
    from project_months
    inner join versions
        on
            project_months.project_id = versions.project_id
            and project_months.known_on >= versions.progress_scored_on
    where versions.progress_score is not null
),

cycles_started as (
    select
        project_id,
        {{ month_start('started_on') }} as month_starts_on,
        count(*) as cycles
    from {{ ref('fct_pdsa_cycle') }}
    group by 1, 2
),

cycles_completed as (
    select
        project_id,
        {{ month_start('completed_on') }} as month_starts_on,
        count(*) as cycles
    from {{ ref('fct_pdsa_cycle') }}
    where completed_on is not null
    group by 1, 2
),

points as (
    select
        measures.project_id,
        {{ month_start('points.period_start') }} as month_starts_on,
        count(*) as measure_points
    from {{ ref('fct_measure_point') }} as points
    inner join {{ ref('dim_measure') }} as measures
        on points.measure_id = measures.measure_id and measures.is_latest and not measures.is_withdrawn
    where points.is_latest and not points.is_withdrawn and measures.project_id is not null
    group by 1, 2
)

select
    {{ surrogate_key(['project_months.project_id', 'project_months.month_starts_on']) }} as project_month_id,
    project_months.project_id,
    project_months.month_starts_on as month_start,
    project_months.is_open,
    known.status as status_known,
    scored.progress_score,
    scored.progress_scored_on,
    coalesce(cycles_started.cycles, 0) as pdsa_cycles_started,
    coalesce(cycles_completed.cycles, 0) as pdsa_cycles_completed,
    coalesce(points.measure_points, 0) as measure_points
from project_months
left join known
    on
        project_months.project_id = known.project_id
        and project_months.month_starts_on = known.month_starts_on
left join scored
    on
        project_months.project_id = scored.project_id
        and project_months.month_starts_on = scored.month_starts_on
        and scored.recency = 1
left join cycles_started
    on
        project_months.project_id = cycles_started.project_id
        and project_months.month_starts_on = cycles_started.month_starts_on
left join cycles_completed
    on
        project_months.project_id = cycles_completed.project_id
        and project_months.month_starts_on = cycles_completed.month_starts_on
left join points
    on
        project_months.project_id = points.project_id
        and project_months.month_starts_on = points.month_starts_on
