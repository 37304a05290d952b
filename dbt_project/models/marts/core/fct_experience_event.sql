{{ latest_rows(
    rows=ref('stg_lake__experience_events'),
    key=['event_id', 'attendee_group'],
    key_name='experience_event_id',
    columns=[
        'event_id', 'organisation_code', 'unit_code', 'project_id', 'kind', 'topic', 'ebcd_stage',
        'planned_on', 'held_on', 'status', 'attendee_group', 'attended', 'suppression_reason'
    ],
    ranks={'ebcd_stage': 'ebcd_stage'},
) }}
