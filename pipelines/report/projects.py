"""The portfolio of projects, and one page a project."""

from collections import Counter
from collections.abc import Iterator
from html import escape

import duckdb

from pipelines.report.listing import filter_values, parts, script
from pipelines.report.mart import Row, digest, grouped, rows
from pipelines.report.measures import row_of
from pipelines.report.site_map import Site, organisation_folder
from pipelines.report.templates import template
from pipelines.report.timeline import timeline
from pipelines.report.words import NOTHING, number, short_day, words

NAMES = (
    "Project", "Status", "Progress", "Involvement", "Domain", "Cycles", "Last activity", "Outcome",
)  # fmt: skip
FILTERED = ("Organisation", "Directorate", "Status", "Progress", "Method", "Domain", "Involvement", "Outcome")
NUMERIC = ("Cycles",)
FAMILIES = ("outcome", "process", "balancing")
ROOT = "../../../"
MEMBERS = """
select project_id, role, coalesce(staff_group, 'not stated') as staff_group, count(*) as people
from core.bridge_project_member group by all order by project_id, role, staff_group
"""
LINKS = "select * from core.fct_spread_link order by parent_project_id, child_project_id"
SCORES = """
select project_id, self_score, self_scored_on, computed_score, score_gap, missing_evidence, baseline,
    current_level, target, aim_share_pct
from maturity.fct_progress_score
"""
STAGES = "select value, label from core.vocabulary where vocabulary = 'progress_score' order by sort_order"


class Projects:
    """The projects of a site, and what only their pages look up."""

    def __init__(self, site: Site, connection: duckdb.DuckDBPyConnection):
        self.site = site
        self.members = grouped(rows(connection, MEMBERS), "project_id")
        links = rows(connection, LINKS)
        self.children = grouped(links, "parent_project_id")
        self.parents = grouped(links, "child_project_id")
        self.scores = {row["project_id"]: row for row in rows(connection, SCORES)}
        self.by_id = {it["project_id"]: it for it in site.projects}
        self._rows: dict[str, Row] = {}
        self.stages = {float(value): label for value, label in connection.execute(STAGES).fetchall()}

    def stage(self, it: Row) -> str:
        """The progress score that the team gave itself, in words."""
        score = it["progress_score"]
        return "Not scored" if score is None else f"{number(score, 1)} {self.stages.get(score, '')}".strip()

    def key(self, it: Row) -> str:
        """A hash of all that the page of a project shows."""
        shown = {name: value for name, value in it.items() if not name.startswith("days_since")}
        names = [self._linked(link) for link in self._links(it)]
        series = [row_of(self.site, each) for each in self.site.series_of_project.get(it["project_id"], [])]
        project_id = it["project_id"]
        members, cycles = self.members.get(project_id), self.site.cycles.get(project_id)
        return digest(shown, names, series, members, cycles, self.scores.get(project_id))

    def _links(self, it: Row) -> list[tuple[str, str, Row]]:
        spread = self.children.get(it["project_id"], [])
        adopted = self.parents.get(it["project_id"], [])
        return [("Spread to", link["child_project_id"], link) for link in spread] + [
            ("Adopted from", link["parent_project_id"], link) for link in adopted
        ]

    def _linked(self, found: tuple[str, str, Row]) -> Row:
        how, project_id, link = found
        other = self.by_id.get(project_id)
        return {
            "how": how,
            "page": self.site.project_page(other) if other else None,
            "title": other["title"] if other else project_id,
            "on": link["adopted_on"],
        }

    def page(self, it: Row) -> str:
        """The page of one project."""
        site = self.site
        series = site.series_of_project.get(it["project_id"], [])
        # Deprivation fifths and other strata are on the page of their measure.
        charts = [each for each in series if each["stratum"] == "all"] or series
        families = [
            (family, [row_of(site, each) for each in charts if each["family"] == family])
            for family in FAMILIES
        ]
        return template("project.html.jinja").render(
            site.common
            | {
                "root": ROOT,
                "here": "",
                "title": it["title"],
                "trail": site.trail(it["organisation_code"], "projects"),
                "it": it,
                "organisation": site.organisations[it["organisation_code"]],
                "stage": self.stage(it),
                "roles": self._roles(it),
                "families": families,
                "charts": [(site.series_place(each), each["measure_name"], each) for each in charts],
                "cycles": site.cycles.get(it["project_id"], []),
                "links": [self._linked(link) for link in self._links(it)],
                "evidence": evidence(it),
                "timeline": timeline(it, site.cycles.get(it["project_id"], [])),
                "score": self.scores.get(it["project_id"]),
                "computed": self.stage({"progress_score": self.scores[it["project_id"]]["computed_score"]})
                if it["project_id"] in self.scores
                else NOTHING,
            }
        )

    def _roles(self, it: Row) -> list[tuple[str, int]]:
        """How many people have each role. Who they are is nobody's business here."""
        people: Counter[str] = Counter()
        for row in self.members.get(it["project_id"], []):
            people[row["role"]] += row["people"]
        return sorted((words(role), amount) for role, amount in people.items())

    def listing_pages(self, organisation_code: str | None) -> Iterator[tuple[str, str]]:
        """Address and text of each part of the portfolio, and of the script with all its rows."""
        site = self.site
        chosen = [it for it in site.projects if organisation_code in (None, it["organisation_code"])]
        folder = f"{organisation_folder(organisation_code)}/" if organisation_code else ""
        root = "../../" if organisation_code else ""
        whose = f" of {site.organisations[organisation_code]}" if organisation_code else ""
        chosen.sort(key=lambda it: (not it["is_active"], it["title"] or "", it["project_id"]))
        found = [self._row(it) for it in chosen]
        rendered = [_html(row, root, organisation_code is None) for row in found]
        options = {name: sorted({row[name] for row in found} - {NOTHING}) for name in FILTERED}
        filters = tuple((name, shown if len(shown) > 1 else []) for name, shown in options.items())
        for listing in parts("projects", f"Projects{whose}", NAMES, NUMERIC, filters, rendered):
            yield (
                f"{folder}{listing.pages[listing.part]}",
                template("projects.html.jinja").render(
                    site.common
                    | {
                        "root": root,
                        "here": "projects.html",
                        "title": f"Projects{whose}",
                        "trail": site.trail(organisation_code, "projects")[:2] if organisation_code else [],
                        "listing": listing,
                        "total": len(found),
                        "active": sum(bool(it["is_active"]) for it in chosen),
                        "stages": self.by_stage(chosen),
                    }
                ),
            )
            if listing.rest and listing.part == 0:
                yield f"{folder}{listing.rest}", script(listing.name, rendered)

    def by_stage(self, chosen: list[Row]) -> list[tuple[str, int]]:
        """How many active projects are at each stage, in the order of the stages."""
        active = [it for it in chosen if it["is_active"]]
        stages = [None, *sorted({it["progress_score"] for it in active if it["progress_score"] is not None})]
        counted = [
            (self.stage({"progress_score": score}), sum(it["progress_score"] == score for it in active))
            for score in stages
        ]
        return [each for each in counted if each[1]]

    def _row(self, it: Row) -> Row:
        known = self._rows.get(it["project_id"])
        if known is None:
            known = self._rows[it["project_id"]] = {
                "page": self.site.project_page(it),
                "title": it["title"] or it["project_id"],
                "Organisation": self.site.organisations[it["organisation_code"]],
                "Directorate": it["directorate"] or NOTHING,
                "Status": words(it["status"]),
                "Progress": self.stage(it),
                "Method": it["method"] or NOTHING,
                "Domain": words(it["quality_domain"]),
                "Involvement": words(it["involvement"]),
                "Outcome": words(it["outcome"]),
                "score": it["progress_score"] or 0,
                "cycles": number(it["pdsa_cycles"]),
                "last_on": it["last_activity_on"] or "",
                "last": short_day(it["last_activity_on"]),
            }
        return known


