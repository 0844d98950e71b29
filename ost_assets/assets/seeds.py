"""The dbt project's seeds, models and data tests as assets and asset checks, whoever builds them.

Keys and check names are those that dagster-dbt gives the same project (a test compares them); the group of a node that
dbt gives none is its first tag.
dagster-dbt itself stays out, because importing it costs more than the whole SQL way.
"""

import math
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import dagster as dg
from pydantic import Field

from ost_assets.assets.extensions import postgres_extensions
from ost_assets.errors import CheckFailed
from ost_assets.failures import announce_degraded, readable_failures
from ost_assets.resources import PostgresTarget
from ost_assets.seeding.audit import EMBEDDING_DIMENSIONS, MATCHES_LOCK, engine_check_id
from ost_assets.seeding.graph import Graph, Node
from ost_assets.seeding.report import CheckResult, Report
from ost_assets.seeding.strategy import build

_PROGRESS_SECONDS = 2.0
_ENGINE_CHECKS = {
    MATCHES_LOCK: "Row count and content digest are those the lock recorded when it was proven.",
    EMBEDDING_DIMENSIONS: "Every vector has MODEL_DIMENSIONS dimensions.",
}


class SeedConfig(dg.Config):
    """What the launchpad offers."""

    strategy: Literal["", "auto", "dbt", "sql"] = Field("", description="Empty takes OST_SEED_STRATEGY.")


def seed_assets(graph: Graph) -> dg.AssetsDefinition:
    """One multi-asset over all nodes of the graph: they are built, audited and handed on together."""
    specs = _check_specs(graph)

    @dg.multi_asset(
        name="test_data",
        specs=[_asset_spec(node, graph.by_id) for node in graph.nodes],
        check_specs=list(specs.values()),
    )
    def test_data(
        context: dg.AssetExecutionContext, config: SeedConfig, database: PostgresTarget
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        with readable_failures(), database.connect() as (settings, target, conn):
            progress = _Progress(len(graph.nodes) + len(graph.checks))
            try:
                since = _started_at(context)
                report = build(conn, settings, target, progress, config.strategy or None, since)
            except CheckFailed as error:
                yield from _check_results(error.checks, specs)
                raise
            announce_degraded(context, settings, report)
        seconds = {node.unique_id: node.seconds for node in report.nodes}
        for node in graph.nodes:
            if node.unique_id in seconds:
                yield dg.MaterializeResult(
                    asset_key=dg.AssetKey(node.key), metadata=_metadata(node, report, seconds)
                )
        yield from _check_results(report.checks, specs)
        yield from _unknown_to_the_lock(report, specs)

    return test_data


def _asset_spec(node: Node, by_id: Mapping[str, Node]) -> dg.AssetSpec:
    parents = [dg.AssetKey(by_id[uid].key) for uid in node.depends_on]
    return dg.AssetSpec(
        dg.AssetKey(node.key),
        deps=parents or [postgres_extensions],
        # An outdated lock that stands in for a broken dbt does not know the newest models.
        skippable=True,
        description=node.description or None,
        group_name=node.group or (node.tags[0] if node.tags else node.kind + "s"),
        kinds={"dbt", "postgres"},
        tags=dict.fromkeys(node.tags, ""),
        metadata={"dbt/unique_id": node.unique_id, "dbt/path": node.path, "published": node.published},
    )


def _check_specs(graph: Graph) -> dict[str, dg.AssetCheckSpec]:
    """Check id -> spec. dbt's unit tests are no asset checks, as in dagster-dbt; a red one stops the build."""
    keys = {node.unique_id: dg.AssetKey(node.key) for node in graph.nodes}
    specs = {
        check.unique_id: dg.AssetCheckSpec(
            check.name,
            asset=keys[check.node],
            description=check.description or None,
            blocking=check.severity == "error",
        )
        for check in graph.checks
    }
    for node in graph.published:
        for name, description in _ENGINE_CHECKS.items():
            if name != EMBEDDING_DIMENSIONS or node.has_vectors:
                specs[engine_check_id(node, name)] = dg.AssetCheckSpec(
                    name, asset=keys[node.unique_id], description=description, blocking=True
                )
    return specs


def _check_results(
    checks: tuple[CheckResult, ...], specs: Mapping[str, dg.AssetCheckSpec]
) -> Iterator[dg.AssetCheckResult]:
    for check in checks:
        spec = specs.get(check.check_id)
        if spec is not None:
            yield dg.AssetCheckResult(
                passed=check.passed,
                asset_key=spec.asset_key,
                check_name=spec.name,
                severity=dg.AssetCheckSeverity.ERROR if check.blocks else dg.AssetCheckSeverity.WARN,
                description=check.message or None,
                metadata=_check_metadata(check),
            )


def _unknown_to_the_lock(
    report: Report, specs: Mapping[str, dg.AssetCheckSpec]
) -> Iterator[dg.AssetCheckResult]:
    """Tests that are newer than the outdated lock that stood in: not run, and said so."""
    for check_id in specs.keys() - {check.check_id for check in report.checks}:
        yield dg.AssetCheckResult(
            passed=False,
            asset_key=specs[check_id].asset_key,
            check_name=specs[check_id].name,
            severity=dg.AssetCheckSeverity.WARN,
            description="Not run: the SQL lock that stood in for dbt is older than this test.",
        )


def _check_metadata(check: CheckResult) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if check.failures is not None:
        metadata["failing_rows"] = check.failures
    if check.sample:
        records = [dg.TableRecord(dict(row)) for row in check.sample]
        metadata["sample"] = dg.MetadataValue.table(records)
    if check.sql and not check.passed:
        metadata["sql"] = dg.MetadataValue.md(f"```sql\n{check.sql}\n```")
    return metadata


def _metadata(node: Node, report: Report, seconds: Mapping[str, float]) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "strategy": report.strategy,
        "degraded": report.degraded,
        "fingerprint": report.fingerprint,
        "seconds": seconds[node.unique_id],
    }
    table = report.tables.get(node.relation)
    if table is not None:
        metadata |= {"dagster/row_count": table.rows, "content_digest": table.digest}
    return metadata


def _started_at(context: dg.AssetExecutionContext) -> float:
    record = context.instance.get_run_record_by_id(context.run.run_id)
    return (record.start_time if record else None) or math.inf


class _Progress:
    """A line on standard error every two seconds, once the build takes longer than that."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._done = 0
        self._last = time.monotonic()

    def __call__(self, unique_id: str) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._last >= _PROGRESS_SECONDS:
            self._last = now
            name = unique_id.split(".")[2] if unique_id.count(".") > 1 else unique_id
            print(f"  {self._done} of about {self._expected} nodes and tests, last: {name}", file=sys.stderr)
