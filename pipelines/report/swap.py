"""The site that people open: `QI_HOME/site/current`, swapped whole when its release is.

Belongs here: building beside the site that is read, and swapping. Does not belong here: pages (`site`). The
site can be made anew from the mart at any time, so its files are not forced to the disk one by one.
"""

import time
from collections.abc import Callable
from pathlib import Path

from pipelines.lake.durable import remove_tree
from pipelines.mart.publish import current_manifest
from pipelines.mart.warehouse import reading
from pipelines.report.mart import digest
from pipelines.report.site import build_site, code_digest, is_site_of
from pipelines.settings import Settings

SITES_KEPT = 2
SECONDS_UNTOLD = 2.0


def front_page(settings: Settings) -> Path:
    """The page to open first."""
    return settings.site_path / "current" / "index.html"


def refresh_site(settings: Settings, progress: Callable[[str], None]) -> Path | None:
    """Make the site that of the release that analysts read, and of the note that a later night failed, unless
    it is already. Returns its first page, or None before the first release.

    A kill at any moment leaves the site that is read whole; the next call finishes.
    """
    manifest = current_manifest(settings)
    if manifest is None:
        return None
    release_id, note = manifest["release_id"], _note(settings, manifest["release_id"])
    name = f"{release_id}-{code_digest()[:8]}{f'-{digest(note)[:8]}' if note else ''}"
    current, target = settings.site_path / "current", settings.site_path / name
    if is_site_of(current, release_id, note):
        return front_page(settings)
    if not target.exists():
        staged = settings.site_path / f".{name}.part"
        remove_tree(staged)
        build_site(settings.mart_file, staged, current.resolve(), _patient(progress))
        staged.replace(target)
    _swap(current, target)
    _prune(settings.site_path, target)
    return front_page(settings)


def _note(settings: Settings, release_id: str) -> str | None:
    with reading(settings.mart_file) as connection:
        found = connection.execute(
            "select note from ops.release where release_id = ?", [release_id]
        ).fetchone()
    return found[0] if found else None


def _patient(progress: Callable[[str], None]) -> Callable[[str], None]:
    """Tells nothing of what is done within two seconds."""
    began = time.monotonic()

    def tell(line: str) -> None:
        if time.monotonic() - began > SECONDS_UNTOLD:
            progress(line)

    return tell


def _swap(current: Path, target: Path) -> None:
    """Let `current` be another name of `target`. Where links are not to be had (Windows without the right to
    make them), the folder itself is moved there: then a kill between two renames leaves no `current` until
    the next run."""
    link = current.with_name(".current.part")
    link.unlink(missing_ok=True)
    try:
        link.symlink_to(target.name, target_is_directory=True)
    except OSError:
        old = current.with_name(".current.old")
        remove_tree(old)
        if current.exists():
            current.replace(old)
        target.replace(current)
        remove_tree(old)
    else:
        link.replace(current)


def _prune(folder: Path, target: Path) -> None:
    """Remove older sites, and what killed builds left. The one before stays for those who have it open."""
    sites = sorted(
        (path for path in folder.iterdir() if path.name[0] == "R"), key=lambda path: path.stat().st_mtime
    )
    others = [path for path in sites if path != target]
    for path in [*others[: 1 - SITES_KEPT], *folder.glob(".R*.part")]:
        remove_tree(path)
