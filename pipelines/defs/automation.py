"""When things run without anybody asking: jobs, the nightly schedule, the inbox sensor, the alert."""

import hashlib

import dagster as dg

from pipelines.alerts import alert
from pipelines.defs.quiet import quiet_selection
from pipelines.intake.inbox import stable_listing
from pipelines.settings import Settings

IN_PROCESS = dg.in_process_executor
SECONDS_BETWEEN_LOOKS = 300

NIGHTLY = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups("sources"),
    description="Take in what was delivered, build the warehouse, audit it, publish it.",
    executor_def=IN_PROCESS,
)
REBUILD = dg.define_asset_job(
    "rebuild_from_lake",
    selection=dg.AssetSelection.all()
    - dg.AssetSelection.groups("sources")
    - dg.AssetSelection.groups("lake"),
    description="Build every table of the warehouse anew from the lake, audit and publish.",
    config={"ops": {"warehouse": {"config": {"full_refresh": True}}}},
    executor_def=IN_PROCESS,
)
BACKFILL = dg.define_asset_job(
    "backfill_by_received_date",
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups("sources"),
    description=(
        "Read the files received between two dates again, through today's mappings and contracts; what "
        "they brought before is taken back. Set received_from and received_to."
    ),
    config={"ops": {"intake": {"config": {"reread": True, "received_from": "", "received_to": ""}}}},
    executor_def=IN_PROCESS,
)
JOBS = [NIGHTLY, REBUILD, BACKFILL]

# 03:30 is there exactly once on every day of the year in London; 01:00 to 02:00 is not.
NIGHTLY_HOUR = "30 3 * * *"


def build_nightly_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule of the night, which leaves out what a night without anything new need not do."""

    @dg.schedule(
        name="nightly_schedule",
        job=NIGHTLY,
        cron_schedule=NIGHTLY_HOUR,
        execution_timezone="Europe/London",
        description="Every night at 03:30 London time.",
    )
    def nightly_schedule() -> dg.RunRequest:
        return dg.RunRequest(asset_selection=quiet_selection(settings))

    return nightly_schedule


def build_inbox_sensor(settings: Settings) -> dg.SensorDefinition:
    """A sensor that starts a run once files that were not there before lie still in the inbox."""

    @dg.sensor(
        name="inbox_sensor",
        job=NIGHTLY,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        description="Runs the nightly job when new files lie still in the inbox. Off until switched on.",
    )
    def inbox_sensor(context: dg.SensorEvaluationContext):
        listing = stable_listing(settings.inbox_path, settings.clock())
        if not listing:
            return dg.SkipReason("The inbox is empty, or a file in it is still being written.")
        digest = hashlib.sha256("\n".join(listing).encode("utf-8")).hexdigest()
        if digest == context.cursor:
            return dg.SkipReason("Nothing new in the inbox.")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=digest)], cursor=digest)

    return inbox_sensor


def build_failure_alert(settings: Settings) -> dg.SensorDefinition:
    """A sensor that tells someone when a run fails, wherever it was started."""

    @dg.run_failure_sensor(
        name="run_failure_alert",
        default_status=dg.DefaultSensorStatus.RUNNING,
        monitor_all_code_locations=False,
    )
    def run_failure_alert(context: dg.RunFailureSensorContext) -> None:
        steps = [event.step_key or "" for event in context.get_step_failure_events()]
        run = context.dagster_run
        ways = alert(settings, *failure_note(run.job_name, run.run_id, steps))
        context.log.info(f"told by: {', '.join(ways) or 'nobody (no alert is configured)'}")

    return run_failure_alert


def failure_note(job: str, run_id: str, steps: list[str]) -> tuple[str, str]:
    """Subject and text of the note on a failed run; no error text, which may quote a row."""
    where = ", ".join(step for step in steps if step) or "before its first step"
    return (
        f"QI Mart: run of {job} failed",
        f"Run {run_id} of the job {job} failed at: {where}. Analysts read the last release that passed "
        "its audit. See the run in Dagster, and docs/runbook.md for what to do.",
    )
