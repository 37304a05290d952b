"""The recipes for analysts give what the mart holds, each in the tool it is written for."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

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


def test_duckdb_s_command_line_gives_the_concerns(demo_night, concerns):
    commands = [each for each in blocks("sh", demo_night[0].path) if each.startswith("duckdb ")]
    program = str(FIND_TOOLS / "duckdb")
    printed = [
        subprocess.run(
            re.sub("^duckdb ", f"{program} ", each, flags=re.MULTILINE),
            shell=True,
            check=True,
            text=True,
            capture_output=True,
            cwd=PROJECT_ROOT,
        ).stdout
        for each in commands
    ]
    assert [tuple(line.split(",")) for line in printed[0].splitlines()[1:]] == concerns
    assert "unit_code" in printed[1]
    assert "fct_spc_status" in printed[1]
    (points,) = demo_night[0].ask("select count(*) from core.fct_measure_point")[0]
    assert str(points) in printed[2]


def test_python_gives_the_concerns(demo_night, concerns, monkeypatch):
    """Block by block in one session, as in a notebook."""
    monkeypatch.chdir(PROJECT_ROOT)
    names: dict = {}
    pandas, more, polars = blocks("python", demo_night[0].path)
    exec(pandas, names)
    assert list(names["concerns"].itertuples(index=False, name=None)) == concerns
    exec(more, names)
    assert len(names["sickness"]) > 100
    assert len(names["units"]) > 3
    exec(polars, names)
    assert names["concerns"].rows() == concerns


def test_qi_answers_and_writes_what_the_page_says(demo_night, tmp_path):
    """Metrics by name have tests of their own, a notebook is opened by hand."""
    home = demo_night[0]
    lines = "".join(blocks("sh", home.path)).splitlines()
    commands = [shlex.split(line.split(" > ")[0])[1:] for line in lines if re.match("qi (?!mf)", line)]
    assert len(commands) >= 7
    for command in commands:
        is_file = "--out" in command
        assert home.qi(*command[:-1], str(tmp_path / command[-1])) if is_file else home.qi(*command).strip()
    book = CalamineWorkbook.from_path(str(tmp_path / "charts.xlsx"))
    names, *rows = book.get_sheet_by_name("answer").to_python()
    icon = names.index("variation_icon")
    ((charts, concerning),) = home.ask(
        "select count(*), count(*) filter (where variation_icon like 'concern%') from spc.fct_spc_status "
        "where is_chosen"
    )
    assert len(rows) == charts
    assert sum(str(row[icon]).startswith("concern") for row in rows) == concerning
    told = {(about, what) for about, what, _ in book.get_sheet_by_name("notes").to_python()}
    assert {("column", "variation_icon"), ("release", "SYNTHETIC")} <= told
    assert any(about == "do not trust blindly" for about, _ in told)


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
