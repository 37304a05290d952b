"""What keeps people out of the mart: keyed pseudonyms for identifiers, and a screen of free text.

Nothing here repeats, logs or raises what a cell holds.
"""

import hmac
import re
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate

import pyarrow as pa
from duckdb.func import PythonUDFType
from duckdb.sqltypes import VARCHAR

from pipelines.extracts.contract import Contract
from pipelines.extracts.records import Records
from pipelines.gates.arrow import matches

PSEUDONYM_DIGITS = 16

# Dashes as the one of ASCII; what nobody sees is taken out. NFKC makes plain blanks and digits of the others.
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")

_EMAIL = r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"

# What the library for regular expressions on columns (RE2, without look-around) leaves for a closer look.
_CANDIDATES = r"[0-9]([^0-9A-Za-z]{0,4}[0-9]){8}|(?i:[A-Z][0-9][0-9A-Z]?\s*[0-9][A-Z]{2})|@|[^\x00-\x7f]"

_BETWEEN = r"[\s.()-]{0,3}"
_NHS_NUMBER = re.compile(
    rf"(?<![0-9])(?<![0-9][.-])[0-9]{{3}}{_BETWEEN}[0-9]{{3}}{_BETWEEN}[0-9]{{4}}(?![.-]?[0-9])"
)

# The first group of digits has three or more, so that neither a date nor a time of day begins a number.
_TELEPHONE = re.compile(
    rf"""
    (?<![0-9A-Za-z.])(?<![0-9][.-])
    (?:
        (?P<country>\+\s?44|00\s?44|44){_BETWEEN}0?{_BETWEEN}(?P<abroad>[1-9][0-9]{{1,9}}(?:{_BETWEEN}[0-9]{{2,6}}){{0,4}})
      | 0(?P<home>[1-35789][0-9]{{1,9}}(?:{_BETWEEN}[0-9]{{2,6}}){{0,4}})
    )
    (?![0-9])
    """,
    re.VERBOSE,
)

# Areas of the Postcode Address File, so that a ward Q1 or a unit R2 begins no postcode. The second part has
# no C, I, K, M, O or V, so that 5mg, 9pm and 3cm are none.
_AREAS = (
    "AB|AL|B|BA|BB|BD|BF|BH|BL|BN|BR|BS|BT|BX|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|E|EC|EH|EN|"
    "EX|FK|FY|G|GL|GU|GY|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW|KY|L|LA|LD|LE|LL|LN|LS|LU|M|ME|MK|ML|N|"
    "NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|PL|PO|PR|RG|RH|RM|S|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|"
    "TQ|TR|TS|TW|UB|W|WA|WC|WD|WF|WN|WR|WS|WV|YO|ZE"
)
_POSTCODE = re.compile(
    rf"(?P<before>[-_])?(?<![0-9A-Za-z])(?:{_AREAS})[0-9][0-9A-HJKMNPRSTUVWXY]?"
    r"(?P<gap>\s{0,2})(?P<inward>[0-9][ABD-HJLNP-UW-Z]{2})(?![0-9A-Za-z])(?P<after>[-_]|\s+[A-Za-z])?",
    re.IGNORECASE,
)
_NO_INWARD = re.compile(r"1st|2nd|3rd|[04-9]th|[0-9](?:hr|yr|ft|lb|pt|st|dp)", re.IGNORECASE)


@dataclass(frozen=True)
class PersonalData:
    """Where personal data were found in free text; never what."""

    column_name: str
    source_row: int


def pseudonymise(records: Records, contract: Contract, key: bytes) -> Records:
    """Replace every identifier of a person by its pseudonym: `P` and 16 hexadecimal digits.

    The pseudonym is a keyed hash (HMAC-SHA256), so that the same person has the same one in every extract
    and nobody without the key can compute it. It is made whenever the records are asked for. Empty cells
    stay empty.

    Raises:
        ValueError: the key is shorter than 16 bytes.
    """
    if len(key) < 16:
        raise ValueError("the key for pseudonyms needs at least 16 bytes")
    columns = [column for column in contract.columns if column.personal]

    def pseudonyms(texts: pa.ChunkedArray) -> pa.Array:
        return _pseudonyms(texts, key)

    if columns:
        records.connection.create_function(
            "pseudonym", pseudonyms, [VARCHAR], VARCHAR, type=PythonUDFType.ARROW
        )
    for column in columns:
        records = records.changed(pa.field(column.name, pa.string()), f'pseudonym("{column.name}")')
    return records


def _pseudonyms(column: pa.ChunkedArray, key: bytes) -> pa.Array:
    encoded = column.combine_chunks().dictionary_encode()
    hashes = [hmac.new(key, value.encode("utf-8"), sha256) for value in encoded.dictionary.to_pylist()]
    pseudonyms = [f"P{each.hexdigest()[:PSEUDONYM_DIGITS]}" for each in hashes]
    return pa.array(pseudonyms, pa.string()).take(encoded.indices)


def screen(table: pa.Table, contract: Contract) -> list[PersonalData]:
    """Every free-text cell that holds personal data."""
    source_rows = table.column("source_row")
    return [
        PersonalData(column.name, source_row)
        for column in contract.columns
        if column.free_text
        for source_row in source_rows.filter(holds_personal_data(table.column(column.name))).to_pylist()
    ]


def holds_personal_data(column: pa.ChunkedArray) -> pa.Array:
    """For each text whether it holds a valid NHS number, an e-mail address, a UK telephone number or a full
    UK postcode; null for null."""
    encoded = column.combine_chunks().dictionary_encode()
    texts = encoded.dictionary
    candidates = matches(texts, _CANDIDATES)
    found = [
        is_candidate and is_personal(text.as_py())
        for is_candidate, text in zip(candidates.to_pylist(), texts, strict=True)
    ]
    return pa.array(found, pa.bool_()).take(encoded.indices)


def is_personal(text: str) -> bool:
    """Whether a text holds what `holds_personal_data` looks for."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text).translate(_DASHES))
    return (
        re.search(_EMAIL, plain) is not None
        or any(is_nhs_number(re.sub(r"[^0-9]", "", match)) for match in _NHS_NUMBER.findall(plain))
        or any(_is_telephone(match) for match in _TELEPHONE.finditer(plain))
        or any(_is_postcode(match) for match in _POSTCODE.finditer(plain))
    )


def _is_telephone(match: re.Match[str]) -> bool:
    """Whether the digits, without the leading 0, have the length of a UK number: 10, or 9 in a few small
    towns (01). Other numbers may follow, so the length counts up to the end of any group."""
    groups = re.findall("[0-9]+", match["abroad"] or match["home"])
    lengths = set(accumulate(map(len, groups)))
    if match["country"] == "44":
        return groups[0].startswith("7") and 10 in lengths
    return 10 in lengths or (9 in lengths and groups[0].startswith("1"))


def _is_postcode(match: re.Match[str]) -> bool:
    """Whether what looks like a postcode is neither `E3 1st floor` or `W1 4hr waits` nor part of a code."""
    after = match["after"] or ""
    if not match["gap"]:
        return match["before"] is None and after not in ("-", "_")
    is_word = _NO_INWARD.fullmatch(match["inward"]) is not None
    return not (is_word and (after.strip("-_") or not match["inward"].isupper()))


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
