"""Templates on real servers: built once whoever asks, one per content, cloned in the cheapest way."""

from __future__ import annotations

import re
import shutil
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg import errors

from ost_assets.bundle.read import open_bundle
from ost_assets.errors import BundleBroken, BundleMissing, OstError, ServerFailed
from ost_assets.isolation import create as creating
from ost_assets.isolation import template as templates
from ost_assets.isolation.clone import drop_once
from ost_assets.isolation.create import SHARED_BLOCKS, STRATEGIES, create_database, fresh_name, measure
from ost_assets.isolation.marks import Mark, server_time, write_mark
from ost_assets.isolation.pool import ClonePool
from ost_assets.isolation.rollback import RollbackConnection
from ost_assets.isolation.template import Template
from ost_assets.postgres.connect import TEMPLATES_KEY, connect
from ost_assets.settings import Settings
from tests.engine import digests, export, set_up
from tests.isolation import (
    ASK_AT_ONCE,
    DAY,
    HOUR,
    STOP_AT,
    age,
    altered,
    at,
    attended,
    clear,
    clone_of,
    databases,
    ensure,
    in_bundle,
    killed_at_the_end,
    mark_on,
    on,
    python_process,
    sweep_now,
    wait_until,
)
from tests.projects import Project
from tests.servers import Database, Server


def test_the_template_holds_what_the_bundle_says_and_says_so_itself(
    settings: Settings, own_server: Server
) -> None:
    clear(own_server, "^ost_")
    found = ensure(settings)
    assert found.built
    assert found.swept == ()
    fingerprint = open_bundle(settings.bundle_dir).manifest.fingerprint
    assert found.fingerprint == fingerprint
    assert re.fullmatch(f"ost_template_{fingerprint[:16]}_[0-9a-f]{{8}}", found.name)
    assert databases(own_server) == [found.name]
    mark = mark_on(own_server, found.name)
    assert (mark.kind, mark.session) == ("template", "")
    assert mark.made_at == mark.used_at > 0
    assert (mark.strategy, mark.milliseconds) == (found.strategy, found.milliseconds)

    again = ensure(settings)
    assert again == replace(found, built=False)


def test_nobody_can_connect_to_the_template_and_so_nobody_can_change_it(
    template: Template, own_server: Server
) -> None:
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        on(own_server, template.name).connect()
    query = "select datistemplate, datallowconn from pg_database where datname = %s"
    assert Database(own_server.target).query(query, template.name) == [(True, False)]


def _ask_at_once(project: Project, settings: Settings, targets: list[Database]) -> list[str]:
    """One process per database asks for the template; they all wait at the lock before one gets it."""
    with ExitStack() as held:
        watcher = held.enter_context(targets[0].connect())
        for database in set(targets):
            keeper = held.enter_context(database.connect())
            keeper.execute("select pg_advisory_lock(%s)", [TEMPLATES_KEY])
        asking = python_process(ASK_AT_ONCE, project, settings, *(database.url for database in targets))
        waiting = (
            "select count(*) from pg_stat_activity where application_name = 'ost_assets'"
            " and query ~ 'pg_try_advisory_lock'"
        )
        try:
            wait_until(lambda: watcher.execute(waiting).fetchone() == (len(targets),))
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
    clear(own_server, "^ost_")
    before = _builds(own_server)
    said = _ask_at_once(ost, settings, [Database(own_server.target)] * 32)
    assert len(said) == 32
    assert len({line.rpartition(" ")[0] for line in said}) == 1, said
    assert sorted(line.rpartition(" ")[2] for line in said) == ["False"] * 31 + ["True"]
    assert databases(own_server) == [said[0].split()[0]]
    assert _builds(own_server) == before + 1


