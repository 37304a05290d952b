"""The first page: the organisation tonight, on one screen; and the same for each organisation of its own."""

from collections import Counter
from collections.abc import Iterator
from html import escape

import duckdb
from markupsafe import Markup

from pipelines.report.listing import parts, script
from pipelines.report.mart import Row, grouped, rows
from pipelines.report.measures import row_of, strength_order
from pipelines.report.projects import Projects
from pipelines.report.site_map import Site, organisation_folder
from pipelines.report.templates import template
from pipelines.report.words import count, number

STRONGEST = 6
ORGANISATIONS_LISTED = 40
KINDS = (
    ("improvement", "Improving"),
    ("concern", "Of concern"),
    ("other", "Other special cause"),
    ("stable", "Stable"),
    ("none", "Too few points"),
)
NAMES = ("Organisation", "Active projects", *(name for _, name in KINDS), "Charts")
NUMERIC = NAMES[1:-1]
CHANCE = """
select organisation_code, rule_set_id, series, flagged, expected_by_chance
from spc.fct_false_alarm
where points_band = 'all' and signal_scope = 'last point'
order by rule_set_id
"""
CHANGED = """
with ranked as (
    select series_id, rule_set_id, release_id, variation_icon, is_shown,
        lag(variation_icon) over (partition by series_id, rule_set_id order by release_id) as before
    from spc.fct_published_icon
)
select ranked.series_id, ranked.before, ranked.variation_icon
from ranked inner join spc.fct_spc_status as status
    on ranked.series_id = status.series_id and ranked.rule_set_id = status.rule_set_id and status.is_chosen
where ranked.release_id = (select max(release_id) from ops.release)
    and ranked.before is distinct from ranked.variation_icon
    and ranked.before is not null and ranked.is_shown
"""
EXPECTED = """
select organisation_code, count(*) filter (where status in ('missing', 'source_late')) as late
from core.fct_expected_point where due_on >= (select max(as_of_date) from ops.release) - 60 group by all
"""
OPEN = "select count(distinct (load_id, source_row)) from ops.fct_quarantined_row where status = 'open'"


