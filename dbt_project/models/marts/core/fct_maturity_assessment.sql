{{ latest_rows(
    rows=ref('stg_lake__maturity_assessments'),
    key=['assessment_id', 'item_code', 'assessor_group'],
    key_name='maturity_assessment_id',
    columns=[
        'assessment_id', 'organisation_code', 'unit_code', 'framework', 'framework_version', 'assessed_on',
        'component', 'item_code', 'item', 'assessor_group', 'assessors', 'level', 'evidence'
    ],
    ranks={'level': 'maturity_level'},
) }}
