"""Proves that the SQL lock and dbt give the same database, and only then puts the lock in place."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql

from ost_assets import fingerprint
from ost_assets.errors import LockBroken, LockError, ProofFailed
from ost_assets.postgres.bookkeeping import BUILD_SCHEMA
from ost_assets.postgres.catalog import differences, read_catalog
from ost_assets.postgres.digest import read_content
from ost_assets.seeding.lock import LOCK_FILE, Lock, read_lock
from ost_assets.seeding.lock_writer import write_lock
from ost_assets.seeding.sql import SqlSeeder
from ost_assets.settings import default_parameters

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn
    from ost_assets.seeding.dbt import DbtSeeder
    from ost_assets.settings import Settings

_PROOF_SCHEMA = "ost_proof"


def prove(conn: Conn, settings: Settings, dbt: DbtSeeder, folder: Path) -> Lock:
    """Compile a lock into `folder` from what dbt just built in the build schema, build it, compare.

    Args:
        dbt: what built it, with the default parameters.
        folder: empty; holds the complete lock afterwards.

    Raises:
        ProofFailed: the project cannot be locked, or the two databases differ; each difference is named.
    """
    parameters = default_parameters()
    inputs = fingerprint.dbt_files(settings.dbt_project_dir)
    manifest = dbt.compile_open()
    catalog = read_catalog(conn, BUILD_SCHEMA)
    contents = read_content(conn, BUILD_SCHEMA, catalog)
    lock = write_lock(
        folder,
        inputs=inputs,
        manifest=manifest,
        conn=conn,
        schema=BUILD_SCHEMA,
        catalog=catalog,
        contents=contents,
        parameters=parameters,
    )
    if fingerprint.dbt_files(settings.dbt_project_dir) != inputs:
        raise ProofFailed("the dbt project changed while it was being locked", remedy="run again")
    proof = sql.Identifier(_PROOF_SCHEMA)
    # Rolled back at the end: the proof leaves nothing behind, whatever happens to this process.
    with conn.transaction(force_rollback=True):
        conn.execute(sql.SQL("create schema {}").format(proof))
        try:
            seeded = SqlSeeder(lock, parameters).seed(conn, _PROOF_SCHEMA, lambda _: None)
        except LockBroken as error:
            raise ProofFailed(f"the compiled SQL does not run: {error.what}") from error
        found = differences(catalog, read_catalog(conn, _PROOF_SCHEMA), names=("dbt", "SQL"))
        if not found:
            theirs = read_content(conn, _PROOF_SCHEMA, catalog)
            found = [
                f"table {name!r}: dbt has {ours.rows} rows, digest {ours.digest[:12]}, "
                f"SQL has {theirs[name].rows} rows, digest {theirs[name].digest[:12]}"
                for name, ours in contents.items()
                if ours != theirs[name]
            ]
        found += [f"data test {c.name} is red in SQL alone" for c in seeded.checks if c.blocks]
    if found:
        raise ProofFailed(
            "dbt and the SQL do not build the same database, no lock is written: " + "; ".join(found),
            remedy="look for now(), random(), generated ids or an order that ties leave open in those models",
        )
    return lock


def relock(conn: Conn, settings: Settings, dbt: DbtSeeder) -> Lock:
    """Prove and put the new lock in the place of the old one.

    Raises:
        ProofFailed: see `prove`; the old lock stands.
        LockError: the folder cannot be written.
    """
    target = settings.lock_dir
    try:
        target.mkdir(parents=True, exist_ok=True)
        # Inside, and so on the same file system: each file is replaced in one move, lock.json last. Whatever
        # interrupts that, the files on disk contradict lock.json and are refused, or are a whole lock.
        with tempfile.TemporaryDirectory(prefix=".new-", dir=target) as scratch:
            folder = Path(scratch)
            prove(conn, settings, dbt, folder)
            fresh = sorted(folder.iterdir(), key=lambda path: path.name == LOCK_FILE)
            names = {path.name for path in fresh}
            for path in fresh:
                path.replace(target / path.name)
        for stale in target.glob("*.sql"):
            if stale.name not in names:
                stale.unlink()
    except OSError as error:
        raise LockError(
            f"the lock cannot be written: {error}",
            looked=str(target),
            remedy="make that folder writable and see that its disk has room, then run `ost-assets lock`",
        ) from error
    return read_lock(target)


def compare_with_committed(conn: Conn, settings: Settings, dbt: DbtSeeder) -> list[str]:
    """Prove afresh and compare with the lock on disk, byte by byte.

    Returns:
        Names of the files that differ, are missing or are too many; empty when the lock is current.
    """
    with tempfile.TemporaryDirectory(prefix="ost-lock-") as scratch:
        folder = Path(scratch)
        prove(conn, settings, dbt, folder)
        fresh = {path.name: path.read_bytes() for path in folder.iterdir()}
    committed = {
        path.name: path.read_bytes()
        for path in (*settings.lock_dir.glob("*.sql"), *settings.lock_dir.glob(LOCK_FILE))
    }
    return sorted(name for name in {*fresh, *committed} if fresh.get(name) != committed.get(name))
