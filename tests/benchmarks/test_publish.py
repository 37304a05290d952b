"""Publishing a warehouse of one million points, beside DuckDB copying the published database.

The peer writes the same tables into a new database file and as Parquet. Publishing also audits them, hashes the
content of every table to know whether anything changed, copies comments, and swaps the file in.
"""

import math
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.mart.manifest import MANIFEST
from pipelines.mart.publish import publish
from pipelines.settings import Settings
from tests.benchmarks.measure import WHOLE, Watch, best, report
from tests.integration.conftest import NOW, Home

POINTS = 1_000_000
LIMIT = 4.0


def publish_all(watch: Watch, home: Home, folder: Path) -> Path:
    """Publish a copy of the home. Returns the published file."""
    copy = home.copy(folder)
    settings = Settings(inbox=copy.inbox, home=copy.path, now=datetime.fromisoformat(NOW))
    with watch.stage(WHOLE):
        publication = publish(settings, "benchmark", MANIFEST, lambda line: None)
    assert publication.is_new
    return settings.mart_file


def copy_database(watch: Watch, mart: Path, folder: Path) -> Path:
    """Copy a database file, and write its tables as Parquet. Returns the copy."""
    copy = folder / "copy.duckdb"
    with watch.stage(WHOLE), duckdb.connect() as connection:
        connection.execute(f"attach '{mart}' as mart (read_only)")
        connection.execute(f"attach '{copy}' as copy")
        connection.execute("copy from database mart to copy")
        connection.execute("use copy")
        connection.execute(f"export database '{folder / 'parquet'}' (format parquet, compression zstd)")
    return copy


def test_publishing_costs_a_few_times_what_a_copy_costs(small_home: Home, tmp_path: Path) -> None:
    home = small_home.copy(tmp_path / "large")
    _multiply_points(home.path / "build" / "warehouse.duckdb")
    ours = best(publish_all, home, folder=tmp_path / "ours")
    peer = best(copy_database, ours.answer, folder=tmp_path / "peer")

    ratio = ours.whole / peer.whole
    report(f"Publishing {POINTS:,} points", {"publish": ours, "DuckDB": peer}, ratio, LIMIT)
    assert _count(peer.answer) == _count(ours.answer) >= POINTS
    assert ratio < LIMIT


def _multiply_points(warehouse: Path) -> None:
    """Add points like those that are there, under measures of their own, until there are enough."""
    times = math.ceil(POINTS / _count(warehouse))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "insert into core.fct_measure_point "
            "select points.* replace ("
            "md5(point_id || number) as point_id, md5(point_key || number) as point_key, "
            "md5(series_id || number) as series_id, measure_id || '-' || number as measure_id) "
            f"from core.fct_measure_point as points cross join range(1, {times}) as copies(number)"
        )


def _count(database: Path) -> int:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute("select count(*) from core.fct_measure_point").fetchall()[0][0]
