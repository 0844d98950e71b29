"""Templates and clones on real servers: built once, cloned alike, swept only when they are ours and unused."""

from __future__ import annotations

import math
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from pydantic import SecretStr
from sqlalchemy import text

from ost_assets.bundle.read import open_bundle
from ost_assets.errors import (
    AccessDenied,
    BundleBroken,
    BundleMissing,
    IsolationError,
    OstError,
    ServerFailed,
    ServerUnreachable,
)
from ost_assets.isolation import create as creating
from ost_assets.isolation import template as templates
from ost_assets.isolation.clone import clone_once, drop_once
from ost_assets.isolation.create import SHARED_BLOCKS, STRATEGIES, create_database, fresh_name, measure
from ost_assets.isolation.database import OstDatabase
from ost_assets.isolation.marks import Mark, count_databases, mark_of, our_databases, server_time, write_mark
from ost_assets.isolation.pool import ClonePool
from ost_assets.isolation.rollback import RollbackConnection
from ost_assets.isolation.sweep import _CROWDED_SECONDS, sweep
from ost_assets.isolation.template import Template, ensure_template
from ost_assets.postgres.connect import TEMPLATES_KEY, connect, exclusive, find_target
from ost_assets.settings import Settings
from tests.commands import ost_assets
from tests.conftest import repository_environment
from tests.engine import catalog, digests, export, set_up
from tests.jobs import run_job
from tests.projects import Project
from tests.servers import Database, Server

HOUR, DAY = 3600, 86_400
# A name such as we would give, to a database that we did not make.
FOREIGN = "ost_clone_x_0123456789abcdef"


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server of these tests' own, because they sweep; its log holds every DDL statement."""
    with Server.started(18) as running:
        Database(running.target).execute("alter system set log_statement = 'ddl'")
        Database(running.target).execute("select pg_reload_conf()")
        yield running


@pytest.fixture
def settings(ost_template: Project, ost_bundle_dir: Path, own_server: Server) -> Iterator[Settings]:
    """The bundle and that server. What a test leaves goes, except for a finished template."""
    yield ost_template.settings(Database(own_server.target), ost_bundle_dir=ost_bundle_dir)
    _clear(own_server, "^ost_(?!template_)|^ost_template_(?![0-9a-f]{16}_[0-9a-f]{8}$)|^taken_")


@pytest.fixture
def template(settings: Settings) -> Template:
    """The template of the bundle, finished."""
    return _ensure(settings)


@pytest.fixture
def pool(settings: Settings) -> Iterator[ClonePool]:
    with ClonePool(settings, "test", 1) as running:
        yield running


@pytest.fixture
def rollback(pool: ClonePool) -> Iterator[RollbackConnection]:
    connection = RollbackConnection(pool)
    yield connection
    connection.close()


def _clear(server: Server, pattern: str) -> None:
    admin = Database(server.target)
    for (name,) in admin.query("select datname from pg_database where datname ~ %s", pattern):
        admin.execute(f'alter database "{name}" is_template false')
        admin.execute(f'drop database "{name}" with (force)')


def _with(settings: Settings, database: Database | None = None, **updates: Any) -> Settings:
    """The same with another address and other values, which are not validated."""
    if database is not None:
        updates["database_url"] = SecretStr(database.url)
    return settings.model_copy(update=updates)


def _ensure(settings: Settings) -> Template:
    target = find_target(settings)
    with connect(settings, target) as conn:
        return ensure_template(conn, settings, target)


def _sweep(settings: Settings, *, crowded: bool = False) -> list[str]:
    target = find_target(settings)
    with connect(settings, target) as conn, exclusive(conn, TEMPLATES_KEY, timeout=10):
        return sweep(conn, settings, target, _CROWDED_SECONDS if crowded else math.inf)


def _databases(server: Server, kind: str = "[a-z]+") -> list[str]:
    """The databases of such names, by the catalog."""
    query = "select datname from pg_database where datname ~ %s order by oid"
    return [name for (name,) in Database(server.target).query(query, f"^ost_{kind}_")]


def _mark(server: Server, name: str) -> Mark:
    with Database(server.target).connect() as conn:
        mark = mark_of(conn, name)
    assert mark is not None, f"{name} is gone or carries no mark"
    return mark


def _age(server: Server, name: str, seconds: float) -> None:
    """Make a database of ours that much older."""
    mark = _mark(server, name)
    used_at = mark.used_at - seconds if mark.used_at else 0.0
    with Database(server.target).connect() as conn:
        write_mark(conn, name, replace(mark, made_at=mark.made_at - seconds, used_at=used_at))


def _on(server: Server, name: str) -> Database:
    return Database(replace(server.target, dbname=name))


def _at(database: OstDatabase) -> Database:
    return Database.at(database.url)


def _in_bundle(folder: Path) -> dict[str, str]:
    """Table -> digest, as the manifest has them."""
    return {table.name: table.digest for table in open_bundle(folder).manifest.tables}


