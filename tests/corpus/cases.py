"""The corpus of bad files, as data: from which good file each is made, how, and what must be said of it.

Belongs here: the list. Does not belong here: judging (`tests/integration/test_corpus.py`) and good files.
Most cases follow from the contracts, so that a new column or a new extract gets its bad files by itself.
"""

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_columns import ColumnType
from tests.corpus.good import FORMATS, Row, as_csv, as_parquet, as_xlsx, good_rows, zipped
from tests.unit.gate_cases import CONTRACTS, NHS_NUMBER

FAULTY_ROW = 3
FAULTY_ROWS = (1, FAULTY_ROW, 5)
UNDER_WAY = {"studied_on": "", "completed_on": "", "decision": "", "study_finding": ""}
PERSONAL = {
    "nhs number": f"asked {NHS_NUMBER} twice",
    "e-mail": "write to nobody@example.org",
    "telephone": "rang 020 7946 0018 today",
    "postcode": "moved to SW1A 1AA",
}


@dataclass(frozen=True)
class BadFile:
    """`lines`: line -> code that must be said of it; every other line must be accepted. `columns`: line ->
    those of which one must be named with the code. `code`: what the file as such is refused for; `words`:
    what is said of one that is not recognised."""

    name: str
    file_name: str
    make: Callable[[], bytes]
    verdict: str
    lines: dict[int, str]
    code: str | None = None
    words: str = ""
    columns: dict[int, frozenset[str]] = field(default_factory=dict)


def bad_files() -> list[BadFile]:
    """Every case; names are unique."""
    ways = list(FORMATS)
    return [
        *(_cell_case(ways[at % len(ways)], *cells) for at, cells in enumerate(_cells_of_a_file())),
        *_personal(),
        *_several_rows(),
        *_lines_of_text(),
        *_files(),
        *_packed(),
    ]


# ---- One cell of some rows ---------------------------------------------------------------------------------

Cell = tuple[str, Row, str]


def _cells_of_a_file() -> Iterator[tuple[Cell, ...]]:
    """Cells of one extract at a time, no more than leave half of the rows good."""
    for _, cells in groupby(sorted(_cells(), key=lambda cell: cell[0]), key=lambda cell: cell[0]):
        while some := tuple(islice(cells, len(FAULTY_ROWS))):
            yield some


def _cells() -> Iterator[Cell]:
    """Extract, changes to its faulty row, and the code that must be said of it."""
    for contract in CONTRACTS.values():
        yield from _of_columns(contract)
    yield from _of_rules()


def _of_columns(contract: Contract) -> Iterator[Cell]:
    extract = contract.extract
    for column in contract.columns:
        stem = column.name.upper()
        # The day of publication is that of the file where a row has none.
        if column.required and column.default is None and column.name != "published_on":
            yield extract, {column.name: ""}, f"{stem}_MISSING"
        if column.type != ColumnType.STRING:
            yield extract, {column.name: "x y"}, f"{stem}_UNREADABLE"
        if column.allowed is not None:
            yield extract, {column.name: "something else"}, f"{stem}_NOT_ALLOWED"
        if column.identifier:
            yield extract, {column.name: " ToTal "}, "TOTAL_ROW"
    for lookup in contract.lookups:
        if lookup.reference:
            yield extract, {list(lookup.on)[-1]: "NOWHERE"}, f"UNKNOWN_{lookup.name.upper()}"
        if lookup.life is not None:
            period = {lookup.life.start: "2019-01-01"} | (
                {lookup.life.end: "2019-01-31"} if lookup.life.end else {}
            )
            yield extract, period, f"OUTSIDE_{lookup.name.upper()}_LIFE"


