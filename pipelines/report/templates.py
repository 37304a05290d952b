"""The templates, compiled once, with everything escaped."""

from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from pipelines.report.listing import spark
from pipelines.report.words import count, day, number, period, short_day, words

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
    tools = {
        "count": count,
        "words": words,
        "number": number,
        "day": day,
        "short_day": short_day,
        "period": period,
    }
    tools["spark"] = lambda path: Markup(spark(path))
    made.filters.update(tools)
    made.globals.update(tools)
    return made


@cache
def template(name: str) -> jinja2.Template:
    return environment().get_template(name)
