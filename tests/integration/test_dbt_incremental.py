"""The warehouse depends on what lies in the lake, not on the nights in which it got there.

A small lake with every kind of delivery (late, revised, repeated, withdrawn by the publisher, taken back
by us, released from quarantine) is built night by night, split and ordered in several ways, and compared
with one build from nothing.
"""

import itertools
import random
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from pipelines.extracts.contract import Contract, lake_schema, load_contracts
from pipelines.lake.durable import write_parquet
from pipelines.lake.layout import QUARANTINED_ROWS, Lake, load_name
from pipelines.lake.ledger import LedgerRow, prepare
from pipelines.lake.write import commit_load
from pipelines.mart.warehouse import PUBLISHED_SCHEMAS
from pipelines.settings import CONTRACTS, DBT_PROJECT

AS_OF = date(2025, 9, 1)
PROJECT_FLAGS = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--quiet"]

NIGHT = ["build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"]
HISTORY = [*NIGHT, "--select", "+config.materialized:incremental"]


@dataclass(frozen=True)
class Delivery:
    """One load. `takes_back`: the delivery whose load this one withdraws."""

    name: str
    extract: str
    published_on: date
    rows: list[dict[str, Any]] = field(default_factory=list)
    takes_back: str | None = None
    releases: str | None = None
    quarantined: list[dict[str, Any]] = field(default_factory=list)


def _points(measure: str, month: int, values: dict[str, float | None], **more: Any) -> list[dict[str, Any]]:
    start = date(2025, month, 1)
    return [
        {"measure_id": measure, "organisation_code": code, "stratum": "all", "period_start": start}
        | {"numerator": value, "denominator": 100.0, "edition": "original"}
        | more
        for code, value in values.items()
    ]


def _organisation(code: str, name: str, rank: int | None = None, **more: Any) -> dict[str, Any]:
    return {"organisation_code": code, "organisation_name": name, "register_rank": rank} | more


def _project(status: str, score: float, **more: Any) -> dict[str, Any]:
    return {
        "project_id": "P1",
        "organisation_code": "AAA",
        "unit_code": "W1",
        "title": "Fewer falls",
        "chartered_on": date(2025, 1, 6),
        "status": status,
        "progress_score": score,
    } | more


def _measure(measure: str, multiplier: float | None, **more: Any) -> dict[str, Any]:
    return {
        "measure_id": measure,
        "measure_name": f"Measure {measure}",
        "family": "outcome",
        "improvement_direction": "increase",
        "purpose": "assurance",
        "frequency": "month",
        "multiplier": multiplier,
    } | more


