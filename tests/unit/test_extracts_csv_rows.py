"""Rows of CSV files: where they begin and end, which line they stand on, and which are malformed."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.csv_rows import BAD_QUOTES, MAX_ROW_BYTES, TOO_LONG, parse_row, read_blocks

# The small one puts the ends of blocks everywhere, inside quoted fields too.
BLOCK_SIZES = (1 << 24, 9)


def rows_of(content: bytes, block_bytes: int = 1 << 24, delimiter: str = ",") -> list[tuple[int, list[str]]]:
    return [
        (int(line), parse_row(block.row(at), delimiter))
        for block in read_blocks(io.BytesIO(content), delimiter, block_bytes)
        for at, line in enumerate(block.source_rows)
    ]


def malformed_of(content: bytes, block_bytes: int = 1 << 24) -> list[tuple[int, str]]:
    return [each for block in read_blocks(io.BytesIO(content), ",", block_bytes) for each in block.malformed]


@pytest.mark.parametrize("block_bytes", BLOCK_SIZES)
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1,2\n", [(1, ["a", "b"]), (2, ["1", "2"])]),
        (b"a,b\r\n1,2", [(1, ["a", "b"]), (2, ["1", "2"])]),
        (b"a,b\r1,2\r", [(1, ["a", "b"]), (2, ["1", "2"])]),
        (b"\n\na,b\n\n1,2\n\n", [(3, ["a", "b"]), (5, ["1", "2"])]),
        (b"\xef\xbb\xbfa,b\n1,2\n", [(1, ["a", "b"]), (2, ["1", "2"])]),
        (b'\xef\xbb\xbf"a","b"\n', [(1, ["a", "b"])]),
        (b'"x\n\ny",1\nz,2\n', [(1, ["x\n\ny", "1"]), (4, ["z", "2"])]),
        (b'"x\r\ny",1\r\nz,2\r\n', [(1, ["x\r\ny", "1"]), (3, ["z", "2"])]),
        (b'"x\ry",1\nz,2\n', [(1, ["x\ry", "1"]), (2, ["z", "2"])]),
        (b'"a,\n""b"",\nc","\n"\n', [(1, ['a,\n"b",\nc', "\n"])]),
        (b'"","a""b",""""\n', [(1, ["", 'a"b', '"'])]),
        (b",,\n,\n", [(1, ["", "", ""]), (2, ["", ""])]),
    ],
)
def test_rows_and_their_lines(
    content: bytes, expected: list[tuple[int, list[str]]], block_bytes: int
) -> None:
    assert rows_of(content, block_bytes) == expected
    assert not malformed_of(content, block_bytes)


@pytest.mark.parametrize("block_bytes", BLOCK_SIZES)
@pytest.mark.parametrize(
    ("content", "bad_lines", "good_lines"),
    [
        (b'a,b\n1,5" nail\n2,3\n', [2], [1, 3]),
        (b'a,b\n"x"y,1\n2,3\n', [2], [1, 3]),
        (b'a,b\n "x",1\n2,3\n', [2], [1, 3]),
        # An opening mark that was forgotten to close must not swallow the rows after it.
        (b'a,b\n"x,1\n"y",2\n3,4\n', [2], [1, 3, 4]),
        (b'a,b\n"x,1\n"y,2\n"z",3\n', [2, 3], [1, 4]),
        (b"a,b\n1\r,2\n3,4\n", [2], [1, 3]),
    ],
)
def test_malformed_lines_are_given_up_alone(
    content: bytes, bad_lines: list[int], good_lines: list[int], block_bytes: int
) -> None:
    assert malformed_of(content, block_bytes) == [(line, BAD_QUOTES) for line in bad_lines]
    assert [line for line, _ in rows_of(content, block_bytes)] == good_lines


@pytest.mark.parametrize("block_bytes", BLOCK_SIZES)
@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"a,b\n1,2\n3,\xff\n", "NOT_UTF8", "line 3"),
        (b"a,b\n1,\x00\n", "NUL_BYTE", "line 2"),
        (b'a,b\n1,2\n"x,2\n3,4\n', "UNTERMINATED_QUOTE", "line 3"),
        (b"PK\x03\x04 and more", "NOT_TEXT", "file"),
    ],
)
def test_files_that_cannot_be_read(content: bytes, code: str, place: str, block_bytes: int) -> None:
    with pytest.raises(UnreadableFile) as caught:
        rows_of(content, block_bytes)
    assert (caught.value.code, caught.value.place) == (code, place)
    assert caught.value.message
    assert caught.value.remedy


def test_a_row_that_is_too_long_is_malformed() -> None:
    content = b"a,b\n" + b"x" * (MAX_ROW_BYTES + 1) + b",1\n2,3\n"
    assert malformed_of(content) == [(2, TOO_LONG)]
    assert [line for line, _ in rows_of(content)] == [1, 3]


def test_a_quoted_field_that_is_too_long_is_malformed() -> None:
    content = b'a,b\n"x,1\n' + b"y,2\n" * 300_000
    assert malformed_of(content) == [(2, BAD_QUOTES)]
    assert len(rows_of(content)) == 300_001


fields = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8) | st.text(
    '",\n\r\ta', max_size=8
)


@given(st.lists(st.lists(fields, min_size=2, max_size=4), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_what_the_csv_module_writes_is_read_back(table: list[list[str]], line_end: str) -> None:
    written = io.StringIO(newline="")
    # The module leaves a carriage return unquoted where it is not part of the line end.
    quoting = csv.QUOTE_ALL if line_end == "\n" else csv.QUOTE_MINIMAL
    csv.writer(written, lineterminator=line_end, quoting=quoting).writerows(table)
    content = b"x,y" + line_end.encode() + written.getvalue().encode("utf-8")
    expected, line = [], 2
    for row in table:
        expected.append((line, row))
        line += 1 + sum(cell.count("\n") for cell in row)
    for block_bytes in BLOCK_SIZES:
        assert rows_of(content, block_bytes)[1:] == expected
        assert not malformed_of(content, block_bytes)


@given(st.text('",\nab', max_size=40), st.sampled_from(BLOCK_SIZES))
def test_no_line_is_lost_or_read_twice(text: str, block_bytes: int) -> None:
    content = b"a,b\n" + text.encode() + b'"\n"'
    try:
        blocks = list(read_blocks(io.BytesIO(content), ",", block_bytes))
    except UnreadableFile:
        return
    kept = [line for block in blocks for line in block.source_rows.tolist()]
    bad = [line for block in blocks for line, _ in block.malformed]
    spanned = {
        line + more
        for block in blocks
        for at, line in enumerate(block.source_rows.tolist())
        for more in range(block.row(at).count(b"\n") + 1)
    }
    lines = content.split(b"\n")
    filled = {number for number, line in enumerate(lines, start=1) if line}
    assert len(kept) == len(set(kept))
    assert filled <= spanned | set(bad)
    assert not set(kept) & set(bad)
