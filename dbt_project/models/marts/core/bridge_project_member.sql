select
    entity_key as project_member_id,
    project_id,
    person_id,
    role,
    organisation_code,
    unit_code,
    staff_group,
    joined_on,
    left_on,
    received_at,
    load_id,
    source_row,
    last_confirmed_load_id,
    is_synthetic
from {{ ref('int_project_members__versioned') }}
where is_latest and not is_withdrawn
