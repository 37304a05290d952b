"""Where the rows of a CSV file begin and end, which line each stands on, and which are malformed.

Belongs here: lines, quotation marks and delimiters, at the level of bytes (RFC 4180). Does not belong here:
what the cells hold; DuckDB parses those, once every row is known to be well formed.

A file is read in blocks of whole lines. Most lines are rows by themselves, which NumPy finds for a block at a
time; Python looks only at lines whose quotation marks do not balance, because there a row spans lines or is
malformed. A malformed line is given up alone and the next line starts afresh, so that one stray quotation
mark can neither swallow nor shift its neighbours.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.encodings import Readable, not_utf8
from pipelines.extracts.readers.kinds import kind_of

BLOCK_BYTES = 16 * 1024 * 1024
# Free text is never as long as this, and DuckDB refuses rows above 2 MB.
MAX_ROW_BYTES = 1_000_000
MAX_LINE_BYTES = 4 * BLOCK_BYTES

LF, CR, QUOTE = ord("\n"), ord("\r"), ord('"')
BOM = b"\xef\xbb\xbf"
BAD_QUOTES = "a quotation mark or carriage return inside a field that is not quoted"
TOO_LONG = "longer than 1 MB"

Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Lines:
    """A stretch of whole lines: line i is `data[starts[i]:ends[i]]`, without its line end.

    `end_mark` is the byte that ends lines; `is_crlf` says which have a carriage return before it.
    """

    data: bytes
    end_mark: int
    starts: Positions
    ends: Positions
    is_crlf: Flags

    def __len__(self) -> int:
        return len(self.starts)

    def text(self, first: int, last: int) -> bytes:
        """The bytes from the first line to the last, without the last one's line end."""
        return self.data[self.starts[first] : self.ends[last]]


@dataclass(frozen=True)
class Block:
    """The rows of a stretch of lines.

    Row k runs from line `first[k]` to line `last[k]` and has `fields[k]` fields; the block's first line is
    line `first_line` of the file. `malformed` holds (line of the file, what is wrong).
    """

    lines: Lines
    first_line: int
    first: Positions
    last: Positions
    fields: Positions
    malformed: list[tuple[int, str]]

    @property
    def source_rows(self) -> Positions:
        """The line of the file on which each row starts."""
        return self.first + self.first_line

    @property
    def line_ends(self) -> set[bytes]:
        """The kinds of line end that occur outside of quoted fields; the last line may have none."""
        lines = self.lines
        depth = np.zeros(len(lines) + 1, np.int64)
        depth[self.first] += 1
        depth[self.last] -= 1
        is_end = np.cumsum(depth)[:-1] == 0
        is_end[-1] &= lines.data.endswith(bytes([lines.end_mark]))
        return {
            b"\r\n" if is_crlf else bytes([lines.end_mark]) for is_crlf in np.unique(lines.is_crlf[is_end])
        }

    def row(self, index: int) -> bytes:
        """The bytes of a row, without its line end."""
        return self.lines.text(int(self.first[index]), int(self.last[index]))


@dataclass(frozen=True)
class _Grammar:
    """Patterns of one delimiter: `whole` is a row, the others are lines of a row that spans several."""

    delimiter: int
    whole: re.Pattern[bytes]
    opening: re.Pattern[bytes]
    middle: re.Pattern[bytes]
    closing: re.Pattern[bytes]


_QUOTED = re.compile(rb'"(?:[^"]++|"")*+"')


def _grammar(delimiter: str) -> _Grammar:
    mark = re.escape(delimiter).encode()
    text = rb'(?:[^"]++|"")*+'
    one = rb'(?:"' + text + rb'"|[^"\r' + mark + rb"]*+)"
    some = rb"(?:" + one + mark + rb")*+"
    return _Grammar(
        delimiter=ord(delimiter),
        whole=re.compile(some + one),
        opening=re.compile(some + rb'"' + text),
        middle=re.compile(text + rb'(?:"' + mark + some + rb'"' + text + rb")?"),
        closing=re.compile(text + rb'"(?:' + mark + some + one + rb")?"),
    )


def parse_row(row: bytes, delimiter: str) -> list[str]:
    """The fields of one well-formed row."""
    mark = re.escape(delimiter).encode()
    fields = []
    for found in re.finditer(rb'(?:"((?:[^"]++|"")*+)"|([^"' + mark + rb"]*+))(" + mark + rb"|\Z)", row):
        quoted, plain, end = found.groups()
        fields.append((plain if quoted is None else quoted.replace(b'""', b'"')).decode("utf-8"))
        if not end:
            break
    return fields


