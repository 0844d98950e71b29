"""Runs the main job in this process, on the settings of a test."""

from __future__ import annotations

import dagster as dg

from ost_assets.assets.extensions import postgres_extensions
from ost_assets.assets.fixtures import fixture_bundle
from ost_assets.assets.publish import test_database_asset as database_asset
from ost_assets.assets.seeds import seed_assets
from ost_assets.assets.template import template_database
from ost_assets.resources import PostgresTarget
from ost_assets.seeding.current_graph import current_graph
from ost_assets.settings import Settings


def run_job(settings: Settings, *, raise_on_error: bool = True) -> dg.ExecuteInProcessResult:
    """Materialize everything, as `dagster asset materialize --select "*"` does."""
    graph, sure = current_graph(settings)
    overrides = {
        name: value.get_secret_value() if hasattr(value, "get_secret_value") else value
        for name, value in settings.model_dump(exclude_unset=True).items()
    }
    # Left to the collector, its folder would be removed with a warning in the middle of another test.
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [
                postgres_extensions,
                seed_assets(graph),
                database_asset(graph, sure),
                fixture_bundle,
                template_database,
            ],
            resources={"database": PostgresTarget(overrides={k: str(v) for k, v in overrides.items()})},
            instance=instance,
            raise_on_error=raise_on_error,
        )
