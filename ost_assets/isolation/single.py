"""One clone for somebody who looks after it himself, such as a test in another language; and its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from ost_assets.errors import SettingsError
from ost_assets.isolation.clone import create_database, drop_clone, fresh_name
from ost_assets.isolation.database import OstDatabase
from ost_assets.isolation.marks import Mark, server_time
from ost_assets.isolation.sweep import make_room
from ost_assets.isolation.template import ensure_template
from ost_assets.postgres.connect import connect, ensure_target, find_target

if TYPE_CHECKING:
    from ost_assets.settings import Settings


def clone_once(settings: Settings) -> OstDatabase:
    """A fresh clone that stays until `drop_once`, or until it is over age and swept.

    Raises:
        OstError: as `ensure_template`; too many databases are an `IsolationError`.
    """
    target = ensure_target(settings)
    with connect(settings, target) as conn:
        template = ensure_template(conn, settings, target)
        make_room(conn, settings, target)
        name = fresh_name("clone", "cli")
        create_database(conn, name, Mark("clone", server_time(conn)), template.name, template.strategy)
    return OstDatabase(replace(target, dbname=name))


def drop_once(settings: Settings, url: str) -> str:
    """Drop a clone on the configured server. Returns its name.

    Args:
        url: what `clone_once` gave, or just the name of the database.

    Raises:
        SettingsError: the URL is none, or is of another server.
        IsolationError: there is no such clone.
    """
    target = find_target(settings)
    name = url
    if "://" in url:
        try:
            parts = conninfo_to_dict(url)
        except ProgrammingError:
            # libpq's message repeats the URL and so the password.
            raise SettingsError(
                "that URL cannot be parsed by libpq", remedy="name what `ost-assets clone` printed"
            ) from None
        name = str(parts.get("dbname") or "")
        server = str(parts.get("host") or target.host), str(parts.get("port") or target.port)
        if server != (target.host, str(target.port)):
            raise SettingsError(
                f"the clone {name!r} is on {':'.join(server)}, the configured server is another one",
                looked=target.url,
                remedy="set DATABASE_URL as it was when the clone was made",
            )
    with connect(settings, target) as conn:
        drop_clone(conn, name)
    return name
