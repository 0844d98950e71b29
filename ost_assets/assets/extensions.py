"""`postgres_extensions`: what the tables' types need."""

import dagster as dg

from ost_assets.failures import readable_failures
from ost_assets.postgres.connect import EXTENSIONS_KEY, exclusive
from ost_assets.postgres.extensions import create_extensions
from ost_assets.resources import PostgresTarget
from ost_assets.seeding.lock import find_lock
from ost_assets.seeding.preflight import refuse_unfit_target


@dg.asset(group_name="extensions", kinds={"postgres"})
def postgres_extensions(database: PostgresTarget) -> dg.MaterializeResult[None]:
    """The extensions of the target database: pgvector, and uuid-ossp where the server ships it."""
    with readable_failures(), database.connect() as (settings, target, conn):
        with exclusive(conn, EXTENSIONS_KEY, timeout=settings.ost_wait_timeout):
            lock = find_lock(settings.lock_dir)
            refuse_unfit_target(conn, settings, lock.tables if lock else ())
            found = create_extensions(
                conn, settings.ost_required_extensions, settings.ost_optional_extensions
            )
        return dg.MaterializeResult(
            metadata={
                "server": f"PostgreSQL {found.server_version}",
                "url": target.url,
                "installed": found.installed,
                "not_shipped": found.absent,
            }
        )
