{{ versioned(
    rows=ref('stg_lake__project_members'),
    extract='project_members',
    key=['project_id', 'person_id', 'role'],
    scope=['project_id', 'person_id', 'role'],
    content=['organisation_code', 'unit_code', 'staff_group', 'joined_on', 'left_on']
) }}
