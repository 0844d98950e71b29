"""Write, audit, publish, and the guard: whatever happens, readers see the old database or the new one."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ost_assets.errors import AccessDenied, CheckFailed, GuardRefused, OstError, PublishError
from ost_assets.seeding.report import Report
from ost_assets.settings import Settings
from ost_assets.status import status_report
from tests.commands import MATERIALIZE
from tests.conftest import repository_environment
from tests.engine import (
    build_only,
    digests,
    everything,
    export,
    folder_digest,
    publish,
    seed,
    set_up,
    working_schemas,
)
from tests.isolation import temporary_role
from tests.jobs import run_job
from tests.projects import Project
from tests.servers import Database, Server


def test_a_failed_check_leaves_the_old_data(ost: Project, published: Database) -> None:
    before = everything(published)
    with pytest.raises(CheckFailed, match="embedding_dimensions"):
        set_up(ost.settings(published, model_dimensions=768), "sql")
    assert everything(published) == before
    assert working_schemas(published) == []


def test_a_query_of_the_api_that_does_not_fit_stops_the_publication(
    ost: Project, published: Database, tmp_path: Path
) -> None:
    before = everything(published)
    queries = tmp_path / "queries"
    queries.mkdir()
    (queries / "fits.sql").write_text('select id, username from "USER" where id = $1')
    (queries / "recommendations.sql").write_text('select shoe_size from "USER" where id = $1')
    settings = ost.settings(published, ost_api_queries_dir=queries, recommendation_top_n=2)
    seed(settings, "sql")
    with pytest.raises(
        CheckFailed, match=r'recommendations\.sql: column "shoe_size" does not exist'
    ) as caught:
        publish(settings)
    assert "fits.sql" not in str(caught.value)
    assert everything(published) == before
    assert working_schemas(published) == []


def test_readers_never_see_an_error_an_empty_table_or_two_versions_at_once(
    ost: Project, database: Database
) -> None:
    """Two tables that hold the same numbers are read together while 20 publications go through."""
    versions = [ost.settings(database, recommendation_top_n=n, ost_seed_strategy="sql") for n in (5, 2)]
    set_up(versions[0])
    one_statement = (
        "select (select count(*) from test_similarities),"
        ' (select count(*) from "USER_PROJECT_SIMILARITY"), (select count(*) from "USER")'
    )
    statements = ['select count(*) from "USER_PROJECT_SIMILARITY"', "select count(*) from test_similarities"]
    allowed = {(15, 15, 3), (6, 6, 3)}
    seen: set[tuple[object, ...]] = set()
    problems: list[BaseException] = []
    done = threading.Event()

    def read(in_one_statement: bool) -> None:
        try:
            with database.connect() as conn:
                while not done.is_set():
                    if in_one_statement:
                        row = conn.execute(one_statement.encode()).fetchone()
                    else:
                        with conn.transaction():
                            counts = [conn.execute(text.encode()).fetchone() for text in statements]
                        row = (*(count for found in counts if found for count in found), 3)
                    assert row is not None
                    seen.add(row)
                    # Leaves the other side a chance on a machine with two processors.
                    time.sleep(0.003)
        except BaseException as error:
            problems.append(error)

    readers = [threading.Thread(target=read, args=(kind,)) for kind in (True, False, True)]
    for reader in readers:
        reader.start()
    try:
        for number in range(1, 21):
            set_up(versions[number % 2])
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert problems == []
    assert seen == allowed


def test_a_reader_that_keeps_the_tables_makes_the_publication_give_up_and_is_named(
    ost: Project, published: Database
) -> None:
    before = everything(published)
    settings = ost.settings(published, recommendation_top_n=2, ost_lock_timeout=1)
    seed(settings, "sql")
    with published.connect() as reader, reader.transaction():
        reader.execute('select * from "CATEGORY"')
        with pytest.raises(PublishError, match="old tables were in use for 1 s") as caught:
            publish(settings)
        assert f"pid {reader.info.backend_pid} " in str(caught.value)
        assert digests(published) == {
            k.removeprefix("rows of "): v for k, v in before.items() if k.startswith("rows of ")
        }
    publish(settings)
    assert published.query("select count(*) from test_similarities") == [(6,)]
    assert working_schemas(published) == []


def test_somebody_elses_view_on_our_table_stops_the_publication_and_is_named(
    ost: Project, published: Database
) -> None:
    published.execute('create view popular as select title from "PROJECT" where stargazers_count > 1000')
    before = {key: value for key, value in everything(published).items() if "ost_" not in key}
    settings = ost.settings(published, recommendation_top_n=2, ost_seed_strategy="sql")
    with pytest.raises(PublishError, match=r'view popular depends on table public\."PROJECT"'):
        set_up(settings)
    assert {key: value for key, value in everything(published).items() if "ost_" not in key} == before
    published.execute("drop view popular")
    publish(settings)
    assert published.query("select count(*) from test_similarities") == [(6,)]


def test_grants_survive_a_publication(ost: Project, server: Server) -> None:
    with temporary_role(server) as reader, temporary_role(server) as writer, server.database() as database:
        set_up(ost.settings(database), "sql")
        database.execute(
            f'grant select on "USER" to {reader}; grant update, insert on "USER" to {writer} with grant option;'
            'grant select on "CATEGORY" to public'
        )
        query = (
            "select relname, array(select unnest(relacl)::text order by 1) from pg_class"
            " where relname in ('USER', 'CATEGORY') order by 1"
        )
        before = database.query(query)
        set_up(ost.settings(database, recommendation_top_n=2), "sql")
        assert database.query(query) == before
        assert database.query("select has_table_privilege(%s, '\"CATEGORY\"', 'select')", reader) == [(True,)]


def test_grants_on_single_columns_survive_too(ost: Project, server: Server) -> None:
    with temporary_role(server) as reader, server.database() as database:
        set_up(ost.settings(database), "sql")
        database.execute(f'grant select (id, username) on "USER" to {reader}')
        set_up(ost.settings(database, recommendation_top_n=2), "sql")
        assert database.query(
            "select has_column_privilege(%s, '\"USER\"', 'username', 'select')", reader
        ) == [(True,)]
        assert database.query("select has_column_privilege(%s, '\"USER\"', 'email', 'select')", reader) == [
            (False,)
        ]


@pytest.mark.parametrize(
    "theirs",
    [
        'create table "USER" (id integer); insert into "USER" values (42)',
        'create view "USER" as select 42 as id',
        'create sequence "USER"',
        'create table theirs (id integer constraint "USER_pkey" primary key)',
        'create type "USER" as (id integer)',
    ],
    ids=["table", "view", "sequence", "index", "type"],
)
def test_somebody_elses_object_of_our_name_is_refused_and_intact(
    theirs: str, ost: Project, database: Database
) -> None:
    database.execute("create extension vector;" + theirs)
    before = {key: value for key, value in everything(database).items() if "ost_" not in key}
    with pytest.raises(GuardRefused, match="USER") as caught:
        set_up(ost.settings(database), "sql")
    assert "nothing was changed" in str(caught.value)
    assert {key: value for key, value in everything(database).items() if "ost_" not in key} == before


def test_a_table_that_took_the_place_of_ours_is_somebody_elses(ost: Project, published: Database) -> None:
    settings = ost.settings(published)
    published.execute('drop table "CATEGORY" cascade; create table "CATEGORY" (mine text)')
    text, current = status_report(settings, explain=False)
    assert not current
    assert "dropped or renamed" in text
    with pytest.raises(GuardRefused, match='"CATEGORY"'):
        set_up(settings, "sql")
    assert published.query('select * from "CATEGORY"') == []


def test_a_dropped_table_is_put_back_by_the_next_set_up(ost: Project, published: Database) -> None:
    settings = ost.settings(published)
    before = digests(published)
    published.execute('drop table "USER_PROJECT_SIMILARITY"')
    set_up(settings, "sql")
    assert digests(published) == before


@pytest.mark.parametrize(
    ("name", "looks_like_production"),
    [
        ("shop_production", True),
        ("PROD", True),
        ("live", True),
        ("eu-prd-2", True),
        ("products_test", False),
        ("reproduction", False),
    ],
)
def test_a_database_whose_name_says_production_is_refused_unless_it_is_named(
    name: str, looks_like_production: bool, awkward: Project, server: Server
) -> None:
    with server.database(name) as database:
        if not looks_like_production:
            assert set_up(awkward.settings(database), "sql").tables
            return
        exact = f"{server.target.host}/{name}"
        for allowed in (None, name, f"{server.target.host}/other", exact.upper()):
            with pytest.raises(GuardRefused, match=f"{name}' looks like production") as caught:
                set_up(awkward.settings(database, ost_allow_database=allowed), "sql")
            assert f"OST_ALLOW_DATABASE={exact}" in str(caught.value)
        assert everything(database) == {}
        assert set_up(awkward.settings(database, ost_allow_database=exact), "sql").tables


def test_a_host_whose_name_says_production_is_refused_before_it_is_asked(awkward: Project) -> None:
    settings = awkward.settings(database_url="postgresql://u@db.prod.example.com/test")
    with pytest.raises(GuardRefused, match=r"host 'db\.prod\.example\.com' looks like production"):
        seed(settings)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("alter role {role} set default_transaction_read_only = on", "read-only"),
        ("grant create on schema public to {role}", "may not create schemas"),
        ("grant create on database {database} to {role}", "may not create tables in the schema 'public'"),
    ],
    ids=["read only", "no CREATE on the database", "no CREATE on the schema"],
)
@pytest.mark.parametrize("strategy", ["auto", "sql"])
def test_a_role_without_the_privileges_gets_one_error_and_nothing_changes(
    limits: str, message: str, strategy: str, awkward: Project, server: Server
) -> None:
    with temporary_role(server) as role, server.database() as database:
        database.execute("create extension vector; revoke create on schema public from public")
        database.execute(limits.format(role=role, database=database.target.dbname))
        before = everything(database)
        url = database.url.replace("//postgres@", f"//{role}@")
        with pytest.raises(AccessDenied, match=message):
            seed(awkward.settings(database_url=url, ost_seed_strategy=strategy))
        assert everything(database) == before
        assert working_schemas(database) == []


def test_a_role_that_owns_nothing_else_can_do_the_whole_job(awkward: Project, server: Server) -> None:
    """CREATE on the database and on the schema is enough once somebody has created the extension."""
    with temporary_role(server) as role, server.database() as database:
        database.execute(
            f"create extension vector; grant create on database {database.target.dbname} to {role};"
            f"grant create on schema public to {role}"
        )
        url = database.url.replace("//postgres@", f"//{role}@")
        settings = awkward.settings(database_url=url)
        set_up(settings, "sql")
        set_up(settings, "dbt")
        export(settings)
        assert (settings.bundle_dir / "manifest.json").is_file()


def test_a_role_that_may_not_see_what_another_published_is_told_so(ost: Project, server: Server) -> None:
    with temporary_role(server) as role, server.database() as database:
        set_up(ost.settings(database), "sql")
        database.execute(
            f"grant create on database {database.target.dbname} to {role}; grant create on schema public to {role}"
        )
        before = everything(database)
        url = database.url.replace("//postgres@", f"//{role}@")
        with pytest.raises(AccessDenied, match="permission denied"):
            set_up(ost.settings(database_url=url), "sql")
        assert everything(database) == before


@contextmanager
def _set_up_lock(database: Database) -> Iterator[None]:
    """Hold the lock that a set-up takes, so that those started meanwhile really wait for each other."""
    with database.connect() as conn:
        conn.execute("select pg_advisory_lock(%s)", [0x6F73745F61737365])
        yield


def _at_once(settings: list[Settings], work: Callable[[Settings], Report]) -> list[Report | OstError]:
    outcomes: dict[int, Report | OstError] = {}

    def run(number: int) -> None:
        try:
            outcomes[number] = work(settings[number])
        except OstError as error:
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(settings))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outcomes[number] for number in range(len(settings))]


def test_builds_at_once_wait_for_each_other_and_are_one_build(ost: Project, database: Database) -> None:
    settings = ost.settings(database, ost_seed_strategy="sql")
    database.execute("create extension vector")
    outcomes: list[Report | OstError] = []

    def build_and_publish(mine: Settings) -> Report:
        report = build_only(mine)
        publish(mine)
        return report

    with _set_up_lock(database):
        all_of_them = threading.Thread(
            target=lambda: outcomes.extend(_at_once([settings] * 4, build_and_publish))
        )
        all_of_them.start()
        _wait_until(lambda: _waiting_set_ups(database) == 4)
    all_of_them.join()
    reports = [outcome for outcome in outcomes if isinstance(outcome, Report)]
    assert len(reports) == 4, outcomes
    # One build has one timing; four builds would have four.
    assert len({report.seconds for report in reports}) == 1
    assert working_schemas(database) == []
    assert database.query("select count(*) from test_similarities") == [(15,)]


def _waiting_set_ups(database: Database) -> int:
    query = (
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name = 'ost_assets' and query ~ 'pg_try_advisory_lock'"
    )
    ((count,),) = database.query(query)
    return int(count)


def _wait_until(reached: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def test_set_ups_of_different_inputs_at_once_all_succeed_and_one_of_them_stands(
    ost: Project, database: Database
) -> None:
    settings = [ost.settings(database, recommendation_top_n=n, ost_seed_strategy="sql") for n in (1, 2, 3, 4)]
    outcomes = _at_once(settings, set_up)
    assert all(isinstance(outcome, Report) for outcome in outcomes), outcomes
    assert working_schemas(database) == []
    (stands,) = database.query(
        "select fingerprint, inputs -> 'parameters' ->> 'top_n' from ost_assets.publication"
    )
    assert stands[0] in {outcome.fingerprint for outcome in outcomes if isinstance(outcome, Report)}
    assert database.query("select count(*) from test_similarities") == [(3 * int(stands[1]),)]


def test_a_set_up_waits_for_another_no_longer_than_told(awkward: Project, database: Database) -> None:
    with (
        _set_up_lock(database),
        pytest.raises(OstError, match="another set-up has held this database for 1 s"),
    ):
        set_up(awkward.settings(database, ost_wait_timeout=1), "sql")


def test_two_main_jobs_at_once_in_a_fresh_clone_both_succeed(awkward: Project, database: Database) -> None:
    jobs = [_start(awkward, database, OST_SEED_STRATEGY="sql") for _ in range(2)]
    shown = [job.communicate(timeout=120)[0].decode() for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], "\n".join(shown)
    assert working_schemas(database) == []
    text, current = status_report(awkward.settings(database), explain=True)
    assert current, text


def test_a_main_job_that_finds_another_one_building_takes_its_result(
    awkward: Project, database: Database, tmp_path: Path
) -> None:
    """It waits and then finds the work done: one build, two successes."""
    elsewhere = awkward.copy_to(tmp_path / "another clone")
    database.execute(
        "create extension vector; create table public.builds (at timestamptz);"
        "create function public.count_builds() returns event_trigger language plpgsql as $$ begin"
        "  if exists (select from pg_event_trigger_ddl_commands() where command_tag = 'CREATE SCHEMA'"
        "      and object_identity = 'ost_build') then"
        "    insert into public.builds values (now()); end if; end $$;"
        "create event trigger count_builds on ddl_command_end execute function public.count_builds()"
    )
    with _stopped_at(database, "object_identity = 'ost_build.oddities'") as reached:
        first = _start(awkward, database, OST_SEED_STRATEGY="sql")
        _wait_until(reached)
        second = _start(elsewhere, database, OST_SEED_STRATEGY="sql")
        _wait_until(lambda: _waiting_set_ups(database) == 1)
    shown = [job.communicate(timeout=120)[0].decode() for job in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], "\n".join(shown)
    assert database.query("select count(*) from builds") == [(1,)]
    assert working_schemas(database) == []


def _start(project: Project, database: Database, **variables: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        MATERIALIZE,
        cwd=project.root,
        env=repository_environment(**project.variables(database, **variables)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


_GATE = """
create function public.gate() returns event_trigger language plpgsql as $$
begin
  if exists (select from pg_event_trigger_ddl_commands() where {condition}) then
    perform pg_advisory_lock_shared(77);
    perform pg_advisory_unlock_shared(77);
  end if;
