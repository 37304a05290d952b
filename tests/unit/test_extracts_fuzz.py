"""Damaged files of every format are refused, or every row of them is accounted for."""

import random
from pathlib import Path

import pytest

from pipelines.extracts.mapping import canonical_mapping
from tests.unit.extract_cases import contracts
from tests.unit.reader_fuzz import EXTRACT, check, damaged, good_files
from tests.unit.workbook_files import rewritten

TRIES = 12
NAMES = [f"organisations.{ending}" for ending in (
    "csv", "tsv", "txt", "jsonl", "csv.gz", "parquet", "xlsx", "xlsb", "ods", "zip",
)]  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return good_files(tmp_path_factory.mktemp("good"))


def test_every_format_is_there(files: dict[str, bytes]) -> None:
    assert sorted(files) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files(tmp_path: Path, files: dict[str, bytes], name: str) -> None:
    path = tmp_path / name
    mappings = [canonical_mapping(contracts()[EXTRACT])]
    path.write_bytes(files[name])
    assert check(path, mappings) == "read"
    chance = random.Random(f"{name} 1")
    for _ in range(TRIES):
        path.write_bytes(damaged(files[name], chance))
        assert check(path, mappings)


def test_a_parquet_file_whose_names_are_no_text(tmp_path: Path, files: dict[str, bytes]) -> None:
    path = tmp_path / "organisations.parquet"
    path.write_bytes(files["organisations.parquet"].replace(b"organisation_code", b"organisation_cod\xff"))
    assert check(path, [canonical_mapping(contracts()[EXTRACT])]) == "NOT_PARQUET"


def test_a_record_of_a_workbook_that_is_empty(tmp_path: Path, files: dict[str, bytes]) -> None:
    path = tmp_path / "organisations.xlsb"
    path.write_bytes(files["organisations.xlsb"])
    properties = bytes([153, 1, 12])
    rewritten(path, lambda _, part: part.replace(properties, bytes([153, 1, 0])))
    assert check(path, [canonical_mapping(contracts()[EXTRACT])]) == "NOT_A_WORKBOOK"
