"""Long tables in parts: a page holds some rows, a script file all of them for searching.

Belongs here: cutting rendered rows into pages of bounded size. Does not belong here: what a row is.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

from markupsafe import Markup

from pipelines.report.words import words

BYTES_A_PAGE = 130_000
BETWEEN_VALUES = "¦"


@dataclass(frozen=True)
class Listing:
    """One part of a table. `filters`: names and options, in the order of the values of each row; without
    options it is not shown. `rest`: the script with all its rows, empty when this part has them all."""

    name: str
    caption: str
    names: tuple[str, ...]
    numeric: tuple[str, ...]
    filters: tuple[tuple[str, list[str]], ...]
    html: Markup
    pages: list[str]
    part: int
    rest: str

    @property
    def places(self) -> dict[str, int]:
        """Which of the values of a row each filter looks at."""
        return {name: place for place, (name, _) in enumerate(self.filters)}


def parts(
    name: str,
    caption: str,
    names: tuple[str, ...],
    numeric: tuple[str, ...],
    filters: tuple[tuple[str, list[str]], ...],
    rendered: Sequence[str],
) -> Iterator[Listing]:
    """Cut a table into parts, pages `<name>.html`, `<name>-2.html`, … `rendered`: the HTML of each row."""
    chunks: list[list[str]] = [[]]
    size = 0
    for row in rendered:
        if size + len(row) > BYTES_A_PAGE and chunks[-1]:
            chunks.append([])
            size = 0
        chunks[-1].append(row)
        size += len(row.encode("utf-8"))
    pages = [f"{name}.html" if part == 0 else f"{name}-{part + 1}.html" for part in range(len(chunks))]
    for part, chunk in enumerate(chunks):
        html = Markup("\n".join(chunk))
        rest = f"{name}.js" if len(chunks) > 1 else ""
        yield Listing(name, caption, names, numeric, filters, html, pages, part, rest)


def script(name: str, rendered: Sequence[str]) -> str:
    """The script that hands all rows of a table to the page that asks for them."""
    return f"qiRows({json.dumps(name)},{json.dumps(chr(10).join(rendered), ensure_ascii=False)})\n"


def filter_values(values: Iterable[str]) -> str:
    """The attribute by which filters know a row, one value each."""
    return f' data-f="{escape(BETWEEN_VALUES.join(value.replace(BETWEEN_VALUES, "|") for value in values))}"'


@cache
def icon(root: str, code: str | None) -> str:
    """The picture of an icon with its words; empty for none."""
    if code in (None, "none"):
        return ""
    image = f'<img src="{root}assets/{escape(code)}.svg" width="40" height="40" alt="">'
    return f'<span class="icon">{image}{escape(words(code))}</span>'


def spark(path: str) -> str:
    """The last values of a series as a small line; the page of the series has them as numbers."""
    if not path:
        return ""
    last = path.rpartition("L")[2].removeprefix("M")
    return (
        '<svg class="spark" viewBox="0 0 120 28" width="120" height="28" aria-hidden="true">'
        f'<path d="{path}"/><path class="last" d="M{last}h0"/></svg>'
    )
