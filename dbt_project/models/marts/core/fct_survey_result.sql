{{ latest_rows(
    rows=ref('stg_lake__survey_results'),
    key=['survey', 'organisation_code', 'unit_code', 'concept', 'period_start', 'breakdown', 'breakdown_group'],
    key_name='survey_result_id',
    columns=[
        'survey', 'organisation_code', 'unit_code', 'concept', 'question', 'period_start', 'period_end',
        'breakdown', 'breakdown_group', 'numerator', 'denominator', 'value', 'invited', 'suppression_reason'
    ],
) }}
