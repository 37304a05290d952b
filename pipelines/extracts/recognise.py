"""Finds the mapping that a delivered file fits, by its name and its header.

Belongs here: choosing, and saying in plain words why nothing could be chosen. Does not belong here: reading
the file (`read`). A reason names files, mappings and the columns a mapping wants, never what a cell holds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.mapping import Mapping
from pipelines.extracts.readers.cells import Layout, clean_name
from pipelines.extracts.readers.formats import Headers, OfFile
from pipelines.extracts.unpack import Content, look_inside, not_one_table, plain_file, stream
from pipelines.extracts.vocabulary import Definition, Sheet

# Share of a mapping's columns below which a file is taken for something else: of a like name, for a canonical
# file; not even near, for a file of another name.
ENOUGH_OF_A_HEADER = 0.5


@dataclass(frozen=True)
class Unrecognised:
    """A file no mapping fits. `nearest` is the mapping that came closest, if any came close."""

    reason: str
    nearest: str | None = None


@dataclass(frozen=True)
class _Fit:
    """How a mapping fits a file: by name, and by header with the columns missing and the share found."""

    mapping: Mapping
    table: str
    by_name: bool
    missing: tuple[str, ...] = ()
    share: float = 0.0
    fault: UnreadableFile | None = None
    width: int | None = None

    @property
    def by_header(self) -> bool:
        return self.share == 1.0

    @property
    def is_whole(self) -> bool:
        return self.by_name and self.by_header


@dataclass(frozen=True)
class Table:
    """A table that is known by its mapping. `name`: its own, in a zip file that holds several tables."""

    mapping: Mapping
    name: str | None = None


def recognise(path: Path, mappings: list[Mapping]) -> Mapping | Unrecognised:
    """The one mapping whose file name and header a file fits, of a zip file's tables that of the first."""
    found = recognise_tables(path, mappings)
    return found if isinstance(found, Unrecognised) else found[0].mapping


def recognise_tables(path: Path, mappings: list[Mapping]) -> list[Table] | Unrecognised:
    """The one mapping whose file name and header a file fits; of a zip file with several tables each that is
    known, with its mapping.

    A file that has the name of one mapping alone but cannot be read, or is canonical and lacks some required
    columns, is recognised too: reading or judging it then tells the supplier more than a shrug.
    """
    try:
        contents = look_inside(path)
    except UnreadableFile as fault:
        return Unrecognised(f"{fault.message} {fault.remedy}")
    fits = [fit for content in contents for fit in _fits(content, mappings)]
    whole = [fit for fit in fits if fit.is_whole]
    for table in dict.fromkeys(fit.table for fit in whole):
        fitting = [fit.mapping.name for fit in whole if fit.table == table]
        if len(fitting) > 1:
            where = f" '{table}'" if len(contents) > 1 else ""
            return Unrecognised(
                f"Several mappings fit{where}: {' and '.join(fitting)}. Make their file names exclude each "
                "other."
            )
    if whole:
        return [Table(fit.mapping, fit.table if len(contents) > 1 else None) for fit in whole]
    partly = {(fit.mapping.name, fit.table): fit for fit in fits if fit.by_name and _is_worth_reading(fit)}
    if len(partly) != 1:
        return _nearest(fits)
    (fit,) = partly.values()
    return [Table(fit.mapping, fit.table if len(contents) > 1 else None)]


def content_for(path: Path, mapping: Mapping, table: str | None = None) -> Content:
    """The table of a delivered file that has the name `table`; without a name, the one that a mapping fits.

    Raises:
        UnreadableFile: as `look_inside`; NOT_ONE_FILE, if several could be meant, or none.
    """
    contents = look_inside(path)
    if len(contents) == 1:
        return contents[0]
    if table is not None:
        fitting = [content for content in contents if content.name == table]
    else:
        fitting = [content for content in contents if _fits(content, [mapping])[0].is_whole]
    if len(fitting) != 1:
        raise not_one_table([content.name for content in fitting or contents])
    return fitting[0]


def layout_of(definition: Definition, content: Content) -> Layout:
    """How a file of a mapping is laid out, as far as a reader must know."""
    headerless = definition.headerless
    return Layout(
        definition.delimiter,
        has_header=headerless is None,
        header=definition.header or (),
        widths=headerless.widths if headerless is not None else (),
        usual_delimiter=content.format.delimiter,
        encoding=definition.encoding,
        decimal=definition.decimal or ".",
        sheet=definition.sheet or Sheet(),
    )


