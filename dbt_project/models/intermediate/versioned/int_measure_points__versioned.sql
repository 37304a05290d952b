{{ versioned(
    rows=ref('int_measure_points__ranked'),
    extract='measure_points',
    key=['measure_id', 'organisation_code', 'unit_code', 'stratum', 'period_start'],
    scope=['measure_id', 'organisation_code', 'period_start'],
    content=[
        'period_end', 'value', 'numerator', 'denominator', 'subgroup_size', 'subgroup_mean', 'subgroup_sd',
        'suppression_reason', 'edition'
    ],
    rank_by='edition_rank',
    withdrawn_if='delivered.is_withdrawal'
) }}
