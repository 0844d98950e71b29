"""What this tool remembers inside the database: its build schemas and what it published.

A build lives in the schema `ost_build`; once audited it becomes `ost_ready_<fingerprint>`, waiting to be
published. Both are recognised by a mark in their comment, never by their name alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg import errors, sql
from psycopg.types.json import Jsonb

from ost_assets.errors import GuardRefused, ServerFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ost_assets.postgres.connect import Conn

SCHEMA = "ost_assets"
BUILD_SCHEMA = "ost_build"
# By this the sessions of a dbt that was killed or given up are found.
DBT_APPLICATION_NAME = "ost_assets dbt"
_READY_PREFIX = "ost_ready_"
_MARK = "made by ost_assets; dropped by its next set-up"
# An audited build that nobody came to publish: its set-up was killed. The next one may take longer.
_ABANDONED = "1 hour"

_COMMENT = "what ost_assets published into this database"
_ENDING_SECONDS = 10

_TABLES = f"""
create schema if not exists {SCHEMA};
comment on schema {SCHEMA} is '{_COMMENT}';
create table if not exists {SCHEMA}.ready (
  schema_name text primary key, fingerprint text not null, inputs jsonb not null, report jsonb not null,
  created_at timestamptz not null default now());
create table if not exists {SCHEMA}.publication (
  target_schema text primary key, fingerprint text not null, inputs jsonb not null,
  relations jsonb not null, report jsonb not null, published_at timestamptz not null default now());
