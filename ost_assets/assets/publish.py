"""`test_database`: the audited build, swapped into the target schema in one transaction."""

from collections.abc import Collection, Iterator

import dagster as dg

from ost_assets.errors import CheckFailed
from ost_assets.failures import readable_failures
from ost_assets.publishing import publish_ready
from ost_assets.resources import PostgresTarget
from ost_assets.seeding.consumers import CONSUMER_QUERIES
from ost_assets.seeding.graph import Graph

SEEDED_BY_DBT = "seeded_by_dbt"


def test_database_asset(graph: Graph, sure: Collection[str]) -> dg.AssetsDefinition:
    """The asset that depends on every table that is published.

    Args:
        sure: unique ids of the nodes that every way of seeding builds. Dagster skips an asset if one that it
            depends on was skipped, so nodes that an outdated lock does not know cannot be among them.
    """

    @dg.asset(
        deps=[dg.AssetKey(node.key) for node in graph.published if node.unique_id in sure],
        group_name="publish",
        kinds={"postgres"},
        check_specs=[
            dg.AssetCheckSpec(
                CONSUMER_QUERIES,
                asset="test_database",
                blocking=True,
                description="Every query of the recommendations API can be prepared on these tables.",
            ),
            dg.AssetCheckSpec(
                SEEDED_BY_DBT,
                asset="test_database",
                description="dbt seeded, from files the lock knows; if not, the SQL lock stood in.",
            ),
        ],
    )
    def test_database(
        database: PostgresTarget,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        """The published test database: all tables of one audited build, or the old ones."""
        with readable_failures(), database.connect() as (settings, target, conn):
            try:
                report = publish_ready(conn, settings)
            except CheckFailed as error:
                yield dg.AssetCheckResult(
                    passed=False,
                    check_name=CONSUMER_QUERIES,
                    description=error.what,
                )
                raise
            yield dg.MaterializeResult(
                metadata={
                    "url": target.url,
                    "schema": settings.ost_target_schema,
                    "tables": len(report.tables),
                    "dagster/row_count": sum(table.rows for table in report.tables.values()),
                    "strategy": report.strategy,
                    "reason": report.reason,
                    "degraded": report.degraded,
                    "fingerprint": report.fingerprint,
                }
            )
            yield dg.AssetCheckResult(passed=True, check_name=CONSUMER_QUERIES)
            yield dg.AssetCheckResult(
                passed=not report.degraded,
                check_name=SEEDED_BY_DBT,
                severity=dg.AssetCheckSeverity.WARN,
                description=report.reason,
            )

    return test_database
