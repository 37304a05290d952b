{{ config(
    description='For every load: rows received = accepted + quarantined + refused + ignored.',
    meta={'dagster': {'ref': {'name': 'fct_load'}}}
) }}
select
    load_id,
    extract,
    verdict,
    rows_received,
    rows_accepted,
    rows_quarantined,
    rows_refused,
    rows_ignored
from {{ ref('fct_load') }}
where not is_conserved
