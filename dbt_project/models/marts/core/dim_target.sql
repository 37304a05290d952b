with
versions as (
    select
        version_id,
        measure_id,
        organisation_code,
        applies_from,
        target,
        basis,
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
    from {{ ref('int_targets__versioned') }}
),

-- The dates from which a target that still stands applies; each ends the one before it.
standing as (
    select
        measure_id,
        organisation_code,
        applies_from
    from versions
    where is_latest and not is_withdrawn
),

ends as (
    select
        versions.version_id,
        min(standing.applies_from) as applies_until
    from versions
    inner join standing
        on
            versions.measure_id = standing.measure_id
            and versions.organisation_code is not distinct from standing.organisation_code
            and versions.applies_from < standing.applies_from
    group by versions.version_id
)

select
    versions.version_id as target_version_id,
    versions.measure_id,
    versions.organisation_code,
    versions.applies_from as valid_from,
    coalesce(ends.applies_until, cast({{ end_of_time() }} as date)) as valid_to,
    versions.target,
    versions.basis,
    versions.valid_from as in_force_from,
    versions.valid_to as in_force_to,
    versions.is_latest,
    versions.is_withdrawn,
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
left join ends on versions.version_id = ends.version_id
