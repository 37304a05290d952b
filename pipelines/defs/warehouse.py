"""The second step of the night: dbt builds the warehouse; every model is an asset, every test a check."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets
from dbt.version import __version__ as dbt_version
from packaging.version import Version

from pipelines.defs.telling import telling_readers
from pipelines.defs.transient import retrying_transient_failures
from pipelines.lake.durable import write_text
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import read_ledger
from pipelines.lock import check_warehouse_is_free, single_writer
from pipelines.mart.built import (
    Work,
    built_by_file,
    forget_built,
    newest_load_id,
    record_built,
    work_tonight,
)
from pipelines.mart.manifest import changing_nightly, dbt_tests_of, project_digest, read_graph
from pipelines.mart.publish import verdicts_file
from pipelines.mart.tonight import write_tonight
from pipelines.mart.verdicts import forget_verdicts, record_verdicts
from pipelines.mart.warehouse import PUBLISHED_SCHEMAS, reading, row_counts, set_aside_if_damaged
from pipelines.progress import PROGRESS
from pipelines.settings import DBT_PROJECT, Settings

MORE_THAN_THE_DAY = (
    "Loads came, models changed or a test failed since this run was planned, so the tables of the day alone "
    "would not be enough. Start the whole job `nightly`."
)
SHOWN = tuple(f"{schema}__" for schema in PUBLISHED_SCHEMAS)


class QuietDbt(DbtCliResource):
    """dagster-dbt asks `dbt --version` before every command, and that asks the package index: 3 s,
    or 24 s where name look-ups are dropped. The installed version is known without asking. Nor does it need
    an adapter of its own, which takes 3 s: row counts are read when dbt has ended."""

    @cached_property
    def _cli_version(self) -> Version:
        return Version(dbt_version)

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:
        return None


class Translator(DagsterDbtTranslator):
    """Groups models by their folder and names the team that owns them."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        if not unique_id.startswith(("model.", "seed.", "snapshot.")):
            return spec
        schema = manifest["nodes"][unique_id]["schema"]
        return spec.replace_attributes(group_name=schema, owners=["team:qi-data"])


class WarehouseConfig(dg.Config):
    """`full_refresh`: build every table anew from the lake instead of adding what is new."""

    full_refresh: bool = False


def build_arguments(full_refresh: bool) -> list[str]:
    """dbt's arguments: models, seeds and tests in one pass; unit tests belong to `make test`."""
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    return [*arguments, "--full-refresh"] if full_refresh else arguments


def build_warehouse(settings: Settings, manifest: Path) -> dg.AssetsDefinition:
    """The assets of every dbt model and seed."""

    nightly = nightly_asset_keys(manifest)

    @dbt_assets(manifest=manifest, name="warehouse", dagster_dbt_translator=Translator())
    def warehouse(context: dg.AssetExecutionContext, dbt: QuietDbt, config: WarehouseConfig) -> Iterator:
        target = settings.build_path / "dbt"
        verdicts, built_by = verdicts_file(settings), built_by_file(settings)
        with (
            retrying_transient_failures(),
            single_writer(settings),
            telling_readers(settings, context.run_id, "the dbt build"),
        ):
            aside = set_aside_if_damaged(settings.warehouse_file)
            if aside is not None:
                PROGRESS.info("dbt: the warehouse was damaged (now %s); built anew from the lake", aside)
            check_warehouse_is_free(settings)
            scope = Work.DAY if context.is_subset and context.selected_asset_keys == nightly else Work.WHOLE
            newest = newest_load_id(read_ledger(Lake(settings.lake_path)))
            if scope == Work.DAY and work_tonight(settings, newest) == Work.WHOLE:
                raise dg.Failure(MORE_THAN_THE_DAY, allow_retries=False)
            is_partial = context.is_subset and scope == Work.WHOLE
            as_of_date = write_tonight(settings, context.run_id)
            forget_built(settings)
            forget_verdicts(verdicts, _tests_tonight(manifest) if scope == Work.DAY else None)
            (target / "run_results.json").unlink(missing_ok=True)
            full_refresh = config.full_refresh or _is_built_by_other_code(settings, built_by)
            if full_refresh:
                built_by.unlink(missing_ok=True)
            invocation = dbt.cli(build_arguments(full_refresh), context=context, target_path=target)
            yield from _with_row_counts(invocation.stream(), settings.warehouse_file)
            record_verdicts(verdicts, target / "run_results.json")
            if not is_partial:
                write_text(project_digest(), built_by)
                record_built(settings, newest, as_of_date)

    return warehouse


def _tests_tonight(manifest: Path) -> set[str]:
    return dbt_tests_of(manifest, changing_nightly(manifest))


def nightly_asset_keys(manifest: Path) -> set[dg.AssetKey]:
    """Keys of the models that must be built on a night on which nothing was taken in."""
    nodes = read_graph(manifest)["nodes"]
    return {Translator().get_asset_key(nodes[unique_id]) for unique_id in changing_nightly(manifest)}


def _with_row_counts(events: Iterable, warehouse_file: Path) -> Iterator:
    """Pass dbt's events on, tables with their row counts. Tables wait until dbt has ended, because
    the file cannot be read while dbt writes it; when dbt fails, what it built is passed on first."""
    built: list[dg.Output] = []
    try:
        for event in events:
            if isinstance(event, dg.Output):
                if event.output_name.startswith(SHOWN):
                    PROGRESS.info("dbt: built %s", _table(event))
                built.append(event)
            else:
                yield event
    except Exception:
        yield from built
        raise
    with reading(warehouse_file) as warehouse:
        counts = row_counts(warehouse)
    for event in built:
        rows = {"dagster/row_count": counts[_table(event)]} if _table(event) in counts else {}
        yield dg.Output(
            event.value,
            output_name=event.output_name,
            metadata={**event.metadata, **rows},
            data_version=event.data_version,
        )


def _table(event: dg.Output) -> str:
    return event.output_name.replace("__", ".", 1)


def _is_built_by_other_code(settings: Settings, built_by: Path) -> bool:
    """Whether the warehouse was built by other models than today's, or a full build was cut off. An
    incremental build that was cut off needs no new start: every model is one transaction."""
    if not settings.warehouse_file.exists():
        return False
    is_same = built_by.exists() and built_by.read_text(encoding="utf-8") == project_digest()
    if not is_same:
        PROGRESS.info("dbt: the models have changed, so every table is built anew from the lake")
    return not is_same


def source_assets(manifest: Path, made: Iterable[dg.AssetKey]) -> list[dg.AssetSpec]:
    """What dbt reads and no step makes an asset of (`made`), so that it is explained like the rest."""
    sources = read_graph(manifest)["sources"].values()
    specs = [
        dg.AssetSpec(
            [source["source_name"], source["name"]],
            group_name=source["source_name"],
            description=source["description"],
            owners=["team:qi-data"],
            kinds={"parquet"},
        )
        for source in sources
    ]
    return [spec for spec in specs if spec.key not in set(made)]


def dbt_resource() -> QuietDbt:
    return QuietDbt(
        dbt_executable=shutil.which("dbt", path=str(Path(sys.executable).parent)) or "dbt",
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
    )


def published_asset_keys(warehouse: dg.AssetsDefinition, manifest: Path, schemas: tuple[str, ...]) -> list:
    """Keys of the models that publish copies."""
    nodes = read_graph(manifest)["nodes"]
    names = {
        (node["schema"], node["alias"])
        for node in nodes.values()
        if node["resource_type"] == "model" and node["schema"] in schemas
    }
    return [key for key in warehouse.keys if tuple(key.path[-2:]) in names]
