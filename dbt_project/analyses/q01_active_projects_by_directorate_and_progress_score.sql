-- Question 1: how many projects are active, by directorate and progress score?
--
-- Read: one row for each organisation, directorate and score. projects_scored_long_ago are those whose
-- score is older than the parameter: their score says little. median_days_since_scored shows how stale.
-- Caveats: teams set the score by hand. A project without a unit, or whose unit names no directorate,
-- stands under '(no directorate)'; one without a score under '(not scored)'.
-- depends_on: {{ ref('fct_project') }}, {{ ref('vocabulary') }}
with
parameters as (
    select 180 as stale_after_days
),

active as (
    select
        organisation_code,
        coalesce(directorate, '(no directorate)') as directorate,
        progress_score,
        days_since_scored
    from core.fct_project
    where is_active
),

scores as (
    select
        cast(value as double) as progress_score,
        label
    from core.vocabulary
    where vocabulary = 'progress_score'
)

select
    active.organisation_code,
    active.directorate,
    active.progress_score,
    coalesce(scores.label, '(not scored)') as progress,
    count(*) as active_projects,
    cast(sum(case when active.days_since_scored > parameters.stale_after_days then 1 else 0 end) as bigint)
        as projects_scored_long_ago,
    median(active.days_since_scored) as median_days_since_scored
from active
cross join parameters
left join scores on active.progress_score = scores.progress_score
group by active.organisation_code, active.directorate, active.progress_score, scores.label
order by active.organisation_code, active.directorate, active.progress_score nulls last
