"""A few failing rows of a red check, for people to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn

_SAMPLE_ROWS = 10
_SAMPLE_CHARACTERS = 200


def sample_rows(conn: Conn, query: str) -> tuple[dict[str, str], ...]:
    """At most ten rows of `query` as text, long values cut; empty where it cannot be run."""
    try:
        with conn.transaction(force_rollback=True), conn.cursor() as cursor:
            cursor.execute(
                sql.SQL("select * from ({}) as failing limit {}").format(
                    sql.SQL(query),  # from the verified lock or from dbt itself
                    sql.Literal(_SAMPLE_ROWS),
                )
            )
            names = [column.name for column in cursor.description or ()]
            return tuple(
                {name: str(value)[:_SAMPLE_CHARACTERS] for name, value in zip(names, row, strict=True)}
                for row in cursor
            )
    except psycopg.ProgrammingError:
        return ()
