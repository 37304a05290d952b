"""The demo organisation's first nights: what is promised to whoever types `make run`."""

import json
import subprocess
from collections import Counter
from datetime import date, datetime, time
from pathlib import Path
from time import sleep

import duckdb
import pandas as pd
import pytest
from pydantic import SecretStr

from pipelines.demo.generate import generate
from pipelines.intake.night import take_in_inbox
from pipelines.intake.plan import Scope
from pipelines.mart.publish import telling_analysts
from pipelines.settings import PROJECT_ROOT, Settings
from tests.integration.conftest import PSEUDONYM_KEY, Home

ANALYSES = sorted((PROJECT_ROOT / "dbt_project" / "analyses").glob("q*.sql"))


def test_summary_says_what_came_and_where_the_mart_is(demo_night):
    home, printed = demo_night
    assert "Rows received:" in printed
    assert "Refused: 1" in printed
    assert "Not recognised: 1" in printed
    assert str(home.path / "mart" / "qi_mart.duckdb") in printed
    assert "active_projects" in printed
    assert "SYNTHETIC" in printed


def test_second_run_loads_nothing_and_changes_no_content(demo_night, tmp_path):
    home, _ = demo_night
    before = json.loads((home.path / "mart" / "manifest.json").read_text(encoding="utf-8"))
    with home.lent(tmp_path):
        printed = home.qi("run")
        after = json.loads((home.path / "mart" / "manifest.json").read_text(encoding="utf-8"))
    assert "Nothing new in the inbox" in printed
    assert after["tables"] == before["tables"]
    assert after["release_id"] == before["release_id"]


def test_a_quiet_night_moves_the_day_and_gives_what_a_whole_build_gives(demo_night, tmp_path):
    """On the day after a delivery only what speaks of the day is built; it equals a build of everything.
    Meanwhile an analyst asks the release before."""
    home, _ = demo_night
    before = _tables(home)
    with home.lent(tmp_path):
        printed = _night_while_an_analyst_asks(home, "2026-12-22T04:00:00")
        assert "Nothing new in the inbox" in printed
        assert "core.fct_measure_point" not in printed
        assert "dbt: built core.fct_expected_point" in printed
        assert home.ask("select count(*) from ops.release") == [(2,)]
        quiet, quiet_charts = _tables(home), _charts(home)
        assert {name for name in quiet if quiet[name] != before[name]} >= {
            "core.fct_project",
            "core.fct_expected_point",
            "ops.fct_freshness",
        }
        home.qi("run", "--full-refresh", now="2026-12-22T04:00:00")
        _assert_same(_tables(home), _charts(home), quiet, quiet_charts)
        assert home.ask("select max(as_of_date) from ops.release") == [(date(2026, 12, 22),)]


def _tables(home: Home) -> dict:
    return json.loads((home.path / "mart" / "manifest.json").read_text(encoding="utf-8"))["tables"]


def _charts(home: Home) -> dict[str, pd.DataFrame]:
    """The tables of the charts, rows in the order of what is no measured number."""
    with duckdb.connect(str(home.path / "mart" / "qi_mart.duckdb"), read_only=True) as connection:
        frames = {
            name: connection.execute(f"from {name}").df() for name in _tables(home) if name.startswith("spc.")
        }
    return {
        name: frame.sort_values(list(frame.select_dtypes(exclude="float").columns), ignore_index=True)
        for name, frame in frames.items()
    }


def _assert_same(tables: dict, charts: dict, expected_tables: dict, expected_charts: dict) -> None:
    """Tables equal to the bit; charts built anew to the last digits, in which sums depend on their order."""
    assert charts.keys() == expected_charts.keys()
    for name, frame in charts.items():
        pd.testing.assert_frame_equal(frame, expected_charts[name], rtol=1e-9, atol=1e-12, obj=name)
    others = expected_tables.keys() - charts.keys()
    assert {name: tables[name] for name in others} == {name: expected_tables[name] for name in others}


