"""Several values a row on one axis, joined by a line: before and after, claimed and found, fifths."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.report.axis import linear
from pipelines.report.drawings.canvas import WIDTH, Canvas, Drawing, places_of, shortened

LEFT, RIGHT, TOP, ROW = 330, 820, 16, 28
LONGEST = 40


@dataclass(frozen=True)
class Strip:
    """One row: its name, what stands below it, and a value for each kind of mark; None has no mark."""

    label: str
    values: tuple[float | None, ...]
    texts: tuple[str, ...]


def strips(
    name: str,
    title: str,
    says: str,
    rows: Sequence[Strip],
    kinds: Sequence[tuple[str, str]],
    first_column: str,
    axis_name: str,
    suffix: str = "",
    bounds: tuple[float, ...] = (),
    note: str = "",
) -> Drawing | None:
    """Draw rows in their order. `kinds`: the kind of mark and the name of each value; `bounds`: what must lie
    on the axis. None without rows."""
    if not rows:
        return None
    values = [value for row in rows for value in row.values if value is not None]
    axis = linear([*values, *bounds], LEFT, RIGHT, percent=suffix == "%")
    bottom = TOP + ROW * len(rows) + 8
    canvas = Canvas(bottom + 48)
    canvas.along(axis, TOP, bottom, suffix)
    canvas.text("e q", RIGHT, bottom + 40, axis_name)
    for place, row in enumerate(rows):
        y = TOP + ROW * place + ROW / 2 + 4
        canvas.text("e", LEFT - 16, y + 4.5, shortened(row.label, LONGEST))
        drawn = [axis.place(value) for value in row.values if value is not None]
        if len(drawn) > 1:
            canvas.line("join", min(drawn), y, max(drawn), y)
        for (kind, _), value in zip(kinds, row.values, strict=True):
            if value is not None:
                canvas.dot(kind, axis.place(value), y, 5.5)
    spots = [
        (
            axis.place(next((value for value in reversed(row.values) if value is not None), axis.low)),
            TOP + ROW * place + ROW / 2 + 4,
        )
        for place, row in enumerate(rows)
    ]
    names = tuple(text for _, text in kinds)
    return Drawing(
        name=name,
        title=title,
        says=says,
        svg=canvas.svg(says),
        width=WIDTH,
        height=canvas.height,
        columns=(first_column, *names),
        numeric=names,
        rows=[[row.label, *row.texts] for row in rows],
        places=places_of(spots),
        key=tuple(kinds),
        note=note,
    )
