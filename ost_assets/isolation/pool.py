"""Clones made ahead of time, so that the next test does not wait.

One thread with one connection makes them and drops them: a server that works on one clone is not asked for
two more at once. Drops wait until there are many or the end has come, because on ext4 creating and dropping
databases in turns makes creating slower and slower.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from psycopg import errors

from ost_assets.errors import IsolationError
from ost_assets.isolation.clone import create_database, drop_clone, fresh_name
from ost_assets.isolation.database import OstDatabase
from ost_assets.isolation.marks import Mark, server_time, session_id, write_mark
from ost_assets.isolation.sweep import make_room
from ost_assets.isolation.template import Template, ensure_template
from ost_assets.postgres.connect import apply_settings, connect, ensure_target

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn
    from ost_assets.postgres.target import Target
    from ost_assets.settings import Settings

_DROPS_AT_ONCE = 10
_CLOSE_SECONDS = 120


class ClonePool:
    """Hands out clones of the configured bundle's template; some are always in the making.

    A context manager: entering waits for the first clone, and at the end everything that was not kept is
    dropped. For one process, any of its threads.

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
        self._changed = threading.Condition()
        self._ready: deque[OstDatabase] = deque()
        self._used: deque[OstDatabase] = deque()
        self._kept: deque[tuple[OstDatabase, str]] = deque()
        self._error: Exception | None = None
        self._served = False
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="ost-clones", daemon=True)

    def __enter__(self) -> ClonePool:
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._error)
            error = self._error
        if error is not None:
            self.__exit__()
            raise error
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(_CLOSE_SECONDS)

    def get(self) -> OstDatabase:
        """A clone that nobody else has; waits only where none is ready.

        Raises:
            OstError: none can be had, see `ensure_template`. The next call tries again.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._error)
            try:
                if self._ready:
                    return self._ready.popleft()
                assert self._error is not None
                error, self._error = self._error, None
                raise error
            finally:
                self._changed.notify_all()

    def give_back(self, database: OstDatabase) -> None:
        """The clone is used up. It is dropped soon, whoever is still connected to it."""
        database.close()
        with self._changed:
            self._used.append(database)
            self._changed.notify_all()

    def keep(self, database: OstDatabase, reason: str) -> None:
        """Do not drop this one: somebody will want to look at it. It is swept when it is old."""
        database.close()
        with self._changed:
            self._kept.append((database, reason))
            self._changed.notify_all()

    def _work(self) -> None:
        """What the thread does: serve over one connection, and over another one when that broke.

        Somebody hears of an error only where a fresh connection and a look at the template do not mend it.
        """
        while True:
            self._served = False
            try:
                target = ensure_target(self._settings)
                with connect(self._settings, target) as conn:
                    template = ensure_template(conn, self._settings, target)
                    # A crash of the server may lose the last marks; the sweep finds what has none.
                    apply_settings(conn, {"synchronous_commit": "off"})
                    self._serve(conn, target, template)
                return
            except Exception as error:
                if self._served and not self._closing:
                    continue
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._error is None or self._closing)
                    if self._closing:
                        return

    def _serve(self, conn: Conn, target: Target, template: Template) -> None:
        session, clock = session_id(conn), server_time(conn) - time.monotonic()

        def mark(session: str = "", kept_for: str = "") -> Mark:
            return Mark("clone", clock + time.monotonic(), session, kept_for)

        while True:
            with self._changed:
                self._changed.wait_for(self._has_work)
                kept = self._kept.popleft() if self._kept else None
                making = kept is None and not self._closing and len(self._ready) < self._size
                doomed = self._take_doomed() if kept is None and not making else []
            if kept is not None:
                database, reason = kept
                write_mark(conn, database.name, mark(kept_for=reason))
            elif making:
                make_room(conn, self._settings, target)
                name = fresh_name("clone", self._label)
                create_database(conn, name, mark(session=session), template.name, template.strategy)
                self._served = True
                with self._changed:
                    self._ready.append(OstDatabase(replace(target, dbname=name)))
                    self._changed.notify_all()
            elif doomed:
                for database in doomed:
                    # A test may have dropped it, renamed it, or left something in it that forbids it.
                    with suppress(IsolationError, errors.ObjectInUse):
                        drop_clone(conn, database.name)
            else:
                return

    def _take_doomed(self) -> list[OstDatabase]:
        doomed = [*self._used, *(self._ready if self._closing else ())]
        self._used.clear()
        if self._closing:
            self._ready.clear()
        return doomed

    def _has_work(self) -> bool:
        return bool(
            self._closing or self._kept or len(self._ready) < self._size or len(self._used) >= _DROPS_AT_ONCE
        )
