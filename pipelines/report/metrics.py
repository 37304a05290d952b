"""Maturity and outcomes: every metric of the catalogue with its values, intervals, denominators and caveats.

Belongs here: laying out what `maturity.fct_metric` and `outcomes.fct_metric` hold. Does not belong here: any
metric; a new one of the catalogue appears by itself. What the catalogue calls local stands on its own
organisation's page and nowhere else.
"""

from collections.abc import Iterator
from html import escape
from math import log

import duckdb
from markupsafe import Markup

from pipelines.report.drawn import Drawn
from pipelines.report.mart import Row, rows
from pipelines.report.site_map import Site, organisation_folder
from pipelines.report.templates import template
from pipelines.report.words import NOTHING, file_name, number, period_of, places_for, stratum_words, words

CHAPTERS = {
    "maturity": ("Maturity", "How well the organisation has made improvement its way of working."),
    "outcomes": ("Outcomes", "What the improvement work has come to, and how sure that is."),
}
WITHHELD = {
    "small_number": "withheld: a small number of people",
    "secondary": "withheld: it would give a small number away",
    "below_minimum_n": "withheld: too few to say",
    "low_response": "withheld: too few answered",
    "local_only": "for the organisation only",
}
# So many periods, unless a page would have too many rows: then fewer, and at last fewer rows.
PERIODS_SHOWN = (6, 3, 1)
ROWS_ON_A_PAGE = 320
ROWS_OF_ONE = 400
# More rows without a value than these are folded away below the others.
MOST_WITHHELD = 5
# More drawings of one metric than these, funnels of many measures, have pages of their own.
DRAWINGS_ON_A_PAGE = 1
WIDTH, MARGIN = 180, 6
# Metrics of two units: which strata have the second.
ON_A_FUNNEL = ("within limits", "above limits", "below limits")
SECOND_UNIT = {"M08": ("all",), "O09": ("relative gap",), "O16": ON_A_FUNNEL, "O25": ON_A_FUNNEL}
VALUES = """
select fact.*, coalesce(measure.measure_name, fact.measure_id) as measure_name
from {schema}.fct_metric as fact
left join core.dim_measure as measure on fact.measure_id = measure.measure_id and measure.is_latest
where fact.unit_code is null
order by metric_id, organisation_code nulls first, measure_name nulls first, period_start desc nulls last,
    stratum
"""


