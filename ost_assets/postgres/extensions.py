"""Extensions: create the required ones, the optional ones where the server ships them, and report versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import errors, sql

from ost_assets.errors import AccessDenied, ExtensionMissing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ost_assets.postgres.connect import Conn

_PACKAGES = {
    "vector": "install pgvector on the server (Debian: postgresql-NN-pgvector; Docker: pgvector/pgvector)",
}
_CONTRIB = "install the server's contrib package (Debian: part of postgresql-NN), or leave it out of OST_REQUIRED_EXTENSIONS"
_INSTEAD = {"uuid-ossp": "gen_random_uuid() is built into every supported server"}


@dataclass(frozen=True)
class Extensions:
    """What is in the database now.

    Attributes:
        server_version: such as `18.1`.
        installed: extension -> version.
        absent: optional extension the server does not ship -> what to use instead.
    """

    server_version: str
    installed: dict[str, str]
    absent: dict[str, str]


def create_extensions(conn: Conn, required: Collection[str], optional: Iterable[str]) -> Extensions:
    """Create what is missing. Idempotent; call it under `exclusive`, CREATE EXTENSION is not safe in a race.

    Raises:
        ExtensionMissing: the server does not ship a required one.
        AccessDenied: the role may not create it.
    """
    rows = conn.execute("select name, installed_version from pg_available_extensions").fetchall()
    available: dict[str, str | None] = dict(rows)
    version = conn.info.parameter_status("server_version") or ""
    absent: dict[str, str] = {}
    wanted = [*required]
    for name in wanted:
        if name not in available:
            raise ExtensionMissing(
                f"the server does not ship the extension {name!r}",
                looked=f"pg_available_extensions on {conn.info.host}, PostgreSQL {version}",
                remedy=_PACKAGES.get(name, _CONTRIB),
            )
    for name in optional:
        if name in available:
            wanted.append(name)
        else:
            absent[name] = _INSTEAD.get(name, "not needed")
    for name in wanted:
        if available[name] is None:
            try:
                # In a transaction of the caller's, an optional one that is denied must not end it.
                with conn.transaction():
                    conn.execute(
                        sql.SQL("create extension if not exists {} with schema public").format(
                            sql.Identifier(name)
                        )
                    )
            except errors.InsufficientPrivilege as error:
                if name not in required:
                    absent[name] = "the role may not create it; " + _INSTEAD.get(name, "not needed")
                    continue
                raise AccessDenied(
                    f"the role {conn.info.user!r} may not create the extension {name!r}",
                    looked=f"{conn.info.host}/{conn.info.dbname}",
                    remedy=f'have a superuser run, once: create extension "{name}"; in this database, and in template1 '
                    "for the clones that tests take",
                ) from error
    installed = conn.execute(
        "select extname, extversion from pg_extension where extname = any(%s) order by 1", [wanted]
    ).fetchall()
    return Extensions(version, dict(installed), absent)


def require_extensions(conn: Conn, required: Iterable[str]) -> None:
    """Refuse to seed where `create_extensions` has not been.

    Raises:
        ExtensionMissing: one of them is not in the database.
    """
    rows = conn.execute("select extname, extnamespace::regnamespace::text from pg_extension").fetchall()
    schemas: dict[str, str] = dict(rows)
    missing = sorted(set(required) - schemas.keys())
    if missing:
        raise ExtensionMissing(
            f"the database lacks the extension {', '.join(missing)}",
            looked=f"pg_extension of {conn.info.host}/{conn.info.dbname}",
            remedy="materialize postgres_extensions first, or run `ost-assets setup`",
        )
    for name in required:
        if schemas[name] not in ("public", "pg_catalog"):
            raise ExtensionMissing(
                f"the extension {name!r} is in the schema {schemas[name]!r}, where the tables do not look for it",
                looked=f"pg_extension of {conn.info.host}/{conn.info.dbname}",
                remedy=f'alter extension "{name}" set schema public;',
            )
