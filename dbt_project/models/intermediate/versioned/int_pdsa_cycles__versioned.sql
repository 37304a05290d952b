{{ versioned(
    rows=ref('stg_lake__pdsa_cycles'),
    extract='pdsa_cycles',
    key=['cycle_id'],
    scope=['cycle_id'],
    content=[
        'project_id', 'cycle_number', 'change_idea', 'measure_id', 'planned_on', 'started_on', 'studied_on',
        'completed_on', 'prediction', 'has_data', 'study_finding', 'decision'
    ]
) }}
