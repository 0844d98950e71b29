"""Who seeds, when the SQL lock stands in for dbt, and what makes a run degraded. The README has the table."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psycopg import sql

from ost_assets.errors import (
    CheckFailed,
    DbtFailed,
    DegradedRefused,
    InputInvalid,
    LockMissing,
    LockStale,
)
from ost_assets.fingerprint import Fingerprint, fingerprint
from ost_assets.postgres import bookkeeping
from ost_assets.postgres.bookkeeping import BUILD_SCHEMA
from ost_assets.postgres.catalog import read_catalog
from ost_assets.postgres.connect import exclusive
from ost_assets.postgres.digest import read_content
from ost_assets.postgres.extensions import require_extensions
from ost_assets.seeding.audit import engine_checks
from ost_assets.seeding.lock import Lock, find_lock, read_lock
from ost_assets.seeding.preflight import refuse_unfit_target
from ost_assets.seeding.report import Report, serves
from ost_assets.seeding.sql import SqlSeeder
from ost_assets.settings import default_parameters

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn
    from ost_assets.postgres.target import Target
    from ost_assets.seeding.report import CheckResult
    from ost_assets.seeding.seeder import Progress, Seeded
    from ost_assets.settings import SeedStrategy, Settings


def build(
    conn: Conn,
    settings: Settings,
    target: Target,
    progress: Progress,
    strategy: SeedStrategy | None = None,
    since: float = math.inf,
) -> Report:
    """Build and audit the test data in a schema of its own, ready to be published.

    Waits for a set-up that is already running on this database, and if that one did the same work,
    takes its result. Whatever fails, no schema of ours stays behind and nothing published has changed.

    Args:
        strategy: overrides `settings.ost_seed_strategy`.
        since: seconds of the epoch; what another set-up finished later than this is taken as well. A clock that
            is off does no harm, for the other one's data has the same fingerprint.

    Raises:
        CheckFailed: a data test or an engine check is red; holds all results.
        InputInvalid: a seed file is wrong.
        NothingBuilt: the project has no table.
        DbtFailed: dbt broke and only dbt was allowed.
        DegradedRefused: the SQL would have stood in, and strict mode is on.
        LockError: the lock is missing, damaged, or outdated in CI.
        GuardRefused: somebody else's tables are where ours would go.
        ServerError: the server lacks an extension or a privilege, or failed.
    """
    wanted = strategy or settings.ost_seed_strategy
    now, lock = fingerprint(settings), find_lock(settings.lock_dir)
    with exclusive(conn, timeout=settings.ost_wait_timeout) as waited:
        refuse_unfit_target(conn, settings, lock.tables if lock else ())
        require_extensions(conn, settings.ost_required_extensions)
        done = _done_by_another(conn, settings, now, wanted, 0.0 if waited else since)
        if done is not None:
            return done
        bookkeeping.begin_build(conn)
        try:
            outdated = lock.outdated_files(settings.dbt_project_dir) if lock else []
            return _Run(conn, settings, target, progress, now, lock, tuple(outdated)).build(wanted)
        finally:
            if not conn.closed:
                # A finished build has been renamed by now; this is for one that failed.
                bookkeeping.drop_schema(conn, BUILD_SCHEMA)


@dataclass(frozen=True)
class _Run:
    """One build in the empty build schema, under the set-up lock.

    Attributes:
        now: the fingerprint of the inputs on disk.
        outdated: dbt files that `lock` does not know as they are.
    """

    conn: Conn
    settings: Settings
    target: Target
    progress: Progress
    now: Fingerprint
    lock: Lock | None
    outdated: tuple[str, ...]

    def build(self, wanted: SeedStrategy) -> Report:
        started = time.perf_counter()
        if wanted == "sql":
            seeded, lock, report = self._with_sql("OST_SEED_STRATEGY is sql", fell_back=False)
        else:
            try:
                seeded, lock, report = self._with_dbt()
            except DbtFailed as error:
                if wanted == "dbt":
                    raise
                _refuse_fallback_for_changed_seeds(error, self.outdated)
                bookkeeping.begin_build(self.conn)  # away with what dbt left half built
                seeded, lock, report = self._with_sql(f"{error.cause}: {error.what}", fell_back=True)

        catalog = read_catalog(self.conn, BUILD_SCHEMA)
        # A swap keeps statistics, so that tests run on real plans from the first query on.
        tables = sql.SQL(", ").join(sql.Identifier(BUILD_SCHEMA, name) for name in catalog)
        self.conn.execute(sql.SQL("analyze {}").format(tables))
        published = {node.relation: catalog[node.relation] for node in lock.graph.published}
        contents = read_content(self.conn, BUILD_SCHEMA, published)
        checks = (
            *seeded.checks,
            *engine_checks(self.conn, BUILD_SCHEMA, lock, catalog, contents, self.settings),
        )
        _refuse_red(checks)
        seconds = round(time.perf_counter() - started, 3)
        report = replace(report, nodes=seeded.nodes, checks=checks, tables=contents, seconds=seconds)
        inputs = self.now.with_dbt_files(lock.inputs).inputs
        bookkeeping.finish_build(self.conn, report.fingerprint, inputs, report.to_json())
        return report

    def _with_dbt(self) -> tuple[Seeded, Lock, Report]:
        # Here, because they stay out of the SQL way.
        from ost_assets.seeding.dbt import DbtSeeder
        from ost_assets.seeding.proof import relock

        settings, lock = self.settings, self.lock
        stale = lock is None or bool(self.outdated)
        # A lock is made with the default parameters, whatever this run was asked for.
        parameters = default_parameters() if stale and not settings.ci else settings.parameters
        dbt = DbtSeeder(settings, self.target, parameters, unit_tests=stale)
        seeded = dbt.seed(self.conn, BUILD_SCHEMA, self.progress)
        _refuse_red(seeded.checks)
        if lock is None or self.outdated:
            if settings.ci:
                raise LockStale(
                    "the SQL lock is older than the dbt project" if lock else "there is no SQL lock",
                    looked=", ".join(self.outdated) or str(settings.lock_dir),
                    remedy="run `ost-assets lock` and commit sql_fallback/; CI never rewrites it",
                )
            lock = relock(self.conn, settings, dbt)
            if parameters != settings.parameters:
                bookkeeping.begin_build(self.conn)
                dbt = DbtSeeder(settings, self.target, settings.parameters, unit_tests=False)
                seeded = dbt.seed(self.conn, BUILD_SCHEMA, self.progress)
                _refuse_red(seeded.checks)
        reason = "dbt works" + ("; the lock was outdated and has been rewritten" if stale else "")
        return seeded, lock, Report(self.now.value, "dbt", reason, degraded=False, relocked=stale)

    def _with_sql(self, reason: str, *, fell_back: bool) -> tuple[Seeded, Lock, Report]:
        lock = self.lock
        if lock is None:
            try:
                lock = read_lock(self.settings.lock_dir)
            except LockMissing as error:
                raise LockMissing(
                    f"{error.what}, so nothing can stand in for dbt ({reason})",
                    looked=error.looked,
                    remedy=error.remedy,
                ) from error
        degraded = fell_back or bool(self.outdated)
        if self.outdated:
            reason += f"; the lock is older than {', '.join(self.outdated)}"
        if degraded and self.settings.ost_strict:
            raise DegradedRefused(
                f"strict mode refuses to seed from the SQL lock: {reason}",
                remedy="mend dbt, or run without --strict and OST_STRICT",
            )
        seeded = SqlSeeder(lock, self.settings.parameters).seed(self.conn, BUILD_SCHEMA, self.progress)
        used = self.now.with_dbt_files(lock.inputs)
        return seeded, lock, Report(used.value, "sql", reason, degraded=degraded, outdated=self.outdated)


def _done_by_another(
    conn: Conn, settings: Settings, now: Fingerprint, wanted: SeedStrategy, since: float
) -> Report | None:
    """The report of a set-up that ran beside this one, where it did what we were asked to do."""
    bookkeeping.prepare(conn)
    ready = bookkeeping.find_ready(conn, [now.value])
    published = bookkeeping.published(conn, settings.ost_target_schema)
    if ready is not None:
        report, at = ready.report, ready.created_at
    elif published is not None and published.intact and published.fingerprint == now.value:
        report, at = published.report, published.published_at
    else:
        return None
    beside_us = at.timestamp() >= since
    return Report.from_json(report) if beside_us and serves(report, wanted, settings.ost_strict) else None


def _refuse_red(checks: tuple[CheckResult, ...]) -> None:
    red = [check for check in checks if check.blocks]
    if red:
        listed = "; ".join(f"{check.name}: {check.message}" for check in red[:5])
        more = f" (and {len(red) - 5} more)" if len(red) > 5 else ""
        raise CheckFailed(
            f"{len(red)} of {len(checks)} checks are red, nothing was published: {listed}{more}",
            checks=checks,
            remedy="correct the seeds, the models or the parameters; the failing rows are with the check",
        )


def _refuse_fallback_for_changed_seeds(error: DbtFailed, outdated: tuple[str, ...]) -> None:
    """Where seed files changed since the lock and dbt then stumbles over a node, the data is at fault.

    Falling back would quietly drop the very rows that somebody just edited.
    """
    changed_seeds = [name for name in outdated if name.endswith(".csv")]
    if changed_seeds and error.cause == "node error":
        raise InputInvalid(
            f"the changed seeds do not build: {error.what}",
            looked=", ".join(changed_seeds),
            remedy="correct those files; nothing was changed",
        ) from error
