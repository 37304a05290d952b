{{ latest_rows(
    rows=ref('stg_lake__compact_commitments'),
    key=['commitment_id'],
    key_name='commitment_id',
    columns=[
        'commitment_id', 'organisation_code', 'unit_code', 'given_by', 'commitment', 'declared_method',
        'agreed_on', 'ended_on', 'evidenced_on', 'evidence', 'reviewed_on', 'review_due_on'
    ],
) }}
