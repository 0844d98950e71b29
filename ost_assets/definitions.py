"""The one Definitions: wiring only."""

from __future__ import annotations

import dagster as dg

from ost_assets.assets.extensions import postgres_extensions
from ost_assets.assets.fixtures import fixture_bundle
from ost_assets.assets.publish import test_database_asset
from ost_assets.assets.seeds import seed_assets
from ost_assets.assets.template import template_database
from ost_assets.failures import speak_plainly
from ost_assets.garbage_collection import freeze_now_and_at_exit
from ost_assets.resources import PostgresTarget
from ost_assets.seeding.current_graph import current_graph
from ost_assets.settings import load_settings

speak_plainly()
_graph, _sure = current_graph(load_settings())

defs = dg.Definitions(
    assets=[
        postgres_extensions,
        seed_assets(_graph),
        test_database_asset(_graph, _sure),
        fixture_bundle,
        template_database,
    ],
    resources={"database": PostgresTarget()},
    # A process per step would cost a start of Dagster per step and buys nothing for a chain of five.
    executor=dg.in_process_executor,
)
freeze_now_and_at_exit()
