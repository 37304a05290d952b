"""What a file seems to be by its first bytes, whatever its name says.

Belongs here: marks of formats, to tell people. Does not belong here: deciding how a file is read: that is its
name's to say, and a name that contradicts the content is refused.
"""

_MARKS = {
    b"PK\x03\x04": "a workbook or zip file",
    b"PK\x05\x06": "an empty zip file",
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF file",
    b"7z\xbc\xaf": "a 7-Zip file",
    b"Rar!": "a RAR file",
    b"SQLite format": "a database",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
    b"{\\rtf": "a text document",
}


def kind_of(beginning: bytes) -> str | None:
    """What a file seems to be, for people; None where nothing tells, as in plain text."""
    lowered = beginning.lstrip().lower()
    for mark, kind in _MARKS.items():
        if beginning.startswith(mark) or (mark.startswith(b"<") and lowered.startswith(mark.lower())):
            return kind
    return None
