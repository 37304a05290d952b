-- Question 25: which extract failed which check last night, and which published numbers depend on it?
--
-- Read: one row for each failed check of a load. latest_points_of_the_load are points published now that came
-- with this load or were confirmed by it: they passed, but came in a file with this fault. When the load was
-- refused they are 0, and stale_points are the points from the same source that stayed as they were.
-- described_points are latest points whose measure or organisation is described by a row of this load.
-- depends_on lists every published table that the extract feeds.
-- Caveats: last night is the last run in which the gate judged a file, so the answer does not vanish on a
-- night when nothing arrives; set run_id to ask about another. A warning (action warn) holds no row back.
-- depends_on: {{ ref('fct_gate_result') }}, {{ ref('fct_load') }}, {{ ref('fct_measure_point') }}
-- depends_on: {{ ref('dim_measure') }}, {{ ref('dim_organisation') }}, {{ ref('dim_lineage') }}
with
parameters as (
    select max_by(run_id, load_id) as run_id
    from ops.fct_gate_result
),

failures as (
    select
        results.load_id,
        results.extract,
        results.source_system,
        results.code,
        results.column_name,
        results.category,
        results.action,
        results.rows_failed,
        results.rows_checked,
        results.message,
        results.remedy,
        results.owner,
        loads.verdict,
        loads.file_name
    from ops.fct_gate_result as results
    inner join ops.fct_load as loads on results.load_id = loads.load_id
    inner join parameters on results.run_id = parameters.run_id
    where not results.is_passed
),

failed_loads as (
    select distinct
        load_id,
        extract,
        source_system,
        verdict
    from failures
),

latest_points as (
    select
        points.measure_id,
        points.organisation_code,
        points.load_id,
        points.last_confirmed_load_id,
        loads.source_system
    from core.fct_measure_point as points
    inner join ops.fct_load as loads on points.load_id = loads.load_id
    where points.is_latest and not points.is_withdrawn
),

brought as (
    select
        failed_loads.load_id,
        count(*) as points
    from failed_loads
    inner join latest_points
        on
            failed_loads.load_id = latest_points.load_id
            or failed_loads.load_id = latest_points.last_confirmed_load_id
    where failed_loads.extract = 'measure_points'
    group by failed_loads.load_id
),

stale as (
    select
        failed_loads.load_id,
        count(*) as points
    from failed_loads
    inner join latest_points on failed_loads.source_system = latest_points.source_system
    where failed_loads.verdict = 'refused' and failed_loads.extract = 'measure_points'
    group by failed_loads.load_id
),

descriptions as (
    select
        last_confirmed_load_id as load_id,
        measure_id,
        null as organisation_code
    from core.dim_measure
    where is_latest
    union all
    select
        last_confirmed_load_id as load_id,
        null as measure_id,
        organisation_code
    from core.dim_organisation
    where is_latest
),

described as (
    select
        descriptions.load_id,
        count(*) as points
    from failed_loads
    inner join descriptions on failed_loads.load_id = descriptions.load_id
    inner join latest_points
        on
            descriptions.measure_id = latest_points.measure_id
            or descriptions.organisation_code = latest_points.organisation_code
    group by descriptions.load_id
),

dependants as (
    select
        extract,
        string_agg(schema_name || '.' || table_name, ', ' order by schema_name, table_name) as published_tables
    from ops.dim_lineage
    group by extract
)

select
    failures.extract,
    failures.source_system,
    failures.file_name,
    failures.load_id,
    failures.verdict,
    failures.code,
    failures.column_name,
    failures.category,
    failures.action,
    failures.rows_failed,
    failures.rows_checked,
    failures.message,
    failures.remedy,
    failures.owner,
    coalesce(brought.points, 0) as latest_points_of_the_load,
    coalesce(stale.points, 0) as stale_points,
    coalesce(described.points, 0) as described_points,
    dependants.published_tables as depends_on
from failures
left join brought on failures.load_id = brought.load_id
left join stale on failures.load_id = stale.load_id
left join described on failures.load_id = described.load_id
left join dependants on failures.extract = dependants.extract
order by
    case failures.action when 'refuse_file' then 0 when 'quarantine_row' then 1 else 2 end,
    failures.extract,
    failures.load_id,
    failures.code,
    failures.column_name nulls first
