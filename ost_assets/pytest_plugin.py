"""pytest fixtures over the bundle and its clones, for this repository and any other.

`ost_bundle` needs no database, `ost_connection` rolls back, `ost_database` is the test's own. Every pytest run
in an environment that has this package loads this file, so what is heavy is imported where it is needed.

Each setting is taken from the command line, else the environment (and `.env`), else the ini file, else its
default: `--ost-bundle`, `OST_BUNDLE_DIR`, `ost_bundle`, and so on. Override the fixture `ost_settings` to set
them in code.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from ost_assets.isolation.rollback import RollbackConnection
    from ost_assets.postgres.connect import Conn
    from ost_assets.settings import Settings
    from ost_assets.testing import ClonePool, OstBundle, OstDatabase


@dataclass(frozen=True)
class Option:
    """A setting of the plugin: `field` of `Settings`, `name` in the ini file, `--ost-…` on the command line."""

    field: str
    name: str
    help: str
    kind: Literal["string", "bool"] = "string"

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


OPTIONS = (
    Option("ost_bundle_dir", "ost_bundle", "folder of the fixture bundle (OST_BUNDLE_DIR)"),
    Option("database_url", "ost_url", "libpq URL of the server that clones are made on (DATABASE_URL)"),
    Option("ost_pool_size", "ost_pool_size", "clones ready ahead of time, per worker (OST_POOL_SIZE, 2)"),
    Option("ost_require", "ost_require", "fail where no server or bundle can be had (OST_REQUIRE)", "bool"),
)
# More than anybody looks at; without a limit a run in which everything fails would fill the server.
_KEPT_PER_WORKER = 10


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ost", "ost-assets: seeded databases for tests")
    for option in OPTIONS:
        # None means unset in both places, so that the next one in the order decides.
        action = "store_true" if option.kind == "bool" else "store"
        group.addoption(option.flag, action=action, default=None, help=option.help)
        parser.addini(option.name, option.help, type=option.kind, default=None)


def _settings(config: pytest.Config) -> Settings:
    from ost_assets.settings import SERVER_PARTS, load_settings

    options = {option.field: config.getoption(option.flag) for option in OPTIONS}
    given = {field: value for field, value in options.items() if value is not None}
    if "database_url" in given:
        given |= dict.fromkeys(SERVER_PARTS)  # the URL is the server, whatever the environment says
    set_outside = load_settings(**given).model_fields_set
    for option in OPTIONS:
        value = config.getini(option.name)
        one_place = (
            SERVER_PARTS.keys() | {"database_url"} if option.field == "database_url" else {option.field}
        )
        if value not in (None, "", []) and set_outside.isdisjoint(one_place):
            given[option.field] = value
            if option.field == "ost_bundle_dir":  # relative to the ini file, as pytest's own are
                given[option.field] = (config.inipath or config.rootpath / "none").parent / value
    settings = load_settings(**given)
    # Absolute from here on: a test may go to another folder.
    return settings.model_copy(update={"ost_bundle_dir": settings.bundle_dir})


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Server, pgvector and bundle, where there is a bundle; says nothing in a repository that has none."""
    from ost_assets.errors import OstError

    try:
        settings = _settings(config)
        if not settings.bundle_dir.is_dir():
            return []
        from ost_assets.bundle.manifest import read_fingerprint

        fingerprint = read_fingerprint(settings.bundle_dir) or "(damaged)"
        return [f"ost: {_server(settings)}, bundle {fingerprint[:16]} in {settings.bundle_dir}"]
    except OstError as error:
        return [f"ost: {error.what}"]
    except OSError as error:  # an unreadable .env; the fixtures will say more
        return [f"ost: {error}"]


