"""Publishes the audited build of the current inputs, after a last look from the consumers' side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ost_assets.errors import CheckFailed, PublishError
from ost_assets.fingerprint import fingerprint
from ost_assets.postgres import bookkeeping
from ost_assets.postgres.connect import exclusive
from ost_assets.postgres.swap import swap
from ost_assets.seeding.consumers import refuse_unusable
from ost_assets.seeding.lock import read_lock
from ost_assets.seeding.report import Report

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn
    from ost_assets.settings import Settings


def publish_ready(conn: Conn, settings: Settings) -> Report:
    """Publish what `seeding.strategy.build` left ready, or find that another set-up has done so.

    Returns:
        The report of what stands in the target schema now.

    Raises:
        CheckFailed: a query of the API does not fit the new tables; nothing was published.
        PublishError: there is no audited build, or the swap could not be made.
        GuardRefused: somebody else's objects are in the way.
    """
    now = fingerprint(settings)
    # A degraded run from an outdated lock has the fingerprint of the files that the lock knew.
    of_lock = now.with_dbt_files(read_lock(settings.lock_dir).inputs)
    wanted = {now.value, of_lock.value}
    with exclusive(conn, timeout=settings.ost_wait_timeout):
        bookkeeping.prepare(conn)
        ready = bookkeeping.find_ready(conn, wanted)
        if ready is None:
            return _already_published(conn, settings, wanted)
        try:
            refuse_unusable(conn, ready.schema, settings.api_queries_dir)
        except CheckFailed:
            bookkeeping.drop_schema(conn, ready.schema)
            raise
        swap(conn, settings.ost_target_schema, ready, timeout=settings.ost_lock_timeout)
        return Report.from_json(ready.report)


def _already_published(conn: Conn, settings: Settings, wanted: set[str]) -> Report:
    published = bookkeeping.published(conn, settings.ost_target_schema)
    if published is not None and published.intact and published.fingerprint in wanted:
        return Report.from_json(published.report)
    raise PublishError(
        "there is no audited build of the present inputs",
        looked="the schemas ost_ready_*; did the dbt project change while the set-up ran?",
        remedy='materialize everything: dagster asset materialize --select "*" -m ost_assets.definitions',
    )
