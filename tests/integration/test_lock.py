"""The SQL lock: usable with nothing but psql, verified when used, written only when proven."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ost_assets.errors import LockBroken, LockMissing, LockStale, ProofFailed
from ost_assets.postgres.catalog import differences
from ost_assets.seeding.lock import read_lock
from ost_assets.seeding.make_lock import check_lock, make_lock
from ost_assets.settings import default_parameters
from tests.commands import psql
from tests.engine import catalog, digests, seed, set_up, working_schemas
from tests.jobs import run_job
from tests.projects import Project
from tests.servers import Database, Server


@pytest.mark.parametrize(("top_n", "options"), [(5, ()), (2, ("-v", "top_n=2"))])
def test_psql_alone_builds_the_database_that_a_set_up_publishes(
    ost: Project, database: Database, server: Server, top_n: int, options: tuple[str, ...]
) -> None:
    set_up(ost.settings(database, recommendation_top_n=top_n), "sql")
    with server.database() as bare:
        bare.execute("create extension vector")
        result = psql(bare, *options, "-f", ost.lock / "setup.sql")
        assert (result.returncode, result.stderr) == (0, "")
        assert digests(bare) == digests(database)
        assert differences(catalog(bare), catalog(database), names=("psql", "set-up")) == []
        assert bare.query("select nspname from pg_namespace where nspname ~ '^ost_'") == []


def test_psql_takes_another_schema(awkward: Project, database: Database, server: Server) -> None:
    set_up(awkward.settings(database), "sql")
    with server.database() as bare:
        bare.execute("create extension vector")
        result = psql(bare, "-v", "schema=Fixture data", "-f", awkward.lock / "setup.sql")
        assert (result.returncode, result.stderr) == (0, "")
        assert digests(bare, "Fixture data") == digests(database)
        assert digests(bare) == {}


def test_setup_sql_that_meets_a_red_test_leaves_an_empty_database(
    awkward: Project, database: Database
) -> None:
    database.execute("create extension vector")
    checks = awkward.lock / "9100_checks.sql"
    assert b"where kept.id is null" in checks.read_bytes()
    checks.write_bytes(checks.read_bytes().replace(b"where kept.id is null", b"where kept.id = 3"))
    result = psql(database, "-f", awkward.lock / "setup.sql")
    assert result.returncode != 0
    assert "data tests failed: test.awkward.no_phrase_is_lost (1)" in result.stderr
    assert digests(database) == {}


def test_lock_check_names_the_file_that_was_edited_added_or_removed(
    awkward: Project, database: Database
) -> None:
    settings = awkward.settings(database)
    check_lock(settings)
    names = sorted(path.name for path in awkward.lock.glob("00*.sql"))
    (awkward.lock / names[0]).write_bytes((awkward.lock / names[0]).read_bytes() + b"-- note\n")
    (awkward.lock / names[1]).unlink()
    (awkward.lock / "0999_more.sql").write_text("select 1;\n")
    with pytest.raises(LockStale) as caught:
        check_lock(settings)
    assert caught.value.looked == f"{names[0]}, {names[1]}, 0999_more.sql"
    assert working_schemas(database) == []


def test_the_sql_way_refuses_a_lock_file_that_was_edited(ost: Project, database: Database) -> None:
    settings = ost.settings(database, ost_seed_strategy="sql")
    set_up(settings)
    before = digests(database)
    path = next(ost.lock.glob("*_raw_users.sql"))
    path.write_bytes(path.read_bytes().replace(b"test_user_1", b"somebody"))
    with pytest.raises(LockBroken, match=f"{path.name} was edited by hand"):
        set_up(settings)
    path.unlink()
    with pytest.raises(LockBroken, match=f"lacks {path.name}"):
        set_up(settings)
    assert digests(database) == before
    assert working_schemas(database) == []


def test_a_damaged_lock_json_is_named(awkward: Project, database: Database) -> None:
    settings = awkward.settings(database, ost_seed_strategy="sql")
    path = awkward.lock / "lock.json"
    good = json.loads(path.read_bytes())
    path.write_text("{ half of it")
    with pytest.raises(LockBroken, match=r"lock\.json cannot be read"):
        seed(settings)
    path.write_text(json.dumps({**good, "format": 0}))
    with pytest.raises(LockMissing, match="format 1, which this version reads"):
        seed(settings)
    path.write_text(json.dumps({key: value for key, value in good.items() if key != "tables"}))
    with pytest.raises(LockBroken, match="tables"):
        seed(settings)
    path.unlink()
    with pytest.raises(LockMissing, match="no SQL lock"):
        seed(settings)
    assert working_schemas(database) == []


@pytest.mark.parametrize("expression", ["now()", "random()", "gen_random_uuid()"])
def test_a_model_that_differs_on_every_run_is_refused_and_the_old_lock_stays(
    expression: str, awkward: Project, database: Database
) -> None:
    before = awkward.lock_files()
    awkward.write("models/restless.sql", f"select 1 as id, ({expression})::text as never_the_same")
    awkward.write(
        "models/restless.yml",
        "models: [{name: restless, columns: [{name: id, data_type: integer},"
        " {name: never_the_same, data_type: text}]}]",
    )
    with pytest.raises(ProofFailed, match="table 'restless': dbt has 1 rows"):
        make_lock(awkward.settings(database))
    assert awkward.lock_files() == before
    assert working_schemas(database) == []


def test_what_sql_cannot_repeat_is_refused_by_name(awkward: Project, database: Database) -> None:
    before = awkward.lock_files()
    header = "{{ config(contract={'enforced': false}, "
    awkward.write("models/a_view.sql", header + "materialized='view') }} select 1 as id")
    awkward.write("models/growing.sql", header + "materialized='incremental') }} select 1 as id")
    awkward.write("models/hooked.sql", header + 'post_hook="select 1") }} select 1 as id')
    awkward.write("models/elsewhere.sql", header + "schema='apart') }} select 1 as id")
    awkward.write("models/granted.sql", header + "grants={'select': ['public']}) }} select 1 as id")
    awkward.write(
        "models/sourced.sql", header + ") }} select 1 as id from {{ source('outside', 'pg_class') }}"
    )
    awkward.write(
        "models/outside.yml", "sources: [{name: outside, schema: pg_catalog, tables: [{name: pg_class}]}]"
    )
    with pytest.raises(ProofFailed) as caught:
        make_lock(awkward.settings(database))
    for problem in (
        "model.awkward.a_view is materialized as view",
        "model.awkward.growing is materialized as incremental",
        "model.awkward.hooked has a post-hook",
        "model.awkward.granted sets grants",
        "model.awkward.elsewhere has the schema 'ost_build_apart' of its own",
        "source.awkward.outside.pg_class is a source",
    ):
        assert problem in str(caught.value)
    assert awkward.lock_files() == before
    assert working_schemas(database) == []
    assert database.query("select nspname from pg_namespace where nspname ~ 'apart'") == []


def test_a_comment_in_a_data_test_does_not_damage_the_lock(awkward: Project, database: Database) -> None:
    """A line `-- check …` in a test's own SQL once looked like the beginning of another check."""
    awkward.write(
        "tests/commented.sql",
        "-- check that nothing is lost\nselect id\n-- end of failing rows\nfrom {{ ref('phrases') }}\n"
        "-- failing rows\nwhere id is null",
    )
    lock = make_lock(awkward.settings(database))
    assert "test.awkward.commented" in {check.unique_id for check in lock.graph.checks}
    report = seed(awkward.settings(database), "sql")
    assert {check.name: check.status for check in report.checks}["commented"] == "pass"


