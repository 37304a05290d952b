"""Dagster's event log in SQLite, over connections that stay open.

Dagster opens the database anew and waits for the disk for each of the hundreds of events of a night, which
takes longer than most of the night's work. `dagster.yaml` names this class.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event


class OpenEventLog(SqliteEventLogStorage):
    """The same files as SqliteEventLogStorage's, written with `synchronous = normal`.

    In SQLite's write-ahead mode that cannot damage the file; after a power cut the last events of a run may
    be missing from Dagster's pages. What the mart stands on is the lake's ledger, not this log.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None):
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "OpenEventLog":
        """The log of the Dagster home whose `dagster.yaml` names this class, where Dagster keeps its own."""
        return cls((Path(os.environ["DAGSTER_HOME"]) / "history" / "runs").as_posix(), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Engine:
        """The open engine of a shard: of the index, and of the run that was asked for last."""
        if shard not in self._engines:
            for other in self._engines.keys() - {INDEX_SHARD_NAME}:
                self._engines.pop(other).dispose()
            engine = create_engine(
                self.conn_string_for_shard(shard), connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
            )
            event.listen(engine, "connect", _wait_less)
            self._initdb(engine)
            self._engines[shard] = engine
        return self._engines[shard]

    def dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


def _wait_less(connection: Any, _record: Any) -> None:
    connection.execute("pragma synchronous = normal")
