"""The connection that is rolled back: nothing that a test did to it reaches the next."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from ost_assets.errors import IsolationError
from ost_assets.isolation.pool import ClonePool
from ost_assets.isolation.rollback import RollbackConnection
from ost_assets.isolation.template import Template
from ost_assets.settings import Settings
from tests.isolation import databases, end_session
from tests.servers import Server


@pytest.fixture
def rollback(pool: ClonePool) -> Iterator[RollbackConnection]:
    connection = RollbackConnection(pool)
    yield connection
    connection.close()


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


@pytest.mark.parametrize(
    "ending",
    ["commit", "rollback", "end", "abort", "commit; begin", "commit and chain", "rollback and chain"],
)
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


def test_a_transaction_that_was_ended_before_an_error_does_not_show_in_the_next(
    rollback: RollbackConnection,
) -> None:
    with pytest.raises(errors.DivisionByZero), rollback.transaction() as conn:
        conn.execute("delete from test_similarities; commit; select 1 / 0")
    with rollback.transaction() as conn:
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


@pytest.mark.parametrize("moment", ["closed", "ended while asked", "ended unnoticed", "ended between two"])
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
    elif moment == "ended between two":
        end_session(own_server, str(backend))
    else:
        with rollback.transaction() as conn:
            conn.execute("delete from test_similarities")
            end_session(own_server, str(backend))
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
    assert databases(own_server) == [template.name]
