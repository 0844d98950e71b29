"""`template_database`: the bundle on the server as a template, from which every test gets its clone."""

import dagster as dg

from ost_assets.errors import AccessDenied, GuardRefused
from ost_assets.failures import readable_failures
from ost_assets.isolation.template import ensure_template
from ost_assets.resources import PostgresTarget


@dg.asset(deps=["fixture_bundle"], group_name="isolation", kinds={"postgres"}, output_required=False)
def template_database(context: dg.AssetExecutionContext, database: PostgresTarget):  # type: ignore[no-untyped-def]
    """The template database that tests clone: named by fingerprint and server, built once, never changed.

    Skipped, with the reason in the log, where the role may not create databases or the server's name says
    production: neither keeps anybody from using the published tables.
    """
    with readable_failures(), database.connect() as (settings, target, conn):
        try:
            found = ensure_template(conn, settings, target)
        except (AccessDenied, GuardRefused) as error:
            context.log.warning("No template database: %s", error)
            return
        yield dg.MaterializeResult(
            metadata={
                "database": found.name,
                "fingerprint": found.fingerprint,
                "built": found.built,
                "strategy": found.strategy,
                "clone_milliseconds": found.milliseconds[found.strategy],
                "measured_milliseconds": found.milliseconds,
                "swept": list(found.swept),
            }
        )
