"""Who works with whom: the units or organisations on a circle, and a line for each tie."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import cos, pi, sin

from pipelines.report.drawings.canvas import Canvas, Drawing, places_of, shortened
from pipelines.report.words import count, number

WIDTH, HEIGHT, RADIUS = 880, 720, 185
CENTRE = (WIDTH / 2, HEIGHT / 2)
MOST_MEMBERS = 60
LONGEST, LONGEST_LEVEL = 20, 30
MOST_LEVEL = 12
TOWARDS_CENTRE = 0.35

Spot = tuple[float, float]


def ties(
    members: Mapping[str, str],
    found: Sequence[tuple[str, str]],
    silent: Mapping[str, str],
    wave: str,
    whose: str,
) -> Drawing | None:
    """`members`: name by key, in the order they stand on the circle; `found`: who named whom, each pair once;
    `silent`: why members have no answers to show. None without ties, or with more than fit a circle."""
    named = {(one, other) for one, other in found if one in members and other in members and one != other}
    named -= {(one, other) for one, other in named if one in silent}
    if not named or len(members) > MOST_MEMBERS:
        return None
    spots = _circle(list(members))
    pairs = {tuple(sorted(pair)) for pair in named}
    mutual = {(one, other) for one, other in pairs if (one, other) in named and (other, one) in named}
    canvas = Canvas(HEIGHT, WIDTH)
    canvas.path("oneway", "".join(_bent(spots[one], spots[other]) for one, other in sorted(pairs - mutual)))
    canvas.path("mutual", "".join(_bent(spots[one], spots[other]) for one, other in sorted(mutual)))
    out, into, both = _degrees(named, mutual)
    for place, (key, name) in enumerate(members.items()):
        x, y = spots[key]
        canvas.dot("hollow" if key in silent else "unit", x, y, 4 + min(into[key], 16) / 2)
        _label(canvas, name, 2 * pi * place / len(members) - pi / 2, len(members) <= MOST_LEVEL)
    says = (
        f"{whose}, {wave}: {number(len(pairs))} of {number(len(members) * (len(members) - 1) // 2)} pairs "
        f"are tied, {number(len(mutual))} of them by ties that both named."
    )
    return Drawing(
        name="ties",
        title=f"Who works with whom, {wave}",
        says=says,
        svg=canvas.svg(says),
        width=WIDTH,
        height=HEIGHT,
        columns=("Who", "Named", "Was named by", "Mutual"),
        numeric=("Named", "Was named by", "Mutual"),
        rows=[
            [
                name,
                silent[key] if key in silent else number(out[key]),
                number(into[key]),
                number(both[key]),
            ]
            for key, name in members.items()
        ],
        places=places_of([spots[key] for key in members]),
        key=(("line", "both named the other"), ("thin", "one named the other")),
        note="The larger a circle, the more named it."
        + (f" Hollow: {count(len(silent), 'unit')} whose own answers are not shown." if silent else ""),
    )


def _circle(keys: Sequence[str]) -> dict[str, Spot]:
    angles = [2 * pi * place / len(keys) - pi / 2 for place in range(len(keys))]
    return {
        key: (CENTRE[0] + RADIUS * cos(angle), CENTRE[1] + RADIUS * sin(angle))
        for key, angle in zip(keys, angles, strict=True)
    }


def _bent(one: Spot, other: Spot) -> str:
    """A line bent towards the centre, so that lines of neighbours can be told apart."""
    middle = [
        (a + b) / 2 * (1 - TOWARDS_CENTRE) + centre * TOWARDS_CENTRE
        for a, b, centre in zip(one, other, CENTRE, strict=True)
    ]
    return f"M{one[0]:.0f} {one[1]:.0f}Q{middle[0]:.0f} {middle[1]:.0f} {other[0]:.0f} {other[1]:.0f}"


def _degrees(
    named: set[tuple[str, str]], mutual: set[tuple[str, str]]
) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """How many each named, was named by, and is tied with both ways."""
    out: dict[str, int] = defaultdict(int)
    into: dict[str, int] = defaultdict(int)
    both: dict[str, int] = defaultdict(int)
    for one, other in named:
        out[one] += 1
        into[other] += 1
    for one, other in mutual:
        both[one] += 1
        both[other] += 1
    return out, into, both


def _label(canvas: Canvas, name: str, angle: float, is_level: bool) -> None:
    """A name outside the circle: level where there is room, else turned so that none lies on another and none
    stands on its head."""
    x, y = CENTRE[0] + (RADIUS + 18) * cos(angle), CENTRE[1] + (RADIUS + 18) * sin(angle)
    is_left = cos(angle) < -1e-9
    if is_level:
        kind = "m t" if abs(cos(angle)) < 0.3 else "e t" if is_left else "t"
        canvas.text(kind, x, y + 4 + 6 * sin(angle), shortened(name, LONGEST_LEVEL))
        return
    degrees = angle * 180 / pi + (180 if is_left else 0)
    canvas.text("e t" if is_left else "t", x, y + 4, shortened(name, LONGEST), degrees)