DELIVERIES = [
    Delivery("register", "organisations", date(2025, 1, 1), [
        _organisation("AAA", "Alpha", valid_from=date(2020, 4, 1)),
        _organisation("BBB", "Beta"),
    ]),
    Delivery("names in a data file", "organisations", date(2025, 1, 2), [
        _organisation("AAA", "ALPHA TRUST", 3), _organisation("DDD", "Delta", 3),
    ]),
    Delivery("wards", "units", date(2025, 1, 1), [
        {"organisation_code": "AAA", "unit_code": "W1", "unit_name": "Ward 1", "directorate": "Medicine"},
    ]),
    Delivery("tracker", "projects", date(2025, 1, 10), [_project("active", 1.0)]),
    Delivery("definitions", "measures", date(2025, 1, 1), [
        _measure("M1", None), _measure("M2", None, project_id="P1"),
    ]),
    Delivery("January", "measure_points", date(2025, 2, 14),
             _points("M1", 1, {"AAA": 50, "BBB": 60, "DDD": 70}) + _points("M2", 1, {"AAA": 5})),
    Delivery("February", "measure_points", date(2025, 3, 14), _points("M1", 2, {"AAA": 51, "BBB": 61})),
    Delivery("February again", "measure_points", date(2025, 3, 20), _points("M1", 2, {"AAA": 51, "BBB": 62})),
    Delivery("January revised", "measure_points", date(2025, 4, 10),
             _points("M1", 1, {"AAA": 55, "BBB": 60}, edition="revised")),
    Delivery("January late", "measure_points", date(2025, 5, 2), _points("M1", 1, {"AAA": 49, "BBB": 59})),
    Delivery("January provisional", "measure_points", date(2025, 2, 1),
             _points("M1", 1, {"AAA": 40, "BBB": 60}, edition="provisional")),
    Delivery("February of Beta withdrawn", "measure_points", date(2025, 5, 10),
             _points("M1", 2, {"BBB": None}, edition="withdrawn")),
    Delivery("April suppressed", "measure_points", date(2025, 5, 14),
             _points("M1", 4, {"AAA": None, "BBB": 63}, suppression_reason="*")),
    Delivery("a mistake", "measure_points", date(2025, 5, 20),
             _points("M1", 1, {"AAA": 999, "DDD": 999}, edition="restated")
             + _points("M1", 5, {"AAA": 999})
             + _points("M1", 2, {"AAA": 51}),
             quarantined=_points("M1", 6, {"AAA": 998, "ZZZ": 998})),
    Delivery("released of the mistake", "measure_points", date(2025, 5, 20), _points("M1", 6, {"AAA": 998}),
             releases="a mistake"),
    Delivery("the mistake taken back", "measure_points", date(2025, 5, 20), takes_back="a mistake"),
    Delivery("after the mistake", "measure_points", date(2025, 4, 20),
             _points("M1", 1, {"AAA": 56}, edition="revised") + _points("M1", 5, {"BBB": 64})),
    Delivery("per cent", "measures", date(2025, 6, 1), [_measure("M1", 100.0)]),
    Delivery("tracker again", "projects", date(2025, 6, 5), [
        _project("active", 1.0), _project("proposed", 0.5, project_id="P2", unit_code=None),
    ]),
    Delivery("tracker later", "projects", date(2025, 7, 5), [
        _project("completed", 3.0, closed_on=date(2025, 7, 1), progress_scored_on=date(2025, 6, 30)),
    ]),
    Delivery("register of July", "organisations", date(2025, 7, 1), [
        _organisation("BBB", "Beta", closed_on=date(2025, 7, 10)), _organisation("DDD", "Delta NHS Trust"),
    ]),
    Delivery("register taken back", "organisations", date(2025, 7, 1), takes_back="register of July"),
    Delivery("wrong definitions", "measures", date(2025, 7, 2), [_measure("M1", 1000.0)]),
    Delivery("definitions taken back", "measures", date(2025, 7, 2), takes_back="wrong definitions"),
    Delivery("members", "project_members", date(2025, 6, 5), [
        {"project_id": "P1", "person_id": "P0001", "role": "lead", "organisation_code": "BBB"},
        {"project_id": "P1", "person_id": "P0002", "role": "coach"},
    ]),
    Delivery("cycles", "pdsa_cycles", date(2025, 6, 5), [
        {"cycle_id": "C1", "project_id": "P1", "started_on": date(2025, 2, 3), "has_data": True,
         "prediction": "fewer", "completed_on": date(2025, 2, 20), "decision": "adapt"},
    ]),
    Delivery("spread", "spread_links", date(2025, 6, 5), [
        {"parent_project_id": "P1", "child_project_id": "P2", "link_type": "spread", "eligible_units": 4},
    ]),
    Delivery("targets", "targets", date(2025, 1, 1), [
        {"measure_id": "M1", "valid_from": date(2025, 1, 1), "target": 76.0},
        {"measure_id": "M1", "valid_from": date(2025, 4, 1), "target": 78.0},
    ]),
    Delivery("events", "measure_events", date(2025, 6, 5), [
        {"measure_id": "M1", "organisation_code": "AAA", "stratum": "all", "period_start": date(2025, 4, 1),
         "event": "rebase", "reason": "new pathway"},
    ]),
]  # fmt: skip


