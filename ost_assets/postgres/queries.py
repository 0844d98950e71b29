"""Do the queries of a consumer fit the tables? Asked of PostgreSQL's own parser, without running them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from ost_assets.postgres.connect import set_search_path

if TYPE_CHECKING:
    from pathlib import Path

    from ost_assets.postgres.connect import Conn


def failing_queries(conn: Conn, schema: str, folder: Path) -> dict[str, str]:
    """Prepare every `*.sql` of `folder` against `schema`, without running it.

    Returns:
        File name -> PostgreSQL's complaint, for those that do not fit the tables.
    """
    set_search_path(conn, schema)
    problems = {}
    for path in sorted(folder.glob("*.sql")):
        try:
            with conn.transaction(force_rollback=True):
                conn.execute(b"prepare ost_query as " + path.read_bytes())
                conn.execute("deallocate ost_query")
        except psycopg.ProgrammingError as error:
            problems[path.name] = (error.diag.message_primary or str(error)).strip()
    return problems
