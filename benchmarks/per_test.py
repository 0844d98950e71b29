"""What a database of its own costs a test, side by side with what it would cost otherwise.

    uv run --group benchmark python -m benchmarks.per_test [--rounds 30] [--server URL]

Without --server, a server of this benchmark's own on memory, without fsync. What is compared takes turns, so
that a slow moment of the machine hits all of it; figures are medians, and only the ratios mean anything on
another machine.

Drops are outside the timing, of the bare CREATE DATABASE as of the pool, except in the inner pytests and where
the name says so. "Asked back to back" is a pool of size 1 whose clones are asked for without a pause, so that
every one is waited for from its beginning; the first of each series, which was ready, is what "ready" shows.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import secrets
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from rich.console import Console

from benchmarks.report import Ratio, print_tables
from benchmarks.servers import (
    BIN,
    PG_DUMP,
    PSQL,
    UNSAFE_AND_FAST,
    a_server,
    end_on_sigterm,
    environment,
    fresh_database,
    nothing_left,
    open_connection,
    run,
    scratch_folder,
)
from ost_assets.cli import JOB
from ost_assets.isolation.rollback import RollbackConnection
from ost_assets.isolation.template import Template, ensure_template
from ost_assets.postgres.connect import connect, ensure_target
from ost_assets.settings import Settings, load_settings
from ost_assets.testing import ClonePool

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier

    from ost_assets.postgres.target import Target

BARE, BARE_WITH_DROP = "create database", "create and drop database"
WAITED, READY, STEADY = "ost_database, back to back", "ost_database, ready", "ost_database, get and give back"
ROLLBACK = "ost_connection, with one select"
OURS, THEIRS = "ost_database", "postgresql"
TEST, SET_UP = "a test with {}", "its set-up, {}"
SUITE = "pytest by its tests, {}"

TARGETS = (
    Ratio(WAITED, BARE, "at most 1.15"),
    Ratio(STEADY, BARE_WITH_DROP),
    Ratio(TEST.format(OURS), TEST.format(THEIRS), "below 1"),
    Ratio(SET_UP.format(OURS), SET_UP.format(THEIRS), "below 1"),
    Ratio(SUITE.format(OURS), SUITE.format(THEIRS), "below 1"),
    Ratio(ROLLBACK, BARE),
)
# What the package calls them -> CREATE DATABASE's STRATEGY and PostgreSQL's file_copy_method; spelled here a
# second time, because the baseline is to be bare.
STRATEGIES = {
    "WAL_LOG": ("wal_log", ""),
    "FILE_COPY": ("file_copy", "copy"),
    "FILE_COPY, clone": ("file_copy", "clone"),
}
READY_MILLISECONDS = 1.0
PROCESSES = 32
_SERIES = 9  # waited for one after the other
_SUITES = 3  # of each kind

_INNER_CONFTEST = """
import json, os

FOUND = []

def pytest_runtest_logreport(report):
    FOUND.append([report.nodeid, report.when, report.duration, report.outcome])

def pytest_sessionfinish(session):
    with open(os.environ["FOUND"], "w") as file:
        json.dump(FOUND, file)
"""
_INNER_OURS = """
import pytest

@pytest.mark.parametrize("number", range({tests}))
def test_it(ost_database, number):
    with ost_database.connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)
"""
# Its loader for files sends them through psycopg, which knows no COPY ... FROM stdin with the data behind it.
_INNER_THEIRS = """
import subprocess
import pytest
from pytest_postgresql import factories

def load(**_):
    subprocess.run({psql!r}, check=True)

server = factories.postgresql_noproc(
    host={host!r}, port={port!r}, user={user!r}, password={password!r}, dbname={name!r}, load=[load]
)
postgresql = factories.postgresql("server")

@pytest.mark.parametrize("number", range({tests}))
def test_it(postgresql, number):
    assert postgresql.execute("select 1").fetchone() == (1,)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--server", metavar="URL", help="another server, such as one on a disk")
    arguments = parser.parse_args()
    rounds: int = arguments.rounds
    end_on_sigterm()
    console = Console(stderr=True)
    with (
        scratch_folder() as folder,
        a_server(arguments.server, folder, UNSAFE_AND_FAST) as admin,
        console.status("making a bundle") as status,
        nothing_left(admin) as token,
    ):
        settings = load_settings(
            database_url=admin.url_with_password,
            ost_bundle_dir=make_bundle(admin, folder),
            # The name of a template depends on it, so this one is nobody else's.
            ost_target_schema=token,
        )
        status.update(f"{PROCESSES} processes")
        together = ask_together(settings)
        with open_connection(admin) as conn, connect(settings, admin) as guarded:
            bench = Bench(conn, settings, ensure_template(guarded, settings, admin), token)
            values = bench.clones(rounds, status.update)
            with ClonePool(settings, token, 2) as pool:
                values[ROLLBACK] = rolled_back(pool, rounds * 10)
            values |= inner_pytests(settings, admin, folder, token, rounds, status.update)
    shown = {name: [seconds * 1000 for seconds in found] for name, found in values.items()}
    print_tables(f"{arguments.server or 'on memory, no fsync'}; {rounds} rounds", "ms", shown, TARGETS)
    ready = statistics.median(shown[READY])
    Console(width=110).print(
        f"Ready: {ready:.3f} ms, wanted below {READY_MILLISECONDS} ms."
        f" Bare copies by {bench.best}, the template chose {bench.template.strategy}.\n{together}"
    )


