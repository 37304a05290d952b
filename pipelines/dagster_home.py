"""Where Dagster keeps its runs: below QI_HOME, with this project's `dagster.yaml`."""

import os
import shutil

from pipelines.settings import PROJECT_ROOT, Settings


def prepare_dagster_home(settings: Settings) -> None:
    """Make Dagster's home, copy `dagster.yaml` there, and point this process and its children at it."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_ROOT / "dagster.yaml", settings.dagster_home / "dagster.yaml")
    os.environ.update(
        DAGSTER_HOME=str(settings.dagster_home),
        DAGSTER_DISABLE_TELEMETRY="1",
        DO_NOT_TRACK="1",
        QI_HOME=str(settings.home_path),
        QI_INBOX=str(settings.inbox_path),
    )
