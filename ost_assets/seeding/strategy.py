"""Who seeds, when the SQL lock stands in for dbt, and what makes a run degraded. The table is in the README."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
from ost_assets.postgres.catalog import analyze, read_catalog
from ost_assets.postgres.connect import exclusive
from ost_assets.postgres.digest import read_content
from ost_assets.postgres.extensions import require_extensions
from ost_assets.postgres.privileges import refuse_unprivileged
from ost_assets.seeding.audit import engine_checks
from ost_assets.seeding.lock import Lock, read_lock
from ost_assets.seeding.report import Report, TableResult
from ost_assets.seeding.seed_files import check_seed_files
from ost_assets.seeding.sql import SqlSeeder
from ost_assets.settings import default_parameters

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn
    from ost_assets.postgres.target import Target
    from ost_assets.seeding.report import CheckResult
    from ost_assets.seeding.seeder import Progress, Seeded
    from ost_assets.settings import SeedStrategy, Settings


@dataclass(frozen=True)
class _Outcome:
    """A build before its audit."""

    seeded: Seeded
    lock: Lock
    report: Report


def build(
    conn: Conn, settings: Settings, target: Target, progress: Progress, strategy: SeedStrategy | None = None
) -> Report:
    """Build and audit the test data in a schema of its own, ready to be published.

    Waits for a set-up that is already running on this database, and if that one did the same work,
    takes its result. Whatever fails, no schema of ours stays behind and nothing published has changed.

    Args:
        strategy: overrides `settings.ost_seed_strategy`.

    Raises:
        CheckFailed: a data test or an engine check is red; holds all results.
        InputInvalid: a seed file is wrong.
        DbtFailed: dbt broke and only dbt was allowed.
        DegradedRefused: the SQL would have stood in, and strict mode is on.
        LockError: the lock is missing, damaged, or outdated in CI.
        GuardRefused, ServerError: see there.
    """
    wanted = strategy or settings.ost_seed_strategy
    now = fingerprint(settings)
    lock = _read_lock(settings)
    with exclusive(conn, timeout=settings.ost_wait_timeout) as waited:
        refuse_unprivileged(conn, settings.ost_target_schema)
        require_extensions(conn, settings.ost_required_extensions)
        if lock is not None:
            names = [node.relation for node in lock.graph.published]
            bookkeeping.refuse_foreign_relations(conn, settings.ost_target_schema, names)
        bookkeeping.prepare(conn)
        if waited and (done := _done_by_another(conn, settings, now, wanted)):
            return done
        bookkeeping.begin_build(conn)
        try:
            return _build(conn, settings, target, progress, wanted, now, lock)
        finally:
            if not conn.closed:
                # A finished build has been renamed by now; this is for one that failed.
                bookkeeping.drop_schema(conn, BUILD_SCHEMA)


def _build(
    conn: Conn,
    settings: Settings,
    target: Target,
    progress: Progress,
    wanted: SeedStrategy,
    now: Fingerprint,
    lock: Lock | None,
) -> Report:
    started = time.perf_counter()
    outdated = lock.outdated_files(settings.dbt_project_dir) if lock else []
    outcome = None
    reason = "OST_SEED_STRATEGY is sql"
    if wanted != "sql":
        try:
            outcome = _with_dbt(conn, settings, target, progress, now, lock, outdated)
        except DbtFailed as error:
            if wanted == "dbt":
                raise
            _refuse_fallback_for_changed_seeds(error, outdated)
            reason = f"{error.cause}: {error.what}"
    if outcome is None:
        outcome = _with_sql(conn, settings, progress, now, lock, outdated, reason, fell_back=wanted != "sql")

    catalog = read_catalog(conn, BUILD_SCHEMA)
    analyze(conn, BUILD_SCHEMA, catalog)
    nodes = outcome.lock.graph.published
    contents = read_content(conn, BUILD_SCHEMA, {n.relation: catalog[n.relation] for n in nodes})
    checks = (
        *outcome.seeded.checks,
        *engine_checks(conn, BUILD_SCHEMA, outcome.lock, catalog, contents, settings),
    )
    _refuse_red(checks)
    report = Report(
        **{
            **vars(outcome.report),
            "nodes": outcome.seeded.nodes,
            "checks": checks,
            "tables": {name: TableResult(c.rows, c.digest) for name, c in contents.items()},
            "seconds": round(time.perf_counter() - started, 3),
        }
    )
    bookkeeping.finish_build(conn, report.fingerprint, report.to_json())
    return report


def _with_dbt(
    conn: Conn,
    settings: Settings,
    target: Target,
    progress: Progress,
    now: Fingerprint,
    lock: Lock | None,
    outdated: list[str],
) -> _Outcome:
    # Here, because they stay out of the SQL way.
    from ost_assets.seeding.dbt import DbtSeeder
    from ost_assets.seeding.proof import relock

    delimiters = {n.path: n.delimiter for n in lock.graph.nodes} if lock else {}
    csv_files = [name for name in now.inputs["dbt"] if name.endswith(".csv")]
    check_seed_files(settings.dbt_project_dir, csv_files, delimiters)
    stale = lock is None or bool(outdated)
    # A lock is made with the default parameters, whatever this run was asked for.
    parameters = default_parameters() if stale and not settings.ci else settings.parameters
    dbt = DbtSeeder(settings, target, parameters, unit_tests=stale)
    seeded = dbt.seed(conn, BUILD_SCHEMA, progress)
    _refuse_red(seeded.checks)
    if lock is None or outdated:
        if settings.ci:
            raise LockStale(
                "the SQL lock is older than the dbt project" if lock else "there is no SQL lock",
                looked=", ".join(outdated) or str(settings.lock_dir),
                remedy="run `ost-assets lock` and commit sql_fallback/; CI never rewrites it",
            )
        lock = relock(conn, settings, dbt, parameters)
        if parameters != settings.parameters:
            _empty_build_schema(conn)
            seeded = DbtSeeder(settings, target, settings.parameters, unit_tests=False).seed(
                conn, BUILD_SCHEMA, progress
            )
            _refuse_red(seeded.checks)
    reason = "dbt works" + ("; the lock was outdated and has been rewritten" if stale else "")
    report = Report(now.value, "dbt", reason, degraded=False, relocked=stale)
    return _Outcome(seeded, lock, report)


def _with_sql(
    conn: Conn,
    settings: Settings,
    progress: Progress,
    now: Fingerprint,
    lock: Lock | None,
    outdated: list[str],
    reason: str,
    *,
    fell_back: bool,
) -> _Outcome:
    if lock is None:
        raise LockMissing(
            f"there is no SQL lock to seed from ({reason})",
            looked=str(settings.lock_dir),
            remedy="mend dbt, then run `ost-assets lock` and commit the result",
        )
    degraded = fell_back or bool(outdated)
    if outdated:
        reason += f"; the lock is older than {', '.join(outdated)}"
    if degraded and settings.ost_strict:
        raise DegradedRefused(
            f"strict mode refuses to seed from the SQL lock: {reason}",
            remedy="mend dbt, or run without --strict and OST_STRICT",
        )
    if fell_back:
        _empty_build_schema(conn)
    seeded = SqlSeeder(lock, settings.parameters).seed(conn, BUILD_SCHEMA, progress)
    used = now.with_dbt_files(lock.inputs)
    report = Report(used.value, "sql", reason, degraded=degraded, outdated=tuple(outdated))
    return _Outcome(seeded, lock, report)


def _empty_build_schema(conn: Conn) -> None:
    bookkeeping.drop_schema(conn, BUILD_SCHEMA)
    bookkeeping.begin_build(conn)


def _read_lock(settings: Settings) -> Lock | None:
    try:
        return read_lock(settings.lock_dir)
    except LockMissing:
        return None


def _done_by_another(conn: Conn, settings: Settings, now: Fingerprint, wanted: SeedStrategy) -> Report | None:
    """The report of the set-up that we waited for, where it did what we were asked to do."""
    done: bookkeeping.Ready | bookkeeping.Publication | None
    done = bookkeeping.find_ready(conn, [now.value])
    if done is None:
        done = bookkeeping.published(conn, settings.ost_target_schema)
        if done is None or not done.intact or done.fingerprint != now.value:
            return None
    report = Report.from_json(done.report)
    as_wanted = wanted in ("auto", report.strategy) and not (settings.ost_strict and report.degraded)
    return report if as_wanted else None


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


def _refuse_fallback_for_changed_seeds(error: DbtFailed, outdated: list[str]) -> None:
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
