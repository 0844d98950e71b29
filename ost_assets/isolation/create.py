"""Copies a database and drops the copy; what is copied when is the template's and the pool's affair."""

from __future__ import annotations

import re
import secrets
import statistics
import time
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

from ost_assets.errors import IsolationError
from ost_assets.isolation.marks import PREFIX, Kind, Mark, mark_of, server_time, session_id, write_mark
from ost_assets.postgres.connect import apply_settings, scalar

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn

SHARED_BLOCKS = "FILE_COPY, clone"
# Name -> CREATE DATABASE's STRATEGY, and what PostgreSQL 18 calls file_copy_method.
STRATEGIES = {
    "WAL_LOG": ("wal_log", ""),
    "FILE_COPY": ("file_copy", "copy"),
    SHARED_BLOCKS: ("file_copy", "clone"),
}
_METHODS_SINCE = 180000
_ROUNDS = 4
# A way that was this much slower than the best so far is not tried again.
_HOPELESS = 2.0


def create_database(conn: Conn, name: str, mark: Mark, template: str = "", strategy: str = "WAL_LOG") -> None:
    """`CREATE DATABASE`, and at once its mark.

    Args:
        template: what to copy; PostgreSQL's own default if empty.
        strategy: one of `STRATEGIES`.
    """
    how, method = STRATEGIES[strategy]
    source = sql.SQL("template {} ").format(sql.Identifier(template)) if template else sql.SQL("")
    if method and conn.info.server_version >= _METHODS_SINCE:
        apply_settings(conn, {"file_copy_method": method})
    conn.execute(
        sql.SQL("create database {} {}strategy {}").format(sql.Identifier(name), source, sql.SQL(how))
    )
    write_mark(conn, name, mark)


def fresh_name(kind: Kind, label: str) -> str:
    """A name that nobody has: `ost_clone_gw0_6f1e…`. The label says who asked."""
    return f"{PREFIX}{kind}_{re.sub(r'[^a-z0-9]', '', label.lower())[:16]}_{secrets.token_hex(8)}"


def drop_clone(conn: Conn, name: str) -> None:
    """Drop a clone, whoever is still connected to it.

    Raises:
        IsolationError: there is no such database, or it is no clone of ours; nothing was changed.
    """
    mark = mark_of(conn, name)
    if mark is None or mark.kind != "clone":
        # A name that we did not give is not repeated: it may be half a URL with a password in it.
        shown = f"the database {name!r}" if name.startswith(PREFIX) else "that"
        raise IsolationError(
            f"{shown} is no clone made by ost_assets, or is gone already",
            looked=f"the databases of {conn.info.host}; nothing was changed",
            remedy="name what `ost-assets clone` printed",
        )
    drop_database(conn, name, force=True)


def drop_database(conn: Conn, name: str, *, force: bool) -> None:
    """Drop a database whose mark says that it is ours, also one that an interrupted drop left invalid.

    Args:
        force: end the sessions of those who are connected to it.
    """
    identifier = sql.Identifier(name)
    if scalar(
        conn, "select coalesce(bool_or(datistemplate), false) from pg_database where datname = %s", name
    ):
        conn.execute(sql.SQL("alter database {} is_template false").format(identifier))
    plain = sql.SQL("drop database if exists {}").format(identifier)
    try:
        conn.execute(plain + sql.SQL(" with (force)") if force else plain)
    except errors.InsufficientPrivilege:
        # Only a superuser may force out autovacuum, and without force it goes by itself.
        conn.execute(plain)


def measure(conn: Conn, template: str) -> dict[str, float]:
    """Median milliseconds of a copy by each way that works here, in turns so that noise hits all of them.

    Returns:
        Name in `STRATEGIES` -> milliseconds, the cheapest first.
    """
    known = [
        name for name in STRATEGIES if name != SHARED_BLOCKS or conn.info.server_version >= _METHODS_SINCE
    ]
    taken: dict[str, list[float]] = {name: [] for name in known}
    mark = Mark("clone", server_time(conn), session_id(conn))
    for number in range(_ROUNDS):
        for strategy in list(taken):
            name = fresh_name("clone", "measured")
            started = time.perf_counter()
            try:
                create_database(conn, name, mark, template, strategy)
            except psycopg.Error:
                if strategy != SHARED_BLOCKS or conn.closed:
                    raise
                del taken[strategy]  # the file system cannot share blocks
            else:
                if number > 0:  # round 0 fills caches and writes out what the restore left dirty
                    taken[strategy].append((time.perf_counter() - started) * 1000)
                drop_clone(conn, name)
        if number > 0:
            medians = {name: statistics.median(values) for name, values in taken.items()}
            best = min(medians.values())
            taken = {name: taken[name] for name, median in medians.items() if median <= best * _HOPELESS}
    return {name: round(medians[name], 2) for name in sorted(taken, key=medians.__getitem__)}
