"""Rows that are alike, held against a plain loop."""

from collections import defaultdict
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.extracts.records import records_of
from pipelines.extracts.standard_rules import DUPLICATE_KEY, DUPLICATE_ROW
from pipelines.gates.keys import alike, find
from pipelines.gates.whole import look_at_whole
from tests.unit.gate_cases import small_contract

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]), st.sampled_from([1, 2, None]), st.sampled_from([0.5, 1.5, None])
    ),
    max_size=12,
)

KEYED = small_contract(
    grain=["x", "y"],
    columns=[
        {"name": name, "type": type_, "description": "One of three columns."}
        for name, type_ in (("x", "string"), ("y", "integer"), ("z", "number"))
    ],
    rules=[],
    example={"x": "a"},
)


def columns(rows: list[tuple[Any, ...]]) -> list[pa.ChunkedArray]:
    types = (pa.string(), pa.int64(), pa.float64())
    return [pa.chunked_array([pa.array([row[i] for row in rows], types[i])]) for i in range(3)]


@given(ROWS)
def test_rows_are_alike_when_all_their_cells_are(rows: list[tuple[Any, ...]]) -> None:
    numbers = alike(columns(rows)).tolist()
    assert [[one == other for other in numbers] for one in numbers] == [
        [one == other for other in rows] for one in rows
    ]
    assert set(numbers) == set(range(len(set(rows))))


@given(ROWS, ROWS)
def test_a_row_is_found_among_others(wanted: list[tuple[Any, ...]], among: list[tuple[Any, ...]]) -> None:
    found = find(columns(wanted), columns(among)).tolist()
    for row, position in zip(wanted, found, strict=True):
        assert (position == -1) == (row not in among)
        assert position == -1 or among[position] == row


@settings(deadline=None)
@given(ROWS, st.randoms())
def test_repeats_and_contradictions_are_those_of_a_plain_loop(
    rows: list[tuple[Any, ...]], random: Any
) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    table = pa.table(
        dict(zip("xyz", columns(rows), strict=True)) | {"source_row": pa.array(order, pa.int64())}
    )
    with records_of(table) as records:
        flags = look_at_whole(records, KEYED).of_slice(0, len(rows))
    repeats, contradicts = flags[DUPLICATE_ROW], flags[DUPLICATE_KEY]
    contents, first = defaultdict(set), {}
    for line, row in sorted(zip(order, rows, strict=True)):
        contents[row[:2]].add(row)
        first.setdefault(row, line)
    for position, row in enumerate(rows):
        is_contested = len(contents[row[:2]]) > 1
        assert contradicts[position] == is_contested
        assert repeats[position] == (not is_contested and first[row] != order[position])


def test_chunks_and_kinds_of_text_make_no_difference() -> None:
    wanted = [pa.chunked_array([["a"], [None, "b"]], pa.string())]
    among = [pa.chunked_array([["b"], ["c"]], pa.large_string())]
    assert find(wanted, among).tolist() == [-1, -1, 0]
