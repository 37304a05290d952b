"""Small files and mappings for tests of reading.

Belongs here: what several tests of `pipelines.extracts` build their cases from. Does not belong here: tests.
"""

from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

from pipelines.extracts.contract import Contract, load_contracts
from pipelines.extracts.mapping import Mapping, canonical_mapping, load_mapping, load_mappings
from pipelines.extracts.read import Extracted, read

PROJECT = Path(__file__).parents[2]
SHARED_DATA = PROJECT.parent / "shared" / "data"
MAPPINGS = PROJECT / "pipelines" / "extracts" / "mappings"


@cache
def contracts() -> dict[str, Contract]:
    """The project's own contracts."""
    return load_contracts(PROJECT / "expectations")


@cache
def mappings() -> tuple[Mapping, ...]:
    """The project's own mappings, canonical ones included."""
    return tuple(load_mappings(MAPPINGS, contracts()))


def mapping_named(name: str) -> Mapping:
    """One of the project's own mappings."""
    return {mapping.name: mapping for mapping in mappings()}[name]


def read_canonical(folder: Path, extract: str, content: str | bytes, name: str | None = None) -> Extracted:
    """Write a canonical file and read it."""
    path = folder / (name or f"{extract}.csv")
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    contract = contracts()[extract]
    return read(path, canonical_mapping(contract), extract, contract)


def make_mapping(folder: Path, text: str, name: str = "supplier") -> Mapping:
    """A mapping file of a supplier, whose first lines are always the same."""
    path = folder / f"{name}.yml"
    head = dedent(f"""\
        mapping: {name}
        source_system: A supplier
        description: A layout made up for a test.
        owner: QI data team
        file: "{name}*.csv"
    """)
    path.write_text(head + dedent(text), encoding="utf-8")
    return load_mapping(path, contracts())


def read_supplied(
    folder: Path, mapping_text: str, content: str, extract: str = "measure_points", name: str = "supplier.csv"
) -> Extracted:
    """Write a mapping and a file of its layout, and read one extract of it."""
    mapping = make_mapping(folder, mapping_text)
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return read(path, mapping, extract, contracts()[extract])


def values(extracted: Extracted, *columns: str) -> list[Any]:
    """Records as tuples of the named columns, or the bare values of one column."""
    picked = [extracted.table.column(column).to_pylist() for column in columns]
    return picked[0] if len(picked) == 1 else list(zip(*picked, strict=True))
