def model(dbt, session):
    from pipelines.metrics.calculate import results

    dbt.config(materialized="incremental", incremental_strategy="delete+insert", unique_key="calculation_id")
    relations = {
        "metric": dbt.ref("metric"),
        "counts": dbt.ref("int_metrics__counts"),
        "maturity_counts": dbt.ref("int_metrics__maturity_counts"),
        "unit_counts": dbt.ref("int_metrics__unit_counts"),
        "assessments": dbt.ref("fct_maturity_assessment"),
        "posts": dbt.ref("fct_leadership_post"),
        "ties": dbt.ref("fct_collaboration_tie"),
        "benefits": dbt.ref("fct_benefit"),
        "staff": dbt.ref("fct_workforce_month"),
        "projects": dbt.ref("int_metrics__projects"),
        "cycles": dbt.ref("fct_pdsa_cycle"),
        "project_months": dbt.ref("fct_project_month"),
        "signals": dbt.ref("fct_time_to_signal"),
        "points": dbt.ref("fct_measure_point"),
        "measures": dbt.ref("dim_measure"),
        "clock": dbt.ref("stg_tonight__clock"),
    }
    return results(session, relations, str(dbt.this) if dbt.is_incremental else None)
