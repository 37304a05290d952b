"""Writes what was found of an unknown file as a mapping, with comments where it is unsure.

Belongs here: the text of a draft. Does not belong here: finding and guessing (`onboard`, `onboard_columns`).
Comments name columns and counts, never what a cell holds.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import yaml

from pipelines.extracts.onboard_columns import MONTH_NAMES, Column, Guess
from pipelines.extracts.read import Extracted
from pipelines.extracts.readers.cells import Cells, Layout, clean_name

# A placeholder that no gate takes: a period before the NHS, so that a draft used as it is loads no point.
NO_PERIOD = "1900-01-01"
# What a draft calls the note with the period above a table.
MONTH = "month"


@dataclass(frozen=True)
class Found:
    """What is known of a file: `names` are those the mapping uses, "" for columns without one."""

    name: str
    file_name: str
    content_name: str
    layout: Layout
    usual_delimiter: str | None
    cells: Cells
    names: tuple[str, ...]
    guess: Guess
    month_format: str | None = None
    known_as: str | None = None
    has_control_total: bool = False


def draft(found: Found, tried: Sequence[Extracted] | None) -> str:
    """The draft's text. `tried`: what it read from the file, for its first lines."""
    lines = [
        *_head(found, tried),
        f"mapping: {found.name}",
        "source_system: CHANGE ME",
        "description: Drafted by qi onboard from one file. Say what the file is, who sends it and how often.",
        "owner: QI data team",
        f"file: {_scalar(_pattern(found.content_name))}",
        *_layout(found),
        *_ignored(found),
        "extracts:",
        *_organisations(found),
        *(_points(found) if found.guess.numbers else []),
        *(_measures(found) if found.guess.numbers else []),
    ]
    return "\n".join(lines) + "\n"


def _head(found: Found, tried: Sequence[Extracted] | None) -> Iterator[str]:
    yield f"# A draft of the layout of {found.file_name}."
    yield "# Lines marked `unsure` are guesses: check each, and everything that says CHANGE."
    if found.known_as is not None:
        yield f"# The mapping {found.known_as} reads this file already."
    for extracted in tried or ():
        table = extracted.table
        flags = [name for name in table.column_names if name.endswith("__unparsed")]
        unread = sum(sum(table.column(flag).to_pylist()) for flag in flags)
        ignored = sum(extracted.rows_ignored.values())
        yield (
            f"# Tried on the file: {extracted.extract}, {extracted.rows_received:,} rows, "
            f"{ignored:,} ignored, {len(extracted.malformed_rows):,} malformed, {table.num_rows:,} records, "
            f"{unread:,} cells unreadable."
        )
    if found.cells.encoding not in (None, "utf-8"):
        yield f"# The text is encoded as {found.cells.encoding}."
    guess = found.guess
    if not guess.numbers:
        yield "# No column of numbers was found, so it is taken for a register of organisations."
    signs = sorted({sign for column in guess.columns for sign in column.signs})
    if signs:
        yield f"# Signs of withheld numbers seen, which become null: {', '.join(map(_scalar, signs))}."
    left = [column.name for column in guess.columns if column.is_share and column.is_number]
    if left:
        yield f"# Left aside, because shares follow from counts: {', '.join(map(_scalar, left))}."


def _layout(found: Found) -> Iterator[str]:
    layout = found.layout
    if layout.sheet.name:
        yield "sheet:"
        yield f"  name: {_scalar(layout.sheet.name[0])}  # unsure: the sheet that looks most like a table"
        if layout.sheet.header_rows > 1:
            yield f"  header_rows: {layout.sheet.header_rows}"
        for name, note in layout.sheet.notes.items():
            yield f"  notes: {{{name}: {{beside: {_quoted(note.beside)}}}}}"
    if found.cells.delimiter is not None and found.cells.delimiter != found.usual_delimiter:
        yield f"delimiter: {_quoted(found.cells.delimiter)}"
    if not layout.has_header:
        yield "# The first row looks like data, so the columns are named by number: give them names."
        used = sorted(_used(found), key=lambda column: column.position)
        named = ", ".join(f"{column.position + 1}: {_scalar(column.name)}" for column in used)
        yield f"headerless: {{widths: [{len(found.names)}], columns: {{{named}}}}}"
        return
    used = {clean_name(column.name) for column in _used(found)}
    yield "header:"
    yield from (f"  - {_scalar(name)}" for name in found.names if clean_name(name) in used)
    others = [name for name in found.names if name and clean_name(name) not in used]
    if others:
        yield "optional:"
        yield from (f"  - {_scalar(name)}" for name in others)


def _used(found: Found) -> list[Column]:
    """The columns that the draft reads; the first of all where there is none."""
    guess = found.guess
    columns = [guess.organisation, guess.name, guess.period, guess.total_in, guess.stratum, guess.closed]
    columns += [column for column in guess.numbers if not column.is_share]
    return list(dict.fromkeys(column for column in columns if column is not None)) or [guess.columns[0]]


def _ignored(found: Found) -> Iterator[str]:
    column = found.guess.total_in
    if column is None:
        return
    words = "|".join(map(re.escape, column.totals))
    control = ", control_total: true" if found.has_control_total else ""
    yield "ignore_rows:"
    if not found.has_control_total and found.guess.numbers:
        yield "  # unsure: these totals are not the sums of all other rows; perhaps of some (see `within`)"
    yield f"  - {{column: {_scalar(column.name)}, matches: {_quoted(words)}, reason: total row{control}}}"


