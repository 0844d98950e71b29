"""What reviews of restore, clones and the plugin once broke, each as the test that names it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from ost_assets.errors import IsolationError
from ost_assets.isolation.create import create_database, fresh_name
from ost_assets.isolation.marks import Mark, our_databases, server_time, session_id
from ost_assets.isolation.pool import ClonePool
from ost_assets.isolation.rollback import RollbackConnection
from ost_assets.isolation.sweep import sweep
from ost_assets.isolation.template import ensure_template
from ost_assets.postgres.connect import TEMPLATES_KEY, connect, exclusive, find_target
from ost_assets.postgres.extensions import create_extensions
from ost_assets.pytest_plugin import OPTIONS, _settings
from ost_assets.settings import Settings
from ost_assets.testing import OstBundle
from tests.engine import digests, export, set_up
from tests.projects import Project
from tests.servers import Database, Server


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """Of these tests' own, because they sweep and break what is on it."""
    with Server.started(18) as running:
        yield running


@pytest.fixture
def settings(ost_settings: Settings, own_server: Server) -> Settings:
    return ost_settings.model_copy(update={"database_url": SecretStr(Database(own_server.target).url)})


@pytest.fixture
def rollback(ost_pool: ClonePool) -> Iterator[RollbackConnection]:
    connection = RollbackConnection(ost_pool)
    yield connection
    connection.close()


def _rows(rollback: RollbackConnection) -> object:
    with rollback.transaction() as conn:
        return conn.execute("select count(*) from test_similarities").fetchone()


def test_a_stream_that_nobody_read_to_its_end_does_not_hang_the_teardown(
    rollback: RollbackConnection,
) -> None:
    """The rollback waited for the connection's lock, which the generator held, for ever."""
    with rollback.transaction() as conn:
        stream = conn.cursor().stream("select generate_series(1, 100000)")
        assert next(stream) == (1,)
    assert conn.closed
    assert _rows(rollback) == (15,)
    with suppress(psycopg.Error):
        stream.close()


def test_a_transaction_that_a_test_left_open_does_not_break_the_tests_after_it(
    rollback: RollbackConnection,
) -> None:
    """Every later one ended with `DISCARD ALL cannot run inside a transaction block`."""
    with suppress(psycopg.Error), rollback.transaction() as conn:
        conn.transaction().__enter__()
        conn.execute("delete from test_similarities")
    assert _rows(rollback) == (15,)


@pytest.mark.parametrize("sql", ["commit", "commit; begin", "commit and chain", "rollback and chain"])
def test_no_way_of_ending_the_transaction_leaks_into_the_next_test(
    sql: str, rollback: RollbackConnection
) -> None:
    text = f"delete from test_similarities; {sql}"
    with pytest.raises(IsolationError, match="ended the transaction"), rollback.transaction() as conn:
        conn.execute(text.encode())
    assert _rows(rollback) == (15,)


def test_what_an_interrupted_drop_leaves_is_dropped_and_the_template_built_again(
    settings: Settings, own_server: Server
) -> None:
    """PostgreSQL marks it invalid; every sweep and every clone failed until somebody repaired it by hand."""
    target = find_target(settings)
    admin = Database(own_server.target)
    with connect(settings, target) as conn:
        template = ensure_template(conn, settings, target)
        broken = fresh_name("clone", "broken")
        create_database(conn, broken, Mark("clone", 1.0), template.name)
        for name in (broken, template.name):
            admin.execute(
                f"update pg_database set datconnlimit = -2, datistemplate = false where datname = '{name}'"
            )
        rebuilt = ensure_template(conn, settings, target)
        assert (rebuilt.name, rebuilt.built) == (template.name, True)
        assert broken in rebuilt.swept
        fresh = fresh_name("clone", "fresh")
        create_database(conn, fresh, Mark("clone", 1.0), rebuilt.name)
        admin.execute(f"drop database {fresh}")


def test_a_clone_is_attended_also_where_the_role_may_not_see_when_sessions_began(
    settings: Settings, own_server: Server
) -> None:
    """Under SET ROLE the start of a session is hidden, so that live clones were swept."""
    admin = Database(own_server.target)
    admin.execute("create role owner createdb; create role login login; grant owner to login")
    limited = replace(own_server.target, user="login", options=(("options", "-c role=owner"),))
    as_login = settings.model_copy(update={"database_url": SecretStr(Database(limited).url)})
    try:
        with connect(as_login) as conn, connect(as_login) as other:
            name = fresh_name("clone", "x")
            create_database(conn, name, Mark("clone", 1.0, session_id(conn)))
            for looking in (conn, other):
                assert {d.name: d.attended for d in our_databases(looking)} == {name: True}
            with exclusive(other, TEMPLATES_KEY, timeout=5):
                assert sweep(other, as_login, find_target(as_login)) == []
            conn.execute(f"drop database {name}".encode())
    finally:
        admin.execute("drop role login; drop role owner")


def test_at_the_cap_a_ready_clone_is_handed_out_whatever_became_of_the_next_one(
    settings: Settings, own_server: Server
) -> None:
    """The failed one was retried behind a prefetch that took the last place."""
    with connect(settings) as conn:
        ensure_template(conn, settings, find_target(settings))
        present = len(our_databases(conn))
    capped = settings.model_copy(update={"ost_max_databases": present + 2})
    with ClonePool(capped, "test", 2) as pool:
        first, second = pool.get(), pool.get()
        with pytest.raises(IsolationError, match="OST_MAX_DATABASES"):
            pool.get()
        pool.give_back(first)
        third = pool.get()
        assert third.name not in (first.name, second.name)
    with connect(settings) as conn:
        assert len(our_databases(conn)) == present


