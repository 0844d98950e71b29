"""The only place that opens a connection; the guard's first half stands in its way.

Sessions are pinned to one spelling of times, floats and bytes, so that content is the same text everywhere.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import Connection, errors, sql

from ost_assets.errors import AccessDenied, ServerFailed, ServerUnreachable
from ost_assets.postgres import embedded
from ost_assets.postgres.target import Target, configured_target, refuse_production

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ost_assets.settings import Settings

Conn = Connection[tuple[Any, ...]]

# One spelling of every value, whatever the server's or the role's defaults are.
SESSION_SETTINGS: dict[str, str] = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "client_min_messages": "warning",
    # The session that holds the set-up lock is idle while dbt works.
    "idle_session_timeout": "0",
}
_CONNECT_SECONDS = 10
# Advisory locks, numbered from "ost_asse". One set-up at a time in a database; extensions alone have a lock of
# their own, because who waited there must not take it for having waited for a build; so have templates.
SETUP_KEY = 0x6F73745F61737365
EXTENSIONS_KEY = SETUP_KEY + 1
TEMPLATES_KEY = SETUP_KEY + 2
_POLL_SECONDS = 0.1


def find_target(settings: Settings) -> Target:
    """Where the database is, without starting anything.

    Raises:
        SettingsError: the variables are malformed or contradict each other.
        GuardRefused: the address says production.
        ServerUnreachable: the embedded server is meant and does not run.
    """
    target = configured_target(settings) or embedded.running(settings.embedded_data_dir)
    if target is None:
        raise ServerUnreachable(
            "the embedded PostgreSQL is not running",
            looked=str(settings.embedded_data_dir),
            remedy="run `ost-assets setup`, or set DATABASE_URL",
        )
    refuse_production(target, settings.ost_allow_database)
    return target


def ensure_target(settings: Settings) -> Target:
    """As `find_target`, starting the embedded server where that one is meant and down."""
    if settings.uses_embedded_server and embedded.running(settings.embedded_data_dir) is None:
        embedded.start(settings.embedded_data_dir, settings.ost_embedded_version)
    return find_target(settings)


@contextmanager
def connect(settings: Settings, target: Target | None = None) -> Iterator[Conn]:
    """An autocommit connection to the target, closed at the end.

    Server errors that leave the block come out as this package's own, with a remedy.

    Raises:
        ServerUnreachable, AccessDenied, ServerFailed, GuardRefused, SettingsError.
    """
    target = target or find_target(settings)
    refuse_production(target, settings.ost_allow_database)
    with translated_errors(target), _open(target) as conn:
        timeouts = {
            "statement_timeout": f"{settings.ost_statement_timeout}s",
            "lock_timeout": f"{settings.ost_lock_timeout}s",
            # A client that hangs must not hold the tables of everybody else for ever.
            "idle_in_transaction_session_timeout": f"{settings.ost_statement_timeout}s",
        }
        apply_settings(conn, SESSION_SETTINGS | timeouts)
        yield conn


def apply_settings(conn: Conn, values: dict[str, str], *, local: bool = False) -> None:
    """Set session variables (or, with `local`, until the end of the transaction) in one round trip."""
    calls = sql.SQL(", ").join(
        sql.SQL("set_config({}, {}, {})").format(name, value, local) for name, value in values.items()
    )
    conn.execute(sql.SQL("select {}").format(calls))


def set_search_path(conn: Conn, schema: str) -> None:
    """Make unqualified names mean `schema`, then where the extensions live."""
    path = sql.SQL("{}, public").format(sql.Identifier(schema)).as_string(conn)
    apply_settings(conn, {"search_path": path})


def scalar(conn: Conn, query: str, *args: object) -> Any:
    """The first column of the first row; there has to be one."""
    row = conn.execute(query, args or None).fetchone()
    assert row is not None
    return row[0]


@contextmanager
def exclusive(conn: Conn, key: int = SETUP_KEY, *, timeout: float) -> Iterator[bool]:
    """Hold one of the database's advisory locks. Yields whether somebody else held it when we came.

    Who needs several takes them in the order of their numbers.

    Args:
        key: `SETUP_KEY`, `EXTENSIONS_KEY` or `TEMPLATES_KEY`.
        timeout: seconds to wait for the other one.

    Raises:
        ServerFailed: it is still held after that time.
    """
    waited, deadline = False, time.monotonic() + timeout
    while not scalar(conn, "select pg_try_advisory_lock(%s)", key):
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"another set-up has held this database for {timeout:.0f} s",
                looked="pg_locks, locktype advisory",
                remedy="wait for it or end it; OST_WAIT_TIMEOUT sets the seconds",
            )
        waited = True
        time.sleep(_POLL_SECONDS)
    try:
        yield waited
    finally:
        if not conn.closed:
            conn.execute("select pg_advisory_unlock(%s)", [key])


@contextmanager
def translated_errors(target: Target) -> Iterator[None]:
    """Turn psycopg's errors into this package's, so that no skin has to know psycopg."""
    try:
        yield
    except (errors.DiskFull, errors.OutOfMemory, errors.TooManyConnections) as error:
        raise ServerFailed(
            f"the server is out of something: {_first_line(error)}",
            looked=target.url,
            remedy="free disk space, memory or connections there and run again; nothing was published",
        ) from error
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction) as error:
        raise AccessDenied(
            f"the role {target.user!r} may not do this: {_first_line(error)}",
            looked=target.url,
            remedy="grant it CREATE on the database and on the target schema, on a server that takes writes",
        ) from error
    except (errors.QueryCanceled, errors.LockNotAvailable) as error:
        raise ServerFailed(
            f"a statement was given up: {_first_line(error)}",
            looked=target.url,
            remedy="see what blocks it in pg_stat_activity; OST_STATEMENT_TIMEOUT and OST_LOCK_TIMEOUT set the seconds",
        ) from error
    except psycopg.OperationalError as error:
        raise ServerFailed(
            f"the connection broke: {_first_line(error)}",
            looked=target.url,
            remedy="see whether the server still runs, then run again; nothing was published",
        ) from error
    except psycopg.Error as error:
        raise ServerFailed(
            f"PostgreSQL refused: {_first_line(error)}",
            looked=f"{target.url}, {type(error).__name__} {error.sqlstate or ''}".rstrip(),
            remedy="nothing was published; if the data is not to blame, please report this as a bug",
        ) from error


def _open(target: Target) -> Conn:
    try:
        return psycopg.connect(
            **{  # type: ignore[arg-type]
                "connect_timeout": _CONNECT_SECONDS,
                **target.params,
                "application_name": "ost_assets",
                "autocommit": True,
            }
        )
    except psycopg.OperationalError as error:
        message = _first_line(error)
        if isinstance(error, errors.InvalidPassword) or "authentication failed" in message:
            raise AccessDenied(
                f"the server refuses the role {target.user!r} or its password",
                looked=target.url,
                remedy="correct DATABASE_URL or POSTGRES_USER and POSTGRES_PASSWORD",
            ) from None
        if "does not exist" in message:
            raise ServerUnreachable(
                f"the server answers, but not with that database or role: {message}",
                looked=target.url,
                remedy=f"createdb {target.dbname}, or correct DATABASE_URL",
            ) from None
        raise ServerUnreachable(
            f"PostgreSQL does not answer: {message}",
            looked=target.url,
            remedy="start the server, or correct host and port; unset DATABASE_URL to use the embedded one",
        ) from None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
