"""What the tables of a schema are: read and compared. Naming them alike is `settle.py`'s, DDL `ddl.py`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ost_assets.postgres.connect import set_search_path

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn


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
    """`kind` is pg_constraint's letter: p, u, f, c or x. `definition` names tables without their schema.

    Attributes:
        references: the other table of a foreign key.
    """

    name: str
    kind: str
    definition: str
    columns: tuple[str, ...]
    references: str | None = None


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
CONSTRAINTS = """
select c.relname, k.conname, k.contype::text, pg_get_constraintdef(k.oid),
       array(select a.attname::text from unnest(k.conkey) with ordinality as u (num, ord)
             join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = u.num order by u.ord),
       (select r.relname from pg_class as r where r.oid = k.confrelid)
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relkind = 'r'
order by c.relname collate "C", k.conname collate "C"
"""
# The pretty form leaves the schema out of names that the search path finds.
INDEXES = """
select c.relname, i.relname, pg_get_indexdef(x.indexrelid, 0, true),
       array(select pg_get_indexdef(x.indexrelid, n, true) from generate_series(1, x.indnkeyatts) as n)
from pg_index as x
join pg_class as c on c.oid = x.indrelid
join pg_class as i on i.oid = x.indexrelid
where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relkind = 'r'
  and not exists (select from pg_constraint as k where k.conindid = x.indexrelid and k.contype in ('p', 'u', 'x'))
"""


def read_catalog(conn: Conn, schema: str) -> dict[str, Table]:
    """Every ordinary table of `schema` by name. Sets the session's search path to that schema.

    NOT NULL counts as a property of the column: PostgreSQL 18 also lists it as a constraint, 16 does not.
    """
    set_search_path(conn, schema)
    columns: dict[str, list[Column]] = {}
    for table, *column in conn.execute(_COLUMNS, [schema]):
        columns.setdefault(table, []).append(Column(*column))
    constraints: dict[str, list[Constraint]] = {}
    for table, name, kind, definition, names, references in conn.execute(CONSTRAINTS, [schema]):
        if kind != "n":
            found = Constraint(name, kind, definition, tuple(names), references)
            constraints.setdefault(table, []).append(found)
    indexes: dict[str, list[Index]] = {}
    for table, name, definition, _ in sorted(conn.execute(INDEXES, [schema])):
        indexes.setdefault(table, []).append(Index(name, definition))
    return {
        name: Table(name, tuple(cols), tuple(constraints.get(name, ())), tuple(indexes.get(name, ())))
        for name, cols in columns.items()
    }


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
