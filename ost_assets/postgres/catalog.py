"""What the tables of a schema are: read, compare, name alike whoever built them, and write down as DDL."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from ost_assets.postgres.connect import set_search_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ost_assets.postgres.connect import Conn

_NAME_BYTES = 63  # NAMEDATALEN - 1
_SUFFIX = {"p": "pkey", "u": "key", "f": "fkey", "c": "check", "x": "excl", "n": "not_null"}


@dataclass(frozen=True)
class Column:
    """`type` is as PostgreSQL prints it, `vector(384)`; `default` is an expression or None."""

    name: str
    type: str
    nullable: bool
    collatable: bool
    collation: str | None = None
    default: str | None = None
    generated: str = ""


@dataclass(frozen=True)
class Constraint:
    """`kind` is pg_constraint's letter: p, u, f, c or x. `definition` names tables without their schema."""

    name: str
    kind: str
    definition: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Index:
    """An index that no constraint stands behind."""

    name: str
    definition: str


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...]
    indexes: tuple[Index, ...]

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Column names of the primary key, empty where there is none."""
        return next((c.columns for c in self.constraints if c.kind == "p"), ())

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


Catalog = Mapping[str, Table]

_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull, a.attcollation <> 0,
       (select quote_ident(l.collname) from pg_collation as l
        where l.oid = a.attcollation and l.oid <> (select y.typcollation from pg_type as y where y.oid = a.atttypid)),
       pg_get_expr(d.adbin, d.adrelid), a.attgenerated::text || a.attidentity::text
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relkind = 'r'
order by c.relname collate "C", a.attnum
"""
_CONSTRAINTS = """
select c.relname, k.conname, k.contype::text, pg_get_constraintdef(k.oid),
       array(select a.attname::text from unnest(k.conkey) with ordinality as u (num, ord)
             join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = u.num order by u.ord)
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relkind = 'r'
order by c.relname collate "C", k.conname collate "C"
"""
# The pretty form leaves the schema out of names that the search path finds.
_INDEXES = """
select c.relname, i.relname, pg_get_indexdef(x.indexrelid, 0, true),
       array(select pg_get_indexdef(x.indexrelid, n, true) from generate_series(1, x.indnkeyatts) as n)
from pg_index as x
join pg_class as c on c.oid = x.indrelid
join pg_class as i on i.oid = x.indexrelid
where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relkind = 'r'
  and not exists (select from pg_constraint as k where k.conindid = x.indexrelid and k.contype in ('p', 'u', 'x'))
"""
_EXPRESSIONS_ONLY = " and (x.indexprs is not null or x.indpred is not null)"
_MAX_ROUNDS = 3


def read_catalog(conn: Conn, schema: str) -> dict[str, Table]:
    """Every ordinary table of `schema` by name. Sets the session's search path to that schema.

    NOT NULL counts as a property of the column: PostgreSQL 18 also lists it as a constraint, 16 does not.
    """
    set_search_path(conn, schema)
    columns: dict[str, list[Column]] = {}
    for table, *column in conn.execute(_COLUMNS, [schema]):
        columns.setdefault(table, []).append(Column(*column))
    constraints: dict[str, list[Constraint]] = {}
    for table, name, kind, definition, names in conn.execute(_CONSTRAINTS, [schema]):
        if kind != "n":
            constraints.setdefault(table, []).append(Constraint(name, kind, definition, tuple(names)))
    indexes: dict[str, list[Index]] = {}
    for table, name, definition, _ in sorted(conn.execute(_INDEXES, [schema])):
        indexes.setdefault(table, []).append(Index(name, definition))
    return {
        name: Table(name, tuple(cols), tuple(constraints.get(name, ())), tuple(indexes.get(name, ())))
        for name, cols in columns.items()
    }


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
    for _ in range(_MAX_ROUNDS):
        checks = [
            (table, name, definition)
            for table, name, kind, definition, _ in conn.execute(_CONSTRAINTS, [schema])
            if kind == "c"
        ]
        for table, name, definition in checks:
            owner, constraint = sql.Identifier(table), sql.Identifier(name)
            conn.execute(
                sql.SQL("alter table {} drop constraint {}, add constraint {} {}").format(
                    owner, constraint, constraint, sql.SQL(definition)
                )
            )
        indexes = conn.execute(_INDEXES + _EXPRESSIONS_ONLY, [schema]).fetchall()
        for _, name, definition, _ in indexes:
            conn.execute(sql.SQL("drop index {}").format(sql.Identifier(name)))
            conn.execute(definition.encode())
        again = [
            (table, name, definition)
            for table, name, kind, definition, _ in conn.execute(_CONSTRAINTS, [schema])
            if kind == "c"
        ]
        if again == checks and conn.execute(_INDEXES + _EXPRESSIONS_ONLY, [schema]).fetchall() == indexes:
            return


