"""Makes the catalog of a schema that dbt built the one that plain SQL would build: names and expressions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from psycopg import sql

from ost_assets.postgres.catalog import CONSTRAINTS, INDEXES
from ost_assets.postgres.connect import set_search_path

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn

_NAME_BYTES = 63  # NAMEDATALEN - 1
_SUFFIX = {"p": "pkey", "u": "key", "f": "fkey", "c": "check", "x": "excl", "n": "not_null"}
_EXPRESSIONS_ONLY = " and (x.indexprs is not null or x.indpred is not null)"
_MAX_ROUNDS = 3

Rows = list[tuple[Any, ...]]


def settle(conn: Conn, schema: str) -> None:
    """Make the catalog of a schema that dbt built the one that plain SQL would build.

    dbt names constraints after its temporary table and indexes by a hash. And PostgreSQL prints some
    expressions differently once they have been read back, such as `x in ('a', 'b')` on a varchar; what
    pg_dump lives with would make two equal databases look different here.
    """
    set_search_path(conn, schema)
    _settle_expressions(conn, schema)
    _settle_names(conn, schema)


def _settle_expressions(conn: Conn, schema: str) -> None:
    """Create check constraints and expression indexes anew from their own text until the text stands still."""
    before = _expressions(conn, schema)
    for _ in range(_MAX_ROUNDS):
        checks, indexes = before
        for table, name, _, definition, *_ in checks:
            owner, constraint = sql.Identifier(table), sql.Identifier(name)
            conn.execute(
                sql.SQL("alter table {} drop constraint {}, add constraint {} {}").format(
                    owner, constraint, constraint, sql.SQL(definition)
                )
            )
        for _, name, definition, _ in indexes:
            conn.execute(sql.SQL("drop index {}").format(sql.Identifier(name)))
            conn.execute(definition.encode())
        now = _expressions(conn, schema)
        if now == before:
            return
        before = now


def _expressions(conn: Conn, schema: str) -> tuple[Rows, Rows]:
    """Check constraints, and indexes with an expression or a condition."""
    checks = [row for row in conn.execute(CONSTRAINTS, [schema]) if row[2] == "c"]
    return checks, conn.execute(INDEXES + _EXPRESSIONS_ONLY, [schema]).fetchall()


def _settle_names(conn: Conn, schema: str) -> None:
    """Rename constraints and indexes to `<table>_pkey`, `<table>_<columns>_key`, `_fkey`, `_check`, `_idx`."""
    taken: set[str] = set()
    renames: list[tuple[str | None, str, str]] = []
    constraints = conn.execute(CONSTRAINTS, [schema]).fetchall()
    # By definition, so that numbered twins get the same number whatever they were called before.
    for table, name, kind, _, columns, _ in sorted(constraints, key=lambda r: (r[0], r[2], r[3])):
        if kind in _SUFFIX:
            parts = [] if kind == "p" else columns
            renames.append((table, name, _fresh_name([table, *parts], _SUFFIX[kind], taken)))
    indexes = conn.execute(INDEXES, [schema]).fetchall()
    for table, name, _, keys in sorted(indexes, key=lambda r: (r[0], r[3], r[2].replace(r[1], ""))):
        parts = [_identifier_part(key) for key in keys]
        renames.append((None, name, _fresh_name([table, *parts], "idx", taken)))

    pending = [(table, old, new) for table, old, new in renames if old != new]
    # Two passes: a wanted name may still belong to somebody who is about to give it up.
    first = [_rename(table, old, f"ost_renaming_{n}") for n, (table, old, _) in enumerate(pending)]
    second = [_rename(table, f"ost_renaming_{n}", new) for n, (table, _, new) in enumerate(pending)]
    if pending:
        conn.execute(sql.SQL(";\n").join(first + second))


def _rename(table: str | None, old: str, new: str) -> sql.Composed:
    """Rename a constraint of `table`, or an index where `table` is None."""
    names = sql.Identifier(old), sql.Identifier(new)
    if table is None:
        return sql.SQL("alter index {} rename to {}").format(*names)
    return sql.SQL("alter table {} rename constraint {} to {}").format(sql.Identifier(table), *names)


def _fresh_name(parts: list[str], suffix: str, taken: set[str]) -> str:
    base = "_".join([*parts, suffix])
    name, number = _cut(base), 0
    while name in taken:
        number += 1
        name = _cut(f"{base}{number}")
    taken.add(name)
    return name


def _cut(name: str) -> str:
    """The name itself, or what PostgreSQL keeps of it whole: its beginning and a hash of all of it."""
    if len(name.encode()) <= _NAME_BYTES:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: _NAME_BYTES - len(mark) - 1].decode(errors="ignore") + f"_{mark}"


def _identifier_part(key: str) -> str:
    stripped = key.strip('"')
    return stripped if stripped.replace("_", "").isalnum() else "expr"
