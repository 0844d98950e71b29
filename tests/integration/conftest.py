"""Projects for integration tests: every test that runs something works on a copy in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import projects
from tests.projects import Project
from tests.servers import Server


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


@pytest.fixture
def ost(ost_template: Project, tmp_path: Path) -> Project:
    """The OST project, the test's own copy. A run of dbt takes some five seconds."""
    return ost_template.copy_to(tmp_path / "ost_root")


@pytest.fixture
def awkward(awkward_template: Project, tmp_path: Path) -> Project:
    """The small project, the test's own copy. A run of dbt takes half a second."""
    return awkward_template.copy_to(tmp_path / "awkward_root")
