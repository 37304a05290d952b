{{ latest_rows(
    rows=ref('stg_lake__ratings'),
    key=['location_code', 'service', 'domain', 'published_on'],
    key_name='rating_id',
    columns=[
        'organisation_code', 'location_code', 'location_name', 'service', 'domain', 'rating',
        'inspected_on', 'published_on'
    ],
    ranks={'rating': 'rating'},
) }}
