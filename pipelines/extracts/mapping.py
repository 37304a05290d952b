"""The mappings: which layouts of files are known, and how each becomes extracts.

Belongs here: loading mapping files, checking them against the contracts, and the canonical mappings that the
contracts imply (a file named `<extract>*.csv` whose columns are the contract's). Does not belong here: the
words of a mapping file (`vocabulary`), choosing the mapping for a file (`recognise`) and running it (`read`).
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pydantic import ValidationError

from pipelines.extracts.contract import Contract
from pipelines.extracts.contract_columns import Column, ColumnType
from pipelines.extracts.readers.formats import FORMATS
from pipelines.extracts.vocabulary import AddUp, Definition, Feed, PublishedOn, Source
from pipelines.extracts.yaml_text import YamlFault, compose, plain

ISO_DATE_IN_NAME = PublishedOn(pattern=r"(?:^|\D)(\d{4}-\d{2}-\d{2})(?:\D|$)", format="%Y-%m-%d")
SUPPRESSION_FILE = Path(__file__).with_name("suppression.yml")

CANONICAL_ENDINGS = tuple(ending.removeprefix(".") for ending in (*FORMATS, ".zip"))
NO_NOTES: Dictionary[str, str | None] = {}

_NUMERIC = (ColumnType.NUMBER, ColumnType.INTEGER)
_TEMPORAL = (ColumnType.DATE, ColumnType.TIMESTAMP)


class MappingError(ValueError):
    """A mapping that cannot be used; the message names the file and what is wrong in it."""


@dataclass(frozen=True)
class Mapping:
    """One layout of files. `path` is None for a canonical mapping, which has no file of its own."""

    definition: Definition
    sha256: str
    path: Path | None = None

    @property
    def name(self) -> str:
        """The mapping's id, as the ledger has it."""
        return self.definition.mapping

    @property
    def source_system(self) -> str:
        """Whose layout it is."""
        return self.definition.source_system

    @property
    def is_canonical(self) -> bool:
        """Whether the mapping follows from a contract."""
        return self.path is None

    @property
    def extracts(self) -> tuple[str, ...]:
        """The extracts that a file of this layout feeds."""
        return tuple(self.definition.extracts)

    @property
    def provides(self) -> tuple[str, ...]:
        """The extracts of which the mapping file itself holds rows."""
        return tuple(self.definition.provides)

    def edition(self, names: tuple[str, ...], notes: Dictionary[str, str | None] = NO_NOTES) -> str | None:
        """The edition that a file's note or names tell, the first that tells one winning."""
        rule = self.definition.edition
        for text in (notes.get(rule.note or "") or "", *names):
            for pattern, edition in rule.patterns.items():
                if re.search(pattern, text, re.IGNORECASE):
                    return edition
        return rule.otherwise

    def published_on(
        self, names: tuple[str, ...], notes: Dictionary[str, str | None] = NO_NOTES
    ) -> date | None:
        """The day of publication that a file's notes or names tell, if any does."""
        for rule in self.definition.published_on:
            for text in names if rule.note is None else (_without_ordinal(notes.get(rule.note) or ""),):
                found = re.search(rule.pattern, text, re.IGNORECASE)
                day = _parse_day(found.group(1), rule.format) if found is not None else None
                if day is not None:
                    return day
        return None


def _without_ordinal(text: str) -> str:
    """`10 July` for `10th July`."""
    return re.sub(r"(\d)(?:st|nd|rd|th)\b", r"\1", text, flags=re.IGNORECASE)


def _parse_day(text: str, format_: str) -> date | None:
    try:
        return datetime.strptime(text, format_).date()
    except ValueError:
        return None


def load_mappings(folder: Path, contracts: Dictionary[str, Contract]) -> list[Mapping]:
    """Every mapping file (`*.yml`) of a folder, then the canonical mappings of the contracts.

    Raises:
        MappingError: a mapping is faulty or does not fit the contracts, or two have the same name.
    """
    mappings = [load_mapping(path, contracts) for path in sorted(folder.glob("*.yml"))]
    mappings += [canonical_mapping(contract) for contract in contracts.values()]
    names = Counter(mapping.name for mapping in mappings)
    repeated = sorted(name for name, times in names.items() if times > 1)
    if repeated:
        raise MappingError(f"mappings of the same name: {repeated}")
    for mapping in mappings:
        if mapping.definition.defined_in is not None and mapping.definition.defined_in not in names:
            raise MappingError(f"{mapping.name}: defined_in names {mapping.definition.defined_in}, unknown")
    return mappings


def load_mapping(path: Path, contracts: Dictionary[str, Contract]) -> Mapping:
    """Read and check one mapping file.

    Raises:
        MappingError: the file is not YAML, has a word nobody knows, lacks one, or contradicts a contract.
    """
    content = path.read_bytes()
    try:
        definition = Definition.model_validate(plain(compose(content.decode("utf-8"))))
    except ValidationError as fault:
        raise MappingError(f"{path.name}: {_explain(fault)}") from fault
    except (YamlFault, UnicodeDecodeError) as fault:
        raise MappingError(f"{path.name}: {fault}") from fault
    faults = list(_contradictions(definition, contracts))
    if definition.mapping != path.stem:
        faults.append(f"describes the mapping {definition.mapping}, so the names differ")
    if faults:
        raise MappingError(f"{path.name}: {'; '.join(faults)}")
    return Mapping(definition, hashlib.sha256(content).hexdigest(), path)


