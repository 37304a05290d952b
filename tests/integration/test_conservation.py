"""No row is ever counted twice or lost: random nights of good and bad files, copies, files written over and
brought back, withdrawals, rereads and runs that are killed at any durable step.

Ledger, lake and the dbt project's own view of which loads stand must agree after every night. Small contracts
and no Dagster, so that a night takes a moment. `QI_FUZZ_EXAMPLES` makes the run long (`make fuzz`).
"""

import hashlib
import os
import tempfile
from collections import Counter
from pathlib import Path

import duckdb
import jinja2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pipelines.intake.night import reinstate, withdraw
from pipelines.intake.plan import Scope
from pipelines.lake.layout import PART
from pipelines.lake.ledger import LedgerRow, withdrawn_load_ids
from pipelines.lake.verify import find_damage
from pipelines.lake.write import file_sha256
from pipelines.settings import DBT_PROJECT
from tests.integration.test_deliveries import HEADER, Hospital, lines, two_small_contracts
from tests.killing import killed_before_step

__all__ = ["two_small_contracts"]

EXAMPLES = int(os.environ.get("QI_FUZZ_EXAMPLES", "6"))
STEPS = 10
LAST_DAY = 28

LINES = st.lists(
    st.tuples(st.sampled_from(["good", "good", "waits", "unreadable", "malformed"]), st.integers(0, 9999)),
    min_size=1,
    max_size=6,
)


def text_of(fates: list[tuple[str, int]], number: int, is_bad: bool) -> str:
    """A file of counts; its keys are its own, so that files do not contradict each other."""
    rows = []
    for at, (fate, counted) in enumerate(fates):
        ward = "W2" if fate == "waits" else "W1"
        rows.append(
            {"unreadable": f"F{number}-{at},{ward},many", "malformed": f"F{number}-{at},{ward},1,2,3"}.get(
                fate, f"F{number}-{at},{ward},{counted}"
            )
        )
    return lines(HEADER.replace("ward", "place") if is_bad else HEADER, *rows)


def standing_in_dbt(hospital: Hospital) -> set[str]:
    """Loads whose rows count, by the dbt model that decides it."""
    model = (DBT_PROJECT / "models" / "intermediate" / "int_loads__standing.sql").read_text(encoding="utf-8")
    ledger = f"read_parquet('{hospital.lake.ledger}/*/{PART}', hive_types_autocast = false)"
    sql = jinja2.Template(model).render(config=lambda **options: "", ref=lambda name: f"(from {ledger})")
    rows = duckdb.execute(f"select load_id from ({sql}) where has_rows and taken_back_at is null").fetchall()
    return {load_id for (load_id,) in rows}


