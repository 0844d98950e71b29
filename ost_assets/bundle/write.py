"""Exports the published tables as a bundle: written beside its place, checked, then put there in one move."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from filelock import FileLock, Timeout
from psycopg import sql

from ost_assets.bundle.manifest import (
    MANIFEST_FILE,
    SCHEMA_FILE,
    TABLE_FORMATS,
    BundleManifest,
    FileEntry,
    TableEntry,
    read_files,
    schema_sql,
)
from ost_assets.errors import BundleError
from ost_assets.postgres import bookkeeping
from ost_assets.postgres.catalog import read_catalog
from ost_assets.postgres.digest import Content, copy_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ost_assets.postgres.bookkeeping import Publication
    from ost_assets.postgres.connect import Conn

# Windows keeps these names for itself, with any extension.
_DEVICE = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
_WAIT_SECONDS = 600


def write_bundle(conn: Conn, target_schema: str, extensions: Sequence[str], folder: Path) -> BundleManifest:
    """Export what is published in `target_schema` into `folder`, replacing a bundle that stands there.

    Args:
        extensions: what a server must have to take the bundle.

    Raises:
        BundleError: nothing is published, the published rows were changed since, the folder cannot be
            written or holds something that is no bundle. The old bundle stands.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _refuse_foreign_files(folder)
        with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=_WAIT_SECONDS):
            _sweep(folder)
            # Beside its place: a move between file systems would not be atomic.
            scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.new-", dir=folder.parent))
            try:
                # Private is mkdtemp's default; other users of the machine may read test data.
                scratch.chmod(0o755)
                manifest = _write(conn, target_schema, extensions, scratch)
                _replace(folder, scratch)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    except Timeout as error:
        raise BundleError(
            f"another export has held the folder for {_WAIT_SECONDS} s",
            looked=str(folder),
            remedy="wait for it or end it, then run again",
        ) from error
    except OSError as error:
        raise BundleError(
            f"the bundle cannot be written: {error.strerror or error}",
            looked=str(folder),
            remedy="make that folder writable and see that its disk has room, or set OST_BUNDLE_DIR",
        ) from error
    return manifest


def _write(conn: Conn, target_schema: str, extensions: Sequence[str], folder: Path) -> BundleManifest:
    from ost_assets.bundle.rows import write_rows  # pyarrow; here, so that refusing costs nothing

    with _published_tables(conn, target_schema) as publication:
        everything = read_catalog(conn, target_schema)
        catalog = {name: everything[name] for name in sorted(publication.relations)}
        (folder / SCHEMA_FILE).write_bytes(schema_sql(catalog.values()).encode())
        (folder / "data").mkdir()
        entries = []
        stems: set[str] = set()
        for name, table in catalog.items():
            stem = _stem(name, stems)
            files = {kind: f"data/{stem}.{kind}" for kind in TABLE_FORMATS}
            with (folder / files["copy"]).open("wb") as file:
                content = copy_out(conn, target_schema, table, file)
            _refuse_changed(name, content, publication)
            write_rows(conn, target_schema, table, folder / files["parquet"], folder / files["jsonl"])
            entries.append(TableEntry(**vars(table), rows=content.rows, digest=content.digest, files=files))
    paths = [SCHEMA_FILE, *(path for entry in entries for path in entry.files.values())]
    manifest = BundleManifest(
        fingerprint=publication.fingerprint,
        inputs=publication.inputs,
        extensions=tuple(sorted(extensions)),
        tables=tuple(entries),
        files={path: _file_entry(folder / path) for path in paths},
    )
    (folder / MANIFEST_FILE).write_bytes(manifest.to_bytes())
    return manifest


@contextmanager
def _published_tables(conn: Conn, target_schema: str) -> Iterator[Publication]:
    """What is published, in a transaction that sees one state of it and keeps a swap away."""
    while True:
        before = bookkeeping.published(conn, target_schema)
        if before is None or not before.intact:
            raise BundleError(
                "there is no complete published test database to export",
                looked=f"schema {target_schema!r} of {conn.info.host}/{conn.info.dbname}",
                remedy="materialize test_database first, or run `ost-assets setup`",
            )
        tables = sql.SQL(", ").join(sql.Identifier(target_schema, name) for name in before.relations)
        with conn.transaction():
            # A lock takes no snapshot: what comes after it sees the tables as they are once nobody swaps.
            conn.execute("set transaction isolation level repeatable read, read only")
            conn.execute(sql.SQL("lock table {} in access share mode").format(tables))
            if bookkeeping.published(conn, target_schema) == before:
                yield before
                return


def _refuse_changed(name: str, content: Content, publication: Publication) -> None:
    recorded = Content(**publication.report["tables"][name])
    if content != recorded:
        raise BundleError(
            f"the table {name!r} was changed since it was published: {content.rows} rows with digest "
            f"{content.digest[:12]}, published were {recorded.rows} with {recorded.digest[:12]}",
            remedy="run `ost-assets setup --force` to publish fresh data; tests should use copies",
        )


def _stem(name: str, taken: set[str]) -> str:
    """A file name that every file system takes and that differs in more than upper and lower case."""
    base = quote(name, safe=" ")[:100]
    if _DEVICE.fullmatch(base.split(".")[0]):
        base = f"_{base}"
    stem = base
    number = 1
    while stem.casefold() in taken:
        number += 1
        stem = f"{base}-{number}"
    taken.add(stem.casefold())
    return stem


def _file_entry(path: Path) -> FileEntry:
    with path.open("rb") as file:
        return FileEntry(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def _refuse_foreign_files(folder: Path) -> None:
    """A folder that is replaced as a whole must hold a bundle of ours and nothing else."""
    if not folder.exists():
        return
    known = {MANIFEST_FILE, *read_files(folder)}
    foreign = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_dir() and path.relative_to(folder).as_posix() not in known
    )
    if foreign or (known == {MANIFEST_FILE} and any(folder.iterdir())):
        raise BundleError(
            "the export folder holds what is not a bundle's: " + ", ".join(foreign[:5] or [MANIFEST_FILE]),
            looked=str(folder),
            remedy="choose another OST_BUNDLE_DIR, or empty that folder yourself",
        )


def _sweep(folder: Path) -> None:
    """Clear up what killed exports left beside the bundle; the caller's lock says that none is running."""
    name = glob.escape(f".{folder.name}.")
    for old in folder.parent.glob(f"{name}old-*"):
        if not folder.exists() and (old / folder.name).exists():
            os.rename(old / folder.name, folder)  # killed between the two renames of `_replace`
        shutil.rmtree(old, ignore_errors=True)
    for new in folder.parent.glob(f"{name}new-*"):
        shutil.rmtree(new, ignore_errors=True)


def _replace(folder: Path, fresh: Path) -> None:
    """Two renames; a crash between them leaves both bundles on disk and the next run puts things right."""
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old-", dir=folder.parent))
        os.rename(folder, old / folder.name)
        os.rename(fresh, folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.rename(fresh, folder)
