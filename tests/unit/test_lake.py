"""The lake's promises: a load counts when its ledger row is there, and leftovers of a kill go."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.extracts.records import records_of
from pipelines.lake.durable import write_parquet, write_text
from pipelines.lake.layout import PART, QUARANTINED_ROWS, Lake, load_folder
from pipelines.lake.ledger import (
    LedgerRow,
    next_load_id,
    prepare,
    read_ledger,
    recover,
    withdrawn_load_ids,
)
from pipelines.lake.lookups import latest_rows, quarantined_units, records_taken_by_others
from pipelines.lake.write import archive_file, commit_load, file_sha256

SCHEMA = pa.schema(
    [
        ("thing_id", pa.string()),
        ("colour", pa.string()),
        ("rank", pa.int64()),
        ("source_row", pa.int64()),
        ("published_on", pa.date32()),
        ("received_at", pa.timestamp("us")),
    ]
)
NOON = datetime(2026, 11, 1, 12)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    prepare(lake, {"things": SCHEMA})
    return lake


def ledger_row(lake: Lake, **changes) -> LedgerRow:
    row = LedgerRow(
        load_id=next_load_id(lake),
        run_id="run",
        extract="things",
        mapping="things",
        source_system="test",
        file_path="2026-11-01/things.csv",
        file_name="things.csv",
        file_sha256="0" * 64,
        file_bytes=1,
        file_mtime_ns=1,
        edition=None,
        published_on=None,
        received_at=NOON,
        loaded_at=NOON,
        verdict="accepted",
        reason="",
        rows_received=2,
        rows_accepted=2,
        rows_quarantined=0,
        rows_refused=0,
        rows_ignored=0,
        records_accepted=2,
        records_quarantined=0,
        retry_of=None,
        is_synthetic=True,
        mapping_sha256="m",
        contract_sha256="c",
        code_version="0",
        lake_files="{}",
    )
    return replace(row, **changes)


def things(*rows: tuple, day: int = 1) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "thing_id": thing,
                "colour": colour,
                "rank": rank,
                "source_row": line,
                "published_on": datetime(2026, 11, day).date(),
                "received_at": NOON,
            }
            for line, (thing, colour, rank) in enumerate(rows, start=2)
        ],
        schema=SCHEMA,
    )


def commit(lake: Lake, table: pa.Table, **changes) -> LedgerRow:
    return commit_load(lake, ledger_row(lake, **changes), {lake.accepted("things"): table})


def test_loads_are_numbered_in_turn_and_read_back(lake):
    first = commit(lake, things(("a", "red", 1)))
    second = commit(lake, things(("b", "blue", 1)), verdict="refused", reason="because")
    assert [first.load_id, second.load_id] == ["L0000001", "L0000002"]
    assert read_ledger(lake) == [first, second]


def test_ledger_row_names_its_files_by_hash(lake):
    row = commit(lake, things(("a", "red", 1)))
    part = load_folder(lake.accepted("things"), row.load_id) / PART
    assert row.lake_files == f'{{"accepted/things/load_id=L0000001/{PART}": "{file_sha256(part)}"}}'


def test_empty_tables_are_not_written(lake):
    row = commit(lake, things())
    assert not load_folder(lake.accepted("things"), row.load_id).exists()


def test_recover_removes_only_what_was_not_committed(lake):
    row = commit(lake, things(("a", "red", 1)))
    orphan = load_folder(lake.accepted("things"), next_load_id(lake)) / PART
    orphan.parent.mkdir(parents=True)
    pq.write_table(things(("x", "x", 1)), orphan)
    (lake.staging / "half").mkdir(parents=True)
    assert recover(lake) == ["accepted/things/load_id=L0000002"]
    assert not orphan.exists()
    assert not lake.staging.exists()
    assert read_ledger(lake) == [row]
    assert recover(lake) == []


def test_schema_file_follows_the_contract(lake):
    wider = SCHEMA.append(pa.field("extra", pa.string()))
    prepare(lake, {"things": wider})
    assert pq.read_schema(load_folder(lake.accepted("things"), "L0000000") / PART).names == wider.names


def test_archive_keeps_bytes_once_and_private(lake, tmp_path):
    delivered = tmp_path / "things.csv"
    delivered.write_bytes(b"thing_id\na\n")
    sha256 = file_sha256(delivered)
    kept = archive_file(lake, delivered, sha256)
    assert archive_file(lake, delivered, sha256) == kept
    assert kept.read_bytes() == delivered.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0


def test_lookup_gives_the_last_row_of_each_key_without_withdrawn_loads(lake):
    commit(lake, things(("a", "red", 1), ("b", "red", 1), day=1))
    later = commit(lake, things(("a", "blue", 1), day=2))
    found = latest_rows(lake, "things", ["thing_id"], ["colour"], set(), None).to_pylist()
    assert sorted(found, key=str) == [
        {"thing_id": "a", "colour": "blue"},
        {"thing_id": "b", "colour": "red"},
    ]
    found = latest_rows(lake, "things", ["thing_id"], ["colour"], {later.load_id}, None).to_pylist()
    assert {"thing_id": "a", "colour": "red"} in found


def test_lookup_may_prefer_a_lower_rank_to_a_later_date(lake):
    commit(lake, things(("a", "register", 1), day=1))
    commit(lake, things(("a", "seen in data", 3), day=9))
    found = latest_rows(lake, "things", ["thing_id"], ["colour"], set(), "rank").to_pylist()
    assert found == [{"thing_id": "a", "colour": "register"}]


def test_keys_taken_are_those_with_other_content(lake):
    row = commit(lake, things(("a", "red", 1), ("b", "red", 1), (None, "red", 1)))
    mine = things(("a", "red", 1), ("b", "blue", 1), (None, "blue", 1), ("c", "red", 1))
    with records_of(mine) as records:
        taken = records_taken_by_others(
            lake, "things", ["thing_id"], ["thing_id", "colour", "rank"], records, [row.load_id]
        )
    assert taken.tolist() == [1, 2]


def test_text_is_replaced_whole(tmp_path):
    path = tmp_path / "status.json"
    write_text("first", path)
    write_text("second", path)
    assert path.read_text(encoding="utf-8") == "second"
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_released_of_a_withdrawn_load_is_taken_back_with_it(lake):
    origin = commit(lake, things(("a", "red", 1)))
    released = commit(lake, things(("b", "red", 1)), verdict="released", retry_of=origin.load_id)
    commit(lake, things(), verdict="withdrawn", retry_of=origin.load_id)
    assert withdrawn_load_ids(read_ledger(lake)) == {origin.load_id, released.load_id}


def test_a_ledger_written_before_a_column_came_can_be_read_before_the_next_night(lake):
    row = commit_load(lake, ledger_row(lake), {})
    for part in lake.ledger.glob(f"*/{PART}"):
        pq.write_table(pq.ParquetFile(part).read().drop_columns(["code_version"]), part)
    (found,) = read_ledger(lake)
    assert found == replace(row, code_version=None)


def test_a_load_of_a_lake_without_units_has_lines_that_stand_alone(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    prepare(lake, {})
    old = QUARANTINED_ROWS.remove(QUARANTINED_ROWS.get_field_index("source_unit"))
    rows = [{"origin_load_id": "L0000001", "source_row": line, "event": "quarantined"} for line in (2, 3)]
    write_parquet(
        pa.Table.from_pylist(rows, schema=old), load_folder(lake.quarantined_rows, "L0000001") / PART
    )
    assert quarantined_units(lake, "L0000001").num_rows == 0
