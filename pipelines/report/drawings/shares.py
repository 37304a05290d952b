"""A bar a row in parts that make up the whole: why colours changed, who gained from a benefit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipelines.report.axis import linear
from pipelines.report.drawings.canvas import WIDTH, Canvas, Drawing, places_of, shortened

LEFT, RIGHT, TOP, ROW = 330, 820, 16, 30
LONGEST = 40


@dataclass(frozen=True)
class Bar:
    """One row: its name and the amount of each part."""

    label: str
    amounts: tuple[float, ...]

    @property
    def whole(self) -> float:
        """All parts together."""
        return sum(self.amounts)


def shares(
    name: str,
    title: str,
    says: str,
    bars: Sequence[Bar],
    parts: Sequence[tuple[str, str]],
    columns: tuple[str, str],
    axis_name: str,
    figure: Callable[[float], str],
    note: str,
) -> Drawing | None:
    """Draw bars in their order, each as long as the others. `parts`: kind and name of each; `columns`: what a
    row is and what its whole is called. None without bars."""
    if not bars:
        return None
    axis = linear((0.0, 100.0), LEFT, RIGHT, percent=True)
    bottom = TOP + ROW * len(bars) + 4
    canvas = Canvas(bottom + 46)
    canvas.along(axis, TOP, bottom, "%")
    canvas.text("e q", RIGHT, bottom + 38, axis_name)
    spots = []
    for place, bar in enumerate(bars):
        y, start = TOP + ROW * place + 5, 0.0
        canvas.text("e", LEFT - 16, y + 14, shortened(bar.label, LONGEST))
        for (kind, _), amount in zip(parts, bar.amounts, strict=True):
            share = 100 * amount / bar.whole
            canvas.bar(kind, axis.place(start), y, axis.place(start + share) - axis.place(start), ROW - 10)
            start += share
        spots.append((axis.place(100 * bar.amounts[0] / bar.whole), y + 10))
    numeric = (*(text for _, text in parts), columns[1])
    return Drawing(
        name=name,
        title=title,
        says=says,
        svg=canvas.svg(says),
        width=WIDTH,
        height=canvas.height,
        columns=(columns[0], *numeric),
        numeric=numeric,
        rows=[[bar.label, *map(figure, bar.amounts), figure(bar.whole)] for bar in bars],
        places=places_of(spots),
        key=tuple((kind, text.lower()) for kind, text in parts),
        note=note,
    )
