"""MetricFlow on the published mart: dbt's semantic models, asked by name of metric.

Its own program `mf` asks the package index for a newer version each time, and reads the profile's first
target. Here the same commands run without the outside, on the file that analysts open, read-only.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from pipelines.faults import Stopped
from pipelines.mart.manifest import ensure_manifest
from pipelines.settings import DBT_PROJECT


def metricflow(mart_file: Path) -> tuple[click.Group, Any]:
    """MetricFlow's commands, and the configuration that they take as their object.

    Raises Stopped when there is no mart, or MetricFlow is not installed: the night does without it.
    """
    if find_spec("dbt_metricflow") is None:
        raise Stopped("MetricFlow is not installed. `make setup` installs it.")
    if not mart_file.exists():
        raise Stopped(f"There is no mart at {mart_file} yet. `qi run` publishes one.")
    from dbt_metricflow.cli.cli_configuration import CLIConfiguration
    from dbt_metricflow.cli.main import list_command_group, query

    ensure_manifest()
    os.environ |= {
        "QI_DBT_TARGET": "published",
        "QI_MART": mart_file.resolve().as_posix(),
        "DBT_LOG_LEVEL_FILE": "none",
    }
    configuration = CLIConfiguration()
    configuration.setup(DBT_PROJECT, DBT_PROJECT, configure_file_logging=False)
    return click.Group("mf", commands=[query, list_command_group], help="MetricFlow."), configuration
