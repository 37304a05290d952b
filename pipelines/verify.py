"""`qi verify`: everything that is kept, held against what was written down of it."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import duckdb

from pipelines.intake.night import open_night
from pipelines.intake.repair import repair
from pipelines.lake.layout import FIRST_RELEASE, Lake
from pipelines.lake.ledger import LedgerRow, read_ledger
from pipelines.lake.verify import ALTERED, MISSING, Damage, Reading, find_archive_damage, find_damage
from pipelines.mart.publish import current_manifest, release_folder
from pipelines.mart.verify import is_mart_of, release_damage
from pipelines.mart.warehouse import reading
from pipelines.progress import heartbeat
from pipelines.settings import Settings


@dataclass(frozen=True)
class Findings:
    """What `verify` found. `lake`: numbers are concerned; `archive` and `mart`: copies are.

    `loads`: the loads of damaged files; `measures`: load -> measures that the last release has of it.
    """

    lake: list[Damage]
    archive: list[Damage]
    mart: list[Damage]
    loads: dict[str, LedgerRow]
    measures: dict[str, list[str]]
    files: int
    bytes_read: int

    @property
    def damage(self) -> list[Damage]:
        return [*self.lake, *self.archive, *self.mart]


def verify(settings: Settings, progress: Callable[[str], None]) -> Findings:
    """Read every file of lake, archive and releases and compare it with its hash. Changes nothing.

    Raises LedgerUnreadable when a row of the ledger cannot be read: without it nothing can be compared.
    """
    lake = Lake(settings.lake_path)
    ledger = read_ledger(lake)
    read = Reading()
    with heartbeat(progress) as begin:
        begin("reading the lake")
        in_lake = find_damage(lake, ledger, reading=read)
        begin("reading the archive of files as received")
        in_archive = find_archive_damage(lake, ledger, read)
        begin("reading the releases")
        in_mart = _mart_damage(settings, lake, read)
    concerned = {each.load_id for each in in_lake}
    loads = {row.load_id: row for row in ledger if row.load_id in concerned}
    return Findings(
        in_lake, in_archive, in_mart, loads, _measures(settings, loads), read.files, read.bytes_read
    )


def _mart_damage(settings: Settings, lake: Lake, read: Reading) -> list[Damage]:
    """Releases that are kept, and the file that analysts open."""
    newest = max((folder.name for folder in lake.releases.iterdir()), default=FIRST_RELEASE)
    releases = settings.mart_path / "releases"
    folders = sorted(path for path in releases.glob("R*")) if releases.is_dir() else []
    damage = [each for folder in folders for each in release_damage(folder, read)]
    if newest == FIRST_RELEASE:
        return damage
    if not release_folder(settings, newest).is_dir():
        damage += release_damage(release_folder(settings, newest))
    current = current_manifest(settings)
    if current is None or not is_mart_of(settings.mart_file, current["release_id"]):
        kind = ALTERED if settings.mart_file.exists() else MISSING
        remedy = f"`qi run` puts it back from mart/releases/{newest}; nothing is lost."
        damage.append(Damage(f"mart/{settings.mart_file.name}", kind, remedy))
    return damage


def _measures(settings: Settings, loads: Iterable[str]) -> dict[str, list[str]]:
    """Measures with points of the given loads in the last release, as far as it can be read."""
    found: dict[str, list[str]] = defaultdict(list)
    if not settings.mart_file.exists():
        return found
    try:
        with reading(settings.mart_file) as mart:
            rows = mart.execute(
                "select distinct load_id, measure_id from core.fct_measure_point "
                "where list_contains(?, load_id) order by all",
                [list(loads)],
            ).fetchall()
    except (duckdb.Error, OSError):
        return found
    for load_id, measure in rows:
        found[load_id].append(measure)
    return found


def repair_lake(settings: Settings, findings: Findings, progress: Callable[[str], None]) -> list[Damage]:
    """Make damaged files of the lake anew from the archive. Returns those that could not be, each with the
    reason as its remedy."""
    night, mappings = open_night(settings, "repair")
    left = []
    # In the order in which they were loaded, because later loads were compared with earlier ones.
    for damage in sorted(findings.lake, key=lambda each: each.load_id or ""):
        if damage.load_id is None:
            left.append(damage)
            continue
        reason = repair(damage, night, mappings)
        if reason is None:
            progress(f"lake/{damage.path}: made anew from the archive, with the hash that it had")
        else:
            left.append(Damage(damage.path, damage.kind, reason, damage.load_id))
    return left


def as_text(settings: Settings, findings: Findings) -> list[str]:
    """The findings, each with its place, what depends on it and what to do."""
    lines = []
    for damage in findings.damage:
        place = (
            f"lake/{damage.path}" if damage in findings.lake or damage in findings.archive else damage.path
        )
        lines.append(f"{place}: {damage.kind}")
        load = findings.loads.get(damage.load_id or "")
        if load is not None:
            lines.append(f"  load {load.load_id}: {load.file_path} → {load.extract}")
            if measures := findings.measures.get(load.load_id):
                more = f" and {len(measures) - 10} more" if len(measures) > 10 else ""
                lines.append(f"  measures with its points: {', '.join(measures[:10])}{more}")
        lines.append(f"  do: {damage.remedy}")
    size = findings.bytes_read / 1e9
    number = len(findings.damage)
    verdict = f"{number} of them damaged." if number else "all as they were written."
    return [*lines, f"{findings.files:,} files ({size:,.2f} GB) of {settings.home_path} read: {verdict}"]
