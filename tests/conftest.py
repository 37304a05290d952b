"""What every test may rely on."""

import os
from functools import lru_cache

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from pipelines.mart.manifest import ensure_manifest
from pipelines.settings import PROJECT_ROOT


def pytest_configure(config: pytest.Config) -> None:
    """Parse the dbt project once, before workers that run side by side would each do it into one folder."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        ensure_manifest()


class ByFile(LoadScopeScheduling):
    """One worker runs all tests of a file, which share fixtures, and all that need the demo's first night."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "demo night" if _needs_demo_night(file) else file


@lru_cache
def _needs_demo_night(file: str) -> bool:
    return "demo_night" in (PROJECT_ROOT / file).read_text(encoding="utf-8")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)
