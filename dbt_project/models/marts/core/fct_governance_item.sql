{{ latest_rows(
    rows=ref('stg_lake__governance_time'),
    key=['meeting_id', 'item_number'],
    key_name='governance_item_id',
    columns=[
        'meeting_id', 'organisation_code', 'forum', 'met_on', 'item_number', 'item', 'function', 'minutes'
    ],
) }}
