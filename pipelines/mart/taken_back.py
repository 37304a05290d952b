"""What was taken back by hand since the last release, and which tables may shrink because of it.

A withdrawal is a deliberate act, with a reason that someone wrote: the audit lets the tables that are made of
an extract lose the same share of their rows as the extract lost of its records, and no more. Everything else
that shrinks is still an accident until someone says otherwise.
"""

from dataclasses import dataclass
from pathlib import Path

from pipelines.lake.ledger import BY_HAND, LedgerRow, withdrawn_load_ids
from pipelines.mart.manifest import read_graph


@dataclass(frozen=True)
class TakenBack:
    """Of one extract: the loads that were taken back, and which share of its standing records they had."""

    extract: str
    loads: tuple[str, ...]
    share: float

    def __str__(self) -> str:
        return f"{self.share:.0%} more as {', '.join(self.loads)} ({self.extract}) was taken back"


def taken_back(ledger: list[LedgerRow], last_audited: str) -> dict[str, TakenBack]:
    """Extract -> what was taken back of it by hand since the load `last_audited` (empty: none ever was)."""
    before = [row for row in ledger if row.load_id <= last_audited]
    gone = withdrawn_load_ids(before)
    standing: dict[str, int] = {}
    for row in before:
        if row.extract and row.load_id not in gone:
            standing[row.extract] = standing.get(row.extract, 0) + row.records_accepted
    since = [row for row in ledger if row.load_id > last_audited]
    # What was read again is there, in other loads.
    read_again = {row.content for row in since if row.verdict == "accepted"}
    found: dict[str, list[str]] = {}
    records: dict[str, int] = {}
    for row in since:
        is_by_hand = row.verdict == "withdrawn" and row.run_id == BY_HAND and row.content not in read_again
        if not (is_by_hand and row.extract and row.retry_of):
            continue
        # What was released of a load from quarantine goes with it.
        its = [each for each in before if row.retry_of in (each.load_id, each.retry_of)]
        found.setdefault(row.extract, []).append(row.retry_of)
        lost = sum(each.records_accepted for each in its if each.load_id not in gone)
        records[row.extract] = records.get(row.extract, 0) + lost
    return {
        extract: TakenBack(extract, tuple(loads), records[extract] / standing[extract])
        for extract, loads in found.items()
        if standing.get(extract)
    }


def sources_of_tables(manifest: Path) -> dict[str, set[str]]:
    """Published table -> the tables of the lake that it is made of, however indirectly."""
    graph = read_graph(manifest)
    parents: dict[str, list[str]] = graph.get("parent_map", {})
    found: dict[str, set[str]] = {}
    for unique_id, node in graph["nodes"].items():
        if node["resource_type"] == "model":
            found[f"{node['schema']}.{node['alias']}"] = _sources(unique_id, parents)
    return found


def _sources(unique_id: str, parents: dict[str, list[str]]) -> set[str]:
    waiting, seen = [unique_id], {unique_id}
    while waiting:
        above = set(parents.get(waiting.pop(), [])) - seen
        seen |= above
        waiting += above
    return {one.rpartition(".")[2] for one in seen if one.startswith("source.")}
