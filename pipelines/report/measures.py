"""The summary table of measures, as Making Data Count made it known: strongest signal first."""

from collections.abc import Iterator
from html import escape

from pipelines.report.listing import filter_values, icon, parts, script, spark
from pipelines.report.mart import Row
from pipelines.report.series import place_within, subtitle
from pipelines.report.site_map import Site, organisation_folder
from pipelines.report.templates import template
from pipelines.report.words import NOTHING, is_percent, number, period, places_for, stratum_words, words

NAMES = (
    "Measure", "Last values", "Latest", "Target", "Mean", "Lower limit", "Upper limit", "Variation",
    "Assurance",
)  # fmt: skip
NUMERIC = ("Latest", "Target", "Mean", "Lower limit", "Upper limit")
FILTERED = {
    "Directorate": "directorate",
    "Family": "family",
    "Domain": "domain",
    "Variation": "variation",
    "Assurance": "assurance",
}


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


def row_of(site: Site, it: Row) -> Row:
    """What summary tables say of one series, the same on every page."""
    known = site.summaries.get(it["series_id"])
    if known is None:
        known = site.summaries[it["series_id"]] = _summary(site, it)
    return known


def _summary(site: Site, it: Row) -> Row:
    shown = [
        it[name] for name in ("last_value", "centre_line", "upper_limit", "target") if it[name] is not None
    ]
    places = places_for(shown)
    unit = "%" if is_percent(it["unit_of_measure"]) else ""
    variation = it["variation_icon"]
    return {
        "page": site.series_page(it),
        "name": it["measure_name"],
        "whose": subtitle(it),
        "where": place_within(it),
        "directorate": it["directorate"] or "",
        "family": words(it["family"]),
        "domain": words(it["quality_domain"]),
        "latest": number(it["last_value"], places) + unit if it["last_value"] is not None else NOTHING,
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
        "spark": site.sparks.get(it["series_id"], ""),
    }


def _filters(found: list[Row]) -> tuple[tuple[str, list[str]], ...]:
    options = {name: sorted({_option(row, key) for row in found} - {""}) for name, key in FILTERED.items()}
    return tuple((name, shown if len(shown) > 1 else []) for name, shown in options.items())


def _option(row: Row, key: str) -> str:
    """What a filter knows a row by: empty for what nobody looks for."""
    value = row[key]
    if key in ("variation", "assurance"):
        return "" if value in (None, "none") else words(value)
    return "" if value == NOTHING else value


def _html(row: Row, root: str, names_organisation: bool) -> str:
    """One row of the table. Written here and not in a template, because a site has ten thousand."""
    where = [
        row["whose" if names_organisation else "where"],
        row["directorate"],
        row["family"],
        row["domain"],
    ]
    below = escape(" · ".join(part for part in where if part not in ("", NOTHING)))
    stale = ' <span class="tag">overdue</span>' if row["stale"] else ""
    runs = ' <span class="tag">runs signal</span>' if row["runs"] else ""
    unit = f"{escape(row['unit'])}<br>" if row["unit"] else ""
    assurance = icon(root, row["assurance"]) or (
        "No target" if row["target"] == NOTHING else "Too few points"
    )
    values = filter_values(_option(row, key) for key in FILTERED.values())
    cells = "".join(f'<td class="n">{row[name]}</td>' for name in ("target", "mean", "lower", "upper"))
    return (
        f'<tr{values}><th scope="row"><a href="{root}{row["page"]}">{escape(row["name"])}</a>{stale}'
        f"<small>{below}</small></th><td>{spark(row['spark'])}</td>"
        f'<td class="n">{row["latest"]} <small>{unit}{row["period"]}</small></td>{cells}'
        f"<td>{icon(root, row['variation']) or 'Too few points'}{runs}</td><td>{assurance}</td></tr>"
    )


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
    found = [row_of(site, it) for it in strength_order(site, chosen)]
    rendered = [_html(row, root, organisation_code is None) for row in found]
    for listing in parts("measures", title, NAMES, NUMERIC, _filters(found), rendered):
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
