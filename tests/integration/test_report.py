"""The pages of a mart: every number is the mart's, nothing is lost, nothing hostile gets through."""

import csv
import json
import re
import shutil
from datetime import date, datetime
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest
from lifelines import KaplanMeierFitter

from pipelines.defs.telling import telling_readers
from pipelines.extracts.contract import load_contracts
from pipelines.extracts.contract_columns import ColumnType
from pipelines.mart.publish import current_manifest
from pipelines.report.site import build_site
from pipelines.report.site_map import read_site
from pipelines.report.swap import front_page, refresh_site
from pipelines.settings import CONTRACTS, Settings

LARGEST_PAGE = 200_000
NOTHING = "–"
# Numbers that nothing else is: of local metrics, one an organisation; of what is suppressed.
LOCAL = (7_654_321, 7_654_387, 7_654_403)
SUPPRESSED = 8_765_431
# Every text of an extract begins and ends with this; keys do so everywhere, so that they still meet.
HOSTILE_BEFORE = "=1+1|"
# Turns the direction in which all that follows is read.
TURNING = "\u202e"
HOSTILE_AFTER = (
    '<script>alert(1)</script>"><img src=x onerror=alert(2)></title></style><svg onload=alert(3)>'
    "' onmouseover='alert(4) javascript:alert(5) ]]></desc>{{ 7 * 7 }}{% raw %}" + TURNING + "W" * 120
)
# Texts of the mart that come from extracts under another name.
OTHER_TEXTS = {
    "annotation", "exclusion_reason", "rebase_reason", "freeze_reason", "file_name", "file_path",
    "parent_project_id", "child_project_id",
}  # fmt: skip


class Page(HTMLParser):
    """What a page says: its tables as rows of cells, its links, its ids, its tags."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.is_in_table = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.attributes |= found.keys()
        self.links += [found[name] or "" for name in ("href", "src", "data-rest") if name in found]
        self.ids += [found["id"] or ""] if "id" in found else []
        if tag == "table":
            self.tables.append([])
            self.is_in_table = True
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.is_in_table and self.tables[-1] and self.tables[-1][-1]:
            self.tables[-1][-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.is_in_table = False


@pytest.fixture(scope="module")
def mart_file(demo_night, tmp_path_factory) -> Path:
    """The demo's mart with a few series of each kind, which is as varied and quicker."""
    path = tmp_path_factory.mktemp("mart") / "mart.duckdb"
    shutil.copyfile(demo_night[0].path / "mart" / "qi_mart.duckdb", path)
    path.chmod(0o600)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create temp table kept as select series_id from spc.fct_spc_status left join core.dim_measure "
            "using (measure_id) where is_chosen and is_latest "
            "qualify row_number() over (partition by project_id is null, fct_spc_status.chart_type, "
            "variation_icon, assurance_icon order by series_id) <= 3"
        )
        for table in ("fct_spc_status", "fct_spc_point", "fct_spc_phase"):
            connection.execute(f"delete from spc.{table} where series_id not in (from kept)")
    return path


