"""Tests that fail (or fail now and then) on bugs of the package; append to test_isolation.py once fixed."""

from __future__ import annotations

import tests.integration.test_isolation as _all

globals().update({k: v for k, v in vars(_all).items() if not k.startswith(("test_", "__"))})
from tests.integration.test_isolation import (
    _age,
    _as,
    _ask_at_once,
    _clear,
    _clone_of,
    _databases,
    _end_session,
    _ensure,
    _in_bundle,
    _mark,
    _on,
    _role,
    _sweep,
    _wait_until,
    _with,
)


# 1, some three runs in a hundred
def test_those_who_ask_from_two_databases_of_one_server_get_one_template(
    ost: Project, settings: Settings, own_server: Server
) -> None:
    """An advisory lock is of one database, so that here two may build; one of them wins."""
    _clear(own_server, "^ost_")
    with own_server.database() as one, own_server.database() as other:
        said = _ask_at_once(ost, settings, [one, other] * 4)
    assert len(said) == 8
    (name,) = {line.split()[0] for line in said}
    assert _databases(own_server) == [name]
    with _clone_of(settings) as clone:
        assert digests(clone) == _in_bundle(settings.bundle_dir)


# 1
def test_a_template_that_another_is_just_renaming_is_waited_for_and_taken(
    settings: Settings, own_server: Server, template: Template
) -> None:
    admin = Database(own_server.target)
    mark = _mark(own_server, template.name)
    admin.execute(f"alter database {template.name} is_template false")
    admin.execute(f"alter database {template.name} rename to taken_away")
    found: list[Template | OstError] = []

    def ask() -> None:
        try:
            found.append(_ensure(settings))
        except OstError as error:
            found.append(error)

    blocked = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    asking = threading.Thread(target=ask)
    with admin.connect() as conn:
        with conn.transaction():
            conn.execute(f"alter database taken_away rename to {template.name}")
            write_mark(conn, template.name, mark)
            asking.start()
            _wait_until(lambda: admin.query(blocked) == [(1,)])
        asking.join()
    assert found == [replace(template, built=False)]


# 2
@pytest.mark.parametrize(
    "state", ["named like production", "refuses connections", "left by a cancelled drop"]
)
def test_a_database_that_cannot_be_looked_into_is_left_alone_and_keeps_nobody_from_anything(
    state: str, settings: Settings, own_server: Server, template: Template
) -> None:
    admin = Database(own_server.target)
    name = "ost_clone_live_0123456789abcdef" if state.startswith("named") else FOREIGN
    with _role(own_server, "createdb") as role:
        theirs = settings
        admin.execute(f"create database {name}")
        if state.startswith("refuses"):
            theirs = _as(role, settings)
            admin.execute(f"alter database {name} owner to {role}")
            admin.execute(f"alter database {name} connection limit 0")
        elif state.startswith("left"):
            admin.execute(f"update pg_database set datconnlimit = -2 where datname = '{name}'")
        try:
            assert _sweep(theirs) == []
            assert name in _databases(own_server)
        finally:
            admin.execute(f"drop database {name}")


# 3
@pytest.mark.parametrize("ending", ["commit; begin", "commit and chain", "rollback and chain"])
def test_a_transaction_that_was_ended_and_followed_by_another_is_noticed(
    ending: str, rollback: RollbackConnection
) -> None:
    with pytest.raises(IsolationError, match="ended the transaction"), rollback.transaction() as conn:
        conn.execute(f"delete from test_similarities; {ending}")
    with rollback.transaction() as conn:
        assert conn.execute("select count(*) from test_similarities").fetchone() == (15,)


def test_a_transaction_that_was_ended_before_an_error_does_not_show_in_the_next(
    rollback: RollbackConnection,
) -> None:
    with pytest.raises(errors.DivisionByZero), rollback.transaction() as conn:
        conn.execute("delete from test_similarities; commit; select 1 / 0")
    with rollback.transaction() as conn:
        assert conn.execute("select count(*) from test_similarities").fetchone() == (15,)


