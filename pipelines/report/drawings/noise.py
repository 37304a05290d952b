"""How often colours between red, amber and green changed for nothing: a bar an organisation, in parts."""

from collections.abc import Callable, Sequence

from pipelines.report.axis import linear
from pipelines.report.drawings.canvas import WIDTH, Canvas, Drawing, places_of, shortened
from pipelines.report.mart import Row
from pipelines.report.words import count, number

LEFT, RIGHT, TOP, ROW = 330, 820, 16, 30
LONGEST = 40
MOST_BARS = 40
PARTS = (
    ("noise", "changes_by_noise", "Chance alone"),
    ("cause", "changes_with_special_cause", "Special cause"),
    ("moved", "changes_by_target", "Target changed"),
)


def noise(found: Sequence[Row], name_of: Callable[[str | None], str]) -> Drawing | None:
    """`found`: rows of `spc.fct_rag_noise` of organisations and for all. None when no colour has changed."""
    shown = [row for row in found if row["colour_changes"]]
    shown.sort(key=lambda row: (row["organisation_code"] is not None, -row["colour_changes"]))
    shown = shown[:MOST_BARS]
    if not shown:
        return None
    axis = linear((0.0, 100.0), LEFT, RIGHT, percent=True)
    bottom = TOP + ROW * len(shown) + 4
    canvas = Canvas(bottom + 46)
    canvas.along(axis, TOP, bottom, "%")
    canvas.text("e q", RIGHT, bottom + 38, "of all changes of colour")
    for place, row in enumerate(shown):
        y, start = TOP + ROW * place + 5, 0.0
        canvas.text("e", LEFT - 16, y + 14, shortened(name_of(row["organisation_code"]), LONGEST))
        for kind, name, _ in PARTS:
            share = 100 * row[name] / row["colour_changes"]
            canvas.bar(kind, axis.place(start), y, axis.place(start + share) - axis.place(start), ROW - 10)
            start += share
    first = shown[0]
    ends = [axis.place(100 * row["changes_by_noise"] / row["colour_changes"]) for row in shown]
    says = (
        f"{name_of(first['organisation_code'])}: {number(first['changes_by_noise'])} of "
        f"{count(first['colour_changes'], 'change')} between red, amber and green had no special cause and "
        "no changed target."
    )
    return Drawing(
        name="rag-noise",
        title="Changes of colour, and why",
        says=says,
        svg=canvas.svg(says),
        width=WIDTH,
        height=canvas.height,
        columns=("Organisation", *(text for _, _, text in PARTS), "All changes"),
        numeric=(*(text for _, _, text in PARTS), "All changes"),
        rows=[
            [
                name_of(row["organisation_code"]),
                *(number(row[name]) for _, name, _ in PARTS),
                number(row["colour_changes"]),
            ]
            for row in shown
        ],
        places=places_of([(end, TOP + ROW * place + 15) for place, end in enumerate(ends)]),
        key=tuple((kind, text.lower()) for kind, _, text in PARTS),
        note="In the past two years, of series with a target. Organisations with most changes first, "
        f"at most {MOST_BARS}.",
    )