@pytest.fixture(scope="module")
def site(mart_file: Path, tmp_path_factory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.report.listing.BYTES_A_PAGE", 8_000)
        return build_site(mart_file, tmp_path_factory.mktemp("report") / "site").folder


@pytest.fixture
def changed_mart(mart_file: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    path = tmp_path / "mart.duckdb"
    shutil.copyfile(mart_file, path)
    return path


def links_of(path: Path) -> list[str]:
    return [unescape(each) for each in re.findall(r'(?:href|src|data-rest)="([^"]*)"', text_of(path))]


@cache
def ids_of(path: Path) -> list[str]:
    return re.findall(r'\bid="([^"]*)"', text_of(path))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def pages(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.html"))


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def shows(text: str, value: float | None) -> bool:
    """Whether a text is a number of the mart, rounded to the decimal places that the text has."""
    if value is None:
        return text.strip() == NOTHING
    found = re.match(r"(−?[\d,]+(?:\.(\d+))?)", text.strip())
    if not found:
        return False
    shown = float(found[1].replace(",", "").replace("−", "-"))
    return abs(shown - value) <= 0.5 * 10 ** -len(found[2] or "") + abs(value) * 1e-12


def test_every_link_leads_to_a_file_of_the_site(site):
    for path in pages(site):
        for link in links_of(path):
            assert not re.match(r"[a-z]+:|//", link, re.IGNORECASE), f"{path}: {link} leads outside"
            place, _, anchor = link.partition("#")
            target = (path.parent / place).resolve() if place else path
            assert target.is_file(), f"{path}: {link}"
            assert not anchor or anchor in ids_of(target), f"{path}: {link}"


def test_no_page_is_large_and_none_has_two_of_an_id(site):
    for path in pages(site):
        assert path.stat().st_size <= LARGEST_PAGE, path
        assert len(ids_of(path)) == len(set(ids_of(path))), path


def test_every_point_of_a_chart_page_is_the_marts(site, mart_file):
    with duckdb.connect(str(mart_file), read_only=True) as connection:
        places = read_site(connection)
        points = connection.execute(
            "select series_id, list((value, centre_line, lower_limit, upper_limit, target) "
            "order by period_start) from spc.fct_spc_point where is_chosen group by all"
        ).fetchall()
    by_id = {it["series_id"]: it for it in places.series}
    assert len(points) == len(by_id) > 50
    for series_id, expected in points:
        page = read(site / places.series_page(by_id[series_id]))
        rows = next(table for table in page.tables if table[0][0] == "Period" and "Centre" in table[0])
        assert len(rows) - 1 == min(len(expected), 400)
        levels = rows[0].index("Centre")
        for row, point in zip(rows[1:], expected[-400:], strict=True):
            cells = [row[1], *row[levels : levels + 4]]
            assert all(map(shows, cells, point)), (by_id[series_id]["measure_id"], row, point)


def test_the_csv_of_a_chart_holds_the_points_to_the_last_digit(site, mart_file):
    with duckdb.connect(str(mart_file), read_only=True) as connection:
        different = connection.execute(
            f"""
            with written as (
                from read_csv('{site.as_posix()}/organisations/*/m/*.csv', types = {{'unit_code': 'varchar',
                    'annotation': 'varchar', 'exclusion_reason': 'varchar', 'suppression_reason': 'varchar'}})
            )
            select count(*), count(*) filter (where written.value is not distinct from chart.value
                and written.centre_line is not distinct from chart.centre_line
                and written.upper_limit is not distinct from chart.upper_limit
                and written.point_type = chart.point_type),
                (select count(*) from spc.fct_spc_point where is_chosen)
            from written inner join spc.fct_spc_point as chart
                on written.measure_id = chart.measure_id
                and written.organisation_code = chart.organisation_code
                and written.unit_code is not distinct from chart.unit_code and written.stratum = chart.stratum
                and written.period_start = chart.period_start and chart.is_chosen
            """
        ).fetchone()
    assert different is not None
    assert different[0] == different[1] == different[2]


def test_the_summary_tables_show_every_chart_once_with_the_marts_numbers(site, mart_file):
    with duckdb.connect(str(mart_file), read_only=True) as connection:
        places = read_site(connection)
    expected = {places.series_page(it): it for it in places.series}
    seen = set()
    for path in sorted(site.glob("organisations/*/measures*.html")):
        for row in re.findall(r"<tr data-f=.*?</tr>", path.read_text(encoding="utf-8")):
            page = Page(f"<table>{row}</table>")
            it = expected[page.links[0].removeprefix("../../")]
            cells = page.tables[0][0]
            numbers = [
                it[name] for name in ("last_value", "target", "centre_line", "lower_limit", "upper_limit")
            ]
            assert all(map(shows, cells[2:7], numbers)), cells
            seen.add(it["series_id"])
    assert len(seen) == len(expected)
    for script in site.glob("organisations/*/measures.js"):
        rows = json.loads(re.sub(r'^qiRows\("measures",(.*)\)\n$', r"\1", script.read_text(encoding="utf-8")))
        in_pages = "\n".join(
            line
            for part in sorted(
                script.parent.glob("measures*.html"), key=lambda path: (len(path.name), path.name)
            )
            for line in part.read_text(encoding="utf-8").splitlines()
            if line.startswith("<tr data-f=")
        )
        assert rows.count("<tr ") == in_pages.count("<tr ")


def test_the_overview_counts_what_the_mart_counts(site, mart_file):
    page = read(site / "index.html")
    with duckdb.connect(str(mart_file), read_only=True) as connection:
        row = connection.execute(
            "select (select count(*) from core.fct_project where is_active),"
            " count(*) filter (where variation_icon like 'improvement%'),"
            " count(*) filter (where variation_icon like 'concern%') from spc.fct_spc_status where is_chosen"
        ).fetchone()
    assert row is not None
    for amount, what in zip(row, ("active projects", "charts improving", "charts of concern"), strict=True):
        assert f"{amount:,} {what}" in page.text


PROJECTS = """
select project.project_id, project.progress_score, score.computed_score, score.score_gap,
    score.aim_share_pct, score.baseline, score.current_level, score.target,
    project.chartered_on, project.started_on, project.due_on, project.closed_on, project.last_activity_on,
    (select list(role || '|' || people order by role) from (
        select role, count(*) as people from core.bridge_project_member as member
        where member.project_id = project.project_id group by role)),
    (select list(cycle_number || '|' || coalesce(fidelity::varchar, '–') order by cycle_number)
        from core.fct_pdsa_cycle as cycle where cycle.project_id = project.project_id),
    (select list((stratum = 'all', last_value)) from spc.fct_spc_status as status
        inner join core.dim_measure as measure on status.measure_id = measure.measure_id and measure.is_latest
        where measure.project_id = project.project_id and status.is_chosen)
from core.fct_project as project left join maturity.fct_progress_score as score
    on project.project_id = score.project_id
order by project.project_id
"""


def facts_of(path: Path) -> dict[str, str]:
    """What stands beside each term of a page."""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text_of(path), re.DOTALL)
    return {Page(term).text: Page(text).text for term, text in found}


def numbers_in(text: str) -> list[str]:
    return re.findall(r"−?\d[\d,]*(?:\.\d+)?", text)


def british(day: date | None) -> str:
    return NOTHING if day is None else f"{day.day} {day:%b %Y}"


def test_every_number_of_a_project_page_is_the_marts(site, mart_file):
    with duckdb.connect(str(mart_file), read_only=True) as connection:
        places = read_site(connection)
        found = connection.execute(PROJECTS).fetchall()
    by_id = {it["project_id"]: it for it in places.projects}
    assert len(found) == len(by_id) > 100
    terms = ("Chartered", "Started", "Due", "Closed", "Last activity")
    for project_id, score, computed, gap, share, base, level, target, *rest in found:
        path = site / places.project_page(by_id[project_id])
        facts = facts_of(path)
        assert [facts[term] for term in terms] == [british(day) for day in rest[:5]], path
        stage = facts["Progress, scored by the team"]
        assert stage == "Not scored" if score is None else shows(stage, score), path
        if computed is not None:
            shown = facts["Progress that the evidence supports"]
            assert shows(shown, computed), path
            assert not gap or shows(numbers_in(shown)[-1], abs(gap)), path
        if share is not None:
            ends = numbers_in(facts["Way to the aim"])
            assert all(map(shows, ends, (share, base, level, target))), (path, ends)
        people = [each.split(" ") for each in facts["Team"].split(", ")] if rest[5] else []
        assert [amount for amount, *_ in people] == [each.split("|")[1] for each in rest[5] or []], path
        tables = read(path).tables
        cycles = [
            [row[0], row[-1].strip()] for table in tables for row in table[1:] if table[0][0] == "Cycle"
        ]
        assert cycles == [each.split("|") for each in rest[6] or []], path
        latest = re.findall(r"<strong>([^<]*)</strong>", text_of(path).partition("From driver to measure")[2])
        series = rest[7] or []
        values = [value for is_whole, value in series if is_whole] or [value for _, value in series]
        assert len(latest) == len(values), path
        assert all(any(shows(text, value) for value in values) for text in latest), (path, latest, values)


DUE = """
select organisation_code, date_trunc('month', period_start)::date,
    floor(100.0 * count(*) filter (where status = 'received') / count(*))::int,
    count(*) filter (where status = 'received'), count(*)
from core.fct_expected_point where status <> 'closed' and period_start
    >= date_trunc('month', (select max(as_of_date) from ops.release))::date - interval 24 month
group by all
"""
LOADS = """
select load_id, rows_received, rows_accepted, rows_quarantined, rows_refused, rows_ignored
from ops.fct_load order by load_id desc limit 60
"""
WAITING = """
select code, load_id, count(*) from ops.fct_quarantined_row where status = 'open' group by all order by all
"""


def test_every_number_of_the_quality_page_is_the_marts(site, mart_file):
    path = site / "quality.html"
    found = [[[cell.strip() for cell in row] for row in table] for table in read(path).tables]
    tables = {table[0][0]: table for table in found}
    with duckdb.connect(str(mart_file), read_only=True) as connection:
        names = {name: code for code, name in read_site(connection).organisations.items()}
        due = {row[:2]: row[2:] for row in connection.execute(DUE).fetchall()}
        loads = connection.execute(LOADS).fetchall()
        waiting = connection.execute(WAITING).fetchall()
        fresh = connection.execute("select days_since_accepted from ops.fct_freshness").fetchall()
    head, *grid = tables["Organisation"]
    months = [datetime.strptime(name, "%b%Y").date() for name in head[1:]]
    assert len(grid) == len({code for code, _ in due}) > 3
    for name, *cells in grid:
        for month, cell in zip(months, cells, strict=True):
            known = due.get((names.get(name, name), month))
            assert cell == ("" if known is None else str(known[0])), (name, month)
    told = sorted(re.findall(r'title="([\d,]+) of ([\d,]+) came', text_of(path)))
    shown = {key: value for key, value in due.items() if key[1] in months}
    assert told == sorted((f"{came:,}", f"{all_due:,}") for _, came, all_due in shown.values())
    files = tables["Load"][1:]
    assert len(files) == len(loads) > 10
    for row, (load_id, *numbers) in zip(files, loads, strict=True):
        assert row[0] == load_id
        assert all(map(shows, row[4:9], numbers)), row
    open_lines = tables["Rule"][1:]
    assert sorted((row[0], row[2], int(row[3])) for row in open_lines) == waiting
    ages = sorted(row[-1] for row in tables["Extract"][1:])
    assert ages == sorted(NOTHING if age is None else f"{age:,}" for (age,) in fresh)


def test_numbers_kept_for_improvement_stay_on_their_organisations_pages(site, mart_file):
    with duckdb.connect(str(mart_file), read_only=True) as connection:
        places = read_site(connection)
    local = {f"{places.series_page(it)}" for it in places.series if it["purpose"] != "assurance"}
    for path in site.glob("*.html"):
        assert not local & set(read(path).links), path
    for script in site.glob("measures*.js"):
        assert not any(each in script.read_text(encoding="utf-8") for each in local)


VISIBLE = """
select fact.metric_id, metric.unit = 'share' as is_share, fact.value, fact.lower, fact.upper,
    fact.is_suppressed, organisation_code
from {schema}.fct_metric as fact
inner join {schema}.dim_metric as metric on fact.metric_id = metric.metric_id
left join core.dim_measure as measure on fact.measure_id = measure.measure_id and measure.is_latest
where fact.unit_code is null and (($code is null and metric.access <> 'local')
    or fact.organisation_code = $code
    or (fact.organisation_code is null and metric.access <> 'local'))
order by fact.metric_id, fact.organisation_code nulls first,
    coalesce(measure.measure_name, fact.measure_id) nulls first, period_start desc nulls last, stratum
"""


def metric_tables(path: Path) -> dict[str, list[list[str]]]:
    """The rows of each metric on a page below their head; those folded away as withheld come last."""
    sections = re.findall(r'<h2 id="([MO]\d+)">(.*?)</section>', text_of(path), re.DOTALL)
    found = {}
    for metric_id, section in sections:
        parts = [Page(table).tables[0] for table in re.findall(r"<table>.*?</table>", section, re.DOTALL)]
        found[metric_id] = [parts[0][0], *(row for part in parts for row in part[1:])]
    return found


def cell_of(row: tuple[str, list[str], list[str]], name: str) -> str:
    """The cell of a row of a metric below a head that begins so."""
    _, head, cells = row
    return cells[next(place for place, text in enumerate(head) if text.startswith(name))]


@pytest.mark.parametrize("schema", ["maturity", "outcomes"])
def test_every_metric_is_the_marts_and_what_is_local_stays_at_home(site, mart_file, schema):
    with duckdb.connect(str(mart_file), read_only=True) as connection:
        codes = [None, *read_site(connection).organisations]
        expected = {
            code: connection.execute(VISIBLE.format(schema=schema), {"code": code}).fetchall()
            for code in codes
        }
    assert {row[6] for row in expected[None]} - {None}
    for code, found in expected.items():
        values = found
        path = site / f"organisations/{code}/{schema}.html" if code else site / f"{schema}.html"
        shown = []
        for metric_id, tables in metric_tables(path).items():
            details = sorted(path.parent.glob(f"{schema}-{metric_id.lower()}-*.html"))
            head, *body = (metric_tables(details[0]) if details else {metric_id: tables})[metric_id]
            rows = [value for value in values if value[0] == metric_id]
            if len(rows) > 400:
                assert 0 < len(body) <= 400
                values = [value for value in values if value[0] != metric_id]
            else:
                shown += [(metric_id, head, row) for row in body]
        assert len(shown) == len(values), path
        shown.sort(key=lambda row: (row[0], not re.search(r"\d", cell_of(row, "Value"))))
        values = sorted(values, key=lambda value: (value[0], value[5] or value[2] is None))
        for (metric_id, head, row), value in zip(shown, values, strict=True):
            assert metric_id == value[0]
            at = next(place for place, name in enumerate(head) if name.startswith("Value"))
            assert ("%" in row[at]) or not value[1] or value[2] is None, row
            factor = 100 if "%" in row[at] else 1
            if value[5] or value[2] is None:
                assert not re.search(r"\d", row[at]), row
                assert "Interval" not in head or not row[at + 1]
                continue
            assert shows(row[at], value[2] * factor), (row, value)
            if "Interval" in head and None not in value[3:5]:
                for text, bound in zip(row[at + 1].split(" to "), value[3:5], strict=True):
                    assert shows(text, bound * factor), (row, value)


def drawings_of(path: Path) -> dict[str, tuple[str, list[list[str]], str]]:
    """The drawings of a page by name: the text of each, its table, its places."""
    return {
        name: (unescape(says), Page(f"<table>{table}</table>").tables[0], places)
        for places, name, says, table in re.findall(
            r'data-points="([^"]*)" data-table="([^"]*)-data".*?aria-label="([^"]*)".*?'
            r'<table class="data" id="[^"]*-data">(.*?)</table>',
            text_of(path),
            re.DOTALL,
        )
    }


KINDS_OF_DRAWING = {
    "cohorts", "components", "fifths", "funnel", "gained", "progress", "rag", "signal", "ties",
}  # fmt: skip


def test_every_drawing_has_a_text_and_a_table_that_is_read_with_it(site):
    kinds = set()
    for path in pages(site):
        for name, (says, table, places) in drawings_of(path).items():
            kinds.add(name.partition("-")[0])
            assert says
            assert says in unescape(text_of(path).partition("<svg")[0] + text_of(path).partition("</h3>")[2])
            assert len(table) - 1 == len(places.split(" ")), (path, name)
    assert kinds == KINDS_OF_DRAWING


def test_the_curve_until_a_signal_is_that_of_lifelines_and_of_its_page(site, mart_file):
    with duckdb.connect(str(mart_file), read_only=True) as connection:
        watched = connection.execute(
            "select organisation_code, min(signalled_on) is not null as signalled, greatest(date_diff('day', "
            "min(chartered_on), coalesce(min(signalled_on), max(observed_until))), 0) as days "
            "from spc.fct_time_to_signal where family = 'outcome' and chartered_on is not null "
            "group by organisation_code, project_id"
        ).df()
        curve = connection.execute(
            "select organisation_code, days, at_risk, signals, without_signal, lower, upper "
            "from outcomes.fct_time_to_signal_curve order by days"
        ).df()
    groups = {None: watched} | dict(iter(watched.groupby("organisation_code")))
    drawn = {None: curve[curve["organisation_code"].isna()]} | dict(iter(curve.groupby("organisation_code")))
    assert drawn.keys() == {code for code, part in groups.items() if len(part) >= 10}
    for code, found in drawn.items():
        fitted = KaplanMeierFitter().fit(groups[code]["days"], groups[code]["signalled"])
        assert found["without_signal"].to_numpy() == pytest.approx(
            fitted.survival_function_.loc[found["days"]].to_numpy()[:, 0], abs=1e-6
        )
        bounds = found.dropna(subset=["lower"])
        assert bounds[["lower", "upper"]].to_numpy() == pytest.approx(
            fitted.confidence_interval_.loc[bounds["days"]].to_numpy(), abs=1e-6
        )
        page = site / (f"organisations/{code}/outcomes.html" if code else "outcomes.html")
        steps = found.loc[
            found["signals"] > 0, ["days", "without_signal", "at_risk", "signals", "lower", "upper"]
        ]
        table = drawings_of(page)["signal-curve"][1][1:] if len(steps) else []
        assert len(table) == len(steps) <= 200
        for row, (days, share, at_risk, signals, *bounds) in zip(
            table, steps.to_numpy().tolist(), strict=True
        ):
            numbers = [days, 100 * share, at_risk, signals]
            assert all(map(shows, [row[0], row[1], row[3], row[4]], numbers)), (row, numbers)
            ends = row[2].split(" to ")
            assert ends == [NOTHING] or all(map(shows, ends, [100 * bound for bound in bounds]))


def test_the_funnel_and_the_cohorts_are_the_marts(site, mart_file):
    found = drawings_of(site / "outcomes.html")
    with duckdb.connect(str(mart_file), read_only=True) as connection:
        ((outside,),) = connection.execute(
            "select numerator::int from outcomes.fct_metric where metric_id = 'O16' "
            "and stratum = 'share outside limits'"
        ).fetchall()
        members = connection.execute(
            "select denominator, value, lower, upper from outcomes.fct_metric where metric_id = 'O16' "
            "and organisation_code is not null and unit_code is null and lower is not null "
            "order by stratum = 'within limits', denominator desc"
        ).fetchall()
        years = connection.execute(
            "select year(period_start), max(value) filter (where metric_id = 'O01'), "
            "max(value) filter (where metric_id = 'O02') from outcomes.fct_metric "
            "where organisation_code is null and metric_id in ('O01', 'O02') group by all having "
            "count(value) > 0 order by all"
        ).fetchall()
    ((says, funnel, _),) = [drawing for name, drawing in found.items() if name.startswith("funnel")]
    assert says.endswith(f"{outside or 'none'} of {len(members)} organisations lie outside the 99.8% limits.")
    assert len(funnel) - 1 == len(members) >= 5
    for row, member in zip(funnel[1:], members, strict=True):
        assert all(map(shows, [row[1], row[2], *row[3].split(" to ")], member)), (row, member)
    cohorts = found["cohorts"][1][1:]
    assert len(cohorts) == len(years) > 1
    for row, (year, *values) in zip(cohorts, years, strict=True):
        assert row[0].startswith(str(year))
        assert all(
            shows(cell, None if value is None else 100 * value)
            for cell, value in zip((row[1], row[3]), values, strict=True)
        ), row


def test_bars_of_benefits_and_of_colours_are_the_marts(site, mart_file):
    with duckdb.connect(str(mart_file), read_only=True) as connection:
        benefits = connection.execute(
            "select denominator - numerator, numerator, denominator from outcomes.fct_metric "
            "where metric_id = 'O12' and denominator > 0 and not is_suppressed "
            "order by organisation_code nulls first, stratum"
        ).fetchall()
        colours = connection.execute(
            "select changes_by_noise, changes_with_special_cause, changes_by_target, colour_changes "
            "from spc.fct_rag_noise where level_name = 'portfolio'"
        ).fetchone()
    assert colours is not None
    found = drawings_of(site / "outcomes.html")
    bars = [[cell.removeprefix("£") for cell in row[1:]] for row in found["gained"][1][1:]]
    assert len(bars) == len(benefits) > 4
    for row, amounts in zip(bars, benefits, strict=True):
        assert all(map(shows, row, amounts)), (row, amounts)
    assert all(map(shows, found["rag-noise"][1][1][1:], colours))


def test_what_was_withheld_is_nowhere(changed_mart, tmp_path):
    """A point whose later edition withholds it shows none of its versions, in no kind of file."""
    with duckdb.connect(str(changed_mart)) as connection:
        series_id, period = connection.execute(
            "select series_id, period_start from spc.fct_spc_point where is_chosen and not is_last_in_phase "
            "and value is not null order by series_id, period_start limit 1"
        ).fetchone() or ("", None)
        values = [series_id, period]
        connection.execute(
            "insert into core.fct_measure_point by name select * "
            "replace (987654.5 as value, 987654.5 as numerator, false as is_latest, 'old' as point_id) "
            "from core.fct_measure_point "
            "where series_id = ? and period_start = ? and is_latest",
            values,
        )
        connection.execute(
            "update core.fct_measure_point set value = null, numerator = 987654.5, denominator = 987654.5, "
            "suppression_reason = 'numerator: suppressed' "
            "where series_id = ? and period_start = ? and is_latest",
            values,
        )
        connection.execute(
            "update spc.fct_spc_point set value = null where series_id = ? and period_start = ?", values
        )
    site = build_site(changed_mart, tmp_path / "site").folder
    files = [path for path in site.rglob("*") if path.is_file()]
    assert not [path for path in files if b"987654.5" in path.read_bytes() or b"987,654" in path.read_bytes()]
    assert [
        path for path in files if b"numerator: suppressed" in path.read_bytes() and path.suffix == ".html"
    ]
    assert [path for path in files if b"numerator: suppressed" in path.read_bytes() and path.suffix == ".csv"]


def texts_of_extracts() -> set[str]:
    """Columns that may hold any text; those with allowed values hold nothing else."""
    columns = [column for contract in load_contracts(CONTRACTS).values() for column in contract.columns]
    bounded = {column.name for column in columns if column.allowed or column.type != ColumnType.STRING}
    return {column.name for column in columns} - bounded | OTHER_TEXTS


@pytest.fixture(scope="module")
def hostile_site(mart_file: Path, tmp_path_factory) -> Path:
    """The site of a mart in which every text that a submitter may choose is hostile, and in which each
    organisation's local numbers and everything suppressed can be told from all other numbers."""
    path = tmp_path_factory.mktemp("hostile") / "mart.duckdb"
    shutil.copyfile(mart_file, path)
    with duckdb.connect(str(path)) as connection:
        _plant_numbers(connection)
        _make_hostile(connection)
    return build_site(path, path.parent / "site").folder


def _plant_numbers(connection: duckdb.DuckDBPyConnection) -> None:
    codes = connection.execute(
        "select distinct organisation_code from core.fct_project order by all"
    ).fetchall()
    for (code,), number in zip(codes, LOCAL, strict=False):
        connection.execute(
            "update maturity.fct_metric set is_suppressed = false, suppression_reason = null, value = $1, "
            "lower = $1, upper = $1, numerator = $1, denominator = $1, n = $1 where organisation_code = $2 "
            "and metric_id in (select metric_id from maturity.dim_metric where access = 'local')",
            [number, code],
        )
    for schema in ("maturity", "outcomes"):
        connection.execute(
            f"update {schema}.fct_metric set lower = $1, upper = $1, numerator = $1, denominator = $1 "
            "where is_suppressed",
            [SUPPRESSED],
        )


def _make_hostile(connection: duckdb.DuckDBPyConnection) -> None:
    names = texts_of_extracts()
    found = connection.execute(
        "select schema_name || '.' || table_name, list(column_name) from duckdb_columns() "
        "where data_type = 'VARCHAR' and not internal and (schema_name <> 'ops' or table_name = 'fct_load') "
        "and database_name = current_database() group by all"
    ).fetchall()
    for table, columns in found:
        # Statistical methods of metrics are our own words.
        ours = {"method"} if table.endswith("fct_metric") else set()
        hostile = [
            f"{name} = case when {name} <> 'all' then $1 || {name} || $2 else {name} end"
            for name in columns
            if name in names - ours
        ]
        if hostile:
            connection.execute(f"update {table} set {', '.join(hostile)}", [HOSTILE_BEFORE, HOSTILE_AFTER])


def markup_of(path: Path) -> str:
    """The HTML or XML of a file of a site, also that in a script of rows."""
    if path.suffix == ".js":
        rows = json.loads(re.sub(r'^qiRows\("\w+",(.*)\)\n$', r"\1", text_of(path)))
        return f"<table>{rows}</table>"
    return text_of(path)


def test_hostile_text_of_every_extract_is_text_in_every_file(hostile_site, site):
    made = [path for path in hostile_site.rglob("*") if path.is_file() and path.parent.name != "assets"]
    known = [read(path) for path in [*pages(site), *site.rglob("*.svg")]]
    tags = {tag for page in known for tag in page.tags}
    attributes = {name for page in known for name in page.attributes}
    assert len([path for path in made if path.suffix == ".svg"]) > 50
    for path in made:
        if path.suffix == ".svg":
            ElementTree.fromstring(text_of(path))
        if path.suffix in (".html", ".svg", ".js"):
            page = Page(markup_of(path))
            assert page.tags.count("script") == (1 if path.suffix == ".html" else 0), path
            assert set(page.tags) <= tags, path
            assert page.attributes <= attributes, path
            assert not [link for link in page.links if link == "x" or "javascript:" in link], path
    texts = "\n".join(read(path).text for path in pages(hostile_site))
    assert texts.count(HOSTILE_AFTER.replace(TURNING, "")) > 1_000
    for path in pages(hostile_site):
        for link in links_of(path):
            assert (path.parent / link.partition("#")[0]).resolve().exists(), (path, link)


def test_no_cell_of_a_download_can_become_a_formula(hostile_site):
    hostile = 0
    for path in hostile_site.rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        hostile += sum(HOSTILE_BEFORE in cell for cell in cells)
        starting = [cell for cell in cells if re.match(r"[=+\-@\t\r]", cell)]
        assert all(re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", cell) for cell in starting), path
    assert hostile > 100


def test_what_is_local_is_below_its_organisation_only_and_what_is_suppressed_nowhere(hostile_site):
    places: dict[int, set[str]] = {number: set() for number in LOCAL}
    for path in (path for path in hostile_site.rglob("*") if path.is_file()):
        content = text_of(path)
        top, _, rest = path.relative_to(hostile_site).as_posix().partition("/")
        for number in LOCAL:
            if f"{number:,}" in content or str(number) in content:
                places[number].add(rest.partition("/")[0] if top == "organisations" else "all organisations")
        assert f"{SUPPRESSED:,}" not in content, path
        assert str(SUPPRESSED) not in content, path
    homes = [next(iter(each)) for each in places.values() if len(each) == 1]
    assert len(set(homes) - {"all organisations"}) == len(LOCAL), places


def test_only_pages_whose_data_changed_are_made_anew(changed_mart, site, tmp_path):
    with duckdb.connect(str(changed_mart)) as connection:
        row = connection.execute("select min(series_id) from spc.fct_spc_point where is_chosen").fetchone()
        assert row is not None
        connection.execute(
            "update spc.fct_spc_point set annotation = 'moved house' "
            "where series_id = ? and is_last_in_phase",
            row,
        )
    built = build_site(changed_mart, tmp_path / "site", last=site)
    assert built.made == 1
    assert built.kept > 150
    fresh = build_site(changed_mart, tmp_path / "fresh").folder
    for path in sorted(path for path in fresh.rglob("*") if path.is_file()):
        assert path.read_bytes() == (built.folder / path.relative_to(fresh)).read_bytes(), path


def test_the_site_follows_its_release_and_survives_a_kill(demo_night, mart_file, tmp_path, monkeypatch):
    settings = Settings(home=tmp_path)
    settings.mart_path.mkdir()
    shutil.copyfile(mart_file, settings.mart_file)
    shutil.copyfile(demo_night[0].path / "mart" / "manifest.json", settings.mart_path / "manifest.json")
    said: list[str] = []
    first = refresh_site(settings, said.append)
    assert first == front_page(settings)
    assert first is not None
    assert first.is_file()
    made = first.resolve()
    manifest = current_manifest(settings)
    assert manifest is not None
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.report.swap.build_site", lambda *_: pytest.fail("nothing has changed"))
        assert refresh_site(settings, said.append) == first
    (settings.mart_path / "manifest.json").write_text(json.dumps(manifest | {"release_id": "R0000009"}))
    with duckdb.connect(str(settings.mart_file)) as connection:
        connection.execute("update ops.release set release_id = 'R0000009'")
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.report.swap._swap", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            refresh_site(settings, said.append)
    assert first.resolve() == made
    refresh_site(settings, said.append)
    assert first.resolve().parent.name.startswith("R0000009")


def test_pages_say_that_a_later_night_failed_until_one_succeeds(demo_night, mart_file, tmp_path):
    settings = Settings(home=tmp_path)
    settings.mart_path.mkdir()
    shutil.copyfile(mart_file, settings.mart_file)
    shutil.copyfile(demo_night[0].path / "mart" / "manifest.json", settings.mart_path / "manifest.json")
    first = refresh_site(settings, lambda _: None)
    assert first is not None
    with pytest.raises(ValueError, match="boom"), telling_readers(settings, "the run", "the dbt build"):
        raise ValueError("boom")
    for path in (first, *first.parent.glob("organisations/*/index.html")):
        assert "stopped at the dbt build" in read(path).text
        assert "This release stays until a run succeeds" in read(path).text
        assert "boom" not in read(path).text
    shutil.copyfile(mart_file, settings.mart_path / "released")
    (settings.mart_path / "released").replace(settings.mart_file)
    refresh_site(settings, lambda _: None)
    assert "stopped at" not in read(first).text


def test_a_mart_of_measures_alone_has_its_pages(changed_mart, tmp_path):
    """As of real files that came without any register: codes stand where names are not known."""
    with duckdb.connect(str(changed_mart)) as connection:
        for table in (
            "core.fct_project", "core.dim_organisation", "core.dim_unit", "core.fct_pdsa_cycle",
            "core.dim_measure", "maturity.fct_metric", "maturity.fct_progress_score", "outcomes.fct_metric",
            "spc.fct_signal_rank",
        ):  # fmt: skip
            connection.execute(f"delete from {table}")
    site = build_site(changed_mart, tmp_path / "site").folder
    assert "No metric has a value yet" in read(site / "maturity.html").text
    assert "0 active projects" in read(site / "index.html").text
    for path in site.glob("organisations/*/*.html"):
        assert all((path.parent / link.partition("#")[0]).exists() for link in links_of(path)), path
    assert any("ORG-" in read(path).text for path in site.glob("organisations/*/measures.html"))
