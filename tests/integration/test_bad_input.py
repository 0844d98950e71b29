"""Bad input gets one clear error, and the published database stays what it was."""

from __future__ import annotations

import csv
import io
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from ost_assets.errors import BundleError, CheckFailed, InputInvalid, OstError, ServerFailed
from tests.commands import materialize, ost_assets
from tests.engine import digests, everything, export, folder_digest, set_up, working_schemas
from tests.projects import Project
from tests.servers import Database, Server

Edit = Callable[[bytes], bytes]


def _table(change: Callable[[list[list[str]]], None]) -> Edit:
    """An edit of the parsed CSV."""

    def edit(data: bytes) -> bytes:
        rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
        change(rows)
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\n").writerows(rows)
        return out.getvalue().encode()

    return edit


def _without_column(name: str) -> Edit:
    def change(rows: list[list[str]]) -> None:
        position = rows[0].index(name)
        for row in rows:
            del row[position]

    return _table(change)


def _with_column(rows: list[list[str]]) -> None:
    for number, row in enumerate(rows):
        row.append(str(number) if number else "shoe_size")


def _first_row_twice(rows: list[list[str]]) -> None:
    rows.append(list(rows[1]))


def _short_vector(rows: list[list[str]]) -> None:
    position = rows[0].index("embedding")
    rows[1][position] = rows[1][position].rsplit(",", 1)[0] + "]"


def _cell(column: str, value: str) -> Edit:
    def change(rows: list[list[str]]) -> None:
        rows[1][rows[0].index(column)] = value

    return _table(change)


def _replaced(old: bytes, new: bytes) -> Edit:
    def edit(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new, 1)

    return edit


NOBODY = "123e4567-e89b-12d3-a456-999999999999"


@pytest.mark.parametrize(
    ("file", "edit", "error", "message"),
    [
        ("raw_users", _without_column("bio"), InputInvalid, r"seeds/raw_users\.csv"),
        ("raw_users", _table(_with_column), CheckFailed, "has_exactly_columns_raw_users_"),
        ("raw_users", _replaced(b"\n", b"\n,"), InputInvalid, r"seeds/raw_users\.csv, line 2: 13 fields"),
        ("raw_users", _table(_first_row_twice), CheckFailed, "unique_raw_users_id"),
        (
            "raw_users",
            _replaced(b'"S', b'"a" S'),
            InputInvalid,
            r"seeds/raw_users\.csv, line 2: broken quotes",
        ),
        (
            "raw_users",
            _replaced(b"Brasil", b"Bras\0l"),
            InputInvalid,
            r"seeds/raw_users\.csv, line 2: holds a NUL",
        ),
        (
            "raw_users",
            _replaced("ã".encode(), "ã".encode("latin-1")),
            InputInvalid,
            r"seeds/raw_users\.csv, line 2: the bytes e3 are not UTF-8",
        ),
        ("raw_users", lambda _: b"", InputInvalid, r"seeds/raw_users\.csv, line 1: the file is empty"),
        ("minilm_embeddings", _table(_short_vector), InputInvalid, r"expected 384 dimensions, not 383"),
        (
            "raw_user_categories",
            _cell("user_id", NOBODY),
            CheckFailed,
            "relationships_raw_user_categories_user_id",
        ),
        ("raw_users", _cell("id", "no-uuid"), InputInvalid, "raw_users.*no-uuid"),
    ],
    ids=[
        "missing column",
        "extra column",
        "extra field",
        "duplicate key",
        "broken quote",
        "NUL",
        "wrong UTF-8",
        "empty file",
        "wrong dimension",
        "absent id",
        "no uuid",
    ],
)
def test_a_wrong_seed_file_is_one_error_that_names_it_and_changes_nothing(
    file: str, edit: Edit, error: type[OstError], message: str, ost: Project, database: Database
) -> None:
    settings = ost.settings(database)
    set_up(settings, "sql")
    before, locked = everything(database), ost.lock_files()
    path = ost.dbt / "seeds" / f"{file}.csv"
    path.write_bytes(edit(path.read_bytes()))
    with pytest.raises(error, match=message) as caught:
        set_up(settings)
    assert type(caught.value) is error
    assert "what to do:" in str(caught.value)
    assert everything(database) == before
    assert ost.lock_files() == locked
    assert working_schemas(database) == []