"""


@dataclass(frozen=True)
class Ready:
    """An audited build, waiting in `schema`. The other fields are those of the `Publication` it will be."""

    schema: str
    fingerprint: str
    inputs: dict[str, Any]
    report: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class Publication:
    """What stands in the target schema.

    Attributes:
        inputs: what the fingerprint was made of, by part.
        relations: table name -> oid, the identity by which we know our own.
        report: how it was seeded, see `seeding.report.Report`.
        intact: every recorded table is still there, under its name.
    """

    fingerprint: str
    inputs: dict[str, Any]
    relations: dict[str, int]
    report: dict[str, Any]
    published_at: datetime
    intact: bool


def prepare(conn: Conn) -> None:
    """Create the bookkeeping tables where they are missing. Call it under `exclusive`.

    Raises:
        GuardRefused: the schema is somebody else's.
    """
    refuse_foreign_schema(conn)
    if conn.execute("select to_regclass(%s)", [f"{SCHEMA}.publication"]).fetchone() == (None,):
        conn.execute(_TABLES)


def published(conn: Conn, target_schema: str) -> Publication | None:
    """What we published into that schema, or None. Reads only."""
    query = sql.SQL(
        "select fingerprint, inputs, relations, report, published_at, not exists ("
        "  select from jsonb_each_text(relations) as r left join pg_class as c on c.oid = r.value::oid"
        "  and c.relname = r.key and c.relnamespace = to_regnamespace(quote_ident(target_schema))"
        "  where c.oid is null) from {}.publication where target_schema = %s"
    ).format(sql.Identifier(SCHEMA))
    try:
        row = conn.execute(query, [target_schema]).fetchone()
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return None
    return None if row is None else Publication(*row)


def refuse_foreign_relations(conn: Conn, target_schema: str, names: Iterable[str]) -> None:
    """The second half of the guard: names that we would replace and did not make.

    Raises:
        GuardRefused: the target schema holds such relations; the list is in the message.
    """
    ours = published(conn, target_schema)
    rows = conn.execute(
        "select relname from pg_class where relnamespace = to_regnamespace(quote_ident(%s))"
        " and relname = any(%s) and not oid = any(%s) order by 1",
        [target_schema, list(names), list(ours.relations.values()) if ours else []],
    ).fetchall()
    if rows:
        listed = ", ".join(f'"{name}"' for (name,) in rows)
        raise GuardRefused(
            f"the schema {target_schema!r} holds tables this project did not publish: {listed}",
            looked=f"{conn.info.host}/{conn.info.dbname}; nothing was changed",
            remedy="point DATABASE_URL at an empty database, choose another OST_TARGET_SCHEMA, "
            "or move those tables away yourself",
        )


def refuse_foreign_schema(conn: Conn, name: str = SCHEMA, mark: str = _COMMENT) -> None:
    """Raise `GuardRefused` where a schema of that name stands and does not carry our mark as its comment."""
    row = conn.execute(
        "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = %s", [name]
    ).fetchone()
    if row is not None and row[0] != mark:
        raise GuardRefused(
            f"the schema {name!r} is in the way and was not made by this project",
            looked=f"{conn.info.host}/{conn.info.dbname}; nothing was changed",
            remedy="rename or drop that schema yourself, or use another database",
        )


def made_by_us(conn: Conn) -> bool:
    """Whether this whole database is ours: it holds our bookkeeping, or nothing at all. Reads only."""
    row = conn.execute(
        "select (select obj_description(oid, 'pg_namespace') = %s from pg_namespace where nspname = %s)"
        " or not exists (select from pg_class where oid >= 16384 union all"
        "   select from pg_proc where oid >= 16384 union all select from pg_type where oid >= 16384 union all"
        "   select from pg_namespace where oid >= 16384 union all select from pg_largeobject_metadata)",
        [_COMMENT, SCHEMA],
    ).fetchone()
    return row == (True,)


def end_dbt_sessions(conn: Conn) -> None:
    """End what a killed or given up dbt still has running here, and wait. Call it under `exclusive`."""
    query = (
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where application_name = %s and datname = current_database() and usename = current_user"
    )
    deadline = time.monotonic() + _ENDING_SECONDS
    # In a transaction, what pg_stat_activity shows stands still until it is told to look again.
    while conn.execute("select pg_stat_clear_snapshot()") and conn.execute(
        query, [DBT_APPLICATION_NAME]
    ).fetchone() != (0,):
        if time.monotonic() > deadline:
            raise ServerFailed(
                "sessions of an earlier dbt do not end",
                looked=f"pg_stat_activity, application_name {DBT_APPLICATION_NAME!r}",
                remedy="end them yourself and run again",
            )
        time.sleep(0.05)


def begin_build(conn: Conn) -> None:
    """Drop what crashed set-ups left behind and create an empty build schema. Call it under `exclusive`.

    Raises:
        GuardRefused: a schema of that name is not ours.
        ServerFailed: a killed set-up's sessions do not end.
    """
    prepare(conn)
    end_dbt_sessions(conn)
    ready = sql.Identifier(SCHEMA, "ready")
    kept = sql.SQL("select schema_name from {} where created_at > now() - {}::interval").format(
        ready, _ABANDONED
    )
    rows = conn.execute(
        sql.SQL(
            "select nspname from pg_namespace where (nspname = %s or starts_with(nspname, %s))"
            " and nspname not in ({})"
        ).format(kept),
        [BUILD_SCHEMA, _READY_PREFIX],
    ).fetchall()
    for (name,) in rows:
        drop_schema(conn, name)
    with conn.transaction():
        conn.execute(sql.SQL("create schema {}").format(sql.Identifier(BUILD_SCHEMA)))
        conn.execute(sql.SQL("comment on schema {} is {}").format(sql.Identifier(BUILD_SCHEMA), _MARK))


def drop_schema(conn: Conn, name: str) -> None:
    """Drop a schema of our own with everything in it, and forget it.

    Raises:
        GuardRefused: it exists and does not carry our mark.
    """
    refuse_foreign_schema(conn, name, _MARK)
    with conn.transaction():
        conn.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(name)))
        conn.execute(
            sql.SQL("delete from {} where schema_name = %s").format(sql.Identifier(SCHEMA, "ready")),
            [name],
        )


def finish_build(conn: Conn, fingerprint: str, inputs: dict[str, Any], report: dict[str, Any]) -> Ready:
    """Mark the build as audited, in one transaction: from now on it may be published."""
    name = _READY_PREFIX + fingerprint[:16]
    drop_schema(conn, name)
    with conn.transaction():
        conn.execute(
            sql.SQL("alter schema {} rename to {}").format(sql.Identifier(BUILD_SCHEMA), sql.Identifier(name))
        )
        row = conn.execute(
            sql.SQL(
                "insert into {} (schema_name, fingerprint, inputs, report) values (%s, %s, %s, %s)"
                " returning schema_name, fingerprint, inputs, report, created_at"
            ).format(sql.Identifier(SCHEMA, "ready")),
            [name, fingerprint, Jsonb(inputs), Jsonb(report)],
        ).fetchone()
    assert row is not None
    return Ready(*row)


def find_ready(conn: Conn, fingerprints: Iterable[str]) -> Ready | None:
    """The newest audited build of one of these fingerprints, or None."""
    row = conn.execute(
        sql.SQL(
            "select schema_name, fingerprint, inputs, report, created_at from {} join pg_namespace on nspname = schema_name"
            " where fingerprint = any(%s) order by created_at desc limit 1"
        ).format(sql.Identifier(SCHEMA, "ready")),
        [list(fingerprints)],
    ).fetchone()
    return None if row is None else Ready(*row)


def record(conn: Conn, target_schema: str, ready: Ready, relations: dict[str, int]) -> None:
    """Remember that `ready` is what stands in the target schema now, under these oids."""
    conn.execute(
        sql.SQL(
            "insert into {} (target_schema, fingerprint, inputs, relations, report)"
            " values (%s, %s, %s, %s, %s) on conflict (target_schema) do update set"
            " fingerprint = excluded.fingerprint, inputs = excluded.inputs,"
            " relations = excluded.relations, report = excluded.report, published_at = now()"
        ).format(sql.Identifier(SCHEMA, "publication")),
        [target_schema, ready.fingerprint, Jsonb(ready.inputs), Jsonb(relations), Jsonb(ready.report)],
    )
