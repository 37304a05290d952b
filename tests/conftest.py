"""What every test may rely on."""

import os

import pytest

from pipelines.mart.manifest import ensure_manifest


def pytest_configure(config: pytest.Config) -> None:
    """Parse the dbt project once, before workers that run side by side would each do it into one folder."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        ensure_manifest()
