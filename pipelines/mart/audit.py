"""Whether tonight's warehouse may be published: the lake adds up, every dbt test held, and nothing
shrank beyond its declared bound since the last release."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import yaml

from pipelines.lake.layout import PART, Lake
from pipelines.lake.ledger import LedgerRow
from pipelines.lake.verify import describe, find_damage
from pipelines.mart.taken_back import TakenBack, sources_of_tables, taken_back
from pipelines.mart.verdicts import error_tests, failed_tests, missing_verdicts, read_verdicts
from pipelines.mart.warehouse import TableState


@dataclass(frozen=True)
class AuditCheck:
    """One question of the audit and its answer; `detail` names places, never values of rows."""

    name: str
    is_passed: bool
    detail: str


def audit(
    lake: Lake,
    ledger: list[LedgerRow],
    warehouse: duckdb.DuckDBPyConnection,
    states: dict[str, TableState],
    last_release: dict | None,
    verdicts_file: Path,
    bounds_file: Path,
    manifest: Path,
    known_good: Path,
) -> list[AuditCheck]:
    """Every check of the night's audit, passed or not.

    `states`: table -> its size now; `last_release`: manifest of the release it is compared with;
    `manifest`: dbt's, which says which tests hold a release back and what tables are made of; `known_good`:
    where the sizes and times of the lake's files are kept.
    """
    bounds = yaml.safe_load(bounds_file.read_text(encoding="utf-8"))
    previous = (last_release or {}).get("tables", {})
    last_audited = (last_release or {}).get("last_load_id") or ""
    gone = taken_back(ledger, last_audited)
    return [
        _conservation(ledger),
        _lake_is_whole(lake, ledger, last_audited),
        _lake_is_unharmed(lake, ledger, known_good),
        _warehouse_is_current(ledger, warehouse),
        _dbt_tests(verdicts_file, error_tests(manifest)),
        *_row_counts(states, previous, bounds["tables"], gone, sources_of_tables(manifest) if gone else {}),
        *_totals(warehouse, (last_release or {}).get("totals", {}), bounds["totals"], gone),
    ]


def totals(warehouse: duckdb.DuckDBPyConnection, bounds_file: Path) -> dict[str, int]:
    """The totals that the bounds file declares, by name."""
    declared = yaml.safe_load(bounds_file.read_text(encoding="utf-8"))["totals"]
    return {total["name"]: _number(warehouse, total["query"]) for total in declared}


def _number(warehouse: duckdb.DuckDBPyConnection, query: str) -> int:
    row = warehouse.execute(query).fetchone()
    assert row is not None
    return row[0]


def _conservation(ledger: list[LedgerRow]) -> AuditCheck:
    broken = [row.load_id for row in ledger if not row.is_conserved]
    return AuditCheck(
        "every received row is accounted for",
        not broken,
        f"accepted + quarantined + refused + ignored = received in all {len(ledger)} loads"
        if not broken
        else f"loads that do not add up: {', '.join(broken)}",
    )


def _lake_is_whole(lake: Lake, ledger: list[LedgerRow], last_audited: str) -> AuditCheck:
    """New loads have on disk exactly the accepted and quarantined records their ledger rows claim."""
    wrong = []
    new = [row for row in ledger if row.load_id > last_audited and row.extract]
    for row in new:
        assert row.extract is not None
        for parent, claimed in (
            (lake.accepted(row.extract), row.records_accepted),
            (lake.quarantine(row.extract), row.records_quarantined),
        ):
            path = parent / f"load_id={row.load_id}" / PART
            if (_record_count(path) if path.exists() else 0) != claimed:
                wrong.append(f"{row.load_id} ({path.relative_to(lake.root).as_posix()})")
    detail = f"{len(new)} new loads hold the records their ledger rows claim"
    return AuditCheck("the lake is whole", not wrong, f"differs: {', '.join(wrong)}" if wrong else detail)


def _lake_is_unharmed(lake: Lake, ledger: list[LedgerRow], known_good: Path) -> AuditCheck:
    """No file of any load is missing or altered, and none is there that no load wrote."""
    damage = find_damage(lake, ledger, changed_only=known_good)
    detail = describe(damage) if damage else f"every file of {len(ledger)} loads is as it was written"
    return AuditCheck("no file of the lake is missing or altered", not damage, detail)


def _record_count(path: Path) -> int:
    row = duckdb.execute("select sum(num_rows) from parquet_file_metadata(?)", [str(path)]).fetchone()
    assert row is not None
    return int(row[0])


def _warehouse_is_current(ledger: list[LedgerRow], warehouse: duckdb.DuckDBPyConnection) -> AuditCheck:
    newest = ledger[-1].load_id if ledger else None
    row = warehouse.execute("select max(load_id) from ops.fct_load").fetchone()
    assert row is not None
    return AuditCheck(
        "the warehouse has every load",
        row[0] == newest,
        f"newest load in the lake {newest}, in the warehouse {row[0]}",
    )


def _dbt_tests(verdicts_file: Path, tests: set[str]) -> AuditCheck:
    verdicts = read_verdicts(verdicts_file)
    missing, failed = missing_verdicts(verdicts, tests), failed_tests(verdicts, tests)
    problems = [f"failed: {name}" for name in failed] + [f"never run: {name}" for name in missing]
    detail = f"{len(tests)} error tests passed"
    return AuditCheck("every dbt error test holds", not problems, "; ".join(problems) or detail)


def _row_counts(
    states: dict[str, TableState],
    previous: dict,
    bounds: dict,
    gone: dict[str, TakenBack],
    sources: dict[str, set[str]],
) -> list[AuditCheck]:
    checks = []
    for table, before in previous.items():
        now = states[table].rows if table in states else 0
        bound = bounds.get(table, bounds["default"])["may_shrink"]
        # A table from which nothing ever goes keeps its rows also when a load is taken back.
        because = [gone[each] for each in sorted(sources.get(table, set()) & gone.keys()) if bound > 0]
        allowed, why = _allowed(bound, because)
        checks.append(
            AuditCheck(
                f"{table} did not shrink",
                now >= before["rows"] * (1 - allowed),
                f"{before['rows']} rows in the last release, {now} now, may lose {bound:.0%}{why}",
            )
        )
    return checks


def _allowed(bound: float, because: list[TakenBack]) -> tuple[float, str]:
    """The share that may go, with what was taken back by hand, and the words for that."""
    allowed = min(1.0, bound + max((each.share for each in because), default=0.0))
    return allowed, "".join(f", and {each}" for each in because)


def _totals(
    warehouse: duckdb.DuckDBPyConnection, previous: dict, declared: list[dict], gone: dict[str, TakenBack]
) -> list[AuditCheck]:
    checks = []
    for total in declared:
        before = previous.get(total["name"])
        if before is None:
            continue
        now, bound = _number(warehouse, total["query"]), total["may_change_down"]
        allowed, why = _allowed(bound, [gone[total["extract"]]] if total["extract"] in gone else [])
        checks.append(
            AuditCheck(
                f"total: {total['name']}",
                now >= before * (1 - allowed),
                f"{before} in the last release, {now} now, may fall by {bound:.0%}{why}",
            )
        )
    return checks
