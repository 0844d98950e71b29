"""The pytest plugin, proven by running tiny suites of somebody else's in an inner pytest."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ost_assets.postgres import embedded
from ost_assets.settings import Settings
from tests.servers import Database, Server

# Other plugins that may be installed here and would show in what is tested.
PLAIN = ("-p", "no:cacheprovider", "-p", "no:postgresql")


@pytest.fixture(scope="module")
def plugin_server() -> Iterator[Server]:
    """A server of these tests' own, so that what stands on it is what the inner suites left."""
    with Server.started(18) as running:
        yield running


@pytest.fixture
def suite(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, plugin_server: Server, ost_bundle_dir: Path
) -> pytest.Pytester:
    """An empty repository whose environment names the server and the bundle."""
    monkeypatch.setenv("DATABASE_URL", Database(plugin_server.target).url)
    monkeypatch.setenv("OST_BUNDLE_DIR", str(ost_bundle_dir))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("OST_HOME")
    pytester.makefile(".toml", pyproject="")
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_subprocess(*PLAIN, *arguments)


def databases(server: Server, kind: str) -> list[str]:
    """The databases of that kind on the server, by the catalog."""
    return [
        name
        for (name,) in Database(server.target).query(
            "select datname from pg_database where datname ~ %s order by 1", f"^ost_{kind}_"
        )
    ]


def test_every_test_has_a_database_of_its_own(suite: pytest.Pytester, plugin_server: Server) -> None:
    suite.makepyfile(
        """
        import asyncio
        import pytest
        from ost_assets.testing import OstDatabase

        SEEN = set()

        @pytest.mark.parametrize("number", range(4))
        def test_changes_stay(ost_database: OstDatabase, number: int) -> None:
            assert ost_database.name not in SEEN
            SEEN.add(ost_database.name)
            with ost_database.connect() as connection:
                assert connection.execute('select count(*) from "USER"').fetchone() == (3,)
                connection.execute('drop table "USER_PROJECT_SIMILARITY"; delete from "USER_CATEGORY"')

        def test_every_kind_of_connection(ost_database: OstDatabase) -> None:
            import psycopg
            from sqlalchemy import text

            query = "select count(*) from test_projects"
            with psycopg.connect(ost_database.url) as connection:
                assert connection.execute(query).fetchone() == (5,)
            with ost_database.engine().connect() as connection:
                assert connection.execute(text(query)).scalar_one() == 5

            async def both():
                async with await ost_database.connect_async() as connection:
                    assert await (await connection.execute(query)).fetchone() == (5,)
                engine = ost_database.engine_async()
                async with engine.connect() as connection:
                    assert (await connection.execute(text(query))).scalar_one() == 5
                await engine.dispose()

            asyncio.run(both())

        def test_what_stays_open_is_in_nobodys_way(ost_database: OstDatabase) -> None:
            import psycopg

            test_what_stays_open_is_in_nobodys_way.kept = [
                ost_database.connect(), psycopg.connect(ost_database.url), ost_database.engine().connect()
            ]

        def test_a_database_may_be_dropped_by_its_test(ost_database: OstDatabase) -> None:
            import psycopg

            with ost_database.connect(dbname="postgres", autocommit=True) as connection:
                connection.execute(f"drop database {ost_database.name} with (force)")
        """
    )
    run(suite, "-W", "error").assert_outcomes(passed=7)
    assert databases(plugin_server, "(clone|building)") == []
    assert len(databases(plugin_server, "template")) == 1


def test_a_connection_is_rolled_back_and_costs_no_database(
    suite: pytest.Pytester, plugin_server: Server
) -> None:
    suite.makepyfile(
        """
        import psycopg
        import pytest

        BACKENDS = set()

        @pytest.mark.parametrize("number", range(3))
        def test_it_is_as_if_nothing_had_happened(ost_connection, number):
            BACKENDS.add(ost_connection.info.backend_pid)
            assert ost_connection.execute("delete from test_similarities").rowcount == 15
            with pytest.raises(psycopg.errors.UniqueViolation), ost_connection.transaction():
                ost_connection.execute("insert into test_users select * from test_users")
            assert ost_connection.execute("select count(*) from test_users").fetchone() == (3,)

        def test_it_was_one_connection():
            assert len(BACKENDS) == 1

        def test_commit_is_refused_by_psycopg(ost_connection):
            with pytest.raises(psycopg.ProgrammingError, match="commit"):
                ost_connection.commit()

        def test_that_commits_in_sql(ost_connection):
            ost_connection.execute("delete from test_similarities")
            ost_connection.execute("commit")

        def test_after_it(ost_connection):
            assert ost_connection.execute("select count(*) from test_similarities").fetchone() == (15,)
        """
    )
    result = run(suite)
    result.assert_outcomes(passed=7, errors=1)
    result.stdout.fnmatch_lines(
        ["the test ended the transaction of its connection by COMMIT or ROLLBACK in SQL", "*ost_database*"]
    )
    assert "rollback.py" not in result.stdout.str()
    assert databases(plugin_server, "clone") == []