def _of_rules() -> Iterator[Cell]:
    """The rules that look at what a row says, each broken by a row that could be real."""
    yield from (
        ("measure_points", {"numerator": "81"}, "NUMERATOR_OVER_DENOMINATOR"),
        ("measure_points", {"numerator": "-1"}, "NUMERATOR_NEGATIVE"),
        ("measure_points", {"denominator": "-80", "numerator": ""}, "DENOMINATOR_NEGATIVE"),
        ("measure_points", {"subgroup_size": "0"}, "SUBGROUP_SIZE_NOT_POSITIVE"),
        ("measure_points", {"subgroup_sd": "-0.5"}, "SUBGROUP_SD_NEGATIVE"),
        ("measure_points", {"period_end": "2024-03-31"}, "PERIOD_ENDS_BEFORE_START"),
        ("measure_points", {"period_start": "2026-12-01", "period_end": ""}, "PERIOD_IN_FUTURE"),
        ("measure_points", {"period_start": "1948-06-01", "period_end": ""}, "PERIOD_BEFORE_NHS"),
        ("measure_points", {"published_on": "2027-01-01"}, "PUBLISHED_IN_FUTURE"),
        ("measure_points", {"numerator": "1e999"}, "NUMERATOR_UNREADABLE"),
        ("measure_points", {"period_start": "2024-02-30"}, "PERIOD_START_UNREADABLE"),
        ("measure_points", {"period_start": "31/04/2024"}, "PERIOD_START_UNREADABLE"),
        ("measure_points", {"subgroup_size": "1.5"}, "SUBGROUP_SIZE_UNREADABLE"),
        ("measure_points", {"value": "#DIV/0!"}, "VALUE_UNREADABLE"),
        ("measure_points", {"value": "12 %"}, "VALUE_UNREADABLE"),
        ("measure_events", {"event": "exclude", "reason": ""}, "EXCLUDED_WITHOUT_REASON"),
        ("measure_events", {"period_start": "2026-12-01"}, "PERIOD_IN_FUTURE"),
        ("measures", {"multiplier": "0"}, "MULTIPLIER_NOT_POSITIVE"),
        ("measures", {"multiplier": "-100"}, "MULTIPLIER_NOT_POSITIVE"),
        ("measures", {"ends_on": "2022-12-31"}, "ENDS_BEFORE_STARTS"),
        ("organisations", {"register_rank": "4"}, "REGISTER_RANK_OUT_OF_RANGE"),
        ("organisations", {"register_rank": "0"}, "REGISTER_RANK_OUT_OF_RANGE"),
        ("pdsa_cycles", {"cycle_number": "0"}, "CYCLE_NUMBER_NOT_POSITIVE"),
        ("pdsa_cycles", {"studied_on": "2024-03-03"}, "STUDIED_BEFORE_STARTED"),
        ("pdsa_cycles", {"completed_on": "2024-03-03"}, "COMPLETED_BEFORE_STARTED"),
        ("pdsa_cycles", UNDER_WAY | {"started_on": "2026-12-01"}, "STARTED_ON_IN_FUTURE"),
        ("project_members", {"left_on": "2024-02-11"}, "LEFT_BEFORE_JOINED"),
        ("projects", {"progress_score": "4.2"}, "PROGRESS_SCORE_NOT_A_STEP"),
        ("projects", {"progress_score": "45"}, "PROGRESS_SCORE_NOT_A_STEP"),
        ("projects", {"closed_on": "2024-02-11"}, "CLOSED_BEFORE_STARTED"),
        ("projects", {"closed_on": "2026-12-01"}, "CLOSED_ON_IN_FUTURE"),
        ("projects", {"progress_scored_on": "2026-12-01"}, "PROGRESS_SCORED_IN_FUTURE"),
        ("spread_links", {"child_project_id": "PRJ-0001"}, "PROJECT_SPREADS_TO_ITSELF"),
        ("spread_links", {"eligible_units": "0"}, "ELIGIBLE_UNITS_NOT_POSITIVE"),
        ("spread_links", {"adopted_on": "2026-12-01"}, "ADOPTED_ON_IN_FUTURE"),
        ("targets", {"valid_from": "1924-04-01"}, "VALID_FROM_BEFORE_NHS"),
        ("targets", {"target": "950"}, "TARGET_OUT_OF_PERCENT"),
        ("targets", {"target": "-1"}, "TARGET_OUT_OF_PERCENT"),
        ("units", {"parent_unit_code": "WARD-13"}, "UNIT_IS_ITS_OWN_PARENT"),
        ("units", {"closed_on": "2021-03-31"}, "CLOSED_BEFORE_VALID_FROM"),
        ("maturity_assessments", {"assessed_on": "2026-12-01"}, "ASSESSED_ON_IN_FUTURE"),
        ("maturity_assessments", {"assessors": "0"}, "ASSESSORS_NOT_POSITIVE"),
        ("training", {"completed_on": "2024-01-07"}, "COMPLETED_BEFORE_STARTED"),
        ("training", {"completed_on": "2026-12-01"}, "COMPLETED_ON_IN_FUTURE"),
        ("survey_results", {"numerator": "23"}, "NUMERATOR_OVER_DENOMINATOR"),
        ("survey_results", {"numerator": "-1"}, "NUMERATOR_NEGATIVE"),
        ("survey_results", {"denominator": "-1", "numerator": ""}, "DENOMINATOR_NEGATIVE"),
        ("survey_results", {"invited": "21"}, "ANSWERED_OVER_INVITED"),
        ("survey_results", {"value": "101"}, "VALUE_OUT_OF_PERCENT"),
        ("survey_results", {"period_end": "2024-09-30"}, "PERIOD_ENDS_BEFORE_START"),
        ("survey_results", {"period_start": "2026-12-01", "period_end": ""}, "PERIOD_IN_FUTURE"),
        ("workforce_months", {"sick_days": "895"}, "SICK_DAYS_OVER_AVAILABLE"),
        ("workforce_months", {"stayed_headcount": "34"}, "STAYED_OVER_YEAR_BEFORE"),
        ("workforce_months", {"sick_days": "-1"}, "SICK_DAYS_NEGATIVE"),
        ("workforce_months", {"headcount": "-1"}, "HEADCOUNT_NEGATIVE"),
        ("workforce_months", {"wte": "-0.5"}, "WTE_NEGATIVE"),
        ("workforce_months", {"stayed_headcount": "-1"}, "STAYED_NEGATIVE"),
        ("workforce_months", {"month": "2024-04-02"}, "MONTH_NOT_FIRST_DAY"),
        ("workforce_months", {"month": "2026-12-01"}, "MONTH_IN_FUTURE"),
        ("leadership_posts", {"ended_on": "2021-04-30"}, "ENDED_BEFORE_STARTED"),
        ("leadership_posts", {"started_on": "2026-12-01", "ended_on": ""}, "STARTED_ON_IN_FUTURE"),
        ("leadership_posts", {"ended_on": "2026-12-01"}, "ENDED_ON_IN_FUTURE"),
        ("leadership_posts", {"holder_id": ""}, "HOLDER_EMPTY"),
        ("leadership_posts", {"holding": "vacant", "holder_id": "staff number 4712"}, "VACANT_WITH_HOLDER"),
        ("collaboration_ties", {"answered": "11"}, "ANSWERED_OVER_INVITED"),
        ("collaboration_ties", {"invited": "0", "answered": ""}, "INVITED_NOT_POSITIVE"),
        ("collaboration_ties", {"answered": "-1"}, "ANSWERED_NEGATIVE"),
        ("collaboration_ties", {"to_unit_code": "WARD-07"}, "UNIT_TIES_TO_ITSELF"),
        ("collaboration_ties", {"to_organisation_code": "", "to_unit_code": ""}, "TIE_WITHOUT_UNIT"),
        ("collaboration_ties", {"tie": "none", "to_unit_code": "MEDICINE"}, "NO_TIE_WITH_UNIT"),
        ("collaboration_ties", {"surveyed_on": "2026-12-01"}, "SURVEYED_ON_IN_FUTURE"),
        ("experience_events", {"attended": "-1"}, "ATTENDED_NEGATIVE"),
        ("experience_events", {"held_on": "2026-12-01"}, "HELD_ON_IN_FUTURE"),
        ("experience_events", {"held_on": ""}, "HELD_WITHOUT_DATE"),
        ("experience_events", {"status": "cancelled", "held_on": "2024-03-12"}, "DATE_OF_EVENT_NOT_HELD"),
        ("experience_events", {"kind": "ebcd", "ebcd_stage": ""}, "EBCD_STAGE_EMPTY"),
        ("experience_events", {"ebcd_stage": "co_design"}, "EBCD_STAGE_OF_OTHER_EVENT"),
        ("governance_time", {"minutes": "1015"}, "MINUTES_OUT_OF_RANGE"),
        ("governance_time", {"item_number": "0"}, "ITEM_NUMBER_NOT_POSITIVE"),
        ("governance_time", {"met_on": "2026-12-01"}, "MET_ON_IN_FUTURE"),
        ("support_roles", {"hours_used": "41"}, "HOURS_USED_OVER_ROSTERED"),
        ("support_roles", {"hours_used": "-1"}, "HOURS_USED_NEGATIVE"),
        ("support_roles", {"held": "-1"}, "HELD_NEGATIVE"),
        ("support_roles", {"people": "-1"}, "PEOPLE_NEGATIVE"),
        ("support_roles", {"needed": "-1"}, "NEEDED_NEGATIVE"),
        ("support_roles", {"wte": "-0.5"}, "WTE_NEGATIVE"),
        ("support_roles", {"month": "2024-04-02"}, "MONTH_NOT_FIRST_DAY"),
        ("support_roles", {"month": "2026-12-01"}, "MONTH_IN_FUTURE"),
        ("compact_commitments", {"ended_on": "2023-03-31"}, "ENDED_BEFORE_AGREED"),
        ("compact_commitments", {"evidenced_on": "2023-03-31"}, "EVIDENCED_BEFORE_AGREED"),
        ("compact_commitments", {"evidenced_on": "2026-12-01"}, "EVIDENCED_ON_IN_FUTURE"),
        ("compact_commitments", {"agreed_on": "2026-12-01", "evidenced_on": ""}, "AGREED_ON_IN_FUTURE"),
        ("benefits", {"amount_low": "32001"}, "LOW_OVER_HIGH"),
        ("benefits", {"cost": "-1"}, "COST_NEGATIVE"),
        ("benefits", {"period_end": "2024-03-31"}, "PERIOD_ENDS_BEFORE_START"),
        (
            "benefits",
            {"stage": "validated", "period_start": "2026-12-01", "period_end": "2026-12-31"},
            "VALIDATED_BEFORE_PERIOD",
        ),
        ("ratings", {"published_on": "2024-01-19"}, "PUBLISHED_BEFORE_INSPECTED"),
        ("ratings", {"published_on": "2026-12-01"}, "PUBLISHED_IN_FUTURE"),
    )


