"""Short ways to the engine for tests, and views of a database that do not trust the engine's own records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from ost_assets.bundle.manifest import BundleManifest
from ost_assets.bundle.write import write_bundle
from ost_assets.postgres.catalog import Catalog, read_catalog
from ost_assets.postgres.connect import Conn, connect, exclusive, find_target
from ost_assets.postgres.digest import read_content
from ost_assets.postgres.extensions import create_extensions
from ost_assets.publishing import publish_ready
from ost_assets.seeding.report import Report
from ost_assets.seeding.strategy import build
from ost_assets.settings import SeedStrategy, Settings
from tests.projects import Project
from tests.servers import Database, Server


def seed(settings: Settings, strategy: SeedStrategy | None = None) -> Report:
    """Extensions and an audited build, not published."""
    with connect(settings) as conn, exclusive(conn, timeout=settings.ost_wait_timeout):
        create_extensions(conn, settings.ost_required_extensions, settings.ost_optional_extensions)
    return build_only(settings, strategy)


def build_only(settings: Settings, strategy: SeedStrategy | None = None) -> Report:
    """An audited build on a database that has its extensions."""
    target = find_target(settings)
    with connect(settings, target) as conn:
        return build(conn, settings, target, lambda _: None, strategy)


def publish(settings: Settings) -> Report:
    with connect(settings) as conn:
        return publish_ready(conn, settings)


def set_up(settings: Settings, strategy: SeedStrategy | None = None) -> Report:
    """Everything up to the published database; the report of the build."""
    report = seed(settings, strategy)
    publish(settings)
    return report


def export(settings: Settings) -> BundleManifest:
    with connect(settings) as conn:
        return write_bundle(
            conn, settings.ost_target_schema, settings.ost_required_extensions, settings.bundle_dir
        )


def exported_once(folder: Path, project: Project, server: Server, **overrides: Any) -> Path:
    """The project's bundle in `folder`, made by whichever worker asks first. Never write into it."""
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            with server.database() as database:
                settings = project.settings(database, ost_bundle_dir=folder, **overrides)
                set_up(settings, "sql")
                export(settings)
    return folder


@contextmanager
def _reading(database: Database) -> Iterator[Conn]:
    # Past the guard, so that a test can look at a database whatever its name.
    with database.connect() as conn:
        conn.execute("set timezone = 'UTC'")
        yield conn


def digests(database: Database, schema: str = "public") -> dict[str, str]:
    """Table -> digest of what really stands in `schema`."""
    with _reading(database) as conn:
        contents = read_content(conn, schema, read_catalog(conn, schema))
        return {name: content.digest for name, content in contents.items()}


def catalog(database: Database, schema: str = "public") -> Catalog:
    with _reading(database) as conn:
        return read_catalog(conn, schema)


def working_schemas(database: Database) -> list[str]:
    """The schemas of builds that are under way, wait to be published or were left behind."""
    rows = database.query(
        "select nspname from pg_namespace where nspname ~ '^ost_(build|ready|proof)' order by 1"
    )
    return [name for (name,) in rows]


def everything(database: Database) -> dict[str, str]:
    """Every relation outside the system's schemas with its owner, options and content: to see that nothing changed."""
    rows = database.query(
        "select n.nspname, c.relname, c.relkind::text, c.oid::text, coalesce(c.relacl::text, '')"
        " from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " where n.nspname !~ '^(pg_|information_schema)' order by 1, 2"
    )
    found = {f"{schema}.{name}": f"{kind} {oid} {acl}" for schema, name, kind, oid, acl in rows}
    return found | {f"rows of {name}": digest for name, digest in digests(database).items()}


def folder_digest(folder: Path) -> dict[str, str]:
    """Relative path -> sha256 of every file below `folder`."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
