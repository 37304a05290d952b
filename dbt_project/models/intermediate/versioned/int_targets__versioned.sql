{{ versioned(
    rows=ref('stg_lake__targets'),
    extract='targets',
    key=['measure_id', 'organisation_code', 'applies_from'],
    scope=['measure_id', 'applies_from'],
    content=['target', 'basis']
) }}
