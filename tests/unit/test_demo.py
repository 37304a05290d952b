"""The synthetic organisation: the same every time, whole where it is clean, faulty where it says so."""

import csv
import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.demo import parameters as planted
from pipelines.demo.columns import COLUMNS
from pipelines.demo.generate import MARK, UNFINISHED, DemoSummary, InboxNotEmpty, generate
from pipelines.demo.measures import project_measures
from pipelines.demo.organisation import LATE_CODE, MERGED_CODE, SILENCED_CODE, make_units
from pipelines.demo.planting import Dirt
from pipelines.demo.project_series import project_series
from pipelines.demo.projects import Project, make_projects
from pipelines.demo.timeline import make_timeline, months, weeks
from pipelines.demo.ward_history import plan_ward_history, ward_tables
from pipelines.extracts.contract import Contract, load_contracts
from pipelines.intake.inbox import SYNTHETIC_MARK
from pipelines.settings import CONTRACTS

END = date(2026, 11, 21)
FAULTS = {
    "backdated_points",
    "course_ends_before_it_begins",
    "cumulative_file",
    "duplicate_project_ids",
    "duplicate_rows",
    "evidence_from_the_future",
    "future_period",
    "held_on_no_day",
    "late_older_edition",
    "level_spelling",
    "measure_arrives_late",
    "measure_never_arrives",
    "method_spelling",
    "minutes_as_a_time",
    "missing_column",
    "more_agree_than_answer",
    "more_hours_used_than_rostered",
    "more_sick_than_available",
    "numerator_over_denominator",
    "organisation_arrives_late",
    "organisation_stops",
    "outside_measure_life",
    "project_arrives_late",
    "ragged_rows",
    "range_upside_down",
    "rating_twice",
    "receiver_nobody_knows",
    "repeated_file",
    "staff_group_total",
    "status_spelling",
    "stray_column",
    "suppression_tokens",
    "survey_suppression",
    "total_rows",
    "unit_names_itself",
    "unreadable_date",
    "unreadable_number",
    "unrecognised_file",
    "vacant_with_holder",
    "withdrawn_points",
}

TOLD = (
    "maturity_assessments",
    "training",
    "survey_results",
    "workforce_months",
    "leadership_posts",
    "collaboration_ties",
    "experience_events",
    "governance_time",
    "support_roles",
    "compact_commitments",
    "benefits",
    "ratings",
)
"""Extracts on maturity, culture and outcomes."""

Rows = dict[int, dict[str, str]]


def make_small(inbox: Path, end: date = END, **more: Any) -> DemoSummary:
    return generate(inbox, **{"end": end, "projects": 60, "years": 3, **more})


@dataclass(frozen=True)
class Demo:
    """A demo on disk, read back. `rows`: by path and line number, faulty ones included."""

    inbox: Path
    summary: DemoSummary
    rows: dict[str, Rows]
    headers: dict[str, list[str]]

    def fault(self, name: str) -> Dirt:
        return next(dirt for dirt in self.summary.dirt if dirt.name == name)

    def faulty_rows(self, name: str) -> list[dict[str, str]]:
        dirt = self.fault(name)
        return [self.rows[dirt.file][line] for line in dirt.lines]

    def clean_rows(self, extract: str) -> list[tuple[str, dict[str, str]]]:
        """Folder and row of every row that no fault concerns, in order of delivery."""
        kept_out = ("quarantined", "refused", "repeated")
        spoilt = {
            (dirt.file, line) for dirt in self.summary.dirt if dirt.verdict in kept_out for line in dirt.lines
        }
        whole = {dirt.file for dirt in self.summary.dirt if dirt.verdict in kept_out and dirt.is_whole_file}
        return [
            (path.split("/")[0], row)
            for path, rows in sorted(self.rows.items())
            if extract_of(path) == extract and path not in whole
            for line, row in rows.items()
            if (path, line) not in spoilt
        ]


