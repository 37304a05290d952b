{{ versioned(
    rows=ref('stg_lake__organisations'),
    extract='organisations',
    key=['organisation_code'],
    scope=['organisation_code'],
    content=[
        'organisation_name', 'organisation_type', 'region_code', 'icb_code', 'closed_on', 'register_rank'
    ],
    effective_on='valid_from',
    lowest_of='register_rank'
) }}
