def model(dbt, session):
    from pipelines.metrics.calculate import interrupted_series

    dbt.config(materialized="incremental", incremental_strategy="delete+insert", unique_key="project_id")
    points = dbt.ref("int_metrics__primary_points")
    return interrupted_series(session, points, str(dbt.this) if dbt.is_incremental else None)
