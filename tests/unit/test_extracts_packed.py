"""Zip and gzip: which table of them is read, and what is refused because it is not safe or not certain."""

import gzip
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from pipelines.extracts import unpack
from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.mapping import Mapping, canonical_mapping
from pipelines.extracts.read import Extracted, read
from pipelines.extracts.recognise import Unrecognised, recognise, recognise_tables
from tests.unit.extract_cases import contracts, mappings, values

TABLE = "organisation_code,organisation_name\nRXX,A trust\n"
UNITS = "organisation_code,unit_code,unit_name\nRXX,W1,A ward\n"


def zipped(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def read_organisations(path: Path) -> Extracted:
    contract = contracts()["organisations"]
    return read(path, canonical_mapping(contract), "organisations", contract)


def fault_of(path: Path) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        read_organisations(path)
    # The night does not stop at such a file: it is refused, or not recognised, with the same words.
    found = recognise(path, list(mappings()))
    if isinstance(found, Unrecognised):
        assert found.reason
    return caught.value


def test_what_is_no_table_is_passed_over(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "delivery.zip",
        {"in/organisations.csv": TABLE, "README.txt": "a,b", "logo.png": b"x", "__MACOSX/._a.csv": b"x"},
    )
    found = recognise(path, list(mappings()))
    assert isinstance(found, Mapping)
    assert found.name == "canonical_organisations"
    assert values(read_organisations(path), "organisation_name") == ["A trust"]


def test_the_one_table_that_a_mapping_fits_is_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "delivery.zip", {"notes.csv": "a,b\n1,2\n", "organisations.csv": TABLE})
    found = recognise(path, list(mappings()))
    assert isinstance(found, Mapping)
    assert found.name == "canonical_organisations"
    assert values(read_organisations(path), "organisation_name") == ["A trust"]


def test_several_tables_that_are_known_are_read_each_for_itself(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "delivery.zip", {"units.csv": UNITS, "a.csv": "a,b\n", "organisations.csv": TABLE}
    )
    found = recognise_tables(path, list(mappings()))
    assert not isinstance(found, Unrecognised)
    assert [(each.mapping.name, each.name) for each in found] == [
        ("canonical_units", "units.csv"),
        ("canonical_organisations", "organisations.csv"),
    ]
    assert values(read_organisations(path), "organisation_name") == ["A trust"]


def test_several_tables_of_one_extract_are_known_by_their_names(tmp_path: Path) -> None:
    path = zipped(tmp_path / "delivery.zip", {"organisations_1.csv": TABLE, "organisations_2.csv": TABLE})
    found = recognise_tables(path, list(mappings()))
    assert not isinstance(found, Unrecognised)
    assert [(each.mapping.name, each.name) for each in found] == [
        ("canonical_organisations", "organisations_1.csv"),
        ("canonical_organisations", "organisations_2.csv"),
    ]
    # Without a name nobody can say which.
    fault = fault_of(path)
    assert fault.code == "NOT_ONE_FILE"
    assert "'organisations_1.csv', 'organisations_2.csv'" in fault.message


def test_a_zip_without_a_table(tmp_path: Path) -> None:
    assert fault_of(zipped(tmp_path / "organisations.zip", {"a.png": b"x"})).code == "NOT_ONE_FILE"
    assert fault_of(zipped(tmp_path / "organisations.zip", {})).code == "NOT_ONE_FILE"


@pytest.mark.parametrize(
    "name",
    ["../organisations.csv", "/organisations.csv", "a/../../organisations.csv", "C:\\organisations.csv"],
)
def test_a_path_that_leads_out_of_the_zip(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "organisations.zip", {"organisations.csv": TABLE, name: TABLE})
    assert fault_of(path).code == "UNSAFE_PATH"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["organisations.zip"]


def test_backslashes_of_windows_are_no_harm(tmp_path: Path) -> None:
    path = zipped(tmp_path / "organisations.zip", {"folder\\organisations.csv": TABLE})
    assert values(read_organisations(path), "organisation_name") == ["A trust"]


