{{ latest_rows(
    rows=ref('stg_lake__collaboration_ties'),
    key=['wave', 'organisation_code', 'unit_code', 'to_organisation_code', 'to_unit_code'],
    key_name='collaboration_tie_id',
    columns=[
        'wave', 'surveyed_on', 'organisation_code', 'unit_code', 'to_organisation_code', 'to_unit_code',
        'tie', 'invited', 'answered'
    ],
) }}
