"""The corpus: every planted fault is caught with the right code and line, every good row next to it
accepted, and nothing is unaccounted for."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import pipelines.lake.durable
from pipelines.extracts.mapping import Mapping
from pipelines.extracts.recognise import Unrecognised, recognise
from pipelines.intake.inbox import Delivery
from pipelines.intake.load import Night, take_in
from pipelines.intake.night import load_rules
from pipelines.intake.plan import Task
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import LedgerRow
from pipelines.lake.scratch import scratch_lake
from pipelines.lake.write import file_sha256
from tests.corpus.cases import BadFile, bad_files
from tests.corpus.good import FORMATS, REGISTERS, ROWS, as_csv, good_rows
from tests.corpus.suppliers import SUPPLIERS, SuppliedFile, supplied_files
from tests.unit.gate_cases import CONTRACTS

CASES = bad_files()
SUPPLIED = supplied_files()
NOW = datetime(2026, 6, 15)


@dataclass
class Court:
    """A lake that knows the registers, and on which each file is judged as the first after them."""

    night: Night
    mappings: list[Mapping]
    folder: Path

    def judge(self, name: str, content: bytes) -> "Sentence":
        """What is said of a file, of the last of its extracts: one that refers to the others."""
        path = self.folder / name
        path.write_bytes(content)
        found = recognise(path, self.mappings)
        if isinstance(found, Unrecognised):
            return Sentence("unrecognised", found.reason, None, {}, [])
        delivery = Delivery(path, name, len(content), 0, file_sha256(path), NOW, True)
        before = len(self.night.ledger)
        for extract in sorted(found.extracts, key=list(self.night.contracts).index):
            self.night.results.clear()
            row = take_in(Task(delivery, found, extract), self.night)
            sentence = Sentence(row.verdict, row.reason, row, self._lines(row), self._codes())
            assert row.is_conserved
        self._forget(before)
        return sentence

    def _forget(self, before: int) -> None:
        """Let the next file meet the same lake."""
        for row in self.night.ledger[before:]:
            for folder in self.night.lake.root.rglob(f"load_id={row.load_id}"):
                shutil.rmtree(folder)
        del self.night.ledger[before:]
        self.night.results.clear()
        self.night.lookups.clear()

    def _lines(self, row: LedgerRow) -> dict[int, dict[str, str]]:
        path = self.night.lake.quarantined_rows / f"load_id={row.load_id}"
        lines: dict[int, dict[str, str]] = {}
        for part in path.glob("*.parquet"):
            for each in pq.ParquetFile(part).read().to_pylist():
                lines.setdefault(each["source_row"], {})[each["code"]] = each["column_name"] or ""
        return lines

    def _codes(self) -> list[str]:
        results = [result for _, result in self.night.results]
        return [each.code for each in results if not each.is_passed and each.action == "refuse_file"]


@dataclass(frozen=True)
class Sentence:
    """What was said of a file. `lines`: line -> code -> columns; `codes`: those that refuse the file."""

    verdict: str
    reason: str
    row: LedgerRow | None
    lines: dict[int, dict[str, str]]
    codes: list[str]


@pytest.fixture(scope="module")
def court(tmp_path_factory) -> Iterator[Court]:
    contracts, mappings = load_rules()
    folder = tmp_path_factory.mktemp("corpus")
    with pytest.MonkeyPatch.context() as patch, scratch_lake(Lake(folder), contracts, [], {}, None) as lake:
        patch.setattr(pipelines.lake.durable, "sync", lambda path: None)
        night = Night(lake, contracts, b"k" * 32, "corpus", NOW, "test", "", [], [])
        court = Court(night, mappings, folder)
        by_name = {mapping.name: mapping for mapping in mappings}
        for extract, rows in REGISTERS.items():
            path = folder / f"register_{extract}.csv"
            path.write_bytes(as_csv(rows))
            delivery = Delivery(path, path.name, 1, 0, file_sha256(path), datetime(2026, 1, 1), True)
            row = take_in(Task(delivery, by_name[f"canonical_{extract}"], extract), night)
            assert (row.verdict, row.rows_quarantined) == ("accepted", 0), row.reason
        for mapping in mappings:
            for extract in mapping.provides:
                assert mapping.path is not None
                delivery = Delivery(
                    mapping.path, mapping.name, 1, 0, mapping.sha256, datetime(2026, 1, 1), True
                )
                row = take_in(Task(delivery, mapping, extract, is_provided=True), night)
                assert (row.verdict, row.rows_quarantined) == ("accepted", 0), row.reason
        night.results.clear()
        yield court


def test_the_corpus_is_large_and_its_names_are_unique():
    names = Counter(case.name for case in [*CASES, *SUPPLIED])
    assert len(CASES) >= 150
    assert len(SUPPLIED) >= 50
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("way", FORMATS)
@pytest.mark.parametrize("extract", ["measure_points", "projects"])
def test_the_good_file_of_every_format_is_accepted_wholly(court, extract, way):
    write, _ = FORMATS[way]
    sentence = court.judge(f"{extract}.{way}", write(extract, good_rows(extract)))
    assert sentence.row is not None
    assert (sentence.verdict, sentence.row.rows_accepted, sentence.lines) == ("accepted", ROWS, {})


@pytest.mark.parametrize("extract", CONTRACTS)
def test_the_good_file_of_every_extract_is_accepted_wholly(court, extract):
    sentence = court.judge(f"{extract}.csv", as_csv(good_rows(extract)))
    assert sentence.row is not None
    assert (sentence.verdict, sentence.row.rows_accepted, sentence.lines) == ("accepted", ROWS, {})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_file_is_judged_right(court, case: BadFile):
    sentence = court.judge(case.file_name, case.make())
    if case.verdict == "not loaded":
        assert sentence.verdict in ("refused", "unrecognised")
    else:
        assert sentence.verdict == case.verdict, sentence.reason
    assert case.words in sentence.reason
    if case.code is not None:
        assert any(code.startswith(case.code) for code in sentence.codes), sentence.codes
    if case.verdict == "accepted":
        _check_lines(case, sentence)
    if sentence.row is not None:
        assert sentence.row.is_conserved


def _check_lines(case: BadFile, sentence: Sentence) -> None:
    """Every planted fault and no other line. Beside its own code a line may wait for what it refers to, and
    break other rules on the columns in which the fault was planted."""
    assert sentence.row is not None
    assert sentence.lines.keys() == case.lines.keys(), sentence.lines
    for line, code in case.lines.items():
        said = dict(sentence.lines[line])
        assert code in said, said
        named = set(said.pop(code).split(", "))
        planted = case.columns.get(line, named)
        assert named & planted, named
        others = {each for each, columns in said.items() if not set(columns.split(", ")) & planted}
        assert all(each.startswith(("UNKNOWN_", "OUTSIDE_")) for each in others), said
    assert sentence.row.rows_quarantined == len(case.lines)
    assert sentence.row.rows_accepted == sentence.row.rows_received - len(case.lines)
    assert sentence.row.rows_received >= ROWS


@pytest.mark.parametrize("supplier", SUPPLIERS.values(), ids=SUPPLIERS)
def test_the_good_file_of_every_supplier_is_accepted_wholly(court, supplier):
    sentence = court.judge(supplier.file_name, supplier.write(supplier.rows()))
    assert sentence.row is not None
    assert sentence.row.mapping == supplier.mapping
    assert (sentence.verdict, sentence.lines, sentence.row.rows_accepted) == ("accepted", {}, 6)
    assert sentence.row.rows_ignored == sentence.row.rows_received - 6


@pytest.mark.parametrize("case", SUPPLIED, ids=lambda case: case.name)
def test_a_bad_file_of_a_supplier_is_judged_right(court, case: SuppliedFile):
    sentence = court.judge(case.file_name, case.make())
    assert sentence.verdict == case.verdict, sentence.reason
    assert case.words in sentence.reason
    assert sentence.lines.keys() == case.lines.keys(), sentence.lines
    for line, code in case.lines.items():
        assert code in sentence.lines[line], sentence.lines
    if case.code is not None:
        assert sentence.codes == [case.code] or case.code in sentence.reason, sentence.codes
    if sentence.row is not None and case.verdict == "accepted":
        assert sentence.row.rows_quarantined == len(case.lines)
