"""The templates, compiled once, with everything escaped."""

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from pipelines.report.words import day, number, period, short_day, words

FOLDER = Path(__file__).parent
TEMPLATES = FOLDER / "templates"
ASSETS = FOLDER / "assets"


@cache
def environment() -> jinja2.Environment:
    """Escapes whatever is put into a page or a drawing; an unknown name is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
    )
    tools = {"words": words, "number": number, "day": day, "short_day": short_day, "period": period}
    made.filters.update(tools)
    made.globals.update(tools)
    return made


def rendered_rows(kind: str, found: list[dict[str, Any]]) -> list[str]:
    """The HTML of each row of a long table, by the macro of that name."""
    macro = getattr(template("rows.html.jinja").module, kind)
    return [str(macro(row)) for row in found]


@cache
def template(name: str) -> jinja2.Template:
    return environment().get_template(name)
