"""The last step of the night: audit the warehouse and publish it."""

from datetime import timedelta

import dagster as dg

from pipelines.defs.telling import telling_readers
from pipelines.defs.transient import retrying_transient_failures
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import read_ledger
from pipelines.lock import single_writer
from pipelines.mart.manifest import MANIFEST
from pipelines.mart.publish import AuditFailed, publish
from pipelines.progress import PROGRESS
from pipelines.report.swap import refresh_site
from pipelines.settings import Settings

RELEASE = dg.AssetKey(["mart", "release"])


def build_release(settings: Settings, models: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The release that analysts read; it depends on every published model."""

    @dg.asset(
        key=RELEASE,
        deps=models,
        group_name="mart",
        owners=["team:qi-data"],
        kinds={"duckdb", "parquet"},
        description="The published mart: one read-only DuckDB file, the same tables as Parquet, a manifest.",
        check_specs=[
            dg.AssetCheckSpec(
                "audit", asset=RELEASE, description="Lake adds up, dbt tests hold, bounds kept."
            )
        ],
        freshness_policy=dg.FreshnessPolicy.cron(
            deadline_cron="0 7 * * *", lower_bound_delta=timedelta(hours=5), timezone="Europe/London"
        ),
    )
    def release(context: dg.AssetExecutionContext):
        with (
            retrying_transient_failures(),
            single_writer(settings),
            telling_readers(settings, context.run_id, "the audit"),
        ):
            try:
                publication = publish(settings, context.run_id, MANIFEST, PROGRESS.info)
            except AuditFailed as fault:
                yield dg.AssetCheckResult(passed=False, check_name="audit", metadata={"failed": str(fault)})
                raise dg.Failure(f"Not published: {fault}", allow_retries=False) from fault
        yield dg.AssetCheckResult(
            passed=True, check_name="audit", metadata={"checks": len(publication.checks)}
        )
        manifest = publication.manifest
        yield dg.MaterializeResult(
            metadata={
                "release_id": manifest["release_id"],
                "is_new": publication.is_new,
                "as_of_date": manifest["as_of_date"],
                "tables": len(manifest["tables"]),
                "dagster/row_count": sum(table["rows"] for table in manifest["tables"].values()),
            }
        )
        if settings.report:
            with single_writer(settings):
                refresh_site(settings, PROGRESS.info)
        _fail_if_our_software_did(settings, context.run_id)

    return release


def _fail_if_our_software_did(settings: Settings, run_id: str) -> None:
    """Files that our own software failed on do not hold back the others' data, but the run is red
    and someone is told."""
    ledger = read_ledger(Lake(settings.lake_path))
    errors = [row.place for row in ledger if row.run_id == run_id and row.verdict == "error"]
    if errors:
        raise dg.Failure(
            f"Published, but our own software failed on: {', '.join(errors)}. They are tried again each run.",
            allow_retries=False,
        )
