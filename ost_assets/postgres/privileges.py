"""Whether the role can do a whole set-up, asked before anything is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ost_assets.errors import AccessDenied
from ost_assets.postgres.connect import scalar

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn

_QUERY = """
select pg_is_in_recovery(),
       current_setting('transaction_read_only') = 'on',
       has_database_privilege(current_database(), 'CREATE'),
       coalesce(has_schema_privilege(to_regnamespace(quote_ident(%s))::oid, 'CREATE'), true)
"""


def refuse_unprivileged(conn: Conn, target_schema: str) -> None:
    """Raise `AccessDenied` where the server takes no writes or the role may not create what is needed."""
    row = conn.execute(_QUERY, [target_schema]).fetchone()
    assert row is not None
    standby, read_only, may_create_schemas, may_create_tables = row
    role, database = conn.info.user, conn.info.dbname
    problem = remedy = ""
    if standby or read_only:
        problem = "the server is a standby" if standby else f"transactions of {role!r} are read-only"
        remedy = "point DATABASE_URL at a server and role that take writes"
    elif not may_create_schemas:
        problem = f"the role {role!r} may not create schemas in {database!r}"
        remedy = f'grant create on database "{database}" to "{role}";'
    elif not may_create_tables:
        problem = f"the role {role!r} may not create tables in the schema {target_schema!r}"
        remedy = f'grant create on schema "{target_schema}" to "{role}";'
    if problem:
        raise AccessDenied(
            f"{problem}, nothing was changed", looked=f"{conn.info.host}/{database}", remedy=remedy
        )


def refuse_without_createdb(conn: Conn) -> None:
    """Raise `AccessDenied` where the role may not create databases."""
    may = scalar(conn, "select rolcreatedb or rolsuper from pg_roles where rolname = current_user")
    if not may:
        role = conn.info.user
        raise AccessDenied(
            f"the role {role!r} may not create databases, so there is no template and there are no clones",
            looked=f"pg_roles on {conn.info.host}",
            remedy=f'have a superuser run: alter role "{role}" createdb;',
        )
