"""Making tonight's warehouse the mart that analysts read: audit, copy, swap.

A release is a folder under `mart/releases/`: the read-only DuckDB file, the same tables as Parquet,
and a manifest. It appears whole, is noted in the lake, and only then takes the place of the last
one; readers keep the file they have open. When the audit fails, the last release stays and says so.
"""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.faults import Stopped, in_plain_words
from pipelines.lake.durable import move_into_place, remove_tree, sync, write_parquet, write_text
from pipelines.lake.layout import (
    FIRST_RELEASE,
    PART,
    RELEASES,
    Lake,
    release_name,
    release_number,
    release_part,
)
from pipelines.lake.ledger import LedgerRow, read_ledger
from pipelines.lake.seal import hashes_of
from pipelines.lake.write import file_sha256, write_seal
from pipelines.mart.audit import AuditCheck, audit, totals
from pipelines.mart.history import HISTORIES, changed_rows, keep_rows
from pipelines.mart.verify import (
    MANIFEST_NAME,
    MART_NAME,
    file_states,
    is_mart_of,
    read_manifest,
    release_damage,
)
from pipelines.mart.warehouse import (
    RELEASE_TABLE,
    published_tables,
    reading,
    table_state,
)
from pipelines.progress import PROGRESS
from pipelines.settings import AUDIT_BOUNDS, Settings
from pipelines.version import code_version

LOGGER = logging.getLogger(__name__)
STATUS_NAME = "status.json"
WRITTEN_BY_PUBLISHING = (RELEASE_TABLE, *(history.table for history in HISTORIES))


class AuditFailed(Stopped):
    """Tonight's warehouse may not be published; the message lists the checks that failed."""


@dataclass(frozen=True)
class Publication:
    """What publish came to: the manifest of the release analysts read now, and whether it is new."""

    manifest: dict
    is_new: bool
    checks: list[AuditCheck]


def publish(
    settings: Settings, run_id: str, dbt_manifest: Path, progress: Callable[[str], None]
) -> Publication:
    """Audit the warehouse and publish it as a release, unless the last release is the same.

    Raises AuditFailed, with last night's release in place and its failure noted in it.
    """
    lake = Lake(settings.lake_path)
    ledger = read_ledger(lake)
    finish_swap(settings, progress)
    last = current_manifest(settings)
    with reading(settings.warehouse_file) as warehouse:
        states = {
            table: table_state(warehouse, table)
            for table in published_tables(warehouse)
            if table not in WRITTEN_BY_PUBLISHING
        }
        checks = audit(
            lake,
            ledger,
            warehouse,
            states,
            last,
            verdicts_file(settings),
            AUDIT_BOUNDS,
            dbt_manifest,
            settings.known_good_file,
        )
        failed = [check for check in checks if not check.is_passed]
        if failed:
            raise AuditFailed("; ".join(f"{check.name}: {check.detail}" for check in failed))
        all_totals = totals(warehouse, AUDIT_BOUNDS)
    tables = {table: asdict(state) for table, state in states.items()}
    if last is not None and last["tables"] == tables and _is_whole(settings, last["release_id"], progress):
        replace_mart_file(release_folder(settings, last["release_id"]) / MART_NAME, settings.mart_file)
        note_outcome(settings, run_id, "unchanged", f"Nothing changed since release {last['release_id']}.")
        return Publication(last, is_new=False, checks=checks)
    manifest = _manifest(settings, run_id, ledger, last, tables, all_totals, checks)
    progress(f"publish: writing release {manifest['release_id']} ({len(tables)} tables)")
    _write_release(settings, lake, manifest, last)
    finish_swap(settings, progress)
    _prune(settings)
    note_outcome(settings, run_id, "published", f"Release {manifest['release_id']}.")
    return Publication(manifest, is_new=True, checks=checks)


def _is_whole(settings: Settings, release_id: str, progress: Callable[[str], None]) -> bool:
    """Whether a release is still as it was published; says what is not."""
    damage = release_damage(release_folder(settings, release_id), all_bytes=False)
    for each in damage:
        progress(f"publish: {each.path} is {each.kind}, so the same tables are published again")
    return not damage


def is_release_whole(settings: Settings) -> bool:
    """Whether the release that analysts read is there as it was published, by the sizes of its files."""
    last = current_manifest(settings)
    return last is not None and not release_damage(
        release_folder(settings, last["release_id"]), all_bytes=False
    )


