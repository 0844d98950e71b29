"""Drops the databases of ours that nobody needs any more: unused, unattended and over age."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

from ost_assets.errors import IsolationError, OstError
from ost_assets.isolation.create import drop_database
from ost_assets.isolation.marks import (
    Mark,
    MarkedDatabase,
    count_databases,
    mark_of,
    our_databases,
    server_time,
    strays,
    write_mark,
)
from ost_assets.postgres.bookkeeping import made_by_us
from ost_assets.postgres.connect import TEMPLATES_KEY, connect, exclusive

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn
    from ost_assets.postgres.target import Target
    from ost_assets.settings import Settings

# What a process left behind that was killed: nobody will ask for it, but its session may be reconnecting.
_ABANDONED_SECONDS = 600
# Far longer than a database that is just made waits for its mark.
_MARKING_SECONDS = 1.0
# Longer than a template in use goes without being touched.
_CROWDED_SECONDS = 7200


def expired(database: MarkedDatabase, now: float, settings: Settings, limit: float = math.inf) -> bool:
    """Whether a database may be swept.

    Args:
        now: seconds of the epoch, by the server's clock.
        limit: seconds of age that are enough, whatever the settings allow.
    """
    mark = database.mark
    if database.in_use or database.attended:
        return False
    if mark.kept_for and limit < math.inf:
        return True  # to be looked at, but not at the price that nothing else can run
    if mark.kind == "template":
        return now - mark.used_at > min(settings.ost_template_max_age, limit)
    return now - mark.made_at > (
        _ABANDONED_SECONDS if mark.session else min(settings.ost_clone_max_age, limit)
    )


def sweep(conn: Conn, settings: Settings, target: Target, limit: float = math.inf) -> list[str]:
    """Drop what has expired; call it under the templates' lock. Returns the names.

    Never with force: what somebody connects to in this very moment stays. For `limit`, see `expired`.
    """
    now = server_time(conn)
    _adopt_strays(conn, settings, target, now)
    dropped = []
    for database in our_databases(conn):
        if expired(database, now, settings, limit):
            try:
                drop_database(conn, database.name, force=False)
            except psycopg.Error:
                if conn.closed:
                    raise
                continue  # somebody came, or was quicker, or is dropping it in this moment
            dropped.append(database.name)
    return dropped


def make_room(conn: Conn, settings: Settings, target: Target) -> None:
    """See that one more database of ours may be made; what has expired is swept where that is what it takes.

    Raises:
        IsolationError: there are as many as there may be.
    """
    if count_databases(conn) < settings.ost_max_databases:
        return
    with exclusive(conn, TEMPLATES_KEY, timeout=settings.ost_wait_timeout):
        sweep(conn, settings, target, _CROWDED_SECONDS)
    if (count := count_databases(conn)) >= settings.ost_max_databases:
        raise IsolationError(
            f"there are {count} databases of ost_assets on the server, and there may be {settings.ost_max_databases}",
            looked=f"the comments of the databases on {conn.info.host}",
            remedy="drop clones with `ost-assets drop URL`, or raise OST_MAX_DATABASES",
        )


def _adopt_strays(conn: Conn, settings: Settings, target: Target, now: float) -> None:
    """Mark what a crash of the server left without its mark: it has our name *and* our tables, or no table.

    It is swept later, when it has the age.
    """
    if found := set(strays(conn)):
        time.sleep(_MARKING_SECONDS)
    for name in found & set(strays(conn)):
        # It may be gone by now, take no connections, or have a name that the guard does not like.
        with suppress(OstError, errors.InvalidCatalogName):
            with connect(settings, replace(target, dbname=name)) as inside:
                ours = made_by_us(inside)
            if ours and mark_of(conn, name) is None:
                write_mark(conn, name, Mark("clone", now))