# 4
def test_an_error_that_nobody_fetched_does_not_keep_the_pool_from_tidying_up(
    settings: Settings, own_server: Server, template: Template
) -> None:
    with ClonePool(settings, "test", 2) as pool:
        _wait_until(lambda: len(_databases(own_server, "clone")) == 2)
        _end_session(own_server, _mark(own_server, _databases(own_server, "clone")[0]).session)
        kept, used = pool.get(), pool.get()
        pool.keep(kept, "a test")
        pool.give_back(used)
    assert _databases(own_server) == [template.name, kept.name]
    assert _mark(own_server, kept.name).kept_for == "a test"


# 5
def test_the_clones_of_a_pool_that_lives_on_over_another_connection_are_not_swept(
    settings: Settings, own_server: Server
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        (ready,) = _databases(own_server, "clone")
        before = _mark(own_server, ready).session
        _end_session(own_server, before)
        first = pool.get()
        second = pool.get()
        _wait_until(lambda: _mark(own_server, second.name).session != before)
        _age(own_server, first.name, DAY)
        assert _sweep(settings) == []
        pool.give_back(first)
        pool.give_back(second)


# 6
def test_a_clone_that_a_test_made_a_template_is_no_trouble_for_the_others(
    settings: Settings, own_server: Server
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        odd, plain = pool.get(), pool.get()
        Database(own_server.target).execute(f"alter database {odd.name} is_template true")
        pool.give_back(odd)
        pool.give_back(plain)
    assert set(_databases(own_server, "clone")) <= {odd.name}


# 7
def test_a_clone_that_was_never_given_back_is_dropped_with_its_pool(
    settings: Settings, own_server: Server
) -> None:
    with ClonePool(settings, "test", 1) as pool:
        pool.get()
    assert _databases(own_server, "clone") == []


# 8, for tests/unit
@pytest.mark.parametrize(
    "text", ["host=h password=geheim dbname=d", "postgresql:/u:geheim@h/d", "u:geheim@h/d"]
)
def test_what_is_no_url_does_not_show_a_password_either(text: str, settings: Settings) -> None:
    with pytest.raises(OstError) as caught:
        drop_once(settings, text)
    assert "geheim" not in str(caught.value)


# 10
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


# 11
def test_who_lacks_the_extension_is_told_where_it_has_to_be(settings: Settings, own_server: Server) -> None:
    _clear(own_server, "^ost_")
    with _role(own_server, "createdb") as role, pytest.raises(AccessDenied) as caught:
        _ensure(_as(role, settings))
    assert "template1" in caught.value.remedy, str(caught.value)


# 12
def test_a_comment_in_another_encoding_is_somebody_elses(settings: Settings, own_server: Server) -> None:
    admin = Database(own_server.target)
    admin.execute("create database taken_latin encoding 'LATIN1' template template0 locale 'C'")
    admin.execute("create database ost_old")
    _on(own_server, "taken_latin").execute("comment on database ost_old is U&'f\\00fcr'")
    assert _sweep(settings) == []


# 13
def test_who_was_slower_does_not_say_that_he_built_it(
    settings: Settings, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    _clear(own_server, "^ost_")

    def measure_late(conn: Any, name: str) -> dict[str, float]:
        monkeypatch.setattr(templates, "measure", measure)
        with own_server.database() as elsewhere:
            assert _ensure(_with(settings, elsewhere)).built
        return measure(conn, name)

    monkeypatch.setattr(templates, "measure", measure_late)
    assert not _ensure(settings).built


# 14
def test_a_connection_that_was_killed_between_two_tests_is_replaced(
    rollback: RollbackConnection, own_server: Server
) -> None:
    with rollback.transaction() as conn:
        backend = conn.info.backend_pid
    _end_session(own_server, str(backend))
    with rollback.transaction() as conn:
        assert conn.info.backend_pid != backend


# 15
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


# 16
def test_the_next_call_after_an_error_tries_again(settings: Settings, own_server: Server) -> None:
    admin = Database(own_server.target)
    with own_server.database() as gate, ClonePool(_with(settings, gate), "test", 1) as pool:
        admin.execute(f"alter database {gate.target.dbname} allow_connections false")
        _end_session(own_server, _mark(own_server, _databases(own_server, "clone")[0]).session)
        given = [pool.get()]
        with pytest.raises(ServerUnreachable):
            pool.get()
        time.sleep(0.5)
        admin.execute(f"alter database {gate.target.dbname} allow_connections true")
        given.append(pool.get())
        for clone in given:
            pool.give_back(clone)
