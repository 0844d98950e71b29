"""The engine's own checks on a build that nobody has published yet; dbt's tests are not repeated here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from psycopg import sql

from ost_assets.seeding.report import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ost_assets.postgres.catalog import Catalog, Table
    from ost_assets.postgres.connect import Conn
    from ost_assets.postgres.digest import Content
    from ost_assets.seeding.graph import Node
    from ost_assets.seeding.lock import Lock
    from ost_assets.settings import Settings

MATCHES_LOCK = "matches_lock"
EMBEDDING_DIMENSIONS = "embedding_dimensions"
_VECTOR = re.compile(r"vector(?:\((\d+)\))?")


def engine_check_id(node: Node, name: str) -> str:
    return f"{node.unique_id}/{name}"


def check_against_lock(
    node: Node, lock: Lock, contents: Mapping[str, Content], parameters: Mapping[str, int | float]
) -> CheckResult:
    """Row count and content digest of one published table against what the lock recorded.

    Other parameters than the lock's give other content on purpose; then nothing is compared, and the
    message says so.
    """
    check_id = engine_check_id(node, MATCHES_LOCK)
    found, expected = contents[node.relation], lock.tables[node.relation]
    other = sorted(name for name, value in parameters.items() if lock.parameters.get(name) != value)
    if other:
        message = f"{found.rows} rows; not compared, other parameters than the lock's: {', '.join(other)}"
        return CheckResult(check_id, MATCHES_LOCK, "pass", message=message)
    if found == expected:
        return CheckResult(check_id, MATCHES_LOCK, "pass", 0, f"{found.rows} rows, same digest")
    return CheckResult(
        check_id,
        MATCHES_LOCK,
        "fail",
        message=f"{found.rows} rows with digest {found.digest[:12]}, the lock has {expected.rows} rows "
        f"with {expected.digest[:12]}: run `ost-assets lock` and review what changed",
    )


def check_dimensions(conn: Conn, schema: str, node: Node, table: Table, wanted: int) -> CheckResult | None:
    """Every vector column of a table against MODEL_DIMENSIONS; None where it has no vectors."""
    wrong, seen = [], False
    for column in table.columns:
        match = _VECTOR.fullmatch(column.type)
        if match:
            seen = True
            found = {int(match[1])} if match[1] else set(_stored_dimensions(conn, schema, table, column.name))
            wrong += [f"{table.name}.{column.name} has {n}" for n in sorted(found - {wanted})]
    if not seen:
        return None
    message = "; ".join(wrong) + f", MODEL_DIMENSIONS is {wanted}" if wrong else f"{wanted} dimensions"
    check_id = engine_check_id(node, EMBEDDING_DIMENSIONS)
    return CheckResult(check_id, EMBEDDING_DIMENSIONS, "fail" if wrong else "pass", message=message)


def _stored_dimensions(conn: Conn, schema: str, table: Table, column: str) -> Iterator[int]:
    query = sql.SQL("select distinct vector_dims({}) from {} where {} is not null").format(
        sql.Identifier(column), sql.Identifier(schema, table.name), sql.Identifier(column)
    )
    for (dimensions,) in conn.execute(query):
        yield dimensions


def engine_checks(
    conn: Conn, schema: str, lock: Lock, catalog: Catalog, contents: Mapping[str, Content], settings: Settings
) -> list[CheckResult]:
    """All checks of this module on the published nodes."""
    results = []
    for node in lock.graph.published:
        results.append(check_against_lock(node, lock, contents, settings.parameters))
        vectors = check_dimensions(conn, schema, node, catalog[node.relation], settings.model_dimensions)
        if vectors is not None:
            results.append(vectors)
    return results