def test_those_who_ask_from_two_databases_of_one_server_get_one_template(
    ost: Project, settings: Settings, own_server: Server
) -> None:
    """An advisory lock is of one database, so that here two may build; one of them wins."""
    clear(own_server, "^ost_")
    with own_server.database() as one, own_server.database() as other:
        said = _ask_at_once(ost, settings, [one, other] * 4)
    assert len(said) == 8
    (name,) = {line.split()[0] for line in said}
    assert databases(own_server) == [name]
    with clone_of(settings) as clone:
        assert digests(clone) == in_bundle(settings.bundle_dir)


def test_who_builds_and_finds_that_another_was_quicker_takes_the_others_template(
    settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear(own_server, "^ost_")
    measured: list[Template] = []

    def measure_late(conn: Any, name: str) -> dict[str, float]:
        monkeypatch.setattr(templates, "measure", measure)
        with own_server.database() as elsewhere:
            measured.append(ensure(altered(settings, elsewhere)))
        return measure(conn, name)

    monkeypatch.setattr(templates, "measure", measure_late)
    found = ensure(settings)
    assert measured[0].built
    assert not found.built
    assert (found.name, found.milliseconds) == (measured[0].name, measured[0].milliseconds)
    assert databases(own_server) == [found.name]


def test_a_template_that_another_is_just_renaming_is_waited_for_and_taken(
    settings: Settings, own_server: Server, template: Template
) -> None:
    admin = Database(own_server.target)
    mark = mark_on(own_server, template.name)
    admin.execute(f"alter database {template.name} is_template false")
    admin.execute(f"alter database {template.name} rename to taken_away")
    found: list[Template | OstError] = []

    def ask() -> None:
        try:
            found.append(ensure(settings))
        except OstError as error:
            found.append(error)

    blocked = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    asking = threading.Thread(target=ask)
    with admin.connect() as conn:
        with conn.transaction():
            conn.execute(f"alter database taken_away rename to {template.name}")
            write_mark(conn, template.name, mark)
            asking.start()
            wait_until(lambda: admin.query(blocked) == [(1,)])
        asking.join()
    assert found == [replace(template, built=False)]


@pytest.mark.parametrize("step", ["restore_verified", "measure", "write_mark"])
def test_a_builder_that_is_killed_leaves_no_template_and_its_remains_are_swept_when_they_are_old(
    step: str, ost: Project, settings: Settings, own_server: Server
) -> None:
    clear(own_server, "^ost_")
    with killed_at_the_end(python_process(STOP_AT, ost, settings, step)):
        assert databases(own_server, "template") == []
        (left,) = databases(own_server)
    wait_until(lambda: not attended(own_server, left))

    found = ensure(settings)
    assert (found.built, found.swept) == (True, ())
    assert databases(own_server) == [left, found.name]
    age(own_server, left, 590)
    assert sweep_now(settings) == []
    age(own_server, left, 20)
    # Who looks for a template that stands sweeps no more often than once in an hour.
    age(own_server, found.name, 2 * HOUR)
    assert ensure(settings) == replace(found, built=False, swept=(left,))
    assert databases(own_server) == [found.name]


def test_what_is_being_built_is_not_swept_by_somebody_who_does_not_see_the_lock(
    settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An advisory lock is of one database; that the builder lives is seen from all of them."""
    clear(own_server, "^ost_")

    def measure_late(conn: Any, name: str) -> dict[str, float]:
        age(own_server, name, 1000 * DAY)
        with own_server.database() as elsewhere:
            assert sweep_now(altered(settings, elsewhere), crowded=True) == []
        return measure(conn, name)

    monkeypatch.setattr(templates, "measure", measure_late)
    assert ensure(settings).built


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
    clear(own_server, "^ost_")

    def fail(*_: object) -> None:
        raise error("on purpose")

    with monkeypatch.context() as patched:
        patched.setattr(templates, step, fail)
        with pytest.raises(error, match="on purpose"):
            ensure(settings)
    assert databases(own_server) == []
    assert ensure(settings).built


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_without_a_good_bundle_there_is_one_error_and_no_database(
    damage: str, settings: Settings, own_server: Server, tmp_path: Path
) -> None:
    clear(own_server, "^ost_")
    folder = tmp_path / "bundle"
    if damage == "damaged":
        shutil.copytree(settings.bundle_dir, folder)
        data = next(iter(sorted((folder / "data").rglob("*.copy*"))))
        data.write_bytes(data.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleBroken if damage == "damaged" else BundleMissing):
        ensure(altered(settings, ost_bundle_dir=folder))
    assert databases(own_server) == []


def test_another_fingerprint_is_another_template(
    ost: Project, settings: Settings, template: Template, own_server: Server, tmp_path: Path
) -> None:
    with own_server.database() as database:
        other = ost.settings(database, recommendation_top_n=2, ost_bundle_dir=tmp_path / "bundle")
        set_up(other, "sql")
        export(other)
        found = ensure(other)
        assert found.built
        assert found.fingerprint != template.fingerprint
        assert found.name != template.name
        with clone_of(other) as clone:
            assert clone.query("select count(*) from test_similarities") == [(6,)]
    with clone_of(settings) as clone:
        assert clone.query("select count(*) from test_similarities") == [(15,)]
    clear(own_server, f"^{found.name}$")


def test_another_schema_is_another_template(
    settings: Settings, template: Template, own_server: Server
) -> None:
    elsewhere = altered(settings, ost_target_schema="Our data")
    found = ensure(elsewhere)
    assert found.built
    assert found.fingerprint == template.fingerprint
    assert found.name != template.name
    with clone_of(elsewhere) as clone:
        assert digests(clone, "Our data") == in_bundle(settings.bundle_dir)
        assert digests(clone) == {}
    clear(own_server, f"^{found.name}$")


# Measuring


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
            write_mark(conn, template.name, replace(mark_on(own_server, template.name), strategy=chosen))
        with clone_of(settings) as clone:
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
    assert databases(own_server, "clone") == []


def test_one_cold_copy_does_not_decide_about_a_way(
    settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [True]
    now = [0.0]

    def create(conn: Any, name: str, mark: Mark, source: str, strategy: str) -> None:
        create_database(conn, name, mark, source)
        now[0] += (0.020 if first[0] else 0.008) if strategy == "WAL_LOG" else 0.009
        first[0] = False

    monkeypatch.setattr(creating, "create_database", create)
    monkeypatch.setattr(creating, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    with connect(settings) as conn, own_server.database() as source:
        assert next(iter(measure(conn, source.target.dbname))) == "WAL_LOG"


def test_a_file_system_that_cannot_share_blocks_leaves_the_other_two_ways(
    settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    _timed_by({"WAL_LOG": 10.0, "FILE_COPY": 15.0}, monkeypatch)
    with connect(settings) as conn, own_server.database() as source:
        measured = measure(conn, source.target.dbname)
    assert measured == {"WAL_LOG": 10.0, "FILE_COPY": 15.0}
    assert databases(own_server, "clone") == []


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
    clear(server_16, "^ost_")
    found = ensure(settings)
    assert found.built
    assert found.fingerprint == template.fingerprint
    assert found.name != template.name
    assert found.milliseconds.keys() <= {"WAL_LOG", "FILE_COPY"}
    assert found.strategy == next(iter(found.milliseconds))
    for strategy in ("WAL_LOG", "FILE_COPY"):
        name = fresh_name("clone", "way")
        with connect(settings) as conn:
            create_database(conn, name, Mark("clone", server_time(conn)), found.name, strategy)
        assert digests(on(server_16, name)) == in_bundle(ost_bundle_dir)
        assert drop_once(settings, name) == name
    with ClonePool(settings, "sixteen", 2) as pool:
        database = pool.get()
        assert digests(at(database)) == in_bundle(ost_bundle_dir)
        rolling = RollbackConnection(pool)
        for _ in range(2):
            with rolling.transaction() as conn:
                assert conn.execute("delete from test_similarities").rowcount == 15
        rolling.close()
        pool.give_back(database)
    assert databases(server_16) == [found.name]
    clear(server_16, "^ost_")
