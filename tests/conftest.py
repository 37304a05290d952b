"""What every test may rely on."""

import os
from pathlib import Path

import pytest

from pipelines.mart.manifest import ensure_manifest


def pytest_configure(config: pytest.Config) -> None:
    """Parse the dbt project once, before workers that run side by side would each do it into one folder."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        ensure_manifest()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all tests of a file, which share fixtures, and all that need the demo's first night."""
    needs_demo = {item.path for item in items if "demo_night" in getattr(item, "fixturenames", ())}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item.path, needs_demo)))


def _group(path: Path, needs_demo: set[Path]) -> str:
    return "demo night" if path in needs_demo else path.stem
