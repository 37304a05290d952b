"""How large a workbook may be, found out before it is opened.

Belongs here: the size of what a workbook unpacks to and of its sheets, in constant memory; and what the
library that reads workbooks does not tell (cells that hold an error, the day that dates count from). Does not
belong here: reading cells (`workbook`).

A workbook is a zip file. A few bytes in it can stand for gigabytes, and two cells in opposite corners of a
sheet for a table of 17 thousand million cells, which the library would lay out in memory. What the file says
of its own sizes is not trusted: everything is unpacked once and counted.
"""

import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO
from xml.parsers import expat

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.cells import empty_file
from pipelines.extracts.readers.kinds import kind_of
from pipelines.extracts.readers.sizes import check_unpacked

MAX_UNPACKED_BYTES = 2 * 1024**3
MAX_PARTS = 10_000
# A cell takes 32 bytes in memory.
MAX_CELLS = 32_000_000
# Directories of a workbook are small; a sheet may be large.
MAX_DIRECTORY_BYTES = 16 * 1024**2

READ_BYTES = 1024**2
ZIP_MARK = b"PK\x03\x04"
OLD_MARK = b"\xd0\xcf\x11\xe0"
_ENCRYPTED_MARK = "EncryptedPackage".encode("utf-16-le")
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    struct.error,
    ValueError,
    LookupError,
)
_DAYS_FROM = {False: date(1899, 12, 30), True: date(1904, 1, 1)}

# Records of XLSB: [MS-XLSB] 2.3.
_ROW, _FIRST_CELL, _LAST_CELL, _CELL_ERROR, _FORMULA_ERROR = 0, 2, 11, 3, 11
_SHEET, _WORKBOOK = 156, 153
# The row's number; the cell's column and format.
_ROW_BYTES, _CELL_BYTES = 4, 8
_ERRORS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
}

Errors = dict[int, list[tuple[int, str]]]


@dataclass
class _Extent:
    """What a sheet spans: the filled cells' outermost rows and columns (from 1, from 0), and its errors."""

    first_row: int = 0
    last_row: int = 0
    first_column: int = 0
    last_column: int = -1
    errors: Errors = field(default_factory=dict)

    def add(self, row: int, column: int) -> None:
        if self.last_row == 0:
            self.first_row, self.first_column = row, column
        self.first_row, self.last_row = min(self.first_row, row), max(self.last_row, row)
        self.first_column, self.last_column = min(self.first_column, column), max(self.last_column, column)

    @property
    def cells(self) -> int:
        if self.last_row == 0:
            return 0
        return (self.last_row - self.first_row + 1) * (self.last_column - self.first_column + 1)


@dataclass
class Bounds:
    """A workbook that is not too large, with what has been found out about its sheets so far."""

    path: Path
    parts: dict[str, str]
    serial_days_from: date | None
    extents: dict[str, _Extent] = field(default_factory=dict)

    def check_sheet(self, name: str) -> None:
        """Make sure that a sheet fits into memory.

        Raises:
            UnreadableFile: SHEET_TOO_LARGE, NOT_A_WORKBOOK.
        """
        extent = self._extent(name)
        if extent.cells > MAX_CELLS:
            raise UnreadableFile(
                "SHEET_TOO_LARGE",
                f"sheet '{name}', row {extent.last_row}",
                f"The sheet spans {extent.last_row:,} rows and {extent.last_column + 1:,} columns, more than"
                f" {MAX_CELLS:,} cells.",
                "Clear the cells outside of the table, or deliver the table as CSV or Parquet.",
            )

    def errors(self, name: str) -> Errors:
        """Row (from 1) -> columns (from 0) of cells that hold an error, and which."""
        return self._extent(name).errors

    def _extent(self, name: str) -> _Extent:
        if name not in self.extents:
            with _damage_is_a_fault(), zipfile.ZipFile(self.path) as archive:
                part = self.parts[name]
                scan = _scan_xlsb if part.endswith(".bin") else _scan_xlsx
                with _part(archive, part) as stream:
                    self.extents[name] = scan(stream)
        return self.extents[name]


def check_bounds(path: Path) -> Bounds:
    """Find out whether a workbook is one, and not too large to be opened.

    Raises:
        UnreadableFile: EMPTY_FILE, NOT_A_WORKBOOK, ENCRYPTED, ZIP_BOMB, UNPACKED_TOO_LARGE, SHEET_TOO_LARGE.
    """
    _check_kind(path)
    with _damage_is_a_fault(), zipfile.ZipFile(path) as archive:
        _check_sizes(archive, path.stat().st_size)
        names = {info.filename.lower() for info in archive.infolist()}
        if "xl/workbook.xml" in names:
            return _xlsx_bounds(path, archive)
        if "xl/workbook.bin" in names:
            return _xlsb_bounds(path, archive)
        if "content.xml" in names:
            if b"encryption-data" in _directory(archive, "META-INF/manifest.xml"):
                raise encrypted()
            bounds = Bounds(path, {}, None, _scan_ods(archive))
            # All sheets of such a file are read when it is opened.
            for sheet in bounds.extents:
                bounds.check_sheet(sheet)
            return bounds
    raise not_a_workbook("it holds no workbook")


