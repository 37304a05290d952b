"""Pseudonyms and the screen of free text."""

import hashlib
import hmac

import pyarrow as pa
import pytest

from pipelines.gates.personal_data import holds_personal_data, is_nhs_number, pseudonymise, screen
from tests.unit.gate_cases import CONTRACTS, extracted, small_contract

KEY = b"a key of sixteen bytes or more"
MEMBERS = CONTRACTS["project_members"]


def with_check_digit(nine: int) -> str | None:
    """An NHS number from its first nine digits, None where no check digit is valid."""
    remainder = (
        sum(int(digit) * weight for digit, weight in zip(f"{nine:09}", range(10, 1, -1), strict=True)) % 11
    )
    check = (11 - remainder) % 11
    return None if check == 10 else f"{nine:09}{check}"


VALID = [number for nine in range(999_000_000, 999_000_200) if (number := with_check_digit(nine))]


def people(*ids: str | None) -> pa.Table:
    return extracted(MEMBERS, [{"project_id": "P", "person_id": each, "role": "lead"} for each in ids]).table


def pseudonyms(*ids: str | None, key: bytes = KEY) -> list[str | None]:
    return pseudonymise(people(*ids), MEMBERS, key).column("person_id").to_pylist()


def test_a_pseudonym_is_the_keyed_hash_of_the_identifier() -> None:
    digest = hmac.new(KEY, b"4711", hashlib.sha256).hexdigest()
    assert pseudonyms("4711", None, "4711") == [f"P{digest[:16]}", None, f"P{digest[:16]}"]


def test_pseudonyms_differ_by_person_and_by_key() -> None:
    assert len(set(pseudonyms(*map(str, range(1000))))) == 1000
    assert pseudonyms("4711") != pseudonyms("4711", key=b"another key of sixteen bytes")


def test_no_identifier_is_left_and_the_other_columns_are_untouched() -> None:
    before = people("anna.smith", "b.jones")
    after = pseudonymise(before, MEMBERS, KEY)
    assert "anna" not in str(after.to_pydict())
    assert after.schema == before.schema
    assert after.drop_columns(["person_id"]).equals(before.drop_columns(["person_id"]))


def test_a_table_without_rows_has_no_pseudonyms() -> None:
    assert pseudonyms() == []


@pytest.mark.parametrize("key", [b"", b"short"])
def test_a_short_key_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        pseudonyms("4711", key=key)


@pytest.mark.parametrize("number", VALID[:20])
def test_numbers_of_the_test_range_are_valid_and_others_beside_them_are_not(number: str) -> None:
    assert is_nhs_number(number)
    for wrong in {*"0123456789"} - {number[9]}:
        assert not is_nhs_number(number[:9] + wrong)


@pytest.mark.parametrize("digits", ["0000000000", "1111111111", "999000001", "99900000180", "999000001x", ""])
def test_what_is_no_nhs_number(digits: str) -> None:
    assert not is_nhs_number(digits)


@pytest.mark.parametrize(
    "text",
    [
        VALID[0],
        f"patient {VALID[1]}, ward 7",
        f"NHS no: {VALID[2][:3]} {VALID[2][3:6]} {VALID[2][6:]}.",
        f"{VALID[3][:3]}-{VALID[3][3:6]}-{VALID[3][6:]}",
        f"one 1234567890 and one {VALID[4]}",
        "write to anna.smith+ward7@example.nhs.uk",
        "Anna_Smith@nhs.net",
    ],
)
def test_personal_data_are_found_in_text(text: str) -> None:
    assert holds_personal_data(pa.chunked_array([[text]])).to_pylist() == [True]


@pytest.mark.parametrize(
    "text",
    [
        "Halve falls by March 2025",
        f"12{VALID[0]}",
        f"{VALID[0]}34",
        f"order 1 {VALID[0]} 2",
        "phone 0207 946 0000",
        "1234567890",
        "cost per bed @ 300 pounds",
        "",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    assert holds_personal_data(pa.chunked_array([[text]])).to_pylist() == [False]


def test_nothing_is_said_of_empty_cells() -> None:
    assert holds_personal_data(pa.chunked_array([[None, "a"]], pa.string())).to_pylist() == [None, False]
    assert holds_personal_data(pa.chunked_array([], pa.string())).to_pylist() == []


def test_the_screen_names_column_and_line_and_never_the_value() -> None:
    contract = small_contract()
    rows = [{"thing_id": "A", "note": "fine"}, {"thing_id": "B", "note": f"see {VALID[5]}"}]
    found = screen(extracted(contract, rows).table, contract)
    assert [(each.column_name, each.source_row) for each in found] == [("note", 3)]
    assert VALID[5] not in str(found)
