"""A last look from the consumers' side: would the API's own queries work on these tables?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ost_assets.errors import CheckFailed
from ost_assets.postgres.queries import failing_queries
from ost_assets.seeding.report import CheckResult

if TYPE_CHECKING:
    from pathlib import Path

    from ost_assets.postgres.connect import Conn

CONSUMER_QUERIES = "api_queries"


def refuse_unusable(conn: Conn, schema: str, queries: Path) -> None:
    """Raise `CheckFailed` where a query of that folder cannot be prepared on the tables of `schema`."""
    problems = failing_queries(conn, schema, queries)
    if problems:
        listed = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise CheckFailed(
            f"queries of the API do not fit the new tables, nothing was published: {listed}",
            checks=[CheckResult(CONSUMER_QUERIES, CONSUMER_QUERIES, "fail", len(problems), listed)],
            looked=str(queries),
            remedy="give the models what the queries read, or change the queries",
        )