def not_a_workbook(why: str) -> UnreadableFile:
    """A file is called a workbook, and is none or is damaged."""
    return UnreadableFile(
        "NOT_A_WORKBOOK",
        "file",
        f"The workbook is damaged, or no workbook: {why}.",
        "Open it, save it as XLSX and deliver it again.",
    )


def encrypted() -> UnreadableFile:
    """A workbook cannot be read without its password."""
    return UnreadableFile(
        "ENCRYPTED", "file", "The workbook has a password.", "Save and deliver it without a password."
    )


def _check_kind(path: Path) -> None:
    with path.open("rb") as stream:
        beginning = stream.read(64)
        if beginning.startswith(OLD_MARK):
            tail = b""
            while block := stream.read(READ_BYTES):
                if _ENCRYPTED_MARK in tail + block:
                    raise encrypted()
                tail = block[-len(_ENCRYPTED_MARK) :]
            raise not_a_workbook("it is an old Excel file")
    if not beginning:
        raise empty_file("file")
    if not beginning.startswith(ZIP_MARK):
        raise not_a_workbook(f"the content is {kind_of(beginning) or 'something else'}")


@contextmanager
def _damage_is_a_fault() -> Iterator[None]:
    try:
        yield
    except (*_DAMAGE, expat.ExpatError) as fault:
        raise not_a_workbook("what it holds cannot be unpacked") from fault


def _check_sizes(archive: zipfile.ZipFile, packed_bytes: int) -> None:
    """Unpack everything once and count."""
    parts = archive.infolist()
    if len(parts) > MAX_PARTS:
        raise not_a_workbook(f"it has {len(parts):,} parts")
    unpacked = 0
    for part in parts:
        if part.flag_bits & 1:
            raise encrypted()
        with _part(archive, part.filename) as stream:
            while block := stream.read(READ_BYTES):
                unpacked += len(block)
                check_unpacked(unpacked, packed_bytes, MAX_UNPACKED_BYTES)


