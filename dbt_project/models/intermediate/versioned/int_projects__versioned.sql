{{ versioned(
    rows=ref('stg_lake__projects'),
    extract='projects',
    key=['project_id'],
    scope=['project_id'],
    content=[
        'organisation_code', 'unit_code', 'title', 'aim', 'method', 'origin', 'involvement',
        'involvement_recorded_on', 'chartered_on', 'started_on', 'due_on', 'closed_on', 'status', 'outcome',
        'progress_score', 'progress_scored_on', 'quality_domain', 'goal', 'coach_id', 'sponsor_id',
        'source_system'
    ]
) }}
