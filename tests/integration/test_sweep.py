"""What is dropped and what never is: marks, ages, strangers' databases, and how many there may be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from ost_assets.errors import IsolationError, OstError
from ost_assets.isolation.clone import clone_once, drop_once
from ost_assets.isolation.create import create_database, fresh_name
from ost_assets.isolation.marks import Mark, count_databases, mark_of, our_databases, server_time, write_mark
from ost_assets.isolation.pool import ClonePool
from ost_assets.isolation.template import Template
from ost_assets.postgres.connect import connect
from ost_assets.settings import Settings
from tests.isolation import (
    DAY,
    HOLD_CLONES,
    HOUR,
    acting_as,
    age,
    altered,
    at,
    attended,
    clear,
    databases,
    end_session,
    ensure,
    killed_at_the_end,
    mark_on,
    on,
    python_process,
    sweep_now,
    temporary_role,
    wait_until,
)
from tests.projects import Project
from tests.servers import Database, Server

# A name such as we would give, to a database that we did not make.
FOREIGN = "ost_clone_x_0123456789abcdef"


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


def test_the_clones_of_a_process_that_was_killed_are_swept_and_those_of_one_that_lives_are_not(
    ost: Project, settings: Settings, own_server: Server, template: Template
) -> None:
    with killed_at_the_end(python_process(HOLD_CLONES, ost, settings)) as (one, other, kept, used):
        # One is ready, whatever was asked for.
        wait_until(lambda: len(databases(own_server, "clone")) == 5)
        (ready,) = set(databases(own_server, "clone")) - {one, other, kept, used}
        wait_until(lambda: mark_on(own_server, kept).kept_for == "a test")
        for name in (one, other, used, ready):
            age(own_server, name, 30 * DAY)
        assert sweep_now(settings) == []
        # Where there are too many, what is kept to be looked at goes first, however young.
        assert sweep_now(settings, crowded=True) == [kept]
    wait_until(lambda: not attended(own_server, one))
    with on(own_server, other).connect():
        assert sorted(sweep_now(settings)) == sorted([one, used, ready])
        assert databases(own_server) == [template.name, other]
    wait_until(lambda: _unused(own_server, other))
    assert sweep_now(settings) == [other]
    assert databases(own_server) == [template.name]


def _unused(server: Server, name: str) -> bool:
    query = "select from pg_stat_activity where datname = %s"
    return Database(server.target).query(query, name) == []


def test_the_clones_of_a_killed_process_wait_for_ten_minutes(
    settings: Settings, own_server: Server, template: Template
) -> None:
    name = fresh_name("clone", "x")
    with connect(settings) as conn:
        create_database(conn, name, Mark("clone", server_time(conn), "1/1.0"), template.name)
    age(own_server, name, 590)
    assert sweep_now(settings) == []
    age(own_server, name, 20)
    assert sweep_now(settings) == [name]


def test_the_clones_of_a_pool_that_lives_on_over_another_connection_are_not_swept(
    settings: Settings, own_server: Server
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        (ready,) = databases(own_server, "clone")
        before = mark_on(own_server, ready).session
        end_session(own_server, before)
        first = pool.get()
        second = pool.get()
        wait_until(lambda: mark_on(own_server, second.name).session != before)
        age(own_server, first.name, DAY)
        assert sweep_now(settings) == []
        pool.give_back(first)
        pool.give_back(second)


def test_a_kept_clone_and_one_of_the_command_line_stay_for_their_time(
    settings: Settings, own_server: Server, pool: ClonePool
) -> None:
    kept = pool.get()
    pool.keep(kept, "a test")
    names = [kept.name, clone_once(settings).name]
    wait_until(lambda: mark_on(own_server, kept.name).kept_for == "a test")
    assert [mark_on(own_server, name).session for name in names] == ["", ""]
    shorter = altered(settings, ost_clone_max_age=HOUR)
    for name in names:
        age(own_server, name, HOUR - 60)
    assert sweep_now(shorter) == []
    for name in names:
        age(own_server, name, 120)
    assert sweep_now(settings) == []
    assert sweep_now(shorter) == names


def test_a_clone_with_a_connection_is_not_swept_however_old_it_is(
    settings: Settings, own_server: Server
) -> None:
    clone = clone_once(settings)
    age(own_server, clone.name, 1000 * DAY)
    with at(clone).connect() as conn:
        assert sweep_now(settings, crowded=True) == []
        assert conn.execute("select count(*) from test_users").fetchone() == (3,)
    wait_until(lambda: _unused(own_server, clone.name))
    assert sweep_now(settings) == [clone.name]


def test_somebody_who_connects_at_the_last_moment_keeps_his_database(
    settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = clone_once(settings), clone_once(settings)
    for clone in (first, second):
        age(own_server, clone.name, 1000 * DAY)
    came: list[psycopg.Connection[Any]] = []

    def look_and_let_somebody_in(conn: Any) -> Any:
        found = our_databases(conn)
        came.append(at(first).connect())
        return found

    monkeypatch.setattr("ost_assets.isolation.sweep.our_databases", look_and_let_somebody_in)
    assert sweep_now(settings) == [second.name]
    assert came[0].execute("select count(*) from test_users").fetchone() == (3,)
    came[0].close()


def test_an_old_template_is_swept_when_another_is_built_and_one_in_use_is_not(
    settings: Settings, own_server: Server, template: Template
) -> None:
    elsewhere = altered(settings, ost_target_schema="another")
    old = ensure(elsewhere)
    age(own_server, old.name, 6 * DAY)
    assert sweep_now(settings) == []
    age(own_server, old.name, 2 * DAY)
    Database(own_server.target).execute(f"alter database {old.name} allow_connections true")
    with on(own_server, old.name).connect():
        assert sweep_now(settings, crowded=True) == []
    wait_until(lambda: _unused(own_server, old.name))
    age(own_server, template.name, 2 * HOUR)
    assert ensure(settings).swept == (old.name,)
    assert databases(own_server) == [template.name]


def test_a_template_that_is_asked_for_stays_young(
    settings: Settings, own_server: Server, template: Template
) -> None:
    used_at = mark_on(own_server, template.name).used_at
    ensure(settings)
    assert mark_on(own_server, template.name).used_at == used_at, "not every process that asks writes"
    age(own_server, template.name, 100 * DAY)
    found = ensure(settings)
    assert (found.name, found.built, found.swept) == (template.name, False, ())
    mark = mark_on(own_server, template.name)
    assert mark.used_at >= used_at
    assert mark.made_at < used_at - 99 * DAY
    assert sweep_now(settings) == []


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
    impatient = altered(settings, ost_clone_max_age=1, ost_template_max_age=HOUR, ost_max_databases=1)
    with _somebody_elses(own_server, name, comment):
        assert sweep_now(impatient) == []
        assert sweep_now(impatient, crowded=True) == []
        with pytest.raises(IsolationError, match="on the server, and there may be 1"):
            clone_once(impatient)
        with pytest.raises(IsolationError, match="is no clone made by ost_assets"):
            drop_once(settings, name)
        assert ensure(settings).name == template.name


def test_a_database_of_somebody_elses_that_has_the_name_of_the_template_is_an_error(
    settings: Settings, own_server: Server, template: Template
) -> None:
    clear(own_server, "^ost_")
    with _somebody_elses(own_server, template.name):
        with pytest.raises(OstError, match=template.name):
            ensure(settings)
        assert databases(own_server) == [template.name]
    assert ensure(settings).built


@pytest.mark.parametrize(
    "state", ["named like production", "refuses connections", "left by a cancelled drop"]
)
def test_a_database_that_cannot_be_looked_into_is_left_alone_and_keeps_nobody_from_anything(
    state: str, settings: Settings, own_server: Server, template: Template
) -> None:
    admin = Database(own_server.target)
    name = "ost_clone_live_0123456789abcdef" if state.startswith("named") else FOREIGN
    with temporary_role(own_server, "createdb") as role:
        theirs = settings
        admin.execute(f"create database {name}")
        if state.startswith("refuses"):
            theirs = acting_as(role, settings)
            admin.execute(f"alter database {name} owner to {role}")
            admin.execute(f"alter database {name} connection limit 0")
        elif state.startswith("left"):
            admin.execute(f"update pg_database set datconnlimit = -2 where datname = '{name}'")
        try:
            assert sweep_now(theirs) == []
            assert name in databases(own_server)
        finally:
            admin.execute(f"drop database {name}")


def test_a_comment_in_another_encoding_is_somebody_elses(settings: Settings, own_server: Server) -> None:
    admin = Database(own_server.target)
    admin.execute("create database taken_latin encoding 'LATIN1' template template0 locale 'C'")
    admin.execute("create database ost_old")
    on(own_server, "taken_latin").execute("comment on database ost_old is U&'f\\00fcr'")
    assert sweep_now(settings) == []


def test_a_clone_that_lost_its_mark_is_known_by_its_content_and_swept_when_it_is_old(
    settings: Settings, own_server: Server
) -> None:
    name = clone_once(settings).name
    Database(own_server.target).execute(f"comment on database {name} is null")
    Database(own_server.target).execute("create database ost_building__0123456789abcdef")
    with _somebody_elses(own_server, FOREIGN):
        assert sweep_now(settings) == []
        strays = [name, "ost_building__0123456789abcdef"]
        for stray in strays:
            mark = mark_on(own_server, stray)
            assert (mark.kind, mark.session) == ("clone", "")
            age(own_server, stray, DAY - 60)
        assert sweep_now(settings) == []
        for stray in strays:
            age(own_server, stray, 120)
        assert sweep_now(settings) == strays


def test_what_another_role_made_is_not_swept(settings: Settings, own_server: Server) -> None:
    name = clone_once(settings).name
    age(own_server, name, 1000 * DAY)
    with temporary_role(own_server, "createdb") as role:
        assert sweep_now(acting_as(role, settings)) == []
    assert sweep_now(settings) == [name]


# The cap


def test_where_there_are_as_many_databases_as_there_may_be_the_next_is_an_error_that_names_the_setting(
    settings: Settings, own_server: Server, template: Template
) -> None:
    three = altered(settings, ost_max_databases=3)
    clones = [clone_once(three), clone_once(three)]
    with pytest.raises(
        IsolationError, match=r"there are 3 databases of ost_assets .*there may be 3"
    ) as caught:
        clone_once(three)
    assert "OST_MAX_DATABASES" in caught.value.remedy
    with pytest.raises(IsolationError, match="there are 3"):
        ensure(altered(three, ost_target_schema="another"))
    with pytest.raises(IsolationError, match="there are 3"), ClonePool(three, "x", 1):
        pass
    assert databases(own_server) == [template.name, *(clone.name for clone in clones)]
    drop_once(three, clones[0].url)
    clone_once(three)


def test_at_the_cap_what_is_older_than_two_hours_makes_room(
    settings: Settings, own_server: Server, template: Template
) -> None:
    three = altered(settings, ost_max_databases=3)
    first, second = clone_once(three).name, clone_once(three).name
    age(own_server, first, 2 * HOUR - 60)
    with pytest.raises(IsolationError):
        clone_once(three)
    age(own_server, first, 120)
    third = clone_once(three).name
    assert databases(own_server) == [template.name, second, third]


def test_at_the_cap_a_template_that_nobody_used_for_two_hours_makes_room_for_the_next(
    settings: Settings, own_server: Server, template: Template
) -> None:
    one = altered(settings, ost_max_databases=1, ost_target_schema="another")
    with pytest.raises(IsolationError, match="there are 1"):
        ensure(one)
    age(own_server, template.name, 2 * HOUR + 60)
    found = ensure(one)
    assert databases(own_server) == [found.name]
    clear(own_server, "^ost_")


def test_the_databases_of_other_roles_count(settings: Settings, own_server: Server) -> None:
    clone_once(settings)
    with temporary_role(own_server, "createdb") as role, connect(acting_as(role, settings)) as theirs:
        assert count_databases(theirs) == 2
        assert our_databases(theirs) == []


def test_a_pool_at_the_cap_hands_out_what_there_is_and_goes_on_when_there_is_room(
    settings: Settings, own_server: Server, template: Template
) -> None:
    three = altered(settings, ost_max_databases=3)
    with ClonePool(three, "x", 5) as pool:
        first, second = pool.get(), pool.get()
        with pytest.raises(IsolationError, match="there are 3"):
            pool.get()
        pool.give_back(first)
        Database(own_server.target).execute(f"drop database {second.name}")
        third = pool.get()
        assert third.name not in (first.name, second.name)
        pool.give_back(third)