def test_at_a_desk_a_changed_seed_rewrites_the_lock_and_the_run_says_so(
    awkward: Project, database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    awkward.edit("seeds/raw_phrases.csv", "14,007", "14,008")
    settings = awkward.settings(database)
    assert read_lock(awkward.lock).outdated_files(awkward.dbt) == ["seeds/raw_phrases.csv"]
    result = run_job(settings)
    assert result.success
    assert "the lock was outdated and has been rewritten" in capfd.readouterr().err
    assert database.query('select "Body text" from phrases where id = 14') == [("008",)]
    assert read_lock(awkward.lock).outdated_files(awkward.dbt) == []
    assert any(b"'008'" in data for data in awkward.lock_files().values())


def test_a_lock_rewritten_by_a_run_with_other_parameters_still_holds_the_defaults(
    awkward: Project, database: Database
) -> None:
    awkward.edit("seeds/raw_phrases.csv", "14,007", "14,008")
    report = set_up(awkward.settings(database, recommendation_top_n=3))
    assert report.relocked
    assert database.query("select count(*) from scores") == [(3,)]
    lock = read_lock(awkward.lock)
    assert lock.parameters == default_parameters()
    assert lock.tables["scores"].rows == 5
    check_lock(awkward.settings(database))


def test_in_ci_an_outdated_lock_is_an_error_that_names_the_changed_file(
    awkward: Project, database: Database
) -> None:
    settings = awkward.settings(database, ci=True)
    set_up(settings)
    published, before = digests(database), awkward.lock_files()
    awkward.edit("seeds/raw_phrases.csv", "14,007", "14,008")
    with pytest.raises(LockStale) as caught:
        set_up(settings)
    assert "seeds/raw_phrases.csv" in str(caught.value)
    assert "ost-assets lock" in str(caught.value)
    assert awkward.lock_files() == before
    assert digests(database) == published
    assert working_schemas(database) == []


def test_other_parameters_give_the_same_database_through_dbt_and_sql(
    ost: Project, database: Database, server: Server
) -> None:
    other: dict[str, float] = {"recommendation_top_n": 2, "recommendation_min_similarity": 0.2}
    report = set_up(ost.settings(database, **other), "dbt")
    assert report.strategy == "dbt"
    with server.database() as second:
        assert set_up(ost.settings(second, **other), "sql").strategy == "sql"
        assert digests(second) == digests(database)
        assert differences(catalog(second), catalog(database), names=("SQL", "dbt")) == []
    users = database.query('select count(*) from "USER_PROJECT_SIMILARITY" group by user_id')
    assert users
    assert all(count <= 2 for (count,) in users)
    assert database.query('select min(similarity_score) >= 0.2 from "USER_PROJECT_SIMILARITY"') == [(True,)]


def test_a_lock_with_other_content_than_it_records_is_not_published(
    awkward: Project, database: Database
) -> None:
    path = awkward.lock / "lock.json"
    data = json.loads(path.read_bytes())
    data["tables"]["phrases"]["digest"] = "0" * 64
    path.write_text(json.dumps(data))
    with pytest.raises(Exception, match="matches_lock: 20 rows with digest"):
        set_up(awkward.settings(database, ost_seed_strategy="sql"))
    assert digests(database) == {}
    assert working_schemas(database) == []


def test_a_lock_is_the_same_bytes_on_another_machine(
    awkward: Project, database: Database, server_16: Server, tmp_path: Path
) -> None:
    before = awkward.lock_files()
    elsewhere = awkward.copy_to(tmp_path / "another place")
    with server_16.database("Another name") as other:
        make_lock(elsewhere.settings(other))
    assert elsewhere.lock_files() == before
