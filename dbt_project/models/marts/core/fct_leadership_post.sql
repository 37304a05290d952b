{{ latest_rows(
    rows=ref('stg_lake__leadership_posts'),
    key=['post_id', 'started_on'],
    key_name='leadership_post_id',
    columns=[
        'post_id', 'organisation_code', 'unit_code', 'post_title', 'post_level', 'holder_id', 'holding',
        'started_on', 'ended_on'
    ],
) }}
