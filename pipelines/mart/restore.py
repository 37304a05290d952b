"""Making what the lake keeps of a release anew: from the release's manifest, and from the mart, which holds
what every release showed. It takes its place only when it has the very hash that was written down."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.lake.durable import move_into_place, remove_tree, write_parquet
from pipelines.lake.layout import PART, Lake, release_part
from pipelines.lake.seal import read_seals
from pipelines.lake.write import file_sha256
from pipelines.mart.history import HISTORIES, History
from pipelines.mart.publish import release_folder, release_row
from pipelines.mart.verify import MANIFEST_NAME, read_manifest
from pipelines.mart.warehouse import reading
from pipelines.settings import Settings


def is_of_a_release(lake: Lake, path: str) -> bool:
    """Whether a path relative to the lake is that of a release's record, or of what a release showed."""
    return Path(path).parent.parent.name in {lake.releases.name, *(history.folder for history in HISTORIES)}


def restore(settings: Settings, path: str) -> str | None:
    """Put a file of a release back. Returns None, or why that is not possible."""
    lake, release_id = Lake(settings.lake_path), Path(path).parent.name
    made = {
        release_part(lake.releases, release_id): lambda: _record(settings, release_id),
        **{history.part(lake, release_id): _shown(settings, history, release_id) for history in HISTORIES},
    }
    rows = made[lake.root / path]()
    if rows is None:
        return "The mart holds it no more, so it has to come from a backup of the lake."
    staged = lake.staging / "restored" / PART
    remove_tree(staged.parent)
    write_parquet(rows, staged)
    if file_sha256(staged) != read_seals(lake).get(path):
        return "Made anew it comes out differently, so it has to come from a backup of the lake."
    move_into_place(staged, lake.root / path)
    return None


def _record(settings: Settings, release_id: str) -> pa.Table | None:
    manifest = read_manifest(release_folder(settings, release_id) / MANIFEST_NAME)
    return None if manifest is None else release_row(manifest)


def _shown(settings: Settings, history: History, release_id: str) -> Callable[[], pa.Table | None]:
    """Reads what a release showed from the mart that analysts read."""

    def rows() -> pa.Table | None:
        if not settings.mart_file.exists():
            return None
        columns, key = ", ".join(history.schema.names), ", ".join(history.key)
        try:
            with reading(settings.mart_file) as mart:
                query = f"select {columns} from {history.table} where release_id = ? order by {key}"
                return mart.execute(query, [release_id]).to_arrow_table().cast(history.schema)
        except duckdb.Error:
            return None

    return rows