def rows_by_themselves(text: bytes, delimiter: str, lines: int) -> Iterator[tuple[int, list[str]]]:
    """Of the first lines of a text those that are rows whatever stands around them: line and fields."""
    whole, line_end = _grammar(delimiter).whole, _line_end(text)
    for number, line in enumerate(text.removeprefix(BOM).split(bytes([line_end]), lines)[:lines], start=1):
        row = line.removesuffix(b"\r")
        if row and whole.fullmatch(row):
            yield number, parse_row(row, delimiter)


def _line_end(beginning: bytes) -> int:
    return CR if b"\r" in beginning[:-1] and b"\n" not in beginning else LF


def read_blocks(
    stream: Readable, delimiter: str, block_bytes: int = BLOCK_BYTES, from_line: int = 1
) -> Iterator[Block]:
    """Read a CSV file, block after block, with the rows found in each. `from_line`: the line on which its
    first row stands, within the first block; what is above it is passed over.

    Raises:
        UnreadableFile: NOT_TEXT, NOT_UTF8, NUL_BYTE, LINE_TOO_LONG or UNTERMINATED_QUOTE.
    """
    grammar, line_end, first_line, pending = _grammar(delimiter), LF, 1, b""
    is_first = True
    while True:
        fresh = stream.read(block_bytes)
        is_last = not fresh
        if is_first:
            check_kind(fresh)
            line_end = _line_end(fresh)
        cut = fresh.rfind(line_end) + 1
        data, rest = (pending + fresh[:cut], fresh[cut:]) if cut or is_last else (b"", pending + fresh)
        if len(rest) > MAX_LINE_BYTES:
            raise line_too_long(first_line)
        resume = len(data)
        if data:
            _check_bytes(data, line_end, first_line)
            if is_first and from_line > 1:
                data = data.split(bytes([line_end]), from_line - 1)[-1]
                first_line, resume = from_line, len(data)
            lines = _split(data, line_end, has_mark=is_first and from_line == 1)
            block, resume = _find_rows(lines, first_line, grammar, is_last)
            first_line += int(np.searchsorted(lines.starts, resume))
            is_first = False
            yield block
        pending = data[resume:] + rest
        if is_last:
            return


def line_too_long(line: int) -> UnreadableFile:
    """A line would not fit into memory."""
    return UnreadableFile(
        "LINE_TOO_LONG",
        f"line {line}",
        "A line is longer than any row can be.",
        "Check that the file is comma- or tab-separated text with one row a line.",
    )


def check_kind(beginning: bytes) -> None:
    """Refuse what is no text at a glance, with a remedy that says what it seems to be.

    Raises:
        UnreadableFile: NOT_TEXT.
    """
    kind = kind_of(beginning)
    if kind is not None:
        raise UnreadableFile(
            "NOT_TEXT",
            "file",
            f"The name says text, the content is {kind}.",
            "Save it as CSV UTF-8, or give it the right file name ending.",
        )


def _check_bytes(data: bytes, line_end: int, first_line: int) -> None:
    nul = data.find(b"\0")
    if nul >= 0:
        raise UnreadableFile(
            "NUL_BYTE",
            f"line {first_line + data.count(line_end, 0, nul)}",
            "The file has a NUL byte, which no text has.",
            "The file is damaged or no text: export it again.",
        )
    if data.isascii():
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = first_line + data.count(line_end, 0, fault.start)
        raise not_utf8(f"line {line}", "A character is not valid UTF-8.") from fault


def _split(data: bytes, line_end: int, *, has_mark: bool) -> Lines:
    content = np.frombuffer(data, np.uint8)
    breaks = np.flatnonzero(content == line_end)
    starts = np.concatenate([[0], breaks + 1])
    ends = np.concatenate([breaks, [len(data)]])
    if starts[-1] == len(data):
        starts, ends = starts[:-1], ends[:-1]
    is_crlf = np.zeros(len(starts), np.bool_)
    is_crlf[: len(breaks)] = (content[breaks - 1] == CR) & (breaks > starts[: len(breaks)])
    if has_mark and data.startswith(BOM):
        starts[0] = len(BOM)
    return Lines(data, line_end, starts, np.maximum(ends - is_crlf, starts), is_crlf)


def _find_rows(lines: Lines, first_line: int, grammar: _Grammar, is_last: bool) -> tuple[Block, int]:
    """The rows of a block, and the byte from which the next block must start again: the start of a row that
    is still open at the end of this one.
    """
    fields, is_odd = _look_at_lines(lines, grammar.delimiter)
    last = np.arange(len(lines))
    is_row = lines.ends > lines.starts
    malformed: list[tuple[int, str]] = []
    with_quotes = np.flatnonzero(_quotes_per_line(lines)) if is_odd.any() else np.empty(0, np.int64)
    position = 0
    for line in map(int, np.flatnonzero(is_odd)):
        if line < position:
            continue
        closed_by = _close(lines, line, with_quotes, grammar)
        if closed_by is None:
            malformed.append((first_line + line, BAD_QUOTES))
            is_row[line] = False
            position = line + 1
        elif closed_by < len(lines):
            is_row[line + 1 : closed_by + 1] = False
            last[line] = closed_by
            fields[line] = _QUOTED.sub(b"", lines.text(line, closed_by)).count(grammar.delimiter) + 1
            position = closed_by + 1
        elif is_last:
            raise _unterminated(first_line + line)
        else:
            is_row[line:] = False
            return _block(lines, first_line, is_row, last, fields, malformed), int(lines.starts[line])
    return _block(lines, first_line, is_row, last, fields, malformed), len(lines.data)


