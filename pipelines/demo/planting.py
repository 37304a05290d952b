"""What a planted fault is, and the tools to plant one."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.demo.columns import POINT_COLUMNS
from pipelines.demo.files import Line, TextFile


@dataclass(frozen=True)
class Dirt:
    """One planted fault.

    `file`: path below the inbox (`absent`: the folder from which on nothing comes). `verdict`: accepted,
    quarantined, refused, unrecognised, repeated or absent. `codes`: the gate's codes for the lines.
    `released_by`: the file whose arrival frees what is held back. `lines`: line numbers in the file, the
    header being line 1; empty when the whole file is meant (`is_whole_file`).
    """

    name: str
    file: str
    verdict: str
    what: str
    becomes: str
    codes: tuple[str, ...] = ()
    released_by: str | None = None
    is_whole_file: bool = False
    lines: tuple[int, ...] = ()


def tag(lines: list[Line], name: str) -> None:
    """Mark lines as carrying the fault `name`."""
    for line in lines:
        line.tag = name


def free_lines(text: TextFile, wanted: Callable[[list[str]], bool] | None = None) -> list[Line]:
    """Lines that carry no fault yet and, if asked, fit `wanted` (called with the cells)."""
    return [line for line in text.lines if line.tag is None and (wanted is None or wanted(line.cells))]


def some_of(rng: np.random.Generator, lines: list[Line], number: int) -> list[Line]:
    """Up to `number` different lines, in their order."""
    places = sorted(rng.choice(len(lines), min(number, len(lines)), replace=False)) if lines else []
    return [lines[place] for place in places]


def copy_of(line: Line, **cells: str) -> Line:
    """A copy of a line of points with other cells."""
    values = dict(zip(POINT_COLUMNS, line.cells, strict=True))
    return Line(list({**values, **cells}.values()))