@dataclass
class Workshop:
    """One lake and one parsed project, used again and again: dbt keeps their paths in its manifest."""

    lake: Lake
    build: Path
    contracts: dict[str, Contract]
    manifest: Manifest
    patch: pytest.MonkeyPatch

    def empty(self) -> None:
        shutil.rmtree(self.lake.root, ignore_errors=True)
        prepare(self.lake, {name: lake_schema(contract) for name, contract in self.contracts.items()})

    def write(self, deliveries: Iterable[tuple[int, Delivery]], load_ids: dict[str, str]) -> None:
        for number, delivery in deliveries:
            load_ids[delivery.name] = load_name(number)
            commit_delivery(self.lake, self.contracts[delivery.extract], delivery, number, load_ids)

    def dbt(self, warehouse: str, *arguments: str) -> duckdb.DuckDBPyConnection:
        """Run dbt on a warehouse file of this name and open the result."""
        folder = self.build / warehouse
        folder.mkdir(exist_ok=True)
        self.patch.setenv("QI_WAREHOUSE", str(folder / "warehouse.duckdb"))
        # dbt notes in a manifest which models it has put ephemeral ones into, and would not do it again.
        result = dbtRunner(manifest=self.manifest.deepcopy()).invoke([*arguments, *PROJECT_FLAGS])
        DuckDBConnectionManager.close_all_connections()
        assert result.success, str(result.exception or result.result)
        return duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("incremental")
    with pytest.MonkeyPatch.context() as patch:
        for name, path in {
            "QI_LAKE": folder / "lake",
            "QI_BUILD": folder,
            "QI_WAREHOUSE": folder / "warehouse.duckdb",
            "DBT_TARGET_PATH": folder / "target",
            "DBT_LOG_PATH": folder / "logs",
        }.items():
            patch.setenv(name, str(path))
        clock = {
            "as_of_date": [AS_OF],
            "run_id": ["night"],
            "own_organisation_code": pa.array([None], pa.string()),
            "release_id": ["R0000001"],
        }
        write_parquet(pa.table(clock), folder / "tonight" / "part-0.parquet")
        parsed = dbtRunner().invoke(["parse", *PROJECT_FLAGS])
        assert parsed.success, parsed.exception
        assert isinstance(parsed.result, Manifest)
        yield Workshop(Lake(folder / "lake"), folder, load_contracts(CONTRACTS), parsed.result, patch)


def commit_delivery(
    lake: Lake, contract: Contract, delivery: Delivery, number: int, load_ids: dict[str, str]
) -> None:
    """Write one delivery as its own load, received on day `number` of the year."""
    received_at = datetime(2025, 1, 1, 6) + timedelta(days=10 * number)
    load_id = load_name(number)
    verdict = "withdrawn" if delivery.takes_back else "released" if delivery.releases else "accepted"
    other = delivery.takes_back or delivery.releases
    row = LedgerRow(
        load_id=load_id, run_id=f"night {number}", extract=contract.extract, mapping="canonical",
        source_system="test", file_path=delivery.name, file_name=delivery.name, file_sha256=f"{number:064d}",
        file_bytes=1, file_mtime_ns=0, edition=None, published_on=delivery.published_on,
        received_at=received_at, loaded_at=received_at + timedelta(hours=1), verdict=verdict, reason="",
        rows_received=len(delivery.rows) + len(delivery.quarantined), rows_accepted=len(delivery.rows),
        rows_quarantined=len(delivery.quarantined), rows_refused=0, rows_ignored=0,
        records_accepted=len(delivery.rows), records_quarantined=len(delivery.quarantined),
        retry_of=load_ids[other] if other else None, is_synthetic=True, mapping_sha256=None,
        contract_sha256=contract.sha256, code_version="test", lake_files="{}",
    )  # fmt: skip
    stamps = {"published_on": delivery.published_on, "received_at": received_at}
    accepted = [stamps | {"source_row": at + 2} | values for at, values in enumerate(delivery.rows)]
    waiting = [
        stamps | {"source_row": at + 2, "codes": "UNKNOWN_ORGANISATION"} | values
        for at, values in enumerate(delivery.quarantined, start=len(delivery.rows))
    ]
    events = [
        {"extract": contract.extract, "origin_load_id": load_id, "source_row": each["source_row"]}
        | {"code": each["codes"], "column_name": "organisation_code", "event": "quarantined"}
        for each in waiting
    ]
    schema = lake_schema(contract)
    commit_load(lake, row, {
        lake.accepted(contract.extract): pa.Table.from_pylist(accepted, schema),
        lake.quarantine(contract.extract): pa.Table.from_pylist(
            waiting, schema.append(pa.field("codes", pa.string()))
        ),
        lake.quarantined_rows: pa.Table.from_pylist(events, QUARANTINED_ROWS),
    })  # fmt: skip


