"""Clones of the template: one for a pool, or one for somebody who looks after it himself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from ost_assets.errors import SettingsError
from ost_assets.isolation.create import create_database, drop_clone, fresh_name
from ost_assets.isolation.database import OstDatabase
from ost_assets.isolation.marks import Mark, server_time
from ost_assets.isolation.sweep import make_room
from ost_assets.isolation.template import ensure_template
from ost_assets.postgres.connect import connect, ensure_target, find_target

if TYPE_CHECKING:
    from ost_assets.isolation.template import Template
    from ost_assets.postgres.connect import Conn
    from ost_assets.postgres.target import Target
    from ost_assets.settings import Settings


def make_clone(
    conn: Conn, settings: Settings, target: Target, template: Template, label: str, session: str = ""
) -> OstDatabase:
    """A fresh clone.

    Args:
        label: shows in its name: who asked.
        session: of the process that looks after it; empty where it is handed out for good.

    Raises:
        IsolationError: there are too many databases of ours.
    """
    make_room(conn, settings, target)
    name = fresh_name("clone", label)
    create_database(conn, name, Mark("clone", server_time(conn), session), template.name, template.strategy)
    return OstDatabase(replace(target, dbname=name))


def clone_once(settings: Settings) -> OstDatabase:
    """A fresh clone that stays until `drop_once`, or until it is over age and swept.

    Raises:
        OstError: as `ensure_template` and `make_clone`.
    """
    target = ensure_target(settings)
    with connect(settings, target) as conn:
        return make_clone(conn, settings, target, ensure_template(conn, settings, target), "cli")


def drop_once(settings: Settings, url: str) -> str:
    """Drop a clone on the configured server. Returns its name.

    Args:
        url: what `clone_once` gave, or just the name of the database.

    Raises:
        SettingsError: it looks like a URL and is none.
        IsolationError: there is no such clone on that server.
    """
    name = url
    if "://" in url:
        try:
            name = str(conninfo_to_dict(url).get("dbname") or "")
        except ProgrammingError:
            # libpq's message repeats the URL and so the password.
            raise SettingsError(
                "that URL cannot be parsed by libpq", remedy="name what `ost-assets clone` printed"
            ) from None
    with connect(settings, find_target(settings)) as conn:
        drop_clone(conn, name)
    return name