class Metrics:
    """The metrics of a mart, by schema and metric."""

    def __init__(self, site: Site, connection: duckdb.DuckDBPyConnection):
        self.site = site
        self.catalogue: dict[str, list[Row]] = {}
        self.values: dict[str, dict[tuple[str, str | None], list[Row]]] = {}
        self._codes: dict[str, list[str]] = {}
        for schema in CHAPTERS:
            self.catalogue[schema] = rows(connection, f"select * from {schema}.dim_metric order by metric_id")
            self.values[schema] = {}
            for value in rows(connection, VALUES.format(schema=schema)):
                whose = (value["metric_id"], value["organisation_code"])
                self.values[schema].setdefault(whose, []).append(value)
            self._codes[schema] = sorted({code for _, code in self.values[schema] if code})
        # A metric on metrics names them in its stratum.
        known = [it for found in self.catalogue.values() for it in found]
        self._names = {it["metric_id"]: it["metric_name"] for it in known}
        schemas = {it["metric_id"]: schema for schema, found in self.catalogue.items() for it in found}
        by_id = {it["metric_id"]: it for it in known}

        def visible(metric_id: str, code: str | None) -> list[Row]:
            return self._visible(schemas[metric_id], by_id[metric_id], code) if metric_id in by_id else []

        self.drawn = Drawn(site, connection, visible)

    def pages(self, organisation_code: str | None) -> Iterator[tuple[str, str]]:
        """Address and text of the pages on maturity and on outcomes, of all organisations or of one; and of a
        page for each metric of which they do not show every row."""
        folder = f"{organisation_folder(organisation_code)}/" if organisation_code else ""
        whose = f" of {self.site.organisations[organisation_code]}" if organisation_code else ""
        for schema, (title, lede) in CHAPTERS.items():
            visible = [
                (metric, found)
                for metric in self.catalogue[schema]
                if (found := self._visible(schema, metric, organisation_code))
            ]
            shown = _fitting([found for _, found in visible])
            chapter = []
            for (metric, found), kept in zip(visible, shown, strict=True):
                detail = f"{schema}-{file_name(metric['metric_id'])}.html"
                hidden = len(found) - len(kept)
                drawings = self.drawn.of(metric["metric_id"], organisation_code)
                own_page = drawings[DRAWINGS_ON_A_PAGE:]
                chapter.append(
                    metric
                    | self._table(metric, kept)
                    | {
                        "rows": len(found),
                        "detail": hidden and detail,
                        "drawings": drawings[:DRAWINGS_ON_A_PAGE],
                        "more": [(f"{schema}-{drawing.name}.html", drawing.title) for drawing in own_page],
                    }
                )
                for drawing in own_page:
                    alone = (
                        metric
                        | self._table(metric, [])
                        | {"rows": 0, "detail": "", "drawings": [drawing], "more": []}
                    )
                    yield (
                        f"{folder}{schema}-{drawing.name}.html",
                        self._page(schema, organisation_code, f"{drawing.title}{whose}", "", [alone]),
                    )
                if hidden:
                    whole = (
                        metric
                        | self._table(metric, _newest(found, ROWS_OF_ONE))
                        | {"rows": len(found), "detail": "", "drawings": [], "more": []}
                    )
                    name = f"{metric['metric_name']}{whose}"
                    yield f"{folder}{detail}", self._page(schema, organisation_code, name, "", [whole])
            yield (
                f"{folder}{schema}.html",
                self._page(schema, organisation_code, f"{title}{whose}", lede, chapter),
            )

    def _page(self, schema: str, code: str | None, title: str, lede: str, metrics: list[Row]) -> str:
        site = self.site
        trail = site.trail(code, schema)[:2] if code else []
        chapter = (f"{organisation_folder(code)}/{schema}.html" if code else f"{schema}.html", words(schema))
        return template("metrics.html.jinja").render(
            site.common
            | {
                "root": "../../" if code else "",
                "here": f"{schema}.html",
                "title": title,
                "lede": lede,
                "trail": trail if lede else [*trail, chapter],
                "is_all": code is None,
                "schema": schema,
                "organisations": site.others(code, schema) if lede else [],
                "metrics": metrics,
            }
        )

    def _visible(self, schema: str, metric: Row, organisation_code: str | None) -> list[Row]:
        """The rows of a metric that whoever reads the page may see: what is local, on its own pages only."""
        metric_id, is_local = metric["metric_id"], metric["access"] == "local"
        if organisation_code is None:
            shown = [] if is_local else [None, *self._codes[schema]]
        else:
            shown = [organisation_code] if is_local else [None, organisation_code]
        return [value for code in shown for value in self.values[schema].get((metric_id, code), [])]

    def _table(self, metric: Row, found: list[Row]) -> Row:
        units = [_unit_of(metric, value) for value in found]
        pairs = list(zip(found, units, strict=True))
        scales = {
            unit: Scale([value for value, its in pairs if its == unit and not _withheld(value)], unit)
            for unit in dict.fromkeys(units)
        }
        table = [
            {
                "organisation": self._whose(value["organisation_code"]),
                "measure": value["measure_name"],
                "group": self._names.get(value["stratum"]) or stratum_words(value["stratum"]),
                "period": period_of(value["period_start"], value["period_end"]),
                "value": _withheld(value) or scales[unit].figure(value["value"]),
                "interval": _interval(value, scales[unit]),
                "of": _of(value),
                "picture": scales[unit].picture(value),
                "is_withheld": bool(_withheld(value)),
            }
            for value, unit in pairs
        ]
        withheld = [row for row in table if row["is_withheld"]]
        folded = withheld if len(withheld) > MOST_WITHHELD else []
        has = {name: any(row[name] for row in table) for name in ("measure", "group", "interval")}
        has["organisation"] = len({row["organisation"] for row in table}) > 1
        return {
            "table": _html([row for row in table if not folded or not row["is_withheld"]], has),
            "withheld": _html(folded, has),
            "withheld_rows": len(folded),
            "shown": len(table),
            "unit_words": metric["unit"].replace("share", "%"),
            "ends": next(iter(scales.values())).ends if len(scales) == 1 else ("", ""),
            "has": has,
            "has_several": has["organisation"],
        }

    def _whose(self, code: str | None) -> str:
        return "All together" if code is None else self.site.organisations.get(code, code)


