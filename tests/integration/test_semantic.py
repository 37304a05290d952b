"""Metrics by name are the mart's numbers: MetricFlow's answers beside plain SQL on the same file."""

import csv
import multiprocessing
import os
import re
import shlex
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.mart.semantic import metricflow
from pipelines.settings import PROJECT_ROOT

CHARTS = "spc.fct_spc_status where is_chosen and variation_icon <> 'none'"
# Metrics, what they are grouped by, and the mart's own answer: the groups first, then the metrics by name.
QUESTIONS = {
    "projects": (
        "active_projects,projects",
        "organisation,project__directorate",
        """select organisation_code, directorate, count(*) filter (where is_active), count(*)
        from core.fct_project group by all""",
    ),
    "cycles": (
        "pdsa_cycles,pdsa_fidelity",
        "project__organisation",
        """select organisation_code, sum(pdsa_cycles) as cycles,
            sum(mean_pdsa_fidelity * pdsa_cycles) / cycles
        from core.fct_project group by all having cycles > 0""",
    ),
    "points": (
        "points,points_withheld",
        "metric_time__year,measure__measure_name",
        """select date_trunc('year', period_start), measure_name, count(*), count(points.suppression_reason)
        from core.fct_measure_point as points
        inner join core.dim_measure as measures using (measure_id)
        where points.is_latest and not points.is_withdrawn and measures.is_latest group by all""",
    ),
    "late periods": (
        "periods_expected,periods_late,share_of_periods_late",
        "organisation",
        """select organisation_code, count(*),
            count(*) filter (where status in ('missing', 'source_late')) as late, late / count(*)
        from core.fct_expected_point group by all""",
    ),
    "charts": (
        "charts,charts_signalling,share_improving,share_of_concern",
        "organisation,chart__stratum",
        f"""select organisation_code, stratum, count(*),
            count(*) filter (where variation_icon <> 'common_cause'),
            avg(cast(variation_icon like 'improvement%' as int)),
            avg(cast(variation_icon like 'concern%' as int))
        from {CHARTS} group by all""",
    ),
    "signals": ("charts_signalling", "", f"select count(*) from {CHARTS} and signal <> 'common_cause'"),
    "aims by organisation": (
        "aim_met_of_chartered,aim_met_of_closed,projects_closed,projects_due",
        "metric_time__day,organisation",
        """select period_start, organisation_code, max(value) filter (where metric_id = 'O01'),
            max(value) filter (where metric_id = 'O02'), max(denominator) filter (where metric_id = 'O02'),
            max(denominator) filter (where metric_id = 'O01')
        from outcomes.fct_metric
        where metric_id in ('O01', 'O02') and organisation_code is not null and unit_code is null
        group by all""",
    ),
    "aims of all": (
        "aim_met_of_chartered,aim_met_of_closed",
        "metric_time__financial_year",
        """select financial_year, max(value) filter (where metric_id = 'O01'),
            max(value) filter (where metric_id = 'O02')
        from outcomes.fct_metric inner join core.dim_date on period_start = date_day
        where metric_id in ('O01', 'O02') and organisation_code is null group by all""",
    ),
    "sickness": (
        "sickness_rate",
        "metric_time__month,organisation",
        """select period_start, organisation_code, value from outcomes.fct_metric
        where metric_id = 'O13' and organisation_code is not null and unit_code is null""",
    ),
    "people trained": (
        "people_trained",
        "organisation,training__level",
        """select organisation_code, level,
            case when count(distinct person_id) > 7 then round(count(distinct person_id) / 5.0) * 5 end
        from core.fct_training where completed_on is not null and left_organisation_on is null
        group by all""",
    ),
}


def recipes() -> list[list[str]]:
    """What follows `qi mf` in each command of the page, word by word."""
    page = (PROJECT_ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    return [shlex.split(line) for line in re.findall(r"^qi mf (.*)$", page, re.MULTILINE)]


def ask(mart_file: Path, folder: Path) -> dict[str, list[list[str]]]:
    """Every question's rows as MetricFlow writes them, and the page's commands tried. For a process of its
    own: dbt remembers what it was told."""
    commands, configuration = metricflow(mart_file)
    answers = {}
    for name, (metrics, group_by, _) in QUESTIONS.items():
        path = folder / f"{name}.csv"
        words = ["query", "--quiet", "--metrics", metrics, "--csv", str(path)]
        done = CliRunner().invoke(
            commands, [*words, *(["--group-by", group_by] if group_by else [])], obj=configuration
        )
        assert done.exit_code == 0, done.output
        with path.open(encoding="utf-8", newline="") as file:
            answers[name] = list(csv.reader(file))
    os.chdir(folder)
    for words in recipes():
        done = CliRunner().invoke(commands, words, obj=configuration)
        assert done.exit_code == 0, done.output
        assert "empty result" not in done.output, words
    return answers


@pytest.fixture(scope="module")
def answers(demo_night, tmp_path_factory) -> dict[str, list[list[str]]]:
    mart_file = demo_night[0].path / "mart" / "qi_mart.duckdb"
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(ask, mart_file, tmp_path_factory.mktemp("answers")).result(timeout=120)


def by_group(rows: Iterable[Sequence[object]], groups: int) -> dict[tuple[str, ...], list[float]]:
    """The metrics of each group. Nothing is not a number; MetricFlow writes text, DuckDB gives values."""

    def text(cell: object) -> str:
        return "" if cell is None else str(cell).removesuffix(" 00:00:00")

    found = {
        tuple(map(text, row[:groups])): [float(text(cell) or "nan") for cell in row[groups:]] for row in rows
    }
    assert found
    return found


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_metric_by_name_is_the_mart_s_number(demo_night, answers, name):
    metrics, group_by, sql = QUESTIONS[name]
    groups = [each for each in group_by.split(",") if each]
    (head, *rows) = answers[name]
    assert head == [*groups, *metrics.split(",")]
    found = by_group(rows, len(groups))
    expected = by_group(demo_night[0].ask(sql), len(groups))
    assert len(found) == len(rows)
    assert found == {
        group: pytest.approx(numbers, rel=1e-6, nan_ok=True) for group, numbers in expected.items()
    }


def test_the_recipe_works_as_it_is_written(demo_night):
    """The first question in a process of its own; all of them were asked with the others."""
    first = next(words for words in recipes() if words[0] == "query")
    assert len(recipes()) >= 5
    printed = demo_night[0].qi("mf", *first)
    (active,) = demo_night[0].ask("select count(*) from core.fct_project where is_active")[0]
    assert sum(int(count) for count in re.findall(r" (\d+)$", printed, re.MULTILINE)) == active
