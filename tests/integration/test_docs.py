"""The pages of `docs/` are true: what they show runs, and gives what they say it gives."""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent

import duckdb
import pyarrow as pa
import pytest
import yaml

from pipelines.extracts import vocabulary
from pipelines.extracts.contract import Contract, lake_schema, load_contracts
from pipelines.extracts.contract_columns import ColumnType
from pipelines.extracts.mapping import Mapping, load_mapping, load_mappings
from pipelines.extracts.periods_sql import first_day
from pipelines.extracts.read import Extracted, provided, read
from pipelines.extracts.readers.cells import literal
from pipelines.extracts.recognise import recognise
from pipelines.extracts.typing_sql import parsed
from pipelines.extracts.vocabulary import NAMED_FORMATS
from pipelines.extracts.yaml_text import compose, plain
from pipelines.gates.gate import judge
from pipelines.mart.cookbook import Question, read_questions, written
from pipelines.settings import CONTRACTS, PROJECT_ROOT
from tests.integration.conftest import Home

DOCS = PROJECT_ROOT / "docs"
COOKBOOK = (DOCS / "cookbook.md").read_text(encoding="utf-8")
ONBOARDING = (DOCS / "onboarding.md").read_text(encoding="utf-8")
PAGES = [PROJECT_ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
QUESTIONS = {int(question.title.split(".")[0]): question for question in read_questions()}

AS_OF = date(2026, 11, 21)

Row = dict[str, str]


def blocks(page: str, words: str) -> list[str]:
    """The fenced blocks of a kind, without the indent of the list they may stand in."""
    found = re.findall(rf"^( *)```{words}\n(.*?)^\1```$", page, re.MULTILINE | re.DOTALL)
    return [dedent(text) for _, text in found]


def mart_of(home: Home) -> Path:
    return home.path / "mart" / "qi_mart.duckdb"


# ---- Every page -----------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors that renderers of Markdown give a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        place = (page.parent / target) if target else page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), f"{target}#{anchor}"


@pytest.mark.parametrize(
    "name",
    ["README.md", "docs/cookbook.md", "docs/data_dictionary.md", "docs/extracts.md", "docs/spc_chance.md"],
)
def test_every_query_on_a_page_runs(demo_night, name):
    home, _ = demo_night
    queries = blocks((PROJECT_ROOT / name).read_text(encoding="utf-8"), "sql")
    assert queries
    for query in queries:
        assert home.ask(query), query


# ---- The cookbook ---------------------------------------------------------------------------------


def test_the_cookbook_is_what_the_command_writes(demo_night):
    home, _ = demo_night
    with duckdb.connect(str(mart_of(home)), read_only=True) as connection:
        assert written(COOKBOOK, read_questions(), connection) == COOKBOOK, (
            "`python -m pipelines.mart.cookbook MART_FILE` writes it anew"
        )


def test_a_mart_of_real_data_is_not_shown():
    with duckdb.connect() as connection:
        connection.execute("create schema ops")
        connection.execute("create table ops.fct_load as select false as is_synthetic")
        with pytest.raises(ValueError, match="not synthetic"):
            written(COOKBOOK, read_questions(), connection)


def test_the_questions_asked_for_are_there():
    assert list(QUESTIONS) == list(range(1, 27))


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda question: question.path.stem[:3])
def test_a_question_returns_the_columns_its_comment_promises(demo_night, question: Question):
    home, _ = demo_night
    rows = answers(home, question.sql)
    assert rows
    assert question.paragraphs[0].startswith("Read: ")
    assert question.paragraphs[1].startswith("Caveats: ")
    promised = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", question.paragraphs[0]))
    parameters = question.sql.partition("parameters as (")[2].split("\n),")[0]
    assert promised
    for name in promised - rows[0].keys():
        assert f" as {name}" in parameters, f"neither a column nor a parameter: {name}"


def answers(home: Home, sql: str) -> list[dict]:
    with duckdb.connect(str(mart_of(home)), read_only=True) as connection:
        return connection.sql(sql).to_arrow_table().to_pylist()


# ---- The answers, computed again from the delivered files -------------------------------------------


