"""Whether the project's SQL makes the same tables on Spark as on DuckDB, of one lake and one night.

python -m tests.spark [HOME]        from lake and clock of HOME (qi_home), which stays as it is; minutes

Needs Java 17 and the dependency group `spark`. Spark is lent the tables of dbt's Python models, which run on
DuckDB only; what SQL makes of them is built and compared like everything else.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]

from pipelines.mart.tonight import dbt_environment
from pipelines.settings import DBT_PROJECT, Settings
from tests.same_rows import TOLERANCE, Verdict, verdict

PYTHON_MODELS = "int_metrics__results", "int_metrics__interrupted_series"


class Table(NamedTuple):
    """A table or view that dbt makes. `key` tells its rows apart; empty where no test names one."""

    name: str
    key: tuple[str, ...]


def main(home: Path) -> int:
    """Build twice, compare, and tell. Returns 1 where something fails or differs."""
    settings = Settings(home=home.resolve())
    if not (settings.build_path / "tonight").is_dir():
        print(f"{home} holds no night to build anew; `make run` makes one.", file=sys.stderr)
        return 2
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        print("Spark needs Java 17: install it, or say where it is in JAVA_HOME.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="qi_spark_") as name:
        folder = Path(name)
        os.environ.update(dbt_environment(settings))
        os.environ["QI_WAREHOUSE"] = str(folder / "warehouse.duckdb")
        above = [f"{model}+" for model in PYTHON_MODELS]
        succeeded = [build_on_duckdb(folder)]
        spark = spark_session(folder)
        with duckdb.connect(os.environ["QI_WAREHOUSE"]) as warehouse:
            warehouse.execute("set TimeZone = 'UTC'")
            succeeded.append(build_on_spark(folder, "--exclude", *above))
            lend(spark, warehouse)
            succeeded.append(build_on_spark(folder, "--select", *above, "--exclude", *PYTHON_MODELS))
            succeeded.append(tell(compared(spark, warehouse, folder)))
    return int(not all(succeeded))


def build_on_duckdb(folder: Path) -> bool:
    """Whether every model succeeded. In a process of its own, as dbt would keep the file open in this one."""
    command = _dbt_build(folder, "nightly", "--exclude-resource-type", "test", "unit_test")
    return subprocess.run([sys.executable, "-m", "dbt.cli.main", *command]).returncode == 0


def build_on_spark(folder: Path, *options: str) -> bool:
    """Whether every model, test and unit test succeeded, in the Spark session of this process."""
    return dbtRunner().invoke(_dbt_build(folder, "spark", *options)).success


def _dbt_build(folder: Path, target: str, *options: str) -> list[str]:
    command = ["build", *options, "--target", target, "--target-path", str(folder / target)]
    project = str(DBT_PROJECT)
    return [*command, "--log-path", str(folder), "--project-dir", project, "--profiles-dir", project]


def spark_session(folder: Path) -> SparkSession:
    """The session that dbt finds, since it runs in this process: two cores, and a catalogue in memory."""
    builder = SparkSession.builder.master("local[2]").appName("qi_mart")
    for name, value in {
        "spark.driver.memory": "4g",
        "spark.sql.warehouse.dir": str(folder / "tables"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("FATAL")
    return session


def lend(spark: SparkSession, warehouse: duckdb.DuckDBPyConnection) -> None:
    """Give Spark the tables of Python models as DuckDB has them."""
    for model in PYTHON_MODELS:
        rows = warehouse.table(f"working.{model}").to_arrow_table()
        spark.createDataFrame(rows).write.saveAsTable(f"working.{model}")


def compared(
    spark: SparkSession, warehouse: duckdb.DuckDBPyConnection, folder: Path
) -> Iterator[tuple[str, Verdict | None]]:
    """Every table and view with its verdict; none where Spark has not made it."""
    for table in tables(json.loads((folder / "spark" / "manifest.json").read_text())):
        if not spark.catalog.tableExists(table.name):
            yield table.name, None
            continue
        warehouse.register("on_spark", spark.table(table.name).toArrow())
        yield table.name, verdict(warehouse, table.name, "on_spark", table.key)
        warehouse.unregister("on_spark")


def tables(manifest: dict[str, Any]) -> list[Table]:
    """What dbt makes in SQL and of seeds, with the key that a test of it names."""
    keys = {
        node["attached_node"]: tuple(node["test_metadata"]["kwargs"]["columns"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node.get("test_metadata", {}).get("name") == "primary_key"
    }
    return sorted(
        Table(f"{node['schema']}.{node['alias']}", keys.get(unique_id, ()))
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in ("model", "seed")
        and node["config"]["materialized"] != "ephemeral"
        and node["name"] not in PYTHON_MODELS
    )


def tell(found: Iterable[tuple[str, Verdict | None]]) -> bool:
    """Print what differs, and a summary. Returns whether nothing does."""
    wrong: list[str] = []
    said: list[Verdict] = []
    for name, one in found:
        if one is None:
            wrong.append(f"{name}: not made on Spark")
            continue
        said.append(one)
        if one.only_on_duckdb or one.only_on_spark or one.differing:
            wrong.append(
                f"{name}: of {one.rows:,} rows {one.only_on_duckdb:,} only on DuckDB, "
                f"{one.only_on_spark:,} only on Spark; rows that differ, by column: {one.differing or 'none'}"
            )
    rows, rounded = sum(one.rows for one in said), sum(one.rounded for one in said)
    print(*wrong, sep="\n")
    print(f"{len(said)} tables and views with {rows:,} rows compared, {len(wrong)} not the same;")
    print(f"{rounded:,} doubles differ, by no more than {TOLERANCE} of them")
    return not wrong


if __name__ == "__main__":
    sys.exit(main(Path(*sys.argv[1:2] or ["qi_home"])))
