"""Nights run as a user runs them: the command `qi` in a process of its own, on a home of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from pipelines.settings import PROJECT_ROOT

REAL_DATA = PROJECT_ROOT.parent / "shared" / "data"
NOW = "2026-11-21T04:00:00"
PSEUDONYM_KEY = "a key for tests only"


@dataclass(frozen=True)
class Home:
    """An inbox and a home, and what `qi` says there."""

    inbox: Path
    path: Path

    def qi(self, *arguments: str, now: str = NOW, may_fail: bool = False) -> str:
        """Run `qi` and return what it prints. Fails the test when it fails, unless `may_fail`."""
        done = self.start(*arguments, now=now, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text, _ = done.communicate(timeout=600)
        assert done.returncode == 0 or may_fail, text
        return text

    def start(self, *arguments: str, now: str = NOW, **options) -> subprocess.Popen[str]:
        environment = os.environ | {
            "QI_INBOX": str(self.inbox),
            "QI_HOME": str(self.path),
            "QI_NOW": now,
            "QI_PSEUDONYM_KEY": PSEUDONYM_KEY,
            "QI_OWN_ORGANISATION": "ZZA",
            # Pages have tests of their own; thousands of files a night would be most of the others' work.
            "QI_REPORT": "false",
        }
        command = [sys.executable, "-m", "pipelines.cli", *arguments]
        return subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, text=True, **options)

    def ask(self, sql: str) -> list[tuple]:
        """Rows of the published mart."""
        with duckdb.connect(str(self.path / "mart" / "qi_mart.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    @contextmanager
    def lent(self, folder: Path) -> Iterator[None]:
        """To change where it is, which keeps what was built: afterwards it is as before."""
        kept = folder / "kept"
        shutil.copytree(self.path, kept)
        try:
            yield
        finally:
            shutil.rmtree(self.path)
            shutil.copytree(kept, self.path)

    def copy(self, folder: Path) -> "Home":
        """A copy to change, built anew by its first night."""
        inbox, path = folder / "inbox", folder / "home"
        shutil.copytree(self.inbox, inbox)
        shutil.copytree(self.path, path, ignore=shutil.ignore_patterns("dagster", "run.lock"))
        return Home(inbox, path)


@pytest.fixture(scope="session")
def demo_night(tmp_path_factory) -> tuple[Home, str]:
    """The first night of a small demo organisation, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    home = Home(folder / "inbox", folder / "home")
    home.qi("demo", "--projects", "120", "--end", "2026-11-20")
    return home, home.qi("run")


@pytest.fixture(scope="session")
def real_night(tmp_path_factory) -> tuple[Home, str]:
    """The first night over the real public files, and what it printed."""
    assert REAL_DATA.is_dir(), f"the real files are missing: {REAL_DATA}"
    home = Home(REAL_DATA, tmp_path_factory.mktemp("real") / "home")
    return home, home.qi("run")


@pytest.fixture
def new_home(tmp_path) -> Callable[[], Home]:
    """Makes empty homes."""

    def make(name: str = "home") -> Home:
        inbox = tmp_path / f"{name}_inbox"
        inbox.mkdir()
        return Home(inbox, tmp_path / name)

    return make
