"""The Dagster code location: what `workspace.yaml` loads; nothing else."""

from pipelines.defs.build import build_definitions
from pipelines.settings import Settings

defs = build_definitions(Settings())
