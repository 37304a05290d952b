"""Lines that stand and fall together because their records were added up.

Belongs here: spreading what is wrong with a sum to all lines of its unit. Does not belong here: which lines
are a unit (`pipelines.extracts.add_up`).

`units` below: `source_row` and SOURCE_UNIT of the lines of units of several lines, in the order of lines, or
None. A line that is not in it is a unit by itself.
"""

import numpy as np
import pyarrow as pa

from pipelines.extracts.add_up import SOURCE_UNIT
from pipelines.gates.keys import Positions


def units_of(lines: Positions, units: pa.Table | None) -> Positions:
    """The unit of each line."""
    if units is None or not units.num_rows:
        return lines
    known = units.column("source_row").to_numpy()
    place = np.minimum(np.searchsorted(known, lines), len(known) - 1)
    return np.where(known[place] == lines, units.column(SOURCE_UNIT).to_numpy()[place], lines)


def whole_units(lines: Positions, units: pa.Table | None) -> tuple[Positions, Positions]:
    """All lines of the units of these lines: (position in `lines`, a line of its unit), one pair each."""
    found = units_of(lines, units)
    if units is None or not units.num_rows:
        return np.arange(len(lines)), found
    members = units.column(SOURCE_UNIT).to_numpy()
    order = np.argsort(members, kind="stable")
    starts, ends = (np.searchsorted(members[order], found, side) for side in ("left", "right"))
    counts = np.maximum(ends - starts, 1)
    position = np.repeat(np.arange(len(lines)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.minimum(starts[position] + within, len(order) - 1)
    is_alone = (ends == starts)[position]
    return position, np.where(is_alone, lines[position], units.column("source_row").to_numpy()[order][place])


def of_whole_units(row_codes: pa.Table, units: pa.Table | None) -> pa.Table:
    """Reasons for quarantine (`source_row` and more), given for every line of each unit that has one."""
    position, lines = whole_units(row_codes.column("source_row").to_numpy(), units)
    spread = row_codes.take(pa.array(position))
    index = spread.column_names.index("source_row")
    return spread.set_column(index, "source_row", pa.array(lines, pa.int64()))
