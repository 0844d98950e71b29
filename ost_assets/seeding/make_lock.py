"""`ost-assets lock`: make or check the SQL lock on the configured server, in schemas of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ost_assets.errors import LockStale, ProofFailed
from ost_assets.postgres import bookkeeping
from ost_assets.postgres.bookkeeping import BUILD_SCHEMA
from ost_assets.postgres.connect import Conn, connect, ensure_target, exclusive
from ost_assets.postgres.extensions import create_extensions
from ost_assets.seeding.dbt import DbtSeeder
from ost_assets.seeding.lock import Lock
from ost_assets.seeding.proof import compare_with_committed, relock
from ost_assets.settings import Settings, default_parameters


def make_lock(settings: Settings) -> Lock:
    """Have dbt build with the default parameters, compile, prove, and put the lock in place.

    Raises:
        ProofFailed, DbtFailed, NothingBuilt, ServerError: the old lock stands.
    """
    with _built(settings) as (conn, dbt):
        return relock(conn, settings, dbt)


def check_lock(settings: Settings) -> None:
    """Prove afresh and compare with the lock on disk.

    Raises:
        LockStale: some of its files differ, are missing or are too many; they are named.
        ProofFailed, DbtFailed, NothingBuilt, ServerError: there is nothing to compare with.
    """
    with _built(settings) as (conn, dbt):
        different = compare_with_committed(conn, settings, dbt)
    if different:
        raise LockStale(
            "the SQL lock is not what the dbt project gives now",
            looked=", ".join(different),
            remedy="run `ost-assets lock` and commit sql_fallback/",
        )


@contextmanager
def _built(settings: Settings) -> Iterator[tuple[Conn, DbtSeeder]]:
    """What dbt builds with the default parameters, in the build schema while the block runs."""
    target = ensure_target(settings)
    dbt = DbtSeeder(settings, target, default_parameters())
    with connect(settings, target) as conn, exclusive(conn, timeout=settings.ost_wait_timeout):
        create_extensions(conn, settings.ost_required_extensions, settings.ost_optional_extensions)
        bookkeeping.begin_build(conn)
        try:
            seeded = dbt.seed(conn, BUILD_SCHEMA, lambda _: None)
            red = [check.name for check in seeded.checks if check.blocks]
            if red:
                raise ProofFailed("data tests are red, no lock is written: " + ", ".join(red))
            yield conn, dbt
        finally:
            if not conn.closed:
                bookkeeping.drop_schema(conn, BUILD_SCHEMA)
