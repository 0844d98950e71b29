"""Compiles the SQL lock: dbt's compiled selects and tests, and the catalog that dbt built, as numbered SQL.

Names carry no database and no schema; whoever runs the files sets the search path.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import sql

from ost_assets.errors import ProofFailed
from ost_assets.postgres import ddl
from ost_assets.postgres.bookkeeping import BUILD_SCHEMA
from ost_assets.postgres.connect import SESSION_SETTINGS
from ost_assets.postgres.digest import Content, ordered_select
from ost_assets.seeding.check_sql import CREATE_CHECKS_TABLE, check_sql, literal
from ost_assets.seeding.graph import Graph, Manifest, Node, graph_from_manifest
from ost_assets.seeding.lock import CHECKS_FILE, FOREIGN_KEYS_FILE, LOCK_FILE, SETUP_FILE, Lock
from ost_assets.seeding.lockable import refuse_unlockable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ost_assets.postgres.catalog import Catalog, Table
    from ost_assets.postgres.connect import Conn
    from ost_assets.postgres.digest import Content

_ROWS_PER_INSERT = 500
_HEADER = "-- Written by `ost-assets lock`. Do not edit.\n"


def write_lock(
    folder: Path,
    *,
    inputs: dict[str, str],
    manifest: Manifest,
    conn: Conn,
    schema: str,
    catalog: Catalog,
    contents: Mapping[str, Content],
    parameters: dict[str, int | float],
) -> Lock:
    """Write every file of the lock into the empty `folder`.

    Args:
        inputs: dbt file -> sha256, as they were when dbt read them.
        manifest: of a `dbt compile` with the parameters left open.
        schema: where dbt built the tables that `catalog` and `contents` describe.

    Raises:
        ProofFailed: the project uses something that plain SQL cannot repeat exactly.
    """
    graph = graph_from_manifest(manifest)
    refuse_unlockable(manifest, graph)
    _refuse_dangling_keys(graph, catalog)
    files: dict[str, str] = {}
    node_files: dict[str, str] = {}
    for number, node in enumerate(graph.nodes, start=1):
        table = catalog.get(node.relation)
        if table is None:
            raise ProofFailed(f"dbt built no table for {node.unique_id}", looked=f"schema {schema!r}")
        name = f"{number * 10:04d}_{re.sub(r'[^A-Za-z0-9_]', '_', node.relation)}.sql"
        node_files[node.unique_id] = name
        files[name] = "".join(_node_sql(node, manifest, conn, schema, table))
    files[FOREIGN_KEYS_FILE] = _HEADER + "".join(
        line for node in graph.nodes for line in ddl.constraint_ddl(catalog[node.relation], foreign=True)
    )
    files[CHECKS_FILE] = _HEADER + "".join(
        check_sql(test := manifest["nodes"][check.unique_id], _unqualified(test)) for check in graph.checks
    )
    files[SETUP_FILE] = _setup_sql(graph, node_files, parameters)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    lock = Lock(
        folder=folder,
        inputs=inputs,
        parameters=parameters,
        graph=graph,
        node_files=node_files,
        tables={
            node.relation: Content(contents[node.relation].rows, contents[node.relation].digest)
            for node in graph.published
        },
        files={name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()},
    )
    text = json.dumps(lock.to_json(), indent=1, ensure_ascii=False)
    (folder / LOCK_FILE).write_bytes((text + "\n").encode())
    return lock


def _refuse_dangling_keys(graph: Graph, catalog: Catalog) -> None:
    """A foreign key to a table that is not published would quietly go when the rest is."""
    left_behind = {node.relation for node in graph.nodes if not node.published}
    problems = [
        f"{node.relation}.{key.name} references {key.references}"
        for node in graph.published
        for key in catalog[node.relation].constraints
        if key.references in left_behind
    ]
    if problems:
        raise ProofFailed(
            "published tables have foreign keys to tables that are not published: " + "; ".join(problems),
            remedy="publish those too, or drop the constraint",
        )


def _node_sql(node: Node, manifest: Manifest, conn: Conn, schema: str, table: Table) -> Iterator[str]:
    yield f"{_HEADER}-- {node.kind} {node.name}, from {node.path}\n\n"
    yield ddl.create_table_ddl(table)
    yield "\n"
    names = sql.SQL(", ").join(sql.Identifier(c.name) for c in table.columns).as_string(conn)
    into = f"insert into {sql.Identifier(table.name).as_string(conn)} ({names})"
    if node.kind == "seed":
        yield from _seed_rows(conn, schema, table, into)
    else:
        query = _unqualified(manifest["nodes"][node.unique_id])
        yield f"{into}\nselect {names}\nfrom (\n{query}\n) as model;\n"
    yield "\n"
    yield from ddl.constraint_ddl(table, foreign=False)
    yield from ddl.index_ddl(table)


def _seed_rows(conn: Conn, schema: str, table: Table, into: str) -> Iterator[str]:
    """The rows as dbt loaded them, spelled by PostgreSQL itself, so that reading them back is exact."""
    columns = sql.SQL(", ").join(sql.SQL("t.{}::text").format(sql.Identifier(c.name)) for c in table.columns)
    rows = conn.execute(ordered_select(schema, table, columns)).fetchall()
    for start in range(0, len(rows), _ROWS_PER_INSERT):
        lines = (
            "  (" + ", ".join(literal(value) for value in row) + ")"
            for row in rows[start : start + _ROWS_PER_INSERT]
        )
        yield f"{into} values\n" + ",\n".join(lines) + ";\n"


def _unqualified(node: Mapping[str, Any]) -> str:
    """dbt's compiled SQL with database and build schema taken out of the relation names."""
    compiled = node.get("compiled_code")
    if not compiled:
        raise ProofFailed(f"dbt compiled nothing for {node['unique_id']}")
    database = f'"{node["database"]}".'
    text: str = compiled.replace(f'{database}"{BUILD_SCHEMA}".', "").replace(database, "")
    return text.strip().rstrip(";")


