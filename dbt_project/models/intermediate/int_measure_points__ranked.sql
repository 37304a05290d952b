-- Measure points with the rank of their edition; a withdrawn edition carries no numbers.
with
points as (
    select
        measure_id,
        organisation_code,
        unit_code,
        stratum,
        period_start,
        period_end,
        value,
        numerator,
        denominator,
        subgroup_size,
        subgroup_mean,
        subgroup_sd,
        edition,
        suppression_reason,
        published_on,
        received_at,
        load_id,
        source_row
    from {{ ref('stg_lake__measure_points') }}
),

editions as (
    select
        edition,
        edition_rank,
        is_withdrawal
    from {{ ref('edition') }}
)

select
    points.measure_id,
    points.organisation_code,
    points.unit_code,
    points.stratum,
    points.period_start,
    points.period_end,
    case when not editions.is_withdrawal then points.value end as value,
    case when not editions.is_withdrawal then points.numerator end as numerator,
    case when not editions.is_withdrawal then points.denominator end as denominator,
    case when not editions.is_withdrawal then points.subgroup_size end as subgroup_size,
    case when not editions.is_withdrawal then points.subgroup_mean end as subgroup_mean,
    case when not editions.is_withdrawal then points.subgroup_sd end as subgroup_sd,
    points.edition,
    editions.edition_rank,
    editions.is_withdrawal,
    points.suppression_reason,
    points.published_on,
    points.received_at,
    points.load_id,
    points.source_row
from points
inner join editions on points.edition = editions.edition
