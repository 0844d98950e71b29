"""One connection whose transaction is rolled back for every test: the cheapest isolation there is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from ost_assets.errors import IsolationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ost_assets.isolation.database import OstDatabase
    from ost_assets.isolation.pool import ClonePool
    from ost_assets.postgres.connect import Conn


class RollbackConnection:
    """A clone of its own and one connection to it, for one test after the other."""

    def __init__(self, pool: ClonePool) -> None:
        self._pool = pool
        self._database: OstDatabase | None = None
        self._conn: Conn | None = None

    @contextmanager
    def transaction(self) -> Iterator[Conn]:
        """A transaction that is rolled back at the end, with a session as if it were new.

        psycopg forbids `commit()` and `rollback()` inside; `with connection.transaction():` makes savepoints.

        Raises:
            IsolationError: at the end, if SQL such as COMMIT ended the transaction; the next one gets a fresh
                clone.
        """
        conn = self._live_connection()
        ended = False
        try:
            with conn.transaction(force_rollback=True):
                # Whatever ends the transaction takes the savepoint along, even if it begins another one.
                conn.execute("savepoint ost_test")
                try:
                    yield conn
                finally:
                    if conn.info.transaction_status == TransactionStatus.ACTIVE:
                        conn.close()  # a stream that nobody read to its end holds the connection's lock
                    else:
                        ended = self._has_ended(conn)
        finally:
            if ended or conn.closed or conn.info.transaction_status != TransactionStatus.IDLE:
                self.close()
        if ended:
            raise IsolationError(
                "the test ended the transaction of its connection by COMMIT or ROLLBACK in SQL",
                remedy="use `with connection.transaction():` for savepoints, or the fixture ost_database",
            )

    def close(self) -> None:
        """Give the clone back; the next transaction takes another."""
        if self._database is not None:
            self._pool.give_back(self._database)
        self._database = self._conn = None

    def _has_ended(self, conn: Conn) -> bool:
        try:
            conn.execute("rollback to savepoint ost_test")
        except psycopg.Error:
            return not conn.closed
        return False

    def _live_connection(self) -> Conn:
        if self._conn is not None:
            try:
                # What the last rollback left: prepared statements, session locks, LISTEN, cached plans.
                self._conn.execute("discard all")
                self._conn.row_factory = tuple_row
            except psycopg.Error:
                self.close()  # closed by a test, or cut between two of them
        if self._conn is None:
            self._database = self._pool.get()
            self._conn = self._database.connect(autocommit=True)
        return self._conn