def _is_worth_reading(fit: _Fit) -> bool:
    return fit.fault is not None or (fit.mapping.is_canonical and fit.share >= ENOUGH_OF_A_HEADER)


def _fits(content: Content, mappings: list[Mapping]) -> list[_Fit]:
    by_name = [mapping for mapping in mappings if _fits_by_name(content, mapping)]
    # `project_members.csv` also has the name of an extract `project`, if there is one.
    longest = max((_length(mapping) for mapping in by_name), default=0)
    named = {mapping.name for mapping in by_name if not mapping.is_canonical or _length(mapping) == longest}

    layouts = [_main_layout(mapping, content) for mapping in mappings]
    return [
        _fit(mapping, content.name, mapping.name in named, found)
        for mapping, found in zip(mappings, _read_headers(content, layouts), strict=True)
    ]


def _main_layout(mapping: Mapping, content: Content) -> Layout:
    """A file that feeds several extracts from several sheets is recognised by that of the first."""
    return layout_of(mapping.definition.of(mapping.extracts[0]), content)


def _length(mapping: Mapping) -> int:
    return len(mapping.extracts[0]) if mapping.is_canonical else 0


def _fits_by_name(content: Content, mapping: Mapping) -> bool:
    return any(
        re.fullmatch(_glob(pattern), name, re.IGNORECASE)
        for pattern in mapping.definition.file
        for name in content.names
    )


def _glob(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)


def _read_headers(content: Content, layouts: Sequence[Layout]) -> Headers:
    of = content.format.read_headers
    try:
        if isinstance(of, OfFile):
            with plain_file(content) as path:
                return of.read(path, layouts)
        with stream(content) as opened:
            return of.read(opened, layouts)
    except UnreadableFile as fault:
        return [fault] * len(layouts)


def _fit(mapping: Mapping, table: str, by_name: bool, found: list[str] | UnreadableFile) -> _Fit:
    definition = mapping.definition.of(mapping.extracts[0])
    if isinstance(found, UnreadableFile):
        return _Fit(mapping, table, by_name, fault=found)
    if definition.headerless is not None:
        fits = len(found) in definition.headerless.widths
        return _Fit(mapping, table, by_name, share=float(fits and by_name), width=len(found))
    names = set(map(clean_name, found))
    wanted = definition.header or ()
    missing = tuple(name for name in wanted if clean_name(name) not in names)
    return _Fit(mapping, table, by_name, missing, share=1 - len(missing) / len(wanted), width=len(found))


def _nearest(fits: list[_Fit]) -> Unrecognised:
    best = max(fits, key=lambda fit: (fit.by_name, fit.share), default=None)
    faults = [fit.fault for fit in fits]
    if faults and faults[0] is not None and len({str(fault) for fault in faults}) == 1:
        return Unrecognised(f"{faults[0].message} {faults[0].remedy}")
    if best is None or not (best.by_name or best.share >= ENOUGH_OF_A_HEADER):
        return Unrecognised(
            "No mapping has this file name, and none has most of its columns in the file. Check that it is "
            "the right file; `qi onboard` drafts a mapping for a new layout."
        )
    name, patterns = best.mapping.name, best.mapping.definition.file
    # The formats of a canonical file need not be listed.
    wanted = f"{patterns[0]} or another format" if best.mapping.is_canonical else ", ".join(patterns)
    if best.by_name:
        return Unrecognised(f"The nearest mapping is {name}: the file name fits, but {_misses(best)}.", name)
    if best.by_header:
        return Unrecognised(
            f"The columns fit the mapping {name}, but the file name does not ({wanted}).", name
        )
    return Unrecognised(
        f"No mapping has this file name ({name}, the nearest, wants {wanted}), and {_misses(best)}.", name
    )


def _misses(fit: _Fit) -> str:
    headerless = fit.mapping.definition.headerless
    if headerless is not None:
        widths = " or ".join(map(str, headerless.widths))
        return f"the file has {fit.width} columns instead of {widths}"
    wanted = len(fit.mapping.definition.header or ())
    shown = ", ".join(f"'{name}'" for name in fit.missing[:5])
    more = f" and {len(fit.missing) - 5} more" if len(fit.missing) > 5 else ""
    hint = "; the file has one column only, so its separator may be another" if fit.width == 1 else ""
    return f"{len(fit.missing)} of its {wanted} columns are missing: {shown}{more}{hint}"
