"""The graph that Dagster shows: the lock's, or that of a dbt project that has moved on from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ost_assets.errors import DbtFailed, LockMissing
from ost_assets.seeding.graph import graph_from_manifest
from ost_assets.seeding.lock import find_lock

if TYPE_CHECKING:
    from ost_assets.seeding.graph import Graph
    from ost_assets.settings import Settings


def current_graph(settings: Settings) -> tuple[Graph, frozenset[str]]:
    """Read the lock; where it is outdated and may be rewritten, ask dbt's parser instead if that works.

    Reads files only: no database is touched, and dbt is imported in the second case alone.

    Returns:
        The graph, and the unique ids of its nodes that both dbt and the present lock build.

    Raises:
        LockMissing: there is no lock and dbt does not parse either.
        LockBroken: the lock is damaged.
    """
    lock = find_lock(settings.lock_dir)
    rewritable = not settings.ci and settings.ost_seed_strategy != "sql"
    if lock is not None and not (rewritable and lock.outdated_files(settings.dbt_project_dir)):
        return lock.graph, frozenset(lock.graph.by_id)
    from ost_assets.seeding.dbt_runner import parse_project

    try:
        graph = graph_from_manifest(parse_project(settings))
    except DbtFailed as error:
        if lock is not None:
            return lock.graph, frozenset(lock.graph.by_id)
        raise LockMissing(
            f"there is no SQL lock, and dbt does not help: {error.what}",
            looked=f"{settings.lock_dir}; {settings.dbt_project_dir}",
            remedy="restore sql_fallback/ from git, or mend dbt and run `ost-assets lock`",
        ) from error
    known = lock.graph.by_id if lock is not None else graph.by_id
    return graph, frozenset(graph.by_id.keys() & known.keys())
