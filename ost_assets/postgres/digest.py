"""The content of a table as one canonical stream of bytes, and its digest.

The stream is PostgreSQL's binary COPY format (documentation, "COPY", "Binary Format") of all columns in
order, rows sorted by primary key with text compared byte by byte. It is the same on PostgreSQL 15 to 18.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from psycopg import sql
from pydantic import ConfigDict

if TYPE_CHECKING:
    from ost_assets.postgres.catalog import Catalog, Table
    from ost_assets.postgres.connect import Conn


@dataclass(frozen=True)
class Content:
    """What a table holds: its rows, and the hexadecimal sha256 of its canonical stream."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # when read back from the lock

    rows: int
    digest: str


def ordered_select(schema: str, table: Table, columns: sql.Composable | None = None) -> sql.Composed:
    """`select … from schema.table order by …` in the canonical order.

    Without a primary key the rows sort by their whole text, so equal rows are the only ties.
    """
    if columns is None:
        columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    order: sql.Composable
    if table.primary_key:
        order = sql.SQL(", ").join(
            sql.SQL('t.{} collate "C"' if table.column(name).collatable else "t.{}").format(
                sql.Identifier(name)
            )
            for name in table.primary_key
        )
    else:
        order = sql.SQL('t::text collate "C"')
    return sql.SQL("select {} from {} as t order by {}").format(
        columns, sql.Identifier(schema, table.name), order
    )


def copy_out(conn: Conn, schema: str, table: Table, file: IO[bytes] | None = None) -> Content:
    """Read the canonical stream of one table, into `file` if given. Memory stays flat."""
    sha = hashlib.sha256()
    statement = sql.SQL("copy ({}) to stdout (format binary)").format(ordered_select(schema, table))
    with conn.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for block in copy:
                sha.update(block)
                if file is not None:
                    file.write(block)
        return Content(cursor.rowcount, sha.hexdigest())


def read_content(conn: Conn, schema: str, catalog: Catalog) -> dict[str, Content]:
    """Row count and digest of every table of `catalog`."""
    return {name: copy_out(conn, schema, table) for name, table in catalog.items()}
