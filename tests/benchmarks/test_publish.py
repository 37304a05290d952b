"""Publishing a warehouse of one million points, beside DuckDB copying the published database.

The peer writes the same tables into a new database file and as Parquet. Publishing also audits them, hashes
the content of every table to know whether anything changed, copies comments, and swaps the file in.
"""

import math
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.mart.manifest import MANIFEST
from pipelines.mart.publish import publish
from pipelines.settings import Settings
from tests.benchmarks.measure import WHOLE, Watch, best, report, run
from tests.integration.conftest import NOW, Home

POINTS = 1_000_000
# Not quite twice when this was written.
LIMIT = 4.0


def multiply_points(watch: Watch, home: Home, folder: Path) -> Home:
    """Copy the home, and add points like those of its warehouse, under measures of their own."""
    copy = home.copy(folder)
    with duckdb.connect(str(copy.path / "build" / "warehouse.duckdb")) as connection:
        times = math.ceil(POINTS / _count(connection))
        connection.execute(
            "insert into core.fct_measure_point "
            "select points.* replace ("
            "md5(point_id || number) as point_id, md5(point_key || number) as point_key, "
            "md5(series_id || number) as series_id, measure_id || '-' || number as measure_id) "
            f"from core.fct_measure_point as points cross join range(1, {times}) as copies(number)"
        )
    return copy


def publish_all(watch: Watch, home: Home, folder: Path) -> tuple[Path, int]:
    """Publish a copy of the home. Returns the published file and its points."""
    copy = home.copy(folder)
    settings = Settings(inbox=copy.inbox, home=copy.path, now=datetime.fromisoformat(NOW))
    with watch.stage(WHOLE):
        publication = publish(settings, "benchmark", MANIFEST, lambda line: None)
    assert publication.is_new
    with duckdb.connect(str(settings.mart_file), read_only=True) as connection:
        return settings.mart_file, _count(connection)


def copy_database(watch: Watch, mart: Path, folder: Path) -> int:
    """Copy a database file, and write its tables as Parquet. Returns the points of the copy."""
    with duckdb.connect() as connection:
        with watch.stage(WHOLE):
            connection.execute(f"attach '{mart}' as mart (read_only)")
            connection.execute(f"attach '{folder / 'copy.duckdb'}' as copy")
            connection.execute("copy from database mart to copy")
            connection.execute("use copy")
            connection.execute(f"export database '{folder / 'parquet'}' (format parquet, compression zstd)")
        return _count(connection)


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    return connection.execute("select count(*) from core.fct_measure_point").fetchall()[0][0]


def test_publishing_costs_a_few_times_what_a_copy_costs(small_home: Home, tmp_path: Path) -> None:
    home = run(multiply_points, small_home, folder=tmp_path / "large").answer
    ours = best(publish_all, home, folder=tmp_path / "ours")
    mart, points = ours.answer
    peer = best(copy_database, mart, folder=tmp_path / "peer")

    ratio = ours.whole / peer.whole
    report(f"Publishing {POINTS:,} points", {"publish": ours, "DuckDB": peer}, ratio, LIMIT)
    assert points == peer.answer >= POINTS
    assert ratio < LIMIT
