"""A small demo organisation for benchmarks that need a whole warehouse."""

import pytest

from tests.integration.conftest import Home


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The demo organisation after its first night."""
    folder = tmp_path_factory.mktemp("small")
    home = Home(folder / "inbox", folder / "home")
    home.qi("demo", "--projects", "60", "--end", "2026-11-20")
    home.qi("run")
    return home
