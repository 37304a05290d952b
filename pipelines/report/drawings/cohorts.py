"""Aim met by year of charter: of all that were chartered and of those that closed, with intervals."""

from collections.abc import Sequence
from datetime import date

from pipelines.report.axis import Axis, linear
from pipelines.report.drawings.canvas import WIDTH, Canvas, Drawing, places_of
from pipelines.report.mart import Row
from pipelines.report.words import NOTHING, number

LEFT, RIGHT, TOP, BOTTOM = 64, 850, 20, 300
HEIGHT = 350
ASIDE = 14


def cohorts(chartered: Sequence[Row], closed: Sequence[Row], whose: str) -> Drawing | None:
    """`chartered`, `closed`: rows of the metrics O01 and O02 of one organisation, one a financial year. None
    when no year has a value."""
    by_year = {row["period_start"]: [row, None] for row in chartered}
    for row in closed:
        by_year.setdefault(row["period_start"], [None, None])[1] = row
    shown = [row for pair in by_year.values() for row in pair if row and row["value"] is not None]
    if not shown:
        return None
    years = sorted({row["period_start"] for row in shown})
    bounds = [row[name] for row in shown for name in ("value", "lower", "upper") if row[name] is not None]
    shares = linear([0.0, *(100 * bound for bound in bounds)], BOTTOM, TOP, percent=True)
    canvas = Canvas(HEIGHT)
    canvas.across(shares, LEFT, RIGHT, "%")
    canvas.line("x", LEFT, BOTTOM, RIGHT, BOTTOM)
    middles = [LEFT + (RIGHT - LEFT) * (place + 0.5) / len(years) for place in range(len(years))]
    for middle, year in zip(middles, years, strict=True):
        canvas.text("m", middle, BOTTOM + 22, _name(year))
        for row, aside, kind in zip(by_year[year], (-ASIDE, ASIDE), ("own", "other"), strict=True):
            _mark(canvas, row, middle + aside, shares, kind)
    canvas.text("e q", RIGHT, HEIGHT - 8, "financial year of the charter")
    says = _says([by_year[year] for year in years], years, whose)
    return Drawing(
        name="cohorts",
        title="Aim met, by year of charter",
        says=says,
        svg=canvas.svg(says),
        width=WIDTH,
        height=HEIGHT,
        columns=(
            "Chartered in",
            "Of all chartered",
            "Interval of all",
            "Of those closed",
            "Interval of closed",
        ),
        numeric=("Of all chartered", "Interval of all", "Of those closed", "Interval of closed"),
        rows=[[_name(year), *_cells(by_year[year][0]), *_cells(by_year[year][1])] for year in years],
        places=places_of(
            [(middle, _height(by_year[year], shares)) for middle, year in zip(middles, years, strict=True)]
        ),
        key=(("own", "of all chartered"), ("square", "of those closed with an outcome")),
        note="Those still open or given up count among all chartered, so the lower figure is the honest one.",
    )


def _name(year: date) -> str:
    return f"{year.year}/{(year.year + 1) % 100:02}"


def _mark(canvas: Canvas, row: Row | None, x: float, shares: Axis, kind: str) -> None:
    if row is None or row["value"] is None:
        return
    if row["lower"] is not None and row["upper"] is not None:
        canvas.line(
            f"{kind}-whisker", x, shares.place(100 * row["lower"]), x, shares.place(100 * row["upper"])
        )
    if kind == "own":
        canvas.dot(kind, x, shares.place(100 * row["value"]), 6)
    else:
        canvas.mark("outside", x, shares.place(100 * row["value"]))


def _height(pair: Sequence[Row | None], shares: Axis) -> float:
    return shares.place(next((100 * row["value"] for row in pair if row and row["value"] is not None), 0.0))


def _cells(row: Row | None) -> list[str]:
    if row is None or row["value"] is None:
        return [NOTHING, NOTHING]
    counted = f"{number(row['numerator'])} of {number(row['denominator'])}"
    interval = NOTHING
    if row["lower"] is not None and row["upper"] is not None:
        interval = f"{number(100 * row['lower'], 1)}% to {number(100 * row['upper'], 1)}%"
    return [f"{number(100 * row['value'], 1)}% ({counted})", interval]


def _says(pairs: Sequence[Sequence[Row | None]], years: Sequence[date], whose: str) -> str:
    """The last year of which all that were chartered have a value."""
    known = [
        (year, pair[0])
        for year, pair in zip(years, pairs, strict=True)
        if pair[0] and pair[0]["value"] is not None
    ]
    if not known:
        return f"{whose}: projects that met their aim, of those closed, by year of charter."
    year, row = known[-1]
    return (
        f"{whose}: of the {number(row['denominator'])} projects chartered in {_name(year)}, "
        f"{number(100 * row['value'], 1)}% met their aim."
    )
