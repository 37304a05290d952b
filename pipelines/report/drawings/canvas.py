"""What every drawing of Maturity and Outcomes is: an SVG of our own with a sentence and a table.

Belongs here: putting shapes and escaped text on a canvas. Does not belong here: what is drawn, colours
(`site.css`, below `.drawn`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from pipelines.report.axis import Axis

WIDTH = 880
MOST_ROWS = 200


@dataclass(frozen=True)
class Drawing:
    """What a page shows. `places`: x,y of each row of the table, for reading it by mouse and keys.
    `key`: shape and meaning of marks. Columns whose name is in `numeric` are numbers."""

    name: str
    title: str
    says: str
    svg: Markup
    width: int
    height: int
    columns: tuple[str, ...]
    numeric: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    places: str
    key: tuple[tuple[str, str], ...] = ()
    note: str = ""


class Canvas:
    """Shapes in the order they are put, each of a kind that the style sheet knows."""

    def __init__(self, height: int, width: int = WIDTH):
        self.width, self.height = width, height
        self._shapes: list[str] = []

    def path(self, kind: str, data: str) -> None:
        self._shapes.append(f'<path class="{kind}" d="{data}"/>')

    def line(self, kind: str, x1: float, y1: float, x2: float, y2: float) -> None:
        self.path(kind, f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}")

    def dot(self, kind: str, x: float, y: float, radius: float = 5) -> None:
        self._shapes.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>')

    def mark(self, kind: str, x: float, y: float) -> None:
        """A square, for what must differ from a dot also in its shape."""
        self.path(kind, f"M{x - 4.5:.1f} {y - 4.5:.1f}h9v9h-9z")

    def bar(self, kind: str, x: float, y: float, width: float, height: float) -> None:
        self._shapes.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
        )

    def text(self, kind: str, x: float, y: float, text: str, turned: float = 0.0) -> None:
        """Escaped text. Kinds `e` and `m` end and have their middle at x. `turned`: degrees round x, y."""
        turn = f' transform="rotate({turned:.1f} {x:.1f} {y:.1f})"' if turned else ""
        name = f' class="{kind}"' if kind else ""
        self._shapes.append(f'<text{name} x="{x:.1f}" y="{y:.1f}"{turn}>{escape(text)}</text>')

    def across(self, axis: Axis, left: float, right: float, suffix: str = "") -> None:
        """The ticks of an axis that goes up, as lines across."""
        for place, text in axis.ticks(suffix):
            self.line("g", left, place, right, place)
            self.text("e", left - 8, place + 4.5, text)

    def along(self, axis: Axis, top: float, bottom: float, suffix: str = "") -> None:
        """The ticks of an axis that goes to the right, as lines down and text below them."""
        for place, text in axis.ticks(suffix):
            self.line("g", place, top, place, bottom)
            self.text("m", place, bottom + 18, text)

    def svg(self, says: str) -> Markup:
        """The whole drawing; `says` is read to those who do not see it."""
        return Markup(
            f'<svg class="drawn" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" role="img" aria-label="{escape(says)}">{"".join(self._shapes)}</svg>'
        )


def places_of(spots: Sequence[tuple[float, float]]) -> str:
    """Places for `Drawing`, rounded to pixels."""
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in spots)


def shortened(text: str, most: int) -> str:
    """A label that fits; the table has the whole."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