def test_the_bundle_needs_no_database(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    suite.makepyfile(
        """
        from datetime import UTC, datetime
        from uuid import UUID
        from ost_assets.testing import OstBundle

        def test_by_name(ost_bundle: OstBundle) -> None:
            user = ost_bundle.users["test_user_1"]
            assert user.id == UUID("123e4567-e89b-12d3-a456-426614174000")
            assert ost_bundle.projects["Go Microservice"].stargazers_count == 1200
            best = max(
                (s for s in ost_bundle.similarities if s.user_id == user.id), key=lambda s: s.similarity_score
            )
            assert best.project_id == ost_bundle.projects["Python ML Project"].id

        def test_as_rows_and_as_arrow(ost_bundle: OstBundle) -> None:
            table = ost_bundle["embed_USERS"]
            assert len(table) == len(table.rows) == table.arrow().num_rows == 3
            assert len(table.rows[0]["embedding_vector"]) == 384
            by_name = ost_bundle["USER"].by("username")
            assert isinstance(by_name["test_user_2"]["created_at"], datetime)
            assert by_name["test_user_2"]["created_at"].tzinfo is UTC or by_name["test_user_2"]["created_at"].utcoffset().seconds == 0
        """
    )
    run(suite).assert_outcomes(passed=2)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_failing_tests_database_is_kept_and_its_url_stands_in_the_report(
    workers: str, suite: pytest.Pytester, plugin_server: Server
) -> None:
    suite.makepyfile(
        """
        import pytest

        def test_that_passes(ost_database):
            pass

        def test_that_fails(ost_database):
            with ost_database.connect() as connection:
                connection.execute("create table evidence as select 'here' as word")
            assert not "this"

        @pytest.fixture
        def prepared(ost_database):
            with ost_database.connect() as connection:
                connection.execute("create table evidence as select 'there' as word")
            raise RuntimeError("in a fixture")

        def test_whose_fixture_fails(prepared):
            pass

        @pytest.mark.xfail(reason="known", strict=True)
        def test_that_is_known_to_fail(ost_database):
            assert not "that"
        """
    )
    result = run(suite, "-n", workers)
    result.assert_outcomes(passed=1, failed=1, errors=1, xfailed=1)
    shown = result.stdout.str()
    urls = re.findall(r"-+ ost database, kept -+\n(postgresql://\S+)", shown)
    assert len(urls) == 2
    words = set()
    for url in urls:
        with psycopg.connect(url) as connection:
            words |= set(connection.execute("select word from evidence").fetchall())
    assert words == {("here",), ("there",)}
    kept = databases(plugin_server, "clone")
    assert len(kept) == 2
    assert all(name.startswith("ost_clone_gw" if workers == "2" else "ost_clone_main") for name in kept)
    for name in kept:
        Database(plugin_server.target).execute(f"drop database {name}")


def test_a_run_in_which_everything_fails_does_not_fill_the_server(
    suite: pytest.Pytester, plugin_server: Server
) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(12))
        def test_that_fails(ost_database, number):
            assert not "this"
        """
    )
    result = run(suite)
    result.assert_outcomes(failed=12)
    assert result.stdout.str().count("dropped: 10 are kept already") == 2
    kept = databases(plugin_server, "clone")
    assert len(kept) == 10
    for name in kept:
        Database(plugin_server.target).execute(f"drop database {name}")


def test_under_xdist_there_is_one_server_and_one_template(
    suite: pytest.Pytester, plugin_server: Server
) -> None:
    for name in databases(plugin_server, "template"):
        admin = Database(plugin_server.target)
        admin.execute(f"alter database {name} is_template false")
        admin.execute(f"drop database {name}")
    suite.makepyfile(
        """
        import os, pytest

        @pytest.mark.parametrize("number", range(12))
        def test_one(ost_database, number, record_property):
            assert ost_database.name.startswith(f"ost_clone_{os.environ['PYTEST_XDIST_WORKER']}_")
            with ost_database.connect() as connection:
                row = connection.execute(
                    "select system_identifier::text, (select count(*)::int from pg_database where datistemplate"
                    " and datname like 'ost_template_%') from pg_control_system()"
                ).fetchone()
            print("SERVER", row)
        """
    )
    result = run(suite, "-n", "3", "-rP")
    result.assert_outcomes(passed=12)
    assert len(set(re.findall(r"^SERVER .*$", result.stdout.str(), re.MULTILINE))) == 1
    assert len(databases(plugin_server, "template")) == 1
    assert databases(plugin_server, "(clone|building)") == []


def test_an_installed_plugin_works_in_a_folder_with_spaces_and_no_server(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ost_bundle_dir: Path
) -> None:
    """The embedded server's command line broke at the space; all workers start it at once here."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        home = Path(place) / "zwei Wörter" / ".ost"
        monkeypatch.setenv("OST_HOME", str(home))
        monkeypatch.setenv("OST_BUNDLE_DIR", str(ost_bundle_dir))
        monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
        pytester.makepyfile(
            """
            import pytest

            @pytest.mark.parametrize("number", range(4))
            def test_one(ost_database, number):
                with ost_database.connect() as connection:
                    assert connection.execute("select count(*) from test_users").fetchone() == (3,)
            """
        )
        try:
            run(pytester, "-n", "2", "--ost-require").assert_outcomes(passed=4)
        finally:
            running = embedded.running(home / "postgres-18")
            assert embedded.stop(home / "postgres-18")
        assert running is not None
        assert not Path(running.host).exists()


