"""`ost-assets lock`: make or check the SQL lock on the configured server, in schemas of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ost_assets.postgres.connect import Conn, connect, ensure_target, exclusive
from ost_assets.postgres.extensions import create_extensions
from ost_assets.seeding.dbt import DbtSeeder
from ost_assets.seeding.lock import Lock
from ost_assets.seeding.proof import built_by_dbt, compare_with_committed, relock
from ost_assets.settings import Settings, default_parameters


def make_lock(settings: Settings) -> Lock:
    """Have dbt build with the default parameters, compile, prove, and put the lock in place.

    Raises:
        ProofFailed, DbtFailed, ServerError: the old lock stands.
    """
    with _built(settings) as (conn, dbt):
        return relock(conn, settings, dbt, default_parameters())


def check_lock(settings: Settings) -> list[str]:
    """Prove afresh; the names of the files in which the committed lock differs, empty when it is current."""
    with _built(settings) as (conn, dbt):
        return compare_with_committed(conn, settings, dbt, default_parameters())


@contextmanager
def _built(settings: Settings) -> Iterator[tuple[Conn, DbtSeeder]]:
    target = ensure_target(settings)
    dbt = DbtSeeder(settings, target, default_parameters())
    with connect(settings, target) as conn, exclusive(conn, timeout=settings.ost_wait_timeout):
        create_extensions(conn, settings.ost_required_extensions, settings.ost_optional_extensions)
        with built_by_dbt(conn, dbt):
            yield conn, dbt
