"""Text in other encodings and with other delimiters."""

from pathlib import Path

import pytest

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.mapping import Mapping
from pipelines.extracts.read import read
from pipelines.extracts.readers.encodings import encoding_of, is_surely_cp1252
from pipelines.extracts.recognise import recognise
from tests.unit.extract_cases import contracts, make_mapping, mappings, read_canonical, read_supplied, values

ROWS = 'organisation_code,organisation_name,valid_from\nRXX,"Café – the\n""Société""",2026-04-01\nRYY,£1 b,\n'
NAMES = ['Café – the\n"Société"', "£1 b"]


@pytest.mark.parametrize(
    ("encoding", "read_as"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("cp1252", "cp1252"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_encodings_and_delimiters(
    tmp_path: Path, encoding: str, read_as: str, delimiter: str, line_end: str
) -> None:
    content = ROWS.replace(",", delimiter).replace("\n", line_end).encode(encoding)
    found = read_canonical(tmp_path, "organisations", content)
    assert [name.replace("\r\n", "\n") for name in values(found, "organisation_name")] == NAMES
    assert values(found, "source_row") == [2, 4]
    assert (found.encoding, found.delimiter) == (read_as, delimiter)
    assert not found.malformed_rows


def test_utf16_of_the_other_byte_order(tmp_path: Path) -> None:
    content = b"\xfe\xff" + ROWS.encode("utf-16-be")
    assert values(read_canonical(tmp_path, "organisations", content), "organisation_name") == NAMES


@pytest.mark.parametrize("ending", ["csv", "tsv", "txt"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_recognition_finds_the_delimiter(tmp_path: Path, ending: str, delimiter: str) -> None:
    path = tmp_path / f"organisations.{ending}"
    path.write_text(ROWS.replace(",", delimiter), encoding="utf-16")
    found = recognise(path, list(mappings()))
    assert isinstance(found, Mapping)
    assert found.name == "canonical_organisations"


def test_a_delimiter_that_the_mapping_names_is_the_one(tmp_path: Path) -> None:
    mapping = """
        delimiter: ";"
        header: [code]
        extracts: {organisations: {columns: {organisation_code: {column: code}}}}
    """
    with pytest.raises(UnreadableFile) as caught:
        read_supplied(tmp_path, mapping, "code,name\nRXX,a\n", "organisations")
    assert caught.value.code == "OTHER_LAYOUT"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_file_without_header_is_split_so_that_its_width_fits(tmp_path: Path, delimiter: str) -> None:
    mapping = """
        headerless: {widths: [3, 5], columns: {1: code, 3: name}}
        extracts:
          organisations: {columns: {organisation_code: {column: code}, organisation_name: {column: name}}}
    """
    content = "RXX,a;b,Trust\nRYY,c|d,Other\n".replace(",", delimiter)
    if delimiter in ";|":
        content = content.replace("a;b", "a").replace("c|d", "c")
    found = read_supplied(tmp_path, mapping, content, "organisations")
    assert values(found, "organisation_code", "organisation_name") == [("RXX", "Trust"), ("RYY", "Other")]
    assert found.delimiter == delimiter


@pytest.mark.parametrize(
    "text",
    ["Société", "it’s – “so”…", "Zoë", "£5", "from £5 to £6", "20° C", "Ärzte", "€", "a • b"],
)
def test_what_is_surely_windows_1252(text: str) -> None:
    assert is_surely_cp1252(text.encode("cp1252"))
    assert encoding_of(text.encode("cp1252")) == "cp1252"


@pytest.mark.parametrize(
    "data",
    [
        "Łódź".encode("cp1250"),
        "Dvořák".encode("cp1250"),
        "£m".encode("cp1252"),
        "Société".encode("mac-roman"),
        "“so”".encode("mac-roman"),
        "Société".encode("cp850"),
        "Société".encode() + b" caf\xe9",
        "Привет".encode("cp1251"),
        "日本".encode("shift-jis"),
        bytes(range(0x80, 0x100)),
    ],
)
def test_what_is_not_certain_is_refused(tmp_path: Path, data: bytes) -> None:
    assert not is_surely_cp1252(data)
    with pytest.raises(UnreadableFile) as caught:
        read_canonical(tmp_path, "organisations", b"organisation_code,organisation_name\nRXX," + data + b"\n")
    assert caught.value.code == "NOT_UTF8"
    assert caught.value.place == "line 2"


def test_a_mapping_may_name_the_encoding(tmp_path: Path) -> None:
    mapping = make_mapping(
        tmp_path,
        """
        encoding: cp1252
        header: [code, name]
        extracts:
          organisations: {columns: {organisation_code: {column: code}, organisation_name: {column: name}}}
        """,
    )
    path = tmp_path / "supplier.csv"
    for content in ("code,name\nRXX,Š £m\n".encode("cp1252"), "code,name\nRXX,Š £m\n".encode()):
        path.write_bytes(content)
        assert recognise(path, [mapping]) == mapping
        assert values(
            read(path, mapping, "organisations", contracts()["organisations"]), "organisation_name"
        ) == ["Š £m"]
    path.write_bytes(b"code,name\nRXX,\x81\x8d\n")
    with pytest.raises(UnreadableFile) as caught:
        read(path, mapping, "organisations", contracts()["organisations"])
    assert caught.value.code == "NOT_DECODABLE"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xff\xfeo\x00\x00\xd8o\x00", "NOT_DECODABLE"),
        (b"\xff\xfeorganisation_code", "NOT_DECODABLE"),
        ("organisation_code\nRXX\n".encode("utf-32"), "NOT_UTF8"),
        ("organisation_code\nRXX\n".encode("utf-16-le"), "NUL_BYTE"),
        (b"\xff\xfe", "EMPTY_FILE"),
    ],
)
def test_damaged_text(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read_canonical(tmp_path, "organisations", content)
    assert caught.value.code == code


def test_a_table_of_16384_columns(tmp_path: Path) -> None:
    header = ",".join(["organisation_code", *(f"column {n}" for n in range(16_383))])
    with pytest.raises(UnreadableFile) as caught:
        read_canonical(tmp_path, "organisations", header + "\nRXX\n")
    assert caught.value.code == "TOO_MANY_COLUMNS"


def test_a_line_of_100_mb(tmp_path: Path) -> None:
    path = tmp_path / "organisations.csv"
    with path.open("wb") as stream:
        stream.write(b"organisation_code,organisation_name\nRXX,")
        for _ in range(100):
            stream.write(b"x" * 1024**2)
        stream.write(b"\nRYY,b\n")
    with pytest.raises(UnreadableFile) as caught:
        read_canonical(tmp_path, "organisations", path.read_bytes())
    assert caught.value.code == "LINE_TOO_LONG"
