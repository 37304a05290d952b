{{ versioned(
    rows=ref('stg_lake__measure_events'),
    extract='measure_events',
    key=['measure_id', 'organisation_code', 'unit_code', 'stratum', 'period_start', 'event'],
    scope=['measure_id', 'organisation_code', 'period_start', 'event'],
    content=['reason', 'recorded_by_role']
) }}