def delivered(home: Home, extract: str) -> Iterator[tuple[date, str, list[Row]]]:
    """Well-formed lines of every file of an extract, with its day and name, in the order of delivery."""
    for path in sorted((home.inbox / "demo").glob(f"*/{extract}_*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = [row for row in csv.DictReader(handle) if None not in row and None not in row.values()]
        yield date.fromisoformat(path.parent.name), path.name, rows


def latest(home: Home, extract: str, *key: str, known_on: date = AS_OF) -> dict[tuple[str, ...], Row]:
    """The last word on everything of a register; a key that stands twice in a file is not believed."""
    found: dict[tuple[str, ...], Row] = {}
    for day, _, rows in delivered(home, extract):
        times = Counter(tuple(row[name] for name in key) for row in rows)
        for row in rows:
            place = tuple(row[name] for name in key)
            if times[place] == 1 and day <= known_on:
                found[place] = row
    return found


def projects(home: Home) -> dict[str, Row]:
    allowed = ("proposed", "active", "paused", "completed", "abandoned", "withdrawn")
    found: dict[str, Row] = {}
    for _, _, rows in delivered(home, "projects"):
        times = Counter(row["project_id"] for row in rows)
        found |= {
            row["project_id"]: row
            for row in rows
            if times[row["project_id"]] == 1 and row["status"] in allowed
        }
    return found


def day_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def days_of(*texts: str) -> list[date]:
    return [day for text in texts if (day := day_of(text)) is not None]


def test_question_1_counts_the_active_projects_of_the_register(demo_night):
    home, _ = demo_night
    found = Counter()
    for row in answers(home, QUESTIONS[1].sql):
        found[(row["organisation_code"], row["progress_score"])] += row["active_projects"]
    assert found == Counter(
        (row["organisation_code"], float(row["progress_score"]) if row["progress_score"] else None)
        for row in projects(home).values()
        if row["status"] == "active"
    )


def test_question_2_lists_projects_whose_files_are_silent(demo_night):
    home, _ = demo_night
    happened: dict[str, list[date]] = defaultdict(list)
    for project, row in projects(home).items():
        happened[project] += days_of(row["progress_scored_on"])
    for row in latest(home, "pdsa_cycles", "cycle_id").values():
        happened[row["project_id"]] += days_of(row["started_on"], row["studied_on"], row["completed_on"])
    project_of = {
        measure: row["project_id"] for (measure,), row in latest(home, "measures", "measure_id").items()
    }
    for _, _, rows in delivered(home, "measure_points"):
        for row in rows:
            if project_of.get(row["measure_id"]) and day_of(row["period_start"]):
                happened[project_of[row["measure_id"]]] += days_of(row["period_end"] or row["period_start"])
    last = {
        project: max(min(day, AS_OF) for day in happened[project])
        for project, row in projects(home).items()
        if row["status"] == "active"
    }
    found = {row["project_id"]: row["last_activity_on"] for row in answers(home, QUESTIONS[2].sql)}
    assert found == {project: day for project, day in last.items() if AS_OF - day >= timedelta(days=60)}


def test_question_11_lists_units_of_the_register_without_a_project(demo_night):
    home, _ = demo_night
    units = {
        key: row
        for key, row in latest(home, "units", "organisation_code", "unit_code").items()
        if not row["closed_on"] or date.fromisoformat(row["closed_on"]) > AS_OF
    }
    has_work = set()
    for project in projects(home).values():
        place = (project["organisation_code"], project["unit_code"])
        while project["status"] == "active" and place in units:
            has_work.add(place)
            place = (place[0], units[place]["parent_unit_code"])
    found = {(row["organisation_code"], row["unit_code"]) for row in answers(home, QUESTIONS[11].sql)}
    assert has_work
    assert found == units.keys() - has_work


def test_question_14_counts_the_cycles_of_the_tracker(demo_night):
    home, _ = demo_night
    begun, mature = Counter(), Counter()
    known = projects(home)
    for row in latest(home, "pdsa_cycles", "cycle_id").values():
        started = day_of(row["started_on"])
        if started is not None and date(2025, 11, 21) <= started <= AS_OF:
            organisation = known[row["project_id"]]["organisation_code"]
            begun[organisation] += 1
            mature[organisation] += started <= AS_OF - timedelta(days=60)
    found_begun, found_mature = Counter(), Counter()
    for row in answers(home, QUESTIONS[14].sql):
        found_begun[row["organisation_code"]] += row["cycles_begun"]
        found_mature[row["organisation_code"]] += int(row["cycles_mature"])
    assert begun
    assert (found_begun, found_mature) == (begun, mature)


def test_question_21_shows_what_the_files_of_the_time_said(demo_night):
    home, _ = demo_night
    known_on = date(2026, 10, 20)
    sql, changed = re.subn(
        r"cast\(.* as date\) as known_on", f"date '{known_on}' as known_on", QUESTIONS[21].sql
    )
    assert changed == 1
    multipliers = {
        measure: float(row["multiplier"] or 1)
        for (measure,), row in latest(home, "measures", "measure_id").items()
    }
    then: dict[tuple, set[float]] = defaultdict(set)
    since: dict[tuple, set[float]] = defaultdict(set)
    for day, _, rows in delivered(home, "measure_points"):
        for row in rows:
            key = (row["measure_id"], row["organisation_code"], row["unit_code"], row["stratum"] or "all")
            try:
                multiplier = multipliers[row["measure_id"]]
                number = row["value"] or multiplier * float(row["numerator"]) / float(row["denominator"])
                (then if day <= known_on else since)[*key, row["period_start"]].add(round(float(number), 9))
            except (ValueError, KeyError, ZeroDivisionError):
                continue
    revised = [row for row in answers(home, sql) if row["outcome"] == "revised"]
    assert len(revised) > 10
    for row in revised:
        key = (
            row["measure_id"],
            row["organisation_code"],
            row["unit_code"] or "",
            row["stratum"],
            str(row["period_start"]),
        )
        assert round(row["reported_value"], 9) in then[key]
        assert round(row["current_value"], 9) in since[key]


def test_question_22_names_the_measures_whose_definition_changed(demo_night):
    home, _ = demo_night
    versions: dict[str, list[Row]] = defaultdict(list)
    for _, _, rows in delivered(home, "measures"):
        for row in rows:
            if row not in versions[row["measure_id"]]:
                versions[row["measure_id"]].append(row)
    changed = {measure for measure, rows in versions.items() if len(rows) > 1}
    rows = answers(home, QUESTIONS[22].sql)
    shown = {row["measure_id"] for row in rows}
    assert changed & shown
    assert {row["measure_id"] for row in rows if row["definition_changes"]} == changed & shown


def test_question_25_agrees_with_the_files_and_the_gate(demo_night):
    home, _ = demo_night
    rows = answers(home, QUESTIONS[25].sql)
    found = {(row["code"], row["file_name"]): row for row in rows}
    lines = {name: rows for _, name, rows in delivered(home, "measure_points")}
    totals = {
        name: sum(row["organisation_code"].strip().lower() == "total" for row in rows)
        for name, rows in lines.items()
    }
    assert {name: n for name, n in totals.items() if n} == {
        name: row["rows_failed"]
        for (code, name), row in found.items()
        if code == "TOTAL_ROW" and row["extract"] == "measure_points"
    }
    headless = [name for _, name, rows in delivered(home, "targets") if rows and "valid_from" not in rows[0]]
    assert [name for code, name in found if code == "COLUMN_MISSING"] == headless != []
    assert home.ask("select count(*) from ops.fct_gate_result where not is_passed") == [(len(rows),)]
    for row in rows:
        if row["extract"] == "measure_points":
            assert home.ask(
                "select count(*) from core.fct_measure_point where is_latest and not is_withdrawn and "
                f"'{row['load_id']}' in (load_id, last_confirmed_load_id)"
            ) == [(row["latest_points_of_the_load"],)]


# ---- Onboarding -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(CONTRACTS)


@pytest.fixture
def example(tmp_path, contracts) -> tuple[Path, Mapping]:
    """The worked example of the page: its file, and its mapping as the only one beside the canonical."""
    (text,) = [text for text in blocks(ONBOARDING, "yaml") if text.startswith("mapping: larkfield")]
    (content,) = blocks(ONBOARDING, "csv")
    names = set(re.findall(r"larkfield_safety_\S+?\.csv", ONBOARDING))
    (name,) = [name for name in names if "revised" not in name and "*" not in name]
    (tmp_path / "larkfield_safety.yml").write_text(text, encoding="utf-8")
    file = tmp_path / "inbox" / name
    file.parent.mkdir()
    file.write_text(content, encoding="utf-8")
    mapping = recognise(file, load_mappings(tmp_path, contracts))
    assert isinstance(mapping, Mapping)
    return file, mapping


def test_the_worked_example_gives_the_records_it_shows(example, contracts):
    file, mapping = example
    (shown,) = [text for text in blocks(ONBOARDING, "text") if text.startswith("source_row,")]
    expected = list(csv.DictReader(shown.splitlines()))
    found = read(file, mapping, "measure_points", contracts["measure_points"])
    records = [
        {name: text(record[name]) for name in expected[0]}
        for record in found.table.select(list(expected[0])).to_pylist()
    ]
    assert records == expected
    assert found.rows_ignored == {"total row": 1}
    assert {total.name: (total.published, total.summed) for total in found.control_totals} == {
        "Falls": (6, 6),
        "Bed days": (1452, 1452),
    }


def text(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def test_the_gate_says_of_the_worked_example_what_the_page_says(example, contracts):
    file, mapping = example
    received_on = date(2026, 11, 21)
    extracted: dict[str, Extracted] = {
        extract: read(file, mapping, extract, contracts[extract]) for extract in mapping.extracts
    }
    extracted |= {extract: provided(mapping, extract, contracts[extract]) for extract in mapping.provides}

    def rows_of(extract: str) -> pa.Table:
        if extract in extracted:
            return extracted[extract].table
        return lake_schema(contracts[extract]).empty_table()

    told = next(text for text in blocks(ONBOARDING, "text") if text.startswith("[1/5]"))
    accounts = {}
    for extract, found in extracted.items():
        contract = contracts[extract]
        known = {
            lookup.name: rows_of(lookup.extract).select([*lookup.on.values(), *lookup.take])
            for lookup in contract.lookups
        }
        judgement = judge(found, contract, known, received_on=received_on)
        accounts[extract] = judgement.reason
        parts = {
            "accepted": judgement.rows_accepted,
            "quarantined": judgement.rows_quarantined,
            "refused": judgement.rows_refused,
            "ignored": judgement.rows_ignored,
        }
        counts = ", ".join(f"{rows} {part}" for part, rows in parts.items() if rows)
        assert f"→ {extract}: {found.rows_received} rows, {counts}\n" in told
    assert accounts["measure_points"] in ONBOARDING


def test_the_pages_python_reads_a_file(example, monkeypatch, capsys, tmp_path):
    file, _ = example
    code = next(text for text in blocks(ONBOARDING, "python"))
    code = code.replace(f"../scratch/inbox/{file.name}", file.as_posix())
    code = code.replace("load_mappings(MAPPINGS", f"load_mappings(Path({str(tmp_path)!r})")
    exec(compile(code, "onboarding.md", "exec"), {})
    out = capsys.readouterr().out
    assert "LARK-HANDS" in out
    assert "{'total row': 1}" in out


def words_of(model: type[vocabulary.Words]) -> set[str]:
    return set(model.model_fields)


@pytest.mark.parametrize(
    "model",
    [
        vocabulary.Definition,
        vocabulary.Headerless,
        vocabulary.Sheet,
        vocabulary.Note,
        vocabulary.Edition,
        vocabulary.PublishedOn,
        vocabulary.IgnoredRows,
        vocabulary.Provision,
        vocabulary.Feed,
        vocabulary.OnePer,
        vocabulary.Record,
        vocabulary.Source,
    ],
)
def test_every_word_of_a_mapping_is_explained(model):
    explained = set(re.findall(r"\*\*`(\w+)`\*\*", ONBOARDING))
    assert words_of(model) <= explained
    assert explained <= set.union(*(words_of(each) for each in vocabulary.Words.__subclasses__()))


@pytest.mark.parametrize("snippet", blocks(ONBOARDING, "yaml"), ids=lambda snippet: snippet.split("\n")[0])
def test_every_example_of_a_word_is_a_mapping(snippet, tmp_path, contracts):
    given = plain(compose(snippet))
    columns = sorted(set(strings(given)))
    whole = {
        "mapping": "a_supplier",
        "source_system": "A supplier",
        "description": "A layout made up for a test.",
        "owner": "QI data team",
        "file": "a_supplier*.csv",
        "lookups": {"regions": {"London": "Y56"}},
        "extracts": {"organisations": {"columns": {"organisation_code": "RXX"}}},
    }
    if given.keys() <= words_of(vocabulary.Definition):
        whole |= given
    else:
        fitting = [name for name, each in contracts.items() if given.keys() <= set(each.column_names)]
        extract = "measure_points" if "measure_points" in fitting else fitting[0]
        whole["extracts"] = {extract: {"columns": given}}
    for extract, feed in whole["extracts"].items():
        contract = contracts[extract]
        in_records = {name for record in feed.get("records", []) for name in record}
        for column in contract.columns:
            if column.required and column.name not in in_records:
                feed["columns"].setdefault(column.name, (column.allowed or ("x",))[0])
    if "headerless" not in whole:
        whole.setdefault("header", columns)
    path = tmp_path / f"{whole['mapping']}.yml"
    path.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
    assert load_mapping(path, contracts).name == whole["mapping"]


def strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


def test_every_code_of_an_unreadable_file_is_on_the_page():
    sources = (PROJECT_ROOT / "pipelines" / "extracts").rglob("*.py")
    codes = {
        code
        for path in sources
        for code in re.findall(r'UnreadableFile\(\s*"([A-Z0-9_]+)"', path.read_text(encoding="utf-8"))
    }
    assert len(codes) > 10
    assert codes <= set(re.findall(r"^\| `([A-Z0-9_]+)` \|", ONBOARDING, re.MULTILINE))


def test_what_is_read_as_what():
    section = ONBOARDING.split("## What is read as what")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    checked = Counter()
    with duckdb.connect() as connection:
        for name, taken, refused in rows:
            for column, is_taken in ((taken, True), (refused, False)):
                for cell in re.findall(r"`([^`]*\d[^`]*|nan|about 12)`", column):
                    if cell in ("00:00", "format"):
                        continue
                    row = connection.execute(
                        f"select {parsed(literal(cell), ColumnType(name))} is not null"
                    ).fetchone()
                    assert row == (is_taken,), (name, cell)
                    checked[name] += 1
    assert checked["number"] > 6
    assert checked["date"] > 3


def test_every_way_to_write_a_period_is_read():
    rows = re.findall(r"^\| `(\w+)` \| (`.*) \|$", ONBOARDING, re.MULTILINE)
    kinds = {kind: re.findall(r"`([^`]+)`", written) for kind, written in rows if kind in NAMED_FORMATS}
    assert kinds.keys() == NAMED_FORMATS.keys()
    for kind, texts in kinds.items():
        days = duckdb.sql(f"select {', '.join(first_day(literal(text), kind) for text in texts)}").fetchone()
        assert days is not None
        assert None not in days


def test_the_contract_on_the_page_is_one(tmp_path, contracts):
    (text,) = blocks(ONBOARDING, "yaml contract")
    for name in ("organisations", "study_visits"):
        source = CONTRACTS / f"{name}.yml"
        (tmp_path / source.name).write_text(
            text if name == "study_visits" else source.read_text(encoding="utf-8"), encoding="utf-8"
        )
    contract = load_contracts(tmp_path)["study_visits"]
    rows = pa.table({name: [str(value)] for name, value in contract.example.items()})
    assert set(rows.column_names) == set(contract.column_names)
    assert {"UNKNOWN_ORGANISATION", "PERSON_ID_MISSING"} <= {rule.code for rule in contract.all_rules}