def extract_of(path: str) -> str:
    name = path.split("/")[1]
    return max((extract for extract in COLUMNS if name.startswith(f"{extract}_")), key=len)


def read_back(inbox: Path, summary: DemoSummary) -> Demo:
    rows: dict[str, Rows] = {}
    headers: dict[str, list[str]] = {}
    for path in sorted(inbox.glob("*/*.csv")):
        key = path.relative_to(inbox).as_posix()
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows[key] = dict(enumerate(reader, start=2))
            headers[key] = list(reader.fieldnames or [])
    return Demo(inbox, summary, rows, headers)


def hashes(inbox: Path) -> dict[str, str]:
    return {
        path.relative_to(inbox).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(inbox.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo in its default size."""
    inbox = tmp_path_factory.mktemp("demo") / "inbox"
    return read_back(inbox, generate(inbox, end=END))


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(CONTRACTS)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_small(tmp_path / name, points=60_000, file_format="parquet")
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    make_small(tmp_path / "other", seed=1, points=60_000, file_format="parquet")
    assert hashes(tmp_path / "one") != hashes(tmp_path / "other")


def test_no_dictionary_holds_a_value_twice() -> None:
    """Arrow fills gaps of such a column with memory it never set, so the same rows become other bytes."""
    timeline = make_timeline(END, 3)
    _, table = next(ward_tables(plan_ward_history(1, timeline, make_units(1), 60_000)))
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            values = column.chunk(0).dictionary.to_pylist()
            assert len(values) == len(set(values))


def test_an_inbox_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("a\n", encoding="utf-8")
    with pytest.raises(InboxNotEmpty, match=r"real\.csv"):
        make_small(tmp_path)
    assert hashes(tmp_path).keys() == {"real.csv"}


def test_what_an_interrupted_making_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / UNFINISHED).mkdir()
    (tmp_path / UNFINISHED / "half.csv").write_text("a\n", encoding="utf-8")
    summary = make_small(tmp_path)
    assert not (tmp_path / UNFINISHED).exists()
    assert set(hashes(tmp_path)) == {MARK, *(file.path for file in summary.files)}


@pytest.mark.parametrize("wrong", [{"projects": 0}, {"years": 0}, {"points": 10**10}])
def test_sizes_that_cannot_be_made_are_said_so(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"at least one|at most"):
        make_small(tmp_path, **wrong)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    make_small(tmp_path, progress=told.append)
    assert len(told) >= 4


def test_the_inbox_is_marked_as_the_nightly_run_expects(demo: Demo) -> None:
    assert MARK == SYNTHETIC_MARK
    assert "synthetic" in (demo.inbox / MARK).read_text(encoding="utf-8")


def test_default_size(demo: Demo) -> None:
    assert demo.summary.projects == 500
    assert 100_000 <= demo.summary.points <= 150_000
    assert demo.summary.size_bytes < 20_000_000
    assert len({row["project_id"] for _, row in demo.clean_rows("projects")}) == 500
    for file in demo.summary.files:
        assert (demo.inbox / file.path).stat().st_size == file.size_bytes
        if file.rows is not None:
            assert len(demo.rows[file.path]) == file.rows


def test_folders_are_the_days_of_delivery(demo: Demo) -> None:
    folders = sorted(path.name for path in demo.inbox.iterdir() if path.is_dir())
    assert folders == [
        "2026-08-31",
        "2026-09-30",
        "2026-10-31",
        "2026-11-07",
        "2026-11-14",
        "2026-11-21",
    ]


@pytest.mark.parametrize(
    "end", [date(2024, 2, 29), date(2026, 1, 15), date(2026, 3, 1), date(2025, 12, 31), date(2023, 7, 31)]
)
def test_any_day_can_be_the_last(tmp_path: Path, end: date) -> None:
    summary = make_small(tmp_path, end)
    days = summary.timeline.deliveries
    assert len(set(days)) == 6
    assert list(days) == sorted(days)
    assert days[-1] == end
    assert {dirt.name for dirt in summary.dirt} == FAULTS


def test_the_columns_are_those_of_the_contracts(contracts: dict[str, Contract]) -> None:
    assert set(COLUMNS) <= set(contracts)
    for extract, names in COLUMNS.items():
        known = {column.name: column for column in contracts[extract].columns}
        assert set(names) <= set(known), extract
        assert {name for name, column in known.items() if column.required} <= set(names), extract


def test_files_have_the_agreed_columns(demo: Demo) -> None:
    spoilt = {demo.fault("stray_column").file, demo.fault("missing_column").file}
    for path, header in demo.headers.items():
        if path not in spoilt:
            assert header == list(COLUMNS[extract_of(path)]), path


def test_files_are_plain_csv(demo: Demo) -> None:
    for path in demo.inbox.glob("*/*.csv"):
        content = path.read_bytes()
        content.decode("utf-8")
        assert b"\r" not in content
        assert content.endswith(b"\n")
        assert not content.startswith(b"\xef\xbb\xbf")


def test_clean_cells_keep_to_the_contracts(demo: Demo, contracts: dict[str, Contract]) -> None:
    suppressed = [
        id(row) for name in ("suppression_tokens", "survey_suppression") for row in demo.faulty_rows(name)
    ]
    for extract, names in COLUMNS.items():
        columns = [column for column in contracts[extract].columns if column.name in names]
        for _, row in demo.clean_rows(extract):
            for column in columns:
                text = row[column.name]
                assert text or not column.required, (extract, column.name)
                assert not text or not column.allowed or text in column.allowed, (extract, text)
                if text and column.type == "date":
                    date.fromisoformat(text)
                if text and column.type in ("number", "integer") and id(row) not in suppressed:
                    assert re.fullmatch(r"-?\d+(\.\d{1,2})?", text), (extract, text)


def test_everything_referred_to_has_arrived(demo: Demo) -> None:
    """No clean row refers to something that a later delivery brings."""
    arrived = {
        extract: first_arrivals(demo, extract, key)
        for extract, key in {
            "organisations": ("organisation_code",),
            "units": ("organisation_code", "unit_code"),
            "projects": ("project_id",),
            "measures": ("measure_id",),
        }.items()
    }
    references = [
        ("units", "organisations", ("organisation_code",)),
        ("projects", "organisations", ("organisation_code",)),
        ("projects", "units", ("organisation_code", "unit_code")),
        ("project_members", "projects", ("project_id",)),
        ("pdsa_cycles", "projects", ("project_id",)),
        ("pdsa_cycles", "measures", ("measure_id",)),
        ("spread_links", "projects", ("parent_project_id",)),
        ("spread_links", "projects", ("child_project_id",)),
        ("measures", "projects", ("project_id",)),
        *(
            (extract, parent, key)
            for extract in ("measure_points", "measure_events")
            for parent, key in (
                ("measures", ("measure_id",)),
                ("organisations", ("organisation_code",)),
                ("units", ("organisation_code", "unit_code")),
            )
        ),
        ("targets", "measures", ("measure_id",)),
        ("targets", "organisations", ("organisation_code",)),
        *(
            (extract, "units", ("organisation_code", "unit_code"))
            for extract in TOLD
            if extract not in ("governance_time", "ratings", "benefits")
        ),
        *((extract, "organisations", ("organisation_code",)) for extract in TOLD if extract != "benefits"),
        ("experience_events", "projects", ("project_id",)),
        ("benefits", "projects", ("project_id",)),
        ("benefits", "measures", ("measure_id",)),
    ]
    for extract, parent, names in references:
        for folder, row in demo.clean_rows(extract):
            key = tuple(row[name] for name in names)
            if all(key):
                assert arrived[parent][key] <= folder, (extract, parent, key)


def first_arrivals(demo: Demo, extract: str, names: tuple[str, ...]) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for folder, row in demo.clean_rows(extract):
        found.setdefault(tuple(row[name] for name in names), folder)
    return found


def test_keys_are_unique_within_a_file(demo: Demo, contracts: dict[str, Contract]) -> None:
    faulty = {(dirt.file, line) for dirt in demo.summary.dirt for line in dirt.lines}
    whole = {demo.fault("missing_column").file}
    for path, rows in demo.rows.items():
        grain = contracts[extract_of(path)].grain
        keys = [
            tuple(row[k] for k in grain)
            for n, row in rows.items()
            if (path, n) not in faulty and path not in whole
        ]
        assert len(keys) == len(set(keys)), path


def test_nothing_is_known_before_its_day(demo: Demo) -> None:
    names = {
        "projects": ("closed_on", "started_on", "progress_scored_on", "involvement_recorded_on"),
        "pdsa_cycles": ("started_on", "studied_on", "completed_on"),
        "project_members": ("joined_on", "left_on"),
        "spread_links": ("adopted_on",),
        "measure_points": ("period_end", "published_on"),
        "measure_events": ("period_start",),
        "targets": ("valid_from",),
        "maturity_assessments": ("assessed_on",),
        "training": ("completed_on",),
        "survey_results": ("period_end",),
        "workforce_months": ("month",),
        "leadership_posts": ("started_on", "ended_on"),
        "collaboration_ties": ("surveyed_on",),
        "experience_events": ("held_on",),
        "governance_time": ("met_on",),
        "support_roles": ("month",),
        "compact_commitments": ("agreed_on", "evidenced_on", "reviewed_on"),
        "benefits": ("stated_on",),
        "ratings": ("published_on",),
    }
    for extract, columns in names.items():
        for folder, row in demo.clean_rows(extract):
            for column in columns:
                assert row[column] <= folder, (extract, column, row)


def test_points_lie_within_the_life_of_their_measure(demo: Demo) -> None:
    life = {
        row["measure_id"]: (row["starts_on"], row["ends_on"] or "9999")
        for _, row in demo.clean_rows("measures")
    }
    for _, row in demo.clean_rows("measure_points"):
        starts_on, ends_on = life[row["measure_id"]]
        assert starts_on <= row["period_start"] <= row["period_end"] <= ends_on


def test_no_numerator_is_over_its_denominator_but_the_planted_one(demo: Demo) -> None:
    for _, row in demo.clean_rows("measure_points"):
        if row["numerator"] not in ("", "*"):
            assert 0 <= int(row["numerator"]) <= int(row["denominator"])
    (row,) = demo.faulty_rows("numerator_over_denominator")
    assert int(row["numerator"]) > int(row["denominator"])


def test_all_is_the_sum_of_the_quintiles(demo: Demo) -> None:
    groups: dict[tuple[str, ...], dict[str, tuple[str, str]]] = defaultdict(dict)
    names = ("measure_id", "organisation_code", "unit_code", "period_start", "edition", "published_on")
    for _, row in demo.clean_rows("measure_points"):
        groups[tuple(row[name] for name in names)][row["stratum"]] = (row["numerator"], row["denominator"])
    checked = 0
    for strata in groups.values():
        quintiles = [parts for stratum, parts in strata.items() if stratum != "all"]
        if quintiles and "*" not in (numerator for numerator, _ in quintiles):
            assert len(quintiles) == 5
            for place in (0, 1):
                assert int(strata["all"][place]) == sum(int(parts[place]) for parts in quintiles)
            checked += 1
    assert checked > 2_000


def test_every_kind_of_point_is_there(demo: Demo) -> None:
    measures = {row["measure_id"]: row for _, row in demo.clean_rows("measures")}
    assert {row["family"] for row in measures.values()} == {"outcome", "process", "balancing"}
    assert {row["frequency"] for row in measures.values()} == {"week", "month", "event"}
    assert {row["chart_type"] for row in measures.values()} >= {"auto", "p", "u", "c", "t", "xbar"}
    events = {row["event"] for _, row in demo.clean_rows("measure_events")}
    assert events == {"rebase", "freeze", "exclude", "annotate"}
    editions = {row["edition"] for _, row in demo.clean_rows("measure_points")}
    assert editions == {"", "original", "provisional", "revised", "withdrawn"}
    assert any(not row["target"] for _, row in demo.clean_rows("targets"))
    assert any(row["subgroup_sd"] for _, row in demo.clean_rows("measure_points"))


def test_the_register_changes(demo: Demo) -> None:
    names: dict[str, set[str]] = defaultdict(set)
    closed: dict[str, str] = {}
    for _, row in demo.clean_rows("organisations"):
        assert row["organisation_name"].endswith("(synthetic)")
        assert re.fullmatch(r"ZZ[A-Z]", row["organisation_code"])
        names[row["organisation_code"]].add(row["organisation_name"])
        closed[row["organisation_code"]] = row["closed_on"]
    assert [code for code, known in names.items() if len(known) > 1] == ["ZZC"]
    assert [code for code, day in closed.items() if day] == [MERGED_CODE]
    definitions: dict[str, set[str]] = defaultdict(set)
    for _, row in demo.clean_rows("measures"):
        definitions[row["measure_id"]].add(row["definition"])
    assert [code for code, known in definitions.items() if len(known) > 1] == ["ORG-READMIT"]
    statuses: dict[str, set[str]] = defaultdict(set)
    for _, row in demo.clean_rows("projects"):
        statuses[row["project_id"]].add(row["status"])
    assert sum(len(known) > 1 for known in statuses.values()) >= 10


def test_revised_points_follow_provisional_ones(demo: Demo) -> None:
    published: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for _, row in demo.clean_rows("measure_points"):
        if row["edition"] in ("provisional", "revised"):
            key = tuple(row[name] for name in ("measure_id", "organisation_code", "stratum", "period_start"))
            published[key][row["edition"]] = row["published_on"]
    both = [editions for editions in published.values() if len(editions) == 2]
    assert len(both) > 1_000
    assert all(editions["provisional"] < editions["revised"] for editions in both)


def test_every_fault_is_planted(demo: Demo) -> None:
    assert {dirt.name for dirt in demo.summary.dirt} == FAULTS
    text = (demo.inbox / MARK).read_text(encoding="utf-8")
    for dirt in demo.summary.dirt:
        assert dirt.name in text
        assert dirt.file in text
        if dirt.released_by:
            assert (demo.inbox / dirt.released_by).exists()
            assert dirt.released_by > dirt.file
        assert dirt.is_whole_file or dirt.lines


def test_faults_are_rare(demo: Demo) -> None:
    lines: dict[str, int] = defaultdict(int)
    for dirt in demo.summary.dirt:
        if dirt.verdict == "quarantined":
            lines[dirt.file] += len(dirt.lines)
    for path, faulty in lines.items():
        assert faulty < 0.2 * len(demo.rows[path]), path


def test_faulty_cells_are_where_the_manifest_says(demo: Demo) -> None:
    totals = {row["organisation_code"] for row in demo.faulty_rows("total_rows")}
    assert totals == {"TOTAL", "Total", "Total "}
    tokens = [row["numerator"] or row["value"] for row in demo.faulty_rows("suppression_tokens")]
    assert sorted(tokens) == sorted(["*"] * 4 + ["-", "Not Available"])
    assert [row["period_start"][-5:] for row in demo.faulty_rows("unreadable_date")] == ["02-30"]
    assert all("," in row["value"] for row in demo.faulty_rows("unreadable_number"))
    assert all(row["period_start"] > "2027" for row in demo.faulty_rows("future_period"))
    assert [row["status"] for row in demo.faulty_rows("status_spelling")] == ["Complete"]
    assert {row["edition"] for row in demo.faulty_rows("withdrawn_points")} == {"withdrawn"}
    assert {row["organisation_code"] for row in demo.faulty_rows("organisation_arrives_late")} == {LATE_CODE}
    twins = demo.faulty_rows("duplicate_project_ids")
    assert len(twins) == 2
    assert twins[0]["project_id"] == twins[1]["project_id"]
    assert twins[0] != twins[1]


def test_duplicate_rows_stand_below_their_twins(demo: Demo) -> None:
    dirt = demo.fault("duplicate_rows")
    rows = demo.rows[dirt.file]
    assert len(dirt.lines) == 2
    assert all(rows[line] == rows[line - 1] for line in dirt.lines)


def test_ragged_rows_have_another_width(demo: Demo) -> None:
    dirt = demo.fault("ragged_rows")
    lines = (demo.inbox / dirt.file).read_text(encoding="utf-8").split("\n")
    width = lines[0].count(",")
    ragged = [number for number, line in enumerate(lines, start=1) if line and line.count(",") != width]
    assert ragged == sorted(dirt.lines)


def test_whole_files_are_faulty_as_said(demo: Demo) -> None:
    assert "valid_from" not in demo.headers[demo.fault("missing_column").file]
    assert demo.headers[demo.fault("stray_column").file][-1] == "a"
    repeated = demo.fault("repeated_file")
    twins = [path for path, value in hashes(demo.inbox).items() if value == hashes(demo.inbox)[repeated.file]]
    assert len(twins) == 2
    assert (demo.inbox / demo.fault("unrecognised_file").file).suffix == ".txt"


def test_a_late_older_edition_was_published_before_the_revised_one(demo: Demo) -> None:
    dirt = demo.fault("late_older_edition")
    revised = {
        (row["measure_id"], row["organisation_code"], row["period_start"]): (folder, row)
        for folder, row in demo.clean_rows("measure_points")
        if row["edition"] == "revised" and row["stratum"] == "all"
    }
    rows = demo.faulty_rows("late_older_edition")
    assert rows
    for row in rows:
        folder, newer = revised[(row["measure_id"], row["organisation_code"], row["period_start"])]
        assert row["published_on"] < newer["published_on"] <= folder < dirt.file
        assert row["numerator"] != newer["numerator"]


def test_the_cumulative_file_repeats_known_numbers(demo: Demo) -> None:
    path = demo.fault("cumulative_file").file
    known = {
        tuple(map(str, row.values()))
        for other, rows in demo.rows.items()
        if other < path
        for row in rows.values()
    }
    assert all(tuple(map(str, row.values())) in known for row in demo.rows[path].values())


def test_backdated_points_were_missing_before(demo: Demo) -> None:
    first = demo.summary.timeline.deliveries[0].isoformat()
    rows = demo.faulty_rows("backdated_points")
    assert rows
    assert all(row["period_end"] < first for row in rows)


def test_one_organisation_falls_silent(demo: Demo) -> None:
    start = demo.fault("organisation_stops").file
    senders = {
        folder >= start: {
            row["organisation_code"] for f, row in demo.clean_rows("measure_points") if f == folder
        }
        for folder in (demo.summary.timeline.deliveries[0].isoformat(), start)
    }
    assert SILENCED_CODE in senders[False]
    late = {row["organisation_code"] for f, row in demo.clean_rows("measure_points") if f >= start}
    assert SILENCED_CODE not in late
    assert {"ZZA", "ZZB", "ZZC", "ZZM"} <= late


def test_no_text_looks_like_personal_data(demo: Demo) -> None:
    patterns = {
        "NHS number": r"(?<![\d.])\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)",
        "e-mail": r"@",
        "telephone": r"(?<!\d)(\+44|0)\s?\d{3,4}[\s-]?\d{3}",
        "postcode": r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b",
        "title": r"\b(Mr|Mrs|Ms|Miss|Dr|Prof)\b",
        "birth": r"(?i)\bborn\b|date of birth",
    }
    for path in sorted(demo.inbox.rglob("*")):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            for name, pattern in patterns.items():
                found = re.search(pattern, text)
                assert found is None, (path.name, name, found)


def test_people_are_identifiers(demo: Demo) -> None:
    for _, row in demo.clean_rows("project_members"):
        assert re.fullmatch(r"(STAFF|PARTNER)-\d{6}", row["person_id"])
        assert row["person_id"].startswith("PARTNER") == (row["role"] == "patient_partner")
    for extract, names in {
        "projects": ("coach_id", "sponsor_id"),
        "training": ("person_id",),
        "leadership_posts": ("holder_id",),
    }.items():
        for _, row in demo.clean_rows(extract):
            assert all(re.fullmatch(r"(STAFF-\d{6})?", row[name]) for name in names)


def test_ward_histories_fill_up_to_the_size_asked_for(tmp_path: Path) -> None:
    summary = make_small(tmp_path, points=400_000, file_format="parquet")
    assert 400_000 <= summary.points < 401_000
    bulk = sorted(tmp_path.glob("*/measure_points_ward_history_*.parquet"))
    assert {path.parent.name for path in bulk} == {day.isoformat() for day in summary.timeline.deliveries}
    table = pa.concat_tables([pq.read_table(path) for path in bulk])
    assert pq.read_schema(bulk[0]).field("measure_id").type == pa.string()
    parts = table.to_pandas()
    grain = ["measure_id", "unit_code", "stratum", "period_start"]
    assert not parts.duplicated(grain).any()
    assert (parts["numerator"] <= parts["denominator"]).all()
    sums = parts.assign(is_all=parts["stratum"] == "all").groupby([*grain[:2], "period_start", "is_all"])
    totals = sums[["numerator", "denominator"]].sum().unstack("is_all")
    assert (totals["numerator"][True] == totals["numerator"][False]).all()
    assert (totals["denominator"][True] == totals["denominator"][False]).all()
    for path in bulk:
        newest = max(pq.read_table(path, columns=["published_on"])["published_on"].to_pylist())
        assert newest <= date.fromisoformat(path.parent.name)


def test_the_planted_risk_ratio_can_be_found_again() -> None:
    """Mantel-Haenszel over method and type of organisation, coaches with time only, many projects."""
    timeline = make_timeline(END, 6)
    projects = make_projects(7, timeline, make_units(7), 12_000)
    done = [project for project in projects if project.course.fate == "completed"]
    ratio = stratified_risk_ratio(done, {p.project_id: p.involvement.level for p in done})
    assert ratio == pytest.approx(planted.INVOLVEMENT_RISK_RATIO["big_i"], rel=0.10)
    renamed = {p.project_id: "big_i" if p.involvement.renamed_on else p.involvement.level for p in done}
    assert stratified_risk_ratio(done, renamed) > ratio + 0.15


def stratified_risk_ratio(projects: list[Project], involvement: dict[str, str]) -> float:
    counts: dict[tuple[str, str], np.ndarray] = defaultdict(lambda: np.zeros(4))
    for project in projects:
        level = involvement[project.project_id]
        if level != "little_i":
            is_met = project.result.outcome == "met"
            counts[(project.method, project.unit.organisation.type)] += (
                [is_met, 1, 0, 0] if level == "big_i" else [0, 0, is_met, 1]
            )
    table = np.array([cell for cell in counts.values() if cell[1] and cell[3]])
    met, cases, other_met, others = table.T
    both = cases + others
    return float((met * others / both).sum() / (other_met * cases / both).sum())


def test_outcomes_follow_the_measures() -> None:
    """Projects that met their aim show most of the planned change in their outcome measure, others do not."""
    timeline = make_timeline(END, 6)
    shown: dict[str, list[float]] = defaultdict(list)
    for project in make_projects(3, timeline, make_units(3), 500):
        if project.course.fate == "completed" and project.course.ends_on:
            share = shown_change(3, timeline, project)
            if share is not None:
                shown[project.result.outcome].append(share)
    middle = {outcome: float(np.median(shares)) for outcome, shares in shown.items()}
    assert middle["met"] > 0.85
    assert 0.3 < middle["partly_met"] < 0.75
    assert abs(middle["not_met"]) < 0.2


def shown_change(seed: int, timeline, project: Project) -> float | None:
    """Share of the planned change between baseline and the last 120 days of the project."""
    for measure in project_measures(seed, timeline, project):
        if measure.family != "outcome" or measure.spec.kind == "days_between":
            continue
        one = project_series(seed, measure, project)[0]
        value = one.readings.value if one.readings.value is not None else one.readings.subgroup_mean
        if value is None:
            numerator, denominator = one.readings.parts()
            value = numerator / denominator * measure.spec.multiplier
        before = one.periods.end < np.datetime64(project.course.started_on)
        ends_on = project.course.ends_on or timeline.end
        late = (one.periods.start >= np.datetime64(ends_on - timedelta(days=120))) & (
            one.periods.start <= np.datetime64(ends_on)
        )
        if before.sum() >= 5 and late.sum() >= 3:
            moved = value[late].mean() - value[before].mean()
            return float(moved / (measure.spec.aim - measure.spec.base))
    return None


def test_some_places_have_no_improvement_work_and_some_coaches_too_much(demo: Demo) -> None:
    latest = {row["project_id"]: row for _, row in demo.clean_rows("projects")}
    units = {row["unit_code"] for _, row in demo.clean_rows("units") if row["unit_type"] != "directorate"}
    assert len(units) == 59
    assert 8 <= len(units - {row["unit_code"] for row in latest.values()}) <= 16
    load: dict[str, int] = defaultdict(int)
    for row in latest.values():
        if row["status"] == "active" and row["coach_id"]:
            load[row["coach_id"]] += 1
    assert max(load.values()) >= 10
    assert {row["status"] for row in latest.values()} == {
        "proposed",
        "active",
        "paused",
        "completed",
        "abandoned",
        "withdrawn",
    }


def test_some_active_projects_are_silent(demo: Demo) -> None:
    last_seen: dict[str, str] = defaultdict(str)
    owner = {row["measure_id"]: row["project_id"] for _, row in demo.clean_rows("measures")}
    for _, row in demo.clean_rows("measure_points"):
        project_id = owner[row["measure_id"]]
        last_seen[project_id] = max(last_seen[project_id], row["period_end"])
    for _, row in demo.clean_rows("pdsa_cycles"):
        days = (row["started_on"], row["studied_on"], row["completed_on"])
        last_seen[row["project_id"]] = max(last_seen[row["project_id"]], *days)
    latest = {row["project_id"]: row for _, row in demo.clean_rows("projects")}
    line = (END - timedelta(days=60)).isoformat()
    silent = [
        project_id
        for project_id, row in latest.items()
        if row["status"] == "active" and last_seen[project_id] < line and row["progress_scored_on"] < line
    ]
    assert 8 <= len(silent) <= 60


def test_periods_are_whole() -> None:
    span = months(date(2024, 1, 2), date(2024, 4, 29))
    assert span.start.astype(str).tolist() == ["2024-02-01", "2024-03-01"]
    assert span.end.astype(str).tolist() == ["2024-02-29", "2024-03-31"]
    span = weeks(date(2024, 1, 2), date(2024, 1, 21))
    assert span.start.astype(str).tolist() == ["2024-01-08", "2024-01-15"]
    assert span.end.astype(str).tolist() == ["2024-01-14", "2024-01-21"]