def _part(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    info = archive.getinfo(name)
    # The size is what the file says; without it, reading goes on to where the part really ends.
    info.file_size = sys.maxsize
    return archive.open(info)


def _directory(archive: zipfile.ZipFile, name: str) -> bytes:
    """A small part of a workbook as a whole, empty where there is none; case does not matter."""
    known = {info.filename.lower(): info.filename for info in archive.infolist()}
    if name.lower() not in known:
        return b""
    with _part(archive, known[name.lower()]) as stream:
        content = stream.read(MAX_DIRECTORY_BYTES + 1)
    if len(content) > MAX_DIRECTORY_BYTES:
        raise ValueError(name)
    return content


def _elements(content: bytes, on_start: Callable[[str, dict[str, str]], None]) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: on_start(name.rpartition(":")[2], attributes)
    parser.Parse(content, True)


def _parts_by_relation(archive: zipfile.ZipFile, relations: str) -> dict[str, str]:
    """Relation id -> the part it leads to, as the archive spells it."""
    found: dict[str, str] = {}
    known = {info.filename.lower(): info.filename for info in archive.infolist()}

    def on_start(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and "Id" in attributes:
            target = attributes.get("Target", "").lstrip("/").replace("\\", "/")
            path = target if target.startswith("xl/") else f"xl/{target}"
            found[attributes["Id"]] = known.get(path.lower(), path)

    _elements(_directory(archive, relations), on_start)
    return found


def _xlsx_bounds(path: Path, archive: zipfile.ZipFile) -> Bounds:
    relations = _parts_by_relation(archive, "xl/_rels/workbook.xml.rels")
    parts: dict[str, str] = {}
    is_1904 = False

    def on_start(name: str, attributes: dict[str, str]) -> None:
        nonlocal is_1904
        if name == "workbookPr":
            is_1904 = attributes.get("date1904", "0").lower() in ("1", "true")
        if name == "sheet" and "name" in attributes:
            relation = next((text for key, text in attributes.items() if key.rpartition(":")[2] == "id"), "")
            parts[attributes["name"]] = relations.get(relation, "")

    _elements(_directory(archive, "xl/workbook.xml"), on_start)
    return Bounds(path, parts, _DAYS_FROM[is_1904])


def _scan_xlsx(stream: IO[bytes]) -> _Extent:
    """Where the filled cells of a sheet are; cells that only have a format do not count."""
    extent = _Extent()
    row, column = 0, -1
    is_error = False

    def on_start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, is_error
        if name not in ("c", "v", "is", "row"):
            name = name.rpartition(":")[2]
        if name == "c":
            place = attributes.get("r")
            if place is None:
                column += 1
            else:
                letters = place.rstrip("0123456789")
                row, column = int(place[len(letters) :]), _column_number(letters)
            is_error = attributes.get("t") == "e"
        elif name in ("v", "is"):
            extent.add(row, column)
            if is_error:
                errors = extent.errors.setdefault(row, [])
                errors.append((column, "#ERROR"))
        elif name == "row":
            row, column = int(attributes.get("r", row + 1)), -1

    parser = expat.ParserCreate()
    parser.StartElementHandler = on_start
    parser.ParseFile(stream)
    return extent


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def _records(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The records of an XLSB part: their type, and the first bytes of what they hold."""
    data, at = b"", 0

    def fill(wanted: int) -> bool:
        nonlocal data, at
        while len(data) - at < wanted:
            block = stream.read(READ_BYTES)
            if not block:
                return False
            data, at = data[at:] + block, 0
        return True

    while fill(1):
        kind = data[at]
        at += 1
        if kind & 0x80:
            if not fill(1):
                return
            kind = (kind & 0x7F) | (data[at] & 0x7F) << 7
            at += 1
        length, shift = 0, 0
        while fill(1):
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80 or shift == 28:
                break
        if not fill(length):
            raise EOFError
        yield kind, data[at : at + min(length, MAX_DIRECTORY_BYTES)]
        at += length


def _xlsb_bounds(path: Path, archive: zipfile.ZipFile) -> Bounds:
    relations = _parts_by_relation(archive, "xl/_rels/workbook.bin.rels")
    parts: dict[str, str] = {}
    is_1904 = False
    with _part(archive, "xl/workbook.bin") as stream:
        for kind, content in _records(stream):
            if kind == _WORKBOOK:
                is_1904 = bool(content[0] & 1)
            elif kind == _SHEET:
                relation, end = _wide_string(content, 8)
                name, _ = _wide_string(content, end)
                parts[name] = relations.get(relation, "")
    return Bounds(path, parts, _DAYS_FROM[is_1904])


def _wide_string(content: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", content, at)
    end = at + 4 + 2 * length
    return content[at + 4 : end].decode("utf-16-le"), end


def _scan_xlsb(stream: IO[bytes]) -> _Extent:
    extent = _Extent()
    row = 0
    for kind, content in _records(stream):
        if _ROW <= kind <= _LAST_CELL and len(content) < (_ROW_BYTES if kind == _ROW else _CELL_BYTES):
            # The library would read on in what the record before it left, and take that for a place.
            raise EOFError
        if kind == _ROW:
            row = int.from_bytes(content[:4], "little") + 1
        elif _FIRST_CELL <= kind <= _LAST_CELL:
            column = int.from_bytes(content[:4], "little")
            extent.add(row, column)
            if kind in (_CELL_ERROR, _FORMULA_ERROR):
                text = _ERRORS.get(content[8], "#ERROR")
                extent.errors.setdefault(row, []).append((column, text))
    return extent


def _scan_ods(archive: zipfile.ZipFile) -> dict[str, _Extent]:
    """Where the filled cells of every sheet are; cells and rows may be said to repeat."""
    extents: dict[str, _Extent] = {}
    extent = _Extent()
    row = column = 0
    row_repeats = cell_repeats = 1
    filled = -1
    is_filled = False

    def end_cell() -> None:
        nonlocal column, filled
        column += cell_repeats
        if is_filled:
            filled = column - 1

    def on_start(name: str, attributes: dict[str, str]) -> None:
        nonlocal extent, row, column, row_repeats, cell_repeats, filled, is_filled
        if name == "table:table":
            extent = extents.setdefault(attributes.get("table:name", ""), _Extent())
            row = 0
        elif name == "table:table-row":
            row_repeats = int(attributes.get("table:number-rows-repeated", 1))
            column, filled = 0, -1
        elif name in ("table:table-cell", "table:covered-table-cell"):
            cell_repeats = int(attributes.get("table:number-columns-repeated", 1))
            is_filled = any(key.startswith("office:") for key in attributes) or "table:formula" in attributes
        elif name == "text:p":
            is_filled = True

    def on_end(name: str) -> None:
        nonlocal row
        if name in ("table:table-cell", "table:covered-table-cell"):
            end_cell()
        elif name == "table:table-row":
            row += row_repeats
            if filled >= 0:
                extent.add(row - row_repeats + 1, 0)
                extent.add(row, filled)

    parser = expat.ParserCreate()
    parser.StartElementHandler = on_start
    parser.EndElementHandler = on_end
    with _part(archive, "content.xml") as stream:
        parser.ParseFile(stream)
    return extents
