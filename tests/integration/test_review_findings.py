"""What a review once broke, each as the test that names it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from ost_assets.errors import DbtFailed, ExtensionMissing, GuardRefused, LockError, ProofFailed, SettingsError
from ost_assets.postgres import embedded
from ost_assets.seeding.lock import read_lock
from tests.commands import MATERIALIZE
from tests.conftest import repository_environment
from tests.engine import digests, everything, seed, set_up, working_schemas
from tests.projects import Project
from tests.servers import Database, Server


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_in_dbt_ends_the_job_and_is_no_reason_to_fall_back(
    name: str, awkward: Project, database: Database
) -> None:
    """dbt hands interrupts back as a result; the job took that for a broken dbt, published, and exited 0."""
    set_up(awkward.settings(database), "sql")
    before = everything(database)
    awkward.write(
        "models/slow.sql", "{{ config(contract={'enforced': false}) }} select pg_sleep(30)::text as slept"
    )
    job = subprocess.Popen(
        MATERIALIZE,
        cwd=awkward.root,
        env=repository_environment(**awkward.variables(database)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    sleeping = (
        "select exists (select from pg_stat_activity where query ~ 'pg_sleep' and pid <> pg_backend_pid())"
    )
    deadline = time.monotonic() + 60
    while database.query(sleeping) != [(True,)]:
        assert job.poll() is None, job.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    job.send_signal(getattr(signal, name))
    shown = job.communicate(timeout=30)[0]
    assert job.returncode != 0
    assert "DEGRADED" not in shown
    assert database.query(sleeping) == [(False,)]
    assert working_schemas(database) == []
    assert everything(database) == before


def test_a_model_with_a_schema_of_its_own_never_overwrites_what_stands_there(
    awkward: Project, database: Database
) -> None:
    """The check came after `dbt build`, which had replaced the foreign table by then."""
    awkward.write(
        "macros/schema.sql",
        "{% macro generate_schema_name(name, node) %}{{ name or target.schema }}{% endmacro %}",
    )
    awkward.write(
        "models/precious.sql", "{{ config(schema='theirs', contract={'enforced': false}) }} select 1 as id"
    )
    database.execute("create schema theirs; create table theirs.precious as select 'kept' as word")
    with pytest.raises(ProofFailed, match=r"precious has the schema 'theirs'"):
        seed(awkward.settings(database), "dbt")
    assert database.query("select word from theirs.precious") == [("kept",)]


def test_two_databases_at_once_from_one_checkout_each_get_their_own_build(
    awkward: Project, server: Server
) -> None:
    """They shared a profile on disk, and one's dbt built into the other's database."""
    with server.database() as left, server.database() as right:
        found: dict[str, object] = {}

        def one(database: Database) -> None:
            try:
                found[database.url] = set_up(
                    awkward.settings(database, ost_home=awkward.home), "dbt"
                ).strategy
            except Exception as error:
                found[database.url] = error

        threads = [threading.Thread(target=one, args=(database,)) for database in (left, right)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == {left.url: "dbt", right.url: "dbt"}
        assert digests(left) == digests(right) != {}


def test_dbt_that_is_told_to_leave_tests_out_does_not_pass_for_a_checked_build(
    awkward: Project, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_EXCLUDE_RESOURCE_TYPES", "test")
    report = seed(awkward.settings(database), "dbt")
    lock = read_lock(awkward.lock)
    assert {check.unique_id for check in lock.graph.checks} <= {check.check_id for check in report.checks}


def test_a_selector_of_the_project_does_not_thin_the_build(awkward: Project, database: Database) -> None:
    awkward.write(
        "selectors.yml",
        "selectors:\n  - name: little\n    default: true\n    definition: {method: fqn, value: raw_phrases}\n",
    )
    try:
        report = seed(awkward.settings(database), "dbt")
    except DbtFailed as error:
        assert "left out" in error.what  # noqa: PT017  # either is right, a thin success is not
    else:
        assert len(report.nodes) == len(read_lock(awkward.lock).graph.nodes)


def test_a_ready_schema_dropped_by_hand_does_not_break_the_next_set_up(
    awkward: Project, database: Database
) -> None:
    settings = awkward.settings(database)
    seed(settings, "sql")
    (schema,) = working_schemas(database)
    database.execute(f'drop schema "{schema}" cascade')
    assert set_up(settings, "sql").strategy == "sql"
    assert working_schemas(database) == []


def test_usual_options_in_the_url_are_taken(awkward: Project, database: Database) -> None:
    """`connect_timeout` ended in a TypeError."""
    url = f"{database.url}&connect_timeout=5&application_name=mine&options=-c%20work_mem%3D5MB"
    settings = awkward.settings(ost_seed_strategy="dbt", database_url=url)
    assert set_up(settings).strategy == "dbt"


def test_an_extension_in_another_schema_is_named_with_the_remedy(
    awkward: Project, database: Database
) -> None:
    database.execute("create schema extensions; create extension vector with schema extensions")
    with pytest.raises(ExtensionMissing, match="in the schema 'extensions'") as caught:
        seed(awkward.settings(database), "sql")
    assert 'alter extension "vector" set schema public' in caught.value.remedy


def test_a_foreign_schema_of_our_bookkeepings_name_is_refused(awkward: Project, database: Database) -> None:
    database.execute(
        "create extension vector; create schema ost_assets; create table ost_assets.publication (id int)"
    )
    before = everything(database)
    with pytest.raises(GuardRefused, match="'ost_assets' is in the way"):
        seed(awkward.settings(database), "sql")
    assert everything(database) == before


def test_a_wrong_project_folder_is_an_error_and_not_somebody_elses_data(
    awkward: Project, database: Database, tmp_path: Path
) -> None:
    """A typo in OST_DBT_PROJECT_DIR published this repository's tables, degraded, with exit code 0."""
    settings = awkward.settings(database, ost_project_root=None, ost_dbt_project_dir=tmp_path / "typo")
    assert settings.lock_dir == tmp_path / "sql_fallback"
    with pytest.raises(SettingsError, match="no dbt project"):
        seed(settings)
    assert digests(database) == {}


