"""The plain summary that ends a run: what came, what became of it, where the mart is."""

from collections import Counter

from pipelines.intake.inbox import MAPPING_FOLDER
from pipelines.lake.ledger import LedgerRow
from pipelines.mart.query import query
from pipelines.report.swap import front_page
from pipelines.settings import Settings

EXAMPLE = (
    "select organisation_code, count(*) as active_projects from core.fct_project "
    "where is_active group by organisation_code order by active_projects desc limit 5"
)
EXAMPLE_WITHOUT_PROJECTS = (
    "select measure_id, count(*) as points, min(period_start) as first_period, max(period_start) as "
    "last_period from core.fct_measure_point where is_latest group by measure_id order by points desc limit 5"
)
LISTED = 20


def summary(
    settings: Settings, loads: list[LedgerRow], unsettled: list[tuple[str, str]], manifest: dict
) -> list[str]:
    """Lines of text on one run. `loads`: its ledger rows; `manifest`: the release analysts read now."""
    return [
        "",
        *_rows(loads),
        *_listed("Refused", [(row.place, row.reason) for row in loads if row.verdict == "refused"]),
        *_listed("Failed in our own software", [(r.place, r.reason) for r in loads if r.verdict == "error"]),
        *_listed(
            "Not recognised", [(row.place, row.reason) for row in loads if row.verdict == "unrecognised"]
        ),
        *_listed("Left for the next run", unsettled),
        *_quarantine(settings, loads),
        *_checks(settings, loads, manifest),
        *_mart(settings, manifest),
    ]


def _rows(loads: list[LedgerRow]) -> list[str]:
    counts = Counter()
    for row in loads:
        for part in ("received", "accepted", "quarantined", "refused", "ignored"):
            counts[part] += getattr(row, f"rows_{part}")
    verdicts = Counter(row.verdict for row in loads if row.verdict != "released")
    files = {row.file_path for row in loads if row.retry_of is None}
    delivered = [path for path in files if not path.startswith(MAPPING_FOLDER)]
    fates = ", ".join(f"{number} loads {verdict}" for verdict, number in sorted(verdicts.items()))
    released = sum(row.rows_accepted for row in loads if row.verdict == "released")
    if not loads:
        return ["Nothing new in the inbox."]
    lines = [
        f"Files looked at: {len(delivered)} ({fates})",
        f"Rows received: {counts['received']:,} = {counts['accepted']:,} accepted + "
        f"{counts['quarantined']:,} quarantined + {counts['refused']:,} refused + "
        f"{counts['ignored']:,} ignored",
    ]
    if released:
        lines.append(f"  of these {released:,} were released from quarantine, where they had waited")
    return lines


def _listed(title: str, entries: list[tuple[str, str]]) -> list[str]:
    if not entries:
        return []
    lines = [f"{title}: {len(entries)}"] + [f"  {name}: {reason}" for name, reason in entries[:LISTED]]
    return lines + ([f"  … and {len(entries) - LISTED} more (ops.fct_load)"] if len(entries) > LISTED else [])


def _quarantine(settings: Settings, loads: list[LedgerRow]) -> list[str]:
    if not any(row.rows_quarantined for row in loads):
        return []
    wanted = ", ".join(f"'{row.load_id}'" for row in loads if row.rows_quarantined)
    answer = query(
        settings.mart_file,
        "select extract, code, count(*) as rows, count(*) filter (where status = 'open') as still_open "
        f"from ops.fct_quarantined_row where load_id in ({wanted}) group by all "
        "order by rows desc, code limit 12",
        "table",
    )
    return ["Quarantined, and why (a row may fail several rules):", *_indented(answer)]


def _checks(settings: Settings, loads: list[LedgerRow], manifest: dict) -> list[str]:
    wanted = ", ".join(f"'{row.load_id}'" for row in loads) or "''"
    rules = query(
        settings.mart_file,
        "select count(*) filter (where is_passed) || ' passed, ' || count(*) filter (where not is_passed) "
        f"|| ' failed' as text from ops.fct_gate_result where load_id in ({wanted})",
        "csv",
    ).splitlines()[-1]
    audit = manifest["audit"]
    passed = sum(check["is_passed"] for check in audit)
    return [
        f"Gate rules in this run: {rules.strip(chr(34))}",
        f"Audit of release {manifest['release_id']}: {passed} of {len(audit)} checks passed",
    ]


def _mart(settings: Settings, manifest: dict) -> list[str]:
    sql = EXAMPLE if manifest["tables"].get("core.fct_project", {}).get("rows") else EXAMPLE_WITHOUT_PROJECTS
    synthetic = (
        ["", "This mart holds SYNTHETIC data (ops.fct_load.is_synthetic)."]
        if manifest["contains_synthetic"]
        else []
    )
    return [
        "",
        f"Published: release {manifest['release_id']} as of {manifest['as_of_date']}, "
        f"{len(manifest['tables'])} tables",
        f"  {settings.mart_file}",
        *([f"  {front_page(settings)}"] if front_page(settings).exists() else []),
        *synthetic,
        "",
        f'qi sql "{sql}"',
        *_indented(query(settings.mart_file, sql, "table")),
    ]


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]
