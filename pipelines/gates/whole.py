"""What rules need to know of all records of a file at once, found before any of them is judged.

Belongs here: questions whose answer for one record depends on other records of the file. Each is a query over
the view `records` (`pipelines.extracts.records`), which DuckDB answers in bounded memory, whatever the file's
size. Does not belong here: the columns that come from a record alone (`derive.py`), and verdicts (`gate.py`).

A new question is one function of `QUESTIONS` that answers with flags: for a derived column of that name, the
numbers of the records for which it is true.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from pipelines.extracts.contract import Contract
from pipelines.extracts.records import RECORD, Records
from pipelines.extracts.standard_rules import DUPLICATE_BETWEEN_FILES, DUPLICATE_KEY, DUPLICATE_ROW
from pipelines.gates.keys import Flags, Positions

Question = Callable[[Records, Contract], Iterator[tuple[str, Positions]]]
# Numbers of the records whose key another file has brought with other content.
FindTaken = Callable[[Records], Positions]

NOBODY = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class WholeFile:
    """Flags by the name of their derived column: the numbers of the records for which it is true, sorted."""

    flags: dict[str, Positions]

    def with_flags(self, flags: dict[str, Positions]) -> "WholeFile":
        """The same with more flags."""
        return WholeFile(self.flags | flags)

    def of_slice(self, first: int, count: int) -> dict[str, Flags]:
        """The derived columns for `count` records from number `first` on."""
        columns = {}
        for name, records in self.flags.items():
            columns[name] = np.zeros(count, dtype=np.bool_)
            start, end = np.searchsorted(records, [first, first + count])
            columns[name][records[start:end] - first] = True
        return columns


def look_at_whole(records: Records, contract: Contract, find_taken: FindTaken | None = None) -> WholeFile:
    """Ask every question of a file."""
    flags = {name: found for question in QUESTIONS for name, found in question(records, contract)}
    flags[DUPLICATE_BETWEEN_FILES] = NOBODY if find_taken is None else find_taken(records)
    return WholeFile(flags)


def _duplicates(records: Records, contract: Contract) -> Iterator[tuple[str, Positions]]:
    """Which records repeat another one, and which contradict one.

    A repeat is alike in every column to a record of an earlier line. Records contradict each other when they
    share the key and are not alike in the other columns; then none of them is called a repeat. Empty cells
    are alike: a key with an empty part is still a key.
    """
    key = ", ".join(f'"{name}"' for name in contract.grain)
    every = ", ".join(f'"{name}"' for name in contract.column_names)
    # Most files have no key twice, and numbers that stand for keys take a tenth of their memory.
    shared = f"select hash({key}) as number from records group by number having count(*) > 1"
    connection = records.connection
    connection.execute(f"create or replace temp table shared_keys as {shared}")
    if connection.execute("select count(*) from shared_keys").fetchall() == [(0,)]:
        yield DUPLICATE_ROW, NOBODY
        yield DUPLICATE_KEY, NOBODY
        return
    connection.execute(
        f"""
        create or replace temp table duplicates as
        with candidates as (
            select {RECORD}, source_row, {every} from records where hash({key}) in (from shared_keys)
        ),
        copies as (
            select *, row_number() over (partition by {every} order by source_row, {RECORD}) as copy
            from candidates
        ),
        counted as (
            select {RECORD}, copy, count(*) filter (where copy = 1) over (partition by {key}) as contents
            from copies
        )
        select {RECORD}, contents > 1 as contradicts from counted where contents > 1 or copy > 1
        """
    )
    for name, condition in ((DUPLICATE_ROW, "not contradicts"), (DUPLICATE_KEY, "contradicts")):
        yield name, records.positions(f"select {RECORD} from duplicates where {condition}")


QUESTIONS: tuple[Question, ...] = (_duplicates,)
