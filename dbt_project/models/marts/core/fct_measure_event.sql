with
versions as (
    select
        measure_id,
        organisation_code,
        unit_code,
        stratum,
        period_start,
        event,
        reason,
        recorded_by_role,
        valid_from,
        received_at,
        load_id,
        source_row,
        last_confirmed_load_id,
        is_synthetic,
        entity_key
    from {{ ref('int_measure_events__versioned') }}
    where is_latest and not is_withdrawn
)

select
    entity_key as event_id,
    {{ surrogate_key(['measure_id', 'organisation_code', 'unit_code', 'stratum']) }} as series_id,
    measure_id,
    organisation_code,
    unit_code,
    stratum,
    period_start,
    event,
    reason,
    recorded_by_role,
    valid_from,
    received_at,
    load_id,
    source_row,
    last_confirmed_load_id,
    is_synthetic
from versions