def _cell_case(way: str, *cells: Cell) -> BadFile:
    write, first_line = FORMATS[way]
    extract = cells[0][0]
    planted = {at: (changes, code) for at, (_, changes, code) in zip(FAULTY_ROWS, cells, strict=False)}
    said = [
        f"{', '.join(f'{name}={value!r}' for name, value in changes.items())} {code}"
        for changes, code in planted.values()
    ]
    return BadFile(
        name=f"{way} {extract} {'; '.join(said)}",
        file_name=f"{extract}.{way}",
        make=lambda: write(extract, _with(extract, {at: changes for at, (changes, _) in planted.items()})),
        verdict="accepted",
        lines={first_line + at: code for at, (_, code) in planted.items()},
        columns={first_line + at: frozenset(changes) for at, (changes, _) in planted.items()},
    )


def _with(extract: str, changes: dict[int, Row]) -> list[Row]:
    rows = good_rows(extract)
    for at, changed in changes.items():
        rows[at] |= changed
    return rows


def _personal() -> Iterator[BadFile]:
    """Personal data in each free-text column: nothing of the file may be kept."""
    for contract in CONTRACTS.values():
        texts = [column.name for column in contract.columns if column.free_text]
        for at, column in enumerate(texts):
            what = list(PERSONAL)[at % len(PERSONAL)]
            yield _refused(contract.extract, what, {column: PERSONAL[what]})
    for what in PERSONAL:
        yield _refused("projects", f"only {what}", {"title": PERSONAL[what]})


