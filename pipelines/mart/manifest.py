"""dbt's manifest, which Dagster needs before it can load the project: parsed when it is missing or
older than the project's files; and what can be read from it about the graph of models."""

import hashlib
import json
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipelines.settings import DBT_PROJECT, PROJECT_ROOT

MANIFEST = DBT_PROJECT / "target" / "manifest.json"
# What dbt's Python models call decides what they build.
METRICS = PROJECT_ROOT / "pipelines" / "metrics"
WATCHED = ("models", "macros", "seeds", "snapshots", "tests", "analyses")


def ensure_manifest() -> Path:
    """The path of an up-to-date manifest. Raises RuntimeError with dbt's message when it cannot be parsed."""
    if not MANIFEST.exists() or MANIFEST.stat().st_mtime < _newest_source():
        _parse()
    return MANIFEST


def _sources() -> list[Path]:
    files = [path for folder in WATCHED for path in (DBT_PROJECT / folder).rglob("*") if path.is_file()]
    return sorted([*files, *DBT_PROJECT.glob("*.yml"), *METRICS.glob("*.py")])


def _newest_source() -> float:
    return max(path.stat().st_mtime for path in _sources())


def project_digest() -> str:
    """A hash of everything that decides how tables are built: when it changes, what was built
    incrementally before may no longer be what a build from the lake would give."""
    digest = hashlib.sha256()
    for path in _sources():
        if path.suffix in (".sql", ".csv", ".py") or path.parent == DBT_PROJECT:
            digest.update(path.relative_to(PROJECT_ROOT).as_posix().encode("utf-8"))
            digest.update(path.read_bytes())
    return digest.hexdigest()


def read_graph(manifest: Path) -> dict[str, Any]:
    """The manifest, read once as long as it is not written again."""
    return _read_graph(manifest, manifest.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _read_graph(manifest: Path, _written_at: int) -> dict[str, Any]:
    return json.loads(manifest.read_text(encoding="utf-8"))


def changing_nightly(manifest: Path) -> set[str]:
    """Unique ids of the models whose rows can change without a load: the tables below a source that is
    written by a later step of the night than intake (`meta.written_by`). A view holds no rows of its own."""
    graph = read_graph(manifest)
    sources = graph["sources"].items()
    waiting = [unique_id for unique_id, source in sources if "written_by" in source["config"]["meta"]]
    found: set[str] = set()
    while waiting:
        below = set(graph["child_map"][waiting.pop()]) - found
        found |= below
        waiting += below
    models = {unique_id for unique_id in found if unique_id.startswith("model.")}
    return {one for one in models if graph["nodes"][one]["config"]["materialized"] != "view"}


def dbt_tests_of(manifest: Path, tables: set[str]) -> set[str]:
    """Unique ids of the tests that read one of these tables."""
    return {
        unique_id
        for unique_id, node in read_graph(manifest)["nodes"].items()
        if node["resource_type"] == "test" and tables & set(node["depends_on"]["nodes"])
    }


def _parse() -> None:
    """Parsing opens no database, so the paths it needs may be anywhere."""
    from dbt.cli.main import dbtRunner

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
