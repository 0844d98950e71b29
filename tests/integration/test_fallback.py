"""When dbt fails: every row of the table in the README, and how a degraded run shows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from ost_assets.errors import (
    DbtFailed,
    DegradedRefused,
    ExtensionMissing,
    LockMissing,
    OstError,
    SeedingError,
    ServerUnreachable,
)
from ost_assets.seeding.lock import read_lock
from ost_assets.status import status_report
from tests.commands import materialize, ost_assets
from tests.engine import digests, publish, seed, set_up, working_schemas
from tests.jobs import run_job
from tests.projects import Project
from tests.servers import Database

DBT = "dbt.cli.main"


def _without_dbt(_: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, DBT, None)


def _broken_jinja(project: Project, _: pytest.MonkeyPatch) -> None:
    project.edit("models/phrases.sql", "{{ ref('raw_phrases') }}", "{{ ref('raw_phrases' }}")


def _broken_yaml(project: Project, _: pytest.MonkeyPatch) -> None:
    project.write("models/more.yml", "models: [{name: phrases, columns: [")


def _unknown_ref(project: Project, _: pytest.MonkeyPatch) -> None:
    project.edit("models/phrases.sql", "raw_phrases", "raw_typo")


def _broken_project_file(project: Project, _: pytest.MonkeyPatch) -> None:
    project.write("dbt_project.yml", "name: [awkward\n")


def _model_error(project: Project, _: pytest.MonkeyPatch) -> None:
    project.edit("models/phrases.sql", '"Body text"', '"Body text of another name"')


Breakage = Callable[[Project, pytest.MonkeyPatch], None]


@pytest.mark.parametrize(
    ("breakage", "cause", "changed"),
    [
        (_without_dbt, "not installed: dbt cannot be imported", None),
        (_broken_jinja, "does not parse: dbt: ", "models/phrases.sql"),
        (_broken_yaml, "does not parse: dbt: ", "models/more.yml"),
        (_unknown_ref, "does not parse: dbt: ", "models/phrases.sql"),
        (_broken_project_file, "does not parse: dbt: ", "dbt_project.yml"),
        (_model_error, "node error: dbt: model phrases failed", "models/phrases.sql"),
    ],
)
def test_where_dbt_breaks_the_lock_seeds_and_the_run_is_degraded(
    breakage: Breakage,
    cause: str,
    changed: str | None,
    awkward: Project,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    breakage(awkward, monkeypatch)
    report = set_up(awkward.settings(database))
    assert (report.strategy, report.degraded, report.relocked) == ("sql", True, False)
    assert report.reason.startswith(cause)
    assert report.outdated == ((changed,) if changed else ())
    if changed:
        assert f"the lock is older than {changed}" in report.reason
    expected = {name: table.digest for name, table in read_lock(awkward.lock).tables.items()}
    assert digests(database) == expected
    assert working_schemas(database) == []


@pytest.mark.parametrize("breakage", [_without_dbt, _model_error])
def test_where_only_dbt_is_allowed_a_broken_dbt_is_an_error(
    breakage: Breakage, awkward: Project, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    breakage(awkward, monkeypatch)
    with pytest.raises(DbtFailed):
        seed(awkward.settings(database, ost_seed_strategy="dbt"))
    assert working_schemas(database) == []


def test_dbt_that_takes_too_long_is_ended_with_its_queries_and_the_lock_seeds(
    awkward: Project, database: Database
) -> None:
    _never_ready(awkward)
    started = time.monotonic()
    report = seed(awkward.settings(database, ost_dbt_timeout=3))
    assert time.monotonic() - started < 60
    assert report.reason.startswith("timeout: dbt did not finish within 3 s")
    assert (report.strategy, report.degraded) == ("sql", True)
    assert report.outdated == ("models/phrases.sql",)
    assert _dbt_sessions(database) == []


def test_the_log_that_an_error_of_dbt_names_is_there(awkward: Project, database: Database) -> None:
    _model_error(awkward, pytest.MonkeyPatch())
    with pytest.raises(DbtFailed) as caught:
        seed(awkward.settings(database, ost_seed_strategy="dbt"))
    assert str(awkward.dbt / "models" / "phrases.sql") in caught.value.looked
    if "log in " in caught.value.looked:
        folder = Path(caught.value.looked.split("log in ")[1])
        assert "Body text of another name" in (folder / "dbt.log").read_text()


def test_a_statement_that_takes_too_long_is_ended_too(awkward: Project, database: Database) -> None:
    _never_ready(awkward)
    started = time.monotonic()
    report = seed(awkward.settings(database, ost_statement_timeout=2))
    assert time.monotonic() - started < 60
    assert report.reason.startswith("node error: dbt: model phrases failed")
    assert "statement timeout" in report.reason
    assert _dbt_sessions(database) == []


def test_no_session_of_dbt_stays_after_any_run(awkward: Project, database: Database) -> None:
    seed(awkward.settings(database), "dbt")
    assert _dbt_sessions(database) == []


def test_a_red_data_test_is_no_reason_to_fall_back(awkward: Project, database: Database) -> None:
    """The data is wrong: the check is red, nothing is published, the exit code is 1."""
    set_up(awkward.settings(database), "sql")
    before = digests(database)
    awkward.write("tests/nobody_shouts.sql", "select * from {{ ref('phrases') }} where id in (1, 2)")
    result = materialize(awkward, database)
    assert result.returncode == 1
    assert result.stderr.count("checks are red, nothing was published: nobody_shouts: Got 2 results") == 1
    assert "Traceback" not in result.stderr
    assert "DEGRADED" not in result.stdout + result.stderr
    assert digests(database) == before
    assert working_schemas(database) == []
    assert not (awkward.home / "bundle").exists()


def test_a_red_data_test_shows_its_failing_rows_in_dagster(awkward: Project, database: Database) -> None:
    awkward.write("tests/nobody_shouts.sql", "select id from {{ ref('phrases') }} where id in (1, 2)")
    result = run_job(awkward.settings(database), raise_on_error=False)
    assert not result.success
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    red = checks["nobody_shouts"]
    assert (red.passed, red.severity, red.asset_key) == (
        False,
        dg.AssetCheckSeverity.ERROR,
        dg.AssetKey("phrases"),
    )
    assert red.metadata["failing_rows"].value == 2
    assert [record.data for record in red.metadata["sample"].records] == [{"id": "1"}, {"id": "2"}]  # type: ignore[union-attr]
    assert "where id in (1, 2)" in str(red.metadata["sql"].value)
    assert all(check.passed for name, check in checks.items() if name != "nobody_shouts")
    assert digests(database) == {}
    materialized = {event.asset_key for event in result.get_asset_materialization_events()}
    assert dg.AssetKey("test_database") not in materialized
    assert dg.AssetKey("fixture_bundle") not in materialized


def test_a_data_test_that_only_warns_does_not_stop_the_run(awkward: Project, database: Database) -> None:
    awkward.write(
        "tests/mind_this.sql",
        "{{ config(severity='warn') }} select id from {{ ref('phrases') }} where id = 1",
    )
    report = set_up(awkward.settings(database), "dbt")
    assert {check.name: check.status for check in report.checks}["mind_this"] == "warn"
    repeated = set_up(awkward.settings(database), "sql")
    assert {check.name: check.status for check in repeated.checks}["mind_this"] == "warn"
    assert digests(database)


def test_an_unreachable_server_is_one_error_with_its_remedy(
    awkward: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = awkward.settings(database_url="postgresql://somebody:x@127.0.0.1:1/nothing")
    result = run_job(settings, raise_on_error=False)
    assert not result.success
    shown = capfd.readouterr().err
    assert shown.count("Error: PostgreSQL does not answer") == 1
    assert "start the server" in shown
    assert not result.get_asset_materialization_events()
    with pytest.raises(ServerUnreachable):
        seed(settings)


def test_a_missing_extension_is_one_error_with_its_remedy(awkward: Project, database: Database) -> None:
    settings = awkward.settings(database, ost_required_extensions="vector,postgis")
    with pytest.raises(ExtensionMissing) as caught:
        seed(settings)
    assert "'postgis'" in str(caught.value)
    assert "OST_REQUIRED_EXTENSIONS" in str(caught.value)
    assert digests(database) == {}


def test_an_optional_extension_that_the_server_lacks_is_reported(
    awkward: Project, database: Database
) -> None:
    result = run_job(awkward.settings(database, ost_seed_strategy="sql"))
    metadata = result.asset_materializations_for_node("postgres_extensions")[0].metadata
    assert metadata["installed"].value.keys() == {"vector"}  # type: ignore[union-attr]
    assert "gen_random_uuid()" in metadata["not_shipped"].value["uuid-ossp"]  # type: ignore[index]


@pytest.mark.parametrize("strategy", ["auto", "sql"])
def test_strict_mode_refuses_to_seed_from_an_outdated_lock(
    strategy: str, awkward: Project, database: Database
) -> None:
    _model_error(awkward, pytest.MonkeyPatch())
    settings = awkward.settings(database, ost_strict=True, ost_seed_strategy=strategy)
    with pytest.raises(DegradedRefused, match=r"models/phrases\.sql"):
        seed(settings)
    assert working_schemas(database) == []


def test_strict_mode_refuses_the_fallback_but_not_the_sql_way(
    awkward: Project, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_dbt(awkward, monkeypatch)
    with pytest.raises(DegradedRefused, match="not installed"):
        seed(awkward.settings(database, ost_strict=True))
    assert not seed(awkward.settings(database, ost_strict=True), "sql").degraded


@pytest.mark.parametrize("switched_off", ["models", "seeds and models"])
def test_a_project_that_builds_nothing_is_an_error_and_never_a_success(
    switched_off: str, awkward: Project, database: Database
) -> None:
    settings = awkward.settings(database)
    set_up(settings, "sql")
    before = digests(database)
    awkward.edit(
        "dbt_project.yml", "    +materialized: table\n", "    +materialized: table\n    +enabled: false\n"
    )
    (awkward.dbt / "tests" / "no_phrase_is_lost.sql").unlink()
    if switched_off == "seeds and models":
        awkward.edit("dbt_project.yml", "    +tags: [inputs]\n", "    +tags: [inputs]\n    +enabled: false\n")
    locked = awkward.lock_files()
    with pytest.raises(SeedingError, match="nothing"):
        set_up(settings)
    assert digests(database) == before
    assert awkward.lock_files() == locked
    assert working_schemas(database) == []


def test_without_a_lock_a_broken_dbt_is_an_error_that_names_both(
    awkward: Project, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (awkward.lock / "lock.json").unlink()
    _without_dbt(awkward, monkeypatch)
    with pytest.raises(LockMissing, match=r"nothing can stand in for dbt .not installed"):
        seed(awkward.settings(database))
    with pytest.raises(OstError, match="no SQL lock"):
        run_job(awkward.settings(database))


def test_a_degraded_run_shows_in_log_metadata_check_annotation_and_status(
    awkward: Project,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    _without_dbt(awkward, monkeypatch)
    settings = awkward.settings(database, github_actions=True)
    result = run_job(settings)
    assert result.success
    shown = capfd.readouterr()
    annotations = [line for line in shown.out.splitlines() if line.startswith("::warning ")]
    assert len(annotations) == 1
    assert annotations[0].startswith("::warning title=Degraded test data::not installed")
    assert "DEGRADED: not installed" in shown.err
    assert "DEGRADED  " in shown.err  # the summary's first line

    check = {c.check_name: c for c in result.get_asset_check_evaluations()}["seeded_by_dbt"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "not installed" in str(check.description)
    for node in ("test_database", "test_data"):
        for event in result.asset_materializations_for_node(node):
            assert event.metadata["degraded"].value is True
    text, _ = status_report(settings, explain=False)
    assert "DEGRADED" in text
    assert "not installed" in text


def test_a_run_that_is_not_degraded_shows_none_of_that(
    awkward: Project, database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = awkward.settings(database, github_actions=True, ost_seed_strategy="sql")
    result = run_job(settings)
    shown = capfd.readouterr()
    assert "DEGRADED" not in shown.out + shown.err
    assert "::warning" not in shown.out
    assert all(check.passed for check in result.get_asset_check_evaluations())


def test_a_degraded_run_from_an_outdated_lock_is_not_the_current_data(
    awkward: Project, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = awkward.settings(database)
    awkward.edit("models/oddities.sql", "1, '', E'\\r\\n'", "1, 'changed', E'\\r\\n'")
    with monkeypatch.context() as broken:
        _without_dbt(awkward, broken)
        run_job(settings)
    text, current = status_report(settings, explain=True)
    assert not current
    assert "the inputs changed" in text
    assert "dbt: models/oddities.sql" in text
    assert database.query("select maybe_empty from oddities where id = 1") == [("",)]

    report = seed(settings)
    assert (report.strategy, report.degraded) == ("dbt", False)
    publish(settings)
    assert database.query("select maybe_empty from oddities where id = 1") == [("changed",)]


def test_the_commands_work_where_dbt_cannot_be_imported(
    awkward: Project, database: Database, tmp_path: Path
) -> None:
    """And the degraded result is no reason to do it again, until dbt is asked for."""
    broken = tmp_path / "broken" / "dbt"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise RuntimeError('half an installation')\n")
    variables = {"PYTHONPATH": str(broken.parent), "GITHUB_ACTIONS": "true", "CI": "true"}
    result = materialize(awkward, database, **variables)
    assert result.returncode == 0, result.stderr
    assert (
        "::warning title=Degraded test data::not installed: dbt cannot be imported: half an" in result.stdout
    )
    assert "DEGRADED" in result.stderr

    again = ost_assets(awkward, "setup", database=database, **variables)
    assert again.returncode == 0
    assert "Nothing to do" in again.stdout
    assert "DEGRADED: not installed" in again.stderr
    strict = ost_assets(awkward, "setup", "--strict", database=database, **variables)
    assert strict.returncode == 1
    assert "strict mode refuses" in strict.stderr


def _never_ready(project: Project) -> None:
    project.edit("models/phrases.sql", "from {{", "from pg_sleep(120), {{")


def _dbt_sessions(database: Database) -> list[tuple[object, ...]]:
    """What is left of dbt on the server, after a moment in which backends may notice that they are alone."""
    deadline = time.monotonic() + 5
    query = "select pid, state, query from pg_stat_activity where application_name ~ 'dbt'"
    while (
        found := database.query(query + " and datname = current_database()")
    ) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found
