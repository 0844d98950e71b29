"""Puts a bundle into a database: no dbt, no Dagster, one transaction, the same guard and swap as the main job."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import errors, sql

from ost_assets.bundle.read import Bundle, Progress, open_bundle, silent
from ost_assets.postgres import bookkeeping, ddl
from ost_assets.postgres.bookkeeping import BUILD_SCHEMA
from ost_assets.postgres.catalog import differences, read_catalog
from ost_assets.postgres.connect import (
    EXTENSIONS_KEY,
    SETUP_KEY,
    connect,
    ensure_target,
    exclusive,
    set_search_path,
)
from ost_assets.postgres.digest import Content
from ost_assets.postgres.extensions import create_extensions, require_extensions
from ost_assets.postgres.swap import swap
from ost_assets.seeding.consumers import refuse_unusable
from ost_assets.seeding.preflight import refuse_unfit_target
from ost_assets.seeding.report import Report
from ost_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from ost_assets.bundle.manifest import BundleManifest
    from ost_assets.postgres.bookkeeping import Publication
    from ost_assets.postgres.connect import Conn

_BLOCK_BYTES = 1 << 18
_SIDES = ("the database", "the manifest")


def restore(
    folder: str | Path, settings: Settings | None = None, *, progress: Progress = silent
) -> BundleManifest:
    """Verify a bundle and publish its tables in the target database, in place of what we published before.

    What goes into the database is verified before anything else; the bundle's other files while the server
    works, and before it commits. One transaction: whatever fails, the database is as it was, extensions
    included. Starts the embedded server where that one is meant.

    Args:
        folder: holds `manifest.json`.
        settings: where to; read from the environment if not given.
        progress: told how far it is, see `bundle.read.Progress`.

    Returns:
        The manifest of what stands in the target schema now.

    Raises:
        BundleMissing, BundleBroken: there is no bundle, it is damaged, or of another format.
        GuardRefused: the target is not ours to change.
        CheckFailed: the API's queries do not fit the tables of the bundle.
        PublishError: readers or objects that depend on the old tables are in the way.
        ServerError: the server cannot be reached, lacks an extension or a privilege, or failed.
    """
    settings = settings or load_settings()
    bundle = open_bundle(Path(folder))
    bundle.verify(bundle.restored_files, progress)
    with connect(settings, ensure_target(settings)) as conn:
        restore_verified(conn, settings, bundle, progress)
    return bundle.manifest


def restore_verified(conn: Conn, settings: Settings, bundle: Bundle, progress: Progress = silent) -> None:
    """As `restore`, on a connection to the target, with a bundle whose `restored_files` have been verified."""
    started = time.perf_counter()
    manifest = bundle.manifest
    before = bookkeeping.published(conn, settings.ost_target_schema)
    with ExitStack() as stack:
        waited = stack.enter_context(exclusive(conn, SETUP_KEY, timeout=settings.ost_wait_timeout))
        refuse_unfit_target(conn, settings, [table.name for table in manifest.tables])
        now = bookkeeping.published(conn, settings.ost_target_schema)
        if waited and now != before and _is(manifest, now):
            return  # the one that we waited for did our work
        meanwhile = stack.enter_context(ThreadPoolExecutor(1))
        others = meanwhile.submit(bundle.verify, bundle.other_files, threads=1)
        # Held until the commit, because an extension that is not committed yet is in everybody's way.
        stack.enter_context(exclusive(conn, EXTENSIONS_KEY, timeout=settings.ost_wait_timeout))
        stack.enter_context(conn.transaction())
        create_extensions(conn, manifest.extensions, settings.ost_optional_extensions)
        require_extensions(conn, manifest.extensions)
        bookkeeping.begin_build(conn)
        _load(conn, bundle, settings.api_queries_dir, progress)
        report = Report(
            manifest.fingerprint,
            "bundle",
            f"restored from {bundle.folder}",
            degraded=False,
            tables={table.name: Content(table.rows, table.digest) for table in manifest.tables},
            seconds=round(time.perf_counter() - started, 3),
        )
        ready = bookkeeping.finish_build(conn, manifest.fingerprint, manifest.inputs, report.to_json())
        swap(conn, settings.ost_target_schema, ready, timeout=settings.ost_lock_timeout)
        others.result()
        bundle.refuse_replaced()


def _is(manifest: BundleManifest, found: Publication | None) -> bool:
    return found is not None and found.intact and found.fingerprint == manifest.fingerprint


def _load(conn: Conn, bundle: Bundle, queries: Path, progress: Progress) -> None:
    """Tables, data, keys and statistics, in the build schema and in the caller's transaction."""
    tables = bundle.manifest.tables
    set_search_path(conn, BUILD_SCHEMA)
    try:
        for table in tables:
            _execute_one(conn, ddl.create_table_ddl(table))
        refuse_unusable(conn, BUILD_SCHEMA, queries)  # columns are all it takes, so before the data
        _copy_all(conn, bundle, progress)
        statements = list(ddl.key_ddl(tables))
        for number, statement in enumerate(statements, start=1):
            _execute_one(conn, statement)
            progress("keys", number, len(statements))
    except errors.InsufficientPrivilege:
        raise
    except (errors.DataError, errors.IntegrityError, errors.ProgrammingError) as error:
        raise bundle.broken(f"PostgreSQL does not take it: {str(error).splitlines()[0]}") from error
    # A definition may have said more than the manifest shows.
    problems = differences(read_catalog(conn, BUILD_SCHEMA), {t.name: t for t in tables}, names=_SIDES)
    if problems:
        raise bundle.broken("its definitions do not give its tables: " + "; ".join(problems[:3]))
    names = sql.SQL(", ").join(sql.Identifier(BUILD_SCHEMA, table.name) for table in tables)
    conn.execute(sql.SQL("analyze {}").format(names))


def _execute_one(conn: Conn, statement: str) -> None:
    # Binary results need the extended protocol, which takes one statement and no more: text of the bundle
    # cannot end our transaction and go on after it.
    conn.execute(statement.encode(), binary=True)


def _copy_all(conn: Conn, bundle: Bundle, progress: Progress) -> None:
    manifest = bundle.manifest
    total = sum(manifest.files[table.files["copy"]].bytes for table in manifest.tables)
    done = 0
    for table in manifest.tables:
        # Frozen rows need no vacuum; the table is of this very transaction, so nobody can see them early.
        statement = sql.SQL("copy {} from stdin (format binary, freeze)").format(
            sql.Identifier(BUILD_SCHEMA, table.name)
        )
        with bundle.open(table.files["copy"]) as file, conn.cursor() as cursor:
            with cursor.copy(statement) as copy:
                while block := file.read(_BLOCK_BYTES):
                    copy.write(block)
                    done += len(block)
                    progress("copy", done, total)
            if cursor.rowcount != table.rows:
                raise bundle.broken(f"{table.name!r} has {cursor.rowcount} rows instead of {table.rows}")