def verdicts_file(settings: Settings) -> Path:
    return settings.build_path / "dbt_verdicts.json"


def current_manifest(settings: Settings) -> dict | None:
    """The manifest of the release that analysts read; None before the first, or when it cannot be read (the
    next publication then brings it back from the release's folder)."""
    return read_manifest(settings.mart_path / MANIFEST_NAME)


def release_folder(settings: Settings, release_id: str) -> Path:
    return settings.mart_path / "releases" / release_id


def next_release_id(lake: Lake) -> str:
    numbers = [release_number(folder.name) for folder in lake.releases.iterdir()]
    return release_name(max(numbers, default=0) + 1)


def _manifest(
    settings: Settings,
    run_id: str,
    ledger: list[LedgerRow],
    last: dict | None,
    tables: dict[str, dict],
    all_totals: dict[str, int],
    checks: list[AuditCheck],
) -> dict:
    previous_load = (last or {}).get("last_load_id") or ""
    new = [row for row in ledger if row.load_id > previous_load]
    return {
        "release_id": next_release_id(Lake(settings.lake_path)),
        "published_at": settings.clock().isoformat(),
        "as_of_date": settings.clock().date().isoformat(),
        "run_id": run_id,
        "code_version": code_version(),
        "loads": len(new),
        "first_load_id": new[0].load_id if new else None,
        "last_load_id": ledger[-1].load_id if ledger else None,
        "rows_received": sum(row.rows_received for row in new),
        "rows_accepted": sum(row.rows_accepted for row in new),
        "rows_quarantined": sum(row.rows_quarantined for row in new),
        "rows_refused": sum(row.rows_refused for row in new),
        "rows_ignored": sum(row.rows_ignored for row in new),
        "checks_passed": sum(check.is_passed for check in checks),
        "checks_failed": sum(not check.is_passed for check in checks),
        "contains_synthetic": any(row.is_synthetic and row.records_accepted for row in ledger),
        "tables": tables,
        "totals": all_totals,
        "audit": [asdict(check) for check in checks],
    }


def _write_release(settings: Settings, lake: Lake, manifest: dict, last: dict | None) -> None:
    """Build the release folder aside, move it into place whole, then note it in the lake. Its manifest also
    holds the hash of each of its files."""
    release_id = manifest["release_id"]
    folder = release_folder(settings, release_id)
    staged = folder.with_name(f".{release_id}.part")
    remove_tree(staged)
    remove_tree(folder)
    staged.mkdir(parents=True)
    row = release_row(manifest)
    published_at = datetime.fromisoformat(manifest["published_at"])
    shown = {
        history: changed_rows(lake, settings.warehouse_file, history, release_id, published_at)
        for history in HISTORIES
    }
    additions = {history.table: rows for history, rows in shown.items()}
    unchanged = _unchanged_copies(settings, manifest, last)
    base = (
        release_folder(settings, last["release_id"])
        if last and _are_most(settings, last, unchanged)
        else None
    )
    copy_mart(settings.warehouse_file, staged, {RELEASE_TABLE: row, **additions}, base, set(unchanged))
    write_parquet_copies(staged, unchanged)
    write_text(json.dumps(manifest | {"files": file_states(staged)}, indent=1), staged / MANIFEST_NAME)
    move_into_place(staged, folder)
    kept = [keep_rows(lake, history, release_id, rows) for history, rows in shown.items()]
    record, noted = lake.staging / release_id, release_part(lake.releases, release_id)
    write_parquet(row, record / PART)
    hashes = {noted.relative_to(lake.root).as_posix(): file_sha256(record / PART)}
    write_seal(record, hashes | hashes_of(lake, [path for path in kept if path]))
    move_into_place(record, noted.parent)


def release_row(manifest: dict) -> pa.Table:
    """The release as one row of `ops.release` and of the lake's record of releases."""
    values = manifest | {
        "published_at": datetime.fromisoformat(manifest["published_at"]),
        "as_of_date": date.fromisoformat(manifest["as_of_date"]),
        "tables": len(manifest["tables"]),
    }
    return pa.Table.from_pylist([{name: values[name] for name in RELEASES.names}], schema=RELEASES)


