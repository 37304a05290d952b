"""A check as one HTML page that needs nothing else: no script, no font, no request."""

from pathlib import Path

import jinja2

from pipelines.check.check import Check, ExtractCheck
from pipelines.check.text import FATES, WORDS, counts_of, lines_of, not_checked, place, ranges, total

# A page that lists more runs of lines than this helps nobody; the CSV and the workbook have all.
RUNS_NAMED = 2_000

TEMPLATE = Path(__file__).with_name("page.html.jinja")


def write_page(check: Check, path: Path) -> None:
    """Write the page. Whatever a file or a column is called is shown as text."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    page = template.render(
        check=check,
        headline=total(check),
        words=WORDS,
        fates=FATES,
        counts=counts_of,
        not_checked=not_checked,
        place=place,
        lines=lambda each, result: sorted(set(lines_of(each, result))),
        ranges=ranges,
        rows=_rows,
        most=RUNS_NAMED,
    )
    path.write_text(page, encoding="utf-8")


def _rows(check: ExtractCheck, part: str) -> int:
    return getattr(check.row, f"rows_{part}")
