"""The first step of the night: one asset an extract, made by one pass over the inbox."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

import dagster as dg

from pipelines.defs.telling import telling_readers
from pipelines.defs.transient import retrying_transient_failures
from pipelines.extracts.contract import Contract
from pipelines.extracts.mapping import Mapping as FileMapping
from pipelines.intake.night import IntakeReport, load_rules, take_in_inbox
from pipelines.intake.plan import Scope
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import LedgerRow, read_ledger, withdrawn_load_ids
from pipelines.lock import single_writer
from pipelines.progress import PROGRESS
from pipelines.settings import Settings

LAKE = "lake"
RECORDS = {
    "loads": "The ledger: one row a file and attempt, with its verdict and its counts of rows.",
    "gate_results": "Every rule of every load's contract, passed or failed, with counts and never a value.",
    "quarantined_rows": "Which line of which load failed which rule, and which were released later.",
}
CHECKS = {
    "no_refused_file": "No delivered file of this extract stands refused.",
    "no_open_quarantine": "No row of this extract waits in quarantine.",
    "no_warning": "No rule of this extract warned in this run.",
}


class IntakeConfig(dg.Config):
    """Which deliveries to take in; empty dates mean no bound, which a reread
    accepts only with `everything`. See `pipelines.intake.plan.Scope`."""

    received_from: str = ""
    received_to: str = ""
    reread: bool = False
    everything: bool = False

    def scope(self) -> Scope:
        if self.reread and not (self.received_from or self.received_to or self.everything):
            raise dg.Failure(
                "A reread needs received_from or received_to; `everything: true` reads all files again.",
                allow_retries=False,
            )
        return Scope(
            received_from=date.fromisoformat(self.received_from) if self.received_from else None,
            received_to=date.fromisoformat(self.received_to) if self.received_to else None,
            reread=self.reread,
        )


def supplier_assets(mappings: Sequence[FileMapping]) -> list[dg.AssetSpec]:
    """One external asset a supplier's layout: materialised when a file of it is accepted, and late
    when none has come for longer than the mapping says."""
    return [
        dg.AssetSpec(
            key=["source", mapping.name],
            group_name="sources",
            description=mapping.definition.description,
            owners=["team:qi-data"],
            kinds={"file"},
            freshness_policy=dg.FreshnessPolicy.time_window(
                fail_window=timedelta(days=mapping.definition.expected_every_days)
            )
            if mapping.definition.expected_every_days
            else None,
        )
        for mapping in mappings
        if mapping.path is not None
    ]


def build_intake(settings: Settings) -> dg.AssetsDefinition:
    """The asset of every extract and of the lake's own records."""
    contracts, mappings = load_rules()
    feeding = {
        extract: [
            ["source", mapping.name] for mapping in mappings if mapping.path and extract in mapping.extracts
        ]
        for extract in contracts
    }
    specs = [_extract_spec(contract, feeding[contract.extract]) for contract in contracts.values()]
    specs += [
        dg.AssetSpec(
            [LAKE, name], group_name=LAKE, description=text, owners=["team:qi-data"], kinds={"parquet"}
        )
        for name, text in RECORDS.items()
    ]
    checks = [
        dg.AssetCheckSpec(name, asset=[LAKE, extract], description=text, blocking=False)
        for extract in contracts
        for name, text in CHECKS.items()
    ]

    @dg.multi_asset(name="intake", specs=specs, check_specs=checks)
    def intake(context: dg.AssetExecutionContext, config: IntakeConfig) -> Iterator:
        """Read every new file of the inbox, judge it and keep what it brought in the lake."""
        with (
            retrying_transient_failures(),
            single_writer(settings),
            telling_readers(settings, context.run_id, "intake"),
        ):
            report = take_in_inbox(settings, context.run_id, config.scope(), PROGRESS.info)
            ledger = read_ledger(Lake(settings.lake_path))
        suppliers = {mapping.name for mapping in mappings if mapping.path}
        for row in report.loads:
            if row.verdict == "accepted" and row.mapping in suppliers:
                context.log_event(
                    dg.AssetMaterialization(["source", row.mapping], metadata=load_metadata([row]))
                )
        for extract, contract in contracts.items():
            loads = [row for row in report.loads if row.extract == extract]
            yield dg.MaterializeResult(
                asset_key=[LAKE, extract],
                metadata=load_metadata(loads) | {"dagster/row_count": _records(ledger, extract)},
            )
            yield from extract_checks(contract, report, ledger)
        for name in RECORDS:
            yield dg.MaterializeResult(asset_key=[LAKE, name], metadata=load_metadata(report.loads))

    return intake


def _extract_spec(contract: Contract, sources: list) -> dg.AssetSpec:
    upstream = [[LAKE, extract] for extract in contract.depends_on]
    return dg.AssetSpec(
        [LAKE, contract.extract],
        group_name=LAKE,
        description=contract.description,
        owners=["team:qi-data"],
        kinds={"parquet"},
        deps=[*sources, *upstream],
        metadata={"grain": ", ".join(contract.grain), "contract": f"expectations/{contract.extract}.yml"},
    )


def load_metadata(loads: Sequence[LedgerRow]) -> dict[str, int]:
    """Counts of source rows over loads, for Dagster; no value of a row."""
    return {
        "files": len({row.file_sha256 for row in loads}),
        "rows_received": sum(row.rows_received for row in loads),
        "rows_accepted": sum(row.rows_accepted for row in loads),
        "rows_quarantined": sum(row.rows_quarantined for row in loads),
        "rows_refused": sum(row.rows_refused for row in loads),
        "rows_ignored": sum(row.rows_ignored for row in loads),
    }


def _records(ledger: Sequence[LedgerRow], extract: str) -> int:
    taken_back = withdrawn_load_ids(list(ledger))
    return sum(
        row.records_accepted for row in ledger if row.extract == extract and row.load_id not in taken_back
    )


def extract_checks(
    contract: Contract, report: IntakeReport, ledger: Sequence[LedgerRow]
) -> Iterator[dg.AssetCheckResult]:
    """The three standing checks of an extract, with the failed rules of this run by code."""
    rows = [row for row in ledger if row.extract == contract.extract]
    latest = {
        row.file_path: row
        for row in rows
        if row.retry_of is None and row.verdict in ("accepted", "refused", "error")
    }
    refused = [path for path, row in latest.items() if row.verdict != "accepted"]
    taken_back = withdrawn_load_ids(list(ledger))
    waiting = sum(row.rows_quarantined for row in rows if row.load_id not in taken_back) - sum(
        row.rows_accepted for row in rows if row.verdict == "released" and row.retry_of not in taken_back
    )
    tonight = {row.load_id for row in report.loads if row.extract == contract.extract}
    failed = [result for load_id, result in report.results if load_id in tonight and not result.is_passed]
    codes = {
        action: Counter({r.code: 0 for r in failed if r.action == action})
        for action in ("refuse_file", "quarantine_row", "warn")
    }
    for result in failed:
        codes[result.action][result.code] += result.rows_failed
    yield _check(contract, "no_refused_file", not refused, {"files": len(refused)}, codes["refuse_file"])
    yield _check(contract, "no_open_quarantine", not waiting, {"rows": waiting}, codes["quarantine_row"])
    yield _check(contract, "no_warning", not codes["warn"], {"rules": len(codes["warn"])}, codes["warn"])


def _check(
    contract: Contract, name: str, is_passed: bool, counts: Mapping[str, int], codes: Mapping[str, int]
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=[LAKE, contract.extract],
        check_name=name,
        passed=is_passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={**counts, **{f"rows failing {code}": rows for code, rows in sorted(codes.items())}},
    )