def _organisation(found: Found) -> str:
    column = found.guess.organisation
    if column is None:
        return "CHANGE-ME  # unsure: no column looks like codes of organisations"
    text = f"{{column: {_scalar(column.name)}, case: upper}}"
    others = column.filled - column.codes
    return text if not others else f"{text}  # unsure: {others:,} of its cells do not look like ODS codes"


def _organisations(found: Found) -> Iterator[str]:
    guess = found.guess
    yield "  organisations:"
    yield "    columns:"
    yield f"      organisation_code: {_organisation(found)}"
    if guess.name is not None:
        yield f"      organisation_name: {{column: {_scalar(guess.name.name)}}}  # unsure"
    if guess.closed is not None and not guess.numbers:
        yield f"      closed_on: {_day(guess.closed)}  # unsure"
    if guess.numbers and guess.period is not None:
        yield f"      valid_from: {_start(guess)}"
    yield '      register_rank: "3"'
    if guess.numbers and guess.period is not None:
        yield "    one_per: {columns: [organisation_code], earliest: valid_from}"


def _points(found: Found) -> Iterator[str]:
    guess = found.guess
    yield "  measure_points:"
    yield "    columns:"
    yield f"      organisation_code: {_organisation(found)}"
    if guess.period is None and found.month_format is not None:
        month = f"note: {MONTH}, format: {_quoted(found.month_format)}, period: month"
        yield f"      period_start: {{{month}}}"
        yield f"      period_end: {{{month}, edge: end}}"
    elif guess.period is None:
        yield f"      period_start: {_quoted(NO_PERIOD)}  # unsure: no column looks like a period"
    else:
        note = (
            "" if re.search("period|month|date|quarter", guess.period.name, re.IGNORECASE) else "  # unsure"
        )
        yield f"      period_start: {_start(guess)}{note}"
        if guess.is_monthly:
            yield f"      period_end: {_day(guess.period, 'period: month, edge: end')}"
    if guess.stratum is not None:
        yield f"      stratum: {{column: {_scalar(guess.stratum.name)}}}  # unsure: tells lines apart"
    yield "    records:"
    for column in _values(guess):
        yield f"      - measure_id: {_measure(found, column)}"
        whole = guess.pairs.get(column.name)
        if whole is None:
            yield f"        value: {{column: {_scalar(column.name)}}}"
        else:
            yield f"        numerator: {{column: {_scalar(column.name)}}}  # unsure"
            yield f"        denominator: {{column: {_scalar(whole.name)}}}  # unsure"
            yield "        drop_when_zero: denominator"
    if not guess.is_unique:
        yield "    # unsure: lines share organisation, period and stratum. Are they parts of a sum?"
        stratum = ", stratum" if guess.stratum is not None else ""
        has_end = found.month_format is not None or (guess.period is not None and guess.is_monthly)
        end = ", period_end" if has_end else ""
        yield "    add_up:"
        numbers = "value, numerator, denominator" if guess.pairs else "value"
        yield f"      columns: [{numbers}]"
        yield f"      per: [measure_id, organisation_code{stratum}, period_start{end}]"


def _measures(found: Found) -> Iterator[str]:
    yield "# unsure: everything about the measures but their numbers. Ask who sends the file."
    yield "provides:"
    yield "  measures:"
    frequency = "month" if found.guess.is_monthly else "event"
    shared = "family: process, improvement_direction: neutral, purpose: assurance"
    yield f"    shared: {{{shared}, frequency: {frequency}}}"
    yield "    rows:"
    for column in _values(found.guess):
        yield f"      - measure_id: {_measure(found, column)}"
        yield f"        measure_name: {_scalar(column.name)}"
        if column.name in found.guess.pairs:
            yield "        unit_of_measure: percent  # unsure"
            yield '        multiplier: "100"'


def _values(guess: Guess) -> list[Column]:
    return [column for column in guess.numbers if not column.is_share] or list(guess.numbers)


def _measure(found: Found, column: Column) -> str:
    return re.sub(r"[^a-z0-9]+", "_", f"{found.name} {column.name}".lower()).strip("_")


def _start(guess: Guess) -> str:
    assert guess.period is not None
    return _day(guess.period, "period: month" if guess.is_monthly else "")


def _day(column: Column, steps: str = "") -> str:
    format_ = f"format: {_quoted(column.format)}" if column.format else ""
    words = ", ".join(part for part in (f"column: {_scalar(column.name)}", format_, steps) if part)
    return f"{{{words}}}"


def _pattern(file_name: str) -> str:
    """The file's name with its digits and months left open."""
    path = PurePosixPath(file_name)
    months = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTH_NAMES)
    stem = re.sub(rf"(?<![a-zA-Z])(?:{months})(?![a-zA-Z])", "*", path.stem, flags=re.IGNORECASE)
    return re.sub(r"[*\d]+(?:[-_ .]*[*\d]+)*", "*", f"{stem}*") + path.suffix


def _scalar(text: str) -> str:
    """A text as YAML reads it back, also within brackets."""
    is_plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9 _./+&()>-]*[A-Za-z0-9)]|[A-Za-z]", text) is not None
    is_word = yaml.safe_load(text) == text if is_plain else False
    return text if is_word else _quoted(text)


def _quoted(text: str | None) -> str:
    return yaml.safe_dump(text or "", default_style='"', width=10_000, allow_unicode=True).strip()