def canonical_mapping(contract: Contract) -> Mapping:
    """The mapping that a contract implies: columns named as in the contract, the required ones present."""
    required = tuple(column.name for column in contract.columns if column.required)
    definition = Definition(
        mapping=f"canonical_{contract.extract}",
        source_system="canonical",
        description=f"Columns named as in the contract of {contract.extract}.",
        owner=contract.owner,
        file=tuple(f"{contract.extract}*.{ending}" for ending in CANONICAL_ENDINGS),
        header=required or contract.grain,
        optional=tuple(name for name in contract.column_names if name not in (required or contract.grain)),
        published_on=(ISO_DATE_IN_NAME,),
        extracts={
            contract.extract: Feed(columns={name: Source(column=name) for name in contract.column_names})
        },
    )
    return Mapping(definition, contract.sha256)


def suppression_reasons(mapping: Mapping) -> dict[str, str]:
    """What stands for a withheld number in files of this layout: token in lower case -> reason."""
    common = plain(compose(SUPPRESSION_FILE.read_text(encoding="utf-8")))
    own = mapping.definition.suppression
    return {token.casefold(): reason for token, reason in {**common, **own}.items()}


def _explain(fault: ValidationError) -> str:
    faults = [
        f"{'.'.join(map(str, error['loc'])) or 'file'}: {error['msg'].removeprefix('Value error, ')}"
        for error in fault.errors()
    ]
    return "; ".join(faults)


def _contradictions(definition: Definition, contracts: Dictionary[str, Contract]) -> Iterator[str]:
    for extract, feed in definition.extracts.items():
        if extract not in contracts:
            yield f"feeds {extract}, for which there is no contract"
        else:
            yield from (f"{extract}: {fault}" for fault in _feed_faults(feed, contracts[extract]))
    for extract, provision in definition.provides.items():
        if extract not in contracts:
            yield f"provides {extract}, for which there is no contract"
            continue
        given = {name for row in (provision.shared, *provision.rows) for name in row}
        unknown = sorted(given - set(contracts[extract].column_names))
        if unknown:
            yield f"provides {extract} with columns its contract does not have: {unknown}"


def _feed_faults(feed: Feed, contract: Contract) -> Iterator[str]:
    columns = {column.name: column for column in contract.columns}
    for record in feed.records:
        given = {**feed.columns, **record.columns}
        unknown = sorted(given.keys() - columns.keys())
        if unknown:
            yield f"columns its contract does not have: {unknown}"
        absent = [name for name, column in columns.items() if column.required and name not in given]
        if absent:
            yield f"required columns that get no value: {absent}"
        for name in given.keys() & columns.keys():
            yield from _source_faults(given[name], columns[name])
        dropped = columns.get(record.drop_when_zero or "")
        if dropped is not None and dropped.type not in _NUMERIC:
            yield f"drop_when_zero needs a number: {dropped.name}"
    if feed.add_up is not None:
        yield from _sum_faults(feed, feed.add_up, columns)
    if feed.one_per is not None:
        unknown = sorted({*feed.one_per.columns, feed.one_per.earliest} - columns.keys())
        if unknown:
            yield f"one_per names columns its contract does not have: {unknown}"


def _sum_faults(feed: Feed, rule: AddUp, columns: Dictionary[str, Column]) -> Iterator[str]:
    """Every column that records get must be added up or be the same in all parts of a sum."""
    unknown = sorted({*rule.columns, *rule.per} - columns.keys())
    if unknown:
        yield f"add_up names columns its contract does not have: {unknown}"
    no_numbers = sorted(
        name for name in rule.columns if name in columns and columns[name].type not in _NUMERIC
    )
    if no_numbers:
        yield f"add_up adds columns that are no numbers: {no_numbers}"
    given = {*feed.columns, *(name for record in feed.records for name in record.columns)}
    left = sorted(given - {*rule.columns, *rule.per})
    if left:
        yield f"add_up does not say what becomes of {left}"


def _source_faults(source: Source, column: Column) -> Iterator[str]:
    if source.operands and column.type != ColumnType.NUMBER:
        yield f"{column.name}: only numbers can be added or taken away"
    has_day_words = source.format or source.period or source.plus_months is not None
    if has_day_words and column.type not in _TEMPORAL:
        yield f"{column.name}: only a date has a format, a period or months"
    written = {text for text in (source.constant, *(source.map or {}).values()) if text is not None}
    odd = sorted(written - set(column.allowed)) if column.allowed is not None else []
    if odd:
        yield f"{column.name}: the contract does not allow {odd}"
