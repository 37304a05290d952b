"""What tonight's run has to do with each file, decided from the ledger alone.

The same bytes load once for each extract they feed, under the first path they came by that is still
there. A refused or unrecognised file is looked at again when its mapping or contract has changed; a
file that our own software failed on, always. What a path held before it was written over, and holds
again, is a new delivery that takes the place of the first one. A load that an engineer took back stays
taken back.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from pipelines.extracts.contract import Contract
from pipelines.extracts.mapping import Mapping
from pipelines.extracts.readers.formats import readable_endings
from pipelines.extracts.recognise import Table, Unrecognised, recognise_tables
from pipelines.intake.inbox import MAPPING_FOLDER, Delivery, received_at
from pipelines.lake.ledger import Content, LedgerRow, withdrawn_load_ids


@dataclass(frozen=True)
class Scope:
    """Which deliveries a run considers: by default every one that is not settled yet.

    `reread` takes files in again that are already loaded, through today's mapping and contract: what
    they brought before is taken back and replaced.
    """

    received_from: date | None = None
    received_to: date | None = None
    reread: bool = False

    def covers(self, received_at: datetime) -> bool:
        received_on = received_at.date()
        return (self.received_from is None or received_on >= self.received_from) and (
            self.received_to is None or received_on <= self.received_to
        )


@dataclass(frozen=True)
class Task:
    """One file to take in for one extract. `is_provided`: the rows stand in the mapping itself.
    `replaces`: the load whose rows this one takes the place of, when a file is read again. Of a zip file with
    several tables, `table` is the one to take in, and `all_tables` are those that are known."""

    delivery: Delivery
    mapping: Mapping
    extract: str
    is_provided: bool = False
    replaces: str | None = None
    table: str | None = None
    all_tables: tuple[Table, ...] = ()

    @property
    def place(self) -> str:
        """The file as messages name it, with the table where it holds several."""
        return f"{self.delivery.relative} ({self.table})" if self.table else self.delivery.relative


@dataclass(frozen=True)
class Repeat:
    """A file whose bytes another delivery has already brought, or brings tonight."""

    delivery: Delivery
    mapping: Mapping


@dataclass(frozen=True)
class Stranger:
    """A file that no mapping fits."""

    delivery: Delivery
    reason: str


@dataclass(frozen=True)
class Failure:
    """A file that our own software failed to recognise, or to find unrecognisable."""

    delivery: Delivery
    fault: Exception


def tables_text(tables: Sequence[Table]) -> str | None:
    """The tables of a zip file and their mappings, as the ledger keeps them."""
    if not tables:
        return None
    return json.dumps([[table.mapping.name, table.name] for table in tables])


@dataclass(frozen=True)
class Plan:
    tasks: list[Task]
    repeats: list[Repeat]
    strangers: list[Stranger]
    failures: list[Failure]
    settled: int


def rules_digest(mappings: Iterable[Mapping]) -> str:
    """One hash for all that recognises files (mappings, and the formats that can be read): when it
    changes, unrecognised files are looked at again."""
    parts = [*sorted(mapping.sha256 for mapping in mappings), readable_endings()]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


class Planner:
    """Reads the ledger once and answers, file by file, what is still to do."""

    def __init__(
        self,
        mappings: list[Mapping],
        contracts: dict[str, Contract],
        ledger: list[LedgerRow],
        scope: Scope,
        now: datetime,
    ):
        self._mappings = mappings
        self._by_id = {mapping.name: mapping for mapping in mappings}
        self._contracts = contracts
        self._scope = scope
        self._now = now
        self._digest = rules_digest(mappings)
        self._by_file: dict[tuple[str, str], LedgerRow] = {}
        self._by_content: dict[Content, LedgerRow] = {}
        self._standing: dict[Content, str] = {}
        names_in_use: set[str | None] = set()
        self._newest_at_path: dict[str, str] = {}
        self._taken_back = taken_back = withdrawn_load_ids(ledger)
        for row in ledger:
            if row.retry_of is not None:
                continue
            self._newest_at_path[row.file_path] = row.file_sha256
            self._by_file[(row.file_sha256, row.file_path)] = row
            if row.verdict != "repeated":
                self._by_content[row.content] = row
            if row.verdict == "accepted" and row.load_id not in taken_back:
                self._standing[row.content] = row.load_id
            names_in_use.add(row.mapping)
        self._used_before = [mapping for mapping in mappings if mapping.name in names_in_use]

    def plan(self, deliveries: list[Delivery]) -> Plan:
        """Tasks in the order in which they must be judged: what others refer to comes first."""
        tasks: list[Task] = []
        repeats: list[Repeat] = []
        strangers: list[Stranger] = []
        failures: list[Failure] = []
        settled = 0
        path_of = self._paths_taken_in(deliveries)
        for delivery in deliveries:
            if not self._scope.covers(delivery.received_at):
                continue
            try:
                tables = self._tables_of(delivery)
            except Exception as fault:
                failures.append(Failure(delivery, fault))
                continue
            if tables is None:
                settled += 1
                continue
            if isinstance(tables, Unrecognised):
                strangers.append(Stranger(delivery, tables.reason))
                continue
            is_first = path_of.setdefault(delivery.sha256, delivery.relative) == delivery.relative
            is_back = self._is_back(delivery)
            if is_back:
                delivery = replace(delivery, received_at=received_at(delivery.relative, self._now))
            wanted = list(self._tasks_of_file(delivery, tables, is_back)) if is_first else []
            tasks.extend(wanted)
            if not wanted and self._is_noted(delivery):
                settled += 1
            elif not wanted:
                repeats.append(Repeat(delivery, tables[0].mapping))
        tasks.extend(self._provided(tasks))
        return Plan(sorted(tasks, key=self._order), repeats, strangers, failures, settled)

    def _tables_of(self, delivery: Delivery) -> list[Table] | Unrecognised | None:
        """The tables of a file that are known, or None when none was and nothing has changed since."""
        last = self._by_file.get((delivery.sha256, delivery.relative))
        if last is None:
            return recognise_tables(delivery.path, self._mappings)
        if last.verdict == "unrecognised" and last.mapping_sha256 == self._digest:
            return None
        noted = _tables_noted(last)
        known = [Table(self._by_id[name], table) for name, table in noted if name in self._by_id]
        is_known = len(known) == len(noted)
        if is_known and last.verdict in ("accepted", "repeated") and not self._scope.reread:
            return known
        # What was refused through one mapping may since have got one of its own.
        found = recognise_tables(delivery.path, self._mappings)
        return known if is_known and isinstance(found, Unrecognised) else found

    def _tasks_of_file(self, delivery: Delivery, tables: list[Table], is_back: bool) -> Iterator[Task]:
        all_tables = tuple(tables) if len(tables) > 1 else ()
        for table in tables:
            for task in self._tasks(delivery, table, table.mapping.extracts, is_back):
                yield replace(task, all_tables=all_tables)

    def _paths_taken_in(self, deliveries: list[Delivery]) -> dict[str, str]:
        """Hash -> path, for bytes that are still where they were when they were taken in."""
        return {
            delivery.sha256: delivery.relative
            for delivery in reversed(deliveries)
            if (last := self._by_file.get((delivery.sha256, delivery.relative)))
            and last.verdict in ("accepted", "refused", "error")
        }

    def _is_noted(self, delivery: Delivery) -> bool:
        last = self._by_file.get((delivery.sha256, delivery.relative))
        return last is not None and last.verdict != "unrecognised"

    def _is_back(self, delivery: Delivery) -> bool:
        """Whether a path holds again what it held before it was written over: the supplier took the later
        content back, so this is a delivery of tonight."""
        newest = self._newest_at_path.get(delivery.relative, delivery.sha256)
        return not self._scope.reread and newest != delivery.sha256 and self._is_noted(delivery)

    def _tasks(
        self, delivery: Delivery, table: Table, extracts: Iterable[str], is_back: bool = False
    ) -> Iterator[Task]:
        mapping = table.mapping
        for extract in extracts:
            # Loads from before the ledger named tables have no name of theirs.
            content = (delivery.sha256, extract, table.name)
            as_before = (delivery.sha256, extract, None)
            last = self._by_content.get(content, self._by_content.get(as_before))
            if last is not None and last.verdict == "accepted" and last.load_id in self._taken_back:
                # An engineer took it back; only `qi withdraw --undo` brings it in again.
                continue
            rules = (mapping.sha256, self._contracts[extract].sha256)
            if (
                last is None
                or last.verdict == "error"
                or (last.verdict == "refused" and last.rules_sha256 != rules)
                or self._scope.reread
                or (is_back and last.verdict == "accepted")
            ):
                standing = self._standing.get(content, self._standing.get(as_before))
                is_provided = delivery.path == mapping.path
                yield Task(delivery, mapping, extract, is_provided, standing, table.name)

    def _provided(self, tasks: list[Task]) -> Iterator[Task]:
        """The measures and targets that a mapping itself brings, as soon as a file of it has come."""
        for mapping in self._mappings:
            users = [task.delivery for task in tasks if mapping.name in _names(task.mapping)]
            is_in_use = any(mapping.name in _names(each) for each in self._used_before)
            if mapping.path is None or not (users or (is_in_use and not self._scope.reread)):
                continue
            delivery = _mapping_delivery(mapping, mapping.path, users, self._now)
            known = self._by_file.get((delivery.sha256, delivery.relative))
            if known is not None:
                delivery = replace(delivery, received_at=known.received_at)
            yield from self._tasks(delivery, Table(mapping), mapping.provides)

    def _order(self, task: Task) -> tuple[int, datetime, str, str]:
        rank = list(self._contracts).index(task.extract)
        return (rank, task.delivery.received_at, task.delivery.relative, task.table or "")


def _tables_noted(row: LedgerRow) -> list[tuple[str, str | None]]:
    """The mappings and tables of a load's file: those of all its tables, where the file holds several."""
    if row.file_mappings is None:
        return [(row.mapping or "", row.file_table)]
    if not row.file_mappings.startswith("["):
        # As ledgers had it before a file could hold several tables of one extract.
        return [(mapping, None) for mapping in row.file_mappings.split(", ")]
    return [(mapping, table) for mapping, table in json.loads(row.file_mappings)]


def _names(mapping: Mapping) -> set[str | None]:
    """A mapping and the one that defines its measures."""
    return {mapping.name, mapping.definition.defined_in}


def _mapping_delivery(mapping: Mapping, path: Path, users: list[Delivery], now: datetime) -> Delivery:
    status = path.stat()
    return Delivery(
        path=path,
        relative=f"{MAPPING_FOLDER}{path.name}",
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        sha256=mapping.sha256,
        received_at=min((user.received_at for user in users), default=now),
        is_synthetic=bool(users) and all(user.is_synthetic for user in users),
    )
