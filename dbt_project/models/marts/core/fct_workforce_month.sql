{{ latest_rows(
    rows=ref('stg_lake__workforce_months'),
    key=['organisation_code', 'unit_code', 'staff_group', 'month'],
    key_name='workforce_month_id',
    columns=[
        'organisation_code', 'unit_code', 'staff_group', 'month', 'headcount', 'wte', 'sick_days',
        'available_days', 'headcount_year_before', 'stayed_headcount', 'joiners', 'leavers',
        'suppression_reason'
    ],
) }}
