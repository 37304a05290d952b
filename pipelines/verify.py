"""`qi verify`: everything that is kept, held against what was written down of it."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.extracts.mapping import Mapping
from pipelines.intake.load import Night
from pipelines.intake.night import lake_schemas, load_rules, open_night
from pipelines.intake.pseudonym_key import FINGERPRINT, fingerprint_damage
from pipelines.intake.repair import repair
from pipelines.lake.layout import FIRST_RELEASE, Lake, release_part
from pipelines.lake.ledger import LedgerRow, read_ledger, unprepared
from pipelines.lake.verify import (
    ALTERED,
    MISSING,
    UNCLAIMED,
    Damage,
    Reading,
    find_archive_damage,
    find_damage,
)
from pipelines.mart.publish import current_manifest, release_folder
from pipelines.mart.restore import is_of_a_release, restore
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
        in_lake = [*find_damage(lake, ledger, reading=read), *find_rest_damage(settings)]
        begin("reading the archive of files as received")
        in_archive = find_archive_damage(lake, ledger, read)
        begin("reading the releases")
        in_mart = _mart_damage(settings, lake, read)
    concerned = {each.load_id for each in in_lake}
    loads = {row.load_id: row for row in ledger if row.load_id in concerned}
    return Findings(
        in_lake, in_archive, in_mart, loads, _measures(settings, loads), read.files, read.bytes_read
    )


def find_rest_damage(settings: Settings) -> list[Damage]:
    """What else lies in the lake and is not as it has to be: the empty files that keep the schemas, and the
    fingerprint of the pseudonyms' key."""
    lake = Lake(settings.lake_path)
    damage = [
        Damage(
            path.relative_to(lake.root).as_posix(),
            ALTERED if path.exists() else MISSING,
            "`qi run` makes it anew.",
        )
        for path in unprepared(lake, lake_schemas(load_rules()[0]))
    ]
    if (kind := fingerprint_damage(settings)) is not None:
        damage.append(Damage(FINGERPRINT, kind, "Put it back from a backup of the lake."))
    current = current_manifest(settings)
    if current is not None and not (noted := release_part(lake.releases, current["release_id"])).exists():
        # What is missing before the newest shows in the numbers of the others.
        damage.append(_gone(lake, noted))
    return damage


def _gone(lake: Lake, noted: Path) -> Damage:
    remedy = "Put it back from a backup of the lake, with its folder: analysts read this release."
    return Damage(noted.relative_to(lake.root).as_posix(), MISSING, remedy)


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
        reason = _repair(settings, damage, night, mappings)
        if reason is None:
            progress(f"lake/{damage.path}: made anew, with the hash that it had")
        else:
            left.append(Damage(damage.path, damage.kind, reason, damage.load_id))
    return left


def _repair(settings: Settings, damage: Damage, night: Night, mappings: list[Mapping]) -> str | None:
    """Make one file anew. Returns None, or why that is not possible."""
    if damage.load_id is not None:
        return repair(damage, night, mappings)
    if damage.kind != UNCLAIMED and is_of_a_release(night.lake, damage.path):
        return restore(settings, damage.path)
    # The night was opened, which makes the empty files that keep the schemas anew.
    return damage.remedy if damage in find_rest_damage(settings) else None


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
            lines.append(f"  load {load.load_id}: {load.place} → {load.extract}")
            if measures := findings.measures.get(load.load_id):
                more = f" and {len(measures) - 10} more" if len(measures) > 10 else ""
                lines.append(f"  measures with its points: {', '.join(measures[:10])}{more}")
        lines.append(f"  do: {damage.remedy}")
    size = findings.bytes_read / 1e9
    number = len(findings.damage)
    verdict = f"{number} of them damaged." if number else "all as they were written."
    return [*lines, f"{findings.files:,} files ({size:,.2f} GB) of {settings.home_path} read: {verdict}"]
