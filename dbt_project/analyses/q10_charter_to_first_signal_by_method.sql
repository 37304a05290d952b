-- Question 10: how long is it from charter to the first signal, by improvement method?
--
-- Read: one row a method. projects have an outcome measure with points after their charter; signalled of them show
-- an improvement. median_days is the day by which half would have one (Kaplan-Meier): projects without a signal
-- count for as long as they were watched, and the median is empty when fewer than half got one. after_adopt
-- of the signalled ones began to improve after a change was adopted, before_first_test before any was tried.
-- Caveats: methods are chosen for different problems, so this compares projects and not methods. Leaving
-- out the projects without a signal would make every method look quick. The earliest signal of a project's
-- outcome measures counts, so that a project with many measures has more chances.
-- depends_on: {{ ref('fct_time_to_signal') }}
with
parameters as (
    select
        'outcome' as measure_family,
        0.5 as half
),

-- A project is watched until its first signal, or until the last of its measures ends.
watched as (
    select
        signals.project_id,
        coalesce(any_value(signals.method), 'not recorded') as method, -- noqa: RF04
        min(signals.chartered_on) as chartered_on,
        min(signals.signalled_on) as signalled_on,
        max(signals.observed_until) as observed_until,
        arg_min(signals.signal_order, signals.signalled_on) as signal_order
    from spc.fct_time_to_signal as signals
    inner join parameters on signals.family = parameters.measure_family
    where signals.chartered_on is not null
    group by signals.project_id
),

durations as (
    select
        project_id,
        method,
        signal_order,
        signalled_on is not null as has_signal,
        greatest(datediff('day', chartered_on, coalesce(signalled_on, observed_until)), 0) as days_watched
    from watched
),

-- Of those still watched on a day, how many got their signal on it.
days_with_signals as (
    select
        events.method,
        events.days_watched,
        count(distinct events.project_id) as signals,
        count(distinct peers.project_id) as at_risk
    from durations as events
    inner join durations as peers
        on events.method = peers.method and events.days_watched <= peers.days_watched
    where events.has_signal
    group by events.method, events.days_watched
),

survival as (
    select
        method,
        days_watched,
        exp(
            sum(case when at_risk > signals then ln(1 - signals / at_risk) else -1e9 end)
                over (partition by method order by days_watched)
        ) as without_signal
    from days_with_signals
),

medians as (
    select
        survival.method,
        min(survival.days_watched) as median_days
    from survival
    cross join parameters
    where survival.without_signal <= parameters.half + 1e-9
    group by survival.method
)

select
    durations.method,
    count(*) as projects,
    count(case when durations.has_signal then 1 end) as signalled,
    any_value(medians.median_days) as median_days,
    count(case when durations.signal_order = 'after_adopt' then 1 end) as after_adopt,
    count(case when durations.signal_order = 'before_first_test' then 1 end) as before_first_test
from durations
left join medians on durations.method = medians.method
group by durations.method
order by projects desc, durations.method asc