def copy_mart(
    warehouse_file: Path,
    folder: Path,
    additions: dict[str, pa.Table],
    base: Path | None = None,
    unchanged: Set[str] = frozenset(),
) -> None:
    """Make the DuckDB file of the published tables, with their comments, in `folder`; `additions` has
    tonight's own rows by table.

    `base`: the folder of a release whose mart holds the `unchanged` tables already: its file is copied, which
    is cheaper than reading and writing their rows. Cost otherwise: one pass over the published tables.
    """
    mart = folder / MART_NAME
    if base is not None:
        shutil.copyfile(base / MART_NAME, mart)
    with duckdb.connect(str(mart)) as connection:
        kept = unchanged & set(published_tables(connection))
        for name in sorted(set(published_tables(connection)) - kept):
            connection.execute(f"drop table {name}")
        # What the dropped tables took is free for the new ones from here on.
        connection.execute("checkpoint")
        connection.execute(f"attach '{_literal(warehouse_file)}' as warehouse (read_only)")
        connection.execute("begin")
        for name in sorted(_published(connection) - kept):
            connection.execute(f"create schema if not exists {name.split('.')[0]}")
            connection.execute(f"create table {name} as from warehouse.{name}")
            if name in additions:
                connection.register("tonight", additions[name])
                connection.execute(f"insert into {name} by name select * from tonight")
        _copy_comments(connection)
        connection.execute("commit")
        connection.execute("detach warehouse")
    mart.chmod(0o444)


def write_parquet_copies(folder: Path, unchanged: dict[str, Path]) -> None:
    """Write every table of the mart in `folder` as Parquet beside it. `unchanged`: table -> a Parquet file
    that holds the same rows, of which a second name is made instead."""
    with reading(folder / MART_NAME) as mart:
        for name in published_tables(mart):
            schema, table = name.split(".")
            parquet = folder / "parquet" / schema / f"{table}.parquet"
            parquet.parent.mkdir(parents=True, exist_ok=True)
            if name in unchanged:
                _link_or_copy(unchanged[name], parquet)
            else:
                mart.execute(f"copy {name} to '{_literal(parquet)}' (format parquet, compression zstd)")


def _unchanged_copies(settings: Settings, manifest: dict, last: dict | None) -> dict[str, Path]:
    """Table -> the last release's Parquet file, for tables that are to the row and column as they were."""
    if last is None or not is_release_whole(settings):
        return {}
    folder = release_folder(settings, last["release_id"]) / "parquet"
    same = [name for name, state in manifest["tables"].items() if last["tables"].get(name) == state]
    paths = {name: folder / f"{name.replace('.', '/')}.parquet" for name in same}
    with reading(settings.warehouse_file) as warehouse:
        return {
            name: path
            for name, path in paths.items()
            if path.exists() and _columns(warehouse, f"'{_literal(path)}'") == _columns(warehouse, name)
        }


def _are_most(settings: Settings, last: dict, unchanged: dict[str, Path]) -> bool:
    """Whether the unchanged tables are most of the last release, by the bytes of their Parquet files."""
    copies = (release_folder(settings, last["release_id"]) / "parquet").rglob("*.parquet")
    kept = sum(path.stat().st_size for path in unchanged.values())
    return kept > 0.5 * sum(path.stat().st_size for path in copies)


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    return [row[:2] for row in _rows(connection, f"describe from {table}")]


def _published(connection: duckdb.DuckDBPyConnection) -> set[str]:
    connection.execute("use warehouse")
    names = set(published_tables(connection))
    connection.execute("use qi_mart")
    return names


COMMENTS_THAT_DIFFER = """
    with comments as (
        select database_name, schema_name, table_name, null as column_name, comment from duckdb_tables()
        union all
        select database_name, schema_name, view_name, null, comment from duckdb_views()
        union all
        select database_name, schema_name, table_name, column_name, comment from duckdb_columns()
    )

    select wanted.schema_name, wanted.table_name, wanted.column_name, wanted.comment
    from comments as wanted
    inner join comments as present
        on
            wanted.schema_name = present.schema_name
            and wanted.table_name = present.table_name
            and wanted.column_name is not distinct from present.column_name
    where
        wanted.database_name = 'warehouse'
        and present.database_name = current_database()
        and wanted.comment is distinct from present.comment
"""


def _copy_comments(connection: duckdb.DuckDBPyConnection) -> None:
    for schema, table, column, comment in _rows(connection, COMMENTS_THAT_DIFFER):
        kind, name = ("column", f'{schema}.{table}."{column}"') if column else ("table", f"{schema}.{table}")
        text = "null" if comment is None else f"'{_quoted(comment)}'"
        connection.execute(f"comment on {kind} {name} is {text}")


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple]:
    return connection.execute(query).fetchall()


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _literal(path: Path) -> str:
    return _quoted(path.as_posix())


