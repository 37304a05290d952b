"""Damages good files at random and reads them: each is refused, or every row of it is accounted for.

Belongs here: the files, the damage and what must hold. Does not belong here: tests (a few seconds in
`test_extracts_fuzz`, as long as you like by `make fuzz`).
"""

import gzip
import json
import random
import zipfile
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.mapping import Mapping, canonical_mapping
from pipelines.extracts.read import read
from pipelines.extracts.recognise import Unrecognised, recognise
from tests.unit.extract_cases import contracts
from tests.unit.workbook_files import WRITERS, Rows

EXTRACT = "organisations"
HEADER = ["organisation_code", "organisation_name", "valid_from", "register_rank"]
ROWS: Rows = [
    HEADER,
    *([f"R{n:02}", f'Trust "{n}", née\nZoë', date(2026, 4, n % 28 + 1), n % 3 + 1] for n in range(40)),
]
TEXT = (
    ",".join(HEADER)
    + "\r\n"
    + "".join(f'R{n:02},"Trust ""{n}"", née\nZoë",2026-04-01,1\r\n' for n in range(40))
)
ODD_BYTES = [
    b"\0",
    b'"',
    b"\n",
    b"\r",
    b",",
    b";",
    b"\t",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xe9",
    b"<",
    b"&",
    b"]]>",
    b"{",
]


def good_files(folder: Path) -> dict[str, bytes]:
    """A file of every format by its name."""
    files = {
        "organisations.csv": TEXT.encode(),
        "organisations.tsv": TEXT.replace(",", "\t").encode("utf-16"),
        "organisations.txt": TEXT.replace(",", "|").encode("cp1252"),
        "organisations.jsonl": "\n".join(
            json.dumps({"organisation_code": f"R{n}", "organisation_name": "née", "register_rank": 1})
            for n in range(40)
        ).encode(),
        "organisations.csv.gz": gzip.compress(TEXT.encode()),
    }
    parquet = BytesIO()
    pq.write_table(
        pa.table({"organisation_code": [f"R{n}" for n in range(40)], "register_rank": [1] * 40}), parquet
    )
    files["organisations.parquet"] = parquet.getvalue()
    for ending, write in WRITERS.items():
        files[f"organisations.{ending}"] = write(folder / f"good.{ending}", {"Data": ROWS}).read_bytes()
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("organisations.csv", TEXT)
    files["organisations.zip"] = packed.getvalue()
    return files


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The bytes with a few changes; of a zip also inside of one of its parts, which stays well packed."""
    if content.startswith(b"PK") and chance.random() < 0.7:
        return _with_a_part_damaged(content, chance)
    for _ in range(chance.choice([1, 1, 2, 5])):
        content = chance.choice(_CHANGES)(content, chance)
    return content


def _with_a_part_damaged(content: bytes, chance: random.Random) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as archive, zipfile.ZipFile(packed, "w") as copy:
        chosen = chance.choice(archive.namelist())
        for name in archive.namelist():
            part = archive.read(name)
            copy.writestr(name, chance.choice(_CHANGES)(part, chance) if name == chosen else part)
    return packed.getvalue()


def _place(content: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randint(0, len(content))
    return start, min(len(content), start + chance.choice([1, 2, 8, 100]))


def _flip(content: bytes, chance: random.Random) -> bytes:
    start, _ = _place(content, chance)
    return content[:start] + bytes([chance.randrange(256)]) + content[start + 1 :]


def _cut(content: bytes, chance: random.Random) -> bytes:
    start, end = _place(content, chance)
    return content[:start] + content[end:]


def _repeat(content: bytes, chance: random.Random) -> bytes:
    start, end = _place(content, chance)
    return content[:end] + content[start:end] * chance.choice([1, 3]) + content[end:]


def _insert(content: bytes, chance: random.Random) -> bytes:
    start, _ = _place(content, chance)
    return content[:start] + chance.choice(ODD_BYTES) + content[start:]


def _shorten(content: bytes, chance: random.Random) -> bytes:
    return content[: _place(content, chance)[0]]


_CHANGES: list[Callable[[bytes, random.Random], bytes]] = [
    _flip,
    _flip,
    _cut,
    _repeat,
    _insert,
    _insert,
    _shorten,
]


def check(path: Path, mappings: list[Mapping]) -> str:
    """What becomes of a file: `read`, or the code by which it is refused (empty if it says not enough)."""
    found = recognise(path, mappings)
    if isinstance(found, Unrecognised):
        assert found.reason
    contract = contracts()[EXTRACT]
    try:
        extracted = read(path, canonical_mapping(contract), EXTRACT, contract)
    except UnreadableFile as fault:
        return fault.code if fault.message and fault.remedy else ""
    rows = extracted.table.num_rows
    accounted = rows + sum(extracted.rows_ignored.values()) + len(extracted.malformed_rows)
    assert accounted == extracted.rows_received
    lines = extracted.table.column("source_row").to_pylist()
    assert len(set(lines)) == rows
    assert None not in lines
    return "read"
