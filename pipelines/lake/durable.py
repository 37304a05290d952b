"""Writing that survives a crash: a file or folder appears whole under its name, or not at all."""

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def sync(path: Path) -> None:
    """Force a file's or folder's content to the disk. Folders cannot be opened on Windows: there
    the rename itself is what the file system promises."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write `table` to `path` (its folder is made) and force it to the disk."""
    with parquet_writer(path, table.schema) as writer:
        writer.write_table(table)
    sync(path)


def parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A file that is written piece by piece, as the lake keeps its tables; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return pq.ParquetWriter(path, schema, compression="zstd", store_schema=False)


def move_into_place(staged: Path, target: Path) -> None:
    """Rename a finished file or folder to its final name, atomically."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if staged.is_dir():
        for folder, _, names in os.walk(staged):
            for name in names:
                sync(Path(folder) / name)
            sync(Path(folder))
    else:
        sync(staged)
    staged.replace(target)
    sync(target.parent)


def write_text(text: str, path: Path) -> None:
    """Replace a small text file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(path.name + ".part")
    staged.write_text(text, encoding="utf-8")
    move_into_place(staged, path)


def remove_tree(path: Path) -> None:
    """Remove a folder if it is there; the remove is not atomic, so only for uncommitted things."""
    if path.exists():
        shutil.rmtree(path)
