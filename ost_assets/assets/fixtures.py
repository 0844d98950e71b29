"""`fixture_bundle`: the published tables as a portable folder."""

import sys

import dagster as dg

from ost_assets.bundle.write import write_bundle
from ost_assets.failures import readable_failures
from ost_assets.postgres.bookkeeping import published
from ost_assets.resources import PostgresTarget
from ost_assets.summary import summary


@dg.asset(deps=["test_database"], group_name="export", kinds={"parquet"})
def fixture_bundle(database: PostgresTarget) -> dg.MaterializeResult[None]:
    """The fixtures for every job: schema, binary COPY, Parquet and JSON Lines, the same bytes everywhere."""
    with readable_failures(), database.connect() as (settings, target, conn):
        folder = settings.bundle_dir
        manifest = write_bundle(conn, settings.ost_target_schema, settings.ost_required_extensions, folder)
        found = published(conn, settings.ost_target_schema)
        if found is not None:
            print(summary(settings, target, found, "The test database is ready."), file=sys.stderr)
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(folder)),
                "fingerprint": manifest.fingerprint,
                "dagster/row_count": manifest.rows,
                "tables": len(manifest.tables),
                "bytes": sum(entry.bytes for entry in manifest.files.values()),
            }
        )
