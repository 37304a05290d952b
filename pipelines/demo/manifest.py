"""`SYNTHETIC.md`: what the inbox says about itself, in plain English."""

from pipelines.demo.deliveries import Deliveries
from pipelines.demo.dirt import Dirt
from pipelines.demo.timeline import Timeline

HEAD = """# This inbox is synthetic

Every file below this folder was made by a program. No person, patient, project or number in it is real;
the organisations do not exist. Names of organisations say "(synthetic)", their codes begin with ZZ, and
people are identifiers that name nobody.

The folder's date is the day on which its files were received.
"""


def manifest(seed: int, timeline: Timeline, deliveries: Deliveries, dirt: list[Dirt]) -> str:
    """The text of `SYNTHETIC.md`."""
    kinds = ["backlog (the whole history)", "month end", "month end", "week", "week", "week"]
    days = [f"- {folder}: {kind}" for folder, kind in zip(deliveries.folders, kinds, strict=True)]
    return "\n".join(
        [
            HEAD,
            f"Made with the seed {seed} for the time from {timeline.start} to {timeline.end}. The same seed",
            "and dates make the same bytes.",
            "",
            "## Deliveries",
            "",
            *days,
            "",
            "## Planted faults",
            "",
            "Everything else is meant to load. Lines are counted with the header as line 1. Codes are those",
            "of the gates when deliveries are judged one after the other; where what was missing has already",
            "arrived in the same night, the rows load at once.",
            "",
            *[_section(name, [one for one in dirt if one.name == name]) for name in _names(dirt)],
        ]
    )


def _names(dirt: list[Dirt]) -> list[str]:
    return list(dict.fromkeys(one.name for one in dirt))


def _section(name: str, places: list[Dirt]) -> str:
    return "\n\n".join([f"### {name}", *(_paragraph(place) for place in places)]) + "\n"


def _paragraph(dirt: Dirt) -> str:
    place = f"`{dirt.file}`"
    if dirt.lines:
        shown = ", ".join(str(line) for line in dirt.lines[:12]) + (
            " and more" if len(dirt.lines) > 12 else ""
        )
        place += f", {len(dirt.lines)} {'line' if len(dirt.lines) == 1 else 'lines'}: {shown}"
    verdict = f"{dirt.verdict} ({', '.join(dirt.codes)})" if dirt.codes else dirt.verdict
    freed = f" Freed by `{dirt.released_by}`." if dirt.released_by else ""
    return f"{place}. {dirt.what} Expected: {verdict}. {dirt.becomes}{freed}"