def content(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple]]:
    """Every table of the warehouse that lasts and every view that is published, sorted; working tables hold
    only one night. The night in which a chart was made is no part of what it says."""
    tables = connection.execute(
        """
        select table_schema || '.' || table_name, list('"' || column_name || '"' order by ordinal_position)
        from information_schema.columns
        inner join information_schema.tables using (table_catalog, table_schema, table_name)
        where
            (table_type = 'BASE TABLE' or list_contains(?, table_schema))
            and table_name <> 'build_watermark'
            and table_schema <> 'working'
            and column_name <> 'night_no'
        group by 1
        order by 1
        """,
        [list(PUBLISHED_SCHEMAS)],
    ).fetchall()
    return {
        table: connection.execute(f"select {', '.join(columns)} from {table} order by all").fetchall()
        for table, columns in tables
    }


def shuffled(seed: int) -> list[Delivery]:
    """The deliveries in another order, in which nothing is taken back before it has come."""
    order = DELIVERIES.copy()
    random.Random(seed).shuffle(order)
    arrived: dict[str, Delivery] = {}
    while order:
        for delivery in order:
            if (delivery.takes_back or delivery.releases or delivery.name) in arrived | {delivery.name: 0}:
                arrived[delivery.name] = delivery
                order.remove(delivery)
                break
    return list(arrived.values())


def nights(deliveries: list[Delivery], seed: int) -> list[list[tuple[int, Delivery]]]:
    """The deliveries, numbered as they arrive, cut into four nights at random places."""
    numbered = list(enumerate(deliveries, start=1))
    cuts = [0, *sorted(random.Random(seed).sample(range(1, len(numbered)), 3)), len(numbered)]
    return [numbered[start:end] for start, end in itertools.pairwise(cuts)]


@pytest.mark.parametrize("seed", [0, 1])
def test_nights_add_up_to_a_full_refresh(workshop: Workshop, seed: int) -> None:
    deliveries = DELIVERIES if seed == 0 else shuffled(seed)
    workshop.empty()
    load_ids: dict[str, str] = {}
    for night in nights(deliveries, seed):
        workshop.write(night, load_ids)
        workshop.dbt(f"nightly {seed}", *HISTORY).close()
    with workshop.dbt(f"nightly {seed}", *NIGHT) as connection:
        by_nights = content(connection)
    with workshop.dbt(f"rebuilt {seed}", *NIGHT, "--full-refresh") as connection:
        at_once = content(connection)
    assert by_nights.keys() == at_once.keys()
    for table, rows in at_once.items():
        assert by_nights[table] == rows, table
    assert len(at_once["core.fct_measure_point"]) > 20
    assert len(at_once["spc.fct_spc_point"]) > 5