def test_a_wrong_seed_file_ends_the_main_job_with_exit_code_1(ost: Project, published: Database) -> None:
    before = everything(published)
    path = ost.dbt / "seeds" / "raw_users.csv"
    path.write_bytes(path.read_bytes().replace("ã".encode(), b"\xe3", 1))
    result = materialize(ost, published)
    assert result.returncode == 1
    assert result.stderr.count("Error: seeds/raw_users.csv, line 2: the bytes e3 are not UTF-8") == 1
    assert "Traceback" not in result.stdout + result.stderr
    assert "DEGRADED" not in result.stdout + result.stderr
    assert everything(published) == before
    assert not (ost.home / "bundle").exists()


def test_other_dimensions_than_the_embeddings_have_are_refused(ost: Project, published: Database) -> None:
    before = everything(published)
    with pytest.raises(CheckFailed) as caught:
        set_up(ost.settings(published, model_dimensions=768), "sql")
    assert "embed_USERS.embedding_vector has 384" in str(caught.value)
    assert "MODEL_DIMENSIONS is 768" in str(caught.value)
    assert everything(published) == before


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({"DATABASE_URL": "mysql://root:S3ntinel@localhost/test"}, "DATABASE_URL has the scheme 'mysql'"),
        ({"DATABASE_URL": "S3ntinel"}, "DATABASE_URL has no scheme"),
        ({"DATABASE_URL": "postgresql://u:S3ntinel@h:no/db"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://u:S3ntinel@127.0.0.1:{closed}/db"}, "PostgreSQL does not answer"),
        (
            {"DATABASE_URL": "postgresql://u:S3ntinel@h/db", "POSTGRES_PASSWORD": "S3ntinel2"},
            "DATABASE_URL and POSTGRES_PASSWORD contradict each other",
        ),
        (
            {"DATABASE_URL": "postgresql://u@h/db", "POSTGRES_HOST": "other"},
            "DATABASE_URL and POSTGRES_HOST contradict each other (host 'h' against 'other')",
        ),
        ({"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": "{closed}"}, "PostgreSQL does not answer"),
        ({"MODEL_DIMENSIONS": "abc"}, "MODEL_DIMENSIONS is 'abc'"),
        ({"OST_SEED_STRATEGY": "magic"}, "OST_SEED_STRATEGY is 'magic'"),
    ],
)
def test_a_wrong_variable_is_one_error_without_secrets(
    variables: dict[str, str], shown: str, awkward: Project
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        closed = str(unused.getsockname()[1])
        filled = {name: value.format(closed=closed) for name, value in variables.items()}
        result = ost_assets(awkward, "setup", **filled)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("Error") == 1
    assert shown in result.stderr
    assert "what to do: " in result.stderr
    assert "S3ntinel" not in result.stderr
    assert not awkward.home.exists()


def test_an_absent_database_is_one_error(awkward: Project, server: Server) -> None:
    url = Database(server.target).url.replace("/postgres?", "/nobody_made_it?")
    result = ost_assets(awkward, "setup", DATABASE_URL=url)
    assert result.returncode == 1
    assert 'database "nobody_made_it" does not exist' in result.stderr
    assert "createdb nobody_made_it" in result.stderr


@pytest.fixture(scope="module")
def server_with_passwords() -> Iterator[Server]:
    """A server that asks the role `locked` for its password."""
    with Server.started(18) as running:
        Database(running.target).execute(f"create role locked superuser login password '{PASSWORD}'")
        rules = running.data_dir / "pg_hba.conf"
        rules.write_text("local all locked scram-sha-256\n" + rules.read_text())
        Database(running.target).execute("select pg_reload_conf()")
        yield running


# With what has to be encoded in a URL and quoted elsewhere.
PASSWORD = 'S3ntinel@/%:#?& \\"$x'
WRONG = "S3ntinel-wrong"


def _with_password(database: Database, password: str) -> str:
    return database.url.replace("//postgres@", f"//locked:{quote(password, safe='')}@")


def test_no_password_shows_in_any_output_or_file(awkward: Project, server_with_passwords: Server) -> None:
    shown = []
    with server_with_passwords.database() as database:
        url = _with_password(database, PASSWORD)
        secrets = {"GITHUB_ACCESS_TOKEN": "S3ntinel-token", "REDIS_CACHE_URL": "redis://:S3ntinel-r@h:1/0"}

        wrong = ost_assets(awkward, "setup", DATABASE_URL=_with_password(database, WRONG), **secrets)
        assert wrong.returncode == 1
        assert "the server refuses the role 'locked' or its password" in wrong.stderr
        shown.append(wrong)

        # Through dbt first, which logs most, and then through SQL.
        awkward.write("models/wrong.sql", "{{ config(contract={'enforced': false}) }} select 1 / 0 as id")
        degraded = materialize(awkward, DATABASE_URL=url, CI="true", **secrets)
        assert degraded.returncode == 0, degraded.stderr
        assert "DEGRADED" in degraded.stderr
        shown.append(degraded)

        wrong_in_dagster = materialize(awkward, DATABASE_URL=_with_password(database, WRONG), **secrets)
        assert wrong_in_dagster.returncode == 1
        shown.append(wrong_in_dagster)
        shown.append(ost_assets(awkward, "status", "--explain", DATABASE_URL=url, **secrets))
        stored = str(database.query("select * from ost_assets.publication"))
    for result in shown:
        assert "S3ntinel" not in result.stdout + result.stderr, result.args
    assert "S3ntinel" not in stored
    files = [path for path in awkward.root.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files), "no event log was searched"
    assert any(path.name == "profiles.yml" for path in files), "no profile of dbt was searched"
    holding = [path for path in files if b"S3ntinel" in path.read_bytes()]
    assert holding == []


def test_an_export_folder_that_cannot_be_written_is_one_error(
    awkward: Project, database: Database, tmp_path: Path
) -> None:
    """We may be root, whom no permission stops: a path below a regular file stops everybody."""
    (tmp_path / "file").write_text("not a folder")
    settings = awkward.settings(database, ost_bundle_dir=tmp_path / "file" / "bundle")
    set_up(settings, "sql")
    with pytest.raises(BundleError) as caught:
        export(settings)
    assert str(tmp_path / "file" / "bundle") in str(caught.value)
    assert "OST_BUNDLE_DIR" in str(caught.value)


def test_an_export_folder_that_is_a_file_is_one_error(
    awkward: Project, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("precious")
    settings = awkward.settings(database, ost_bundle_dir=tmp_path / "file")
    set_up(settings, "sql")
    with pytest.raises(BundleError):
        export(settings)
    assert (tmp_path / "file").read_text() == "precious"


def test_an_export_folder_with_somebody_elses_files_is_refused_and_intact(
    awkward: Project, database: Database, tmp_path: Path
) -> None:
    theirs = tmp_path / "holiday pictures"
    theirs.mkdir()
    (theirs / "beach.jpg").write_bytes(b"sand")
    settings = awkward.settings(database, ost_bundle_dir=theirs)
    set_up(settings, "sql")
    with pytest.raises(BundleError, match="not a bundle"):
        export(settings)
    assert folder_digest(theirs).keys() == {"beach.jpg"}


def test_somebody_elses_files_in_a_bundle_folder_are_not_deleted_silently(
    awkward: Project, database: Database
) -> None:
    settings = awkward.settings(database)
    set_up(settings, "sql")
    export(settings)
    (settings.bundle_dir / "notes.txt").write_text("precious")
    try:
        export(settings)
    except BundleError as error:
        assert "notes.txt" in str(error)  # noqa: PT017
    assert (settings.bundle_dir / "notes.txt").read_text() == "precious"


def test_a_folder_with_a_manifest_of_another_kind_is_no_bundle(
    awkward: Project, database: Database, tmp_path: Path
) -> None:
    """Web pages and browser extensions have a manifest.json too."""
    page = tmp_path / "web page"
    page.mkdir()
    (page / "manifest.json").write_text('{"name": "my page", "start_url": "/"}')
    (page / "index.html").write_text("<p>precious</p>")
    before = folder_digest(page)
    settings = awkward.settings(database, ost_bundle_dir=page)
    set_up(settings, "sql")
    with pytest.raises(BundleError, match="not a bundle"):
        export(settings)
    assert folder_digest(page) == before


@contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of that size, in memory."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    result = subprocess.run(mount, capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.skip(f"mounting a small disk is not permitted here: {result.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_under_the_bundle_leaves_the_old_bundle(
    ost: Project, published: Database, tmp_path: Path
) -> None:
    settings = ost.settings(published)
    export(settings)
    pages = sum(path.stat().st_size // 4096 + 1 for path in settings.bundle_dir.rglob("*"))
    with _small_disk(tmp_path / "small", f"{pages * 4 * 3 // 2}k") as disk:
        small = ost.settings(published, ost_bundle_dir=disk / "bundle")
        export(small)
        before = folder_digest(disk / "bundle")
        set_up(ost.settings(published, recommendation_top_n=2), "sql")
        with pytest.raises(BundleError, match="No space left on device") as caught:
            export(small)
        assert str(disk / "bundle") in str(caught.value)
        assert folder_digest(disk / "bundle") == before
        assert sorted(path.name for path in disk.iterdir() if path.suffix != ".lock") == ["bundle"]


@pytest.mark.parametrize("strategy", ["auto", "sql"])
def test_a_full_disk_under_the_server_is_one_error_and_the_old_tables_stand(
    strategy: str, awkward: Project, server: Server, tmp_path: Path
) -> None:
    # Where the server's own user may come in, whatever pytest's temporary folder allows.
    place = server.data_dir.parent / f"small_{strategy}"
    with _small_disk(place, "80k") as disk, server.database() as database:
        settings = awkward.settings(database, ost_seed_strategy=strategy)
        set_up(settings, "sql")
        before = everything(database)
        owner = server.data_dir.stat()
        os.chown(disk, owner.st_uid, owner.st_gid)
        admin = Database(server.target)
        name = f"small_{strategy}"
        admin.execute(f"create tablespace {name} location '{disk}'")
        try:
            admin.execute(f"alter database {database.target.dbname} set default_tablespace = '{name}'")
            with pytest.raises(ServerFailed, match="No space left on device") as caught:
                set_up(settings)
            assert "free disk space" in str(caught.value)
            assert everything(database) == before
            assert working_schemas(database) == []
        finally:
            admin.execute(f"drop database {database.target.dbname} with (force)")
            admin.execute(f"drop tablespace {name}")


def test_unusual_parameters_are_refused_or_give_what_they_say(ost: Project, database: Database) -> None:
    """The extremes that the settings allow."""
    set_up(ost.settings(database, recommendation_top_n=10_000, recommendation_min_similarity=0), "sql")
    assert database.query("select count(*) from test_similarities") == [(15,)]
    before = digests(database)
    try:
        set_up(ost.settings(database, recommendation_min_similarity=1), "sql")
    except CheckFailed:
        assert digests(database) == before
    else:
        assert database.query("select count(*) from test_similarities where similarity_score < 1") == [(0,)]