def test_a_symbolic_link_in_a_zip(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("organisations.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "organisations.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert fault_of(tmp_path / "organisations.zip").code == "LINK_IN_ARCHIVE"


def test_nested_archives(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"organisations.csv": TABLE}).read_bytes()
    path = zipped(tmp_path / "organisations.zip", {"organisations.csv": TABLE, "more.zip": inner})
    fault = fault_of(path)
    assert (fault.code, "'more.zip'" in fault.message) == ("NESTED_ARCHIVE", True)
    for name in ("organisations.zip.gz", "organisations.csv.gz.gz", "organisations.tar.gz"):
        (tmp_path / name).write_bytes(gzip.compress(inner))
        assert fault_of(tmp_path / name).code == "NESTED_ARCHIVE"


def test_a_password(tmp_path: Path) -> None:
    path = zipped(tmp_path / "organisations.zip", {"organisations.csv": TABLE})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert fault_of(path).code == "ENCRYPTED"


@pytest.mark.parametrize("packed_as", ["zip", "gz"])
def test_bombs(tmp_path: Path, packed_as: str) -> None:
    bomb = TABLE.encode() + b"RYY," + bytes(70 * 1024**2)
    if packed_as == "zip":
        path = zipped(tmp_path / "organisations.zip", {"organisations.csv": bomb})
    else:
        path = tmp_path / "organisations.csv.gz"
        path.write_bytes(gzip.compress(bomb))
    assert path.stat().st_size < 1024**2
    assert fault_of(path).code == "ZIP_BOMB"


@pytest.mark.parametrize("packed_as", ["zip", "gz"])
def test_what_is_too_large_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed_as: str) -> None:
    monkeypatch.setattr(unpack, "MAX_UNPACKED_BYTES", 10)
    path = tmp_path / "organisations.csv.gz"
    path.write_bytes(gzip.compress(TABLE.encode()))
    if packed_as == "zip":
        path = zipped(tmp_path / "organisations.zip", {"organisations.csv": TABLE})
    assert fault_of(path).code == "UNPACKED_TOO_LARGE"


def test_a_size_that_is_a_lie(tmp_path: Path) -> None:
    """The directory says 10 bytes where there are many: what is beyond would be lost."""
    path = zipped(tmp_path / "organisations.zip", {"organisations.csv": TABLE + "RYY,Another\n" * 1000})
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    for at in (data.index(b"PK\x03\x04") + 22, directory + 24):
        data[at : at + 4] = struct.pack("<I", 10)
    path.write_bytes(data)
    assert fault_of(path).code == "DAMAGED_ARCHIVE"


def test_a_directory_that_points_nowhere(tmp_path: Path) -> None:
    path = zipped(tmp_path / "organisations.zip", {"organisations.csv": TABLE})
    data = bytearray(path.read_bytes())
    end = data.index(b"PK\x05\x06")
    data[end + 16 : end + 20] = struct.pack("<I", 2**31)
    path.write_bytes(data)
    assert fault_of(path).code == "DAMAGED_ARCHIVE"
    archive = tmp_path / "organisations.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_BZIP2) as opened:
        opened.writestr("organisations.csv", TABLE)
    archive.write_bytes(archive.read_bytes().replace(b"BZh", b"BZx"))
    assert fault_of(archive).code == "DAMAGED_ARCHIVE"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("packed_as", ["zip", "gz"])
def test_archives_cut_short(tmp_path: Path, packed_as: str, share: float) -> None:
    path = tmp_path / "organisations.csv.gz"
    path.write_bytes(gzip.compress(TABLE.encode() * 50))
    if packed_as == "zip":
        path = zipped(tmp_path / "organisations.zip", {"organisations.csv": TABLE})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert fault_of(path).code == "DAMAGED_ARCHIVE"


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("organisations.csv", b"PK\x03\x04....", "NOT_TEXT", "workbook or zip"),
        ("organisations.csv", b"%PDF-1.7", "NOT_TEXT", "PDF"),
        ("organisations.csv", b"<!doctype html><p>Not found", "NOT_TEXT", "web page"),
        ("organisations.jsonl", b"PAR1....", "NOT_TEXT", "Parquet"),
        ("organisations.xlsx", b"%PDF-1.7", "NOT_A_WORKBOOK", "PDF"),
        ("organisations.xlsx", TABLE.encode(), "NOT_A_WORKBOOK", "something else"),
        ("organisations.parquet", TABLE.encode(), "NOT_PARQUET", "not Parquet"),
        ("organisations.zip", TABLE.encode(), "DAMAGED_ARCHIVE", "damaged"),
        ("organisations.csv.gz", TABLE.encode(), "DAMAGED_ARCHIVE", "damaged"),
    ],
)
def test_a_wrong_ending(tmp_path: Path, name: str, content: bytes, code: str, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    fault = fault_of(tmp_path / name)
    assert fault.code == code
    assert words in fault.message
