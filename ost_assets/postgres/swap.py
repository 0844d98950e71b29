"""The swap: one transaction replaces the published tables by an audited build, or nothing happens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from psycopg import errors, sql

from ost_assets.errors import GuardRefused, PublishError
from ost_assets.postgres import bookkeeping
from ost_assets.postgres.connect import apply_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ost_assets.postgres.bookkeeping import Ready
    from ost_assets.postgres.connect import Conn

# Below PostgreSQL's deadlock_timeout of 1 s, so that in a deadlock it is we who step back, not a reader.
_LOCK_TRY = "500ms"
_PAUSE_SECONDS = 0.2


def swap(conn: Conn, target_schema: str, ready: Ready, *, timeout: float) -> None:
    """Move the tables of the build's report into `target_schema`, in place of what we published before.

    Grants on the old tables are given on the new ones. What else the build schema holds is dropped.

    Args:
        timeout: seconds to keep trying while readers hold the old tables.

    Raises:
        GuardRefused: a table, index or type that is not ours is in the way.
        PublishError: readers did not let go in time, or other objects depend on the old tables.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            with conn.transaction():
                apply_settings(conn, {"lock_timeout": _LOCK_TRY}, local=True)
                _swap(conn, target_schema, ready)
            return
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            if time.monotonic() > deadline:
                raise PublishError(
                    f"the old tables were in use for {timeout:.0f} s, they still stand",
                    looked=_holders(conn, target_schema),
                    remedy="end those sessions, or raise OST_LOCK_TIMEOUT, and run again",
                ) from error
            time.sleep(_PAUSE_SECONDS)
        except errors.DependentObjectsStillExist as error:
            raise PublishError(
                "other objects depend on the published tables, which therefore still stand",
                looked=(error.diag.message_detail or str(error)).replace("\n", "; "),
                remedy="drop those objects, publish, and create them again",
            ) from error
        except (errors.DuplicateTable, errors.DuplicateObject) as error:
            raise GuardRefused(
                f"a name we would publish is taken: {error.diag.message_primary}",
                looked=f"schema {target_schema!r}; nothing was changed",
                remedy="rename that object, or choose another OST_TARGET_SCHEMA",
            ) from error


def _swap(conn: Conn, target_schema: str, ready: Ready) -> None:
    tables = sorted(ready.report["tables"])
    conn.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(target_schema)))
    bookkeeping.refuse_foreign_relations(conn, target_schema, tables)
    old = _our_tables(conn, target_schema)
    grants: list[tuple[str, str, str, str, bool]] = []
    if old:
        listed = sql.SQL(", ").join(sql.Identifier(target_schema, name) for name in old)
        conn.execute(sql.SQL("lock table {} in access exclusive mode").format(listed))
        grants = _grants(conn, list(old.values()))
        conn.execute(sql.SQL("drop table {}").format(listed))
    for name in tables:
        conn.execute(
            sql.SQL("alter table {} set schema {}").format(
                sql.Identifier(ready.schema, name), sql.Identifier(target_schema)
            )
        )
    for name, column, role, privilege, grantable in grants:
        if name in tables and (not column or _has_column(conn, target_schema, name, column)):
            on_column = sql.SQL(" ({})").format(sql.Identifier(column)) if column else sql.SQL("")
            conn.execute(
                sql.SQL("grant {}{} on {} to {}{}").format(
                    sql.SQL(privilege),
                    on_column,
                    sql.Identifier(target_schema, name),
                    sql.Identifier(role) if role else sql.SQL("public"),
                    sql.SQL(" with grant option" if grantable else ""),
                )
            )
    oids = conn.execute(
        "select relname, oid::bigint from pg_class"
        " where relnamespace = to_regnamespace(quote_ident(%s)) and relname = any(%s)",
        [target_schema, tables],
    ).fetchall()
    bookkeeping.record(conn, target_schema, ready, dict(oids))
    bookkeeping.drop_schema(conn, ready.schema)


def _our_tables(conn: Conn, target_schema: str) -> dict[str, int]:
    """The published tables that still exist: same identity and same name, so one that somebody renamed is theirs."""
    record = bookkeeping.published(conn, target_schema)
    if record is None:
        return {}
    rows = conn.execute(
        "select relname, oid::bigint from pg_class where oid = any(%s) and relkind = 'r'"
        " and relnamespace = to_regnamespace(quote_ident(%s)) order by relname",
        [list(record.relations.values()), target_schema],
    ).fetchall()
    return {name: oid for name, oid in rows if record.relations.get(name) == oid}


def _grants(conn: Conn, oids: Sequence[int]) -> list[tuple[str, str, str, str, bool]]:
    """(table, column or '', role or '' for public, privilege, grantable) of everybody but the owners."""
    return conn.execute(
        "select c.relname, g.column_name, coalesce(r.rolname, ''), x.privilege_type, x.is_grantable"
        " from pg_class as c"
        " cross join lateral (select '' as column_name, c.relacl as acl union all"
        "   select attname, attacl from pg_attribute where attrelid = c.oid and not attisdropped) as g"
        " cross join aclexplode(g.acl) as x left join pg_roles as r on r.oid = x.grantee"
        " where c.oid = any(%s) and x.grantee <> c.relowner order by 1, 2, 3, 4",
        [oids],
    ).fetchall()


def _has_column(conn: Conn, schema: str, table: str, column: str) -> bool:
    row = conn.execute(
        "select from pg_attribute join pg_class as c on c.oid = attrelid"
        " where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relname = %s and attname = %s"
        " and not attisdropped",
        [schema, table, column],
    ).fetchone()
    return row is not None


def _holders(conn: Conn, target_schema: str) -> str:
    rows = conn.execute(
        "select distinct a.pid, coalesce(nullif(a.application_name, ''), a.usename), a.state"
        " from pg_locks as l join pg_stat_activity as a using (pid)"
        " where l.relation = any(%s) and l.granted and a.pid <> pg_backend_pid() order by 1",
        [list(_our_tables(conn, target_schema).values())],
    ).fetchall()
    return "; ".join(f"pid {pid} ({who}, {state})" for pid, who, state in rows) or "pg_locks"
