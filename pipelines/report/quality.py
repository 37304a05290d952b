"""Data quality: what was due and came, what each file met at the gate, what waits, how fresh it all is."""

from collections import Counter

import duckdb

from pipelines.report.mart import Row, rows
from pipelines.report.site_map import Site
from pipelines.report.templates import template
from pipelines.report.words import words

MONTHS_SHOWN = 24
ORGANISATIONS_SHOWN = 60
LOADS_SHOWN = 60
LINES_SHOWN = 200
# Worst first: a month is coloured by the share that came, and its numbers say which way the rest went.
EXPECTED = """
select organisation_code, date_trunc('month', period_start)::date as month, count(*) as due,
    count(*) filter (where status = 'received') as received,
    count(*) filter (where status in ('suppressed', 'no_value')) as without_value,
    count(*) filter (where status in ('missing', 'source_late')) as missing,
    count(*) filter (where status = 'quarantined') as quarantined
from core.fct_expected_point
where status <> 'closed'
    and period_start
        >= date_trunc('month', (select max(as_of_date) from ops.release))::date - interval 24 month
group by all order by all
"""
FRESHNESS = "select * exclude (freshness_id) from ops.fct_freshness order by extract, source_system"
QUARANTINE = """
select line.load_id, load.file_name, line.extract, line.code, count(*) as lines,
    string_agg(line.source_row::varchar, ', ' order by line.source_row) as places,
    any_value(gate.reason) as reason, any_value(gate.remedy) as remedy
from ops.fct_quarantined_row as line
left join ops.fct_load as load on line.load_id = load.load_id
left join (select load_id, code, any_value(reason) as reason, any_value(remedy) as remedy
           from ops.fct_gate_result group by all) as gate
    on line.load_id = gate.load_id and line.code = gate.code
where line.status = 'open'
group by all order by lines desc, line.load_id desc, line.code
"""


def quality_page(site: Site, connection: duckdb.DuckDBPyConnection) -> tuple[str, str]:
    """Address and text of the page. It names files, lines and rules, and never what stands in a cell."""
    waiting = rows(connection, QUARANTINE)
    loads = sorted(site.loads.values(), key=lambda row: row["load_id"], reverse=True)
    months, grid = _grid(site, rows(connection, EXPECTED))
    page = template("quality.html.jinja").render(
        site.common
        | {
            "root": "",
            "here": "quality.html",
            "title": "Data quality",
            "trail": [],
            "months": months,
            "grid": grid,
            "most": ORGANISATIONS_SHOWN,
            "loads": loads[:LOADS_SHOWN],
            "hidden": max(len(loads) - LOADS_SHOWN, 0),
            "waiting": waiting[:LINES_SHOWN],
            "waiting_hidden": max(len(waiting) - LINES_SHOWN, 0),
            "freshness": rows(connection, FRESHNESS),
            "verdict": words,
        }
    )
    return "quality.html", page


def _grid(site: Site, found: list[Row]) -> tuple[list, list]:
    """The months, and for each organisation a cell a month: of very many, those that lack most points."""
    months = sorted({row["month"] for row in found})[-MONTHS_SHOWN:]
    cells = {(row["organisation_code"], row["month"]): _cell(row) for row in found}
    gaps: Counter[str] = Counter()
    for row in found:
        gaps[row["organisation_code"]] += row["due"] - row["received"]
    codes = sorted(code for code, _ in gaps.most_common(ORGANISATIONS_SHOWN))
    return months, [
        (site.organisations.get(code, code), [cells.get((code, month)) for month in months]) for code in codes
    ]


def _cell(row: Row) -> Row:
    share = row["received"] / row["due"]
    level = 4 if share == 1 else 3 if share >= 0.95 else 2 if share >= 0.75 else 1 if share > 0 else 0
    return row | {"level": level, "share": 100 * share}
