"""dbt projects for tests to work on: copies in a temporary folder, each with a lock that has been proven."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from ost_assets.seeding.lock import read_lock
from ost_assets.seeding.make_lock import make_lock
from ost_assets.settings import Settings, load_settings
from tests.servers import Database, Server

ROOT = Path(__file__).parent.parent
AWKWARD = Path(__file__).parent / "integration" / "projects" / "awkward"


@dataclass(frozen=True)
class Project:
    """A project root: `dbt_project/`, `sql_fallback/` and, once used, `.ost/`.

    Attributes:
        dimensions: of its vectors, for MODEL_DIMENSIONS.
    """

    root: Path
    dimensions: int

    @property
    def dbt(self) -> Path:
        return self.root / "dbt_project"

    @property
    def lock(self) -> Path:
        return self.root / "sql_fallback"

    @property
    def home(self) -> Path:
        return self.root / ".ost"

    def settings(self, database: Database | None = None, **overrides: Any) -> Settings:
        """Settings on this project and that database; keywords override."""
        defaults: dict[str, Any] = {
            "ost_project_root": self.root,
            "ost_home": self.home,
            "model_dimensions": self.dimensions,
        }
        if database is not None:
            defaults["database_url"] = database.url
        return load_settings(**{**defaults, **overrides})

    def variables(self, database: Database | None = None, **variables: str) -> dict[str, str]:
        """The environment for a command on this project and that database."""
        defaults = {"OST_PROJECT_ROOT": str(self.root), "MODEL_DIMENSIONS": str(self.dimensions)}
        if database is not None:
            defaults["DATABASE_URL"] = database.url
        return {**defaults, **variables}

    def write(self, name: str, text: str) -> None:
        """Write a file of the dbt project."""
        path = self.dbt / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the first `old` in a file of the dbt project; it has to be there."""
        path = self.dbt / name
        text = path.read_bytes().decode()
        assert old in text, f"{name} does not hold {old!r}"
        path.write_bytes(text.replace(old, new, 1).encode())

    def lock_files(self) -> dict[str, bytes]:
        """Every file of the lock, by name."""
        return {path.name: path.read_bytes() for path in self.lock.iterdir()}

    def copy_to(self, root: Path) -> Project:
        """The same project elsewhere, without its `.ost/`."""
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns(".ost"))
        return Project(root, self.dimensions)


def ost_template(shared: Path, server: Server) -> Project:
    """A copy of this repository's project, with a lock that is current whatever the repository's is."""
    project = Project(shared / "ost", 384)
    with FileLock(shared / "ost.lock"):
        if not (shared / "ost.done").exists():
            kept = shutil.ignore_patterns("target", "logs", "dbt_packages")
            shutil.copytree(ROOT / "dbt_project", project.dbt, ignore=kept)
            shutil.copytree(ROOT / "sql_fallback", project.lock)
            shutil.copyfile(ROOT / "dagster.yaml", project.root / "dagster.yaml")
            if read_lock(project.lock).outdated_files(project.dbt):
                _lock(project, server)
            (shared / "ost.done").touch()
    return project


def awkward_template(shared: Path, server: Server) -> Project:
    """A copy of the small project that knows nothing of OST, locked."""
    project = Project(shared / "awkward", 3)
    with FileLock(shared / "awkward.lock"):
        if not (shared / "awkward.done").exists():
            shutil.copytree(AWKWARD, project.dbt)
            shutil.copyfile(ROOT / "dagster.yaml", project.root / "dagster.yaml")
            _lock(project, server)
            (shared / "awkward.done").touch()
    return project


def _lock(project: Project, server: Server) -> None:
    with server.database() as database:
        make_lock(project.settings(database))