def _refused(extract: str, what: str, changes: Row) -> BadFile:
    return BadFile(
        name=f"{what} in {extract}.{', '.join(changes)}",
        file_name=f"{extract}.csv",
        make=lambda: as_csv(_with(extract, {FAULTY_ROW: changes})),
        verdict="refused",
        lines={},
        code="PERSONAL_DATA",
    )


# ---- Several rows ----------------------------------------------------------------------------------------


def _several_rows() -> Iterator[BadFile]:
    for at, contract in enumerate(CONTRACTS.values()):
        extract, way = contract.extract, list(FORMATS)[at % len(FORMATS)]
        write, first = FORMATS[way]

        def twice(extract: str = extract, write: Callable = write) -> bytes:
            rows = good_rows(extract)
            return write(extract, [*rows, dict(rows[1])])

        yield BadFile(
            f"{way} {extract} the same row twice",
            f"{extract}.{way}",
            twice,
            "accepted",
            {first + len(good_rows(extract)): "DUPLICATE_ROW"},
        )
    for extract, change in (
        ("measure_points", {"numerator": "1"}),
        ("targets", {"target": "1"}),
        ("projects", {"title": "Another title"}),
        ("units", {"unit_name": "Another name"}),
    ):

        def contradicting(extract: str = extract, change: Row = change) -> bytes:
            rows = good_rows(extract)
            return as_csv([*rows, rows[1] | change])

        lines = {3: "DUPLICATE_KEY", 2 + len(good_rows(extract)): "DUPLICATE_KEY"}
        yield BadFile(f"{extract} a key twice", f"{extract}.csv", contradicting, "accepted", lines)

    def most() -> bytes:
        rows = good_rows("targets")
        return as_csv([row | ({"target": "many"} if at else {}) for at, row in enumerate(rows)])

    yield BadFile("most rows unreadable", "targets.csv", most, "refused", {}, "QUARANTINE_SHARE")