def finish_swap(settings: Settings, progress: Callable[[str], None]) -> None:
    """Make the newest release that the lake has noted the one that analysts read.

    Also what ends a publication that was killed after its release was noted, and what puts a mart file back
    that is gone or is no mart any more.
    """
    lake = Lake(settings.lake_path)
    newest = max((folder.name for folder in lake.releases.iterdir()), default=FIRST_RELEASE)
    folder = release_folder(settings, newest)
    current = current_manifest(settings)
    is_named = current is not None and current["release_id"] == newest
    if newest == FIRST_RELEASE or (is_named and is_mart_of(settings.mart_file, newest)):
        return
    if not is_mart_of(folder / MART_NAME, newest):
        progress(f"publish: {folder} has no readable mart, so release {newest} cannot be put back")
        return
    if is_named:
        progress(f"publish: {settings.mart_file} was lost or damaged; it is put back from {folder}")
    replace_mart_file(folder / MART_NAME, settings.mart_file)
    write_text((folder / MANIFEST_NAME).read_text(encoding="utf-8"), settings.mart_path / MANIFEST_NAME)


def replace_mart_file(source: Path, target: Path) -> None:
    """Put `source`'s content under the name analysts open. Open readers keep the old content.

    Raises PermissionError on systems that do not rename over an open file (Windows, some network
    shares); the release folder and the manifest's name of it are then what readers use.
    """
    if target.exists() and target.samefile(source):
        return
    staged = target.with_name(target.name + ".part")
    staged.unlink(missing_ok=True)
    _link_or_copy(source, staged)
    staged.chmod(0o444)
    staged.replace(target)
    sync(target.parent)


def _link_or_copy(source: Path, target: Path) -> None:
    """Give a file that nobody changes a second name, or a copy where the file system has no such names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _prune(settings: Settings) -> None:
    releases = sorted(path for path in (settings.mart_path / "releases").iterdir() if path.name[0] == "R")
    for folder in releases[: -settings.releases_kept]:
        remove_tree(folder)


def note_outcome(settings: Settings, run_id: str, outcome: str, detail: str) -> None:
    """Write how the last run ended to `mart/status.json`."""
    status = {
        "run_id": run_id,
        "ended_at": settings.clock().isoformat(),
        "outcome": outcome,
        "detail": detail,
        "release_id": (current_manifest(settings) or {}).get("release_id"),
    }
    write_text(json.dumps(status, indent=1), settings.mart_path / STATUS_NAME)


@contextmanager
def telling_analysts(settings: Settings, run_id: str, step: str) -> Iterator[None]:
    """When a step of the night fails, say so where analysts look (the last release stays, and its
    `ops.release` says why it is not tonight's), and tell whoever watches what to do."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as fault:
        reason = f"The run of {settings.clock():%d %B %Y} stopped at {step} ({type(fault).__name__})."
        PROGRESS.info("STOPPED at %s: %s", step, in_plain_words(fault))
        try:
            note_outcome(settings, run_id, "failed", f"{reason} {in_plain_words(fault)}")
            mark_kept(settings, f"{reason} This release stays until a run succeeds.")
        except OSError as second:
            # On a full disk not even this can be written; the failure itself must not be hidden by it.
            LOGGER.error("The failure could not be noted in the mart (%s): %s", type(second).__name__, reason)
        raise


def mark_kept(settings: Settings, note: str) -> None:
    """Write `note` into the current release's row of `ops.release`, by swapping in a changed copy."""
    current = current_manifest(settings)
    if current is None:
        return
    published = release_folder(settings, current["release_id"]) / MART_NAME
    source = published if is_mart_of(published, current["release_id"]) else settings.mart_file
    if not source.exists():
        return
    changed = settings.mart_path / ".qi_mart_noted.part"
    changed.unlink(missing_ok=True)
    shutil.copyfile(source, changed)
    changed.chmod(0o600)
    try:
        with duckdb.connect(str(changed)) as connection:
            connection.execute(
                f"update {RELEASE_TABLE} set note = ? where release_id = ?", [note, current["release_id"]]
            )
    except duckdb.Error as fault:
        # The failure that is to be noted matters more than its note, and must not be hidden by it.
        LOGGER.error("%s could not be changed (%s): %s", RELEASE_TABLE, type(fault).__name__, note)
        return
    changed.chmod(0o444)
    sync(changed)
    changed.replace(settings.mart_file)
    sync(settings.mart_path)