SHOW = """
    def test_show(ost_settings):
        print("POOL", ost_settings.ost_pool_size, "BUNDLE", ost_settings.bundle_dir, "REQUIRE", ost_settings.ost_require)
        print("URL", ost_settings.database_url.get_secret_value())
"""


def test_settings_come_from_the_command_line_then_the_environment_then_the_ini_file(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.makepyfile(SHOW)
    for name in ("DATABASE_URL", "OST_BUNDLE_DIR"):
        monkeypatch.delenv(name)
    suite.makeini(
        "[pytest]\nost_pool_size = 3\nost_bundle = in/ini\nost_require = true\nost_url = postgresql://h/from_ini\n"
    )
    by_ini = run(suite, "-s").stdout.str()
    assert f"POOL 3 BUNDLE {suite.path / 'in' / 'ini'} REQUIRE True" in by_ini
    assert "URL postgresql://h/from_ini" in by_ini

    monkeypatch.setenv("OST_POOL_SIZE", "4")
    monkeypatch.setenv("OST_BUNDLE_DIR", "/in/env")
    monkeypatch.setenv("OST_REQUIRE", "0")
    monkeypatch.setenv("DATABASE_URL", "postgresql://h/from_env")
    by_environment = run(suite, "-s").stdout.str()
    assert "POOL 4 BUNDLE /in/env REQUIRE False" in by_environment
    assert "URL postgresql://h/from_env" in by_environment

    options = (
        "--ost-pool-size=5",
        "--ost-bundle=/in/cli",
        "--ost-require",
        "--ost-url=postgresql://h/from_cli",
    )
    by_command_line = run(suite, "-s", *options).stdout.str()
    assert "POOL 5 BUNDLE /in/cli REQUIRE True" in by_command_line
    assert "URL postgresql://h/from_cli" in by_command_line


def test_a_fixture_in_a_conftest_has_the_last_word(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ost_settings: Settings
) -> None:
    for name in ("DATABASE_URL", "OST_BUNDLE_DIR"):
        monkeypatch.delenv(name)
    assert ost_settings.database_url is not None
    suite.makeconftest(
        f"""
        import pytest
        from ost_assets.settings import load_settings

        @pytest.fixture(scope="session")
        def ost_settings():
            return load_settings(
                database_url={ost_settings.database_url.get_secret_value()!r},
                ost_bundle_dir={str(ost_settings.bundle_dir)!r},
            )
        """
    )
    suite.makepyfile(
        "def test_one(ost_connection): assert ost_connection.execute('select 1').fetchone() == (1,)"
    )
    run(suite).assert_outcomes(passed=1)


def test_the_header_names_server_pgvector_and_bundle(
    suite: pytest.Pytester, ost_bundle_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.makepyfile("def test_one(): pass")
    line = r"ost: PostgreSQL 18\.\d+.*, pgvector \d+\.\d+\.\d+, bundle [0-9a-f]{16} in "
    assert re.search(line + re.escape(str(ost_bundle_dir)), run(suite).stdout.str())
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:geheim@127.0.0.1:1/none")
    down = run(suite).stdout.str()
    assert re.search(r"ost: PostgreSQL does not answer: .*127\.0\.0\.1.*, bundle ", down)
    assert "geheim" not in down
    monkeypatch.delenv("DATABASE_URL")
    assert "ost: embedded PostgreSQL 18, starts when a test needs it, bundle " in run(suite).stdout.str()
    monkeypatch.setenv("OST_BUNDLE_DIR", str(suite.path / "nowhere"))
    assert "ost: " not in run(suite).stdout.str()


ONE_OF_EACH = """
    def test_database(ost_database): pass
    def test_connection(ost_connection): pass
"""


@pytest.mark.parametrize(
    ("variable", "value", "missing"),
    [
        ("DATABASE_URL", "postgresql://me:geheim@127.0.0.1:1/none", "PostgreSQL does not answer"),
        ("OST_BUNDLE_DIR", "/nowhere/at/all", "there is no bundle"),
        ("OST_OPTIONAL_EXTENSIONS", "", ""),
    ],
    ids=["no server", "no bundle", "all there"],
)
def test_what_is_missing_is_a_skip_that_says_so_and_an_error_where_it_is_required(
    variable: str, value: str, missing: str, suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    suite.makepyfile(ONE_OF_EACH)
    skipped, required = run(suite, "-rs"), run(suite, "--ost-require")
    if not missing:
        skipped.assert_outcomes(passed=2)
        required.assert_outcomes(passed=2)
        return
    skipped.assert_outcomes(skipped=2)
    required.assert_outcomes(errors=2)
    for shown in (skipped.stdout.str(), required.stdout.str()):
        assert missing in shown
        assert "geheim" not in shown
        assert "Traceback" not in shown
    assert "what to do:" in required.stdout.str()


def test_a_damaged_bundle_is_an_error_and_never_a_skip(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ost_bundle_dir: Path
) -> None:
    damaged = suite.path / "damaged"
    shutil.copytree(ost_bundle_dir, damaged)
    manifest = damaged / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"rows": 3', b'"rows": "x"', 1))
    monkeypatch.setenv("OST_BUNDLE_DIR", str(damaged))
    suite.makepyfile(ONE_OF_EACH + "    def test_bundle(ost_bundle): pass\n")
    result = run(suite)
    result.assert_outcomes(errors=3)
    assert "manifest.json is damaged at tables." in result.stdout.str()


def test_a_malformed_setting_is_one_readable_error(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OST_POOL_SIZE", "many")
    suite.makepyfile(ONE_OF_EACH)
    result = run(suite)
    result.assert_outcomes(errors=2)
    assert "OST_POOL_SIZE is 'many'" in result.stdout.str()
    assert "site-packages" not in result.stdout.str()


def test_neither_dagster_nor_dbt_is_imported(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import sys

        def test_all(ost_bundle, ost_database, ost_connection):
            assert ost_bundle.users
            heavy = {"dagster", "dbt", "dbt_common", "pandas", "pyarrow", "rich", "sqlalchemy"}
            assert heavy & {name.split(".")[0] for name in sys.modules} == set()
        """
    )
    run(suite).assert_outcomes(passed=1)


def test_a_suite_that_asks_for_nothing_pays_nothing(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OST_BUNDLE_DIR", str(suite.path / "nowhere"))
    suite.makepyfile(
        """
        import sys

        def test_one():
            assert "psycopg" not in sys.modules
        """
    )
    run(suite).assert_outcomes(passed=1)