def a_year_of_corrections(seed: int) -> list[Delivery]:
    """Loads of the same few points, with any edition, date and order, some of them taken back later."""
    draw = random.Random(seed)
    deliveries = [
        Delivery("register", "organisations", date(2025, 1, 1), [_organisation("AAA", "Alpha")]),
        Delivery("definitions", "measures", date(2025, 1, 1), [_measure("M1", None)]),
    ]
    standing: list[str] = []
    for number in range(60):
        if standing and draw.random() < 0.25:
            mistake = standing.pop(draw.randrange(len(standing)))
            deliveries.append(Delivery(f"back {mistake}", "measure_points", AS_OF, takes_back=mistake))
            continue
        edition = draw.choice(["provisional", "original", "original", "revised", "withdrawn"])
        published_on = date(2025, 1, 1) + timedelta(days=draw.randrange(600))
        rows = [
            point | {"edition": edition, "numerator": float(draw.randrange(4))}
            for month in range(1, 13)
            for point in _points("M1", month, {"AAA": None})
            if draw.random() < 0.4
        ]
        deliveries.append(Delivery(str(number), "measure_points", published_on, rows))
        standing.append(str(number))
    return deliveries


RANKS = {"provisional": 1, "original": 2, "revised": 4, "withdrawn": 6}


@dataclass(frozen=True)
class Row:
    """A delivered point, for the plain restatement of the rules."""

    order: tuple
    published_at: datetime
    received_at: datetime
    taken_back_at: datetime
    value: float | None

    def counts(self, moment: datetime, since: datetime) -> bool:
        return since <= moment < self.taken_back_at


def _rows_by_period(deliveries: list[Delivery]) -> dict[date, list[Row]]:
    received = {
        delivery.name: datetime(2025, 1, 1, 6) + timedelta(days=10 * number)
        for number, delivery in enumerate(deliveries, start=1)
    }
    taken_back = {
        delivery.takes_back: received[delivery.name] + timedelta(hours=1)
        for delivery in deliveries
        if delivery.takes_back
    }
    rows: dict[date, list[Row]] = {}
    for delivery in deliveries:
        published_at = datetime.combine(delivery.published_on, datetime.min.time())
        for point in delivery.rows if delivery.extract == "measure_points" else []:
            rows.setdefault(point["period_start"], []).append(
                Row(
                    order=(RANKS[point["edition"]], published_at, received[delivery.name]),
                    published_at=published_at,
                    received_at=received[delivery.name],
                    taken_back_at=taken_back.get(delivery.name, datetime.max),
                    value=None if point["edition"] == "withdrawn" else point["numerator"] / 100.0,
                )
            )
    return rows


def _best(rows: list[Row], moment: datetime, since: str) -> tuple[bool, float | None]:
    """Whether anything is said of the point at a moment, and which value."""
    counting = [row for row in rows if row.counts(moment, getattr(row, since))]
    if counting:
        return True, max(counting, key=lambda row: row.order).value
    return any(row.taken_back_at <= moment for row in rows), None


def test_versions_say_what_a_plain_restatement_says(workshop: Workshop) -> None:
    deliveries = a_year_of_corrections(seed=7)
    workshop.empty()
    workshop.write(enumerate(deliveries, start=1), {})
    with workshop.dbt("restated", *NIGHT, "--select", "+fct_measure_point") as connection:
        versions = connection.execute(
            "select period_start, value, valid_from, valid_to, known_from, known_to "
            "from core.fct_measure_point"
        ).fetchall()
    compared = 0
    for period, rows in _rows_by_period(deliveries).items():
        moments = {row.published_at for row in rows} | {row.received_at for row in rows}
        moments |= {row.taken_back_at for row in rows} - {datetime.max}
        for moment in sorted(moments):
            for since, begins, ends in (("published_at", 2, 3), ("received_at", 4, 5)):
                said = [v[1] for v in versions if v[0] == period and v[begins] <= moment < v[ends]]
                is_said, value = _best(rows, moment, since)
                assert said == ([value] if is_said else []), (period, moment, since)
                compared += 1
    assert compared > 500
