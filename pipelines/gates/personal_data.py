"""What keeps people out of the mart: keyed pseudonyms for identifiers, and a screen of free text.

Nothing here repeats, logs or raises what a cell holds.
"""

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256

import pyarrow as pa

from pipelines.extracts.contract import Contract
from pipelines.gates.arrow import compute, matches

PSEUDONYM_DIGITS = 16

_TEN_DIGITS = r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}"
_EMAIL = r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
_ALONE = re.compile(rf"(?<![0-9])(?<![0-9][ -]){_TEN_DIGITS}(?![ -]?[0-9])")


@dataclass(frozen=True)
class PersonalData:
    """Where personal data were found in free text; never what."""

    column_name: str
    source_row: int


def pseudonymise(table: pa.Table, contract: Contract, key: bytes) -> pa.Table:
    """Replace every identifier of a person by its pseudonym: `P` and 16 hexadecimal digits.

    The pseudonym is a keyed hash (HMAC-SHA256), so that the same person has the same one in every extract
    and nobody without the key can compute it. Empty cells stay empty.

    Raises:
        ValueError: the key is shorter than 16 bytes.
    """
    if len(key) < 16:
        raise ValueError("the key for pseudonyms needs at least 16 bytes")
    for column in contract.columns:
        if column.personal:
            index = table.column_names.index(column.name)
            table = table.set_column(index, column.name, _pseudonyms(table.column(column.name), key))
    return table


def _pseudonyms(column: pa.ChunkedArray, key: bytes) -> pa.Array:
    encoded = column.combine_chunks().dictionary_encode()
    hashes = [hmac.new(key, value.encode("utf-8"), sha256) for value in encoded.dictionary.to_pylist()]
    pseudonyms = [f"P{each.hexdigest()[:PSEUDONYM_DIGITS]}" for each in hashes]
    return pa.array(pseudonyms, pa.string()).take(encoded.indices)


def screen(table: pa.Table, contract: Contract) -> list[PersonalData]:
    """Every free-text cell that holds a valid NHS number or an e-mail address."""
    source_rows = table.column("source_row")
    return [
        PersonalData(column.name, source_row)
        for column in contract.columns
        if column.free_text
        for source_row in source_rows.filter(holds_personal_data(table.column(column.name))).to_pylist()
    ]


def holds_personal_data(column: pa.ChunkedArray) -> pa.Array:
    """For each text whether it holds a valid NHS number or an e-mail address; null for null."""
    encoded = column.combine_chunks().dictionary_encode()
    texts = encoded.dictionary
    found = matches(texts, _EMAIL)
    candidates = matches(texts, _TEN_DIGITS)
    holds_number = [
        is_candidate and _holds_nhs_number(text.as_py())
        for is_candidate, text in zip(candidates.to_pylist(), texts, strict=True)
    ]
    return compute("or", found, pa.array(holds_number, pa.bool_())).take(encoded.indices)


def _holds_nhs_number(text: str) -> bool:
    return any(is_nhs_number(re.sub(r"[ -]", "", match)) for match in _ALONE.findall(text))


def is_nhs_number(digits: str) -> bool:
    """Whether ten digits form a valid NHS number.

    The last digit is the modulus 11 check digit of the NHS Data Dictionary: digits 1 to 9 weighted 10 to 2,
    11 less the remainder of the sum by 11, where 11 counts as 0 and 10 is never valid. Ten equal digits pass
    the check and are placeholders.
    """
    if len(digits) != 10 or not digits.isascii() or not digits.isdecimal() or len(set(digits)) == 1:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False))
    return (11 - total % 11) % 11 == int(digits[9])
