"""One clone at a time: its content, the command line, passwords, and roles that may not do everything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import text

from ost_assets.errors import AccessDenied, IsolationError, OstError
from ost_assets.isolation.clone import clone_once, drop_once
from ost_assets.isolation.create import SHARED_BLOCKS, STRATEGIES, create_database, fresh_name
from ost_assets.isolation.marks import Mark, server_time
from ost_assets.isolation.pool import ClonePool
from ost_assets.isolation.rollback import RollbackConnection
from ost_assets.isolation.template import Template
from ost_assets.postgres.connect import connect
from ost_assets.settings import Settings
from tests.commands import ost_assets
from tests.engine import catalog, digests, set_up
from tests.isolation import (
    DAY,
    acting_as,
    age,
    altered,
    at,
    clear,
    clone_of,
    databases,
    ensure,
    in_bundle,
    mark_on,
    on,
    sweep_now,
    temporary_role,
)
from tests.jobs import run_job
from tests.projects import Project
from tests.servers import Database, Server


def test_a_clone_holds_exactly_what_the_bundle_says_and_is_built_alike(
    ost: Project, settings: Settings, own_server: Server
) -> None:
    with clone_of(settings) as clone, own_server.database() as database:
        assert digests(clone) == in_bundle(settings.bundle_dir)
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
    assert digests(on(own_server, name)) == in_bundle(settings.bundle_dir)
    assert mark_on(own_server, name) == mark


def test_changes_in_a_clone_show_neither_in_another_nor_in_the_next(settings: Settings) -> None:
    expected = in_bundle(settings.bundle_dir)
    with clone_of(settings) as one, clone_of(settings) as other:
        one.execute(
            'drop table "USER_PROJECT_SIMILARITY"; delete from "USER_CATEGORY"; create table mine (id int)'
        )
        assert digests(one) != expected
        assert digests(other) == expected
        with clone_of(settings) as later:
            assert digests(later) == expected


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
    assert digests(clone) == in_bundle(settings.bundle_dir)

    with clone.connect():
        dropped = ost_assets(ost, "drop", url, database=database)
    assert (dropped.returncode, dropped.stderr) == (0, "")
    assert dropped.stdout == f"Dropped {clone.target.dbname}.\n"
    assert databases(own_server) == [template.name]

    again = ost_assets(ost, "drop", url, database=database)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.startswith(
        f"Error: the database '{clone.target.dbname}' is no clone made by ost_assets, or is gone"
    )
    assert "Traceback" not in again.stderr


def test_the_command_line_drops_nothing_but_clones(settings: Settings, own_server: Server) -> None:
    template = ensure(settings)
    published = Database(own_server.target)
    for name in (published.target.dbname, template.name, "template1", "", "no_such_database"):
        for spelled in (name, published.url.replace("/postgres?", f"/{quote(name)}?")):
            with pytest.raises(IsolationError, match="is no clone made by ost_assets"):
                drop_once(settings, spelled)
    assert databases(own_server) == [template.name]


def test_a_clone_is_dropped_by_its_bare_name_and_by_a_url_with_less_in_it(
    settings: Settings, own_server: Server
) -> None:
    one, other = clone_once(settings), clone_once(settings)
    assert drop_once(settings, one.name) == one.name
    assert drop_once(settings, f"postgresql:///{other.name}") == other.name
    assert databases(own_server, "clone") == []


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


@pytest.mark.parametrize(
    "text", ["host=h password=geheim dbname=d", "postgresql:/u:geheim@h/d", "u:geheim@h/d"]
)
def test_what_is_no_url_does_not_show_a_password_either(text: str, settings: Settings) -> None:
    with pytest.raises(OstError) as caught:
        drop_once(settings, text)
    assert "geheim" not in str(caught.value)


# Passwords


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
    clear(own_server, "^ost_")
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
    assert [mark_on(own_server, name).kind for name in databases(own_server, "clone")] == ["clone"]

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
    clone = clone_once(altered(settings, locked))
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


# Roles


@contextmanager
def _with_vector_in_new_databases(server: Server) -> Iterator[None]:
    """What a superuser does once, where an extension is not trusted."""
    blank = on(server, "template1")
    blank.execute("create extension vector")
    try:
        yield
    finally:
        blank.execute("drop extension vector")


def test_a_role_that_may_not_create_databases_is_told_who_can_help(
    settings: Settings, own_server: Server
) -> None:
    clear(own_server, "^ost_")
    with temporary_role(own_server) as role:
        theirs = acting_as(role, settings)
        for attempt in (ensure, clone_once, lambda s: ClonePool(s, "x", 1).__enter__()):
            with pytest.raises(AccessDenied, match="may not create databases") as caught:
                attempt(theirs)
            assert f'alter role "{role}" createdb;' in caught.value.remedy
    assert databases(own_server) == []


def test_the_main_job_of_a_role_that_may_not_create_databases_succeeds_without_a_template(
    ost: Project, own_server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    clear(own_server, "^ost_")
    with own_server.database() as database, temporary_role(own_server) as role:
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
        assert databases(own_server) == []
        database.execute(f"drop owned by {role} cascade")


def test_a_role_that_may_create_databases_can_do_everything_where_vector_is_in_new_ones(
    settings: Settings, own_server: Server
) -> None:
    with temporary_role(own_server, "createdb") as role, _with_vector_in_new_databases(own_server):
        theirs = acting_as(role, settings)
        found = ensure(theirs)
        assert found.built
        assert found.name != ensure(settings).name, "roles do not share a template"
        with clone_of(theirs) as clone:
            assert digests(clone) == in_bundle(settings.bundle_dir)
        with ClonePool(theirs, "x", 2) as pool:
            database = pool.get()
            assert digests(at(database)) == in_bundle(settings.bundle_dir)
            rolling = RollbackConnection(pool)
            with rolling.transaction() as conn:
                assert conn.execute("delete from test_similarities").rowcount == 15
            rolling.close()
            left_open = at(database).connect()
            pool.give_back(database)
        left_open.close()
        old = clone_once(theirs).name
        age(own_server, old, 2 * DAY)
        age(own_server, found.name, 8 * DAY)
        assert sweep_now(theirs) == [found.name, old]


def test_a_role_that_may_not_create_the_extension_is_told_so_and_leaves_nothing(
    settings: Settings, own_server: Server
) -> None:
    clear(own_server, "^ost_")
    with temporary_role(own_server, "createdb") as role:
        with pytest.raises(AccessDenied, match="may not create the extension 'vector'") as caught:
            ensure(acting_as(role, settings))
        assert "template1" in caught.value.remedy, str(caught.value)
        assert databases(own_server) == []