def test_a_stale_pid_file_never_makes_a_stranger_our_server(tmp_path: Path) -> None:
    """`down` sent its signal to whoever had that pid by then."""
    program = tmp_path / "postgres"
    shutil.copyfile(shutil.which("sleep") or "", program)
    program.chmod(0o755)
    stranger = subprocess.Popen([program, "60"])
    try:
        lines = [str(stranger.pid), str(tmp_path), "0", "5432", "/tmp", "", "", "ready"]
        (tmp_path / "postmaster.pid").write_text("\n".join(lines))
        assert embedded.running(tmp_path) is None
        assert embedded.stop(tmp_path) is False
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_lock_that_cannot_be_written_leaves_the_old_one(
    awkward: Project, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one was deleted first."""
    before = awkward.lock_files()
    awkward.edit("seeds/raw_phrases.csv", "14,007", "14,008")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(LockError, match="No space left"):
        seed(awkward.settings(database), "dbt")
    assert awkward.lock_files() == before


def test_a_key_to_a_table_that_is_not_published_is_refused_when_the_lock_is_made(
    awkward: Project, database: Database
) -> None:
    """It went silently when the rest of the build schema was dropped."""
    awkward.write(
        "models/inner_table.sql", "{{ config(meta={'ost_assets': {'publish': false}}) }} select 1 as id"
    )
    awkward.write("models/outer_table.sql", "select id from {{ ref('inner_table') }}")
    awkward.write(
        "models/keys.yml",
        "models:\n"
        "  - name: inner_table\n    columns:\n      - {name: id, data_type: integer, constraints: [{type: primary_key}]}\n"
        "  - name: outer_table\n    columns:\n      - name: id\n        data_type: integer\n"
        "        constraints: [{type: foreign_key, to: ref('inner_table'), to_columns: [id]}]\n",
    )
    with pytest.raises(ProofFailed, match="outer_table_id_fkey references inner_table"):
        seed(awkward.settings(database), "dbt")
