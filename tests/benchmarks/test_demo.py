"""One million points of the demo, beside what numpy and pyarrow need to draw and write as many plain rows.

The peer writes a single file of random counts in the columns of measure_points: no story, no organisation, no
seasons, no planted faults and no other extract. Its time is what nobody who writes such a file can go below.
The demo's story of some hundred projects takes the same time whatever the number of points.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.demo.generate import generate
from tests.benchmarks.measure import WHOLE, Watch, best, report

POINTS = 1_000_000
# Three times when this was written; the story alone is half of it, and noise is large in runs this short.
LIMIT = 8.0


def demo(watch: Watch, folder: Path) -> int:
    with watch.stage(WHOLE):
        made = generate(folder / "inbox", end=date(2026, 11, 20), points=POINTS, file_format="parquet")
    return made.points


def plain_rows(watch: Watch, folder: Path) -> int:
    with watch.stage(WHOLE):
        pq.write_table(_random_points(), folder / "measure_points.parquet", compression="zstd")
    return POINTS


def _random_points() -> pa.Table:
    random = np.random.default_rng(1)
    number = np.arange(POINTS)
    starts = np.datetime64("2020-11-02") + 7 * (number % 300)
    denominator = random.poisson(150, POINTS)
    nothing = pa.nulls(POINTS, pa.float64())
    return pa.table(
        {
            "measure_id": _text("BULK", number // 60_000),
            "organisation_code": _text("ZZ", number % 3),
            "unit_code": _text("WARD", number // 300 % 40),
            "stratum": _text("quintile", number // 12_000 % 5),
            "period_start": pa.array(starts),
            "period_end": pa.array(starts + 6),
            "value": nothing,
            "numerator": random.binomial(denominator, 0.4),
            "denominator": denominator,
            "subgroup_size": pa.nulls(POINTS, pa.int64()),
            "subgroup_mean": nothing,
            "subgroup_sd": nothing,
            "edition": _text("original", np.zeros(POINTS, dtype=np.int64)),
            "published_on": pa.array(starts + 9),
        }
    )


def _text(stem: str, numbers: np.ndarray) -> pa.DictionaryArray:
    names = [f"{stem}-{number}" for number in range(numbers.max() + 1)]
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), pa.array(names))


def test_the_demo_costs_a_few_times_what_writing_its_rows_costs(tmp_path: Path) -> None:
    ours = best(demo, folder=tmp_path / "ours", runs=3)
    peer = best(plain_rows, folder=tmp_path / "peer", runs=3)

    ratio = ours.whole / peer.whole
    report(f"Demo of {POINTS:,} points, Parquet", {"demo": ours, "numpy and pyarrow": peer}, ratio, LIMIT)
    assert ours.answer >= peer.answer
    assert ratio < LIMIT
