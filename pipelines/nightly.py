"""One night from the command line: the Dagster job `nightly` in this process, with progress lines."""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

from pipelines.alerts import alert
from pipelines.dagster_home import prepare_dagster_home
from pipelines.intake.inbox import empty_hint
from pipelines.intake.night import read_unsettled
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import read_ledger
from pipelines.mart.publish import STATUS_NAME, current_manifest
from pipelines.mart.warehouse import set_aside_if_damaged
from pipelines.progress import shown
from pipelines.settings import Settings
from pipelines.summary import summary

if TYPE_CHECKING:
    import dagster as dg


STARTED_HERE = {"qi_mart/started_by": "qi run"}


def _close_dead_runs(instance: "dg.DagsterInstance") -> None:
    """Tell Dagster that runs which `qi run` started and that never ended are dead: this process holds
    the lock, so nobody is running them. Otherwise they would count as running for ever."""
    import dagster as dg

    unfinished = dg.RunsFilter(
        tags=STARTED_HERE, statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    )
    for run in instance.get_runs(unfinished):
        instance.report_run_failed(run, "The process of this run was killed.")


@contextmanager
def _only_progress(settings: Settings, echo: Callable[..., None]) -> Iterator[None]:
    """Show progress lines and warnings; what dbt prints goes to `build/dbt.log`."""
    screen = sys.stdout
    settings.build_path.mkdir(parents=True, exist_ok=True)
    logging.getLogger("dagster").setLevel(logging.ERROR)
    logging.getLogger("dagster.builtin").setLevel(logging.ERROR)
    with (
        (settings.build_path / "dbt.log").open("w", encoding="utf-8") as log,
        redirect_stdout(log),
        shown(lambda line: echo(line, file=screen)),
    ):
        yield


def _has_published(settings: Settings, run_id: str) -> bool:
    """Whether a run came as far as its release, before something else of it failed."""
    path = settings.mart_path / STATUS_NAME
    status = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return status.get("run_id") == run_id and status["outcome"] in ("published", "unchanged")


def _failed_after_publishing(settings: Settings, run_id: str) -> str:
    ledger = read_ledger(Lake(settings.lake_path))
    if any(row.run_id == run_id and row.verdict == "error" for row in ledger):
        return "FAILED on the files named above; the others are published."
    return "FAILED after publishing: the pages are those of an earlier release. `qi report` makes them again."


def _summary(settings: Settings, run_id: str, manifest: dict) -> list[str]:
    loads = [row for row in read_ledger(Lake(settings.lake_path)) if row.run_id == run_id]
    return summary(settings, loads, read_unsettled(settings), manifest)


def run_nightly(
    settings: Settings, intake: dict, full_refresh: bool, echo: Callable[..., None]
) -> tuple[list[str], bool]:
    """Run the job and return the summary's lines and whether it succeeded.

    `intake`: configuration of the intake step (see `pipelines.defs.intake.IntakeConfig`).
    """
    started = time.monotonic()
    prepare_dagster_home(settings)
    echo("Starting Dagster and dbt …")
    import dagster as dg

    from pipelines.defs.automation import failure_note
    from pipelines.defs.build import build_definitions
    from pipelines.defs.quiet import quiet_selection

    aside = set_aside_if_damaged(settings.warehouse_file)
    if aside is not None:
        echo(f"The warehouse was damaged (it is now {aside}). It is built anew from the lake.")
    try:
        definitions = build_definitions(settings)
    except Exception:
        alert(settings, *failure_note("nightly", "without a number", []))
        raise
    steps = {"intake": {"config": intake}, "warehouse": {"config": {"full_refresh": full_refresh}}}
    is_asked_for_more = full_refresh or any(intake.values())
    quiet = None if is_asked_for_more else quiet_selection(settings)
    if quiet is not None:
        hint = empty_hint(settings.inbox_path, read_ledger(Lake(settings.lake_path)))
        echo(hint or "Nothing new in the inbox.")
        steps = {}
    with dg.DagsterInstance.get() as instance, _only_progress(settings, echo):
        _close_dead_runs(instance)
        result = definitions.resolve_job_def("nightly").execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags=STARTED_HERE,
            asset_selection=quiet,
            run_config={"ops": steps, "loggers": {"console": {"config": {"log_level": "ERROR"}}}},
        )
    manifest = current_manifest(settings)
    if not result.success:
        steps = [event.step_key or "" for event in result.get_step_failure_events()]
        alert(settings, *failure_note("nightly", result.run_id, steps))
        if manifest is not None and _has_published(settings, result.run_id):
            lines = _summary(settings, result.run_id, manifest)
            return [*lines, "", _failed_after_publishing(settings, result.run_id)], False
        kept = (
            f"Release {manifest['release_id']} stays published." if manifest else "Nothing is published yet."
        )
        return [
            f"FAILED at {', '.join(steps)}. {kept} Run again when mended: what is done stays done."
        ], False
    assert manifest is not None
    lines = _summary(settings, result.run_id, manifest)
    return [*lines, "", f"Done in {time.monotonic() - started:.0f} s."], True