end $$;
create event trigger gate on ddl_command_end execute function public.gate();
"""


@contextmanager
def _stopped_at(database: Database, condition: str) -> Iterator[Callable[[], bool]]:
    """Make the server stop whoever runs DDL for which `condition` holds; yields whether somebody stands there."""
    with database.connect() as keeper:
        keeper.execute("select pg_advisory_lock(77)")
        database.execute(_GATE.format(condition=condition))
        waiting = (
            "select exists (select from pg_locks where locktype = 'advisory' and objid = 77 and not granted"
            " and database = (select oid from pg_database where datname = current_database()))"
        )
        yield lambda: keeper.execute(waiting.encode()).fetchone() == (True,)
        keeper.execute("select pg_advisory_unlock(77)")
    database.execute("drop event trigger gate; drop function public.gate()")


def _kill_when(reached: Callable[[], bool], project: Project, database: Database, **variables: str) -> None:
    """Start the main job and end it with SIGKILL as soon as it is there."""
    job = _start(project, database, **variables)
    assert job.stdout is not None
    try:
        deadline = time.monotonic() + 90
        while not reached():
            assert job.poll() is None, job.stdout.read().decode()
            assert time.monotonic() < deadline, "the job never came there"
            time.sleep(0.002)
    finally:
        job.send_signal(signal.SIGKILL)
        job.wait()
        job.stdout.close()


@pytest.mark.parametrize(
    ("asset", "condition", "strategy"),
    [
        ("postgres_extensions", "object_type = 'extension'", "sql"),
        ("a seed, by dbt", "object_identity ~ 'ost_build.*raw_phrases'", "dbt"),
        ("a model, by SQL", "object_identity = 'ost_build.oddities'", "sql"),
        ("a finished build", "object_type = 'schema' and object_identity ~ 'ost_ready'", "sql"),
        ("test_database", "object_type = 'table' and schema_name = 'public'", "sql"),
    ],
)
def test_killed_at_an_asset_the_old_data_stands_and_a_rerun_heals(
    asset: str, condition: str, strategy: str, awkward: Project, database: Database
) -> None:
    settings = awkward.settings(database, ost_seed_strategy="sql")
    if asset != "postgres_extensions":
        set_up(settings)
        export(settings)
    before, bundle = digests(database), folder_digest(settings.bundle_dir)

    new = {"RECOMMENDATION_TOP_N": "3", "OST_SEED_STRATEGY": strategy}
    with _stopped_at(database, condition) as reached:
        _kill_when(reached, awkward, database, **new)
        assert digests(database) == before
        assert folder_digest(settings.bundle_dir) == bundle

    changed = awkward.settings(database, recommendation_top_n=3, ost_seed_strategy="sql")
    assert run_job(changed).success
    assert database.query("select count(*) from scores") == [(3,)]
    assert status_report(changed, explain=True)[1]
    assert working_schemas(database) == []
    assert _beside(settings.bundle_dir) == []


def test_killed_while_exporting_the_old_bundle_stands_and_a_rerun_sweeps(
    awkward: Project, database: Database
) -> None:
    settings = awkward.settings(database, ost_seed_strategy="sql")
    set_up(settings)
    export(settings)
    bundle = folder_digest(settings.bundle_dir)
    _kill_when(
        lambda: bool(_beside(settings.bundle_dir)),
        awkward,
        database,
        RECOMMENDATION_TOP_N="3",
        OST_SEED_STRATEGY="sql",
    )
    assert _beside(settings.bundle_dir), "the job was done before it was killed"
    assert folder_digest(settings.bundle_dir) == bundle

    changed = awkward.settings(database, recommendation_top_n=3, ost_seed_strategy="sql")
    assert not status_report(changed, explain=False)[1]
    assert run_job(changed).success
    assert status_report(changed, explain=True)[1]
    assert folder_digest(settings.bundle_dir) != bundle
    assert _beside(settings.bundle_dir) == []


def test_a_build_that_was_never_published_is_swept_by_the_next_set_up(
    awkward: Project, database: Database
) -> None:
    seed(awkward.settings(database, recommendation_top_n=3), "sql")
    (name,) = working_schemas(database)
    assert name.startswith("ost_ready_")
    database.execute("update ost_assets.ready set created_at = now() - interval '2 hours'")
    set_up(awkward.settings(database), "sql")
    assert working_schemas(database) == []


def test_a_schema_of_our_working_name_that_is_not_ours_is_left_alone(
    awkward: Project, database: Database
) -> None:
    database.execute("create schema ost_build; create table ost_build.precious (id integer)")
    with pytest.raises(GuardRefused, match="'ost_build' is in the way and was not made by this project"):
        set_up(awkward.settings(database), "sql")
    assert digests(database, "ost_build").keys() == {"precious"}


def test_another_target_schema_leaves_public_alone(awkward: Project, database: Database) -> None:
    database.execute('create table phrases (id integer); create schema "Our data"')
    settings = awkward.settings(database, ost_target_schema="Our data", ost_seed_strategy="sql")
    set_up(settings)
    set_up(awkward.settings(database, ost_target_schema="Our data", recommendation_top_n=2), "sql")
    assert digests(database).keys() == {"phrases"}
    assert len(digests(database, "Our data")) == 5


def _beside(folder: Path) -> list[str]:
    """What an export left beside the bundle, the lock file apart."""
    return sorted(path.name for path in folder.parent.glob(f".{folder.name}.*") if path.suffix != ".lock")
