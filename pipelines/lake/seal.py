"""The seals of the lake (`pipelines.lake.write.SEAL`): hashes of ledger rows, releases and what they showed.

Belongs here: reading the seals there are, and sealing what a lake from before them holds. Does not belong
here: comparing (`pipelines.lake.verify`).
"""

from pathlib import Path

from pipelines.lake.durable import move_into_place, remove_tree
from pipelines.lake.layout import FIRST_LOAD, FIRST_RELEASE, PART, Lake
from pipelines.lake.write import SEAL, file_sha256, write_seal


def read_seals(lake: Lake) -> dict[str, str]:
    """Path of every sealed file, relative to the lake, -> its SHA-256 as written down."""
    texts = [
        (folder / SEAL).read_text(encoding="utf-8", errors="replace")
        for folder in _committed(lake, is_sealed=True)
    ]
    lines = [line.split("  ", 1) for text in texts for line in text.splitlines()]
    return {parts[1]: parts[0] for parts in lines if len(parts) == 2}


def unsealed(lake: Lake) -> list[Path]:
    """Folders of ledger rows and releases without a seal: written before there were seals, or lost it."""
    return _committed(lake, is_sealed=False)


def seal_old(lake: Lake) -> None:
    """Seal what has no seal, as it is now."""
    for folder in unsealed(lake):
        files = [folder / PART]
        if folder.parent == lake.releases:
            shown = (lake.published_icons, lake.published_metrics)
            files += [path for parent in shown if (path := parent / folder.name / PART).exists()]
        staged = lake.staging / folder.name
        remove_tree(staged)
        staged.mkdir(parents=True)
        write_seal(staged, hashes_of(lake, files))
        move_into_place(staged / SEAL, folder / SEAL)


def hashes_of(lake: Lake, files: list[Path]) -> dict[str, str]:
    """Files of the lake by their relative paths, with the hashes they have now."""
    return {path.relative_to(lake.root).as_posix(): file_sha256(path) for path in files}


def _committed(lake: Lake, *, is_sealed: bool) -> list[Path]:
    """Folders of the ledger and the releases that commit something, with or without a seal."""
    return [
        folder
        for table in (lake.ledger, lake.releases)
        if table.is_dir()
        for folder in sorted(table.iterdir())
        if folder.name not in (FIRST_RELEASE, f"load_id={FIRST_LOAD}")
        and (folder / SEAL).is_file() is is_sealed
        and (is_sealed or (folder / PART).exists())
    ]
