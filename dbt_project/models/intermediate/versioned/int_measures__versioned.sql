{{ versioned(
    rows=ref('stg_lake__measures'),
    extract='measures',
    key=['measure_id'],
    scope=['measure_id'],
    content=[
        'measure_name', 'project_id', 'family', 'unit_of_measure', 'chart_type', 'rule_set_id',
        'improvement_direction', 'purpose', 'frequency', 'multiplier', 'definition', 'quality_domain',
        'starts_on', 'ends_on'
    ]
) }}
