"""Numbers of lines: kept as a run, in memory or in the file's database, they are handed out alike."""

from unittest.mock import patch

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers import csv, line_numbers
from pipelines.extracts.readers.cells import Layout
from pipelines.extracts.readers.line_numbers import LineNumbers, Malformed


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 3), max_size=8), max_size=6),
    st.booleans(),
    st.integers(1, 10),
    st.integers(1, 5),
)
def test_lines_come_back_as_they_were_added(
    steps: list[list[int]], has_database: bool, most: int, size: int
) -> None:
    last, added = 1, []
    with duckdb.connect() as connection, patch.object(line_numbers, "MOST_IN_MEMORY", most):
        found = LineNumbers(connection if has_database else None, "lines")
        for part in steps:
            lines = last + np.cumsum(np.array(part, dtype=np.int64))
            found.add(lines)
            added += lines.tolist()
            last = added[-1] if added else last
        assert [line for part in found.slices(size) for line in part.tolist()] == added
        assert len(found) == len(added)
        assert found.is_run == (not added or added == list(range(added[0], added[-1] + 1)))
        if has_database:
            stored = connection.execute(
                f"select source_row from {found.as_table()} order by rowid"
            ).fetchall()
            assert [line for (line,) in stored] == added


def test_of_many_malformed_lines_only_the_first_are_described() -> None:
    with patch.object(line_numbers, "MOST_DESCRIBED", 2):
        malformed = Malformed.of([(9, "c"), (3, "a"), (5, "b")])
        malformed.add([(11, "d")])
    assert malformed.described == [(3, "a"), (5, "b")]
    assert [line for part in malformed.lines.slices() for line in part.tolist()] == [3, 5, 9, 11]


def test_a_file_of_broken_lines_is_given_up_early(tmp_path) -> None:
    path = tmp_path / "broken.csv"
    path.write_text("a,b\n" + "1,2\n" * 5 + "1,2,3\n" * 10, encoding="utf-8")
    with patch.object(csv, "MOST_MALFORMED", 8), duckdb.connect() as connection:
        with pytest.raises(UnreadableFile, match="NOT_A_TABLE"):
            csv.read_cells(connection, path, Layout(header=("a", "b")))
        path.write_text("a,b\n" + "1,2\n" * 15 + "1,2,3\n" * 10, encoding="utf-8")
        assert csv.read_cells(connection, path, Layout(header=("a", "b"))).rows == 15
