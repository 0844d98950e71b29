"""Clones made ahead of time, so that the next test does not wait.

One thread with one connection makes them and drops them: a server that works on one clone is not asked for
two more at once. Some drops wait for the end, because on ext4 creating and dropping databases in turns makes
creating slower and slower.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import psycopg

from ost_assets.errors import IsolationError
from ost_assets.isolation.clone import make_clone
from ost_assets.isolation.create import drop_clone
from ost_assets.isolation.marks import Mark, server_time, session_id, write_mark
from ost_assets.isolation.template import TOUCH_SECONDS, Template, ensure_template
from ost_assets.postgres.connect import apply_settings, connect, ensure_target, translated_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ost_assets.isolation.database import OstDatabase
    from ost_assets.postgres.connect import Conn
    from ost_assets.postgres.target import Target
    from ost_assets.settings import Settings

# Used clones that wait to be dropped: until nobody waits for a new one, and until there is no waiting any more.
_MAY_WAIT = 5
_MUST_NOT_WAIT = 15
_T = TypeVar("_T")


class ClonePool:
    """Hands out clones of the configured bundle's template; some are always in the making.

    A context manager: entering waits for the first clone, and at the end everything that was not kept is
    dropped, given back or not. For one process, any of its threads.

    Args:
        label: shows in the names of the clones: who asked.
        size: clones to have ready, at least 1.

    Raises:
        OstError: on entering, no clone can be had; see `ensure_template`.
    """

    def __init__(self, settings: Settings, label: str, size: int) -> None:
        self._settings = settings
        self._label = label
        self._size = size
        self._worker = ThreadPoolExecutor(1, "ost-clones")
        # Guards the next three. Reentrant, because a future that is done calls back at once.
        self._lock = threading.RLock()
        self._closed = False
        self._ahead: deque[Future[OstDatabase]] = deque()
        self._used: deque[OstDatabase] = deque()
        # The thread's own: its connection, and what it made and has neither dropped nor kept.
        self._server: _Server | None = None
        self._made: list[OstDatabase] = []

    def __enter__(self) -> ClonePool:
        for _ in range(self._size):
            self._make_ahead()
        try:
            self._ahead[0].result()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
            for future in self._ahead:
                future.cancel()
        self._submit(self._drop_all)
        self._worker.submit(self._disconnect)
        self._worker.shutdown()

    def get(self) -> OstDatabase:
        """A clone that nobody else has; waits only where none is ready.

        Raises:
            OstError: none can be had, see `ensure_template`. The next call tries again.
        """
        with self._lock:
            if self._closed:
                raise IsolationError("the pool of clones is closed")
            while self._ahead and self._ahead[0].done() and self._ahead[0].exception() is not None:
                self._ahead.popleft()  # that was some time ago
            while len(self._ahead) <= self._size:
                self._make_ahead()
            future = self._ahead.popleft()
        return future.result()

    def give_back(self, database: OstDatabase) -> None:
        """The clone is used up. It is dropped soon, whoever is still connected to it."""
        database.close()
        with self._lock:
            self._used.append(database)
        self._drop_one_used()

    def keep(self, database: OstDatabase, reason: str) -> None:
        """Do not drop this one: somebody will want to look at it. It is swept when it is old."""
        database.close()
        with self._lock:
            if not self._closed:  # or it is gone already
                self._submit(partial(self._keep, database=database, reason=reason))

    def _make_ahead(self) -> None:
        future = self._submit(self._make)
        self._ahead.append(future)
        future.add_done_callback(self._drop_one_used)

    def _drop_one_used(self, *_: object) -> None:
        """Called when one comes in and when the thread has made or dropped one, so that drops fill the pauses."""
        with self._lock:
            idle = all(future.done() for future in self._ahead)
            if len(self._used) > (_MAY_WAIT if idle else _MUST_NOT_WAIT) and not self._closed:
                dropping = self._submit(partial(self._drop, database=self._used.popleft()))
                dropping.add_done_callback(self._drop_one_used)

    def _submit(self, work: Callable[[_Server], _T]) -> Future[_T]:
        return self._worker.submit(self._on_server, work)

    def _on_server(self, work: Callable[[_Server], _T]) -> _T:
        if self._server is not None:
            # Whatever fails here, a fresh connection and a look at the template may mend it.
            with suppress(Exception):
                return work(self._server)
            self._disconnect()
        self._server = self._connect()
        with translated_errors(self._server.target):
            return work(self._server)

    def _connect(self) -> _Server:
        target = ensure_target(self._settings)
        with ExitStack() as stack:
            conn = stack.enter_context(connect(self._settings, target))
            template = ensure_template(conn, self._settings, target)
            # A crash of the server may lose the last marks; the sweep finds what has none.
            apply_settings(conn, {"synchronous_commit": "off"})
            server = _Server(conn, target, template, time.monotonic(), session_id(conn), stack)
            for database in self._made:  # looked after by a connection that broke
                with _not_fatal(conn):
                    write_mark(conn, database.name, Mark("clone", server_time(conn), server.session))
            server.stack = stack.pop_all()
            return server

    def _disconnect(self) -> None:
        if self._server is not None:
            with suppress(Exception):
                self._server.stack.close()
        self._server = None

    def _make(self, server: _Server) -> OstDatabase:
        if time.monotonic() - server.looked > TOUCH_SECONDS:
            server.template = ensure_template(server.conn, self._settings, server.target)
            server.looked = time.monotonic()
        try:
            database = self._make_one(server)
        except IsolationError:  # there are too many, and some of them are ours
            with self._lock:
                doomed = [*self._used]
                self._used.clear()
            for used in doomed:
                self._drop(server, used)
            database = self._make_one(server)
        self._made.append(database)
        return database

    def _make_one(self, server: _Server) -> OstDatabase:
        return make_clone(
            server.conn, self._settings, server.target, server.template, self._label, server.session
        )

    def _keep(self, server: _Server, database: OstDatabase, reason: str) -> None:
        with _not_fatal(server.conn):
            write_mark(server.conn, database.name, Mark("clone", server_time(server.conn), kept_for=reason))
        self._forget(database)

    def _drop(self, server: _Server, database: OstDatabase) -> None:
        with _not_fatal(server.conn):
            drop_clone(server.conn, database.name)
        self._forget(database)

    def _forget(self, database: OstDatabase) -> None:
        with suppress(ValueError):  # it was given back twice
            self._made.remove(database)

    def _drop_all(self, server: _Server) -> None:
        for database in [*self._made]:
            database.close()
            self._drop(server, database)


@dataclass
class _Server:
    """The thread's connection and what it knows of the server. `looked` is when it last saw the template."""

    conn: Conn
    target: Target
    template: Template
    looked: float
    session: str
    stack: ExitStack


@contextmanager
def _not_fatal(conn: Conn) -> Iterator[None]:
    """A test may have dropped or renamed its database, or left in it what forbids a drop; the sweep sees to it."""
    try:
        yield
    except IsolationError:
        pass
    except psycopg.Error:
        if conn.closed:
            raise
