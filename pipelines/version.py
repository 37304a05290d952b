"""Which code made a number: the package's version and, in a git checkout, the commit."""

import subprocess
from functools import cache
from importlib.metadata import version

from pipelines.settings import PROJECT_ROOT


@cache
def code_version() -> str:
    """For example `0.1.0+1a2b3c4d5e6f`; the commit is left out where there is no git checkout."""
    release = version("qi-mart")
    if not (PROJECT_ROOT / ".git").exists():
        return release
    found = subprocess.run(
        ["git", "-C", str(PROJECT_ROOT), "rev-parse", "--short=12", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{release}+{found.stdout.strip()}" if found.returncode == 0 else release