def test_kept_clones_make_room_where_there_are_too_many(settings: Settings) -> None:
    """For two hours after some failing runs, nothing could be started."""
    target = find_target(settings)
    with connect(settings, target) as conn:
        template = ensure_template(conn, settings, target)
        kept = fresh_name("clone", "kept")
        create_database(conn, kept, Mark("clone", server_time(conn), kept_for="a test"), template.name)
        capped = settings.model_copy(update={"ost_max_databases": len(our_databases(conn))})
        with ClonePool(capped, "test", 1) as pool:
            assert pool.get().name != kept
        assert kept not in {database.name for database in our_databases(conn)}


def test_clones_given_back_twice_or_kept_after_the_end_break_nothing(settings: Settings) -> None:
    with ClonePool(settings, "test", 1) as pool:
        clone = pool.get()
        pool.give_back(clone)
        pool.give_back(clone)
        assert pool.get().name != clone.name
    pool.give_back(clone)
    pool.keep(clone, "too late")
    with pytest.raises(IsolationError, match="closed"):
        pool.get()


def _config(**values: Any) -> Any:
    """As much of `pytest.Config` as the plugin asks for; keys are options, or ini settings with `ini_`."""
    return SimpleNamespace(
        getoption=lambda flag: values.get(flag.removeprefix("--").replace("-", "_")),
        getini=lambda name: values.get(f"ini_{name}"),
        inipath=Path("/repo/conf/pytest.ini"),
        rootpath=Path("/repo"),
    )


def test_a_url_given_to_pytest_wins_over_the_parts_of_another_server_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They were called a contradiction, or filled in what the URL left out, password included."""
    monkeypatch.setenv("POSTGRES_HOST", "theirs")
    monkeypatch.setenv("POSTGRES_PASSWORD", "geheim")
    by_option = _settings(_config(ost_url="postgresql://me@mine/d"))
    assert by_option.server_parts == {}
    by_ini = _settings(_config(ini_ost_url="postgresql://me@mine/d"))
    assert by_ini.database_url is None
    assert by_ini.postgres_host == "theirs"


def test_folders_of_the_plugin_are_absolute_and_ini_ones_beside_the_ini_file() -> None:
    """A test that went to another folder broke whatever was opened after it."""
    assert _settings(_config(ini_ost_bundle="b")).ost_bundle_dir == Path("/repo/conf/b")
    assert _settings(_config(ost_bundle="b")).ost_bundle_dir == Path.cwd() / "b"


@pytest.mark.parametrize("unset", [None, "", []])
def test_an_ini_setting_that_is_not_there_is_unset_in_every_version_of_pytest(unset: object) -> None:
    """pytest 7 has [] for it, and ended every run in that environment."""
    empty = _config(**{f"ini_{option.name}": unset for option in OPTIONS})
    assert _settings(empty).ost_pool_size == 2


def test_json_with_line_breaks_is_one_line_and_rows_are_what_psycopg_gives(
    awkward: Project, database: Database
) -> None:
    """A value of the type json kept its line breaks; timestamp(3), and floats beside a numeric, were not converted."""
    settings = awkward.settings(database, ost_seed_strategy="sql")
    set_up(settings)
    query = (
        "select 1 as id, E'{\"a\":\\n 1.5}'::json as document, 1.10::numeric(5,2) as exact, -0.5::float8 as ratio,"
        " '2024-02-29 01:02:03.456+00'::timestamptz(3) as moment, '01:02:03.456'::time(3) as clock,"
        " array['[1,2]'::vector(2)] as vectors"
    )
    database.execute(f"create table rare as {query}")
    with database.connect() as conn:
        wanted = conn.execute(query.encode()).fetchone()
    database.execute(
        "update ost_assets.publication set relations = relations || jsonb_build_object('rare', 'rare'::regclass::oid::bigint),"
        " report = jsonb_set(report, '{tables,rare}', jsonb_build_object('rows', 1, 'digest', '"
        + digests(database)["rare"]
        + "'))"
    )
    export(settings)
    (row,) = OstBundle(settings.bundle_dir)["rare"].rows
    assert wanted is not None
    assert (*row.values(),)[:-1] == wanted[:-1]
    assert row["document"] == {"a": 1.5}
    assert isinstance(row["document"]["a"], float)
    assert row["vectors"] == ["[1,2]"]


def test_an_optional_extension_that_is_denied_does_not_end_the_callers_transaction(
    own_server: Server,
) -> None:
    name = f"plain_{os.urandom(4).hex()}"
    admin = Database(own_server.target)
    admin.execute(f"create role {name} login")
    try:
        with own_server.database() as place:
            target = replace(place.target, user=name)
            with psycopg.connect(**target.params) as conn, conn.transaction():  # type: ignore[arg-type]
                found = create_extensions(conn, [], ["vector"])
                assert "may not create it" in found.absent["vector"]
                assert conn.execute("select 1").fetchone() == (1,)
    finally:
        admin.execute(f"drop role {name}")
