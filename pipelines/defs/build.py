"""Putting the parts together: one Dagster code location for one environment."""

import dagster as dg

from pipelines.defs.automation import (
    JOBS,
    build_failure_alert,
    build_inbox_sensor,
    build_nightly_schedule,
)
from pipelines.defs.intake import build_intake, supplier_assets
from pipelines.defs.release import build_release
from pipelines.defs.warehouse import build_warehouse, dbt_resource, published_asset_keys, source_assets
from pipelines.intake.night import load_rules
from pipelines.mart.manifest import ensure_manifest
from pipelines.mart.warehouse import PUBLISHED_SCHEMAS
from pipelines.settings import Settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """Everything Dagster needs to know, for one environment."""
    manifest = ensure_manifest()
    intake = build_intake(settings)
    warehouse = build_warehouse(settings, manifest)
    models = published_asset_keys(warehouse, manifest, PUBLISHED_SCHEMAS)
    return dg.Definitions(
        assets=[
            *supplier_assets(load_rules()[1]),
            intake,
            *source_assets(manifest, intake.keys),
            warehouse,
            build_release(settings, models),
        ],
        jobs=JOBS,
        schedules=[build_nightly_schedule(settings)],
        sensors=[build_inbox_sensor(settings), build_failure_alert(settings)],
        resources={"dbt": dbt_resource()},
        executor=dg.in_process_executor,
    )
