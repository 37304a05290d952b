"""Rows that are alike in several columns, found without a loop over rows.

Empty cells are alike: a key with an empty part is still a key.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def alike(columns: Sequence[pa.ChunkedArray]) -> Positions:
    """One number a row, from 0 without gaps, the same for rows that are alike in all `columns`."""
    numbers = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
        combined = numbers * len(encoded.dictionary) + encoded.indices.to_numpy(zero_copy_only=False)
        numbers = pd.factorize(combined)[0].astype(np.int64)
    return numbers


def find(wanted: Sequence[pa.ChunkedArray], among: Sequence[pa.ChunkedArray]) -> Positions:
    """For each row of `wanted` the position of a row alike in `among`, or -1. Columns correspond in order."""
    both = [
        pa.chunked_array([*there.cast(here.type).chunks, *here.chunks], type=here.type)
        for here, there in zip(wanted, among, strict=True)
    ]
    numbers = alike(both)
    count = len(among[0])
    position_of = np.full(numbers.max(initial=-1) + 1, -1, dtype=np.int64)
    position_of[numbers[:count]] = np.arange(count)
    return position_of[numbers[count:]]
