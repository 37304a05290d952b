{{ latest_rows(
    rows=ref('stg_lake__support_roles'),
    key=['organisation_code', 'unit_code', 'role', 'month'],
    key_name='support_role_id',
    columns=[
        'organisation_code', 'unit_code', 'role', 'month', 'people', 'wte', 'needed', 'held', 'planned',
        'hours_rostered', 'hours_used'
    ],
) }}
