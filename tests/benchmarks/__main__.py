"""One run of a benchmark in a process of its own; see `measure.py`."""

import sys
from pathlib import Path

from tests.benchmarks.measure import run_here

run_here(Path(sys.argv[1]))
