"""The template database: the bundle, restored once on a server, from which every test gets its clone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psycopg import errors, sql

from ost_assets.bundle.read import Bundle, open_bundle
from ost_assets.bundle.restoring import restore_verified
from ost_assets.errors import IsolationError
from ost_assets.isolation.create import create_database, drop_database, fresh_name, measure
from ost_assets.isolation.marks import PREFIX, Mark, mark_of, server_time, session_id, write_mark
from ost_assets.isolation.sweep import make_room, sweep
from ost_assets.postgres.connect import TEMPLATES_KEY, connect, exclusive, scalar
from ost_assets.postgres.privileges import refuse_without_createdb
from ost_assets.postgres.target import refuse_production

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn
    from ost_assets.postgres.target import Target
    from ost_assets.settings import Settings

# How exact `used_at` is: without this, every process that asks would write.
TOUCH_SECONDS = 3600
# An interrupted DROP DATABASE leaves a database with its comment that can only be dropped.
_IS_INVALID = "select datconnlimit = -2 from pg_database where datname = %s"


@dataclass(frozen=True)
class Template:
    """A finished template database.

    Attributes:
        strategy: the cheapest way to clone it on its server.
        milliseconds: way -> what a clone took when it was built, the cheapest first.
        built: by the call that returned this, not found.
        swept: old databases of ours that the same call dropped.
    """

    name: str
    fingerprint: str
    strategy: str
    milliseconds: dict[str, float]
    built: bool
    swept: tuple[str, ...] = ()


def ensure_template(conn: Conn, settings: Settings, target: Target) -> Template:
    """Find the template of the configured bundle on the server, or build it; once, however many ask.

    It is marked only when it is finished, and takes no connections, so that nobody can change it.

    Args:
        conn: to `target`, which has to be the same database for all who may ask at once.

    Raises:
        BundleMissing, BundleBroken: the bundle cannot be used.
        AccessDenied: the role may not create databases.
        GuardRefused: the server's name says production.
        IsolationError: there are too many databases of ours.
        ServerError: an extension is missing, or the server failed.
    """
    bundle = open_bundle(settings.bundle_dir)
    name = _name(conn, settings, bundle)
    now = server_time(conn)
    swept: list[str] = []
    built = False
    mark = _finished(conn, name)
    if mark is None or now - mark.used_at > min(TOUCH_SECONDS, settings.ost_template_max_age / 2):
        with exclusive(conn, TEMPLATES_KEY, timeout=settings.ost_wait_timeout):
            mark = _finished(conn, name)
            if mark is not None:
                mark = replace(mark, used_at=now)
                write_mark(conn, name, mark)
            swept = sweep(conn, settings, target)
            if mark is None:
                if mark_of(conn, name) is not None:
                    drop_database(conn, name, force=False)  # the rest of an interrupted drop
                built = _build(conn, settings, target, bundle, name)
                mark = _finished(conn, name)
    if mark is None:
        raise IsolationError(
            f"a database that is not ours has the name of the template, {name!r}",
            looked=f"the databases of {conn.info.host}; nothing was changed",
            remedy="rename or drop that database yourself",
        )
    return Template(name, bundle.manifest.fingerprint, mark.strategy, mark.milliseconds, built, tuple(swept))


def _name(conn: Conn, settings: Settings, bundle: Bundle) -> str:
    """By fingerprint and by what else decides what is in it: server, extensions, schema, and whose it is."""
    extensions = {*bundle.manifest.extensions, *settings.ost_optional_extensions}
    versions = conn.execute(
        "select name, default_version from pg_available_extensions where name = any(%s) order by 1",
        [sorted(extensions)],
    ).fetchall()
    server = [conn.info.server_version // 10000, settings.ost_target_schema, conn.info.user, versions]
    part = hashlib.sha256(json.dumps(server).encode()).hexdigest()
    return f"{PREFIX}template_{bundle.manifest.fingerprint[:16]}_{part[:8]}"


def _finished(conn: Conn, name: str) -> Mark | None:
    mark = mark_of(conn, name)
    if mark is None or mark.kind != "template" or scalar(conn, _IS_INVALID, name):
        return None
    return mark


def _build(conn: Conn, settings: Settings, target: Target, bundle: Bundle, name: str) -> bool:
    """Returns whether it was we who built it; if not, the name was taken in the meantime."""
    refuse_without_createdb(conn)
    make_room(conn, settings, target)
    bundle.verify(bundle.restored_files)
    building = fresh_name("building", "")
    refuse_production(replace(target, dbname=building), settings.ost_allow_database)
    create_database(conn, building, Mark("building", server_time(conn), session_id(conn)))
    try:
        with connect(settings, replace(target, dbname=building)) as inside:
            restore_verified(inside, settings, bundle)
        milliseconds = measure(conn, building)
        now = server_time(conn)
        mark = Mark(
            "template", now, used_at=now, strategy=next(iter(milliseconds)), milliseconds=milliseconds
        )
        with conn.transaction():
            conn.execute(
                sql.SQL("alter database {} rename to {}").format(
                    sql.Identifier(building), sql.Identifier(name)
                )
            )
            conn.execute(
                sql.SQL("alter database {} is_template true allow_connections false").format(
                    sql.Identifier(name)
                )
            )
            write_mark(conn, name, mark)
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        # Somebody built it who is connected to another database of this server, where our lock is not seen.
        return False
    finally:
        if not conn.closed:
            # A finished template has been renamed by now.
            drop_database(conn, building, force=True)
    return True
