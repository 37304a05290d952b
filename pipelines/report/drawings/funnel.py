"""A funnel: organisations by how much was counted, against limits outside of which chance explains nothing.

Limits are the mart's, one a member; between members they are joined."""

from collections.abc import Callable, Sequence

from pipelines.report.axis import Axis, linear, logarithmic
from pipelines.report.drawings.canvas import MOST_ROWS, WIDTH, Canvas, Drawing, places_of
from pipelines.report.mart import Row
from pipelines.report.words import count, file_name, number

LEFT, RIGHT, TOP, BOTTOM = 64, 820, 30, 330
HEIGHT = 380
HIGHEST = 4.0
FEWEST = 5
MOST_NAMED = 12
WITHIN = "within limits"


def funnel(members: Sequence[Row], whole: Row | None, name_of: Callable[[str], str]) -> Drawing | None:
    """`members`: rows of metric O16 for one measure, one an organisation; `whole`: its row on how many lie
    outside. None of fewer than five."""
    found = sorted(
        (row for row in members if row["value"] is not None and (row["denominator"] or 0) > 0),
        key=lambda row: row["denominator"],
    )
    if len(found) < FEWEST:
        return None
    counted = logarithmic([row["denominator"] for row in found], LEFT, RIGHT)
    ratios = linear([0.0, 2.0, *(min(row["value"], HIGHEST) for row in found)], BOTTOM, TOP)
    canvas = Canvas(HEIGHT)
    canvas.across(ratios, LEFT, RIGHT)
    canvas.line("centre", LEFT, ratios.place(1), RIGHT, ratios.place(1))
    for name in ("upper", "lower"):
        canvas.path("limit", _joined(found, name, counted, ratios))
    _marks(canvas, found, counted, ratios)
    _below(canvas, counted)
    measure = found[0]["measure_name"]
    says = f"{measure}: {_outside(whole, found)} the 99.8% limits."
    shown = sorted(found, key=lambda row: (row["stratum"] == WITHIN, -row["denominator"]))[:MOST_ROWS]
    return Drawing(
        name=f"funnel-{file_name(found[0]['measure_id'])}",
        title=f"{measure}: funnel",
        says=says,
        svg=canvas.svg(says),
        width=WIDTH,
        height=HEIGHT,
        columns=("Organisation", "Counted", "Ratio to all", "99.8% limits", "Where"),
        numeric=("Counted", "Ratio to all", "99.8% limits"),
        rows=[_row(row, name_of) for row in shown],
        places=places_of([(counted.place(row["denominator"]), ratios.place(row["value"])) for row in shown]),
        key=(("grey", "within limits"), ("square", "outside limits"), ("dashes", "99.8% limits")),
        note=_note(len(found), len(shown), any(row["value"] > ratios.high for row in found)),
    )


def _outside(whole: Row | None, found: Sequence[Row]) -> str:
    """How many lie outside, as the metric counts them: also those that have too few to be shown."""
    if whole is None or whole["numerator"] is None:
        return f"{count(len(found), 'organisation')} beside"
    amount = int(whole["numerator"])
    of_all = count(int(whole["denominator"]), "organisation")
    return f"{number(amount) if amount else 'none'} of {of_all} {'lies' if amount == 1 else 'lie'} outside"


def _note(members: int, shown: int, beyond: bool) -> str:
    note = (
        "Limits allow for the usual spread between organisations. One outside them differs by more than that "
        "and chance; why, the funnel does not know. Those outside stand first in the table."
    )
    if beyond:
        note += f" Triangles lie above {number(HIGHEST)}."
    return note if shown == members else f"{note} The table has {shown} of {members}."


def _joined(found: Sequence[Row], name: str, counted: Axis, ratios: Axis) -> str:
    """Path data through the limits of all members; one a pixel is enough."""
    places: dict[float, float] = {}
    for row in found:
        if row[name] is not None and row[name] <= ratios.high:
            places.setdefault(round(counted.place(row["denominator"])), ratios.place(row[name]))
    return "".join(f"{'L' if at else 'M'}{x:.0f} {y:.1f}" for at, (x, y) in enumerate(places.items()))


def _marks(canvas: Canvas, found: Sequence[Row], counted: Axis, ratios: Axis) -> None:
    within = [row for row in found if row["stratum"] == WITHIN and row["value"] <= ratios.high]
    dots = [(counted.place(row["denominator"]), ratios.place(row["value"])) for row in within]
    canvas.path("dots", "".join(f"M{x:.1f} {y:.1f}h0" for x, y in dots))
    spots = [(row, counted.place(row["denominator"]), ratios.place(row["value"])) for row in found]
    beyond = [f"M{x - 5:.0f} {y + 5:.0f}h10l-5-9z" for row, x, y in spots if row["value"] > ratios.high]
    canvas.path("beyond", "".join(beyond))
    outside = [
        f"M{x - 4:.0f} {y - 4:.0f}h8v8h-8z"
        for row, x, y in spots
        if row["stratum"] != WITHIN and row["value"] <= ratios.high
    ]
    canvas.path("outside", "".join(outside))
    for row, x, y in spots if len(found) <= MOST_NAMED else ():
        canvas.text("q m", x, y - 9, row["organisation_code"])


def _below(canvas: Canvas, counted: Axis) -> None:
    canvas.line("x", LEFT, BOTTOM, RIGHT, BOTTOM)
    for place, text in counted.ticks():
        canvas.line("x", place, BOTTOM, place, BOTTOM + 5)
        canvas.text("m", place, BOTTOM + 20, text)
    canvas.text("e q", RIGHT, HEIGHT - 8, "counted (denominator), by powers of ten")
    canvas.text("q", 8, 12, "ratio to all together")


def _row(row: Row, name_of: Callable[[str], str]) -> list[str]:
    limits = f"{number(row['lower'], 2)} to {number(row['upper'], 2)}"
    return [
        name_of(row["organisation_code"]),
        number(row["denominator"]),
        number(row["value"], 2),
        limits,
        row["stratum"].capitalize(),
    ]
