"""Seeds by running the SQL lock. Needs no dbt."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg

from ost_assets.errors import LockBroken
from ost_assets.postgres.connect import apply_settings, set_search_path
from ost_assets.seeding.check_sql import CREATE_CHECKS_TABLE, failing_rows_sql
from ost_assets.seeding.lock import CHECKS_FILE, FOREIGN_KEYS_FILE
from ost_assets.seeding.report import CheckResult, NodeResult
from ost_assets.seeding.samples import sample_rows
from ost_assets.seeding.seeder import Progress, Seeded

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn
    from ost_assets.seeding.lock import Lock


class SqlSeeder:
    """Runs the numbered files of a lock.

    Args:
        parameters: reach the SQL as `current_setting('ost.<name>')`.
    """

    def __init__(self, lock: Lock, parameters: dict[str, int | float]) -> None:
        self._lock = lock
        self._parameters = parameters

    def seed(self, conn: Conn, schema: str, progress: Progress) -> Seeded:
        """See `Seeder.seed`. Leaves the session's search path on `schema`."""
        lock = self._lock
        texts = {name: lock.read_sql(name) for name in lock.files}
        set_search_path(conn, schema)
        apply_settings(conn, {f"ost.{name}": str(value) for name, value in self._parameters.items()})
        nodes = []
        for node in lock.graph.nodes:
            name = lock.node_files[node.unique_id]
            started = time.perf_counter()
            _run(conn, name, texts[name])
            nodes.append(NodeResult(node.unique_id, round(time.perf_counter() - started, 6)))
            progress(node.unique_id)
        _run(conn, FOREIGN_KEYS_FILE, texts[FOREIGN_KEYS_FILE])
        return Seeded(tuple(nodes), tuple(self._check(conn, texts[CHECKS_FILE], progress)))

    def _check(self, conn: Conn, checks_sql: str, progress: Progress) -> list[CheckResult]:
        conn.execute("drop table if exists pg_temp.ost_checks")
        conn.execute(CREATE_CHECKS_TABLE)
        _run(conn, CHECKS_FILE, checks_sql)
        rows = conn.execute("select check_id, failures, status from pg_temp.ost_checks").fetchall()
        found = {check_id: (failures, status) for check_id, failures, status in rows}
        conn.execute("drop table pg_temp.ost_checks")
        queries = failing_rows_sql(checks_sql)
        results = []
        for check in self._lock.graph.checks:
            failures, status = found[check.unique_id]
            query = queries[check.unique_id]
            results.append(
                CheckResult(
                    check_id=check.unique_id,
                    name=check.name,
                    status=status,
                    failures=failures,
                    message="" if status == "pass" else f"{failures} failing rows",
                    sql=query,
                    sample=() if status == "pass" else sample_rows(conn, query),
                )
            )
            progress(check.unique_id)
        return results


def _run(conn: Conn, name: str, text: str) -> None:
    """Execute one file as one implicit transaction."""
    try:
        conn.execute(text.encode())
    except psycopg.errors.InsufficientPrivilege:
        raise
    except (psycopg.ProgrammingError, psycopg.DataError, psycopg.IntegrityError) as error:
        raise LockBroken(
            f"the SQL lock's {name} does not run here: {str(error).splitlines()[0]}",
            looked=f"{conn.info.host}/{conn.info.dbname}",
            remedy="if the parameters are unusual, see whether they fit the data; "
            "else run `ost-assets lock` where dbt works",
        ) from error
