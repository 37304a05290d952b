"""dbt's manifest, which Dagster needs before it can load the project: parsed when it is missing or
older than the project's files."""

import os
import tempfile
from pathlib import Path

from dbt.cli.main import dbtRunner

from pipelines.settings import DBT_PROJECT

MANIFEST = DBT_PROJECT / "target" / "manifest.json"
WATCHED = ("models", "macros", "seeds", "snapshots", "tests", "analyses")


def ensure_manifest() -> Path:
    """The path of an up-to-date manifest. Raises RuntimeError with dbt's message when it cannot be parsed."""
    if not MANIFEST.exists() or MANIFEST.stat().st_mtime < _newest_source():
        _parse()
    return MANIFEST


def _newest_source() -> float:
    files = [path for folder in WATCHED for path in (DBT_PROJECT / folder).rglob("*") if path.is_file()]
    files += DBT_PROJECT.glob("*.yml")
    return max(path.stat().st_mtime for path in files)


def _parse() -> None:
    """Parsing opens no database, so the paths it needs may be anywhere."""
    with tempfile.TemporaryDirectory() as nowhere:
        for name, value in {
            "QI_LAKE": nowhere,
            "QI_BUILD": nowhere,
            "QI_WAREHOUSE": f"{nowhere}/warehouse.duckdb",
        }.items():
            os.environ.setdefault(name, value)
        outcome = dbtRunner().invoke(
            ["parse", "--quiet", "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
        )
    if not outcome.success:
        raise RuntimeError(f"dbt cannot read {DBT_PROJECT.name}/: {outcome.exception}")