class Scale:
    """One axis for all rows of a table, so that their pictures can be compared: a forest plot in a table.
    Ratios are drawn on a logarithmic axis with 1 marked, differences with 0."""

    def __init__(self, found: list[Row], unit: str):
        bounds = [value[name] for value in found for name in ("value", "lower", "upper")]
        figures = [figure for figure in bounds if figure is not None]
        self._is_share = unit == "share"
        self._places = 1 if self._is_share else 2 if unit == "ratio" else places_for(figures)
        self._is_log = unit == "ratio" and all(figure > 0 for figure in figures)
        ends = [*figures, 1.0] if self._is_log else [*figures, 0.0]
        if self._is_share and min(ends) >= 0 and max(ends) <= 1:
            ends = [0.0, 1.0]
        self.low, self.high = min(ends), max(ends)
        self._mark = 1.0 if self._is_log else 0.0

    def _x(self, figure: float) -> float:
        low, high, place = (log(each) if self._is_log else each for each in (self.low, self.high, figure))
        return round(MARGIN + (WIDTH - 2 * MARGIN) * ((place - low) / (high - low) if high > low else 0.5), 1)

    def picture(self, value: Row) -> Row | None:
        """Where the dot and the ends of the line are; none for what has no value."""
        if value["value"] is None:
            return None
        bounds = (value["lower"], value["upper"])
        return {
            "dot": self._x(value["value"]),
            "mark": self._x(self._mark),
            "line": None if None in bounds else [self._x(bound) for bound in bounds],
        }

    @property
    def ends(self) -> tuple[str, str]:
        """The figures at both ends of the axis."""
        return self.figure(self.low), self.figure(self.high)

    def figure(self, figure: float | None) -> str:
        """A figure in the unit of the axis."""
        if figure is None:
            return NOTHING
        return f"{number(100 * figure, self._places)}%" if self._is_share else number(figure, self._places)


def _html(table: list[Row], has: dict[str, bool]) -> Markup:
    """Rows of a table. Written here and not in a template, because a site has tens of thousands."""
    found = []
    for row in table:
        cells = [f'<th scope="row">{escape(row["organisation"])}</th>'] if has["organisation"] else []
        cells += [f"<td>{escape(row['measure'] or '')}</td>"] if has["measure"] else []
        cells += [f"<td>{escape(row['group'] or 'all')}</td>"] if has["group"] else []
        cells += [f'<td>{row["period"]}</td><td class="n">{escape(row["value"])}</td>']
        cells += [f'<td class="n">{row["interval"]}</td>'] if has["interval"] else []
        picture = _svg(row["picture"]) if row["picture"] else ""
        found.append(
            f'<tr>{"".join(cells)}<td class="n">{row["of"]}</td><td class="axis">{picture}</td></tr>'
        )
    return Markup("\n".join(found))


def _svg(picture: Row) -> str:
    line = f'<path d="M{picture["line"][0]} 8H{picture["line"][1]}"/>' if picture["line"] else ""
    return (
        '<svg viewBox="0 0 180 16" width="180" height="16" aria-hidden="true">'
        f'<path class="mark" d="M{picture["mark"]} 0v16"/>{line}'
        f'<circle cx="{picture["dot"]}" cy="8" r="4"/></svg>'
    )


def _unit_of(metric: Row, value: Row) -> str:
    first, _, second = metric["unit"].partition("; ")
    has_second = any(part in value["stratum"] for part in SECOND_UNIT.get(metric["metric_id"], ()))
    return second if second and has_second else first


def _fitting(metrics: list[list[Row]]) -> list[list[Row]]:
    """The rows of each metric that a page of bounded size can show."""
    for periods in PERIODS_SHOWN:
        shown = [_latest(found, periods) for found in metrics]
        if sum(map(len, shown)) <= ROWS_ON_A_PAGE:
            return shown
    most = max(ROWS_ON_A_PAGE // len(metrics), 1)
    return [_newest(found, most) for found in metrics]


def _newest(found: list[Row], most: int) -> list[Row]:
    """As many of the last periods as have at most so many rows; at least one row of each metric."""
    periods = len({value["period_start"] for value in found if value["period_start"]})
    fitting = (_latest(found, amount) for amount in range(periods, 0, -1))
    return next((shown for shown in fitting if len(shown) <= most), found[:most])


def _latest(found: list[Row], amount: int) -> list[Row]:
    """What is of the last periods, or of no period."""
    periods = sorted({value["period_start"] for value in found if value["period_start"]}, reverse=True)
    kept = set(periods[:amount])
    return [value for value in found if value["period_start"] is None or value["period_start"] in kept]


def _withheld(value: Row) -> str:
    """Why there is no value; empty when there is one. What is withheld has no figure anywhere in the row."""
    if not value["is_suppressed"] and value["value"] is not None:
        return ""
    reason = value["suppression_reason"]
    return WITHHELD.get(reason, words(reason).lower()) if reason else NOTHING


def _interval(value: Row, scale: Scale) -> str:
    if _withheld(value) or value["lower"] is None or value["upper"] is None:
        return ""
    return f"{scale.figure(value['lower'])} to {scale.figure(value['upper'])}"


def _of(value: Row) -> str:
    """Numerator and denominator, or how many observations."""
    if _withheld(value):
        return ""
    if value["numerator"] is not None and value["denominator"] is not None:
        return f"{_count(value['numerator'])} of {_count(value['denominator'])}"
    return f"n = {_count(value['n'])}" if value["n"] is not None else ""


def _count(amount: float) -> str:
    return number(amount, 0 if amount == int(amount) else 1)
