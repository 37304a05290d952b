"""Quarantined rows whose only fault was that something had not arrived yet, judged again.

A load's open rows are tried whenever an extract it refers to has accepted rows after the last try.
What passes is released under a load of its own; the rest stays in quarantine.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa

from pipelines.extracts.contract import Contract, lake_schema
from pipelines.extracts.read import Extracted
from pipelines.gates.gate import judge
from pipelines.gates.units import units_of, whole_units
from pipelines.intake.load import (
    Night,
    find_lookups,
    find_taken_keys,
    lake_rows,
    later_row,
    record_error,
)
from pipelines.lake.layout import QUARANTINED_ROWS
from pipelines.lake.ledger import LedgerRow, withdrawn_load_ids
from pipelines.lake.lookups import quarantined_records, quarantined_units, released_rows


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
        _open_records(origin, contract, night).num_rows
        for contract in night.contracts.values()
        for origin in _due(contract, night)
    )


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
    records = _open_records(origin, contract, night)
    if not records.num_rows:
        return None
    received_on = origin.received_at.date()
    lenient = contract.model_copy(update={"max_quarantined_share": 1.0})
    units = quarantined_units(night.lake, origin.load_id)
    judgement = judge(
        _as_extracted(records, contract, units),
        lenient,
        find_lookups(contract, night),
        received_on=received_on,
        taken_keys=find_taken_keys(records, contract, origin, origin.published_on or received_on, night),
    )
    accepted = judgement.accepted
    lines = _lines(accepted, units)
    rows = len(lines)
    row = replace(
        later_row(origin, night),
        verdict="released",
        reason=f"Rows of load {origin.load_id} that waited in quarantine, tried again.",
        rows_received=rows,
        rows_accepted=rows,
        records_accepted=accepted.num_rows,
        contract_sha256=contract.sha256,
        code_version=night.code_version,
    )
    return night.commit(
        row,
        {
            night.lake.accepted(contract.extract): lake_rows(accepted, contract, origin.received_at),
            night.lake.quarantined_rows: _release_events(lines, units, contract, origin),
        },
    )


def _open_records(origin: LedgerRow, contract: Contract, night: Night) -> pa.Table:
    """The records of a load that are still in quarantine and failed nothing but retryable rules, with
    the columns of today's contract."""
    records = quarantined_records(night.lake, contract.extract, origin.load_id)
    retryable = {rule.code for rule in contract.all_rules if rule.retry}
    retries = [row.load_id for row in night.ledger if row.retry_of == origin.load_id]
    released = released_rows(night.lake, origin.load_id, retries)
    keep = [
        set(codes.split("|")) <= retryable and source_row not in released
        for codes, source_row in zip(
            records.column("codes").to_pylist(), records.column("source_row").to_pylist(), strict=True
        )
    ]
    records = records.filter(pa.array(keep, pa.bool_()))
    schema = lake_schema(contract)
    schema = schema.remove(schema.get_field_index("received_at"))
    for field in schema:
        if field.name not in records.column_names:
            records = records.append_column(field, pa.nulls(records.num_rows, field.type))
    return records.select(schema.names).cast(schema)


def _lines(records: pa.Table, units: pa.Table) -> np.ndarray:
    """The lines that records come from, all of those that go together, once each."""
    _, lines = whole_units(records.column("source_row").to_numpy(), units)
    return np.unique(lines)


def _as_extracted(records: pa.Table, contract: Contract, units: pa.Table) -> Extracted:
    """Records from quarantine in the shape a reader gives: all of them were readable."""
    for column in contract.columns:
        if column.type != "string":
            readable = pa.repeat(pa.scalar(False), records.num_rows)
            records = records.append_column(f"{column.name}__unparsed", readable)
    return Extracted(
        extract=contract.extract,
        table=records,
        rows_received=len(_lines(records, units)),
        rows_ignored={},
        malformed_rows=[],
        control_totals=[],
        missing_columns=[],
        edition=None,
        published_on=None,
        units=units,
    )


def _release_events(lines: np.ndarray, units: pa.Table, contract: Contract, origin: LedgerRow) -> pa.Table:
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
