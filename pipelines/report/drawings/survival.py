"""Kaplan and Meier's curve: which share of projects has no improvement signal yet, by days since charter."""

from collections.abc import Sequence
from itertools import pairwise

from pipelines.report.axis import Axis, round_step
from pipelines.report.drawings.canvas import MOST_ROWS, WIDTH, Canvas, Drawing, places_of
from pipelines.report.mart import Row
from pipelines.report.words import NOTHING, count, number

LEFT, RIGHT, TOP, BOTTOM = 64, 850, 20, 300
HEIGHT = 386
AT_RISK = 352


def survival(found: Sequence[Row], whose: str, median: float | None) -> Drawing | None:
    """`found`: rows of `outcomes.fct_time_to_signal_curve` of one organisation in the order of their days;
    `median`: of metric O08. None without any signal."""
    steps = [row for row in found if row["signals"]]
    if not steps:
        return None
    last = found[-1]["days"]
    step = max(round_step(last / 8), 1.0)
    days, shares = Axis(0, float(last), step, LEFT, RIGHT), Axis(0, 100, 20, BOTTOM, TOP)
    canvas = Canvas(HEIGHT)
    canvas.across(shares, LEFT, RIGHT, "%")
    canvas.path("band", _band(steps, days, shares, last))
    canvas.path("curve", _curve(steps, "without_signal", days, shares, last))
    ended = [row for row in found if row["censored"]]
    canvas.path(
        "tick", "".join(f"M{days.place(row['days']):.1f} {_y(row, shares) - 4:.1f}v8" for row in ended)
    )
    _median(canvas, median, days, shares)
    _below(canvas, found, step, days)
    says = _says(found, steps, whose, median)
    shown = steps[:: -(-len(steps) // MOST_ROWS)]
    return Drawing(
        name="signal-curve",
        title="Projects without a signal, by days since their charter",
        says=says,
        svg=canvas.svg(says),
        width=WIDTH,
        height=HEIGHT,
        columns=("Days since charter", "Without a signal", "95% interval", "At risk", "Signals that day"),
        numeric=("Without a signal", "95% interval", "At risk", "Signals that day"),
        rows=[_row(row) for row in shown],
        places=places_of([(days.place(row["days"]), _y(row, shares)) for row in shown]),
        key=(
            ("line", "share without a signal"),
            ("band", "95% interval"),
            ("bar", "watched for the last time"),
        ),
        note="Projects without a signal count for as long as they were watched. Every day is in "
        "outcomes.fct_time_to_signal_curve.",
    )


def _y(row: Row, shares: Axis) -> float:
    return shares.place(100 * row["without_signal"])


def _curve(steps: Sequence[Row], name: str, days: Axis, shares: Axis, last: float) -> str:
    """Path data of a level that falls at each step and holds until the next."""
    path = [f"M{days.place(0):.1f} {shares.place(100):.1f}"]
    path += [
        f"H{days.place(row['days']):.1f}V{shares.place(100 * row[name]):.1f}"
        for row in steps
        if row[name] is not None
    ]
    return "".join([*path, f"H{days.place(last):.1f}"])


def _band(steps: Sequence[Row], days: Axis, shares: Axis, last: float) -> str:
    """Path data of the area from lower to upper end of the interval, which begins with the first signal."""
    inside = [row for row in steps if row["lower"] is not None]
    if not inside:
        return ""
    ends = [*inside, inside[-1] | {"days": last}]
    upper = [f"M{days.place(inside[0]['days']):.1f} {shares.place(100 * inside[0]['upper']):.1f}"]
    upper += [
        f"H{days.place(right['days']):.1f}V{shares.place(100 * right['upper']):.1f}"
        for _, right in pairwise(ends)
    ]
    lower = [
        f"V{shares.place(100 * left['lower']):.1f}H{days.place(left['days']):.1f}"
        for left, _ in reversed(list(pairwise(ends)))
    ]
    return "".join([*upper, *lower, "Z"])


def _median(canvas: Canvas, median: float | None, days: Axis, shares: Axis) -> None:
    if median is None:
        return
    x, y = days.place(median), shares.place(50)
    canvas.path("target", f"M{LEFT} {y:.1f}H{x:.1f}V{BOTTOM}")
    canvas.text("b", x + 8, y - 8, f"Half by day {number(median)}")


def _below(canvas: Canvas, found: Sequence[Row], step: float, days: Axis) -> None:
    """The axis of days and how many are at risk at each of its ticks."""
    canvas.line("x", LEFT, BOTTOM, RIGHT, BOTTOM)
    canvas.text("q", 8, AT_RISK - 16, "At risk")
    for place, text in days.ticks():
        canvas.line("x", place, BOTTOM, place, BOTTOM + 5)
        canvas.text("m", place, BOTTOM + 20, text)
    for number_of in range(int(days.high // step) + 1):
        day = number_of * step
        left = next((row["at_risk"] for row in found if row["days"] >= day), 0)
        canvas.text("m q", days.place(day), AT_RISK, number(left))
    canvas.text("e q", RIGHT, HEIGHT - 8, "days since charter")


def _says(found: Sequence[Row], steps: Sequence[Row], whose: str, median: float | None) -> str:
    signals = sum(row["signals"] for row in steps)
    half = (
        f"Half had one by day {number(median)}."
        if median is not None
        else "Fewer than half had one, so there is no median."
    )
    projects = count(found[0]["projects"], "project")
    return f"{whose}: {number(signals)} of {projects} got an improvement signal. {half}"


def _row(row: Row) -> list[str]:
    interval = NOTHING
    if row["lower"] is not None:
        interval = f"{number(100 * row['lower'], 1)}% to {number(100 * row['upper'], 1)}%"
    share = f"{number(100 * row['without_signal'], 1)}%"
    return [number(row["days"]), share, interval, number(row["at_risk"]), number(row["signals"])]
