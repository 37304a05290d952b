{{ latest_rows(
    rows=ref('stg_lake__training'),
    key=['person_id', 'course'],
    key_name='training_id',
    columns=[
        'person_id', 'course', 'level', 'organisation_code', 'unit_code', 'staff_group', 'started_on',
        'completed_on', 'left_organisation_on'
    ],
) }}
