"""Long tables in parts: a page holds some rows, a script file all of them for searching.

Belongs here: cutting rendered rows into pages of bounded size. Does not belong here: what a row is.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

BYTES_A_PAGE = 130_000


@dataclass(frozen=True)
class Listing:
    """One part of a table. `rest`: the script with all its rows, empty when this part has them all."""

    name: str
    caption: str
    names: tuple[str, ...]
    numeric: tuple[str, ...]
    filters: tuple[tuple[str, list[str]], ...]
    html: Markup
    pages: list[str]
    part: int
    rest: str


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
