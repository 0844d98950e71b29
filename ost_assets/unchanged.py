"""The quick path: is there anything to do? Imports neither Dagster nor dbt, and little else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ost_assets.bundle.manifest import read_fingerprint
from ost_assets.errors import ExtensionMissing
from ost_assets.fingerprint import fingerprint
from ost_assets.postgres import bookkeeping
from ost_assets.postgres.connect import connect, ensure_target
from ost_assets.postgres.extensions import require_extensions
from ost_assets.postgres.queries import failing_queries
from ost_assets.seeding.report import serves

if TYPE_CHECKING:
    from ost_assets.postgres.bookkeeping import Publication
    from ost_assets.settings import Settings


def unchanged(settings: Settings) -> Publication | None:
    """What is published, where a set-up would make the same again; None where there is work to do.

    Starts the embedded server where that one is meant. Trusts the published rows; `status` compares them.

    Raises:
        SettingsError, GuardRefused, ServerError: the target cannot be looked at.
    """
    if settings.uses_embedded_server and not settings.embedded_data_dir.exists():
        return None  # a first run: nothing to look at, and the job starts the server itself
    target = ensure_target(settings)
    with connect(settings, target) as conn:
        found = bookkeeping.published(conn, settings.ost_target_schema)
        if found is None or not found.intact:
            return None
        same = found.fingerprint == fingerprint(settings).value == read_fingerprint(settings.bundle_dir)
        if not same or not serves(found.report, settings.ost_seed_strategy, settings.ost_strict):
            return None
        # Neither decides the data, so they are not in the fingerprint; a set-up would see to both.
        try:
            require_extensions(conn, settings.ost_required_extensions)
        except ExtensionMissing:
            return None
        if failing_queries(conn, settings.ost_target_schema, settings.api_queries_dir):
            return None
    return found
