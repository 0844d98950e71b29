"""The pool: clones that are ready before they are asked for, and gone once they are used."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import psycopg
import pytest

from ost_assets.errors import IsolationError, OstError, ServerUnreachable
from ost_assets.isolation.create import create_database
from ost_assets.isolation.database import OstDatabase
from ost_assets.isolation.pool import ClonePool
from ost_assets.isolation.template import Template
from ost_assets.settings import Settings
from tests.engine import digests
from tests.isolation import altered, at, clear, databases, end_session, in_bundle, mark_on, on, wait_until
from tests.servers import Database, Server


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
        wait_until(lambda: len(databases(own_server, "clone")) == 2)
        monkeypatch.setattr("ost_assets.isolation.clone.create_database", create_when_told)
        first, second = pool.get(), pool.get()
        assert busy.wait(30), "the next one is not in the making"
        assert len(databases(own_server, "clone")) == 2
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
    assert databases(own_server) == [template.name]
    for conn in outside:
        with pytest.raises(psycopg.OperationalError):
            conn.execute("select 1")
        conn.close()
    assert [thread for thread in threading.enumerate() if thread.name == "ost-clones"] == []


def test_a_clone_that_was_never_given_back_is_dropped_with_its_pool(
    settings: Settings, own_server: Server
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        pool.get()
    assert databases(own_server, "clone") == []


def test_used_clones_are_dropped_in_pauses_and_not_only_at_the_end(
    settings: Settings, own_server: Server
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        used = [pool.get() for _ in range(10)]
        for clone in used:
            pool.give_back(clone)
        wait_until(lambda: len({clone.name for clone in used} & {*databases(own_server, "clone")}) == 5)
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
    assert databases(own_server) == [template.name, kept.name]
    mark = mark_on(own_server, kept.name)
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
            assert digests(at(later)) == in_bundle(settings.bundle_dir)
            pool.give_back(later)
    assert databases(own_server) == [template.name]
    assert digests(on(own_server, "taken_elsewhere")) == in_bundle(settings.bundle_dir)


def test_a_clone_that_a_test_made_a_template_is_no_trouble_for_the_others(
    settings: Settings, own_server: Server
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        odd, plain = pool.get(), pool.get()
        Database(own_server.target).execute(f"alter database {odd.name} is_template true")
        pool.give_back(odd)
        pool.give_back(plain)
    assert set(databases(own_server, "clone")) <= {odd.name}


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
    assert databases(own_server) == [template.name]


def test_a_pool_whose_connection_broke_takes_another_and_nobody_hears_of_it(
    settings: Settings, own_server: Server
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        (ready,) = databases(own_server, "clone")
        end_session(own_server, mark_on(own_server, ready).session)
        given = [pool.get() for _ in range(3)]
        assert given[0].name == ready
        for clone in given:
            assert digests(at(clone)) == in_bundle(settings.bundle_dir)
            pool.give_back(clone)
    assert databases(own_server, "clone") == []


def test_an_error_that_nobody_fetched_does_not_keep_the_pool_from_tidying_up(
    settings: Settings, own_server: Server, template: Template
) -> None:
    with ClonePool(settings, "test", 2) as pool:
        wait_until(lambda: len(databases(own_server, "clone")) == 2)
        end_session(own_server, mark_on(own_server, databases(own_server, "clone")[0]).session)
        kept, used = pool.get(), pool.get()
        pool.keep(kept, "a test")
        pool.give_back(used)
    assert databases(own_server) == [template.name, kept.name]
    assert mark_on(own_server, kept.name).kept_for == "a test"


def test_an_error_that_stays_reaches_who_asks_and_is_over_when_its_cause_is(
    settings: Settings, own_server: Server
) -> None:
    admin = Database(own_server.target)
    with own_server.database() as gate, ClonePool(altered(settings, gate), "test", 1) as pool:
        name = gate.target.dbname
        (ready,) = databases(own_server, "clone")
        admin.execute(f"alter database {name} allow_connections false")
        end_session(own_server, mark_on(own_server, ready).session)
        given = [pool.get()]
        for _ in range(2):
            with pytest.raises(ServerUnreachable, match="not currently accepting connections"):
                pool.get()
        admin.execute(f"alter database {name} allow_connections true")
        given.append(_next_good(pool))
        for clone in given:
            assert digests(at(clone)) == in_bundle(settings.bundle_dir)
            pool.give_back(clone)
    assert databases(own_server, "clone") == []


def _next_good(pool: ClonePool) -> OstDatabase:
    """The error of an attempt before the cause was gone may still be waiting for somebody to hear of it."""
    try:
        return pool.get()
    except ServerUnreachable:
        return pool.get()


def test_the_next_call_after_an_error_tries_again(settings: Settings, own_server: Server) -> None:
    admin = Database(own_server.target)
    with own_server.database() as gate, ClonePool(altered(settings, gate), "test", 1) as pool:
        admin.execute(f"alter database {gate.target.dbname} allow_connections false")
        end_session(own_server, mark_on(own_server, databases(own_server, "clone")[0]).session)
        given = [pool.get()]
        with pytest.raises(ServerUnreachable):
            pool.get()
        time.sleep(0.5)
        admin.execute(f"alter database {gate.target.dbname} allow_connections true")
        given.append(pool.get())
        for clone in given:
            pool.give_back(clone)


def test_a_pool_that_cannot_begin_says_why_and_leaves_no_thread(settings: Settings) -> None:
    nowhere = altered(settings, Database.at("postgresql://u:geheim@127.0.0.1:1/d"))
    with pytest.raises(ServerUnreachable) as caught, ClonePool(nowhere, "x", 1):
        pass
    assert "geheim" not in str(caught.value)
    assert [thread for thread in threading.enumerate() if thread.name == "ost-clones"] == []


def test_who_asks_a_pool_that_has_ended_is_told_so(settings: Settings) -> None:
    with ClonePool(settings, "test", 1) as pool:
        pass
    outcome: list[object] = []

    def ask() -> None:
        try:
            outcome.append(pool.get())
        except OstError as error:
            outcome.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(3)
    assert [type(found) for found in outcome] == [IsolationError]


def test_a_pool_whose_template_was_dropped_has_another_one_built(
    settings: Settings, own_server: Server
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        clear(own_server, "^ost_template_")
        made_before, made_after = pool.get(), pool.get()
        assert len(databases(own_server, "template")) == 1
        assert digests(at(made_after)) == digests(at(made_before)) == in_bundle(settings.bundle_dir)
        pool.give_back(made_before)
        pool.give_back(made_after)
