{%- set rate_step = 'power(2e0, -60)' %}
with
-- Charts of one kind and length, of which chance asks the same.
charts as (
    select
        chances.organisation_code,
        chances.rule_set_id,
        bands.points_band,
        chances.points,
        chances.any_point_rate,
        chances.any_point_se,
        chances.end_rate,
        chances.end_se,
        count(*) as series,
        count(case when chances.has_any_signal then 1 end) as flagged_anywhere,
        count(case when chances.has_signal_at_end then 1 end) as flagged_at_end
    from {{ ref('int_spc__chances') }} as chances
    inner join {{ ref('points_band') }} as bands
        on
            chances.points >= bands.from_points
            and (chances.points < bands.until_points or bands.until_points is null)
    group by
        chances.organisation_code,
        chances.rule_set_id,
        bands.points_band,
        chances.points,
        chances.any_point_rate,
        chances.any_point_se,
        chances.end_rate,
        chances.end_se
),

asked as (
    select
        organisation_code,
        rule_set_id,
        points_band,
        points,
        series,
        'any point' as signal_scope,
        flagged_anywhere as flagged,
        any_point_rate as rate,
        any_point_se as rate_se
    from charts
    union all
    select
        organisation_code,
        rule_set_id,
        points_band,
        points,
        series,
        'last point' as signal_scope,
        flagged_at_end as flagged,
        end_rate as rate,
        end_se as rate_se
    from charts
),

levels as (
    select
        'organisation' as level_name,
        true as is_banded
    union all
    select
        'organisation' as level_name,
        false as is_banded
    union all
    select
        'portfolio' as level_name,
        true as is_banded
    union all
    select
        'portfolio' as level_name,
        false as is_banded
),

-- They count in four groups: their organisation or all, their length or all.
grouped as (
    select
        asked.*,
        levels.level_name,
        case when levels.level_name = 'organisation' then asked.organisation_code end as group_organisation_code,
        case when levels.is_banded then asked.points_band else 'all' end as group_points_band
    from asked
    cross join levels
),

counted as (
    select
        level_name,
        group_organisation_code as organisation_code,
        rule_set_id,
        group_points_band as points_band,
        signal_scope,
        min(points) as fewest_points,
        max(points) as most_points,
        sum(series) as series,
        sum(flagged) as flagged,
        {{ exact_sum('series * rate', rate_step) }} as expected_by_chance,
        {{ exact_sum('series * rate_se', rate_step) }} as expected_se,
        sqrt({{ exact_sum('series * rate * (1 - rate)', rate_step) }}) as standard_deviation
    from grouped
    group by level_name, group_organisation_code, rule_set_id, group_points_band, signal_scope
),

-- The binomial of the mean rate; rates of 0 and 1 are simulated ones, and nothing is that certain.
asked_of_chance as (
    select
        *,
        greatest(least(expected_by_chance / series, 1 - 1e-9), 1e-9) as mean_rate
    from counted
),

-- One row a count from the flagged on to all. Numbers of rows stand for the numbers of series.
numbers as (
    select row_number() over (order by points nulls last) as hits
    from {{ ref('int_spc__chances') }}
),

terms as (
    select
        asked_of_chance.level_name,
        asked_of_chance.organisation_code,
        asked_of_chance.rule_set_id,
        asked_of_chance.points_band,
        asked_of_chance.signal_scope,
        {{ binomial_probability('numbers.hits', 'asked_of_chance.series', 'asked_of_chance.mean_rate') }} as term
    from asked_of_chance
    inner join numbers
        on
            numbers.hits between asked_of_chance.flagged and asked_of_chance.series
            -- What lies further from the mean than 12 standard deviations adds nothing that a double holds.
            and numbers.hits <= greatest(
                asked_of_chance.flagged + 100,
                asked_of_chance.expected_by_chance + 12 * sqrt(asked_of_chance.series) + 100
            )
    where asked_of_chance.flagged > 0
),

stepped as (
    select
        *,
        {{ sum_step('max(term) over one_group') }} as step
    from terms
    window one_group as (partition by level_name, organisation_code, rule_set_id, points_band, signal_scope)
),

tails as (
    select
        level_name,
        organisation_code,
        rule_set_id,
        points_band,
        signal_scope,
        {{ exact_sum('term', 'step') }} as tail
    from stepped
    group by level_name, organisation_code, rule_set_id, points_band, signal_scope
)

select
    {{ surrogate_key([
        'counted.level_name', 'counted.organisation_code', 'counted.rule_set_id', 'counted.points_band',
        'counted.signal_scope'
    ]) }} as false_alarm_id,
    counted.level_name,
    counted.organisation_code,
    counted.rule_set_id,
    counted.points_band,
    counted.signal_scope,
    cast(counted.fewest_points as bigint) as fewest_points,
    cast(counted.most_points as bigint) as most_points,
    cast(counted.series as bigint) as series,
    cast(counted.flagged as bigint) as flagged,
    counted.expected_by_chance,
    counted.expected_se,
    counted.standard_deviation,
    least(1.0, case when counted.flagged = 0 then 1.0 else tails.tail end) as probability_of_so_many,
    greatest(counted.flagged - counted.expected_by_chance, 0) as flagged_beyond_chance
from counted
left join tails
    on
        counted.level_name = tails.level_name
        and counted.organisation_code is not distinct from tails.organisation_code
        and counted.rule_set_id = tails.rule_set_id
        and counted.points_band = tails.points_band
        and counted.signal_scope = tails.signal_scope
