"""As `test_extracts_fuzz`, for as long as FUZZ_SECONDS says and from another seed each time (`make fuzz`)."""

import faulthandler
import os
import random
import time
from collections import Counter
from pathlib import Path

from pipelines.extracts.mapping import canonical_mapping
from tests.unit.extract_cases import contracts
from tests.unit.reader_fuzz import EXTRACT, check, damaged, good_files

SECONDS_FOR_ONE_FILE = 60


def test_damaged_files_for_a_while(tmp_path: Path) -> None:
    """A failure names the seed; the file at fault stays in the folder that is printed."""
    files = good_files(tmp_path)
    seed = int(os.environ.get("FUZZ_SEED", time.time_ns()))
    until = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", "60"))
    chance = random.Random(seed)
    mappings = [canonical_mapping(contracts()[EXTRACT])]
    outcomes: Counter[tuple[str, str]] = Counter()
    print(f"FUZZ_SEED={seed}, files in {tmp_path}")
    while time.monotonic() < until:
        name = chance.choice(sorted(files))
        path = tmp_path / name
        path.write_bytes(damaged(files[name], chance))
        # What hangs in a library cannot be stopped from here: the process ends and says where it was.
        faulthandler.dump_traceback_later(SECONDS_FOR_ONE_FILE, exit=True)
        outcomes[(name, check(path, mappings))] += 1
        faulthandler.cancel_dump_traceback_later()
    for (name, outcome), times in sorted(outcomes.items()):
        print(f"{name:24} {outcome:24} {times:6}")
    assert outcomes
