"""What dbt's tests said last, kept beside the warehouse they were said of.

A blocking check stops only its own run, so publish reads these verdicts itself: a table whose test
failed stays unpublished until that test has run again and passed.
"""

import json
from pathlib import Path

from pipelines.lake.durable import write_text
from pipelines.mart.manifest import read_graph

PASSING = ("pass", "warn")


def read_verdicts(path: Path) -> dict[str, str]:
    """Test's unique id -> its last status as dbt spells it."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def forget_verdicts(path: Path, tests: set[str] | None = None) -> None:
    """Before dbt changes a table, what was said of it no longer counts: verdicts of `tests`, or all. So a
    build that was killed leaves the warehouse unpublishable until its tests have run again."""
    if tests is None:
        path.unlink(missing_ok=True)
    else:
        kept = {test: status for test, status in read_verdicts(path).items() if test not in tests}
        write_text(json.dumps(kept, indent=1, sort_keys=True), path)


def record_verdicts(path: Path, run_results: Path) -> None:
    """Add the statuses of one dbt invocation to those that still count.

    Raises FileNotFoundError when dbt left no results: then nothing may be taken as passed.
    """
    results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    verdicts = read_verdicts(path) | {
        result["unique_id"]: result["status"] for result in results if result["unique_id"].startswith("test.")
    }
    write_text(json.dumps(verdicts, indent=1, sort_keys=True), path)


def error_tests(manifest: Path) -> set[str]:
    """Unique ids of the enabled dbt tests of severity error."""
    return {
        unique_id
        for unique_id, node in read_graph(manifest)["nodes"].items()
        if node["resource_type"] == "test" and node["config"]["severity"].lower() == "error"
    }


def failed_tests(verdicts: dict[str, str], tests: set[str]) -> list[str]:
    return sorted(test for test in tests if verdicts.get(test, "pass") not in PASSING)


def missing_verdicts(verdicts: dict[str, str], tests: set[str]) -> list[str]:
    return sorted(tests - verdicts.keys())
