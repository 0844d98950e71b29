"""Projects for integration tests, always copies in a temporary folder, and fixtures for templates and clones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ost_assets.isolation.pool import ClonePool
from ost_assets.isolation.template import Template
from ost_assets.settings import Settings
from ost_assets.testing import OstDatabase
from tests import projects
from tests.engine import exported_once
from tests.isolation import clear, ensure
from tests.projects import Project
from tests.servers import Database, Server


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of this session."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "projects"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def ost_template(shared_folder: Path, server: Server) -> Project:
    """The repository's own project with a current lock. Copy it, never write into it."""
    return projects.ost_template(shared_folder, server)


@pytest.fixture(scope="session")
def awkward_template(shared_folder: Path, server: Server) -> Project:
    """The small project with awkward values and a current lock. Copy it, never write into it."""
    return projects.awkward_template(shared_folder, server)


@pytest.fixture(scope="session")
def ost_bundle_dir(ost_template: Project, shared_folder: Path, server: Server) -> Path:
    """The bundle of that project. Copy it, never write into it."""
    return exported_once(shared_folder / "bundle", ost_template, server)


@pytest.fixture(scope="session")
def ost_settings(ost_template: Project, ost_bundle_dir: Path, server: Server) -> Settings:
    """Tells our own pytest plugin where bundle and server are; a test without them is an error here."""
    return ost_template.settings(Database(server.target), ost_bundle_dir=ost_bundle_dir, ost_require=True)


@pytest.fixture
def published(ost_database: OstDatabase) -> Database:
    """A database of the test's own in which the OST data is published, cloned by our own pytest plugin."""
    return Database.at(ost_database.url)


@pytest.fixture
def ost(ost_template: Project, tmp_path: Path) -> Project:
    """The OST project, the test's own copy. A run of dbt takes some five seconds."""
    return ost_template.copy_to(tmp_path / "ost_root")


@pytest.fixture
def awkward(awkward_template: Project, tmp_path: Path) -> Project:
    """The small project, the test's own copy. A run of dbt takes half a second."""
    return awkward_template.copy_to(tmp_path / "awkward_root")


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server of these tests' own, because they sweep; its log holds every DDL statement."""
    with Server.started(18) as running:
        Database(running.target).execute("alter system set log_statement = 'ddl'")
        Database(running.target).execute("select pg_reload_conf()")
        yield running


@pytest.fixture
def settings(ost_template: Project, ost_bundle_dir: Path, own_server: Server) -> Iterator[Settings]:
    """The bundle and that server. What a test leaves goes, except for a finished template."""
    yield ost_template.settings(Database(own_server.target), ost_bundle_dir=ost_bundle_dir)
    clear(own_server, "^ost_(?!template_)|^ost_template_(?![0-9a-f]{16}_[0-9a-f]{8}$)|^taken_")


@pytest.fixture
def template(settings: Settings) -> Template:
    """The template of the bundle, finished."""
    return ensure(settings)


@pytest.fixture
def pool(settings: Settings) -> Iterator[ClonePool]:
    with ClonePool(settings, "test", 1) as running:
        yield running
