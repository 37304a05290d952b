"""Which characters the bytes of a text file stand for.

Belongs here: recognising UTF-8, UTF-16 and Windows-1252, and turning the others into UTF-8. Does not belong
here: rows and cells (`csv_rows`, `csv`).

The rule, in this order:

1. A byte-order mark says it: UTF-8 or UTF-16.
2. What is valid UTF-8 is UTF-8, whatever the mapping says: other encodings are so by chance only where they
   hold nothing but ASCII, and then all are the same.
3. What the mapping says.
4. Windows-1252, where no other encoding of western text would read a byte differently (`is_surely_cp1252`).
5. Nothing: the file is refused.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pipelines.extracts.faults import UnreadableFile

UTF8, UTF16, CP1252 = "utf-8", "utf-16", "cp1252"
BLOCK_BYTES = 4 * 1024**2

_MARKS = {codecs.BOM_UTF8: UTF8, codecs.BOM_UTF16_LE: UTF16, codecs.BOM_UTF16_BE: UTF16}
_UTF32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)

# The other encodings that western programs write.
_OTHERS = ("cp1250", "cp1254", "iso8859-1", "iso8859-15")
_POUND = 0xA3
# Quotation marks, dashes, the ellipsis, the bullet and the euro: no text has control characters there.
_TYPOGRAPHY = bytes([0x80, 0x85, *range(0x91, 0x98)])


def _means_the_same(code: int) -> bool:
    return {bytes([code]).decode(other) for other in _OTHERS} == {bytes([code]).decode(CP1252)}


_SAME = bytes(code for code in range(0xA0, 0x100) if _means_the_same(code))
_LETTERS = bytes(code for code in _SAME if bytes([code]).decode(CP1252).isalpha())
_UPPER = bytes(code for code in _LETTERS if bytes([code]).decode(CP1252).isupper())
_SURE = bytes(range(0x80)) + _TYPOGRAPHY + _SAME + bytes([_POUND])


def _one_of(codes: bytes) -> bytes:
    return b"[" + b"".join(b"\\x%02x" % code for code in codes) + b"]"


# Traces of other encodings: a letter on its own, a capital inside of a word, a pound sign in a word (all are
# typography of the Macintosh, or Polish), and characters of UTF-8 in a file that is not UTF-8.
_WORD = _one_of(_LETTERS + bytes(range(0x41, 0x5B)) + bytes(range(0x61, 0x7B)))
_DOUBTFUL = re.compile(
    rb"(?<!" + _WORD + rb")" + _one_of(_LETTERS) + rb"+(?!" + _WORD + rb")"
    rb"|[a-z]" + _one_of(_UPPER) + rb"|[A-Za-z]\xa3|\xa3[A-Za-z]"
    rb"|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}"
)


class Readable(Protocol):
    """What can be read from its beginning to its end."""

    def read(self, size: int = ..., /) -> bytes: ...


def is_surely_cp1252(data: bytes) -> bool:
    """Whether every byte stands for the same character in all encodings that western programs write."""
    return not data.translate(None, _SURE) and _DOUBTFUL.search(data) is None


def encoding_of(beginning: bytes, said: str | None = None, *, is_whole: bool = True) -> str:
    """The encoding of a text by its first bytes; UTF-8 also where that may turn out to be wrong.
    `is_whole`: there are no more.

    Raises:
        UnreadableFile: NOT_UTF8, for UTF-32.
    """
    if beginning.startswith(_UTF32_MARKS):
        raise not_utf8("file", "The file is UTF-32 text.")
    for mark, encoding in _MARKS.items():
        if beginning.startswith(mark):
            return encoding
    if said is not None and said.startswith(UTF16):
        return said
    if is_utf8(beginning, is_whole=is_whole):
        return UTF8
    return said or (CP1252 if is_surely_cp1252(beginning) else UTF8)


def is_utf8(data: bytes, *, is_whole: bool = True) -> bool:
    """Whether bytes are UTF-8; the last character may be cut off if they are not the whole."""
    try:
        codecs.getincrementaldecoder(UTF8)().decode(data, final=is_whole)
    except UnicodeDecodeError:
        return False
    return True


class AsUtf8:
    """Another encoding's bytes, read as UTF-8."""

    def __init__(self, stream: Readable, encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def read(self, size: int = BLOCK_BYTES, /) -> bytes:
        """At least one byte, unless there are no more.

        Raises:
            UnreadableFile: NOT_DECODABLE.
        """
        while True:
            block = self._stream.read(size)
            try:
                text = self._decoder.decode(block, final=not block)
            except UnicodeDecodeError as fault:
                raise UnreadableFile(
                    "NOT_DECODABLE",
                    "file",
                    f"The file holds bytes that stand for nothing in its encoding, {self._encoding}.",
                    "The file is damaged or in another encoding: save it as CSV UTF-8 and deliver it again.",
                ) from fault
            if text or not block:
                return text.encode(UTF8)


def copy_as_utf8(path: Path, target: Path, encoding: str) -> None:
    """Write a file anew as UTF-8, in constant memory.

    Raises:
        UnreadableFile: NOT_DECODABLE.
    """
    with path.open("rb") as stream, target.open("wb") as copy:
        recoded = AsUtf8(stream, encoding)
        while block := recoded.read():
            copy.write(block)


def encoding_of_whole(path: Path, said: str | None = None) -> str | None:
    """The encoding of a file that is not UTF-8, None where it is not certain."""
    if said is not None:
        return said
    return CP1252 if all(map(is_surely_cp1252, _pieces(path))) else None


def _pieces(path: Path) -> Iterator[bytes]:
    """The file block by block, cut between lines where it has any."""
    rest = b""
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            cut = block.rfind(b"\n") + 1
            if cut or len(rest) > BLOCK_BYTES:
                yield rest + block[:cut]
                rest = block[cut:]
            else:
                rest += block
    yield rest


def not_utf8(place: str, message: str) -> UnreadableFile:
    """A text is in an encoding that is neither UTF-8 nor certain."""
    return UnreadableFile(
        "NOT_UTF8",
        place,
        message,
        "Save the file as CSV UTF-8 and deliver it again; or name its encoding in the mapping.",
    )
