"""The table "When dbt fails", row by row, with seeders that do as they are told and no server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from psycopg import sql

from ost_assets.errors import (
    AccessDenied,
    CheckFailed,
    DbtCause,
    DbtFailed,
    DegradedRefused,
    GuardRefused,
    InputInvalid,
    LockBroken,
    LockMissing,
    LockStale,
    OstError,
    ServerFailed,
    ServerUnreachable,
)
from ost_assets.fingerprint import Fingerprint, dbt_files, fingerprint
from ost_assets.postgres import bookkeeping
from ost_assets.postgres.bookkeeping import BUILD_SCHEMA, Ready
from ost_assets.postgres.catalog import Column, Table
from ost_assets.postgres.digest import Content
from ost_assets.postgres.target import Target
from ost_assets.seeding import audit, strategy
from ost_assets.seeding.graph import Graph, Node
from ost_assets.seeding.lock import Lock
from ost_assets.seeding.report import CheckResult, NodeResult, Report
from ost_assets.seeding.seeder import Progress, Seeded
from ost_assets.settings import SeedStrategy, Settings, default_parameters, load_settings

CAUSES = get_args(DbtCause)
GREEN = Seeded((NodeResult("seed.t.s", 0.1),), (CheckResult("test.t.c", "c", "pass", 0),))
RED = replace(GREEN, checks=(CheckResult("test.t.c", "c", "fail", 3, "3 failing rows"),))
WARNED = replace(GREEN, checks=(CheckResult("test.t.c", "c", "warn", 3, "3 failing rows"),))
NODE = Node("seed.t.s", "seed", "s", ("s",), "s", (), "seeds/s.csv", "", (), None, True, ",", False)
LOCKED = Content(1, "d")
TARGET = Target("localhost", 5432, "u", "d")
AT = datetime(2026, 11, 23, tzinfo=UTC)


class FakeConnection:
    """Nothing here may reach a server: whoever executes something but `analyze` fails the test."""

    closed = False

    def execute(self, query: sql.Composed) -> None:
        assert query.as_string(None).startswith("analyze "), "no server in a unit test"


@dataclass
class World:
    """A project on disk, a lock of it, two seeders that do as told, and what happened, in order."""

    project: Path
    lock: Lock | None
    dbt: Seeded | Exception = GREEN
    sql: Seeded | Exception = GREEN
    contents: Content = LOCKED
    waited: bool = False
    ready: Ready | None = None
    happened: list[str] = field(default_factory=list)
    seeded_with: list[dict[str, int | float]] = field(default_factory=list)
    unit_tests: list[bool | None] = field(default_factory=list)
    finished: dict[str, Any] = field(default_factory=dict)

    def settings(self, **overrides: Any) -> Settings:
        folders = {"ost_dbt_project_dir": self.project, "ost_lock_dir": self.project.parent / "lock"}
        return load_settings(**{**folders, **overrides})

    def build(self, chosen: SeedStrategy | None = None, **overrides: Any) -> Report:
        conn: Any = FakeConnection()
        return strategy.build(conn, self.settings(**overrides), TARGET, lambda _: None, chosen)

    def touch(self, name: str) -> None:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((path.read_bytes() if path.exists() else b"id\n") + b"2\n")

    def seeder(self, kind: Literal["dbt", "sql"]) -> type:
        world = self

        class Fake:
            strategy = kind

            def __init__(self, *arguments: Any, unit_tests: bool | None = None) -> None:
                self.parameters = arguments[-1]
                world.unit_tests.append(unit_tests)

            def seed(self, conn: object, schema: str, progress: Progress) -> Seeded:
                assert schema == BUILD_SCHEMA
                world.happened.append(kind)
                world.seeded_with.append(self.parameters)
                outcome: Seeded | Exception = getattr(world, kind)
                if isinstance(outcome, Exception):
                    raise outcome
                return outcome

        return Fake


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    project = tmp_path / "project"
    (project / "seeds").mkdir(parents=True)
    (project / "seeds" / "s.csv").write_bytes(b"id\n1\n")
    (project / "dbt_project.yml").write_bytes(b"name: t\n")
    graph = Graph((NODE,), ())
    lock = Lock(
        folder=tmp_path / "lock",
        inputs=dbt_files(project),
        parameters=default_parameters(),
        graph=graph,
        node_files={"seed.t.s": "0010_s.sql"},
        tables={"s": Content(1, "d")},
        files={},
    )
    world = World(project, lock)

    @contextmanager
    def exclusive(*_: object, **__: object) -> Iterator[bool]:
        yield world.waited

    def relock(_conn: object, _settings: object, _dbt: object) -> Lock:
        world.happened.append("relock")
        assert world.seeded_with[-1] == default_parameters()
        return replace(lock, inputs=dbt_files(project))

    def note(name: str) -> Callable[..., None]:
        return lambda *_: world.happened.append(name)

    def finish(_: object, value: str, inputs: dict[str, Any], report: dict[str, Any]) -> None:
        world.happened.append("finish")
        world.finished = json.loads(json.dumps(report))
        assert Fingerprint.of(inputs).value == value == report["fingerprint"]

    def nothing(*_: object) -> None:
        return None

    table = Table("s", (Column("id", "integer", True, False),), (), ())
    for module, name, stand_in in (
        (strategy, "exclusive", exclusive),
        (strategy, "find_lock", lambda _: world.lock),
        (strategy, "refuse_unfit_target", nothing),
        (strategy, "require_extensions", nothing),
        (strategy, "read_catalog", lambda *_: {"s": table}),
        (strategy, "read_content", lambda *_: {"s": world.contents}),
        (strategy, "SqlSeeder", world.seeder("sql")),
        (bookkeeping, "prepare", nothing),
        (bookkeeping, "begin_build", note("begin")),
        (bookkeeping, "drop_schema", note("drop")),
        (bookkeeping, "finish_build", finish),
        (bookkeeping, "find_ready", lambda *_: world.ready),
        (bookkeeping, "published", nothing),
    ):
        monkeypatch.setattr(module, name, stand_in)
    monkeypatch.setattr("ost_assets.seeding.dbt.DbtSeeder", world.seeder("dbt"))
    monkeypatch.setattr("ost_assets.seeding.proof.relock", relock)
    return world


def refused(world: World, kind: type[OstError], **overrides: Any) -> OstError:
    """The error of a build that must not be finished and must leave no schema of ours."""
    with pytest.raises(kind) as caught:
        world.build(**overrides)
    assert "finish" not in world.happened
    assert world.happened[-1] == "drop"
    return caught.value


# --- dbt works -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["auto", "dbt"])
def test_a_dbt_that_works_seeds_alone(world: World, wanted: str) -> None:
    report = world.build(ost_seed_strategy=wanted)
    assert (report.strategy, report.degraded, report.relocked, report.reason) == (
        "dbt",
        False,
        False,
        "dbt works",
    )
    assert world.happened == ["begin", "dbt", "finish", "drop"]
    assert report.fingerprint == fingerprint(world.settings()).value


def test_the_finished_report_is_the_one_that_is_returned_and_survives_json(world: World) -> None:
    report = world.build()
    assert Report.from_json(world.finished) == report
    assert report.tables == {"s": Content(1, "d")}
    assert [check.name for check in report.checks] == ["c", "matches_lock"]
    assert report.nodes == GREEN.nodes


def test_a_warning_of_a_data_test_does_not_block(world: World) -> None:
    world.dbt = WARNED
    report = world.build()
    assert (report.strategy, report.degraded, report.checks[0].status) == ("dbt", False, "warn")


# --- dbt breaks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", CAUSES)
def test_a_broken_dbt_is_stood_in_for_by_the_lock_and_the_run_is_degraded(world: World, cause: str) -> None:
    world.dbt = DbtFailed(cause, "dbt: oh no")
    report = world.build()
    assert (report.strategy, report.degraded) == ("sql", True)
    assert report.reason == f"{cause}: dbt: oh no"
    # What dbt left half done is dropped before the SQL starts.
    assert world.happened == ["begin", "dbt", "begin", "sql", "finish", "drop"]


@pytest.mark.parametrize("cause", CAUSES)
def test_a_broken_dbt_is_an_error_where_only_dbt_may_seed(world: World, cause: str) -> None:
    world.dbt = DbtFailed(cause, "dbt: oh no")
    assert refused(world, DbtFailed, ost_seed_strategy="dbt") is world.dbt
    assert "sql" not in world.happened


@pytest.mark.parametrize("cause", CAUSES)
def test_strict_mode_refuses_a_degraded_run(world: World, cause: str) -> None:
    world.dbt = DbtFailed(cause, "dbt: oh no")
    assert cause in refused(world, DegradedRefused, ost_strict=True).what
    assert "sql" not in world.happened


def test_a_broken_dbt_without_a_lock_is_one_error_that_says_both(world: World) -> None:
    world.lock, world.dbt = None, DbtFailed("not installed", "dbt: oh no")
    error = refused(world, LockMissing)
    assert "dbt: oh no" in error.what
    assert str(world.settings().lock_dir) in error.looked


def test_a_lock_that_does_not_run_either_is_an_error(world: World) -> None:
    world.dbt, world.sql = DbtFailed("timeout", "dbt: oh no"), LockBroken("does not run here")
    refused(world, LockBroken)


# --- the data is wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["auto", "dbt"])
def test_a_red_data_test_is_no_reason_to_fall_back(world: World, wanted: str) -> None:
    world.dbt = RED
    error = refused(world, CheckFailed, ost_seed_strategy=wanted)
    assert isinstance(error, CheckFailed)
    assert error.checks == RED.checks
    assert "c: 3 failing rows" in error.what
    assert "sql" not in world.happened


@pytest.mark.parametrize("outdated", [False, True])
def test_a_red_data_test_never_reaches_the_lock(world: World, outdated: bool) -> None:
    world.dbt = RED
    if outdated:
        world.touch("models/new.sql")
    refused(world, CheckFailed)
    assert "relock" not in world.happened


def test_a_red_data_test_of_the_lock_is_as_red(world: World) -> None:
    world.sql = RED
    refused(world, CheckFailed, ost_seed_strategy="sql")


def test_other_contents_than_the_locks_are_red(world: World) -> None:
    world.contents = Content(1, "other")
    error = refused(world, CheckFailed)
    assert "matches_lock" in error.what


def test_changed_seeds_that_do_not_build_are_at_fault_themselves(world: World) -> None:
    world.touch("seeds/s.csv")
    world.dbt = DbtFailed("node error", "dbt: seed s failed")
    error = refused(world, InputInvalid)
    assert "seed s failed" in error.what
    assert error.looked == "seeds/s.csv"


# --- PostgreSQL, privileges, the guard -------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [ServerUnreachable("gone"), AccessDenied("no"), ServerFailed("disk full"), GuardRefused("not ours")],
)
@pytest.mark.parametrize("wanted", ["auto", "dbt"])
def test_a_failing_server_is_no_reason_to_fall_back(world: World, error: OstError, wanted: str) -> None:
    world.dbt = error
    assert refused(world, type(error), ost_seed_strategy=wanted) is error
    assert "sql" not in world.happened


# --- the lock is older than the project ------------------------------------------------------------------


def test_at_a_desk_an_outdated_lock_is_rewritten_and_the_run_says_so(world: World) -> None:
    world.touch("models/new.sql")
    report = world.build()
    assert (report.strategy, report.degraded, report.relocked) == ("dbt", False, True)
    assert "rewritten" in report.reason
    assert world.happened == ["begin", "dbt", "relock", "finish", "drop"]


def test_at_a_desk_a_missing_lock_is_written(world: World) -> None:
    world.lock = None
    assert world.build().relocked


@pytest.mark.parametrize("wanted", ["auto", "dbt"])
def test_in_ci_an_outdated_lock_is_an_error_that_names_the_changed_files(world: World, wanted: str) -> None:
    world.touch("models/new.sql")
    world.touch("seeds/s.csv")
    error = refused(world, LockStale, ci=True, ost_seed_strategy=wanted)
    assert error.looked == "models/new.sql, seeds/s.csv"
    assert "relock" not in world.happened


def test_in_ci_a_missing_lock_is_an_error(world: World) -> None:
    world.lock = None
    assert "there is no SQL lock" in refused(world, LockStale, ci=True).what


@pytest.mark.parametrize("ci", [False, True])
def test_an_outdated_lock_stands_in_for_a_broken_dbt_and_names_the_changed_files(
    world: World, ci: bool
) -> None:
    lock = world.lock
    assert lock is not None
    world.touch("models/new.sql")
    world.dbt = DbtFailed("does not parse", "dbt: oh no")
    report = world.build(ci=ci)
    assert (report.strategy, report.degraded, report.outdated) == ("sql", True, ("models/new.sql",))
    assert report.reason == "does not parse: dbt: oh no; the lock is older than models/new.sql"
    now = fingerprint(world.settings())
    assert report.fingerprint == now.with_dbt_files(lock.inputs).value != now.value


def test_a_lock_is_made_with_the_default_parameters_and_the_data_with_the_wanted_ones(world: World) -> None:
    world.touch("models/new.sql")
    report = world.build(recommendation_top_n=9)
    assert world.happened == ["begin", "dbt", "relock", "begin", "dbt", "finish", "drop"]
    assert world.seeded_with == [default_parameters(), {**default_parameters(), "top_n": 9}]
    assert report.checks[-1].message.startswith("1 rows; not compared, other parameters")


def test_dbts_unit_tests_run_where_the_project_changed_since_the_lock_and_once(world: World) -> None:
    world.build()
    assert world.unit_tests == [False]
    world.touch("models/new.sql")
    world.build(recommendation_top_n=9)
    assert world.unit_tests == [False, True, False]


def test_a_current_lock_is_not_touched_by_other_parameters(world: World) -> None:
    world.build(recommendation_top_n=9)
    assert world.seeded_with == [{**default_parameters(), "top_n": 9}]


# --- the SQL on purpose ----------------------------------------------------------------------------------


def test_the_lock_seeds_on_purpose_without_being_degraded(world: World) -> None:
    report = world.build(ost_seed_strategy="sql", ost_strict=True)
    assert (report.strategy, report.degraded, report.reason) == ("sql", False, "OST_SEED_STRATEGY is sql")
    assert world.happened == ["begin", "sql", "finish", "drop"]
    assert report.fingerprint == fingerprint(world.settings()).value


def test_an_outdated_lock_on_purpose_is_degraded_all_the_same(world: World) -> None:
    world.touch("models/new.sql")
    report = world.build(ost_seed_strategy="sql")
    assert (report.strategy, report.degraded, report.outdated) == ("sql", True, ("models/new.sql",))


def test_strict_mode_refuses_an_outdated_lock_even_on_purpose(world: World) -> None:
    world.touch("models/new.sql")
    error = refused(world, DegradedRefused, ost_seed_strategy="sql", ost_strict=True)
    assert "models/new.sql" in error.what


def test_the_sql_without_a_lock_is_an_error(world: World) -> None:
    world.lock = None
    refused(world, LockMissing, ost_seed_strategy="sql")


def test_the_choice_of_the_launchpad_wins_over_the_variable(world: World) -> None:
    assert world.build("sql", ost_seed_strategy="dbt").strategy == "sql"


# --- two at once -----------------------------------------------------------------------------------------


def _done(world: World, strategy_of_it: Literal["dbt", "sql"], *, degraded: bool) -> None:
    value = fingerprint(world.settings()).value
    report = Report(value, strategy_of_it, "done by the other", degraded=degraded)
    world.waited, world.ready = True, Ready("ost_ready_x", value, {}, report.to_json(), AT)


def test_a_set_up_that_waited_takes_the_result_of_the_other(world: World) -> None:
    _done(world, "dbt", degraded=False)
    assert world.build().reason == "done by the other"
    assert world.happened == []


def test_a_set_up_that_did_not_wait_builds_afresh(world: World) -> None:
    _done(world, "dbt", degraded=False)
    world.waited = False
    assert world.build().reason == "dbt works"


def test_strict_mode_does_not_take_a_degraded_result_of_the_other(world: World) -> None:
    _done(world, "sql", degraded=True)
    assert not world.build(ost_strict=True).degraded


@pytest.mark.parametrize(("wanted", "other"), [("dbt", "sql"), ("sql", "dbt")])
def test_a_result_of_the_other_way_is_not_taken_where_one_is_forced(
    world: World, wanted: str, other: Literal["dbt", "sql"]
) -> None:
    _done(world, other, degraded=False)
    assert world.build(ost_seed_strategy=wanted).strategy == wanted


# --- the pieces ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause != "node error"])
def test_changed_seeds_are_not_blamed_for_a_dbt_that_broke_otherwise(cause: str) -> None:
    strategy._refuse_fallback_for_changed_seeds(DbtFailed(cause, "no"), ["seeds/s.csv"])


@pytest.mark.parametrize("outdated", [[], ["models/m.sql", "seeds/s.yml"]])
def test_a_node_error_without_changed_seeds_may_be_stood_in_for(outdated: list[str]) -> None:
    strategy._refuse_fallback_for_changed_seeds(DbtFailed("node error", "no"), outdated)


def test_the_first_five_red_checks_are_listed_and_the_rest_counted() -> None:
    checks = tuple(CheckResult(f"id{n}", f"c{n}", "fail", message=f"m{n}") for n in range(7))
    with pytest.raises(CheckFailed) as caught:
        strategy._refuse_red((*checks, CheckResult("w", "w", "warn"), CheckResult("p", "p", "pass")))
    assert caught.value.what.startswith("7 of 9 checks are red, nothing was published: c0: m0; c1: m1")
    assert caught.value.what.endswith("(and 2 more)")
    assert "c5" not in caught.value.what


def test_a_check_that_could_not_be_run_is_red_too() -> None:
    with pytest.raises(CheckFailed):
        strategy._refuse_red((CheckResult("e", "e", "error"),))


def test_no_checks_are_no_red_ones() -> None:
    strategy._refuse_red(())


# --- the engine's own checks -----------------------------------------------------------------------------


def _against_lock(world: World, content: Content, **parameters: int | float) -> CheckResult:
    assert world.lock is not None
    return audit.check_against_lock(NODE, world.lock, {"s": content}, {**default_parameters(), **parameters})


def test_the_locks_rows_and_digest_are_a_pass(world: World) -> None:
    found = _against_lock(world, Content(1, "d"))
    assert (found.check_id, found.name, found.status) == ("seed.t.s/matches_lock", "matches_lock", "pass")


@pytest.mark.parametrize("content", [Content(2, "d"), Content(1, "e")])
def test_other_rows_or_another_digest_are_a_fail_with_the_remedy(world: World, content: Content) -> None:
    found = _against_lock(world, content)
    assert found.blocks
    assert "ost-assets lock" in found.message


def test_with_other_parameters_nothing_is_compared_and_the_message_names_them(world: World) -> None:
    found = _against_lock(world, Content(9, "x"), top_n=9, min_similarity=0.5)
    assert found.passed
    assert found.message.endswith("other parameters than the lock's: min_similarity, top_n")


class VectorConnection(FakeConnection):
    """Knows one thing: which dimensions are stored in a column declared as plain `vector`."""

    def __init__(self, *stored: int) -> None:
        self._stored = stored

    def execute(self, *_: object) -> Any:
        return iter([(dimensions,) for dimensions in self._stored])


def _dimensions(*types: str, stored: tuple[int, ...] = (), wanted: int = 384) -> CheckResult | None:
    conn: Any = VectorConnection(*stored)
    columns = tuple(Column(f"v{n}", kind, True, False) for n, kind in enumerate(types))
    return audit.check_dimensions(conn, "ost_build", NODE, Table("s", columns, (), ()), wanted)


@pytest.mark.parametrize("types", [(), ("uuid", "text"), ("real[]",), ("tsvector",)])
def test_a_table_without_vectors_has_no_check_of_dimensions(types: tuple[str, ...]) -> None:
    assert _dimensions(*types) is None


@pytest.mark.parametrize(
    ("types", "stored", "passed"),
    [
        (("vector(384)",), (), True),
        (("uuid", "vector(384)", "vector(384)"), (), True),
        (("vector(3)",), (), False),
        (("vector(384)", "vector(3)"), (), False),
        (("vector",), (384,), True),
        (("vector",), (), True),
        (("vector",), (3, 384), False),
    ],
)
def test_every_vector_must_have_the_models_dimensions(
    types: tuple[str, ...], stored: tuple[int, ...], passed: bool
) -> None:
    found = _dimensions(*types, stored=stored)
    assert found is not None
    assert (found.name, found.passed, found.blocks) == ("embedding_dimensions", passed, not passed)
    assert "384" in found.message


def test_the_wrong_dimensions_are_named_with_table_and_column() -> None:
    found = _dimensions("vector(768)")
    assert found is not None
    assert found.message == "s.v0 has 768, MODEL_DIMENSIONS is 384"
