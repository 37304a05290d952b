"""Writes workbooks for tests: XLSX through XlsxWriter, ODS through odfpy, XLSB by its records.

Belongs here: files made by code from rows of Python values (text, numbers, days, moments, None).
Does not belong here: tests.
"""

import struct
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time
from io import BytesIO
from pathlib import Path

import xlsxwriter
from odf import opendocument, table, text
from odf.element import Element

Value = str | float | int | bool | date | datetime | None
Rows = Sequence[Sequence[Value]]
Sheets = dict[str, Rows]


def write_xlsx(path: Path, sheets: Sheets, *, is_1904: bool = False) -> Path:
    """A workbook whose days are written as Excel does: numbers with a date format."""
    book = xlsxwriter.Workbook(str(path), {"date_1904": is_1904})
    day, moment = (
        book.add_format({"num_format": "mmm-yy"}),
        book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
    )
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for at, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, datetime):
                    sheet.write_datetime(at, column, value, moment)
                elif isinstance(value, date):
                    sheet.write_datetime(at, column, datetime.combine(value, time.min), day)
                elif isinstance(value, str):
                    sheet.write_string(at, column, value)
                elif value is not None:
                    sheet.write(at, column, value)
    book.close()
    return path


def write_ods(path: Path, sheets: Sheets) -> Path:
    document = opendocument.OpenDocumentSpreadsheet()
    for name, rows in sheets.items():
        sheet = table.Table(name=name)
        for row in rows:
            line = table.TableRow()
            for value in row:
                line.addElement(_ods_cell(value))
            sheet.addElement(line)
        document.spreadsheet.addElement(sheet)  # pyright: ignore[reportAttributeAccessIssue]
    document.save(str(path))
    return path


def _ods_cell(value: Value) -> Element:
    if value is None:
        return table.TableCell()
    if isinstance(value, bool):
        return table.TableCell(valuetype="boolean", booleanvalue=str(value).lower())
    if isinstance(value, (int, float)):
        return table.TableCell(valuetype="float", value=repr(value))
    if isinstance(value, date):
        return table.TableCell(valuetype="date", datevalue=value.isoformat())
    cell = table.TableCell(valuetype="string")
    for line in value.split("\n"):
        cell.addElement(text.P(text=line))
    return cell


_XF_PLAIN, _XF_DAY, _XF_MOMENT = 0, 1, 2
_DAY_FORMAT, _MOMENT_FORMAT = 17, 22
_NS = "http://schemas.openxmlformats.org"
_OFFICE = f"{_NS}/officeDocument/2006/relationships"


def write_xlsb(path: Path, sheets: Sheets, *, is_1904: bool = False) -> Path:
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_NS}/package/2006/content-types"/>',
        "xl/styles.bin": _styles(),
        "xl/workbook.bin": _workbook(list(sheets), is_1904),
        "xl/_rels/workbook.bin.rels": _relations(len(sheets)),
    }
    for number, rows in enumerate(sheets.values(), start=1):
        parts[f"xl/worksheets/sheet{number}.bin"] = _sheet(rows, is_1904)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def _relations(sheets: int) -> str:
    each = "".join(
        f'<Relationship Id="rId{at}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{at}.bin"/>'
        for at in range(1, sheets + 1)
    )
    styles = f'<Relationship Id="rId0" Type="{_OFFICE}/styles" Target="styles.bin"/>'
    return f'<Relationships xmlns="{_NS}/package/2006/relationships">{styles}{each}</Relationships>'


def _record(kind: int, content: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length, size = b"", len(content)
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes([low | 0x80 if size else low])
        if not size:
            return head + length + content


def _wide(value: str) -> bytes:
    units = value.encode("utf-16-le")
    return struct.pack("<I", len(units) // 2) + units


def _workbook(names: Iterable[str], is_1904: bool) -> bytes:
    sheets = b"".join(
        _record(156, struct.pack("<II", 0, at) + _wide(f"rId{at}") + _wide(name))
        for at, name in enumerate(names, start=1)
    )
    properties = _record(153, struct.pack("<II", int(is_1904), 0) + _wide(""))
    return _record(131) + properties + _record(143) + sheets + _record(144) + _record(132)


def _styles() -> bytes:
    formats = [0, _DAY_FORMAT, _MOMENT_FORMAT]
    cells = b"".join(_record(47, struct.pack("<HH", 0, each) + bytes(12)) for each in formats)
    count = struct.pack("<I", len(formats))
    return _record(278) + _record(617, count) + cells + _record(618) + _record(279)


def _sheet(rows: Rows, is_1904: bool) -> bytes:
    width = max(map(len, rows), default=1)
    out = [_record(129), _record(148, struct.pack("<IIII", 0, len(rows), 0, width)), _record(145)]
    for number, row in enumerate(rows):
        out.append(_record(0, struct.pack("<IIHBBBI", number, 0, 300, 0, 0, 0, 0)))
        out += [_xlsb_cell(column, value, is_1904) for column, value in enumerate(row) if value is not None]
    return b"".join([*out, _record(146), _record(130)])


def _xlsb_cell(column: int, value: Value, is_1904: bool) -> bytes:
    place = struct.pack("<I", column)
    if isinstance(value, bool):
        return _record(4, place + struct.pack("<I", 0) + bytes([value]))
    if isinstance(value, (date, datetime)):
        style = _XF_MOMENT if isinstance(value, datetime) else _XF_DAY
        return _record(5, place + struct.pack("<Id", style, serial(value, is_1904)))
    if isinstance(value, (int, float)):
        return _record(5, place + struct.pack("<Id", _XF_PLAIN, value))
    assert value is not None
    return _record(6, place + struct.pack("<I", _XF_PLAIN) + _wide(value))


def serial(value: date | datetime, is_1904: bool = False) -> float:
    """The number that Excel writes for a day or moment."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time.min)
    return (moment - datetime(*((1904, 1, 1) if is_1904 else (1899, 12, 30)))).total_seconds() / 86400


WRITERS: dict[str, Callable[[Path, Sheets], Path]] = {
    "xlsx": write_xlsx,
    "xlsb": write_xlsb,
    "ods": write_ods,
}


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A workbook with its parts changed: `change` gets name and content of each and gives the new content."""
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            new = change(name, content)
            if new is not None:
                archive.writestr(name, new)
    path.write_bytes(packed.getvalue())
    return path
