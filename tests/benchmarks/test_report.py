"""The pages of 5,000 measures and 2,000 projects, beside two libraries that draw the same charts and no page.

Each of ours is a page with its chart, table, provenance and CSV file; the peers, matplotlib and vl-convert
(the engine of Altair), only draw. They draw the first charts, and their time is counted up to all.
"""

import json
import math
import shutil
from functools import partial
from pathlib import Path

import duckdb

from pipelines.report.site import build_site
from tests.benchmarks.measure import WHOLE, Run, Watch, report, run
from tests.integration.conftest import Home

MEASURES = 5_000
PROJECTS = 2_000
DRAWN = {"matplotlib": 100, "vl-convert": 40}
MEMORY_MB = 2_048
CHANGED_LIMIT = 0.25
PEER_LIMIT = 1.0
LARGEST_PAGE = 200_000


def multiply(watch: Watch, home: Home, folder: Path) -> Path:
    """A copy of the mart with as many series and projects as the benchmark asks for."""
    mart = folder / "mart.duckdb"
    shutil.copyfile(home.path / "mart" / "qi_mart.duckdb", mart)
    mart.chmod(0o600)
    with duckdb.connect(str(mart)) as connection:
        series = connection.execute("select count(*) from spc.fct_spc_status where is_chosen").fetchall()[0][
            0
        ]
        projects = connection.execute("select count(*) from core.fct_project").fetchall()[0][0]
        keys = "md5(series_id || number) as series_id, measure_id || '-' || number as measure_id"
        copy = partial(_copy_rows, connection)
        times = math.ceil(MEASURES / series)
        for table in ("spc.fct_spc_status", "spc.fct_spc_point", "spc.fct_spc_phase", "spc.fct_signal_rank"):
            copy(table, keys, times)
        copy("core.fct_measure_point", f"md5(point_key || number) as point_key, {keys}", times)
        copy("core.dim_measure", "measure_id || '-' || number as measure_id", times)
        copy("core.fct_project", "project_id || '-' || number as project_id", math.ceil(PROJECTS / projects))
        for table, key, kept in (
            ("spc.fct_spc_status", "series_id", MEASURES),
            ("core.fct_project", "project_id", PROJECTS),
        ):
            chosen = "where is_chosen" if key == "series_id" else ""
            connection.execute(
                f"delete from {table} where {key} not in (select {key} from {table} {chosen} "
                f"order by md5({key}) limit {kept})"
            )
    return mart


def _copy_rows(connection: duckdb.DuckDBPyConnection, table: str, keys: str, times: int) -> None:
    connection.execute(
        f"insert into {table} select counted.* replace ({keys}) from {table} as counted "
        f"cross join range(1, {times}) as copies(number)"
    )


def build(watch: Watch, mart: Path, last: Path | None, folder: Path) -> tuple[int, int, Path]:
    """Build the site. Returns pages made, pages kept and the site."""
    with watch.stage(WHOLE):
        built = build_site(mart, folder / "site", last)
    return built.made, built.kept, built.folder


def change_some(watch: Watch, mart: Path, folder: Path) -> None:
    """Change the last value of one series in a hundred."""
    with duckdb.connect(str(mart)) as connection:
        connection.execute(
            "update spc.fct_spc_point set value = value + 0.5 where is_last_in_phase and is_chosen "
            "and hash(series_id) % 100 = 0"
        )


def series_of(mart: Path, amount: int) -> list[tuple]:
    """Days, values, centre lines and limits of the first series."""
    with duckdb.connect(str(mart), read_only=True) as connection:
        return connection.execute(
            "select list(period_start order by period_start), list(value order by period_start), "
            "list(centre_line order by period_start), list(lower_limit order by period_start), "
            "list(upper_limit order by period_start) from spc.fct_spc_point where is_chosen "
            "group by series_id order by series_id limit ?",
            [amount],
        ).fetchall()


def draw_with_matplotlib(watch: Watch, mart: Path, amount: int, folder: Path) -> int:
    """Draw charts as SVG files."""
    import matplotlib  # pyright: ignore[reportMissingImports]

    matplotlib.use("svg")
    from matplotlib import pyplot  # pyright: ignore[reportMissingImports]

    found = series_of(mart, amount)
    with watch.stage(WHOLE):
        for number, (days, values, *levels) in enumerate(found):
            figure, axes = pyplot.subplots(figsize=(8.8, 3.8))
            axes.plot(days, [math.nan if value is None else value for value in values], marker="o")
            for level in levels:
                axes.step(days, [math.nan if value is None else value for value in level], where="mid")
            figure.savefig(folder / f"{number}.svg")
            pyplot.close(figure)
    return len(found)


def draw_with_vl_convert(watch: Watch, mart: Path, amount: int, folder: Path) -> int:
    """Draw charts as SVG files."""
    import vl_convert  # pyright: ignore[reportMissingImports]

    names = ("value", "centre", "lower", "upper")
    found = series_of(mart, amount)
    with watch.stage(WHOLE):
        for number, (days, *columns) in enumerate(found):
            rows = [
                {"day": str(day)} | dict(zip(names, row, strict=True))
                for day, *row in zip(days, *columns, strict=True)
            ]
            layers = [
                {
                    "mark": {"type": "line", "point": name == "value"},
                    "encoding": {
                        "x": {"field": "day", "type": "temporal"},
                        "y": {"field": name, "type": "quantitative"},
                    },
                }
                for name in names
            ]
            chart = {"width": 880, "height": 380, "data": {"values": rows}, "layer": layers}
            svg = vl_convert.vegalite_to_svg(json.dumps(chart))
            (folder / f"{number}.svg").write_text(svg, encoding="utf-8")
    return len(found)


def test_pages_cost_less_than_their_charts_do_elsewhere(small_home: Home, tmp_path: Path) -> None:
    mart = run(multiply, small_home, folder=tmp_path / "mart").answer
    first = run(build, mart, None, folder=tmp_path / "first")
    made, _, site = first.answer
    largest = max(path.stat().st_size for path in site.rglob("*.html"))
    run(change_some, mart, folder=tmp_path / "change")
    second = run(build, mart, site, folder=tmp_path / "second")
    assert made == MEASURES + PROJECTS
    assert largest <= LARGEST_PAGE
    assert 0 < second.answer[0] < made / 20
    runs = {f"{made:,} pages": first, f"{second.answer[0]:,} of them changed": second}
    tasks = {"matplotlib": draw_with_matplotlib, "vl-convert": draw_with_vl_convert}
    for name, task in tasks.items():
        drawn = run(task, mart, DRAWN[name], folder=tmp_path / name)
        whole = drawn.whole / drawn.answer * MEASURES
        runs[f"{name}, only the {MEASURES:,} charts"] = Run({WHOLE: whole}, drawn.peak_mb, drawn.answer)
    quickest = min(runs[f"{name}, only the {MEASURES:,} charts"].whole for name in tasks)
    report("Pages", runs, first.whole / quickest, PEER_LIMIT)
    assert first.peak_mb < MEMORY_MB
    assert second.whole < first.whole * CHANGED_LIMIT
    assert first.whole < quickest * PEER_LIMIT