def _setup_sql(graph: Graph, node_files: Mapping[str, str], parameters: Mapping[str, int | float]) -> str:
    """The file that psql alone can run; it builds in the schema the data is wanted in, in one transaction."""
    lines = [
        _HEADER,
        "-- Seeds an empty database that has the extensions, with nothing but psql:\n",
        "--   psql -v ON_ERROR_STOP=1 -f setup.sql\n",
        "-- Optional: -v schema=public",
        *(f" -v {name}={value}" for name, value in parameters.items()),
        "\n\\set ON_ERROR_STOP on\n\\set QUIET on\n",
        "\\if :{?schema}\n\\else\n\\set schema public\n\\endif\n",
    ]
    for name, value in parameters.items():
        lines.append(f"\\if :{{?{name}}}\n\\else\n\\set {name} {value}\n\\endif\n")
    lines.append("\nbegin;\n")
    for name, setting in SESSION_SETTINGS.items():
        lines.append(f"set local {name} = {literal(setting)};\n")
    lines += [f"set local ost.{name} = :'{name}';\n" for name in parameters]
    lines.append('create schema if not exists :"schema";\nset local search_path = :"schema", public;\n\n')
    lines += [f"\\ir {node_files[node.unique_id]}\n" for node in graph.nodes]
    lines += [f"\\ir {FOREIGN_KEYS_FILE}\n\n", CREATE_CHECKS_TABLE, f"\\ir {CHECKS_FILE}\n"]
    lines.append(
        "do $$\ndeclare failed text;\nbegin\n"
        "  select string_agg(check_id || ' (' || failures || ')', ', ' order by check_id)\n"
        "    into failed from pg_temp.ost_checks where status = 'fail';\n"
        "  if failed is not null then raise exception 'data tests failed: %', failed; end if;\n"
        "end $$;\ndrop table pg_temp.ost_checks;\n\n"
    )
    unpublished = ['"' + node.relation.replace('"', '""') + '"' for node in graph.nodes if not node.published]
    if unpublished:
        lines.append("-- Inputs that are not part of the test database.\n")
        lines.append(f"drop table {', '.join(unpublished)};\n")
    lines.append("commit;\nanalyze;\n")
    return "".join(lines)
