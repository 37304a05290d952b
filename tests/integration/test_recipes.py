"""The recipes for analysts give what the mart holds, each in the tool it is written for."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.settings import PROJECT_ROOT

RECIPES = PROJECT_ROOT / "docs" / "recipes.md"
CONCERNS = (
    "select measure_id, organisation_code, variation_icon from spc.fct_spc_status "
    "where is_chosen and variation_icon like 'concern%' order by all"
)
FIND_TOOLS = Path(sys.executable).parent


def blocks(language: str, home: Path) -> list[str]:
    """The page's code in a language, with the home of the test for that of the reader."""
    found = re.findall(rf"```{language}\n(.*?)```", RECIPES.read_text(encoding="utf-8"), re.DOTALL)
    return [block.replace("qi_home", str(home)) for block in found]


@pytest.fixture(scope="module")
def concerns(demo_night) -> list[tuple]:
    rows = demo_night[0].ask(CONCERNS)
    assert rows
    return rows


def test_the_command_line_gives_the_concerns(demo_night, concerns):
    command = blocks("sh", demo_night[0].path)[0].replace("duckdb ", f"{FIND_TOOLS / 'duckdb'} ", 1)
    printed = subprocess.run(command, shell=True, check=True, text=True, capture_output=True).stdout
    assert [tuple(line.split(",")) for line in printed.splitlines()[1:]] == concerns


@pytest.mark.parametrize("number", [0, 1], ids=["pandas", "polars"])
def test_python_gives_the_concerns(demo_night, concerns, number):
    names: dict = {}
    exec(blocks("python", demo_night[0].path)[number], names)
    found = names["concerns"]
    rows = found.rows() if hasattr(found, "rows") else list(found.itertuples(index=False, name=None))
    assert rows == concerns


def test_the_notebook_runs_from_its_first_cell_to_its_last(demo_night):
    notebook = PROJECT_ROOT / "docs" / "notebooks" / "start.py"
    mart = demo_night[0].path / "mart" / "qi_mart.duckdb"
    done = subprocess.run(
        [sys.executable, str(notebook), "--", "--mart", str(mart)],
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