# ---- Text that is not quite CSV --------------------------------------------------------------------------


def _lines_of_text() -> Iterator[BadFile]:
    def changed(change: Callable[[list[str]], list[str]]) -> Callable[[], bytes]:
        def make() -> bytes:
            return "".join(change(as_csv(good_rows("targets")).decode().splitlines(keepends=True))).encode()

        return make

    def line(number: int, change: Callable[[str], str]) -> Callable[[list[str]], list[str]]:
        return lambda lines: [*lines[: number - 1], change(lines[number - 1]), *lines[number:]]

    malformed = {5: "ROW_MALFORMED"}
    for name, change in {
        "a field too many": line(5, lambda text: text.replace("\n", ",extra\n")),
        "fields missing": line(5, lambda text: text.split(",")[0] + "\n"),
        "an unquoted comma": line(5, lambda text: text.replace("2024\n", "2024, revised\n")),
    }.items():
        yield BadFile(f"csv with {name}", "targets.csv", changed(change), "accepted", malformed)
    unreadable = line(5, lambda text: re.sub(r",9\d,", ",many,", text))
    for name, change, number in (
        ("after a blank line", lambda lines: [*lines[:2], "\n", *unreadable(lines)[2:]], 6),
        (
            "after a cell of two lines",
            lambda lines: line(
                2, lambda text: text.replace("Local falls", '"Local\nfalls').replace("2024\n", '2024"\n')
            )(unreadable(lines)),
            6,
        ),
        (
            "with Windows line ends",
            lambda lines: [text.replace("\n", "\r\n") for text in unreadable(lines)],
            5,
        ),
        ("with another separator", lambda lines: [text.replace(",", "|") for text in unreadable(lines)], 5),
        ("below a title", lambda lines: ["Targets of the group\n", "\n", *unreadable(lines)], 7),
        ("with a byte order mark", lambda lines: ["\ufeff", *unreadable(lines)], 5),
        ("with its header in capitals", lambda lines: [lines[0].upper(), *unreadable(lines)[1:]], 5),
        (
            "without a last line end",
            lambda lines: [*unreadable(lines)[:-1], unreadable(lines)[-1].strip()],
            5,
        ),
    ):
        yield BadFile(
            f"an unreadable number {name}",
            "targets.csv",
            changed(change),
            "accepted",
            {number: "TARGET_UNREADABLE"},
        )


# ---- The file as such ------------------------------------------------------------------------------------


