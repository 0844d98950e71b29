"""Dagster's own SQLite files, made by one process at a time, and the event log with its connections kept.

Dagster makes a new engine for every event: connect, compile the statement anew, throw both away. A run
here has some 450 events (each data test is an asset check), and that made up most of its time. Can go when
Dagster keeps its engines (dagster/_core/storage/event_log/sqlite/sqlite_event_log.py, `_connect`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import SingletonThreadPool

if TYPE_CHECKING:
    from dagster._serdes import ConfigurableClassData

_BUSY_SECONDS = 30
# A run has a file of its own, and the web UI reads those of many.
_KEPT_ENGINES = 8


class GuardedSqliteRunStorage(SqliteRunStorage):
    """Two first runs in a fresh clone would both create its tables, and one of them would fail."""

    @classmethod
    def from_config_value(  # type: ignore[override]  # Dagster's own makes its own class
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> SqliteRunStorage:
        with _one_at_a_time(config_value["base_dir"]):
            return super().from_config_value(inst_data, config_value)


class GuardedSqliteScheduleStorage(SqliteScheduleStorage):
    """As `GuardedSqliteRunStorage`."""

    @classmethod
    def from_config_value(  # type: ignore[override]  # as above
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> SqliteScheduleStorage:
        with _one_at_a_time(config_value["base_dir"]):
            return super().from_config_value(inst_data, config_value)


class PooledSqliteEventLogStorage(SqliteEventLogStorage):
    """The same files and tables as Dagster's own, so that either class can read what the other wrote."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> PooledSqliteEventLogStorage:
        with _one_at_a_time(config_value["base_dir"]):
            return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engines.pop(shard, None)
            if engine is None:
                engine = self._make_engine(shard)
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            self._engines[shard] = engine  # at the end: the longest unused comes first
            if len(self._engines) > _KEPT_ENGINES:
                self._engines.pop(next(iter(self._engines))).dispose()
            with engine.begin() as conn:
                yield conn

    def _make_engine(self, shard: str) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=SingletonThreadPool,
            connect_args={"timeout": _BUSY_SECONDS},
        )

        @event.listens_for(engine, "connect")
        def _(connection: Any, _: object) -> None:
            # With the write-ahead log that Dagster uses, this can lose the last events in a power cut,
            # and never damage the file; the default waits for the disk at every event.
            connection.execute("pragma synchronous = normal")

        return engine

    def has_table(self, table_name: str) -> bool:
        # Asked several times an event; tables of an event log never go away.
        if table_name not in self._tables:
            if not super().has_table(table_name):
                return False
            self._tables.add(table_name)
        return True

    def dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


def _one_at_a_time(base_dir: str) -> FileLock:
    folder = Path(base_dir)
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / ".creating", timeout=_BUSY_SECONDS)
