"""A file of 5 GB, and 5 GB of broken lines: bounded memory and disk, whatever comes of them.

Needs about 20 GB of disk in the folder of pytest's temporary files, which are gone afterwards.
BENCHMARK_BYTES takes another size.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.extracts.contract import load_contracts
from pipelines.intake.load import ROOM_TO_READ
from pipelines.intake.night import take_in_inbox
from pipelines.lake.ledger import LedgerRow
from pipelines.settings import CONTRACTS
from tests.benchmarks.measure import WHOLE, Run, Watch, run
from tests.benchmarks.points import RECEIVED_ON, points, write_references
from tests.benchmarks.test_night import EVERYTHING, MOST_MB, settings_in

BYTES = int(os.environ.get("BENCHMARK_BYTES", str(5 * 10**9)))
BLOCK = 100_000
PADDING = 500


def write_wide(watch: Watch, folder: Path) -> int:
    """Points with a long text in each line. Returns their number."""
    write_references(folder / "references", load_contracts(CONTRACTS))
    rows = 0
    with (folder / "measure_points.csv").open("wb") as file:
        table = points(BYTES // (PADDING + 70) // BLOCK * BLOCK)
        file.write((",".join([*table.column_names, "suppression_reason"]) + "\n").encode())
        while rows < table.num_rows:
            columns = [column.to_pylist() for column in table.slice(rows, BLOCK).columns]
            lines = [
                f"{','.join(map(str, row))},{at:x>{PADDING}}"
                for at, row in enumerate(zip(*columns, strict=True))
            ]
            file.write(("\n".join(lines) + "\n").encode())
            rows += BLOCK
    return rows


def write_broken(watch: Watch, folder: Path) -> None:
    write_references(folder / "references", load_contracts(CONTRACTS))
    with (folder / "measure_points.csv").open("wb") as file:
        file.write(b"measure_id,organisation_code,period_start,value\n")
        block = b"a line that is,no row\n" * BLOCK
        while file.tell() < BYTES:
            file.write(block)


@contextmanager
def watching(folder: Path, sizes: list[int]) -> Iterator[None]:
    """Note how large a folder is at its largest."""
    is_done = threading.Event()

    def look() -> None:
        while not is_done.wait(0.5):
            size = 0
            for path in folder.rglob("*"):
                try:
                    size += path.stat().st_size
                except FileNotFoundError:
                    continue
            sizes[0] = max(sizes[0], size)

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    try:
        yield
    finally:
        is_done.set()
        looker.join()


def take_in_huge(watch: Watch, delivered: Path, folder: Path) -> tuple[LedgerRow, int, list[str]]:
    """Returns the ledger row, the most bytes of temporary files at once, and the progress lines."""
    settings, told = settings_in(folder), list[str]()
    day = settings.inbox_path / RECEIVED_ON.isoformat()
    shutil.copytree(delivered / "references", day)
    (day / "measure_points.csv").hardlink_to(delivered / "measure_points.csv")
    sizes = [0]
    with watch.stage(WHOLE), watching(settings.temporary_path, sizes):
        taken = take_in_inbox(settings, "huge", EVERYTHING, told.append)
    assert not settings.temporary_path.exists()
    (row,) = [row for row in taken.loads if row.extract == "measure_points"]
    return row, sizes[0], told


def _report(title: str, done: Run) -> None:
    row, most_bytes, told = done.answer
    signs = sum("…" in line for line in told)
    print(
        f"\n\n{title}: {done.whole:,.0f} s, {done.peak_mb:,.0f} MB of memory, {most_bytes / 1e9:.1f} GB of ",
        end="",
    )
    print(f"temporary files, {signs} signs of life; {row.verdict}: {row.reason[:200]}")


def test_a_huge_file_is_taken_in_with_little_memory(tmp_path: Path) -> None:
    delivered = tmp_path / "delivered"
    rows = run(write_wide, folder=delivered).answer
    done = run(take_in_huge, delivered, folder=tmp_path / "night")
    row, most_bytes, _ = done.answer
    _report(f"{row.file_bytes / 1e9:.1f} GB, {rows:,} lines", done)
    shutil.rmtree(tmp_path)
    assert row.is_conserved
    assert (row.verdict, row.rows_received) == ("accepted", rows)
    assert done.peak_mb < MOST_MB
    assert most_bytes < ROOM_TO_READ * row.file_bytes


def test_a_huge_file_of_broken_lines_is_refused(tmp_path: Path) -> None:
    delivered = tmp_path / "delivered"
    run(write_broken, folder=delivered)
    done = run(take_in_huge, delivered, folder=tmp_path / "night")
    row, _, _ = done.answer
    _report(f"{row.file_bytes / 1e9:.1f} GB of broken lines", done)
    shutil.rmtree(tmp_path)
    assert row.verdict == "refused"
    assert row.reason.startswith("NOT_A_TABLE")
    assert done.peak_mb < MOST_MB
