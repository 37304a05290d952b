with
-- A release that was killed before the lake noted it never happened.
releases as (
    select release_id
    from {{ ref('stg_lake__releases') }}
)

select
    metrics.release_id,
    metrics.published_at,
    metrics.metric_result_id,
    metrics.metric_id,
    metrics.organisation_code,
    metrics.unit_code,
    metrics.measure_id,
    metrics.period_start,
    metrics.period_end,
    metrics.stratum,
    metrics.value,
    metrics.lower,
    metrics.upper,
    metrics.numerator,
    metrics.denominator,
    metrics.n,
    metrics.p_value,
    metrics.homogeneity_p_value,
    metrics.method,
    metrics.suppression_reason,
    metrics.is_shown
from {{ ref('stg_lake__published_metrics') }} as metrics
inner join releases on metrics.release_id = releases.release_id