def _night_while_an_analyst_asks(home: Home, now: str) -> str:
    """What the night printed. A connection opened before it answers all along, from the release it opened."""
    mart = str(home.path / "mart" / "qi_mart.duckdb")
    with duckdb.connect(mart, read_only=True) as analyst:
        opened = analyst.execute("select max(release_id) from ops.release").fetchall()
        night = home.start("run", now=now, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        is_over = False
        while not is_over:
            is_over = night.poll() is not None
            assert analyst.execute("select max(release_id) from ops.release").fetchall() == opened
            assert analyst.execute("select count(value) > 1000 from core.fct_measure_point").fetchone() == (
                True,
            )
            sleep(0.2)
        printed, _ = night.communicate()
    assert night.returncode == 0, printed
    assert home.ask("select max(release_id) from ops.release") != opened
    return printed


def test_a_failed_night_says_so_in_the_published_mart_until_a_run_succeeds(demo_night, tmp_path):
    home, _ = demo_night
    settings = Settings(inbox=home.inbox, home=home.path)
    with home.lent(tmp_path):
        with pytest.raises(ValueError, match="boom"), telling_analysts(settings, "the run", "the dbt build"):
            raise ValueError("boom")
        ((note,),) = home.ask("select note from ops.release")
        assert "the dbt build" in note
        home.qi("run")
        assert home.ask("select note from ops.release") == [(None,)]


def test_rebuilt_from_the_lake_alone_the_mart_has_the_same_content(demo_night, tmp_path):
    home = demo_night[0].copy(tmp_path)
    before, charts = _tables(home), _charts(home)
    (home.path / "build" / "warehouse.duckdb").unlink()
    for path in sorted(home.inbox.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    home.qi("run")
    _assert_same(_tables(home), _charts(home), before, charts)


def test_every_load_is_conserved_and_every_file_is_known(demo_night):
    home, _ = demo_night
    assert home.ask("select load_id from ops.fct_load where not is_conserved") == []
    delivered = {
        path.relative_to(home.inbox).as_posix()
        for path in home.inbox.rglob("*")
        if path.is_file() and path.name != "SYNTHETIC.md"
    }
    assert delivered == {path for (path,) in home.ask("select distinct file_path from ops.fct_load")}
    assert home.ask("select count(*) from ops.fct_load where not is_synthetic") == [(0,)]


@pytest.mark.parametrize("path", ANALYSES, ids=lambda path: path.stem)
def test_every_question_of_the_cookbook_has_an_answer(demo_night, path):
    home, _ = demo_night
    answer = home.qi("sql", str(path), "--format", "csv")
    assert len(answer.splitlines()) > 1


def test_every_published_table_and_column_explains_itself(demo_night):
    home, _ = demo_night
    assert home.ask("select table_name from duckdb_tables() where comment is null") == []
    assert (
        home.ask(
            "select table_name, column_name from duckdb_columns() where comment is null and not internal"
        )
        == []
    )


def test_parquet_copies_equal_the_mart(demo_night):
    home, _ = demo_night
    release = json.loads((home.path / "mart" / "manifest.json").read_text(encoding="utf-8"))
    folder = home.path / "mart" / "releases" / release["release_id"] / "parquet"
    for table, state in release["tables"].items():
        schema, name = table.split(".")
        parquet = str(folder / schema / f"{name}.parquet")
        assert duckdb.execute("select count(*) from read_parquet(?)", [parquet]).fetchall() == [
            (state["rows"],)
        ]


def test_staff_identifiers_reach_the_mart_as_pseudonyms_only(demo_night):
    home, _ = demo_night
    assert home.ask("select count(*) from core.bridge_project_member where person_id like 'STAFF%'") == [(0,)]
    lake = home.path / "lake"
    for path in lake.rglob("*.parquet"):
        assert b"STAFF-0" not in path.read_bytes()


def nights(folder: Path, summary) -> Home:
    """The same deliveries taken in one received date after the other, each on its own night; the
    last night builds and publishes."""
    home = Home(folder / "inbox", folder / "home")
    *earlier, last = summary.timeline.deliveries
    for day in earlier:
        night = Settings(
            inbox=home.inbox,
            home=home.path,
            now=datetime.combine(day, time(4)),
            pseudonym_key=SecretStr(PSEUDONYM_KEY),
        )
        take_in_inbox(night, f"night of {day}", Scope(), lambda line: None)
    home.qi("run", now=f"{last.isoformat()}T04:00:00")
    return home


@pytest.fixture(scope="module")
def night_by_night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nights")
    summary = generate(folder / "inbox", end=date(2026, 11, 20), projects=120)
    return nights(folder, summary), summary


def test_planted_dirt_is_found_where_it_was_planted(night_by_night):
    """Night by night every planted fault has its code on its line, and nothing else is quarantined."""
    home, summary = night_by_night
    expected = Counter()
    for dirt in summary.dirt:
        if dirt.verdict == "quarantined":
            for line in dirt.lines:
                for code in dirt.codes:
                    expected[(dirt.file, line, code)] += 1
    found = Counter(
        home.ask(
            "select distinct loads.file_path, rows.source_row, rows.code "
            "from ops.fct_quarantined_row as rows join ops.fct_load as loads using (load_id)"
        )
    )
    assert found == expected


def test_what_waited_for_a_later_delivery_is_released(night_by_night):
    home, summary = night_by_night
    waiting = {
        (dirt.file, line)
        for dirt in summary.dirt
        if dirt.verdict == "quarantined" and dirt.released_by
        for line in dirt.lines
    }
    released = set(
        home.ask(
            "select distinct loads.file_path, rows.source_row from ops.fct_quarantined_row as rows "
            "join ops.fct_load as loads using (load_id) where rows.status = 'released'"
        )
    )
    assert waiting
    assert released == waiting
    assert home.ask("select load_id from ops.fct_load where not is_conserved") == []


def test_nights_one_by_one_end_with_the_same_latest_points_as_one_night(night_by_night, demo_night):
    one_by_one, _ = night_by_night
    at_once, _ = demo_night
    query = (
        "select measure_id, organisation_code, unit_code, stratum, period_start, value, numerator, "
        "denominator, edition, is_withdrawn, valid_from from core.fct_measure_point "
        "where is_latest order by all"
    )
    assert one_by_one.ask(query) == at_once.ask(query)


def test_what_was_reported_as_at_a_date_is_kept(night_by_night):
    home, _ = night_by_night
    revised = home.ask(
        "select count(*) from core.fct_measure_point where not is_latest and was_in_force and valid_to < "
        "timestamp '9999-01-01'"
    )
    assert revised[0][0] > 0
    withdrawn = home.ask("select count(*) from core.fct_measure_point where is_latest and is_withdrawn")
    assert withdrawn == [(2,)]