def _settle_names(conn: Conn, schema: str) -> None:
    """Rename constraints and indexes to `<table>_pkey`, `<table>_<columns>_key`, `_fkey`, `_check`, `_idx`."""
    taken: set[str] = set()
    renames: list[tuple[str | None, str, str]] = []
    constraints = conn.execute(_CONSTRAINTS, [schema]).fetchall()
    # By definition, so that numbered twins get the same number whatever they were called before.
    for table, name, kind, _, columns in sorted(constraints, key=lambda r: (r[0], r[2], r[3])):
        if kind in _SUFFIX:
            parts = [] if kind == "p" else columns
            renames.append((table, name, _fresh_name([table, *parts], _SUFFIX[kind], taken)))
    indexes = conn.execute(_INDEXES, [schema]).fetchall()
    for table, name, _, keys in sorted(indexes, key=lambda r: (r[0], r[3], r[2].replace(r[1], ""))):
        parts = [_identifier_part(key) for key in keys]
        renames.append((None, name, _fresh_name([table, *parts], "idx", taken)))

    pending = [(table, old, new) for table, old, new in renames if old != new]
    # Two passes: a wanted name may still belong to somebody who is about to give it up.
    first = [_rename(table, old, f"ost_renaming_{n}") for n, (table, old, _) in enumerate(pending)]
    second = [_rename(table, f"ost_renaming_{n}", new) for n, (table, _, new) in enumerate(pending)]
    if pending:
        conn.execute(sql.SQL(";\n").join(first + second))


def analyze(conn: Conn, schema: str, catalog: Catalog) -> None:
    """Give the planner statistics on these tables: a swap keeps them, and tests then run on real plans."""
    tables = sql.SQL(", ").join(sql.Identifier(schema, name) for name in catalog)
    conn.execute(sql.SQL("analyze {}").format(tables))


def create_table_ddl(conn: Conn, table: Table) -> str:
    """`create table` with columns alone: keys and indexes come after the data."""
    lines = []
    for column in table.columns:
        line = f"  {_quote(conn, column.name)} {column.type}"
        if column.collation is not None:
            line += f" collate {column.collation}"
        if column.default is not None:
            line += f" default {column.default}"
        if not column.nullable:
            line += " not null"
        lines.append(line)
    return f"create table {_quote(conn, table.name)} (\n" + ",\n".join(lines) + "\n);\n"


def constraint_ddl(conn: Conn, table: Table, *, foreign: bool) -> Iterator[str]:
    """`alter table … add constraint` for the foreign keys, or for all the others (primary keys first)."""
    for item in sorted(table.constraints, key=lambda c: (c.kind != "p", c.name)):
        if (item.kind == "f") is foreign:
            yield (
                f"alter table {_quote(conn, table.name)} "
                f"add constraint {_quote(conn, item.name)} {item.definition};\n"
            )


def index_ddl(table: Table) -> Iterator[str]:
    for index in table.indexes:
        yield index.definition + ";\n"


def differences(left: Catalog, right: Catalog, *, names: tuple[str, str]) -> list[str]:
    """Human sentences for everything in which two catalogs differ; empty when they are equal."""
    found = []
    for table in sorted({*left, *right}):
        if table not in left or table not in right:
            found.append(f"table {table!r} exists only in {names[table not in left]}")
            continue
        for kind in ("columns", "constraints", "indexes"):
            ours, theirs = getattr(left[table], kind), getattr(right[table], kind)
            if ours != theirs:
                for side, only in ((0, set(ours) - set(theirs)), (1, set(theirs) - set(ours))):
                    found += [
                        f"table {table!r}, only in {names[side]}: {item}" for item in sorted(map(str, only))
                    ]
                if set(ours) == set(theirs):
                    found.append(f"table {table!r}: the order of its {kind} differs")
    return found


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


def _quote(conn: Conn, name: str) -> str:
    return sql.Identifier(name).as_string(conn)
