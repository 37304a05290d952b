{{ versioned(
    rows=ref('stg_lake__spread_links'),
    extract='spread_links',
    key=['parent_project_id', 'child_project_id'],
    scope=['parent_project_id', 'child_project_id'],
    content=['link_type', 'adopted_on', 'eligible_units']
) }}
