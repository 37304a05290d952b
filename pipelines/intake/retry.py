"""Quarantined rows whose only fault was that something had not arrived yet, judged again.

A load's open rows are tried whenever an extract it refers to has accepted rows after the last try.
What passes is released under a load of its own; the rest stays in quarantine.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa

from pipelines.extracts.contract import Contract
from pipelines.extracts.read import OpenExtract
from pipelines.extracts.records import engine
from pipelines.gates.gate import Sorted, judge_slices
from pipelines.gates.units import units_of, whole_units
from pipelines.intake.load import (
    Night,
    find_lookups,
    find_taken,
    lake_rows,
    later_row,
    record_error,
)
from pipelines.lake.layout import QUARANTINED_ROWS, Lake
from pipelines.lake.ledger import LedgerRow, withdrawn_load_ids
from pipelines.lake.lookups import quarantined_units, waiting_records
from pipelines.lake.write import StagedLoad


def retry_quarantine(night: Night) -> list[LedgerRow]:
    """Try every load with open rows that may pass now. Returns the loads that this wrote."""
    rows = [
        _retry_safely(origin, contract, night)
        for contract in night.contracts.values()
        for origin in _due(contract, night)
    ]
    return [row for row in rows if row is not None]


def is_anything_due(night: Night) -> bool:
    """Whether a row in quarantine may pass now."""
    return any(
        _has_waiting(origin, contract, night)
        for contract in night.contracts.values()
        for origin in _due(contract, night)
    )


def _has_waiting(origin: LedgerRow, contract: Contract, night: Night) -> bool:
    with _open_waiting(origin, contract, night) as file:
        return file.records.count > 0


def _due(contract: Contract, night: Night) -> list[LedgerRow]:
    taken_back = withdrawn_load_ids(night.ledger)
    newest_reference = max(
        (row.load_id for row in night.ledger if row.extract in contract.depends_on and row.records_accepted),
        default="",
    )
    last_try: dict[str | None, str] = {}
    released: Counter[str | None] = Counter()
    for row in night.ledger:
        if row.verdict == "released":
            last_try[row.retry_of] = row.load_id
            released[row.retry_of] += row.records_accepted
    return [
        row
        for row in night.ledger
        if row.extract == contract.extract
        and row.verdict == "accepted"
        and row.records_quarantined > released[row.load_id]
        and row.load_id not in taken_back
        and newest_reference > last_try.get(row.load_id, row.load_id)
    ]


def _retry_safely(origin: LedgerRow, contract: Contract, night: Night) -> LedgerRow | None:
    """Try one load; when our own software fails on it, note that and let the others go on."""
    try:
        return _retry(origin, contract, night)
    except (OSError, MemoryError):
        raise
    except Exception as fault:
        return record_error(later_row(origin, night), fault, night)


def _retry(origin: LedgerRow, contract: Contract, night: Night) -> LedgerRow | None:
    """Judge a load's open rows again and release what passes. None when no row can pass by waiting."""
    received_on = origin.received_at.date()
    file_date = origin.published_on or received_on
    lenient = contract.model_copy(update={"max_quarantined_share": 1.0})
    row = later_row(origin, night)
    with _open_waiting(origin, contract, night) as file, StagedLoad(night.lake, row.load_id) as staged:
        if not file.records.count:
            return None
        verdict = judge_slices(
            file,
            lenient,
            find_lookups(contract, night),
            partial(
                _stage_released,
                staged=staged,
                units=file.units,
                contract=contract,
                origin=origin,
                lake=night.lake,
            ),
            received_on=received_on,
            find_taken=partial(find_taken, contract=contract, load=origin, file_date=file_date, night=night),
        )
        if verdict.is_refused:
            staged.forget()
        released = replace(
            row,
            verdict="released",
            reason=f"Rows of load {origin.load_id} that waited in quarantine, tried again.",
            rows_received=verdict.rows_accepted,
            rows_accepted=verdict.rows_accepted,
            records_accepted=verdict.records_accepted,
            contract_sha256=contract.sha256,
            code_version=night.code_version,
        )
        return night.commit_staged(staged, released)


def _lines(lines: np.ndarray, units: pa.Table | None) -> np.ndarray:
    """Lines and all that go together with them, once each."""
    _, together = whole_units(np.unique(lines), units)
    return np.unique(together)


@contextmanager
def _open_waiting(origin: LedgerRow, contract: Contract, night: Night) -> Iterator[OpenExtract]:
    retries = [row.load_id for row in night.ledger if row.retry_of == origin.load_id]
    units = quarantined_units(night.lake, origin.load_id)
    with engine(origin.file_bytes) as connection:
        records = waiting_records(connection, night.lake, contract, origin.load_id, retries, units)
        lines = _lines(records.positions("select distinct source_row from records"), units)
        yield OpenExtract(extract=contract.extract, records=records, rows_received=len(lines), units=units)


def _stage_released(
    part: Sorted,
    *,
    staged: StagedLoad,
    units: pa.Table | None,
    contract: Contract,
    origin: LedgerRow,
    lake: Lake,
) -> None:
    lines = _lines(part.accepted.column("source_row").to_numpy(), units)
    staged.add(lake.accepted(contract.extract), lake_rows(part.accepted, contract, origin.received_at))
    staged.add(lake.quarantined_rows, release_events(lines, units, contract, origin))


def release_events(
    lines: np.ndarray, units: pa.Table | None, contract: Contract, origin: LedgerRow
) -> pa.Table:
    count = len(lines)
    return pa.table(
        {
            "extract": pa.repeat(contract.extract, count),
            "origin_load_id": pa.repeat(origin.load_id, count),
            "source_row": lines,
            "source_unit": units_of(lines, units),
            "code": pa.nulls(count, pa.string()),
            "column_name": pa.nulls(count, pa.string()),
            "event": pa.repeat("released", count),
        },
        schema=QUARANTINED_ROWS,
    )
