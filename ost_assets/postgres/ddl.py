"""Writes tables of a catalog down as SQL. Keys and indexes are apart: they come after the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ost_assets.postgres.catalog import Table


def create_table_ddl(table: Table) -> str:
    """`create table` with columns alone: keys and indexes come after the data."""
    lines = []
    for column in table.columns:
        line = f"  {_quote(column.name)} {column.type}"
        if column.collation is not None:
            line += f" collate {column.collation}"
        if column.default is not None:
            line += f" default {column.default}"
        if not column.nullable:
            line += " not null"
        lines.append(line)
    return f"create table {_quote(table.name)} (\n" + ",\n".join(lines) + "\n);\n"


def constraint_ddl(table: Table, *, foreign: bool) -> Iterator[str]:
    """`alter table … add constraint` for the foreign keys, or for all the others (primary keys first)."""
    for item in sorted(table.constraints, key=lambda c: (c.kind != "p", c.name)):
        if (item.kind == "f") is foreign:
            yield (
                f"alter table {_quote(table.name)} add constraint {_quote(item.name)} {item.definition};\n"
            )


def index_ddl(table: Table) -> Iterator[str]:
    for index in table.indexes:
        yield index.definition + ";\n"


def key_ddl(tables: Collection[Table]) -> Iterator[str]:
    """What follows the data: keys and indexes table by table, then the foreign keys of all."""
    for table in tables:
        yield from constraint_ddl(table, foreign=False)
        yield from index_ddl(table)
    for table in tables:
        yield from constraint_ddl(table, foreign=True)


def _quote(name: str) -> str:
    return sql.Identifier(name).as_string()
