select
    entity_key as spread_link_id,
    parent_project_id,
    child_project_id,
    link_type,
    adopted_on,
    eligible_units,
    received_at,
    load_id,
    source_row,
    last_confirmed_load_id,
    is_synthetic
from {{ ref('int_spread_links__versioned') }}
where is_latest and not is_withdrawn
