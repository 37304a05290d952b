"""The summary table of measures, as Making Data Count made it known: strongest signal first."""

from collections.abc import Iterator

from pipelines.report.listing import parts, script
from pipelines.report.mart import Row
from pipelines.report.series import place_within, subtitle
from pipelines.report.site_map import Site, organisation_folder
from pipelines.report.templates import rendered_rows, template
from pipelines.report.words import number, period, places_for, stratum_words, words

NAMES = (
    "Measure", "Directorate", "Family", "Domain", "Latest", "Target", "Mean", "Lower limit", "Upper limit",
    "Variation", "Assurance",
)  # fmt: skip
NUMERIC = ("Latest", "Target", "Mean", "Lower limit", "Upper limit")
FILTERED = ("Directorate", "Family", "Domain", "Variation", "Assurance")


def strength_order(site: Site, series: list[Row]) -> list[Row]:
    """Strongest signal first. Series whose next point is overdue come after those that speak of today."""

    def key(it: Row) -> tuple:
        rank = site.ranks.get(it["series_id"])
        is_common = it["variation_icon"] in ("common_cause", "none") and not it["has_runs_signal"]
        return (
            bool(it["is_stale"]),
            is_common,
            -(rank["strength"] or 0.0) if rank else 0.0,
            it["measure_name"],
            it["series_id"],
        )

    return sorted(series, key=key)


def row_of(site: Site, it: Row, root: str, names_organisation: bool = False) -> Row:
    """What the summary table says of one series."""
    shown = [
        it[name] for name in ("last_value", "centre_line", "upper_limit", "target") if it[name] is not None
    ]
    places = places_for(shown)
    unit = "%" if it["unit_of_measure"] == "%" else ""
    variation = it["variation_icon"]
    return {
        "root": root,
        "page": site.series_page(it),
        "name": it["measure_name"],
        "where": subtitle(it) if names_organisation else place_within(it),
        "directorate": it["directorate"] or "",
        "family": words(it["family"]),
        "domain": words(it["quality_domain"]),
        "latest": number(it["last_value"], places) + unit if it["last_value"] is not None else "–",
        "unit": "" if unit else it["unit_of_measure"],
        "period": period(it["last_period_start"], it["frequency"]),
        "stratum": stratum_words(it["stratum"]),
        "target": number(it["target"], places),
        "mean": number(it["centre_line"], places),
        "lower": number(it["lower_limit"], places),
        "upper": number(it["upper_limit"], places),
        "variation": variation,
        "runs": bool(it["has_runs_signal"]) and variation == "common_cause",
        "assurance": it["assurance_icon"],
        "stale": bool(it["is_stale"]),
    }


def _options(found: list[Row]) -> tuple[tuple[str, list[str]], ...]:
    keys = {"Directorate": "directorate", "Family": "family", "Domain": "domain"}
    options = {name: sorted({row[key] for row in found if row[key]}) for name, key in keys.items()}
    for name in ("Variation", "Assurance"):
        options[name] = sorted({words(row[name.lower()]) for row in found} - {words("none")})
    return tuple((name, options[name]) for name in FILTERED if len(options[name]) > 1)


def measure_pages(site: Site, organisation_code: str | None) -> Iterator[tuple[str, str]]:
    """Address and text of each part of the table, and of the script with all its rows.

    Without an organisation: measures for assurance only, because numbers kept for improvement are not for
    comparison between organisations. They stand on their organisation's own pages.
    """
    if organisation_code is None:
        chosen = [it for it in site.series if it["purpose"] == "assurance" and it["stratum"] == "all"]
        folder, root, trail = "", "", []
        title = "Measures for assurance, all organisations"
    else:
        chosen = [it for it in site.series if it["organisation_code"] == organisation_code]
        folder, root = f"{organisation_folder(organisation_code)}/", "../../"
        trail = site.trail(organisation_code, "measures")[:2]
        title = f"Measures of {site.organisations[organisation_code]}"
    found = [row_of(site, it, root, organisation_code is None) for it in strength_order(site, chosen)]
    rendered = rendered_rows("measure", found)
    for listing in parts("measures", title, NAMES, NUMERIC, _options(found), rendered):
        yield (
            f"{folder}{listing.pages[listing.part]}",
            template("measures.html.jinja").render(
                site.common
                | {
                    "root": root,
                    "here": "measures.html",
                    "title": title,
                    "trail": trail,
                    "listing": listing,
                    "total": len(found),
                    "organisations": site.others(organisation_code, "measures"),
                    "is_all": organisation_code is None,
                }
            ),
        )
        if listing.rest and listing.part == 0:
            yield f"{folder}{listing.rest}", script(listing.name, rendered)