def _files() -> Iterator[BadFile]:
    good = as_csv(good_rows("targets"))
    header, _, body = good.partition(b"\n")

    def refused(
        name: str, content: Callable[[], bytes], code: str, file_name: str = "targets.csv"
    ) -> BadFile:
        return BadFile(name, file_name, content, "refused", {}, code)

    yield refused("nothing in it", lambda: b"", "EMPTY_FILE")
    yield refused("a header and no rows", lambda: header + b"\n", "NO_ROWS")
    yield refused(
        "a quote that never ends", lambda: good.replace(b"Local", b'"Local', 1), "UNTERMINATED_QUOTE"
    )
    yield refused("a NUL byte", lambda: good.replace(b"Local", b"Lo\x00cal", 1), "NUL_BYTE")
    yield refused("a column twice", lambda: good.replace(b"basis", b"target", 1), "DUPLICATE_COLUMN")
    yield refused(
        "a required column missing", lambda: good.replace(b"valid_from", b"from", 1), "COLUMN_MISSING"
    )
    yield refused("a workbook called CSV", lambda: as_xlsx(good_rows("targets")), "NOT_TEXT")
    yield refused("a zip called CSV", lambda: zipped({"targets.csv": good}), "NOT_TEXT")
    yield refused("text called Parquet", lambda: good, "NOT_PARQUET", "targets.parquet")
    yield refused(
        "Parquet cut short", lambda: as_parquet(good_rows("targets"))[:-9], "NOT_PARQUET", "targets.parquet"
    )
    yield refused(
        "Parquet damaged at its end",
        lambda: as_parquet(good_rows("targets"))[:-30] + b"0" * 30,
        "NOT_PARQUET",
        "targets.parquet",
    )
    yield refused(
        "Parquet without a column",
        lambda: as_parquet(
            [{k: v for k, v in row.items() if k != "valid_from"} for row in good_rows("targets")]
        ),
        "COLUMN_MISSING",
        "targets.parquet",
    )
    yield refused("text called a workbook", lambda: good, "", "targets.xlsx")
    yield refused("a workbook cut short", lambda: as_xlsx(good_rows("targets"))[:-40], "", "targets.xlsx")

    def unknown(name: str, file_name: str, content: Callable[[], bytes], words: str) -> BadFile:
        return BadFile(name, file_name, content, "unrecognised", {}, words=words)

    yield unknown("an ending nobody reads", "targets.docx", lambda: good, "'.docx' are not read")
    yield unknown("no ending", "targets", lambda: good, "are not read")
    yield unknown(
        "a name nobody knows", "numbers.csv", lambda: b"a,b\n1,2\n", "No mapping has this file name"
    )
    yield unknown("a good file by another name", "numbers.csv", lambda: good, "the file name does not")
    yield unknown("another header", "targets.csv", lambda: b"x,y\n" + body, "columns are missing")
    yield unknown("no header", "targets.csv", lambda: body, "columns are missing")


def _packed() -> Iterator[BadFile]:
    good = as_csv(good_rows("targets"))
    packed = zipped({"targets.csv": good})

    def case(name: str, file_name: str, content: Callable[[], bytes], words: str) -> BadFile:
        return BadFile(name, file_name, content, "not loaded", {}, words=words)

    yield case("a zip of nothing", "targets.zip", lambda: zipped({}), "holds 0 tables")
    yield case(
        "a zip of two tables", "targets.zip", lambda: zipped({"a.csv": good, "b.csv": good}), "2 tables"
    )
    yield case("a zip of a letter", "targets.zip", lambda: zipped({"letter.docx": b"x"}), "0 tables")
    yield case("a zip in a zip", "targets.zip", lambda: zipped({"targets.zip": packed}), "")
    yield case("a zip cut short", "targets.zip", lambda: packed[:-30], "damaged")
    yield case("text called zip", "targets.zip", lambda: good, "damaged")
    yield case("a zip with a wrong checksum", "targets.zip", lambda: _spoilt(packed), "damaged")
    yield case("a gzip cut short", "targets.csv.gz", lambda: gzip.compress(good)[:-20], "damaged")
    yield case("text called gzip", "targets.csv.gz", lambda: good, "damaged")
    yield case(
        "a gzip with a wrong checksum",
        "targets.csv.gz",
        lambda: gzip.compress(good)[:-8] + b"\0" * 8,
        "damaged",
    )


def _spoilt(packed: bytes) -> bytes:
    at = packed.index(b"targets.csv") + len("targets.csv") + 10
    return packed[:at] + bytes([packed[at] ^ 0xFF]) + packed[at + 1 :]
