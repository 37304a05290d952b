"""Pseudonyms and the screen of free text."""

import hashlib
import hmac

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipelines.extracts.records import records_of
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
    return pseudonymised(people(*ids), key).column("person_id").to_pylist()


def pseudonymised(table: pa.Table, key: bytes = KEY) -> pa.Table:
    with records_of(table) as records:
        return pseudonymise(records, MEMBERS, key).table()


def test_a_pseudonym_is_the_keyed_hash_of_the_identifier() -> None:
    digest = hmac.new(KEY, b"4711", hashlib.sha256).hexdigest()
    assert pseudonyms("4711", None, "4711") == [f"P{digest[:16]}", None, f"P{digest[:16]}"]


def test_pseudonyms_differ_by_person_and_by_key() -> None:
    assert len(set(pseudonyms(*map(str, range(1000))))) == 1000
    assert pseudonyms("4711") != pseudonyms("4711", key=b"another key of sixteen bytes")


def test_no_identifier_is_left_and_the_other_columns_are_untouched() -> None:
    before = people("anna.smith", "b.jones")
    after = pseudonymised(before)
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


# Telephone numbers are those that Ofcom keeps for films; NHS numbers are of the NHS's test range. Postcodes
# are those of public buildings.
PERSONAL = {
    "NHS number": VALID[0],
    "NHS number in a sentence": f"patient {VALID[1]}, ward 7",
    "NHS number in groups": f"NHS no: {VALID[2][:3]} {VALID[2][3:6]} {VALID[2][6:]}.",
    "NHS number with dashes": f"{VALID[3][:3]}-{VALID[3][3:6]}-{VALID[3][6:]}",
    "NHS number with long dashes": f"{VALID[3][:3]}\u2013{VALID[3][3:6]}\u2013{VALID[3][6:]}",
    "NHS number with no-break spaces": f"{VALID[3][:3]}\u00a0{VALID[3][3:6]}\u00a0{VALID[3][6:]}",
    "NHS number with double spaces": f"{VALID[3][:3]}  {VALID[3][3:6]}  {VALID[3][6:]}",
    "NHS number with dots": f"{VALID[3][:3]}.{VALID[3][3:6]}.{VALID[3][6:]}",
    "NHS number in wide digits": "".join(chr(ord(digit) + 0xFEE0) for digit in VALID[3]),
    "NHS number with a zero-width space": f"{VALID[3][:5]}\u200b{VALID[3][5:]}",
    "NHS number among numbers": f"one 1234567890 and one {VALID[4]}",
    "NHS number between numbers": f"order 1 {VALID[0]} 2",
    "NHS number of the NHS Data Dictionary": "seen 943 476 5919 today",
    "e-mail": "write to anna.smith+ward7@example.nhs.uk",
    "e-mail of nhs.net": "Anna_Smith@nhs.net",
    "e-mail with an apostrophe": "o'brien@example.org",
    "mobile": "07700 900123",
    "mobile unbroken": "ring 07700900123 twice",
    "mobile and another number": "ring 07700900123 20 times",
    "mobile with dashes": "07700-900-123",
    "mobile in pairs": "07700 90 01 23",
    "mobile in wide digits": "".join(chr(ord(digit) + 0xFEE0) for digit in "07700900123"),
    "mobile abroad": "+44 7700 900123",
    "mobile abroad with zero": "+44 (0)7700 900 123",
    "mobile abroad unbroken": "+447700900123",
    "mobile with 00": "0044 7700 900123",
    "mobile without plus": "44 7700 900123",
    "London": "phone 020 7946 0958",
    "London with brackets": "(020) 7946 0958",
    "London oddly grouped": "0207 946 0000",
    "London unbroken": "tel:02079460958",
    "London abroad": "+44 20 7946 0958",
    "London abroad with brackets": "+44 (20) 7946 0958",
    "Manchester": "0161 496 0123",
    "Manchester in brackets": "(0161)4960123",
    "small town": "01632 960 001",
    "small town with dots": "01632.960.001",
    "small town with spaced dash": "01632 - 960001",
    "nine digits": "016977 2345",
    "freephone": "0808 157 0123",
    "helpline": "0300 123 4567",
    "postcode": "lives at SW1A 1AA",
    "postcode unbroken": "SW1A1AA",
    "postcode in small letters": "near sw1a 2aa.",
    "postcode in small letters unbroken": "near sw1a2aa",
    "short postcode": "M1 1AE",
    "short postcode unbroken": "(M11AE)",
    "postcode of two and two": "B33 8TH",
    "postcode of London": "EC1A 1BB, W1A 0AX",
    "postcode with a no-break space": "CR2\u00a06XH",
    "postcode over two lines": "12 High Street\nDN55\n1PT",
    "postcode before a dash": "SE1 7EH-based",
}
HARMLESS = {
    "aim": "Halve falls by March 2025",
    "empty": "",
    "twelve digits": f"12{VALID[0]}",
    "twelve digits the other way": f"{VALID[0]}34",
    "invalid NHS number": "1234567890",
    "at": "cost per bed @ 300 pounds",
    "handle": "follow @qi_team",
    "trust codes": "RQ1, RJ1, R1H, RW6, RM1, RG2 and RXA",
    "site codes": "RQ3AA RW3MR R0A66 RM102 RHU03",
    "practice codes": "A81001 M85001 Y01234 E87003",
    "ICB codes": "QE1 01A 15N E54000008 W12000001",
    "small areas": "E01000001 W01000123 N00000123",
    "measure ids": "FALLS-RISK AE-T1-4H W1-2AB_RATE B6_2NE-3 MSA-E11-9AB",
    "diagnosis and procedure codes": "E11.9 M54.5 W37.1 LB13Z EB07E HN22A",
    "date": "2024-03-15",
    "date of England": "01/02/2024 to 03/02/2024",
    "dates with dots": "01.02.2024 - 03.04.2024",
    "dates with dashes": "01-02-2024 03-04-2024",
    "dates with spaces": "01 02 2024 03 04 2024",
    "timestamp": "2024-03-15T10:30:00.123456Z",
    "date and time": "20240315 103000",
    "financial year": "2024/25 Q4 (Mar-25), 2025-26",
    "times of day": "0700-1930 and 1930-0730",
    "shifts": "shifts of 0800 1200 1400 1600",
    "plain numbers": "12345 678901 2345678",
    "long number": "100000000000",
    "number with commas": "1,234,567,890",
    "decimals": "0.0123456789 and 3.14159265358979",
    "leading zeros": "00012345678",
    "money": "£1 200 000 to £2 500 000",
    "confidence interval": "0.75 (0.61 - 0.92), p 0.0123",
    "ward": "Ward W1 2",
    "wards": "E3 1st floor, B6 2nd bay, N4 5th cycle",
    "ward in capitals": "WARD B6 1ST FLOOR",
    "wait": "W1 4hr waits, S2 2yr plan, G3 6ft apart",
    "drug": "B12 5mg, D3 9pm, L1 3cm, N95 3M",
    "part of a postcode": "SW1A, LS9 and M1 1",
    "quarter": "Q1 2FY and Q4 3RD",
    "no area of the post": "R2 4AB, A1 1AA, QA1 1AA, T3 2DX",
    "no letters of the post": "SW1A 1CI, M1 1KO",
    "version": "v2.10.3-beta+44",
    "other country": "+33 1 23 45 67 89",
    "postcode within a code": "XSW1A1AAX SW1A1AA1",
}


