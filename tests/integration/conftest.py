"""Projects for integration tests: every test that runs something works on a copy in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from ost_assets.settings import Settings
from ost_assets.testing import OstDatabase
from tests import projects
from tests.engine import export, set_up
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
    folder = shared_folder / "bundle"
    with FileLock(shared_folder / "bundle.lock"):
        if not folder.exists():
            with server.database() as database:
                settings = ost_template.settings(database, ost_bundle_dir=folder)
                set_up(settings, "sql")
                export(settings)
    return folder


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