class Nights(RuleBasedStateMachine):
    """Deliveries between nights, and nights."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.hospital = Hospital(Path(self.folder.name))
        self.day = 1
        self.files = 0
        self.contents: dict[str, list[str]] = {}
        self.ever: set[str] = set()
        self.taken_back: dict[str, str] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    @initialize()
    def first_ward_opens(self) -> None:
        self._deliver("wards.csv", "ward\nW1\n")
        self.night(0)

    @rule(fates=LINES, is_bad=st.integers(0, 5).map(lambda drawn: drawn == 0))
    def file_comes(self, fates: list[tuple[str, int]], is_bad: bool) -> None:
        self.files += 1
        self._deliver(f"counts_{self.files}.csv", text_of(fates, self.files, is_bad))

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def copy_comes(self, data: st.DataObject) -> None:
        name = self._some_file(data)
        self.files += 1
        self._deliver(f"counts_{self.files}_copy.csv", self.contents[name][-1])

    @precondition(lambda self: self.files)
    @rule(data=st.data(), fates=LINES)
    def file_is_written_over(self, data: st.DataObject, fates: list[tuple[str, int]]) -> None:
        self.files += 1
        self._deliver(self._some_file(data), text_of(fates, self.files, is_bad=False))

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def earlier_content_comes_back(self, data: st.DataObject) -> None:
        name = self._some_file(data)
        self._deliver(name, self.contents[name][0])

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def file_is_removed(self, data: st.DataObject) -> None:
        (self.hospital.inbox / self._some_file(data)).unlink(missing_ok=True)

    @rule()
    def second_ward_opens(self) -> None:
        self._deliver("wards_2.csv", "ward\nW2\n")

    @precondition(lambda self: self.day < LAST_DAY)
    @rule(killed_at=st.integers(0, 25), is_reread=st.integers(0, 4).map(lambda drawn: drawn == 0))
    def night(self, killed_at: int, is_reread: bool = False) -> None:
        """A night, perhaps killed before its `killed_at`-th durable step and run again."""
        self.day += 1
        scope = Scope(reread=is_reread)
        if killed_at:
            killed_before_step(lambda: self.hospital.night(self.day, scope=scope), killed_at)
        self.hospital.night(self.day, scope=scope)
        self.ever |= {
            file_sha256(path) for path in self.hospital.inbox.iterdir() if path.name.startswith("counts")
        }
        self.check()

    @precondition(lambda self: self.day > 1)
    @rule(data=st.data())
    def load_is_taken_back(self, data: st.DataObject) -> None:
        rows = self.hospital.ledger()
        gone = withdrawn_load_ids(rows)
        standing = [row.load_id for row in rows if row.verdict == "accepted" and row.extract == "counts"]
        standing = [load_id for load_id in standing if load_id not in gone]
        if standing:
            chosen = data.draw(st.sampled_from(standing))
            row = withdraw(self.hospital.settings(self.day), chosen, "Wrong.", "by hand")
            self.taken_back[row.file_sha256] = chosen

    @precondition(lambda self: self.taken_back)
    @rule(data=st.data())
    def load_is_brought_back(self, data: st.DataObject) -> None:
        sha256 = data.draw(st.sampled_from(sorted(self.taken_back)))
        reinstate(self.hospital.settings(self.day), self.taken_back.pop(sha256), "by hand")

    def check(self) -> None:
        """Every line has one fate, nothing counts twice, and all records of it agree."""
        rows = self.hospital.ledger()
        gone = withdrawn_load_ids(rows)
        assert all(row.is_conserved for row in rows)
        assert find_damage(self.hospital.lake, rows) == []
        self._nothing_is_lost(rows)
        standing = [
            row for row in rows if row.verdict in ("accepted", "released") and row.load_id not in gone
        ]
        assert {row.load_id for row in standing} == standing_in_dbt(self.hospital)
        counts = [row for row in standing if row.extract == "counts"]
        assert not {row.file_sha256 for row in counts} & self.taken_back.keys()
        in_lake = self._lines_in_lake(counts)
        assert sum(row.rows_accepted for row in counts) == len(in_lake)
        assert [line for line, times in Counter(in_lake).items() if times > 1] == []

    def _nothing_is_lost(self, rows: list[LedgerRow]) -> None:
        """Every content that ever lay in the inbox on a night was judged, with all its lines."""
        lengths = {file: len(text.splitlines()) - 1 for file, text in self._texts().items()}
        judged: dict[str, set[int]] = {}
        for row in rows:
            if row.extract == "counts" and row.verdict in ("accepted", "refused"):
                judged.setdefault(row.file_sha256, set()).add(row.rows_received)
        assert judged.keys() == self.ever
        assert all(judged[sha256] == {lengths[sha256]} for sha256 in self.ever)

    def _texts(self) -> dict[str, str]:
        texts = [text for versions in self.contents.values() for text in versions]
        return {hashlib.sha256(text.encode()).hexdigest(): text for text in texts}

    def _lines_in_lake(self, loads: list[LedgerRow]) -> list[tuple[str, int]]:
        """(hash of the file, line) of every line with accepted records, once for each load that has it."""
        shas = {row.load_id: row.file_sha256 for row in loads}
        folder = self.hospital.lake.accepted("counts")
        found = duckdb.execute(
            f"select distinct load_id, source_row from read_parquet('{folder}/*/{PART}', "
            "hive_types_autocast = false) where list_contains(?, load_id)",
            [list(shas)],
        ).fetchall()
        return [(shas[load_id], line) for load_id, line in found]

    def _some_file(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(name for name in self.contents if name.startswith("counts"))))

    def _deliver(self, name: str, text: str) -> None:
        self.hospital.deliver({name: text})
        if name.startswith("counts"):
            self.contents.setdefault(name, []).append(text)


@pytest.mark.usefixtures("two_small_contracts")
def test_no_row_is_ever_counted_twice_or_lost():
    run_state_machine_as_test(
        Nights,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