def _unterminated(line: int) -> UnreadableFile:
    return UnreadableFile(
        "UNTERMINATED_QUOTE",
        f"line {line}",
        "A quoted field starts here and never ends, so the file seems cut short.",
        "Check that the file was exported and sent whole, then deliver it again.",
    )


def _block(
    lines: Lines,
    first_line: int,
    is_row: Flags,
    last: Positions,
    fields: Positions,
    malformed: list[tuple[int, str]],
) -> Block:
    is_long = is_row & (lines.ends[last] - lines.starts > MAX_ROW_BYTES)
    malformed += [(first_line + int(line), TOO_LONG) for line in np.flatnonzero(is_long)]
    first = np.flatnonzero(is_row & ~is_long)
    return Block(lines, first_line, first, last[first], fields[first], malformed)


def _quotes_per_line(lines: Lines) -> Positions:
    quotes = np.flatnonzero(np.frombuffer(lines.data, np.uint8) == QUOTE)
    return np.diff(np.searchsorted(quotes, np.concatenate([lines.starts, [len(lines.data)]])))


def _look_at_lines(lines: Lines, delimiter: int) -> tuple[Positions, Flags]:
    """Each line taken as a row by itself: its number of fields, and whether it is no row by itself."""
    content = np.frombuffer(lines.data, np.uint8)
    bounds = np.concatenate([lines.starts, [len(lines.data)]])
    marks = np.flatnonzero(content == delimiter)
    quotes = np.flatnonzero(content == QUOTE)
    is_odd = np.zeros(len(lines), np.bool_)
    if len(quotes):
        first_quote = np.searchsorted(quotes, bounds)
        line_of_quote = np.repeat(np.arange(len(lines)), np.diff(first_quote))
        is_opening = (np.arange(len(quotes)) - first_quote[line_of_quote]) % 2 == 0
        is_odd |= np.diff(first_quote) % 2 == 1
        is_odd[line_of_quote[~_stands_well(lines, quotes, line_of_quote, is_opening, delimiter)]] = True
        line_of_mark = np.searchsorted(lines.starts, marks, side="right") - 1
        is_outside = (np.searchsorted(quotes, marks) - first_quote[line_of_mark]) % 2 == 0
        marks = marks[is_outside]
    returns = np.flatnonzero(content == CR)
    stray = returns[~np.isin(returns, lines.ends[lines.is_crlf], assume_unique=True)]
    is_odd[np.searchsorted(lines.starts, stray, side="right") - 1] = True
    return np.diff(np.searchsorted(marks, bounds)) + 1, is_odd


def _stands_well(
    lines: Lines, quotes: Positions, line: Positions, is_opening: Flags, delimiter: int
) -> Flags:
    """Whether each quotation mark stands where RFC 4180 has one, if its line is a row by itself.

    An opening one follows a delimiter or the start of the line, a closing one precedes a delimiter or the
    end; between two others a closing and an opening one are a quotation mark meant as such.
    """
    content = np.frombuffer(lines.data + b"\n", np.uint8)
    before, after = content[quotes - 1], content[quotes + 1]
    opens_well = (quotes == lines.starts[line]) | (before == delimiter) | (before == QUOTE)
    closes_well = (quotes + 1 == lines.ends[line]) | (after == delimiter) | (after == QUOTE)
    return np.where(is_opening, opens_well, closes_well)


def _close(lines: Lines, line: int, with_quotes: Positions, grammar: _Grammar) -> int | None:
    """The line on which the row that starts here ends: the number of lines if it is still open after the
    last one, None if it is malformed.
    """
    text = lines.text(line, line)
    if grammar.whole.fullmatch(text):
        return line
    if not grammar.opening.fullmatch(text):
        return None
    for later in map(int, with_quotes[np.searchsorted(with_quotes, line + 1) :]):
        if lines.ends[later] - lines.starts[line] > MAX_ROW_BYTES:
            return None
        text = lines.text(later, later)
        if grammar.closing.fullmatch(text):
            return later
        if not grammar.middle.fullmatch(text):
            return None
    return len(lines) if len(lines.data) - lines.starts[line] <= MAX_ROW_BYTES else None