class Overview:
    """What the overviews look up once."""

    def __init__(self, site: Site, projects: Projects, connection: duckdb.DuckDBPyConnection):
        self.site, self.projects = site, projects
        self.chance = rows(connection, CHANCE)
        self.changed = rows(connection, CHANGED)
        late = rows(connection, EXPECTED)
        self.late = {row["organisation_code"]: row["late"] for row in late}
        self.own_series = grouped(site.series, "organisation_code")
        self.own_projects = grouped(site.projects, "organisation_code")
        self.icons = {code: variation_counts(self.own_series.get(code, [])) for code in site.organisations}
        self.rows = {code: self._row(code, name) for code, name in site.organisations.items()}
        found = connection.execute(OPEN).fetchone()
        self.waiting = found[0] if found else 0

    def page(self, organisation_code: str | None) -> tuple[str, str]:
        """Address and text of an overview. The one of all compares no organisation's own measures."""
        site = self.site
        is_all = organisation_code is None
        chosen = site.series if is_all else self.own_series.get(organisation_code, [])
        projects = site.projects if is_all else self.own_projects.get(organisation_code, [])
        shown = [it for it in chosen if it["purpose"] == "assurance"] if is_all else chosen
        root = "" if is_all else "../../"
        changed = self._changed(chosen)
        name = "The organisations tonight" if is_all else site.organisations[organisation_code]
        return (
            "index.html" if is_all else f"{organisation_folder(organisation_code)}/index.html",
            template("overview.html.jinja").render(
                site.common
                | {
                    "root": root,
                    "here": "index.html",
                    "title": name,
                    "trail": [] if is_all else [("index.html", "Overview")],
                    "is_all": is_all,
                    "release": site.release,
                    "tiles": self._tiles(chosen, projects, organisation_code),
                    "chance": self._chance(organisation_code),
                    "stages": self.projects.by_stage(projects),
                    "concerns": self._strongest(shown, "concern"),
                    "improvements": self._strongest(shown, "improvement"),
                    "changed": changed if not is_all else [],
                    "changed_count": len(changed),
                    "loads": self._loads(),
                    "waiting": self.waiting,
                    "organisations": self._listed() if is_all else [],
                    "hidden": max(len(self.rows) - ORGANISATIONS_LISTED, 0),
                    "columns": NAMES,
                    "numeric": NUMERIC,
                    "folder": "" if is_all else f"{organisation_folder(organisation_code)}/",
                }
            ),
        )

    def _tiles(
        self, chosen: list[Row], projects: list[Row], code: str | None
    ) -> list[tuple[str, str, str, str]]:
        """Kind, number, words and note of each of the large numbers."""
        icons = variation_counts(chosen)
        late = sum(self.late.values()) if code is None else self.late.get(code, 0)
        active = sum(bool(it["is_active"]) for it in projects)
        return [
            ("project", number(active), "active projects", f"of {count(len(projects), 'project')}"),
            (
                "improvement",
                number(icons["improvement"]),
                "charts improving",
                "special cause, the better way",
            ),
            ("concern", number(icons["concern"]), "charts of concern", "special cause, the worse way"),
            ("common", number(icons["stable"]), "charts stable", "common cause only"),
            ("late", number(late), "periods late", "due in the last 60 days"),
        ]

    def _chance(self, code: str | None) -> list[str]:
        """How many of tonight's signals chance alone would give, by rule set."""
        return [
            f"{number(row['flagged'])} of {count(row['series'], 'chart')} signal at their last point by the "
            f"rules “{self.site.rule_sets[row['rule_set_id']]['rule_set_name']}”. If nothing had changed "
            f"anywhere, chance alone would give about {number(row['expected_by_chance'])}."
            for row in self.chance
            if row["organisation_code"] == code
        ]

    def _strongest(self, chosen: list[Row], kind: str) -> list[Row]:
        """The strongest signals; those that speak of today before those whose next point is overdue."""
        found = [it for it in chosen if it["variation_icon"].startswith(kind)]
        return [row_of(self.site, it) for it in strength_order(self.site, found)[:STRONGEST]]

    def _changed(self, chosen: list[Row]) -> list[Row]:
        """Charts whose icon this release shows otherwise than the one before."""
        known = {it["series_id"]: it for it in chosen}
        return [
            row_of(self.site, known[row["series_id"]]) | {"before": row["before"]}
            for row in self.changed
            if row["series_id"] in known
        ]

    def _loads(self) -> list[tuple[str, int]]:
        """How many files of the release met which verdict."""
        first = (self.site.release or {}).get("first_load_id") or "~"
        verdicts = Counter(row["verdict"] for row in self.site.loads.values() if row["load_id"] >= first)
        return sorted(verdicts.items())

    def organisation_pages(self) -> Iterator[tuple[str, str]]:
        """Address and text of the list of organisations, when they are too many for the first page."""
        if len(self.rows) <= ORGANISATIONS_LISTED:
            return
        rendered = list(self.rows.values())
        for listing in parts("organisations", "Organisations", NAMES, NUMERIC, (), rendered):
            values = {
                "root": "",
                "here": "index.html",
                "title": "Organisations",
                "trail": [("index.html", "Overview")],
                "listing": listing,
                "total": len(rendered),
            }
            page = template("organisations.html.jinja").render(self.site.common | values)
            yield listing.pages[listing.part], page
            if listing.rest and listing.part == 0:
                yield listing.rest, script(listing.name, rendered)

    def _listed(self) -> list[Markup]:
        """The rows of the organisations on the first page: all, or those with most charts."""
        codes = sorted(self.rows, key=lambda code: -sum(self.icons[code].values()))[:ORGANISATIONS_LISTED]
        return [Markup(self.rows[code]) for code in self.rows if code in set(codes)]

    def _row(self, code: str, name: str) -> str:
        icons, active = self.icons[code], sum(bool(it["is_active"]) for it in self.own_projects.get(code, []))
        cells = "".join(f'<td class="n">{number(icons[kind])}</td>' for kind, _ in KINDS)
        return (
            f'<tr data-f=""><th scope="row"><a href="{organisation_folder(code)}/index.html">{escape(name)}'
            f'</a></th><td class="n">{number(active)}</td>{cells}<td>{_shares(icons)}</td></tr>'
        )


def _shares(icons: Counter[str]) -> str:
    """The charts of an organisation as one bar in parts; its numbers stand beside it."""
    whole = sum(icons.values()) or 1
    parts_of_bar = "".join(
        f'<i class="s-{kind}" style="width:{100 * icons[kind] / whole:.1f}%"></i>'
        for kind, _ in KINDS
        if icons[kind]
    )
    return f'<span class="shares" aria-hidden="true">{parts_of_bar}</span>'


def variation_counts(chosen: list[Row]) -> Counter[str]:
    """Charts by what they say: improvement, concern, other special cause, stable, too few points."""
    counts: Counter[str] = Counter(improvement=0, concern=0, other=0, stable=0, none=0)
    for it in chosen:
        kind = it["variation_icon"].split("_")[0]
        if kind in ("improvement", "concern"):
            counts[kind] += 1
        elif kind == "neutral" or it["has_runs_signal"]:
            counts["other"] += 1
        else:
            counts["stable" if kind == "common" else "none"] += 1
    return counts
