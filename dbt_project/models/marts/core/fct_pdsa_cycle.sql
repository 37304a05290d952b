with
cycles as (
    select
        cycle_id,
        project_id,
        cycle_number,
        change_idea,
        measure_id,
        planned_on,
        started_on,
        studied_on,
        completed_on,
        prediction,
        study_finding,
        decision,
        prediction is not null as has_prediction,
        coalesce(has_data, false) as has_data,
        study_finding is not null as has_study,
        decision is not null as has_decision,
        received_at,
        load_id,
        source_row,
        last_confirmed_load_id,
        is_synthetic
    from {{ ref('int_pdsa_cycles__versioned') }}
    where is_latest and not is_withdrawn
)

select
    cycle_id,
    project_id,
    cycle_number,
    change_idea,
    measure_id,
    planned_on,
    started_on,
    studied_on,
    completed_on,
    prediction,
    study_finding,
    decision,
    has_prediction,
    has_data,
    has_study,
    has_decision,
    cast(
        case when has_prediction then 1 else 0 end
        + case when has_data then 1 else 0 end
        + case when has_study then 1 else 0 end
        + case when has_decision then 1 else 0 end
        as bigint
    ) as fidelity,
    completed_on is not null as is_complete,
    received_at,
    load_id,
    source_row,
    last_confirmed_load_id,
    is_synthetic
from cycles
