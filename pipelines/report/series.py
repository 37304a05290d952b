"""One page a series: its control chart, what it says, the data, and where the data comes from.

Belongs here: what stands on the page, its drawing and its CSV file. Does not belong here: the geometry of the
chart (`chart`), queries (`mart`).
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache, partial
from itertools import groupby
from operator import itemgetter

import duckdb
from markupsafe import Markup, escape

from pipelines.report.chart import Point, draw
from pipelines.report.drawings.canvas import shortened
from pipelines.report.mart import Row
from pipelines.report.sentence import sentence, warnings
from pipelines.report.site_map import Site
from pipelines.report.templates import template
from pipelines.report.words import (
    NOTHING,
    count,
    is_percent,
    number,
    period,
    places_for,
    stratum_words,
    words,
)
from pipelines.spreadsheet import guarded

ROWS_SHOWN = 400
ROWS_OF_REVISIONS = 30
LONGEST_UNIT = 60
ROOT = "../../../"
EPOCH = date(1970, 1, 1)
COLUMNS = (
    "(period_start - date '1970-01-01')::int as day, value, centre_line, lower_limit, upper_limit, target, "
    "phase, coalesce(point_type, 'common_cause') as kind, coalesce(is_excluded, false) as is_excluded, "
    "annotation, signal, numerator, denominator, exclusion_reason, suppression_reason, load_id"
)
CSV_NAMES = (
    "measure_id", "organisation_code", "unit_code", "stratum", "period_start", "value", "centre_line",
    "lower_limit", "upper_limit", "target", "phase", "point_type", "is_excluded", "annotation", "signal",
    "numerator", "denominator", "exclusion_reason", "suppression_reason", "load_id",
)  # fmt: skip


@cache
def _moment(day_number: int) -> date:
    return EPOCH + timedelta(days=day_number)


def points_of(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, list[Point]]]:
    """The points of each series of the table `wanted`, in order of time; series in the order of their ids."""
    arrays = connection.execute(
        f"select series_id, {COLUMNS} from points order by series_id, day"
    ).fetchnumpy()
    series_ids, days, *rest = (array.tolist() for array in arrays.values())
    points = map(Point, map(_moment, days), *rest)
    for series_id, found in groupby(zip(series_ids, points, strict=True), key=itemgetter(0)):
        yield series_id, [point for _, point in found]


def subtitle(it: Row) -> str:
    """Whose series it is: organisation, unit, stratum."""
    within = _within(it)
    return " · ".join([it["organisation_name"], *within])


def place_within(it: Row) -> str:
    """Whose series it is to those who know the organisation."""
    return " · ".join(_within(it)) or "Whole organisation"


def _within(it: Row) -> list[str]:
    return [part for part in (it["unit_name"] or it["unit_code"], stratum_words(it["stratum"])) if part]


def render(site: Site, it: Row, points: list[Point], revisions: list[Row]) -> tuple[str, str, str]:
    """The page, its chart as SVG and its data as CSV."""
    figures = [figure for point in points for figure in (point.value, point.upper) if figure is not None]
    decimals = places_for(figures)
    cycles = site.cycles.get(it["project_id"], [])
    marks = [(cycle["started_on"], str(cycle["cycle_number"])) for cycle in cycles if cycle["started_on"]]
    chart = draw(points, marks, is_percent(it["unit_of_measure"]), decimals)
    rule_set = site.rule_sets[it["rule_set_id"]]
    said = sentence(it, rule_set, decimals)
    when = partial(period, frequency=it["frequency"])
    height = 376 if chart.cycles else 348
    whose = f"{it['measure_name']}, {subtitle(it)}"
    drawing = template("chart.svg.jinja").render(
        chart=chart,
        title=whose,
        text=said,
        unit=shortened(it["unit_of_measure"], LONGEST_UNIT),
        height=height,
    )
    has_counts = any(point.denominator is not None for point in points)
    from_loads = Counter(point.load_id for point in points if point.load_id in site.loads)
    page = template("series.html.jinja").render(
        site.common
        | {
            "root": ROOT,
            "here": "",
            "title": whose,
            "trail": site.trail(it["organisation_code"], "measures"),
            "it": it,
            "subtitle": subtitle(it),
            "said": said,
            "alt": f"{words(it['chart_type'])} of {count(len(points), 'point')}, {when(points[0].start)} to "
            f"{when(points[-1].start)}. {said}",
            "name": site.series_names[it["series_id"]],
            "places": " ".join(chart.places.split(" ")[-ROWS_SHOWN:]),
            "height": height,
            "chart_words": words(it["chart_type"]),
            "rule_set": rule_set,
            "neutral": "neutral" in chart.marks,
            "withheld": "withheld" in chart.marks,
            "warnings": warnings(it),
            "notes": [(when(point.start), point.annotation) for point in points if point.annotation],
            "phases": site.phases[it["series_id"]],
            "suggestions": site.suggestions.get(it["series_id"], []),
            "siblings": site.siblings(it),
            "table": _table(points[-ROWS_SHOWN:], it, decimals, has_counts),
            "shown": min(len(points), ROWS_SHOWN),
            "hidden": max(len(points) - ROWS_SHOWN, 0),
            "counts": has_counts,
            "cycles": cycles,
            "definition": _definition(it),
            "project": site.project_names.get(it["project_id"]),
            "loads": [(site.loads[load], amount) for load, amount in sorted(from_loads.items())],
            "revisions": revisions[-ROWS_OF_REVISIONS:],
            "when": when,
            "num": partial(number, places=decimals),
        }
    )
    return page, drawing, _csv(it, points)


def _table(points: list[Point], it: Row, decimals: int, has_counts: bool) -> Markup:
    """The rows of the table of data. Written here and not in a template, because a site has a hundred
    thousand; numbers are our own text, and all other text is escaped."""
    is_whole = all(point.value is None or point.value == int(point.value) for point in points)
    value_places = 0 if is_whole and not is_percent(it["unit_of_measure"]) else decimals
    value_text, level_text = f"{{:z,.{value_places}f}}".format, f"{{:z,.{decimals}f}}".format
    found = []
    for point in points:
        cells = [NOTHING if point.value is None else value_text(point.value)]
        if has_counts:
            cells += [_plain(point.numerator), _plain(point.denominator)]
        cells += [NOTHING if level is None else level_text(level) for level in point[2:6]]
        numbers = "<td>".join(cells).replace("-", "−")
        when = period(point.start, it["frequency"])
        found.append(f'<tr><th scope="row">{when}<td>{numbers}<td>{escape(_shows(point))}')
    return Markup("\n".join(found))


def _plain(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def _shows(point: Point) -> str:
    """In words what a point shows: withheld, not counted, or which rule makes it special."""
    if point.suppression_reason:
        shown = f"Withheld ({point.suppression_reason})"
    elif point.value is None:
        shown = "No value"
    elif point.is_excluded:
        shown = f"Not counted: {point.exclusion_reason or 'no reason given'}"
    elif point.kind == "common_cause":
        shown = "Common cause"
    else:
        shown = f"{words(point.kind)} ({words(point.signal).lower()})"
    return f"{shown}. {point.annotation}" if point.annotation else shown


def _definition(it: Row) -> list[tuple[str, str]]:
    return [
        ("Definition", it["definition"] or "None was delivered."),
        ("Family", words(it["family"])),
        ("Quality domain", words(it["quality_domain"])),
        (
            "Better is",
            {"increase": "Higher", "decrease": "Lower"}.get(it["improvement_direction"], "Neither"),
        ),
        ("For", words(it["purpose"])),
        ("Reported each", it["frequency"] or NOTHING),
        ("Chart chosen because", words(it["chart_reason"])),
    ]


def _csv(it: Row, points: list[Point]) -> str:
    """The series as CSV in which no cell can become a formula."""
    names = ("measure_id", "organisation_code", "unit_code", "stratum")
    whose = [guarded(it[name]) if it[name] else None for name in names]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_NAMES)
    writer.writerows(
        [*whose, *point[:9], *map(_safe, point[9:11]), *point[11:13], *map(_safe, point[13:])]
        for point in points
    )
    return text.getvalue()


def _safe(text: str | None) -> str | None:
    return guarded(text) if text else None
