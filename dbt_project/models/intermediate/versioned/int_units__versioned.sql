{{ versioned(
    rows=ref('stg_lake__units'),
    extract='units',
    key=['organisation_code', 'unit_code'],
    scope=['organisation_code', 'unit_code'],
    content=['unit_name', 'unit_type', 'directorate', 'parent_unit_code', 'closed_on'],
    effective_on='valid_from'
) }}
