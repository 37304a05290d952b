with
versions as (
    select
        version_id,
        organisation_code,
        organisation_name,
        organisation_type,
        region_code,
        icb_code,
        closed_on,
        register_rank,
        is_withdrawn,
        valid_from,
        valid_to,
        is_latest,
        was_in_force,
        known_from,
        known_to,
        revision_number,
        published_on,
        received_at,
        load_id,
        source_row,
        reinstated_by_load_id,
        last_confirmed_load_id,
        is_synthetic
    from {{ ref('int_organisations__versioned') }}
),

registers as (
    select
        register_rank,
        is_register
    from {{ ref('register_rank') }}
)

select
    versions.version_id as organisation_version_id,
    versions.organisation_code,
    versions.organisation_name,
    versions.organisation_type,
    versions.region_code,
    versions.icb_code,
    versions.closed_on,
    versions.register_rank,
    coalesce(registers.is_register, false) as is_in_register,
    versions.is_withdrawn,
    versions.valid_from,
    versions.valid_to,
    versions.is_latest,
    versions.was_in_force,
    versions.known_from,
    versions.known_to,
    versions.revision_number,
    versions.published_on,
    versions.received_at,
    versions.load_id,
    versions.source_row,
    versions.reinstated_by_load_id,
    versions.last_confirmed_load_id,
    versions.is_synthetic
from versions
left join registers on versions.register_rank = registers.register_rank