def _server(settings: Settings) -> str:
    from ost_assets.errors import ServerUnreachable
    from ost_assets.postgres.connect import connect, find_target

    try:
        target = find_target(settings)
        # Nobody waits long for a line of the header.
        quick = replace(target, options=(("connect_timeout", "2"), *target.options))
        with connect(settings, quick) as conn:
            row = conn.execute(
                "select default_version from pg_available_extensions where name = 'vector'"
            ).fetchone()
            vector = f"pgvector {row[0]}" if row else "without pgvector"
            return f"PostgreSQL {conn.info.parameter_status('server_version')}, {vector}"
    except ServerUnreachable as error:
        if settings.uses_embedded_server:
            return f"embedded PostgreSQL {settings.ost_embedded_version}, starts when a test needs it"
        return error.what


@pytest.fixture(scope="session")
def ost_settings(pytestconfig: pytest.Config) -> Settings:
    """Where bundle and server are. Override it to set that in code."""
    with _readable():
        return _settings(pytestconfig)


@pytest.fixture(scope="session")
def ost_bundle(ost_settings: Settings) -> OstBundle:
    """The fixtures without any database: `ost_bundle.users["test_user_1"].id`, `ost_bundle["USER"].rows`."""
    from ost_assets.testing import OstBundle

    with _readable(may_skip=not ost_settings.ost_require):
        return OstBundle(ost_settings.bundle_dir)


@pytest.fixture(scope="session")
def ost_pool(ost_settings: Settings) -> Iterator[ClonePool]:
    """Clones for what needs more than one, or one for longer than a test: `get()` and `give_back()`."""
    from ost_assets.testing import ClonePool

    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    with ExitStack() as stack:
        with _readable(may_skip=not ost_settings.ost_require):
            pool = stack.enter_context(ClonePool(ost_settings, worker, ost_settings.ost_pool_size))
        yield pool


@pytest.fixture
def ost_database(request: pytest.FixtureRequest, ost_pool: ClonePool) -> Iterator[OstDatabase]:
    """A database of this test's own, cloned from the template. Kept if the test fails; the report has its URL."""
    with _readable():
        database = ost_pool.get()
    request.node.stash[_DATABASE] = database
    yield database
    if database.name in request.config.stash.get(_KEPT, ()):
        ost_pool.keep(database, request.node.nodeid)
    else:
        ost_pool.give_back(database)


@pytest.fixture(scope="session")
def _ost_rollback(ost_pool: ClonePool) -> Iterator[RollbackConnection]:
    from ost_assets.isolation.rollback import RollbackConnection

    connection = RollbackConnection(ost_pool)
    yield connection
    connection.close()


@pytest.fixture
def ost_connection(_ost_rollback: RollbackConnection) -> Iterator[Conn]:
    """A psycopg connection in a transaction that is rolled back at the end: the cheapest way to be alone."""
    with _readable(), _ost_rollback.transaction() as connection:
        yield connection


_DATABASE: pytest.StashKey[OstDatabase] = pytest.StashKey()
# Names of the databases of failed tests.
_KEPT: pytest.StashKey[set[str]] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the database of a test that failed, and say where it is."""
    report = yield
    database = item.stash.get(_DATABASE, None)
    if database is not None and report.failed and report.when != "teardown":
        kept = item.config.stash.setdefault(_KEPT, set())
        if len(kept) < _KEPT_PER_WORKER:
            kept.add(database.name)
            report.sections.append(("ost database, kept", database.url_without_password))
        else:
            report.sections.append(("ost database", f"dropped: {len(kept)} are kept already"))
    return report


@contextmanager
def _readable(*, may_skip: bool = False) -> Iterator[None]:
    """Our errors without a traceback of our own; as a skip where something is merely not there."""
    from ost_assets.errors import AccessDenied, BundleMissing, ExtensionMissing, OstError, ServerUnreachable

    try:
        yield
        return
    except OstError as error:
        met = error
    # Out here, so that pytest does not show the error a second time as the cause of itself.
    missing = isinstance(met, BundleMissing | ServerUnreachable | ExtensionMissing | AccessDenied)
    if missing and may_skip:
        pytest.skip(str(met))
    pytest.fail(str(met), pytrace=False)
