"""What all pages share: where each page is, and the small tables that many pages look things up in.

Belongs here: addresses and look-ups. Does not belong here: what stands on a page.
"""

import re
from dataclasses import dataclass, field
from functools import cache, cached_property

import duckdb
from markupsafe import Markup

from pipelines.report.mart import (
    CYCLES,
    LOADS,
    PHASES,
    RANKS,
    SERIES,
    SPARKS,
    SUGGESTIONS,
    Row,
    grouped,
    rows,
)
from pipelines.report.templates import template
from pipelines.report.words import file_name, stratum_words, words

ORGANISATIONS_LISTED = 40
NAVIGATION = (
    ("index.html", "Overview"),
    ("measures.html", "Measures"),
    ("projects.html", "Projects"),
    ("maturity.html", "Maturity"),
    ("outcomes.html", "Outcomes"),
    ("quality.html", "Data quality"),
    ("method.html", "Method"),
    ("dictionary.html", "Data dictionary"),
)


def organisation_folder(code: str) -> str:
    """The folder of all pages that are an organisation's own."""
    return f"organisations/{code if re.fullmatch('[A-Z0-9]{1,12}', code) else file_name(code)}"


@dataclass
class Site:
    """The site of one release. Built by `read_site`."""

    release: Row
    series: list[Row]
    organisations: dict[str, str]
    projects: list[Row]
    cycles: dict[str, list[Row]]
    phases: dict[str, list[Row]]
    loads: dict[str, Row]
    ranks: dict[str, Row]
    suggestions: dict[str, list[Row]]
    rule_sets: dict[str, Row]
    navigation: tuple[tuple[str, str], ...] = NAVIGATION
    series_names: dict[str, str] = field(default_factory=dict)
    project_names: dict[str, str] = field(default_factory=dict)
    sparks: dict[str, str] = field(default_factory=dict)
    # What summary tables say of each series, once it was asked for (`measures.row_of`).
    summaries: dict[str, Row] = field(default_factory=dict)

    @cached_property
    def common(self) -> Row:
        """What the layout of every page needs."""
        is_synthetic = bool(self.release.get("contains_synthetic"))

        @cache
        def top(root: str, here: str) -> Markup:
            made = template("top.html.jinja")
            return Markup(
                made.render(root=root, here=here, navigation=self.navigation, synthetic=is_synthetic)
            )

        return {"top": top}

    @cached_property
    def groups(self) -> dict[tuple, list[Row]]:
        """Series of the same measure, organisation and unit, which differ in their stratum."""
        found: dict[tuple, list[Row]] = {}
        for it in self.series:
            found.setdefault((it["measure_id"], it["organisation_code"], it["unit_code"]), []).append(it)
        return {key: sorted(group, key=lambda it: it["stratum"]) for key, group in found.items()}

    @cached_property
    def series_of_project(self) -> dict[str, list[Row]]:
        return grouped((it for it in self.series if it["project_id"]), "project_id")

    def siblings(self, it: Row) -> list[Row]:
        """The other strata of a series: where their page is, what they are, what their chart says."""
        group = self.groups[it["measure_id"], it["organisation_code"], it["unit_code"]]
        return [
            {
                "name": self.series_names[other["series_id"]],
                "text": stratum_words(other["stratum"]) or "All",
                "icon": words(other["variation_icon"]),
            }
            for other in group
            if other is not it
        ]

    def series_page(self, it: Row) -> str:
        """Where the page of a series is."""
        return f"{self.series_place(it)}.html"

    def series_place(self, it: Row) -> str:
        """Where the files of a series are, without the ending."""
        return f"{organisation_folder(it['organisation_code'])}/m/{self.series_names[it['series_id']]}"

    def project_page(self, it: Row) -> str:
        """Where the page of a project is."""
        return f"{organisation_folder(it['organisation_code'])}/p/{self.project_names[it['project_id']]}.html"

    def others(self, organisation_code: str | None, kind: str) -> list[tuple[str, str]]:
        """The same page of the other organisations; none of so many that a list helps nobody. The overview
        has them all."""
        if len(self.organisations) > ORGANISATIONS_LISTED:
            return []
        return [
            (f"{organisation_folder(code)}/{kind}.html", name)
            for code, name in self.organisations.items()
            if code != organisation_code
        ]

    def trail(self, organisation_code: str, kind: str) -> list[tuple[str, str]]:
        """The way from the overview to an organisation's measures or projects."""
        folder = organisation_folder(organisation_code)
        name = self.organisations.get(organisation_code, organisation_code)
        return [
            ("index.html", "Overview"),
            (f"{folder}/index.html", name),
            (f"{folder}/{kind}.html", words(kind)),
        ]


def read_site(connection: duckdb.DuckDBPyConnection) -> Site:
    """Read what many pages share."""
    release = rows(connection, "select * from ops.release order by release_id desc limit 1")
    series = rows(connection, SERIES)
    projects = rows(connection, "select * from core.fct_project order by project_id")
    register = rows(
        connection, "select organisation_code, organisation_name from core.dim_organisation where is_latest"
    )
    names = {row["organisation_code"]: row["organisation_name"] for row in register}
    codes = sorted({it["organisation_code"] for it in [*series, *projects]})
    site = Site(
        release=release[0] if release else {},
        series=series,
        organisations={code: names.get(code) or code for code in codes},
        projects=projects,
        cycles=grouped(rows(connection, CYCLES), "project_id"),
        phases=grouped(rows(connection, PHASES), "series_id"),
        loads={row["load_id"]: row for row in rows(connection, LOADS)},
        ranks={row["series_id"]: row for row in rows(connection, RANKS)},
        suggestions=grouped(rows(connection, SUGGESTIONS), "series_id"),
        rule_sets={row["rule_set_id"]: row for row in rows(connection, "select * from spc.dim_rule_set")},
    )
    site.series_names = {
        it["series_id"]: file_name(" ".join([it["measure_id"], it["unit_code"] or "", it["stratum"]]))
        for it in series
    }
    site.project_names = {it["project_id"]: file_name(it["project_id"]) for it in projects}
    site.sparks = dict(connection.execute(SPARKS).fetchall())
    return site
