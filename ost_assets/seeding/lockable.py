"""What the SQL lock can repeat exactly, and so what this tool lets dbt build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ost_assets.errors import ProofFailed
from ost_assets.postgres.bookkeeping import BUILD_SCHEMA

if TYPE_CHECKING:
    from ost_assets.seeding.graph import Graph, Manifest


def refuse_unlockable(manifest: Manifest, graph: Graph) -> None:
    """Look at the whole project before dbt runs any of it.

    Args:
        graph: of the same manifest.

    Raises:
        ProofFailed: something in it cannot be repeated exactly by plain SQL in one schema; all of it is named.
    """
    locked_checks = {check.unique_id for check in graph.checks}
    problems = []
    for uid, node in manifest["nodes"].items():
        kind, config = node["resource_type"], node["config"]
        if kind == "operation":
            problems.append(f"{uid} is a project hook")
        if kind == "test" and uid not in locked_checks:
            problems.append(f"{uid} reads no table")
        if kind == "model" and config["materialized"] not in ("table", "ephemeral"):
            problems.append(f"{uid} is materialized as {config['materialized']}")
        if kind == "snapshot":
            problems.append(f"{uid} is a snapshot")
        if kind == "test" and config.get("store_failures"):
            problems.append(f"{uid} stores its failures")
        if kind in ("model", "seed"):
            problems += [f"{uid} has a {hook}" for hook in ("pre-hook", "post-hook") if config.get(hook)]
            problems += [
                f"{uid} sets {key}" for key in ("grants", "persist_docs", "sql_header") if config.get(key)
            ]
            if node.get("schema") != BUILD_SCHEMA and config["materialized"] != "ephemeral":
                problems.append(f"{uid} has the schema {node.get('schema')!r} of its own")
    for uid, source in manifest.get("sources", {}).items():
        problems.append(f"{uid} is a source ({source['schema']}.{source['name']})")
    if problems:
        raise ProofFailed(
            "the dbt project uses what the lock cannot repeat exactly: " + "; ".join(problems),
            remedy="use seeds, tables and ephemeral models in one schema, or disable those nodes for this project",
        )