@pytest.mark.parametrize("text", PERSONAL.values(), ids=list(PERSONAL))
def test_personal_data_are_found_in_text(text: str) -> None:
    assert holds_personal_data(pa.chunked_array([[text]])).to_pylist() == [True]


@pytest.mark.parametrize("text", HARMLESS.values(), ids=list(HARMLESS))
def test_other_text_is_left_alone(text: str) -> None:
    assert holds_personal_data(pa.chunked_array([[text]])).to_pylist() == [False]


def test_personal_data_are_found_among_other_words() -> None:
    texts = [
        f"{harmless}; {personal}, {harmless}"
        for personal in PERSONAL.values()
        for harmless in ("aim", "7 of 9")
    ]
    assert all(holds_personal_data(pa.chunked_array([texts])).to_pylist())


@given(st.integers(0, 999_999_999), st.sampled_from(["", " ", "-", "\u2011", "\u00a0"]))
def test_every_valid_number_is_found_however_it_is_grouped(nine: int, gap: str) -> None:
    number = with_check_digit(nine)
    assume(number is not None and len(set(number)) > 1)
    assert number is not None
    text = f"seen {number[:3]}{gap}{number[3:6]}{gap}{number[6:]} today"
    assert holds_personal_data(pa.chunked_array([[text]])).to_pylist() == [True]


def test_nothing_is_said_of_empty_cells() -> None:
    assert holds_personal_data(pa.chunked_array([[None, "a"]], pa.string())).to_pylist() == [None, False]
    assert holds_personal_data(pa.chunked_array([], pa.string())).to_pylist() == []


def test_the_screen_names_column_and_line_and_never_the_value() -> None:
    contract = small_contract()
    rows = [{"thing_id": "A", "note": "fine"}, {"thing_id": "B", "note": f"see {VALID[5]}"}]
    found = screen(extracted(contract, rows).table, contract)
    assert [(each.column_name, each.source_row) for each in found] == [("note", 3)]
    assert VALID[5] not in str(found)