def _html(row: Row, root: str, names_organisation: bool) -> str:
    """One row of the portfolio. Written here and not in a template, because a site has thousands."""
    below = [row["Organisation"] if names_organisation else "", row["Directorate"], row["Method"]]
    small = escape(" · ".join(part for part in below if part not in ("", NOTHING)))
    return (
        f"<tr{filter_values('' if row[name] == NOTHING else row[name] for name in FILTERED)}>"
        f'<th scope="row"><a href="{root}{row["page"]}">{escape(row["title"])}</a><small>{small}</small></th>'
        f'<td>{escape(row["Status"])}</td><td data-v="{row["score"]}">{escape(row["Progress"])}</td>'
        f"<td>{escape(row['Involvement'])}</td><td>{escape(row['Domain'])}</td>"
        f'<td class="n">{row["cycles"]}</td><td data-v="{row["last_on"]}">{row["last"]}</td>'
        f"<td>{escape(row['Outcome'])}</td></tr>"
    )


def evidence(it: Row) -> list[tuple[str, bool]]:
    """What the register shows for the progress that a team claims."""
    return [
        ("A charter with its day", it["chartered_on"] is not None),
        ("A coach", bool(it["has_coach"])),
        ("A sponsor", bool(it["has_sponsor"])),
        ("An outcome measure", bool(it["has_outcome_measure"])),
        ("A process measure", bool(it["has_process_measure"])),
        ("A balancing measure", bool(it["has_balancing_measure"])),
        ("Points of its measures", bool(it["measure_points"])),
        ("A PDSA cycle begun", bool(it["pdsa_cycles"])),
        ("A PDSA cycle completed", bool(it["pdsa_cycles_completed"])),
    ]