def make_bundle(admin: Target, folder: Path) -> Path:
    """By the main job."""
    bundle = folder / "bundle"
    with fresh_database(admin) as target:
        variables = environment(
            target, OST_HOME=folder / "home", OST_BUNDLE_DIR=bundle, OST_SEED_STRATEGY="sql", CI="true"
        )
        run([str(BIN / "dagster"), *JOB], variables)
    return bundle


def ask_together(settings: Settings) -> str:
    """Many processes that want the same template, which is not there yet, in one moment."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(PROCESSES + 1), context.Queue()
    variables = settings.as_environment()
    processes = [
        context.Process(target=ask, args=(variables, barrier, answers), daemon=True) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    try:
        barrier.wait(120)
        started = time.perf_counter()
        found = [answers.get(timeout=120) for _ in processes]
        seconds = time.perf_counter() - started
    finally:
        for process in processes:
            process.kill()
            process.join()
    errors = [error for _, error in found if error]
    built = sum(built for built, _ in found)
    verdict = "as wanted" if built == 1 and not errors else f"WRONG {errors[:1]}"
    return (
        f"{PROCESSES} processes asked for one template at once: built {built} times, {len(errors)} errors,"
        f" {seconds:.2f} s until the last had it: {verdict}."
    )


def ask(variables: dict[str, str], barrier: Barrier, answers: Queue[tuple[bool, str]]) -> None:
    """In a process of its own."""
    try:
        settings = load_settings(**{name.lower(): value for name, value in variables.items()})
        target = ensure_target(settings)
        with connect(settings, target) as conn:
            barrier.wait(120)
            answers.put((ensure_template(conn, settings, target).built, ""))
    except Exception as error:
        answers.put((False, repr(error)))


@dataclass
class Bench:
    """Copies of one template, made in every way on one server."""

    conn: psycopg.Connection[Any]
    settings: Settings
    template: Template
    token: str
    best: str = ""

    def clones(self, rounds: int, say: Callable[[str], None]) -> dict[str, list[float]]:
        """Bare copies and the pool's, in turns of short series, because a pool works ahead of who asks."""
        say("ways to copy")
        self.best = self._best_strategy()
        values: dict[str, list[float]] = {name: [] for name in (BARE, WAITED, READY, BARE_WITH_DROP, STEADY)}
        with ClonePool(self.settings, self.token, 1) as pool:
            while len(values[BARE]) < rounds:
                say(f"copies, {len(values[BARE])} of {rounds}")
                created, with_drop = self._bare_series()
                values[BARE] += created
                values[BARE_WITH_DROP].append(with_drop)
                self._quiet()
                ready, *waited = self._pool_series(pool)
                values[READY].append(ready)
                values[WAITED] += waited
                self._quiet()
                values[STEADY].append(self._steady_series(pool))
                self._quiet()
        return values

    def _best_strategy(self) -> str:
        """The template's own choice is one of these; the baseline is what is best now."""
        taken: dict[str, list[float]] = {name: [] for name in self.template.milliseconds}
        for _ in range(_SERIES):
            for strategy, found in taken.items():
                name = self._name()
                found.append(self._create(name, strategy))
                self._drop(name)
        return min(taken, key=lambda strategy: statistics.median(taken[strategy]))

    def _bare_series(self) -> tuple[list[float], float]:
        """Seconds of each copy; and of a copy and a drop, on average."""
        names = [self._name() for _ in range(_SERIES)]
        started = time.perf_counter()
        seconds = [self._create(name, self.best) for name in names]
        for name in names:
            self._drop(name)
        return seconds, (time.perf_counter() - started) / _SERIES

    def _pool_series(self, pool: ClonePool) -> list[float]:
        taken, seconds = [], []
        for _ in range(_SERIES + 1):
            started = time.perf_counter()
            taken.append(pool.get())
            seconds.append(time.perf_counter() - started)
        for database in taken:
            pool.give_back(database)
        return seconds

    def _steady_series(self, pool: ClonePool) -> float:
        """Seconds of a clone that is taken and given back, on average, when that is all that happens."""
        started = time.perf_counter()
        for _ in range(3 * _SERIES):
            pool.give_back(pool.get())
        return (time.perf_counter() - started) / (3 * _SERIES)

    def _quiet(self) -> None:
        """Wait until the pool's thread has nothing left to do."""
        seen, same = -1, 0
        while same < 3:
            time.sleep(0.05)
            row = self.conn.execute(
                "select count(*) from pg_database where strpos(datname, %s) > 0", [self.token]
            ).fetchone()
            assert row is not None
            same = same + 1 if row[0] == seen else 0
            seen = row[0]

    def _name(self) -> str:
        return f"{self.token}_{secrets.token_hex(8)}"

    def _create(self, name: str, strategy: str) -> float:
        how, method = STRATEGIES[strategy]
        if method and self.conn.info.server_version >= 180000:
            self.conn.execute("select set_config('file_copy_method', %s, false)", [method])
        statement = sql.SQL("create database {} template {} strategy {}").format(
            sql.Identifier(name), sql.Identifier(self.template.name), sql.SQL(how)
        )
        started = time.perf_counter()
        self.conn.execute(statement)
        return time.perf_counter() - started

    def _drop(self, name: str) -> None:
        self.conn.execute(sql.SQL("drop database {}").format(sql.Identifier(name)))