def _wait_until(reached: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


@contextmanager
def _role(server: Server, options: str = "") -> Iterator[str]:
    """A role of the test's own, gone at the end with the databases that it owns."""
    name = f"role_{os.urandom(4).hex()}"
    admin = Database(server.target)
    admin.execute(f"create role {name} login {options}")
    try:
        yield name
    finally:
        owned = admin.query(
            "select datname from pg_database where pg_get_userbyid(datdba) = %s and datname ~ '^ost_'", name
        )
        for (database,) in owned:
            admin.execute(f"alter database {database} is_template false")
            admin.execute(f"drop database {database} with (force)")
        admin.execute(f"drop role {name}")


@contextmanager
def _with_vector_in_new_databases(server: Server) -> Iterator[None]:
    """What a superuser does once, where an extension is not trusted."""
    blank = _on(server, "template1")
    blank.execute("create extension vector")
    try:
        yield
    finally:
        blank.execute("drop extension vector")


def _python(
    script: str, project: Project, settings: Settings, *arguments: str, **variables: str
) -> subprocess.Popen[str]:
    """A process of its own on the same bundle and server."""
    assert settings.database_url is not None
    environment = project.variables(
        DATABASE_URL=settings.database_url.get_secret_value(), OST_BUNDLE_DIR=str(settings.bundle_dir)
    )
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=project.root,
        env=repository_environment(**environment, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def _killed_at_the_end(process: subprocess.Popen[str]) -> Iterator[list[str]]:
    """Yields the words of the first line that the process says; then it gets SIGKILL."""
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        words = process.stdout.readline().split()
        assert words, process.stderr.read()
        yield words
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        process.stderr.close()


@contextmanager
def _clone_of(settings: Settings) -> Iterator[Database]:
    clone = clone_once(settings)
    yield _at(clone)
    assert drop_once(settings, clone.url) == clone.name


# Building


def test_the_template_holds_what_the_bundle_says_and_says_so_itself(
    settings: Settings, own_server: Server
) -> None:
    _clear(own_server, "^ost_")
    found = _ensure(settings)
    assert found.built
    assert found.swept == ()
    fingerprint = open_bundle(settings.bundle_dir).manifest.fingerprint
    assert found.fingerprint == fingerprint
    assert re.fullmatch(f"ost_template_{fingerprint[:16]}_[0-9a-f]{{8}}", found.name)
    assert _databases(own_server) == [found.name]
    mark = _mark(own_server, found.name)
    assert (mark.kind, mark.session) == ("template", "")
    assert mark.made_at == mark.used_at > 0
    assert (mark.strategy, mark.milliseconds) == (found.strategy, found.milliseconds)

    again = _ensure(settings)
    assert again == replace(found, built=False)


def test_nobody_can_connect_to_the_template_and_so_nobody_can_change_it(
    template: Template, own_server: Server
) -> None:
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        _on(own_server, template.name).connect()
    query = "select datistemplate, datallowconn from pg_database where datname = %s"
    assert Database(own_server.target).query(query, template.name) == [(True, False)]


_ASK = """
import multiprocessing, sys
from ost_assets.isolation.template import ensure_template
from ost_assets.postgres.connect import connect, find_target
from ost_assets.settings import load_settings

def ask(url):
    settings = load_settings(database_url=url)
    target = find_target(settings)
    with connect(settings, target) as conn:
        found = ensure_template(conn, settings, target)
    sys.stdout.write(f"{found.name} {found.strategy} {found.built}\\n")
    sys.stdout.flush()

processes = [multiprocessing.get_context("fork").Process(target=ask, args=(url,)) for url in sys.argv[1:]]
for process in processes:
    process.start()
for process in processes:
    process.join()
sys.exit(sum(process.exitcode != 0 for process in processes))
"""


def _ask_at_once(project: Project, settings: Settings, databases: list[Database]) -> list[str]:
    """One process per database asks for the template; they all wait at the lock before one gets it."""
    with ExitStack() as held:
        watcher = held.enter_context(databases[0].connect())
        for database in set(databases):
            keeper = held.enter_context(database.connect())
            keeper.execute("select pg_advisory_lock(%s)", [TEMPLATES_KEY])
        asking = _python(_ASK, project, settings, *(database.url for database in databases))
        waiting = (
            "select count(*) from pg_stat_activity where application_name = 'ost_assets'"
            " and query ~ 'pg_try_advisory_lock'"
        )
        try:
            _wait_until(lambda: watcher.execute(waiting).fetchone() == (len(databases),))
        except BaseException:
            asking.kill()
            raise
    said, complaints = asking.communicate(timeout=120)
    assert (asking.returncode, complaints) == (0, "")
    return said.splitlines()


def _builds(server: Server) -> int:
    """How many templates were ever begun, by the server's log."""
    return (server.data_dir / "log").read_text().count('create database "ost_building_')


def test_thirty_two_processes_that_ask_at_once_get_one_template_that_is_built_once(
    ost: Project, settings: Settings, own_server: Server
) -> None:
    _clear(own_server, "^ost_")
    before = _builds(own_server)
    said = _ask_at_once(ost, settings, [Database(own_server.target)] * 32)
    assert len(said) == 32
    assert len({line.rpartition(" ")[0] for line in said}) == 1, said
    assert sorted(line.rpartition(" ")[2] for line in said) == ["False"] * 31 + ["True"]
    assert _databases(own_server) == [said[0].split()[0]]
    assert _builds(own_server) == before + 1


def test_who_builds_and_finds_that_another_was_quicker_takes_the_others_template(
    settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    _clear(own_server, "^ost_")
    measured: list[Template] = []

    def measure_late(conn: Any, name: str) -> dict[str, float]:
        monkeypatch.setattr(templates, "measure", measure)
        with own_server.database() as elsewhere:
            measured.append(_ensure(_with(settings, elsewhere)))
        return measure(conn, name)

    monkeypatch.setattr(templates, "measure", measure_late)
    found = _ensure(settings)
    assert measured[0].built
    assert (found.name, found.milliseconds) == (measured[0].name, measured[0].milliseconds)
    assert _databases(own_server) == [found.name]


_STOP_AT = """
import sys, time
from ost_assets.isolation import template
from ost_assets.postgres.connect import connect, find_target
from ost_assets.settings import load_settings

def stop(*_):
    print("reached", flush=True)
    time.sleep(600)

setattr(template, sys.argv[1], stop)
settings = load_settings()
target = find_target(settings)
with connect(settings, target) as conn:
    template.ensure_template(conn, settings, target)
"""


@pytest.mark.parametrize("step", ["restore_verified", "measure", "write_mark"])
def test_a_builder_that_is_killed_leaves_no_template_and_its_remains_are_swept_when_they_are_old(
    step: str, ost: Project, settings: Settings, own_server: Server
) -> None:
    _clear(own_server, "^ost_")
    with _killed_at_the_end(_python(_STOP_AT, ost, settings, step)):
        assert _databases(own_server, "template") == []
        (left,) = _databases(own_server)
    _wait_until(lambda: not _attended(own_server, left))

    found = _ensure(settings)
    assert (found.built, found.swept) == (True, ())
    assert _databases(own_server) == [left, found.name]
    _age(own_server, left, 590)
    assert _sweep(settings) == []
    _age(own_server, left, 20)
    # Who looks for a template that stands sweeps no more often than once in an hour.
    _age(own_server, found.name, 2 * HOUR)
    assert _ensure(settings) == replace(found, built=False, swept=(left,))
    assert _databases(own_server) == [found.name]


def test_what_is_being_built_is_not_swept_by_somebody_who_does_not_see_the_lock(
    settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An advisory lock is of one database; that the builder lives is seen from all of them."""
    _clear(own_server, "^ost_")

    def measure_late(conn: Any, name: str) -> dict[str, float]:
        _age(own_server, name, 1000 * DAY)
        with own_server.database() as elsewhere:
            assert _sweep(_with(settings, elsewhere), crowded=True) == []
        return measure(conn, name)

    monkeypatch.setattr(templates, "measure", measure_late)
    assert _ensure(settings).built


def _attended(server: Server, name: str) -> bool:
    with Database(server.target).connect() as conn:
        return {ours.name: ours for ours in our_databases(conn)}[name].attended


@pytest.mark.parametrize(
    ("step", "error"),
    [("restore_verified", ServerFailed), ("measure", ServerFailed), ("measure", KeyboardInterrupt)],
)
def test_a_build_that_fails_leaves_nothing(
    step: str,
    error: type[BaseException],
    settings: Settings,
    own_server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _clear(own_server, "^ost_")

    def fail(*_: object) -> None:
        raise error("on purpose")

    with monkeypatch.context() as patched:
        patched.setattr(templates, step, fail)
        with pytest.raises(error, match="on purpose"):
            _ensure(settings)
    assert _databases(own_server) == []
    assert _ensure(settings).built


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_without_a_good_bundle_there_is_one_error_and_no_database(
    damage: str, settings: Settings, own_server: Server, tmp_path: Path
) -> None:
    _clear(own_server, "^ost_")
    folder = tmp_path / "bundle"
    if damage == "damaged":
        shutil.copytree(settings.bundle_dir, folder)
        data = next(iter(sorted((folder / "data").rglob("*.copy*"))))
        data.write_bytes(data.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleBroken if damage == "damaged" else BundleMissing):
        _ensure(_with(settings, ost_bundle_dir=folder))
    assert _databases(own_server) == []


def test_another_fingerprint_is_another_template(
    ost: Project, settings: Settings, template: Template, own_server: Server, tmp_path: Path
) -> None:
    with own_server.database() as database:
        other = ost.settings(database, recommendation_top_n=2, ost_bundle_dir=tmp_path / "bundle")
        set_up(other, "sql")
        export(other)
        found = _ensure(other)
        assert found.built
        assert found.fingerprint != template.fingerprint
        assert found.name != template.name
        with _clone_of(other) as clone:
            assert clone.query("select count(*) from test_similarities") == [(6,)]
    with _clone_of(settings) as clone:
        assert clone.query("select count(*) from test_similarities") == [(15,)]
    _clear(own_server, f"^{found.name}$")


def test_another_schema_is_another_template(
    settings: Settings, template: Template, own_server: Server
) -> None:
    elsewhere = _with(settings, ost_target_schema="Our data")
    found = _ensure(elsewhere)
    assert found.built
    assert found.fingerprint == template.fingerprint
    assert found.name != template.name
    with _clone_of(elsewhere) as clone:
        assert digests(clone, "Our data") == _in_bundle(settings.bundle_dir)
        assert digests(clone) == {}
    _clear(own_server, f"^{found.name}$")


# Cloning


def test_a_clone_holds_exactly_what_the_bundle_says_and_is_built_alike(
    ost: Project, settings: Settings, own_server: Server
) -> None:
    with _clone_of(settings) as clone, own_server.database() as database:
        assert digests(clone) == _in_bundle(settings.bundle_dir)
        set_up(ost.settings(database), "sql")
        assert catalog(clone) == catalog(database)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_content_is_the_same_whatever_the_way_of_cloning(
    strategy: str, settings: Settings, template: Template, own_server: Server
) -> None:
    name = fresh_name("clone", "way")
    with connect(settings) as conn:
        mark = Mark("clone", server_time(conn))
        try:
            create_database(conn, name, mark, template.name, strategy)
        except psycopg.Error:
            # Only sharing blocks depends on the file system, and then it must not have been measured.
            assert strategy == SHARED_BLOCKS
            assert SHARED_BLOCKS not in template.milliseconds
            return
    assert digests(_on(own_server, name)) == _in_bundle(settings.bundle_dir)
    assert _mark(own_server, name) == mark


def test_changes_in_a_clone_show_neither_in_another_nor_in_the_next(settings: Settings) -> None:
    expected = _in_bundle(settings.bundle_dir)
    with _clone_of(settings) as one, _clone_of(settings) as other:
        one.execute(
            'drop table "USER_PROJECT_SIMILARITY"; delete from "USER_CATEGORY"; create table mine (id int)'
        )
        assert digests(one) != expected
        assert digests(other) == expected
        with _clone_of(settings) as later:
            assert digests(later) == expected


def test_the_way_of_cloning_is_the_cheapest_that_was_measured(
    template: Template, settings: Settings, own_server: Server
) -> None:
    assert template.milliseconds.keys() <= STRATEGIES.keys()
    assert len(template.milliseconds) >= 1
    assert list(template.milliseconds.values()) == sorted(template.milliseconds.values())
    assert template.strategy == min(template.milliseconds, key=lambda way: template.milliseconds[way])
    for chosen, (way, _) in STRATEGIES.items():
        # Whatever the mark says is what is done.
        with Database(own_server.target).connect() as conn:
            write_mark(conn, template.name, replace(_mark(own_server, template.name), strategy=chosen))
        with _clone_of(settings) as clone:
            log = (own_server.data_dir / "log").read_text()
            assert f'"{clone.target.dbname}" template "{template.name}" strategy {way}' in log


def _timed_by(milliseconds: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a copy take what is told here, by a clock of the test's own. The list fills with what was made."""
    now, made = [0.0], list[str]()

    def create(conn: Any, name: str, mark: Mark, source: str, strategy: str) -> None:
        if strategy not in milliseconds:
            raise errors.FeatureNotSupported("on purpose")
        create_database(conn, name, mark, source)
        now[0] += milliseconds[strategy] / 1000
        made.append(strategy)

    monkeypatch.setattr(creating, "create_database", create)
    monkeypatch.setattr(creating, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    return made


@pytest.mark.parametrize("cheapest", STRATEGIES)
def test_each_way_can_be_the_cheapest(
    cheapest: str, settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = dict.fromkeys(STRATEGIES, 15.0) | {cheapest: 10.0}
    made = _timed_by(taken, monkeypatch)
    with connect(settings) as conn, own_server.database() as source:
        measured = measure(conn, source.target.dbname)
    assert measured == taken
    assert next(iter(measured)) == cheapest
    assert sorted(made) == sorted([*STRATEGIES] * 4)
    assert _databases(own_server, "clone") == []


def test_a_file_system_that_cannot_share_blocks_leaves_the_other_two_ways(
    settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    _timed_by({"WAL_LOG": 10.0, "FILE_COPY": 15.0}, monkeypatch)
    with connect(settings) as conn, own_server.database() as source:
        measured = measure(conn, source.target.dbname)
    assert measured == {"WAL_LOG": 10.0, "FILE_COPY": 15.0}
    assert _databases(own_server, "clone") == []


def test_a_way_that_must_work_and_does_not_is_an_error(
    settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    _timed_by({"WAL_LOG": 10.0, SHARED_BLOCKS: 5.0}, monkeypatch)
    with (
        own_server.database() as source,
        pytest.raises(ServerFailed, match="on purpose"),
        connect(settings) as conn,
    ):
        measure(conn, source.target.dbname)


def test_postgresql_16_has_two_ways_and_everything_else(
    ost_template: Project, ost_bundle_dir: Path, server_16: Server, template: Template
) -> None:
    settings = ost_template.settings(Database(server_16.target), ost_bundle_dir=ost_bundle_dir)
    _clear(server_16, "^ost_")
    found = _ensure(settings)
    assert found.built
    assert found.fingerprint == template.fingerprint
    assert found.name != template.name
    assert found.milliseconds.keys() <= {"WAL_LOG", "FILE_COPY"}
    assert found.strategy == next(iter(found.milliseconds))
    for strategy in ("WAL_LOG", "FILE_COPY"):
        name = fresh_name("clone", "way")
        with connect(settings) as conn:
            create_database(conn, name, Mark("clone", server_time(conn)), found.name, strategy)
        assert digests(_on(server_16, name)) == _in_bundle(ost_bundle_dir)
        assert drop_once(settings, name) == name
    with ClonePool(settings, "sixteen", 2) as pool:
        database = pool.get()
        assert digests(_at(database)) == _in_bundle(ost_bundle_dir)
        rolling = RollbackConnection(pool)
        for _ in range(2):
            with rolling.transaction() as conn:
                assert conn.execute("delete from test_similarities").rowcount == 15
        rolling.close()
        pool.give_back(database)
    assert _databases(server_16) == [found.name]
    _clear(server_16, "^ost_")


def test_a_mark_comes_back_from_the_server_as_it_was_written(settings: Settings, own_server: Server) -> None:
    mark = Mark(
        "clone",
        1_764_086_829.123456,
        "17/1764086829.5",
        "tests/test_ü.py::test_it['a\"\\b' %s {} \x7f\n 漢 🐘]",
        strategy="FILE_COPY, clone",
        milliseconds={"FILE_COPY, clone": 0.1},
    )
    with own_server.database("ost_by_hand") as database, connect(settings) as conn:
        write_mark(conn, database.target.dbname, mark)
        assert mark_of(conn, database.target.dbname) == mark


# Sweeping


_POOL = """
import sys, time
from ost_assets.isolation.pool import ClonePool
from ost_assets.settings import load_settings

with ClonePool(load_settings(), "killed", 1) as pool:
    one, other, kept, asked = (pool.get() for _ in range(4))
    pool.keep(kept, "a test")
    pool.give_back(asked)
    print(one.name, other.name, kept.name, asked.name, flush=True)
    time.sleep(600)
"""


def test_the_clones_of_a_process_that_was_killed_are_swept_and_those_of_one_that_lives_are_not(
    ost: Project, settings: Settings, own_server: Server, template: Template
) -> None:
    with _killed_at_the_end(_python(_POOL, ost, settings)) as (one, other, kept, used):
        # One is ready, whatever was asked for.
        _wait_until(lambda: len(_databases(own_server, "clone")) == 5)
        (ready,) = set(_databases(own_server, "clone")) - {one, other, kept, used}
        _wait_until(lambda: _mark(own_server, kept).kept_for == "a test")
        for name in (one, other, used, ready):
            _age(own_server, name, 30 * DAY)
        assert _sweep(settings) == []
        # Where there are too many, what is kept to be looked at goes first, however young.
        assert _sweep(settings, crowded=True) == [kept]
    _wait_until(lambda: not _attended(own_server, one))
    with _on(own_server, other).connect():
        assert sorted(_sweep(settings)) == sorted([one, used, ready])
        assert _databases(own_server) == [template.name, other]
    _wait_until(lambda: _unused(own_server, other))
    assert _sweep(settings) == [other]
    assert _databases(own_server) == [template.name]


def _unused(server: Server, name: str) -> bool:
    query = "select from pg_stat_activity where datname = %s"
    return Database(server.target).query(query, name) == []


def test_the_clones_of_a_killed_process_wait_for_ten_minutes(
    settings: Settings, own_server: Server, template: Template
) -> None:
    name = fresh_name("clone", "x")
    with connect(settings) as conn:
        create_database(conn, name, Mark("clone", server_time(conn), "1/1.0"), template.name)
    _age(own_server, name, 590)
    assert _sweep(settings) == []
    _age(own_server, name, 20)
    assert _sweep(settings) == [name]


def test_a_kept_clone_and_one_of_the_command_line_stay_for_their_time(
    settings: Settings, own_server: Server, pool: ClonePool
) -> None:
    kept = pool.get()
    pool.keep(kept, "a test")
    names = [kept.name, clone_once(settings).name]
    _wait_until(lambda: _mark(own_server, kept.name).kept_for == "a test")
    assert [_mark(own_server, name).session for name in names] == ["", ""]
    shorter = _with(settings, ost_clone_max_age=HOUR)
    for name in names:
        _age(own_server, name, HOUR - 60)
    assert _sweep(shorter) == []
    for name in names:
        _age(own_server, name, 120)
    assert _sweep(settings) == []
    assert _sweep(shorter) == names


def test_a_clone_with_a_connection_is_not_swept_however_old_it_is(
    settings: Settings, own_server: Server
) -> None:
    clone = clone_once(settings)
    _age(own_server, clone.name, 1000 * DAY)
    with _at(clone).connect() as conn:
        assert _sweep(settings, crowded=True) == []
        assert conn.execute("select count(*) from test_users").fetchone() == (3,)
    _wait_until(lambda: _unused(own_server, clone.name))
    assert _sweep(settings) == [clone.name]


def test_somebody_who_connects_at_the_last_moment_keeps_his_database(
    settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = clone_once(settings), clone_once(settings)
    for clone in (first, second):
        _age(own_server, clone.name, 1000 * DAY)
    came: list[psycopg.Connection[Any]] = []

    def look_and_let_somebody_in(conn: Any) -> Any:
        found = our_databases(conn)
        came.append(_at(first).connect())
        return found

    monkeypatch.setattr("ost_assets.isolation.sweep.our_databases", look_and_let_somebody_in)
    assert _sweep(settings) == [second.name]
    assert came[0].execute("select count(*) from test_users").fetchone() == (3,)
    came[0].close()


def test_an_old_template_is_swept_when_another_is_built_and_one_in_use_is_not(
    settings: Settings, own_server: Server, template: Template
) -> None:
    elsewhere = _with(settings, ost_target_schema="another")
    old = _ensure(elsewhere)
    _age(own_server, old.name, 6 * DAY)
    assert _sweep(settings) == []
    _age(own_server, old.name, 2 * DAY)
    Database(own_server.target).execute(f"alter database {old.name} allow_connections true")
    with _on(own_server, old.name).connect():
        assert _sweep(settings, crowded=True) == []
    _wait_until(lambda: _unused(own_server, old.name))
    _age(own_server, template.name, 2 * HOUR)
    assert _ensure(settings).swept == (old.name,)
    assert _databases(own_server) == [template.name]


def test_a_template_that_is_asked_for_stays_young(
    settings: Settings, own_server: Server, template: Template
) -> None:
    used_at = _mark(own_server, template.name).used_at
    _ensure(settings)
    assert _mark(own_server, template.name).used_at == used_at, "not every process that asks writes"
    _age(own_server, template.name, 100 * DAY)
    found = _ensure(settings)
    assert (found.name, found.built, found.swept) == (template.name, False, ())
    mark = _mark(own_server, template.name)
    assert mark.used_at >= used_at
    assert mark.made_at < used_at - 99 * DAY
    assert _sweep(settings) == []


@contextmanager
def _somebody_elses(server: Server, name: str, comment: str | None = None) -> Iterator[Database]:
    """A database with a table in it, and the proof that nobody touched it."""
    with server.database(name) as database:
        database.execute("create table precious (id integer); insert into precious values (1)")
        if comment is not None:
            statement = sql.SQL("comment on database {} is {}").format(sql.Identifier(name), comment)
            with database.connect() as conn:
                conn.execute(statement)
        yield database
        assert database.query("select id from precious") == [(1,)]
        found = database.query(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = %s", name
        )
        assert found == [(comment,)]


@pytest.mark.parametrize(
    ("name", "comment"),
    [
        (FOREIGN, None),
        (FOREIGN, "made by ost_assets"),
        (FOREIGN, 'made by ost_assets: {"kind": "clone"}'),
        (FOREIGN, "made by me for 'you' ü"),
        ("ost_building__0123456789abcdef", None),
        ("ost_template_0123456789abcdef_01234567", None),
        ("ost_template_0123456789abcdef_01234567", "a template"),
        ("ost_", None),
        ("ost_Clone of somebody's", None),
    ],
)
def test_a_database_of_somebody_elses_is_never_dropped_whatever_its_name(
    name: str, comment: str | None, settings: Settings, own_server: Server, template: Template
) -> None:
    impatient = _with(settings, ost_clone_max_age=1, ost_template_max_age=HOUR, ost_max_databases=1)
    with _somebody_elses(own_server, name, comment):
        assert _sweep(impatient) == []
        assert _sweep(impatient, crowded=True) == []
        with pytest.raises(IsolationError, match="on the server, and there may be 1"):
            clone_once(impatient)
        with pytest.raises(IsolationError, match="is no clone made by ost_assets"):
            drop_once(settings, name)
        assert _ensure(settings).name == template.name


def test_a_database_of_somebody_elses_that_has_the_name_of_the_template_is_an_error(
    settings: Settings, own_server: Server, template: Template
) -> None:
    _clear(own_server, "^ost_")
    with _somebody_elses(own_server, template.name):
        with pytest.raises(OstError, match=template.name):
            _ensure(settings)
        assert _databases(own_server) == [template.name]
    assert _ensure(settings).built


def test_a_clone_that_lost_its_mark_is_known_by_its_content_and_swept_when_it_is_old(
    settings: Settings, own_server: Server
) -> None:
    name = clone_once(settings).name
    Database(own_server.target).execute(f"comment on database {name} is null")
    Database(own_server.target).execute("create database ost_building__0123456789abcdef")
    with _somebody_elses(own_server, FOREIGN):
        assert _sweep(settings) == []
        strays = [name, "ost_building__0123456789abcdef"]
        for stray in strays:
            mark = _mark(own_server, stray)
            assert (mark.kind, mark.session) == ("clone", "")
            _age(own_server, stray, DAY - 60)
        assert _sweep(settings) == []
        for stray in strays:
            _age(own_server, stray, 120)
        assert _sweep(settings) == strays


def test_what_another_role_made_is_not_swept(settings: Settings, own_server: Server) -> None:
    name = clone_once(settings).name
    _age(own_server, name, 1000 * DAY)
    with _role(own_server, "createdb") as role:
        assert _sweep(_as(role, settings)) == []
    assert _sweep(settings) == [name]


def _as(role: str, settings: Settings) -> Settings:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    assert "//postgres@" in url
    return _with(settings, Database.at(url.replace("//postgres@", f"//{role}@")))


# The cap


def test_where_there_are_as_many_databases_as_there_may_be_the_next_is_an_error_that_names_the_setting(
    settings: Settings, own_server: Server, template: Template
) -> None:
    three = _with(settings, ost_max_databases=3)
    clones = [clone_once(three), clone_once(three)]
    with pytest.raises(
        IsolationError, match=r"there are 3 databases of ost_assets .*there may be 3"
    ) as caught:
        clone_once(three)
    assert "OST_MAX_DATABASES" in caught.value.remedy
    with pytest.raises(IsolationError, match="there are 3"):
        _ensure(_with(three, ost_target_schema="another"))
    with pytest.raises(IsolationError, match="there are 3"), ClonePool(three, "x", 1):
        pass
    assert _databases(own_server) == [template.name, *(clone.name for clone in clones)]
    drop_once(three, clones[0].url)
    clone_once(three)


def test_at_the_cap_what_is_older_than_two_hours_makes_room(
    settings: Settings, own_server: Server, template: Template
) -> None:
    three = _with(settings, ost_max_databases=3)
    first, second = clone_once(three).name, clone_once(three).name
    _age(own_server, first, 2 * HOUR - 60)
    with pytest.raises(IsolationError):
        clone_once(three)
    _age(own_server, first, 120)
    third = clone_once(three).name
    assert _databases(own_server) == [template.name, second, third]


def test_at_the_cap_a_template_that_nobody_used_for_two_hours_makes_room_for_the_next(
    settings: Settings, own_server: Server, template: Template
) -> None:
    one = _with(settings, ost_max_databases=1, ost_target_schema="another")
    with pytest.raises(IsolationError, match="there are 1"):
        _ensure(one)
    _age(own_server, template.name, 2 * HOUR + 60)
    found = _ensure(one)
    assert _databases(own_server) == [found.name]
    _clear(own_server, "^ost_")


def test_the_databases_of_other_roles_count(settings: Settings, own_server: Server) -> None:
    clone_once(settings)
    with _role(own_server, "createdb") as role, connect(_as(role, settings)) as theirs:
        assert count_databases(theirs) == 2
        assert our_databases(theirs) == []


def test_a_pool_at_the_cap_hands_out_what_there_is_and_goes_on_when_there_is_room(
    settings: Settings, own_server: Server, template: Template
) -> None:
    three = _with(settings, ost_max_databases=3)
    with ClonePool(three, "x", 5) as pool:
        first, second = pool.get(), pool.get()
        with pytest.raises(IsolationError, match="there are 3"):
            pool.get()
        pool.give_back(first)
        Database(own_server.target).execute(f"drop database {second.name}")
        third = pool.get()
        assert third.name not in (first.name, second.name)
        pool.give_back(third)


# Privileges


def test_a_role_that_may_not_create_databases_is_told_who_can_help(
    settings: Settings, own_server: Server
) -> None:
    _clear(own_server, "^ost_")
    with _role(own_server) as role:
        theirs = _as(role, settings)
        for attempt in (_ensure, clone_once, lambda s: ClonePool(s, "x", 1).__enter__()):
            with pytest.raises(AccessDenied, match="may not create databases") as caught:
                attempt(theirs)
            assert f'alter role "{role}" createdb;' in caught.value.remedy
    assert _databases(own_server) == []


def test_the_main_job_of_a_role_that_may_not_create_databases_succeeds_without_a_template(
    ost: Project, own_server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    _clear(own_server, "^ost_")
    with own_server.database() as database, _role(own_server) as role:
        database.execute(
            f"create extension vector; grant create on database {database.target.dbname} to {role};"
            f"grant create on schema public to {role}"
        )
        url = database.url.replace("//postgres@", f"//{role}@")
        result = run_job(ost.settings(database_url=url, ost_seed_strategy="sql"))
        assert result.success
        made = {
            event.asset_key.to_user_string()
            for event in result.get_asset_materialization_events()
            if event.asset_key
        }
        assert "fixture_bundle" in made
        assert "template_database" not in made
        assert "No template database: the role" in capfd.readouterr().err
        assert database.query("select count(*) from test_users") == [(3,)]
        assert _databases(own_server) == []
        database.execute(f"drop owned by {role} cascade")


def test_a_role_that_may_create_databases_can_do_everything_where_vector_is_in_new_ones(
    settings: Settings, own_server: Server
) -> None:
    with _role(own_server, "createdb") as role, _with_vector_in_new_databases(own_server):
        theirs = _as(role, settings)
        found = _ensure(theirs)
        assert found.built
        assert found.name != _ensure(settings).name, "roles do not share a template"
        with _clone_of(theirs) as clone:
            assert digests(clone) == _in_bundle(settings.bundle_dir)
        with ClonePool(theirs, "x", 2) as pool:
            database = pool.get()
            assert digests(_at(database)) == _in_bundle(settings.bundle_dir)
            rolling = RollbackConnection(pool)
            with rolling.transaction() as conn:
                assert conn.execute("delete from test_similarities").rowcount == 15
            rolling.close()
            left_open = _at(database).connect()
            pool.give_back(database)
        left_open.close()
        old = clone_once(theirs).name
        _age(own_server, old, 2 * DAY)
        _age(own_server, found.name, 8 * DAY)
        assert _sweep(theirs) == [found.name, old]


def test_a_role_that_may_not_create_the_extension_is_told_so_and_leaves_nothing(
    settings: Settings, own_server: Server
) -> None:
    _clear(own_server, "^ost_")
    with _role(own_server, "createdb") as role:
        with pytest.raises(AccessDenied, match="may not create the extension 'vector'"):
            _ensure(_as(role, settings))
        assert _databases(own_server) == []


# The pool


def test_a_clone_that_is_ready_is_handed_out_without_asking_the_server(
    settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = threading.Event()
    go_on = threading.Event()

    def create_when_told(*arguments: Any) -> None:
        busy.set()
        assert go_on.wait(30)
        create_database(*arguments)

    with ClonePool(settings, "test", 2) as pool:
        _wait_until(lambda: len(_databases(own_server, "clone")) == 2)
        monkeypatch.setattr("ost_assets.isolation.clone.create_database", create_when_told)
        first, second = pool.get(), pool.get()
        assert busy.wait(30), "the next one is not in the making"
        assert len(_databases(own_server, "clone")) == 2
        go_on.set()
        third = pool.get()
        assert len({first.name, second.name, third.name}) == 3


def test_the_clones_of_a_pool_say_who_asked(settings: Settings, own_server: Server) -> None:
    with ClonePool(settings, "GW-0 ü", 1) as pool:
        assert re.fullmatch(r"ost_clone_gw0_[0-9a-f]{16}", pool.get().name)


def test_everything_that_a_pool_made_and_got_back_is_dropped_at_its_end_whoever_is_connected(
    settings: Settings, own_server: Server, template: Template
) -> None:
    with ClonePool(settings, "test", 3) as pool:
        given = [pool.get() for _ in range(4)]
        theirs = [clone.connect() for clone in given]
        engine = given[0].engine()
        engine.connect().close()
        outside = [psycopg.connect(clone.url) for clone in given]
        for clone in given:
            pool.give_back(clone)
        assert all(conn.closed for conn in theirs)
        assert engine.pool.checkedin() == 0
        assert not any(conn.closed for conn in outside)
    assert _databases(own_server) == [template.name]
    for conn in outside:
        with pytest.raises(psycopg.OperationalError):
            conn.execute("select 1")
        conn.close()
    assert [thread for thread in threading.enumerate() if thread.name == "ost-clones"] == []


def test_used_clones_are_dropped_in_pauses_and_not_only_at_the_end(
    settings: Settings, own_server: Server
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        used = [pool.get() for _ in range(10)]
        for clone in used:
            pool.give_back(clone)
        _wait_until(lambda: len({clone.name for clone in used} & {*_databases(own_server, "clone")}) == 5)
        assert pool.get().name not in {clone.name for clone in used}


def test_a_clone_that_is_kept_outlives_the_pool_and_says_for_whom(
    settings: Settings, own_server: Server, template: Template
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        kept = pool.get()
        conn = kept.connect(autocommit=True)
        conn.execute("create table evidence as select 1 as id")
        pool.keep(kept, "tests/test_x.py::test_it['ü']")
        assert conn.closed
    assert _databases(own_server) == [template.name, kept.name]
    mark = _mark(own_server, kept.name)
    assert (mark.kind, mark.session, mark.kept_for) == ("clone", "", "tests/test_x.py::test_it['ü']")
    assert Database.at(kept.url).query("select id from evidence") == [(1,)]


def test_what_a_test_did_to_its_own_database_is_no_trouble_for_the_others(
    settings: Settings, own_server: Server, template: Template
) -> None:
    admin = Database(own_server.target)
    with ClonePool(settings, "test", 1) as pool:
        dropped, renamed, dropped_and_kept, plain = (pool.get() for _ in range(4))
        admin.execute(f"drop database {dropped.name}")
        admin.execute(f"drop database {dropped_and_kept.name}")
        admin.execute(f"alter database {renamed.name} rename to taken_elsewhere")
        pool.keep(dropped_and_kept, "a test")
        for clone in (dropped, renamed, plain):
            pool.give_back(clone)
        # The tenth that comes back has them dropped while the pool is at work.
        for _ in range(8):
            later = pool.get()
            assert digests(_at(later)) == _in_bundle(settings.bundle_dir)
            pool.give_back(later)
    assert _databases(own_server) == [template.name]
    assert digests(_on(own_server, "taken_elsewhere")) == _in_bundle(settings.bundle_dir)


def test_two_pools_at_once_and_many_threads_never_share_a_clone(
    settings: Settings, own_server: Server, template: Template
) -> None:
    got: list[str] = []
    with ClonePool(settings, "one", 2) as one, ClonePool(settings, "two", 2) as two:

        def take(pool: ClonePool) -> None:
            for _ in range(3):
                database = pool.get()
                got.append(database.name)
                pool.give_back(database)

        threads = [threading.Thread(target=take, args=(pool,)) for pool in (one, two) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(got) == len(set(got)) == 24
    assert {name.split("_")[2] for name in got} == {"one", "two"}
    assert _databases(own_server) == [template.name]


def test_a_pool_whose_connection_broke_takes_another_and_nobody_hears_of_it(
    settings: Settings, own_server: Server
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        (ready,) = _databases(own_server, "clone")
        _end_session(own_server, _mark(own_server, ready).session)
        given = [pool.get() for _ in range(3)]
        assert given[0].name == ready
        for clone in given:
            assert digests(_at(clone)) == _in_bundle(settings.bundle_dir)
            pool.give_back(clone)
    assert _databases(own_server, "clone") == []


def test_an_error_that_stays_reaches_who_asks_and_is_over_when_its_cause_is(
    settings: Settings, own_server: Server
) -> None:
    admin = Database(own_server.target)
    with own_server.database() as gate, ClonePool(_with(settings, gate), "test", 1) as pool:
        name = gate.target.dbname
        (ready,) = _databases(own_server, "clone")
        admin.execute(f"alter database {name} allow_connections false")
        _end_session(own_server, _mark(own_server, ready).session)
        given = [pool.get()]
        for _ in range(2):
            with pytest.raises(ServerUnreachable, match="not currently accepting connections"):
                pool.get()
        admin.execute(f"alter database {name} allow_connections true")
        given.append(_next_good(pool))
        for clone in given:
            assert digests(_at(clone)) == _in_bundle(settings.bundle_dir)
            pool.give_back(clone)
    assert _databases(own_server, "clone") == []


def _next_good(pool: ClonePool) -> OstDatabase:
    """The error of an attempt before the cause was gone may still be waiting for somebody to hear of it."""
    try:
        return pool.get()
    except ServerUnreachable:
        return pool.get()


def _end_session(server: Server, session: str) -> None:
    pid = int(session.partition("/")[0])
    assert Database(server.target).query("select pg_terminate_backend(%s, 10000)", pid) == [(True,)]


def test_a_pool_that_cannot_begin_says_why_and_leaves_no_thread(settings: Settings) -> None:
    nowhere = _with(settings, Database.at("postgresql://u:geheim@127.0.0.1:1/d"))
    with pytest.raises(ServerUnreachable) as caught, ClonePool(nowhere, "x", 1):
        pass
    assert "geheim" not in str(caught.value)
    assert [thread for thread in threading.enumerate() if thread.name == "ost-clones"] == []


def test_a_pool_whose_template_was_dropped_has_another_one_built(
    settings: Settings, own_server: Server
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        _clear(own_server, "^ost_template_")
        made_before, made_after = pool.get(), pool.get()
        assert len(_databases(own_server, "template")) == 1
        assert digests(_at(made_after)) == digests(_at(made_before)) == _in_bundle(settings.bundle_dir)
        pool.give_back(made_before)
        pool.give_back(made_after)


# The connection that is rolled back


def test_what_a_transaction_did_is_gone_in_the_next_and_it_is_one_connection(
    rollback: RollbackConnection,
) -> None:
    backends = set()
    for _ in range(3):
        with rollback.transaction() as conn:
            backends.add(conn.info.backend_pid)
            assert conn.execute("delete from test_similarities").rowcount == 15
            conn.execute("create table mine (id integer)")
            with pytest.raises(errors.UniqueViolation), conn.transaction():
                conn.execute("insert into test_users select * from test_users")
            assert conn.execute("select count(*) from test_users").fetchone() == (3,)
    assert len(backends) == 1


def test_an_error_that_was_not_caught_is_the_tests_own_and_the_next_transaction_works(
    rollback: RollbackConnection,
) -> None:
    with pytest.raises(errors.DivisionByZero), rollback.transaction() as conn:
        conn.execute("delete from test_similarities; select 1 / 0")
    with rollback.transaction() as conn:
        assert conn.execute("select count(*) from test_similarities").fetchone() == (15,)
    # One that the test swallowed leaves the transaction aborted.
    with rollback.transaction() as conn, pytest.raises(errors.DivisionByZero):
        conn.execute("select 1 / 0")
    with rollback.transaction() as conn:
        assert conn.info.transaction_status == TransactionStatus.INTRANS


@pytest.mark.parametrize("ending", ["commit", "rollback", "end", "abort"])
def test_a_transaction_that_was_ended_in_sql_is_noticed_and_the_next_one_is_clean(
    ending: str, rollback: RollbackConnection
) -> None:
    with rollback.transaction() as conn:
        before = conn.info.dbname
    with pytest.raises(IsolationError, match="ended the transaction"), rollback.transaction() as conn:
        conn.execute(f"delete from test_similarities; {ending}")
    with rollback.transaction() as conn:
        assert conn.info.dbname != before
        assert conn.execute("select count(*) from test_similarities").fetchone() == (15,)


def test_commit_and_rollback_of_psycopg_are_refused(rollback: RollbackConnection) -> None:
    with rollback.transaction() as conn:
        conn.execute("delete from test_similarities")
        with pytest.raises(psycopg.ProgrammingError, match="commit"):
            conn.commit()
        with pytest.raises(psycopg.ProgrammingError, match="rollback"):
            conn.rollback()
    with rollback.transaction() as conn:
        assert conn.execute("select count(*) from test_similarities").fetchone() == (15,)


def test_no_state_of_the_session_reaches_the_next_transaction(rollback: RollbackConnection) -> None:
    asked = "select count(*) from test_users where id is distinct from %s"
    with rollback.transaction() as conn:
        backend = conn.info.backend_pid
        timeout = conn.execute("show statement_timeout").fetchone()
        conn.execute("set statement_timeout = '7s'")
        conn.execute("select set_config('ost.mine', 'here', false)")
        conn.execute("set role pg_monitor; reset role; set session authorization default")
        conn.execute("create temp table scratch (id integer)")
        conn.execute("select pg_advisory_lock(4711)")
        conn.execute("prepare mine as select 1")
        conn.execute("declare held cursor with hold for select 1")
        conn.execute("listen news")
        conn.execute(asked, [None], prepare=True)
        conn.row_factory = dict_row  # type: ignore[assignment]
        assert conn.execute("select 1 as one").fetchone() == {"one": 1}
    with rollback.transaction() as conn:
        assert conn.info.backend_pid == backend
        assert conn.execute("show statement_timeout").fetchone() == timeout
        assert conn.execute("select nullif(current_setting('ost.mine', true), '')").fetchone() == (None,)
        assert conn.execute("select current_user = session_user").fetchone() == (True,)
        assert conn.execute("select to_regclass('pg_temp.scratch')").fetchone() == (None,)
        ours = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
        assert conn.execute(ours).fetchone() == (0,)
        assert conn.execute("select name from pg_prepared_statements").fetchall() == []
        assert conn.execute("select name from pg_cursors where is_holdable").fetchall() == []
        assert conn.execute("select * from pg_listening_channels()").fetchall() == []
        # psycopg's own prepared statements went with the others, and it knows that.
        for _ in range(2):
            assert conn.execute(asked, [None], prepare=True).fetchone() == (3,)


@pytest.mark.parametrize("moment", ["closed", "ended while asked", "ended unnoticed"])
def test_a_connection_that_was_closed_or_killed_is_replaced(
    moment: str, rollback: RollbackConnection, own_server: Server
) -> None:
    with rollback.transaction() as conn:
        backend = conn.info.backend_pid
    if moment == "closed":
        with rollback.transaction() as conn:
            conn.close()
    elif moment == "ended while asked":
        with pytest.raises(errors.AdminShutdown), rollback.transaction() as conn:
            conn.execute("select pg_terminate_backend(pg_backend_pid())")
    else:
        with rollback.transaction() as conn:
            conn.execute("delete from test_similarities")
            _end_session(own_server, str(backend))
    with rollback.transaction() as conn:
        assert conn.info.backend_pid != backend
        assert conn.execute("select count(*) from test_similarities").fetchone() == (15,)


def test_the_clone_of_a_connection_goes_back_to_the_pool(
    settings: Settings, own_server: Server, template: Template
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        rolling = RollbackConnection(pool)
        with rolling.transaction() as conn:
            name = conn.info.dbname
        rolling.close()
        assert conn.closed
        with rolling.transaction() as conn:
            assert conn.info.dbname != name
        rolling.close()
        rolling.close()
    assert _databases(own_server) == [template.name]


# The command line


def test_the_command_line_gives_a_clone_and_ends_it(
    ost: Project, settings: Settings, own_server: Server, template: Template
) -> None:
    database, bundle = Database(own_server.target), {"OST_BUNDLE_DIR": str(settings.bundle_dir)}
    made = ost_assets(ost, "clone", database=database, **bundle)
    assert (made.returncode, made.stderr) == (0, "")
    (url,) = made.stdout.splitlines()
    clone = Database.at(url)
    assert clone.target.dbname.startswith("ost_clone_cli_")
    assert digests(clone) == _in_bundle(settings.bundle_dir)

    with clone.connect():
        dropped = ost_assets(ost, "drop", url, database=database)
    assert (dropped.returncode, dropped.stderr) == (0, "")
    assert dropped.stdout == f"Dropped {clone.target.dbname}.\n"
    assert _databases(own_server) == [template.name]

    again = ost_assets(ost, "drop", url, database=database)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.startswith(
        f"Error: the database '{clone.target.dbname}' is no clone made by ost_assets, or is gone"
    )
    assert "Traceback" not in again.stderr


def test_the_command_line_drops_nothing_but_clones(settings: Settings, own_server: Server) -> None:
    template = _ensure(settings)
    published = Database(own_server.target)
    for name in (published.target.dbname, template.name, "template1", "", "no_such_database"):
        for spelled in (name, published.url.replace("/postgres?", f"/{quote(name)}?")):
            with pytest.raises(IsolationError, match="is no clone made by ost_assets"):
                drop_once(settings, spelled)
    assert _databases(own_server) == [template.name]


def test_a_clone_is_dropped_by_its_bare_name_and_by_a_url_with_less_in_it(
    settings: Settings, own_server: Server
) -> None:
    one, other = clone_once(settings), clone_once(settings)
    assert drop_once(settings, one.name) == one.name
    assert drop_once(settings, f"postgresql:///{other.name}") == other.name
    assert _databases(own_server, "clone") == []


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["clone"], {"OST_BUNDLE_DIR": "/nowhere/at/all"}, "there is no bundle"),
        (["clone"], {"OST_MAX_DATABASES": "0"}, "OST_MAX_DATABASES is '0'"),
        (["drop", "postgres"], {}, "that is no clone made by ost_assets"),
        (["drop", "postgresql://u:geheim@h:1/d"], {}, "that is no clone made by ost_assets"),
        (["drop", "host=h password=geheim dbname=d"], {}, "that is no clone made by ost_assets"),
        (["drop", "postgresql://u:geheim@h/d?nonsense=1"], {}, "that URL cannot be parsed by libpq"),
    ],
    ids=["no bundle", "malformed", "the target itself", "another URL", "no URL", "no URL either"],
)
def test_a_command_that_cannot_is_one_error_with_exit_code_1(
    arguments: list[str], variables: dict[str, str], message: str, ost: Project, own_server: Server
) -> None:
    result = ost_assets(ost, *arguments, database=Database(own_server.target), **variables)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {message}")
    assert "what to do:" in result.stderr
    assert "Traceback" not in result.stderr
    assert "geheim" not in result.stderr


# With what has to be encoded in a URL and quoted elsewhere.
PASSWORD = 'S3ntinel@/%:#?& \\"$x'


@pytest.fixture
def locked(own_server: Server) -> Iterator[Database]:
    """The same server, which asks the role `locked` for its password."""
    admin = Database(own_server.target)
    admin.execute(f"create role locked superuser login password '{PASSWORD}'")
    rules = own_server.data_dir / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all locked scram-sha-256\n" + before)
    admin.execute("select pg_reload_conf()")
    yield Database(replace(own_server.target, user="locked", password=PASSWORD))
    rules.write_text(before)
    admin.execute("select pg_reload_conf()")
    _clear(own_server, "^ost_")
    admin.execute("drop role locked")


def test_the_url_of_a_clone_holds_the_password_and_nothing_else_shows_it(
    ost: Project, settings: Settings, own_server: Server, locked: Database
) -> None:
    bundle = {"OST_BUNDLE_DIR": str(settings.bundle_dir)}
    made = ost_assets(ost, "clone", database=locked, **bundle)
    assert (made.returncode, made.stderr) == (0, "")
    url = made.stdout.strip()
    clone = Database.at(url)
    assert clone.target.password == PASSWORD
    assert clone.query("select current_user::text, count(*) from test_users") == [("locked", 3)]
    assert [_mark(own_server, name).kind for name in _databases(own_server, "clone")] == ["clone"]

    dropped = ost_assets(ost, "drop", url, database=locked)
    assert (dropped.returncode, dropped.stdout) == (0, f"Dropped {clone.target.dbname}.\n")
    again = ost_assets(ost, "drop", url, database=locked)
    assert again.returncode == 1
    wrong = locked.url.replace(quote(PASSWORD, safe=""), "S3ntinel-wrong")
    assert wrong != locked.url
    refused = ost_assets(ost, "clone", DATABASE_URL=wrong, **bundle)
    assert refused.returncode == 1
    assert "the server refuses the role 'locked' or its password" in refused.stderr
    for result in (dropped, again, refused):
        assert "S3ntinel" not in result.stdout + result.stderr
    comments = Database(own_server.target).query("select description from pg_shdescription")
    assert "S3ntinel" not in str(comments)


def test_a_database_of_a_role_with_a_password_can_be_used_by_every_client(
    settings: Settings, locked: Database
) -> None:
    clone = clone_once(_with(settings, locked))
    try:
        assert "S3ntinel" not in repr(clone)
        with psycopg.connect(clone.url) as conn:
            assert conn.execute("select count(*) from test_users").fetchone() == (3,)
        with clone.connect(row_factory=dict_row) as conn:
            assert conn.execute("select count(*) as n from test_users").fetchone() == {"n": 3}
        with clone.engine().connect() as engine_conn:
            assert engine_conn.execute(text("select count(*) from test_users")).scalar_one() == 3
    finally:
        clone.close()
