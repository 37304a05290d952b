"""Which earlier loads a file is held against.

A file is of the kind of those that came through the same mapping, for the same extract, in the same edition
and under the same name but for dates, numbers and words for months and editions.
"""

import calendar
import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cache

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.extracts.contract import Contract
from pipelines.gates.arrow import compute
from pipelines.gates.history import Past
from pipelines.lake.layout import PART, Lake, load_folder
from pipelines.lake.ledger import Content, LedgerRow, withdrawn_load_ids
from pipelines.settings import DBT_PROJECT

GRACE = DBT_PROJECT / "seeds" / "reporting_grace.csv"
_MONTHS = "|".join(sorted({*calendar.month_name[1:], *calendar.month_abbr[1:]}, key=len, reverse=True))
_EDITIONS = "provisional|original|final|revised|restated|corrected|issued|copy|draft"
_VARIES = re.compile(rf"(?<![a-z])({_MONTHS}|{_EDITIONS})(?![a-z])|[^a-z]+", re.IGNORECASE)


@dataclass
class Profiles:
    """Of every load with a profile, what is needed to choose from: its measures and its newest period."""

    measures: dict[str, frozenset[str]] = field(default_factory=dict)
    newest: dict[str, date] = field(default_factory=dict)

    def add(self, load_id: str, profile: pa.Table, contract: Contract) -> None:
        """Take note of the load that was committed just now."""
        if contract.series is None:
            return
        rows = profile.to_pylist()
        names = {row["category"] for row in rows if row["column_name"] == contract.series.measure}
        self.measures[load_id] = frozenset(names - {None})
        newest = [
            row["latest"] for row in rows if row["column_name"] == contract.series.period and row["latest"]
        ]
        if newest:
            self.newest[load_id] = newest[0]


def read_profiles(lake: Lake, contracts: dict[str, Contract]) -> Profiles:
    """All profiles of the lake, in one reading."""
    profiles = Profiles()
    with duckdb.connect() as connection:
        table = connection.execute(
            "select * from read_parquet(?, hive_partitioning = true, hive_types_autocast = false)",
            [str(lake.profiles / "*" / PART)],
        ).to_arrow_table()
    for load_id in table.column("load_id").unique().to_pylist():
        rows = table.filter(compute("equal", table.column("load_id"), load_id))
        profiles.add(load_id, rows, contracts[rows.column("extract")[0].as_py()])
    return profiles


def find_past(
    load: LedgerRow, contract: Contract, ledger: list[LedgerRow], lake: Lake, profiles: Profiles
) -> Past:
    """The past of a load: what stands in the lake of loads that came before it."""
    taken_back = withdrawn_load_ids(ledger)
    first = _first_loads(ledger)
    place = (load.received_at, first.get(load.content, load.load_id))
    earlier = [
        row
        for row in ledger
        if row.extract == contract.extract
        and row.verdict in ("accepted", "released")
        and row.records_accepted
        and row.load_id not in taken_back
        and row.content != load.content
        and (row.received_at, first[row.content]) < place
    ]
    whole = [row for row in earlier if row.verdict == "accepted" and row.mapping == load.mapping]
    alike = [row for row in whole if _kind(row) == _kind(load)]
    alike.sort(key=lambda row: (row.received_at, first[row.content]), reverse=True)
    newest = [profiles.newest[row.load_id] for row in whole if row.load_id in profiles.newest]

    def parts(measures: Iterable[str]) -> list[str]:
        wanted = frozenset(measures)
        return [
            str(load_folder(lake.accepted(contract.extract), row.load_id) / PART)
            for row in earlier
            if not wanted.isdisjoint(profiles.measures.get(row.retry_of or row.load_id, wanted))
        ]

    return Past(
        before=_profiles_of(alike, load, contract, lake),
        newest=max(newest, default=None),
        parts=parts,
        grace=reporting_grace(),
    )


def _first_loads(ledger: list[LedgerRow]) -> dict[Content, str]:
    """The first load of a content: a load that takes its place stands where it stood."""
    return {row.content: row.load_id for row in reversed(ledger)}


def _profiles_of(
    alike: list[LedgerRow], load: LedgerRow, contract: Contract, lake: Lake
) -> tuple[pa.Table, ...]:
    """The profiles of the last good loads; none when there are too few, or loads older than profiles are."""
    limits = contract.comparison
    if limits is None:
        return ()
    wanted = alike[: limits.loads]
    is_mapped = load.mapping != f"canonical_{load.extract}"
    paths = [load_folder(lake.profiles, row.load_id) / PART for row in wanted]
    if any(not path.exists() for path in paths) or (
        not is_mapped and len(wanted) < limits.loads_without_mapping
    ):
        return ()
    return tuple(pq.ParquetFile(path).read() for path in paths)


def _kind(load: LedgerRow) -> tuple[str | None, str]:
    stem = load.file_name.partition(".")[0]
    return (load.edition, _VARIES.sub(" ", stem).strip().lower())


@cache
def reporting_grace() -> dict[str, int]:
    """Frequency -> days of grace after a period's end: the seed that `fct_expected_point` uses too."""
    with GRACE.open(encoding="utf-8", newline="") as handle:
        return {row["frequency"]: int(row["grace_days"]) for row in csv.DictReader(handle)}