def rolled_back(pool: ClonePool, rounds: int) -> list[float]:
    connection = RollbackConnection(pool)
    seconds = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        with connection.transaction() as conn:
            conn.execute("select 1").fetchone()
        seconds.append(time.perf_counter() - started)
    connection.close()
    return seconds[1:]


def inner_pytests(
    settings: Settings, admin: Target, folder: Path, token: str, tests: int, say: Callable[[str], None]
) -> dict[str, list[float]]:
    """Real suites of trivial tests, with our fixture and with pytest-postgresql's on the same data."""
    suites = write_suites(settings, admin, folder, token, tests)
    values: dict[str, list[float]] = {}
    for number in range(_SUITES + 1):
        for kind in (OURS, THEIRS):
            say(f"pytest with {kind}, {number} of {_SUITES}")
            seconds, reports = run_suite(suites[kind], kind, settings)
            if number == 0:  # builds nothing for us, and compiles the tests for both
                continue
            values.setdefault(SUITE.format(kind), []).append(seconds / tests)
            # The first and the last test carry what is done once per session.
            for test in list(reports.values())[1:-1]:
                values.setdefault(TEST.format(kind), []).append(sum(test.values()))
                values.setdefault(SET_UP.format(kind), []).append(test["setup"])
    return values


def write_suites(settings: Settings, admin: Target, folder: Path, token: str, tests: int) -> dict[str, Path]:
    dump = folder / "dump.sql"
    with ClonePool(settings, token, 1) as pool:
        run([*PG_DUMP, "-d", pool.get().url, "-f", str(dump)], environment())
    name = f"{token}_theirs"
    inner = {
        OURS: _INNER_OURS.format(tests=tests),
        THEIRS: _INNER_THEIRS.format(
            tests=tests,
            # The name that the plugin gives to its template.
            psql=[*PSQL, "-d", replace(admin, dbname=f"{name}_tmpl").url_with_password, "-f", str(dump)],
            host=admin.host,
            port=admin.port,
            user=admin.user,
            password=admin.password,
            name=name,
        ),
    }
    suites = {}
    for kind, text in inner.items():
        suites[kind] = folder / f"suite_{kind}"
        suites[kind].mkdir()
        (suites[kind] / "pytest.ini").write_text("[pytest]\n")
        (suites[kind] / "conftest.py").write_text(_INNER_CONFTEST)
        (suites[kind] / "test_it.py").write_text(text)
    return suites


def run_suite(suite: Path, kind: str, settings: Settings) -> tuple[float, dict[str, dict[str, float]]]:
    """Seconds of the whole process, and test -> phase -> seconds."""
    found = suite / "found.json"
    other = "pytest_postgresql" if kind == OURS else "ost_assets"
    command = [sys.executable, "-m", "pytest", "-q", "-p", f"no:{other}"]
    command += ["-p", "no:xdist", "-p", "no:cacheprovider"]
    variables = {**environment(), **settings.as_environment(), "FOUND": str(found)}
    started = time.perf_counter()
    run(command, variables, suite)
    seconds = time.perf_counter() - started
    reports: dict[str, dict[str, float]] = {}
    for test, phase, duration, outcome in json.loads(found.read_bytes()):
        assert outcome == "passed", test
        reports.setdefault(test, {})[phase] = duration
    return seconds, reports


if __name__ == "__main__":
    main()
