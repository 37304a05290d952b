{{ latest_rows(
    rows=ref('stg_lake__benefits'),
    key=[
        'project_id', 'benefit_line', 'period_start', 'payer_organisation_code',
        'receiver_organisation_code', 'receiver_sector', 'stage'
    ],
    key_name='benefit_id',
    columns=[
        'project_id', 'benefit_line', 'benefit_type', 'description', 'measure_id', 'period_start',
        'period_end', 'payer_organisation_code', 'receiver_organisation_code', 'receiver_sector', 'stage',
        'stated_on', 'amount_low', 'amount_high', 'cost'
    ],
) }}
